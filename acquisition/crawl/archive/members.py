"""Gzip members, one per record (RFC 1952): packed by igzip, or stored as they are where packing saves nothing. Pure."""

from __future__ import annotations

import struct
from typing import Final

from isal import isal_zlib

STORED: Final = -1
LEAST: Final = 0
"""For requests and metadata: a quarter of level 1's time, 150 bytes more of 430 (0015-archive.md)."""
SMALLER: Final = 1
"""A 10 KB page in 25 us and 5,130 bytes, where zlib's level 3 takes 114 us for 5,550 (0015-archive.md)."""

_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_BLOCK: Final = struct.Struct("<?HH")
_TAIL: Final = struct.Struct("<II")
_LONGEST: Final = 65_535
_WITH_HEADER: Final = 31


def member(data: bytes, level: int) -> bytes:
    """Return one gzip member that holds the data."""
    return _stored(data) if level == STORED else isal_zlib.compress(data, level, _WITH_HEADER)


def _stored(data: bytes) -> bytes:
    """Return the data in blocks that are not packed (RFC 1951 section 3.2.4)."""
    parts = [_HEAD]
    for start in range(0, max(1, len(data)), _LONGEST):
        block = data if len(data) <= _LONGEST else data[start : start + _LONGEST]
        size = len(block)
        parts += (_BLOCK.pack(start + size == len(data), size, size ^ 0xFFFF), block)
    parts.append(_TAIL.pack(isal_zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)
