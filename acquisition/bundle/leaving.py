"""What stays behind: kept items that may not be passed on, and the files of the set without them.

A file of its own is left out. From a file that many items share (tables, lines, shards, listings) the item's row is taken out,
by its id, whatever the layout; a file that cannot be reduced is left out whole, and so are the items in it.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.errors import WorkspaceDamaged
from acquisition.lock import Lock
from acquisition.manifest import ITEMS
from acquisition.rights.redistribution import why_not_redistributable

_COLUMNS: Final = (
    *("id", "source", "path", "split", "concluded_spdx", "license_reasons", "license_review", "changes", "by", "duties"),
    *("content_sha256", "stored_sha256"),
)
_ROWS: Final = 20_000
_WHOLE: Final = "it lies in a file with items that are not included, and they cannot be taken out of it"
_EMBARGO: Final = "its split is under an embargo"
SHARED: Final = (".jsonl", ".parquet", ".tar")
"""Endings of files that may name many items by their ids."""


@dataclass(frozen=True, slots=True)
class Left:
    """One kept item that is not included: where it stands in the set, its license, and why it stays."""

    item: str
    source: str
    path: str
    license: str
    why: str

    @property
    def file(self) -> str:
        """The file of the set that holds it."""
        return self.path.split("#", 1)[0]


@dataclass(slots=True)
class Sorted:
    """The kept items of a set, by whether they may be passed on; `duties` counts those that may by license and duties."""

    kept: int = 0
    left: dict[str, Left] = field(default_factory=dict)
    own_files: set[str] = field(default_factory=set)
    """Files of the set that are items themselves, not listings of items."""
    digests: set[str] = field(default_factory=set)
    """Digests of content that no item which may be passed on has: no file of a layout may hold it."""
    duties: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)

    @property
    def included(self) -> int:
        """How many items go along."""
        return self.kept - len(self.left)


def sort_items(ledger: Path, whole: frozenset[str] = frozenset(), *, closed: Collection[str] = ()) -> Sorted:
    """Judge every kept item of a ledger; those in files of `whole` stay with them, and those of `closed` splits stay.

    WorkspaceDamaged when the ledger cannot be read.
    """
    found, allowed = Sorted(), set[str]()
    for row in kept_rows(ledger, _COLUMNS):
        found.kept += 1
        if "#" not in row["path"]:
            found.own_files.add(row["path"])
        why = (_EMBARGO if row["split"] in closed else why_not_redistributable(row)) or (
            _WHOLE if row["path"].split("#", 1)[0] in whole else ""
        )
        if why:
            found.digests |= {row["content_sha256"], row["stored_sha256"]}
            found.left[row["id"]] = Left(row["id"], row["source"], row["path"], row["concluded_spdx"], why)
        else:
            allowed |= {row["content_sha256"], row["stored_sha256"]}
            found.duties[row["concluded_spdx"], tuple(row["duties"])] += 1
    found.digests -= allowed | {""}
    return found


def kept_rows(ledger: Path, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the ledger's rows that stand in the set, as plain values of these columns."""
    try:
        with pq.ParquetFile(ledger, memory_map=False) as file:
            for batch in file.iter_batches(_ROWS, columns=list(dict.fromkeys((*columns, "path")))):
                yield from batch.filter(pc.not_equal(batch["path"], "")).to_pylist()
    except (pa.ArrowException, KeyError, OSError) as error:
        raise WorkspaceDamaged(
            f"the ledger cannot be read: {error}", where=str(ledger), hint="`acquire curate --anew` writes it anew."
        ) from error


def not_pinned(ledger: Path, lock: Lock) -> list[str]:
    """Return the sources whose kept items come from another release than the lock pins, sorted."""
    releases = {(row["source"], row["revision"]) for row in kept_rows(ledger, ("source", "revision"))}
    pinned = {(name, pin.release.revision) for name, pin in lock.pins.items()}
    return sorted({source for source, _ in releases - pinned})


def ledger_of(manifest: Path) -> Path:
    """Return where a manifest's ledger lies."""
    return manifest / ITEMS


# --- files without them -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reduced:
    """A shared file without the items that stay; `path` is None where it could not be reduced or nothing is left of it."""

    path: Path | None
    sha256: str = ""
    untouched: bool = False
    """No item in it stays behind, so it goes along as it is."""


def reduce(source: Path, target: Path, items: frozenset[str], rows: int) -> Reduced:
    """Write a copy of a shared file without some items.

    `rows` is how many items the ledger places in this very file (0 for a listing): when another number was found, nothing is
    believed and the file stays behind.
    """
    reducer = _REDUCERS.get(PurePosixPath(source.name).suffix)
    if reducer is None:
        return Reduced(None)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        out, left = reducer(source, target, items)
    except (pa.ArrowException, ValueError, KeyError, TypeError, tarfile.TarError):
        return Reduced(None, untouched=not rows)  # a file of the layout's own that names no item
    if not rows and not out:
        return Reduced(None, untouched=True)
    if (rows and out != rows) or not left:
        return Reduced(None)
    with target.open("rb") as stream:
        return Reduced(target, hashlib.file_digest(stream, "sha256").hexdigest())


def _table(source: Path, target: Path, items: frozenset[str]) -> tuple[int, int]:
    unwanted = pa.array(sorted(items), pa.string())
    out = left = 0
    with pq.ParquetFile(source, memory_map=False) as file:
        schema = file.schema_arrow
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for number in range(file.num_row_groups):
                table = file.read_row_group(number)
                kept = table.filter(pc.invert(pc.is_in(table["id"].cast(pa.string()), unwanted)))
                out += len(table) - len(kept)
                left += len(kept)
                if len(kept):
                    writer.write_table(kept)
    return out, left


def _lines(source: Path, target: Path, items: frozenset[str]) -> tuple[int, int]:
    out = left = 0
    with source.open("rb") as lines, target.open("xb") as stream:
        for line in lines:
            if orjson.loads(line)["id"] in items:
                out += 1
            else:
                left += 1
                stream.write(line)
    return out, left


def _shard(source: Path, target: Path, items: frozenset[str]) -> tuple[int, int]:
    """Copy the samples of a WebDataset shard but those whose json has one of the ids; names of any length stay as they are."""
    left = 0
    with tarfile.open(source, "r:") as old:
        out = {_key(member) for member in old if member.name == f"{_key(member)}.json" and _id_in(old, member) in items}
        with tarfile.open(target, "x", format=tarfile.PAX_FORMAT) as new:
            for member in old:
                if _key(member) not in out:
                    left += 1
                    new.addfile(member, old.extractfile(member))
    return len(out), left


def _key(member: tarfile.TarInfo) -> str:
    """Return what the members of one sample share: readers cut a name at its first dot."""
    return member.name.split(".", 1)[0]


def _id_in(shard: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    stream = shard.extractfile(member)
    return str(orjson.loads(stream.read())["id"]) if stream is not None else ""


_REDUCERS: Final[Mapping[str, Callable[[Path, Path, frozenset[str]], tuple[int, int]]]] = {
    ".parquet": _table,
    ".jsonl": _lines,
    ".tar": _shard,
}


def files_named(source: Path, items: frozenset[str]) -> set[str]:
    """Return the files that the lines of some items name as their own (`file_name`), relative to the set's directory."""
    found = set()
    with source.open("rb") as lines:
        for line in lines:
            row = orjson.loads(line)
            if row.get("id") in items and isinstance(row.get("file_name"), str) and row["file_name"]:
                found.add(row["file_name"])
    return found
