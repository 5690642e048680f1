"""Item-level flags beside an item's measures: nested into its signature by `sign`, taken out again by `join`."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from acquisition.model import FLAG_SCHEMA

FINDING: Final = pa.struct([field for field in FLAG_SCHEMA if field.name not in ("row", "item")])
"""One flag without its place in the shard, which the signature's own row says."""


def nested(flags: pa.RecordBatch, rows: int) -> pa.Array:
    """Return flags (FLAG_SCHEMA, in row order) as one list per row, for `rows` rows."""
    offsets = np.searchsorted(flags.column("row").to_numpy(), np.arange(rows + 1)).astype(np.int32)
    values = pa.StructArray.from_arrays([flags.column(field.name) for field in FINDING], fields=list(FINDING))
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def flat(findings: pa.ListArray, rows: pa.Array, items: pa.Array) -> pa.Table:
    """Return nested flags as a table of FLAG_SCHEMA; `rows` and `items` are the signatures' own columns."""
    parents = findings.value_parent_indices()
    values = findings.flatten()
    columns = [rows.take(parents), items.take(parents), *(values.field(field.name) for field in FINDING)]
    return pa.table(columns, schema=FLAG_SCHEMA)


def ordered(flags: pa.Table) -> pa.RecordBatch:
    """Return flags of one shard sorted by row, place and code, so that equal input gives equal bytes."""
    names = ("row", "field", "start", "end", "code", "detail")
    table = flags.sort_by([(name, "ascending") for name in names]).combine_chunks()
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=FLAG_SCHEMA)
