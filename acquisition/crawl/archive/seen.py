"""Remembers in little memory what was certainly not met: most addresses of a run are new, and need not be looked for."""

from __future__ import annotations

from typing import Final

_BITS: Final = 1 << 23


class Seen:
    """A set of texts or bytes in one megabyte. A yes may be wrong (one in ten after a million), a no never is."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray(_BITS >> 3)

    def add(self, one: str | bytes) -> None:
        """Put one in."""
        place = hash(one) & (_BITS - 1)
        self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, one: str | bytes) -> bool:
        """Say whether one may have been put in."""
        place = hash(one) & (_BITS - 1)
        return bool(self._bits[place >> 3] >> (place & 7) & 1)
