"""What the shard functions of this folder hand to each other: links between items, each with how it was found."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

EXACT: Final = 0
NORMAL: Final = 1
NEAR: Final = 2

HOWS: Final = ("bytes", "text", "row", "pixels", "samples", "shingles", "pdq", "dhash", "sound", "vector", "aligned")
"""What was compared: bytes is exact; text, row, pixels and samples are equal digests of a normal form; the rest is measured."""
HOW: Final = {name: number for number, name in enumerate(HOWS)}

LINK_SCHEMA: Final = pa.schema(
    [
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("how", pa.uint8(), nullable=False),
        pa.field("a", pa.uint32(), nullable=False),
        pa.field("b", pa.uint32(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
    ]
)
"""A link between the items at positions a < b (positions run through all signature tables in the order of their keys).

kind        0 exact, 1 equal in a normal form, 2 near
how         index into HOWS
similarity  0..1 as measured; 0 for pairs of texts that are candidates only and are measured once all bands are known
"""


def links_of(kind: int, how: str, a: np.ndarray, b: np.ndarray, similarity: np.ndarray | None = None) -> pa.Table:
    """Return links (LINK_SCHEMA) of one kind; similarity 1 where none is given."""
    count = len(a)
    measured = np.ones(count, np.float32) if similarity is None else similarity.astype(np.float32)
    columns = [
        np.full(count, kind, np.uint8),
        np.full(count, HOW[how], np.uint8),
        np.minimum(a, b).astype(np.uint32),
        np.maximum(a, b).astype(np.uint32),
        measured,
    ]
    return pa.table([pa.array(column) for column in columns], schema=LINK_SCHEMA)


def distinct(values: np.ndarray) -> np.ndarray:
    """Return the distinct values, sorted, as np.unique does: which hashes integers, at eight times the cost of this."""
    ordered = np.sort(values)
    found: np.ndarray = ordered[np.concatenate((np.ones(min(len(ordered), 1), dtype=bool), ordered[1:] != ordered[:-1]))]
    return found
