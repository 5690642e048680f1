"""What the header of a recording promises, read without the decoder, which quietly corrects it by what is there."""

from __future__ import annotations

import struct
from typing import Protocol

_STREAMED = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000)
"""Sizes that writers leave in a header when they could not go back to correct it."""
_PLAIN = (1, 3, 0xFFFE)
_MAX_CHUNKS = 200
_OGG_PAGE = 65_307


class Seekable(Protocol):
    """The part of a stream that is needed here."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move and return the position."""


def declared_seconds(stream: Seekable) -> float:
    """Return the length that a RIFF/WAVE header declares, -1 where it declares none or this is something else."""
    stream.seek(0)
    head = stream.read(12)
    order = {b"RIFF": "<", b"RIFX": ">"}.get(head[:4])
    if order is None or head[8:12] != b"WAVE":
        return -1.0
    per_second = 0
    for _ in range(_MAX_CHUNKS):
        chunk = stream.read(8)
        if len(chunk) < 8:
            return -1.0
        name, size = chunk[:4], struct.unpack(f"{order}I", chunk[4:])[0]
        if name == b"data":
            return size / per_second if per_second and size not in _STREAMED else -1.0
        if name == b"fmt ":
            per_second = _bytes_per_second(stream.read(min(size, 16)), order)
            size = max(size - 16, 0)
        stream.seek(size + size % 2, 1)
    return -1.0


def _bytes_per_second(form: bytes, order: str) -> int:
    if len(form) < 16:
        return 0
    kind, _, rate, _, align, _ = struct.unpack(f"{order}HHIIHH", form)
    return rate * align if kind in _PLAIN else 0


def is_cut(stream: Seekable) -> bool:
    """Say whether an Ogg stream ends without its last page, or inside it (RFC 3533: the last page carries a mark)."""
    stream.seek(0)
    if stream.read(4) != b"OggS":
        return False
    end = stream.seek(0, 2)
    stream.seek(max(0, end - 2 * _OGG_PAGE))
    tail = stream.read(2 * _OGG_PAGE)
    at = tail.rfind(b"OggS")
    page = tail[at:]
    if at < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return not page[5] & 4 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
