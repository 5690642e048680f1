"""A file without some of what lies in it, whatever it is: an archive, an archive in an archive, a table, a WARC file.

Streaming throughout: only archives inside archives are held (in memory, or in an unnamed temporary file). Nothing is extracted
under a name, no link is followed, and what is unpacked is counted against the limits that reading had (`content.limits`).
"""

from __future__ import annotations

import errno
import hashlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import IO, Final, cast

from acquisition.content.archives import HEAD, is_tar, is_zip
from acquisition.content.binaries import IN_MEMORY, Spool
from acquisition.content.compression import compression_of, unpacked
from acquisition.content.limits import DAMAGE, Budget, Unreadable
from acquisition.content.names import split_member
from acquisition.settings import ArchiveSettings
from acquisition.takedown.fillers import warc_without, with_company
from acquisition.takedown.samples import idx_without, table_without
from acquisition.takedown.tars import packed, tar_without
from acquisition.takedown.zips import Opener, zip_without

_CHUNK: Final = 1 << 20
_MARKS: Final = {"row", "index", "warc"}
UNREADABLE: Final[tuple[type[Exception], ...]] = (Unreadable, *DAMAGE)
"""What a file that cannot be read makes reading raise."""
_OF_THE_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EROFS})


def demand_disk(error: BaseException) -> None:
    """Raise what the disk did (it is full, failing or not ours to write) where an error that names a file came of that."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _OF_THE_DISK:
            raise seen
        seen = seen.__cause__ or seen.__context__


@dataclass(frozen=True, slots=True)
class Drop:
    """What goes of one file: members by name with what goes of them, and samples by their fragment ("row=17").

    An empty Drop takes the whole.
    """

    members: Mapping[str, Drop] = field(default_factory=dict)
    fragments: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Say whether the file itself goes."""
        return not self.members and not self.fragments


def drop_of(members: Collection[str]) -> Drop:
    """Return what member paths (FOUND_SCHEMA) name together; a path that ends in "#unpacked" names the file that is packed."""
    below: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    return _drop([(chain, "" if mark == "unpacked" else mark) for chain, mark in map(split_member, members)], below)


def _drop(paths: Collection[tuple[tuple[str, ...], str]], below: dict[str, list[tuple[tuple[str, ...], str]]]) -> Drop:
    if any(not chain and not mark for chain, mark in paths):
        return Drop()
    for chain, mark in paths:
        if chain:
            below.setdefault(chain[0], []).append((chain[1:], mark))
    return Drop(
        {name: _drop(inner, {}) for name, inner in below.items()}, frozenset(mark for chain, mark in paths if not chain)
    )


@dataclass(frozen=True, slots=True)
class Rewriter:
    """Writes files without what goes. `digests` are contents that go wherever they lie; `date` is written into fillers."""

    digests: frozenset[str] = frozenset()
    date: str = "1980-01-01T00:00:00Z"
    limits: ArchiveSettings = field(default_factory=ArchiveSettings)

    def rewrite(self, reopen: Opener, target: IO[bytes], drop: Drop) -> int:
        """Write what `reopen` opens (seekable) into `target` without what goes; return how many members and samples went.

        A member that is not there (any more: a kill may have come in between) is none that goes. Raises Unreadable when the
        file cannot be read, or when what is to go cannot be taken out of this kind of file.
        """
        with reopen() as stream:
            head = stream.read(HEAD)
        kind = compression_of(head)
        if drop.fragments:
            return self._samples(reopen, target, drop.fragments, kind, warc=any(m.startswith("warc=") for m in drop.fragments))
        counted = _Counted(self, drop)
        if is_zip(head) or not (kind or is_tar(head)):
            with reopen() as stream:
                zip_without(stream, target, counted.fate, self._budget())
        elif kind:
            with packed(kind, target) as packing:
                tar_without(lambda: unpacked(reopen(), kind, self._budget()), packing, counted.fate, self._budget())
        else:
            tar_without(reopen, target, counted.fate, self._budget())
        return counted.gone

    def _budget(self) -> Budget:
        return Budget(self.limits)

    def _samples(self, reopen: Opener, target: IO[bytes], marks: frozenset[str], kind: str, *, warc: bool) -> int:
        numbers = {_number(mark) for mark in marks}
        if warc:
            with reopen() as stream:
                warc_without(stream, target, with_company(stream, numbers), self.date)
            return len(numbers)
        without: Callable[[IO[bytes], IO[bytes], Collection[int]], None]
        without = idx_without if all(mark.startswith("index=") for mark in marks) else table_without
        with self._seekable(reopen, kind) as stream, packed(kind, target) as packing:
            without(stream, packing, numbers)
        return len(numbers)

    @contextmanager
    def _seekable(self, reopen: Opener, kind: str) -> Iterator[IO[bytes]]:
        if not kind:
            with reopen() as stream:
                yield stream
            return
        with unpacked(reopen(), kind, self._budget()) as stream:
            spool = Spool(stream)
        with closing(spool), spool.open() as opened:
            yield opened


def _number(mark: str) -> int:
    kind, _, value = mark.partition("=")
    number = value.partition("&")[0]
    if kind not in _MARKS or not number.isdecimal():
        raise Unreadable("damaged-file", f"nothing can be taken out of a file at {mark[:100]!r}")
    return int(number)


class _Counted:
    """Decides of each member, and counts what goes."""

    def __init__(self, rewriter: Rewriter, drop: Drop) -> None:
        self._rewriter, self._drop = rewriter, drop
        self.gone = 0

    def fate(self, name: str, opener: Opener) -> Spool | bool:
        """Say whether a member stays, goes, or what stands in its place."""
        inner = self._drop.members.get(name)
        if inner is None:
            if not self._rewriter.digests or _digest(opener) not in self._rewriter.digests:
                return True
            self.gone += 1
            return False
        if inner.whole:
            self.gone += 1
            return False
        with opener() as stream:
            held = Spool(stream)
        made = cast("IO[bytes]", tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115  # closed below
        try:
            self.gone += self._rewriter.rewrite(held.open, made, inner)
            made.seek(0)
            return Spool(made)
        finally:
            made.close()
            held.close()


def _digest(opener: Opener) -> str:
    """Return a member's digest, "" for one that cannot be read (encrypted, damaged): no reader has made an item of it."""
    digest = hashlib.sha256()
    try:
        with opener() as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except UNREADABLE as error:
        demand_disk(error)
        return ""
    return digest.hexdigest()
