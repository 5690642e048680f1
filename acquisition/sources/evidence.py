"""What was looked at to learn a fact, as `Evidence` whose digest changes only when the fact changes."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import orjson

from acquisition.model import Evidence

_LONGEST: Final = 20_000


def evidence(field: str, value: object, *, url: str, at: str) -> Evidence:
    """Return evidence for a field as found: a text as it is, anything else as canonical JSON (sorted keys, no spaces).

    The digest is of that text alone, not of the whole answer, so that a download counter beside it changes nothing.
    """
    raw = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    digest = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()
    return Evidence(field=field, raw=raw[:_LONGEST], url=url, sha256=digest, at=at)


def text_of(value: Any) -> str:
    """Return a hub's value as text when it is one, else "": what a hub sends is not trusted to have its type."""
    return value.strip() if isinstance(value, str) else ""


def texts_of(value: Any) -> tuple[str, ...]:
    """Return the non-empty texts of a list (or the one text) that a hub sends."""
    entries = value if isinstance(value, list) else [value]
    return tuple(text for entry in entries if (text := text_of(entry)))


def size_of(value: Any) -> int | None:
    """Return a size in bytes (or another whole number above 0) that a hub sends as a number or as digits, else None."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:18])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**60 else None
