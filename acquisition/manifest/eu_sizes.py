"""The template's bins of size, given only where the records prove them."""

from __future__ import annotations

from typing import Final

_LEAST_RATE: Final = 750
"""Bytes per second of the thinnest sound in use (6 kbit/s): so many bytes are at most so many hours."""
_BINS: Final = {
    "text": (10**9, 10**13, "1 billion", "10 trillion", "tokens"),
    "image": (10**6, 10**9, "1 million", "1 billion", "images"),
    "audio": (10_000, 10**6, "10 000", "1 million", "hours"),
    "video": (10_000, 10**6, "10 000", "1 million", "hours"),
}
"""The template's bins of size."""


def size_bin(name: str, count: int, octets: int) -> str:
    """Return the bin of the template where the records prove it, "" where they do not.

    An item of pictures is one picture. A text has no more tokens than bytes, a sound no more seconds than its bytes at the
    least rate: below the first limit that is proof, above it nobody can say without counting.
    """
    if name not in _BINS:
        return ""
    least, most, least_told, most_told, unit = _BINS[name]
    if name == "image":
        told = f"less than {least_told}" if count < least else f"more than {most_told}" if count > most else ""
        return f"{told or f'{least_told} to {most_told}'} {unit}: "
    measured = octets if name == "text" else octets / _LEAST_RATE / 3_600
    return f"less than {least_told} {unit}: " if measured < least else ""
