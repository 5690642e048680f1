"""A bounded memory of keys in 16 bytes each, asked for every link of every page."""

from __future__ import annotations

from typing import Final

_KEY: Final = 16
_WAYS: Final = 4
_ROW: Final = _KEY * _WAYS
_EMPTY: Final = bytes(_KEY)


class RecentKeys:
    """A set of 16-byte keys that forgets the oldest of a row of four when a fifth comes: no false yes, seldom a false no.

    One bytearray of fixed size (16 bytes a place); pages of it that were never written take no memory. Which row a key belongs
    to is decided by Python's own keyed hash, so nobody outside can aim at one row.
    """

    __slots__ = ("_mask", "_table")

    def __init__(self, places: int = 1 << 20) -> None:
        rows = 1 << max(1, (places // _WAYS - 1).bit_length())
        self._table = bytearray(rows * _ROW)
        self._mask = rows - 1

    def __contains__(self, key: bytes) -> bool:
        start = (hash(key) & self._mask) * _ROW
        return self._table.find(key, start, start + _ROW) >= 0 and len(key) == _KEY and key != _EMPTY

    def add(self, key: bytes) -> None:
        """Remember a key; ValueError when it is not 16 bytes long."""
        if len(key) != _KEY:
            raise ValueError(f"a key has {_KEY} bytes, not {len(key)}")
        if key in self:
            return
        start = (hash(key) & self._mask) * _ROW
        row = self._table[start : start + _ROW - _KEY]
        self._table[start : start + _ROW] = key + row
