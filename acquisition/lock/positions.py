"""Where something stands in a JSON text: a path of keys and indices → line and column, for messages that people can follow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


class Place(NamedTuple):
    """Line and column, counted from 1."""

    line: int
    column: int


def place_of(text: str, path: Sequence[str | int]) -> Place:
    """Return where the value at `path` stands (its key, in an object); the nearest part that there is where it is missing.

    `text` has to be JSON. Of a key that stands twice the last one is meant, as in `json.loads`.
    """
    at = shown = _SPACE.match(text, 0).end()  # type: ignore[union-attr]  # it always matches
    for step in path:
        found = [entry for entry in _entries(text, at) if entry[0] == step]
        if not found:
            break
        _, shown, at = found[-1]
    return place_at(text, shown)


def place_at(text: str, offset: int) -> Place:
    """Return the place of a character."""
    return Place(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def repeated_key(text: str) -> tuple[str, Place] | None:
    """Return the first key that stands twice in one object, and where it stands again; None where there is none."""
    waiting = [_SPACE.match(text, 0).end()]  # type: ignore[union-attr]  # it always matches
    while waiting:
        seen: set[str] = set()
        inner = []
        for key, at, value in _entries(text, waiting.pop()):
            if isinstance(key, str) and key in seen:
                return key, place_at(text, at)
            if isinstance(key, str):
                seen.add(key)
            if text[value] in "{[":
                inner.append(value)
        waiting += reversed(inner)
    return None


def _entries(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """Yield (key or index, where it stands, where its value stands) of the object or list that begins at an offset."""
    if text[at] == "{":
        yield from _members(text, at)
    elif text[at] == "[":
        yield from _elements(text, at)


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    at = _after(text, at + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        value = _after(text, _after(text, end) + 1)
        yield key, at, value
        at = _after(text, _DECODER.raw_decode(text, value)[1])
        at = _after(text, at + 1) if text[at] == "," else at


def _elements(text: str, at: int) -> Iterator[tuple[int, int, int]]:
    at, index = _after(text, at + 1), 0
    while text[at] != "]":
        yield index, at, at
        at = _after(text, _DECODER.raw_decode(text, at)[1])
        at, index = (_after(text, at + 1) if text[at] == "," else at), index + 1


def _after(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it always matches
