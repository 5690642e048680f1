"""Hashes of 64 bits for texts that are compared by the million."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def hash64(text: str) -> int:
    """Return the first 8 bytes of the text's sha256 as an unsigned number, never 0."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]) or 1


def hashes_of(values: pa.Array, prefix: str = "") -> Any:
    """Return a 64-bit hash for each text (uint64), 0 for null and for the empty text."""
    encoded = pc.dictionary_encode(values)
    table = [hash64(prefix + text) if text else 0 for text in encoded.dictionary.to_pylist()]
    indices = encoded.indices.fill_null(len(table)).to_numpy()
    return np.array([*table, 0], np.uint64)[indices]
