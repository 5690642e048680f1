"""Seals: short digests inside a generated file by which an edit is noticed. They guard against accidents, not attackers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

MARKED: Final = 500
"""Parts that have a mark of their own; of longer lists only the whole is sealed, so that a lock stays small."""
_MARK: Final = 4
"""Hexadecimal digits of a mark. It only says where an edit is; that there is one is said by the digest of the whole."""


def seal_of(value: Any) -> str:
    """Return 16 hexadecimal digits of a JSON value's digest (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def marked_seal(parts: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return the seal of an object or a list, then a mark for each of its parts: "0123456789abcdef:1a2b3c4d"."""
    return f"{seal_of(parts)}:{_marks(parts)}".rstrip(":")


def edited(parts: Mapping[str, Any] | Sequence[Any], seal: str) -> list[str | int] | None:
    """Return where an edit is: keys or indices whose marks do not fit, [] where it cannot be told; None where there is none."""
    if marked_seal(parts) == seal:
        return None
    old, new = seal.partition(":")[2], _marks(parts)
    if len(old) != len(new):
        return []  # a part was added or taken away
    keys: list[str | int] = sorted(parts) if isinstance(parts, Mapping) else list(range(len(parts)))
    return [key for index, key in enumerate(keys) if _mark_at(old, index) != _mark_at(new, index)]


def _marks(parts: Mapping[str, Any] | Sequence[Any]) -> str:
    if len(parts) > MARKED:
        return ""
    values = [parts[key] for key in sorted(parts)] if isinstance(parts, Mapping) else parts
    return "".join(seal_of(value)[:_MARK] for value in values)


def _mark_at(marks: str, index: int) -> str:
    return marks[index * _MARK : (index + 1) * _MARK]
