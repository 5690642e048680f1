"""What has to leave each blob, worked out from the items that leave, and done: deleted, rewritten, or left with a word why."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BufferedRandom
from pathlib import Path, PurePosixPath
from typing import IO, Final

from acquisition.blobs import BlobStore
from acquisition.content import is_inline, quote_name, split_member
from acquisition.content.archives import open_archive
from acquisition.content.limits import Budget, Unreadable
from acquisition.takedown import Gone, GoneItem
from acquisition.takedown.rewriting import UNREADABLE, Rewriter, demand_disk, drop_of
from acquisition.takedown.swept import Blob, read_swept, write_swept
from acquisition.workspace import Workspace

TEMPORARY: Final = "takedown-"
_TABLES: Final = (".csv", ".tsv", ".data", ".txt", ".jsonl", ".ndjson", ".json", ".xml")
_DOCUMENTS: Final = re.compile(r"(read.?me|licen[sc]e|copying|notice|copyright)", re.IGNORECASE)
_MEDIA: Final = {"audio", "image"}
_CHUNK: Final = 1 << 20
_MOST_NAMES: Final = 2_000
"""Names that are looked for one by one; where more files leave, every table of their source is taken to speak of them."""


@dataclass(slots=True)
class Cut:
    """What leaves one blob: member paths of samples, and the files (member paths, "" for the blob) whose rows leave.

    `names` are file names of media that leave, by which a table beside them speaks of them; `whole` says that the blob itself
    is a sample that leaves.
    """

    blob: str
    holders: set[tuple[str, str]] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    whole: bool = False


@dataclass(slots=True)
class Done:
    """What came of it: blobs as they are now, bytes that went, and sentences on what stays and why.

    `failed` counts files that should have been rewritten and were not.
    """

    blobs: list[Blob] = field(default_factory=list)
    bytes: int = 0
    failed: int = 0
    kept: list[str] = field(default_factory=list)


def cuts_of(items: Iterable[GoneItem]) -> dict[str, Cut]:
    """Return what has to leave each blob, by digest."""
    cuts: dict[str, Cut] = {}
    for item in items:
        cut = cuts.setdefault(item.blob, Cut(item.blob))
        cut.holders.add((item.source, item.asset))
        if is_inline({"member": item.member, "locator": item.locator}):
            place, _, row = item.locator.removeprefix(quote_name(item.asset)).removeprefix("!/").rpartition("#row=")
            cut.tables.add(place)
            cut.rows.add(row)
        elif not split_member(item.member)[0] and item.member.removeprefix("#") in {"", "unpacked"}:
            cut.whole = True
        else:
            cut.members.add(item.member)
        if item.modality in _MEDIA and "#" not in item.member:
            cut.names.add(PurePosixPath(split_member(item.member)[0][-1] if item.member else item.asset).name)
    return cuts


class Cutter:
    """Takes what leaves out of the blob store, one blob after the other, and deletes at the end what holds nothing else."""

    def __init__(self, workspace: Workspace, gone: Gone, rewriter: Rewriter) -> None:
        self._store = BlobStore(workspace)
        self._workspace = workspace
        self._gone = gone
        self._rewriter = rewriter
        self.done = Done()

    def cut(self, cut: Cut, size: int) -> None:
        """Rewrite one blob of `size` bytes (the original's), or have it deleted by `delete`."""
        holders = tuple(sorted(cut.holders))
        if not self._gone.needed.get(cut.blob, False):
            state = "staged" if self._gone.remaining.get(cut.blob, 0) else "gone"
            self._delete(Blob(cut.blob, size, state, holders=holders))  # type: ignore[arg-type]  # one of two states
        elif not self._store.has(cut.blob):
            self.done.kept.append(f"{_named(cut)} is not here: it is rewritten once it is fetched again")
            self.done.failed += 1
        elif cut.whole:
            self.done.kept.append(f"{_named(cut)} stays: another item that stays is made of the same bytes")
        else:
            self._rewrite(cut, size, holders)

    def delete_table(self, blob: str, holders: tuple[tuple[str, str], ...]) -> None:
        """Have a table deleted that speaks of media that left; its rows lie in the staged shards."""
        if self._store.has(blob):
            self._delete(Blob(blob, self._store.path(blob).stat().st_size, "staged", holders=holders))

    def _delete(self, blob: Blob) -> None:
        self.done.blobs.append(blob)

    def delete(self) -> None:
        """Delete what was found to go; to be called when it is noted, so that a kill leaves none that is missed in silence."""
        for blob in self.done.blobs:
            if blob.absent and self._store.has(blob.blob):
                self.done.bytes += self._store.path(blob.blob).stat().st_size
                self._store.discard(blob.blob)

    def _rewrite(self, cut: Cut, size: int, holders: tuple[tuple[str, str], ...]) -> None:
        """Write the file anew beside the store, note what will lie there, and put it in its place.

        It is noted first where a table goes: which one it was is not seen in what is left, and staging anew would miss it.
        """
        path = self._store.path(cut.blob)
        before = path.stat().st_size
        try:
            tables = {table for table in cut.tables if table} | set(self._companions(path, cut.names))
            members = cut.members | tables | ({f"#row={row}" for row in cut.rows} if "" in cut.tables else set())
            with temporary_file(self._workspace.partial) as (stream, name):
                self._rewriter.rewrite(lambda: path.open("rb"), stream, drop_of(members))
                blob = Blob(cut.blob, size, "partial" if tables else "edited", *_finished(stream), holders)
                if tables:
                    write_swept(self._workspace, read_swept(self._workspace).with_blobs([blob]))
                Path(name).chmod(0o444)
                Path(name).replace(path)
        except UNREADABLE as error:
            demand_disk(error)
            place = path.relative_to(self._workspace.root)
            self.done.kept.append(f"{_named(cut)} could not be rewritten and stays as it is ({place}): {error}")
            self.done.failed += 1
            return
        self.done.bytes += max(0, before - blob.now_size)
        self.done.blobs.append(blob)

    def _companions(self, path: Path, names: set[str]) -> Iterator[str]:
        """Yield the tables of an archive that name one of the files that left."""
        if not names:
            return
        archive = open_archive(lambda: path.open("rb"), Budget(self._rewriter.limits))
        if archive is None:
            return
        wanted = needles(names)
        try:
            for member in archive.walk():
                if member.problem is None and is_table(member.name):
                    try:
                        with member.open() as stream:
                            found = mentions(stream, wanted)
                    except Unreadable as error:
                        demand_disk(error)
                        continue
                    if found:
                        yield quote_name(member.name)
        finally:
            archive.close()


def _finished(stream: BufferedRandom) -> tuple[str, int]:
    """Return digest and size of what was written, when it is on the disk."""
    stream.flush()
    os.fsync(stream.fileno())
    size = stream.tell()
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").hexdigest(), size


class temporary_file:  # noqa: N801  # used like a function, as `open` is
    """A file among those on their way, removed unless it was renamed; what a kill leaves is swept later."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> tuple[BufferedRandom, str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, self._name = tempfile.mkstemp(dir=self._folder, prefix=TEMPORARY)
        self._stream = os.fdopen(descriptor, "w+b")
        return self._stream, self._name

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        with suppress(FileNotFoundError):
            Path(self._name).unlink()


def is_table(name: str) -> bool:
    """Say whether a file may be a table that describes others, by its name."""
    return name.lower().endswith(_TABLES) and not _DOCUMENTS.match(PurePosixPath(name).name)


def needles(names: Iterable[str]) -> re.Pattern[bytes]:
    """Return what finds one of the file names, with its ending or without, as a word of its own; of too many, any."""
    stems = set(names) | {PurePosixPath(name).stem for name in names}
    if len(stems) > _MOST_NAMES:
        return re.compile(b"")
    inner = b"|".join(re.escape(stem.encode()) for stem in sorted(stems, key=len, reverse=True) if stem)
    return re.compile(rb"(?<![\w.-])(?:%b)(?![\w-])" % inner)


def mentions(stream: IO[bytes], wanted: re.Pattern[bytes]) -> bool:
    """Say whether one of the names stands in a file; a name may lie across two blocks."""
    kept = b""
    while block := stream.read(_CHUNK):
        if wanted.search(kept + block):
            return True
        kept = block[-1_024:]
    return False


def tables_beside(
    cuts: Mapping[str, Cut], held: Mapping[str, Iterable[tuple[str, str]]]
) -> Iterator[tuple[str, str, str, re.Pattern[bytes]]]:
    """Yield (source, asset, blob, what to look for) of the tables of sources whose own files were media that left.

    `held` maps a source to (asset, blob) of everything that it holds.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for cut in cuts.values():
        for source, _ in cut.holders:
            names[source] |= cut.names
    for source, left in names.items():
        if left:
            wanted = needles(left)
            for asset, blob in held.get(source, ()):
                if is_table(asset) and blob not in cuts:
                    yield source, asset, blob, wanted


def _named(cut: Cut) -> str:
    return ", ".join(f"{asset} of {source}" for source, asset in sorted(cut.holders)) or cut.blob
