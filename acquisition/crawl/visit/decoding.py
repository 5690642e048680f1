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


def decoded(wire: Wire, max_bytes: int, *, url: str = "") -> bytes:
    """Return the body without its content coding, at most `max_bytes` of it.

    Understands gzip (all members, RFC 1952 section 2.2) and deflate, both as it is specified (zlib, RFC 1950) and bare
    (RFC 1951), as many servers send it. Raises Failed("too-large") as soon as more comes out, and Failed("content-encoding")
    when the stream is torn, is not what it claims to be, or has another coding. `url` is only named in the failure.
    """
    found = codings(wire.headers)
    if (wrong := unreadable(found)) or not found or not wire.body:
        if wrong and wire.body:
            raise Failed("content-encoding", url, wrong)
        if len(wire.body) > max_bytes:
            raise Failed("too-large", url, f"more than {max_bytes:,} bytes")
        return wire.body
    try:
        return _gunzip(wire.body, max_bytes) if found[0] != "deflate" else _inflate(wire.body, max_bytes)
    except _TooLargeError:
        raise Failed("too-large", url, f"more than {max_bytes:,} bytes when decoded") from None
    except (zlib.error, EOFError) as error:
        raise Failed("content-encoding", url, f"{found[0]}: {str(error) or 'the stream ends early'}") from None


class _TooLargeError(Exception):
    """More came out than is wanted."""


def _gunzip(body: bytes, room: int) -> bytes:
    """Return what all members hold; what follows the last one and is no member is padding and is left out."""
    parts: list[bytes] = []
    position = 0
    for _ in range(_MEMBERS):
        part, position = _stream(body, position, _GZIP, room)
        room -= len(part)
        parts.append(part)
        if not body.startswith(_GZIP_MAGIC, position):
            return b"".join(parts)
    raise EOFError(f"more than {_MEMBERS:,} members")


def _inflate(body: bytes, room: int) -> bytes:
    if body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0:  # RFC 1950 section 2.2: CMF and FLG
        try:
            return _stream(body, 0, _ZLIB, room)[0]
        except zlib.error:
            return _stream(body, 0, _RAW, room)[0]
    return _stream(body, 0, _RAW, room)[0]


def _stream(body: bytes, position: int, form: int, room: int) -> tuple[bytes, int]:
    """Return one whole stream, undone, and the position behind it; read in pieces, because zlib copies what is left over."""
    decoder = zlib.decompressobj(form)
    parts: list[bytes] = []
    view = memoryview(body)
    while position < len(body) and not decoder.eof:
        part = decoder.decompress(view[position : position + _PIECE], room + 1)
        room -= len(part)
        if room < 0:
            raise _TooLargeError
        parts.append(part)
        position += _PIECE
    if not decoder.eof:
        raise EOFError
    return b"".join(parts), min(position, len(body)) - len(decoder.unused_data)
