"""Texts as Arrow columns or lists, cut into runs and put into the symbols of an alphabet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.pii.gate import Symbols
from acquisition.filters.pii.gate_alphabet import Alphabet
from acquisition.filters.pii.gate_expression import SEPARATOR

_PIECE: Final = 1 << 21
"""Symbols of one scan, unless a single text has more."""


def pieces(texts: pa.Array | pa.ChunkedArray | Sequence[str], alphabet: Alphabet) -> Iterator[tuple[Any, Symbols]]:
    """Yield runs of texts with their symbols, so many at a time that memory stays small."""
    if isinstance(texts, pa.ChunkedArray):
        for chunk in texts.chunks:
            yield from pieces(chunk, alphabet)
        return
    if isinstance(texts, pa.DictionaryArray):
        texts = texts.cast(texts.type.value_type)
    lengths = (
        pc.fill_null(pc.utf8_length(texts), 0).to_numpy() if isinstance(texts, pa.Array) else np.array([*map(len, texts)], int)
    )
    ends = np.cumsum(lengths + 1)
    first = 0
    while first < len(lengths):
        base = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, base + _PIECE, side="right")))
        piece = texts[first:last]
        joined = _joined(piece)
        starts = np.concatenate([[0], ends[first:last] - base]).astype(np.int64)
        yield piece, Symbols(alphabet.project(joined), starts)
        first = last


def _joined(texts: pa.Array | Sequence[str]) -> str:
    separator = chr(SEPARATOR)
    if not isinstance(texts, pa.Array):
        return separator.join(texts) + separator
    if not pa.types.is_string(texts.type):
        return separator.join(pc.fill_null(texts, "").to_pylist()) + separator
    rows = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), pc.fill_null(texts, ""))
    return str(pc.binary_join(rows, separator)[0].as_py()) + separator


def text_of(texts: pa.Array | Sequence[str], row: int) -> str:
    """Return one text of a run; null counts as empty."""
    return str(texts[row].as_py() or "") if isinstance(texts, pa.Array) else str(texts[row])
