"""JSON as it stands: orjson's speed, without its silence on integers that a float cannot hold.

orjson makes a float of an integer beyond 64 bits, and it can read deeper nests than it can write. The values are looked
through for both, which costs as much as there are values and nothing for the length of texts.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from acquisition.content.limits import Unreadable

DEEPEST: Final = 200
"""Levels; orjson 3 writes 254."""
_EXACT: Final = 2.0**63
"""An integer of 64 bits is never read as a float of this size or more."""
_LONGEST: Final = 4_000
"""Digits of one number; turning more into an integer is slow on purpose (CVE-2020-10735), and nobody needs it."""


def loaded(text: str | bytes) -> Any:
    """Parse one document; integers beyond 64 bits become texts of their digits. Raises ValueError, Unreadable if too deep."""
    value = orjson.loads(text)
    return json.loads(text, parse_int=_whole) if _holds_large_floats(value) else value


def _whole(digits: str) -> int | str:
    if len(digits) > _LONGEST:
        return digits
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else digits


def _holds_large_floats(value: Any) -> bool:
    """Look through a value without recursion; Unreadable (bad-record) when it is nested too deep."""
    large = False
    level = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for node in level:
            for inner in node.values() if type(node) is dict else node if type(node) is list else ():
                kind = type(inner)
                if kind is dict or kind is list:
                    below.append(inner)
                elif kind is float and not -_EXACT < inner < _EXACT:
                    large = True
        if not below:
            return large
        level = below
    raise Unreadable("bad-record", f"nested deeper than {DEEPEST} levels")
