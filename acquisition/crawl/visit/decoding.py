"""Undoes the one content coding that an answer may have, bounded. Pure: bytes in, bytes out."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from acquisition.crawl.contract import Failed, HeaderLines, Wire

READABLE: Final = frozenset({"gzip", "x-gzip", "deflate"})
"""What is asked for and every WARC reader undoes; x-gzip is another name of gzip (RFC 9110 section 8.4.1.3)."""

_GZIP, _ZLIB, _RAW = 31, 15, -15
_GZIP_MAGIC: Final = b"\x1f\x8b"
_MEMBERS: Final = 4_096
_PIECE: Final = 65_536


def codings(headers: HeaderLines) -> list[str]:
    """Return the content codings in the order in which they were applied, lower case, without "identity"."""
    lines = (value for name, value in headers if name.lower() == "content-encoding")
    found = (coding.strip().lower() for line in lines for coding in line.split(","))
    return [coding for coding in found if coding not in ("", "identity")]


def unreadable(found: Iterable[str]) -> str:
    """Return what is wrong with these codings, "" when it is at most one and a readable one."""
    listed = list(found)
    if len(listed) > 1:
        return f"{len(listed)} codings on top of each other"
    return "" if READABLE.issuperset(listed) else f"the coding {listed[0][:40]!r} was not asked for"


def decoded(wire: Wire, max_bytes: int, *, url: str = "", cut: bool = False) -> bytes:
    """Return the body without its content coding, at most `max_bytes` of it.

    Understands gzip (all members, RFC 1952 section 2.2) and deflate, both as it is specified (zlib, RFC 1950) and bare
    (RFC 1951), as many servers send it. Raises Failed("too-large") as soon as more comes out, or with `cut` returns what has
    come; and Failed("content-encoding") when the stream is torn (unless the transport itself has cut it: `wire.cut`), is not
    what it claims to be, or has another coding. `url` is only named in the failure.
    """
    body, found = wire.body, codings(wire.headers)
    if body and (wrong := unreadable(found)):
        raise Failed("content-encoding", url, wrong)
    room = _Room(max_bytes)
    try:
        if not body or not found:
            room.take(body)
        elif found[0] == "deflate":
            _inflate(body, room)
        else:
            _gunzip(body, room)
    except _FullError:
        if not cut:
            raise Failed("too-large", url, f"more than {max_bytes:,} bytes when decoded") from None
    except EOFError as error:
        if not wire.cut:
            raise Failed("content-encoding", url, f"{found[0]}: {error}") from None
    except zlib.error as error:
        raise Failed("content-encoding", url, f"{found[0]}: {error}") from None
    return b"".join(room.parts)


class _FullError(Exception):
    """More came out than is wanted."""


class _Room:
    """Takes parts until there is no room left; what does not fit is cut off."""

    __slots__ = ("left", "parts")

    def __init__(self, size: int) -> None:
        self.left, self.parts = size, list[bytes]()

    def take(self, part: bytes) -> None:
        self.parts.append(part if len(part) <= self.left else part[: self.left])
        self.left -= len(part)
        if self.left < 0:
            raise _FullError


def _gunzip(body: bytes, room: _Room) -> None:
    """Undo all members; what follows the last one and is no member is padding and is left out."""
    position = 0
    for _ in range(_MEMBERS):
        position = _stream(body, position, _GZIP, room)
        if not body.startswith(_GZIP_MAGIC, position):
            return
    raise zlib.error(f"more than {_MEMBERS:,} members")


def _inflate(body: bytes, room: _Room) -> None:
    if body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0:  # RFC 1950 section 2.2: CMF and FLG
        try:
            _stream(body, 0, _ZLIB, room)
        except zlib.error:
            if any(room.parts):
                raise
        else:
            return
    _stream(body, 0, _RAW, room)


def _stream(body: bytes, position: int, form: int, room: _Room) -> int:
    """Undo one stream and return the position behind it; read in pieces, because zlib copies what is left over."""
    decoder = zlib.decompressobj(form)
    view = memoryview(body)
    while position < len(body) and not decoder.eof:
        room.take(decoder.decompress(view[position : position + _PIECE], room.left + 1))
        position += _PIECE
    if not decoder.eof:
        raise EOFError("the stream ends early")
    return min(position, len(body)) - len(decoder.unused_data)
