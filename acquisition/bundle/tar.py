"""Plain tar, written so that the same files give the same bytes, and read as if an enemy had written it.

Written: regular files alone, POSIX.1-2001 (pax), names in the order given, no times, no owners. Read: header by header, never
extracted; what is no plain file is reported and passed over, and no number in a header is believed before it is checked.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from acquisition.bundle.form import MAX_SMALL, Code

BLOCK: Final = tarfile.BLOCKSIZE
_CHUNK: Final = 1 << 20
_PLAIN: Final = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_LONG: Final = frozenset({tarfile.GNUTYPE_LONGNAME})
_PAX: Final = frozenset({tarfile.XHDTYPE})
_OURS: Final = frozenset({"path", "size"})
_TOLD: Final = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    tarfile.XGLTYPE: "a global header",
}


def header(name: str, size: int) -> bytes:
    """Return the header blocks of a regular file: pax where name or size need it, no time, no owner."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def padding(size: int) -> bytes:
    """Return what fills the last block of a file."""
    return bytes(-size % BLOCK)


END: Final = bytes(2 * BLOCK)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something in a tar that a bundle must not have."""

    code: Code
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Member:
    """A plain file of a tar; `content` gives its bytes once, and has to be read before the next member is asked for."""

    name: str
    size: int
    content: Iterator[bytes]


class _Cut(Exception):
    """The tar ends in the middle."""


def members(stream: IO[bytes], report: Callable[[Trouble], None]) -> Iterator[Member]:
    """Yield the plain files of a tar, in its order; everything else is reported. Ends where it cannot be followed."""
    try:
        yield from _members(stream, report)
    except _Cut as cut:
        report(Trouble("bundle.truncated", str(cut), "the tar ends in the middle"))


def _members(stream: IO[bytes], report: Callable[[Trouble], None]) -> Iterator[Member]:
    renamed: dict[str, str] = {}
    while True:
        block = _exactly(stream, BLOCK, "")
        if block == bytes(BLOCK):
            _check_end(stream, report)
            return
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            report(Trouble("bundle.truncated", "", f"no header of a tar: {error}"))
            return
        if info.size < 0:
            report(Trouble("bundle.unsafe-member", info.name, "a negative size"))
            return
        if info.type in _PAX | _LONG:
            if info.size > MAX_SMALL:
                report(Trouble("bundle.too-large", info.name, f"a header of {info.size:,} bytes"))
                return
            body = _exactly(stream, info.size + len(padding(info.size)), info.name)[: info.size]
            renamed = _long_name(body) if info.type in _LONG else _pax(body, info.name, report)
            continue
        name, size, renamed = renamed.get("path", info.name), _size(renamed, info.size), {}
        content = _Content(stream, size, name)
        if info.type in _PLAIN and not name.endswith("/"):
            yield Member(name, size, content)
        elif not (info.type == tarfile.DIRTYPE or name.endswith("/")):
            report(Trouble("bundle.unsafe-member", name, _TOLD.get(info.type, f"a member of type {info.type!r}")))
        content.finish()


def _check_end(stream: IO[bytes], report: Callable[[Trouble], None]) -> None:
    """Two empty blocks end a tar, and nothing but emptiness follows them."""
    ended = False
    while block := stream.read(_CHUNK):
        if block.strip(b"\0"):
            report(Trouble("bundle.truncated", "", "something follows the end of the tar"))
            return
        ended = ended or len(block) >= BLOCK
    if not ended:
        raise _Cut("")


class _Content:
    """A file's bytes, once. Where the tar ends in the middle of them, they end too, and `finish` says so."""

    def __init__(self, stream: IO[bytes], size: int, name: str) -> None:
        self._stream, self._left, self._rest, self._name = stream, size, len(padding(size)), name
        self._cut = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        some = b"" if self._cut else self._stream.read(min(self._left, _CHUNK))
        self._cut = self._cut or (self._left > 0 and not some)
        self._left -= len(some)
        if not some:
            raise StopIteration
        return some

    def finish(self) -> None:
        """Pass over what nobody has read."""
        for _ in self:
            pass
        if self._cut:
            raise _Cut(self._name)
        _exactly(self._stream, self._rest, self._name)


def _exactly(stream: IO[bytes], count: int, name: str) -> bytes:
    found = stream.read(count)
    if len(found) != count:
        raise _Cut(name)
    return found


def _long_name(body: bytes) -> dict[str, str]:
    return {"path": body.rstrip(b"\0").decode("utf-8", "surrogateescape")}


def _size(renamed: dict[str, str], size: int) -> int:
    told = renamed.get("size", "")
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 20 else size


def _pax(body: bytes, name: str, report: Callable[[Trouble], None]) -> dict[str, str]:
    """Return the records of an extended header ("12 path=abc" and a line feed). Sparse files and links are reported."""
    found: dict[str, str] = {}
    place = 0
    while place < len(body):
        digits, _, _ = body[place : place + 20].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = body[place + len(digits) + 1 : place + length]
        key, equals, value = record.partition(b"=")
        if length < len(digits) + 4 or place + length > len(body) or not equals or not value.endswith(b"\n"):
            report(Trouble("bundle.unsafe-member", name, "an extended header that cannot be read"))
            return found
        word = key.decode("utf-8", "replace")
        if word in _OURS:
            found[word] = value[:-1].decode("utf-8", "surrogateescape")
        elif word.startswith("GNU.sparse") or word == "linkpath":
            report(Trouble("bundle.unsafe-member", name, f"an extended header with {word}"))
        place += length
    return found
