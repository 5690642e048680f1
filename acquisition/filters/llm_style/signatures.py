"""What `sign` keeps of a shard: the flags of every item, and the few numbers that tell of a source as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from acquisition.model import FLAG_SCHEMA

_FLAG: Final = pa.struct([one for one in FLAG_SCHEMA if one.name not in ("row", "item")])

SIGNATURES: Final = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("flags", pa.list_(_FLAG), nullable=False),
        pa.field("domain", pa.dictionary(pa.int16(), pa.string())),
        pa.field("long", pa.bool_(), nullable=False),
        pa.field("style", pa.bool_(), nullable=False),
        pa.field("control", pa.bool_(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("known", pa.int32(), nullable=False),
        pa.field("ratios", pa.list_(pa.uint16()), nullable=False),
    ]
)
"""Signatures of LLM style, one row per item.

flags    what was noticed of it (FLAG_SCHEMA without row and item)
domain   the domain of the calibration that it is judged by, null where there is none
long     it has at least min_words words
style, control   a long text that holds a style word, a control word of arXiv 2403.16887
tokens, known    words in its sentences, and how many of them the domain's vocabulary knows
ratios   per sentence the bin (`prevalence.bin_of`) of its log likelihood ratio, model against human
"""


@dataclass(slots=True)
class Figures:
    """The columns after `flags`, as they are filled for one batch."""

    domains: list[str | None]
    long: np.ndarray
    style: np.ndarray
    control: np.ndarray
    tokens: np.ndarray
    known: np.ndarray
    ratios: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def empty(cls, count: int) -> Figures:
        """Return figures of items of which nothing is known yet."""
        long, style, control = (np.zeros(count, bool) for _ in range(3))
        tokens, known = (np.zeros(count, np.int32) for _ in range(2))
        return cls([None] * count, long, style, control, tokens, known)


def signatures_of(items: pa.RecordBatch, flags: pa.RecordBatch, figures: Figures) -> pa.RecordBatch:
    """Return the signatures of a batch from its flags (in the order of the items) and its figures."""
    count = items.num_rows
    rows = flags.column("row").to_numpy()
    offsets = pa.array(np.searchsorted(rows, np.arange(count + 1)).astype(np.int32))
    values = pa.StructArray.from_arrays([flags.column(one.name) for one in _FLAG], fields=list(_FLAG))
    lengths = [len(figures.ratios.get(row, ())) for row in range(count)]
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    bins = pa.array([one for row in sorted(figures.ratios) for one in figures.ratios[row]], pa.uint16())
    columns = [
        pa.array(np.arange(count, dtype=np.int32)),
        items.column("id"),
        pa.ListArray.from_arrays(offsets, values).cast(SIGNATURES.field("flags").type),
        pa.array(figures.domains, pa.string()).dictionary_encode().cast(SIGNATURES.field("domain").type),
        *(pa.array(values) for values in (figures.long, figures.style, figures.control, figures.tokens, figures.known)),
        pa.ListArray.from_arrays(pa.array(bounds), bins),
    ]
    return pa.record_batch(columns, schema=SIGNATURES)


def flags_of(signatures: pa.Table) -> pa.RecordBatch:
    """Return the flags that stand in signatures, as FLAG_SCHEMA."""
    table = signatures.combine_chunks()
    if not table.num_rows:
        return pa.RecordBatch.from_pylist([], schema=FLAG_SCHEMA)
    lists = table.column("flags").chunk(0)
    rows = pa.array(np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy())))
    flat = lists.flatten()
    return pa.record_batch(
        [table.column("row").chunk(0).take(rows), table.column("item").chunk(0).take(rows), *flat.flatten()], schema=FLAG_SCHEMA
    )
