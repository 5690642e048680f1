"""What would go: the files of the set and of its manifest, and what the ledger says of the items in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import orjson
import pyarrow.parquet as pq

from acquisition.curate.settling import EMBARGO
from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.names import SUMS
from acquisition.rights.redistribution import POLICY, why_not_redistributable

MANIFEST: Final = "manifest"
"""The folder of the repository that the manifest goes to; the card names it."""
_COLUMNS: Final = (
    "id", "source", "path", "split", "code", "concluded_spdx", "license_reasons", "license_review", "changes", "by", "duties",
)  # fmt: skip
_ROWS: Final = 20_000
_IDS: Final = 3
"""Items of one refusal that are named."""

KeptBy = Literal["policy", "decision", "earlier build"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One file on its way: `path` in the repository, where it lies, bytes, and its sha256 ("" until it is needed)."""

    path: str
    file: Path
    size: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Items that keep a set from being passed on: how many of a source, why, what keeps them in the set, and the first ids."""

    source: str
    why: str
    items: int
    kept_by: KeptBy
    ids: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        kept = ", kept by decisions" if self.kept_by == "decision" else ""
        more = ", …" if self.items > len(self.ids) else ""
        return f"{self.items:,} items of {self.source}{kept} ({', '.join(self.ids)}{more}): {self.why}"


@dataclass(frozen=True, slots=True)
class Contents:
    """What the ledger says of the items of a set. Counts are items.

    `licenses` and `duties` are those of the kept items; `withheld` counts what an embargo keeps out of the set; `refusals` is
    what stands against passing the set on.
    """

    kept: int
    licenses: Mapping[str, int]
    duties: Mapping[str, int]
    withheld: int
    refusals: tuple[Refusal, ...]


def outgoing(curated: Path, manifest: Path, listed: Path) -> list[Outgoing]:
    """Return all files that would go, in the order in which they go: the set as its list of files names it, and the manifest.

    Raises WorkspaceDamaged when the
    list names a file outside the set, or one of the set would take the manifest's place.
    """
    found = [*_listed(curated, listed), *_manifest_files(manifest)]
    return sorted(found, key=in_order)


def in_order(one: Outgoing) -> tuple[bool, bool, str]:
    """Sort the set first, then its manifest, and the card last: what stands half-way claims nothing that is not there."""
    return one.path == "README.md", one.path.startswith(f"{MANIFEST}/"), one.path


def _listed(curated: Path, listed: Path) -> Iterator[Outgoing]:
    with listed.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                entry = orjson.loads(line)
                path, digest, size = str(entry["path"]), str(entry["sha256"]), int(entry["size"])
            except (ValueError, KeyError, TypeError) as error:
                raise WorkspaceDamaged(
                    f"a line of the list of files cannot be read: {error}", where=f"{listed}:{number}"
                ) from error
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts or pure.parts[0] in {MANIFEST, ".git"}:
                raise WorkspaceDamaged(f"the list of files names {path!r}", where=f"{listed}:{number}")
            yield Outgoing(path, curated / path, size, digest)


def _manifest_files(manifest: Path) -> Iterator[Outgoing]:
    """Yield the manifest's list of digests and what it lists: whatever else lies there was not written with it."""
    sums = manifest / SUMS
    yield Outgoing(f"{MANIFEST}/{SUMS}", sums, sums.stat().st_size)
    for number, line in enumerate(sums.read_text(encoding="utf-8").splitlines(), 1):
        digest, _, name = line.partition("  ")
        pure = PurePosixPath(name)
        if not name or pure.is_absolute() or ".." in pure.parts:
            raise WorkspaceDamaged(f"the list of digests names {name!r}", where=f"{sums}:{number}")
        if (manifest / name).is_file():  # what is missing is verify's finding
            yield Outgoing(f"{MANIFEST}/{name}", manifest / name, (manifest / name).stat().st_size, digest)


def contents(ledger: Path, closed: Collection[str] = ()) -> Contents:
    """Read the ledger once and return what it says; `closed` are the splits under an embargo that lasts.

    An item of a closed split that the set still holds stands against passing it on: the set was built before.
    """
    licenses, duties, refused = Counter[str](), Counter[str](), Counter[tuple[str, str, KeptBy]]()
    named: dict[tuple[str, str, KeptBy], list[str]] = {}
    kept = withheld = 0
    with pq.ParquetFile(ledger) as table:
        for batch in table.iter_batches(_ROWS, columns=list(_COLUMNS)):
            for row in batch.to_pylist():
                if not row["path"]:
                    withheld += row["code"] == EMBARGO
                    continue
                kept += 1
                licenses[row["concluded_spdx"]] += 1
                duties.update(row["duties"])
                if why := _why_not(row, closed):
                    key = (row["source"], why, _kept_by(row, closed))
                    refused[key] += 1
                    if refused[key] <= _IDS:
                        named.setdefault(key, []).append(row["id"])
    return Contents(
        kept=kept,
        licenses=dict(licenses.most_common()),
        duties=dict(duties.most_common()),
        withheld=withheld,
        refusals=tuple(Refusal(*key[:2], items, key[2], tuple(named[key])) for key, items in sorted(refused.items())),
    )


def _why_not(row: Mapping[str, Any], closed: Collection[str]) -> str:
    if row["split"] in closed:
        return f"its split {row['split']!r} is under an embargo, and the set was built before it"
    return why_not_redistributable(row)


def _kept_by(row: Mapping[str, Any], closed: Collection[str]) -> KeptBy:
    if row["split"] in closed:
        return "earlier build"
    return "policy" if row["by"] == POLICY else "decision"
