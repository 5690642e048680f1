"""Windows around evidence: pieces of a text on which a pattern finds exactly what it finds on the whole.

Every match of a pattern in the whole text lies in a *core*: the characters that a match through some evidence could reach.
Cores are merged until they are apart, so no match reaches from one into another. Around a core stand margins so wide that

* every attempt to match that starts in the core sees all that it could see in the whole text, and
* what an attempt at the cut edge finds, where it sees less, ends before the core begins,

and matches outside the core are dropped. Left-to-right search then makes the same choices in the core as in the whole text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_COUNTED: Final = 64
"""Matches up to this width are bounded by counting, longer ones by the first character that they cannot hold."""
_STEP: Final = 256


@dataclass(frozen=True, slots=True)
class Reach:
    """How far matches reach; `most`, `before`, `after` in characters, None without bound; `inside`: the symbols of a match."""

    most: int | None
    before: int | None
    after: int | None
    inside: bytes


@dataclass(frozen=True, slots=True)
class Window:
    """A slice of the text, and the core within which matches count."""

    start: int
    end: int
    first: int
    last: int


def windows(offsets: Sequence[int], reach: Reach, symbols: bytes) -> list[Window]:
    """Return the windows for the evidence of one pattern in one text.

    `offsets` are ascending places of which at least one lies in every match; empty: nothing is known, the window is the text.
    """
    length = len(symbols)
    if not offsets or reach.before is None or reach.after is None:
        return [Window(0, length, 0, length)]
    if reach.most is not None and reach.most <= _COUNTED:
        cores, left, right = _counted(offsets, reach.most, length), reach.most, reach.most
    else:
        cores, left, right = _runs(offsets, reach.inside, symbols), 1, 1
    return [
        Window(max(0, first - left - reach.before), min(length, last + right + reach.after), first, last)
        for first, last in cores
    ]


def _counted(offsets: Sequence[int], most: int, length: int) -> Iterator[tuple[int, int]]:
    first, last = max(0, offsets[0] - most + 1), offsets[0] + most
    for offset in offsets:
        if offset - most + 1 > last:
            yield first, min(length, last)
            first = offset - most + 1
        last = offset + most
    yield first, min(length, last)


def _runs(offsets: Sequence[int], inside: bytes, symbols: bytes) -> Iterator[tuple[int, int]]:
    """Yield the runs of characters that a match may hold; a match cannot cross the character that ends its run."""
    last = 0
    for offset in offsets:
        if offset < last or offset >= len(symbols) or symbols[offset] not in inside:
            continue
        first = _run_start(symbols, last, offset, inside)
        last = _run_end(symbols, offset, inside)
        yield first, last


def _run_start(symbols: bytes, floor: int, place: int, inside: bytes) -> int:
    while place > floor:
        piece = symbols[max(floor, place - _STEP) : place]
        left = len(piece.rstrip(inside))
        place -= len(piece) - left
        if left:
            return place
    return place


def _run_end(symbols: bytes, place: int, inside: bytes) -> int:
    while place < len(symbols):
        piece = symbols[place : place + _STEP]
        left = len(piece.lstrip(inside))
        place += len(piece) - left
        if left:
            return place
    return place
