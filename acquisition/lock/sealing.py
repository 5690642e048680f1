"""Seals: short digests inside a generated file by which an edit is noticed. They guard against accidents, not attackers."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def seal_of(value: Any) -> str:
    """Return 16 hexadecimal digits of a JSON value's digest (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
