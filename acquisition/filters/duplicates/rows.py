"""The normal form of a table row: its cells as typed values, whatever dress the table gave them.

Numbers are numbers however they are written ("1.50", 1.5 and "1.5e0"; "007" and phone numbers with + stay words), true and
false in any case, words in normal form; a missing cell and an empty one are one. Columns are sorted by their name's normal
form, so their order does not matter.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson
import xxhash

from acquisition.sameness.texts import normal_form

_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_TRUTH: Final = {"true": b"t", "false": b"f"}
_MISSING: Final = {"", "na", "n/a", "nan", "null", "none", "-", "?"}


def row_digest(fields: str) -> bytes:
    """Return 16 octets that are equal for rows with the same cells; b"" for what is not an object or has no cell filled.

    `fields` is a JSON object. About 1 µs per cell.
    """
    cells = _parsed(fields)
    if not isinstance(cells, dict):
        return b""
    try:
        told = [b"%b\x1f%b" % (_name(name), cell) for name, value in cells.items() if (cell := _cell(value))]
    except (orjson.JSONEncodeError, RecursionError):
        return b""  # cells nested deeper than anybody reads
    return xxhash.xxh3_128_digest(b"\x1e".join(sorted(told))) if told else b""


def _parsed(fields: str) -> Any:
    try:
        return orjson.loads(fields)
    except ValueError:
        try:
            return json.loads(fields)  # takes lone surrogates and numbers that are too long for orjson
        except (ValueError, RecursionError):
            return None


def _name(name: str) -> bytes:
    octets = name.encode("utf-8", "replace")
    return normal_form(octets) or octets


def _cell(value: Any) -> bytes:
    """Return one cell's value with its type, b"" for a missing one."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int | float):
        return _number(repr(value))
    if isinstance(value, str):
        plain = value.strip()
        if plain.casefold() in _MISSING:
            return b""
        if plain.casefold() in _TRUTH:
            return _TRUTH[plain.casefold()]
        if _NUMBER.fullmatch(plain):
            return _number(plain)
        octets = plain.encode("utf-8", "replace")
        return b"s" + (normal_form(octets) or octets)
    return b"j" + orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _number(written: str) -> bytes:
    try:
        number = Decimal(written).normalize()
    except InvalidOperation:
        return b"s" + written.encode()
    return b"n" + str(number or Decimal(0)).encode()
