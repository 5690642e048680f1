"""What filters noticed, as the ledger's columns have it: each row's flags, the copy in its place, the suspicion of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.manifest.columns import FLAG_TYPE
from acquisition.model import FLAG_SCHEMA, JudgedShard

_SUSPECTS: Final = pa.array(["llm-style.boilerplate", "llm-style.calibrated", "llm-style.detector"])
"""Flags that accuse a text; the other codes of that filter are notes."""
_STYLE: Final = "llm_style"


def synthetic(judged: JudgedShard, modalities: Sequence[str], flags: pa.ListArray) -> list[str]:
    """Say of each item whether it may have been made by a model: only texts are looked at, and only where the filter ran."""
    ran = any(one.filter == _STYLE for one in judged.flags)
    found = ["nothing-found" if ran and modality == "text" else "not-checked" for modality in modalities]
    accused = pc.is_in(pc.struct_field(flags.flatten(), "code"), _SUSPECTS)
    for row in pc.unique(pc.list_parent_indices(flags).filter(accused)).to_pylist():
        found[row] = "suspected"
    return found


def flags_of(judged: JudgedShard, rows: int) -> pa.Array:
    """Return each row's flags (list of structs, filters in order)."""
    tables = []
    for shard in judged.flags:
        if not Path(shard.path).is_file():
            continue
        table = pq.read_table(shard.path, memory_map=False, partitioning=None).select(FLAG_SCHEMA.names).cast(FLAG_SCHEMA)
        table = table.append_column("filter", pa.repeat(shard.filter, table.num_rows))
        tables.append(table.append_column("version", pa.repeat(pa.scalar(shard.version, pa.int32()), table.num_rows)))
    if not tables:
        return pa.array([[]] * rows, pa.list_(FLAG_TYPE))
    merged = pa.concat_tables(tables).combine_chunks()
    order = np.argsort(merged.column("row").to_numpy(), kind="stable")
    merged = merged.take(pa.array(order))
    counts = np.bincount(merged.column("row").to_numpy(), minlength=rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    merged = merged.combine_chunks()
    structs = pa.StructArray.from_arrays([_whole(merged.column(field.name)) for field in FLAG_TYPE], fields=list(FLAG_TYPE))
    return pa.ListArray.from_arrays(offsets, structs).cast(pa.list_(FLAG_TYPE))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
