"""What was taken out of the blob store, and what may therefore be missing from it: swept.jsonl, one blob a line.

    {"blob", "size", "state", "now", "now_size", "holders": [[source, asset], …]}

gone     the file held nothing that stays. It is not needed, and not fetched again
edited   the file lies in its place without what was taken down: an archive without members, a table with rows of nulls. It goes
         on under the digest of the original, which items and the lock name, and holds everything that staging needs
partial  as `edited`, but a table is missing from it whose other rows lie in the staged shards
staged   the file was deleted: all that stays of it lies in the staged shards

A file that is `partial` or `staged` is fetched again when its source has to be staged anew, and not before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.workspace import Workspace, atomic_file

State = Literal["gone", "edited", "partial", "staged"]
FILE: Final = "swept.jsonl"
_STATES: Final = get_args(State)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob that is not as it was fetched.

    `blob` and `size` are digest and size of the original, `now` and `now_size` those of what lies in its place ("" and 0 for
    nothing), `holders` the (source, path in the release) that it was taken from.
    """

    blob: str
    size: int
    state: State
    now: str = ""
    now_size: int = 0
    holders: tuple[tuple[str, str], ...] = ()

    @property
    def absent(self) -> bool:
        """Say whether no file lies in its place."""
        return self.state in {"gone", "staged"}

    @property
    def lacking(self) -> bool:
        """Say whether staging its sources anew needs it as it was."""
        return self.state in {"partial", "staged"}


@dataclass(frozen=True, slots=True)
class Swept:
    """All blobs that are not as they were fetched, by digest."""

    blobs: Mapping[str, Blob] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Blob]:
        return iter(self.blobs.values())

    def of(self, sha256: str) -> Blob | None:
        """Return what is noted of a blob."""
        return self.blobs.get(sha256)

    def absent(self, sha256: str) -> Blob | None:
        """Return what is noted of a blob that is not here and need not be."""
        found = self.blobs.get(sha256)
        return found if found is not None and found.absent else None

    def with_blobs(self, more: Iterable[Blob]) -> Swept:
        """Return the record with these blobs as they are now."""
        return Swept({**self.blobs, **{blob.blob: blob for blob in more}})

    def without(self, blobs: Iterable[str]) -> Swept:
        """Return the record without these blobs: they are to be fetched as they were."""
        names = set(blobs)
        return Swept({name: blob for name, blob in self.blobs.items() if name not in names})


def read_swept(workspace: Workspace) -> Swept:
    """Read the record; an absent file says that nothing was taken out. WorkspaceDamaged names the line that is no entry."""
    path = workspace.root / FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Swept()
    if lines[-1]:
        raise _damaged(path, len(lines), "it is cut short")
    found = (_blob(path, number, line) for number, line in enumerate(lines[:-1], start=1))
    return Swept({blob.blob: blob for blob in found})


def write_swept(workspace: Workspace, swept: Swept) -> None:
    """Write the record, in the order of the digests."""
    with atomic_file(workspace.root / FILE) as stream:
        for _, blob in sorted(swept.blobs.items()):
            stream.write(orjson.dumps(asdict(blob), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))


def _blob(path: Path, number: int, line: bytes) -> Blob:
    try:
        raw = orjson.loads(line)
        holders = tuple((str(source), str(asset)) for source, asset in raw.pop("holders"))
        blob = Blob(str(raw["blob"]), int(raw["size"]), raw["state"], str(raw["now"]), int(raw["now_size"]), holders)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, number, f"{type(error).__name__}: {error}"[:200]) from error
    if not _SHA256.fullmatch(blob.blob) or blob.state not in _STATES or blob.size < 0 or blob.now_size < 0:
        raise _damaged(path, number, "it does not name a blob and its state")
    return blob


def _damaged(path: Path, number: int, why: str) -> WorkspaceDamaged:
    return WorkspaceDamaged(
        f"this line of what was taken out of the blob store cannot be used: {why}",
        where=f"{path}:{number}",
        hint="Restore the file from a copy, or delete that line: the blob it named is then fetched again, and swept again.",
    )
