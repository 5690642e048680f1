"""A tar without some of its members, compressed as it was: two passes over the stream, one to judge and one to copy."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final, Self, cast

from acquisition.content.archives import Member, TarArchive
from acquisition.content.binaries import Spool
from acquisition.content.limits import Budget, Unreadable
from acquisition.takedown.zips import Fate

_CHUNK: Final = 1 << 20
_BLOCK: Final = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The bytes of one member, headers and padding included, and what stands in its place, None for nothing."""

    start: int
    end: int
    instead: tuple[bytes, Spool] | None = None


class _Places(TarArchive):
    """Remembers where the member that was met last begins and ends, its extended headers included."""

    place = (0, 0)
    info = tarfile.TarInfo()

    def _member(self, archive: tarfile.TarFile, info: tarfile.TarInfo, seen: set[str]) -> Member:
        del seen
        size = info.size if info.isreg() else 0
        self.place = (info.offset, info.offset_data + -(-size // _BLOCK) * _BLOCK)
        self.info = info
        return super()._member(archive, info, set())  # a second member of a name holds bytes, too


def tar_without(reopen: Callable[[], IO[bytes]], target: IO[bytes], fate: Fate, budget: Budget) -> None:
    """Write the tar that `reopen` gives from its start (unpacked) without what `fate` sends away; Unreadable on damage."""
    archive = _Places(reopen, budget)
    try:
        stretches = [stretch for member in archive.walk() if (stretch := _judged(archive, member, fate)) is not None]
    finally:
        archive.close()
    with reopen() as stream:
        for chunk in _pieces(stream, stretches):
            target.write(chunk)


def _judged(archive: _Places, member: Member, fate: Fate) -> _Stretch | None:
    if member.problem is not None:
        return None
    found = fate(member.name, member.open)
    if found is True:
        return None
    instead = None
    if isinstance(found, Spool):
        info = archive.info
        info.size = found.size
        instead = (info.tobuf(tarfile.PAX_FORMAT), found)
    return _Stretch(*archive.place, instead)


def _pieces(stream: IO[bytes], stretches: list[_Stretch]) -> Iterator[bytes]:
    at = 0
    for stretch in stretches:
        yield from _through(stream, stretch.start - at)
        for _ in _through(stream, stretch.end - stretch.start):
            pass
        at = stretch.end
        if stretch.instead is not None:
            header, spool = stretch.instead
            yield header
            with spool.open() as replacement:
                yield from iter(lambda opened=replacement: opened.read(_CHUNK), b"")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            yield bytes(-spool.size % _BLOCK)
            spool.close()
    while chunk := stream.read(_CHUNK):
        yield chunk


def _through(stream: IO[bytes], count: int) -> Iterator[bytes]:
    while count:
        chunk = stream.read(min(count, _CHUNK))
        if not chunk:
            raise Unreadable("archive-damaged", "the tar is shorter than its headers say")
        count -= len(chunk)
        yield chunk


def packed(kind: str, target: IO[bytes]) -> IO[bytes]:
    """Return a stream that compresses into `target` (gz, bz2, xz, zst, or "" for none) and leaves it open when it is closed."""
    if kind == "gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=target, mode="wb", compresslevel=6, mtime=0))
    if kind == "bz2":
        return cast("IO[bytes]", bz2.BZ2File(target, "wb"))
    if kind == "xz":
        return cast("IO[bytes]", lzma.LZMAFile(target, "wb"))
    if kind == "zst":
        import pyarrow as pa

        return cast("IO[bytes]", pa.CompressedOutputStream(_Left(target), "zstd"))
    return cast("IO[bytes]", _Left(target))


class _Left:
    """A file that is written to and not closed by whoever writes."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.closed = False

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: bytes) -> int:
        """Write."""
        return self._target.write(data)

    def tell(self) -> int:
        """Return how much has been written."""
        return self._target.tell()

    def flush(self) -> None:
        """Flush."""
        self._target.flush()

    def close(self) -> None:
        """Leave the file open."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
