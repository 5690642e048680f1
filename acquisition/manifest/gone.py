"""Rows of items that were taken down: nothing but names, so that the ledger tells of them and holds nothing of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from acquisition.manifest.columns import LEDGER_SCHEMA, TAKEDOWN


@dataclass(frozen=True, slots=True)
class TakenDown:
    """An item that was taken down: nothing of it but its id, its source, and the digest of its content where that is known."""

    item: str
    source: str
    ticket: str
    by: str = ""
    at: str = ""
    content_sha256: str = ""


def tombstone_rows(gone: Sequence[TakenDown]) -> pa.RecordBatch:
    """Return the rows of items that were taken down, in the order of source and id."""
    rows = []
    for one in sorted(gone, key=lambda one: (one.source, one.item)):
        row: dict[str, Any] = {field.name: _nothing(field) for field in LEDGER_SCHEMA}
        row |= {"id": one.item, "source": one.source, "content_sha256": one.content_sha256, "takedown": one.ticket}
        rows.append(row | {"outcome": "drop", "code": TAKEDOWN, "by": one.by, "decided_at": one.at})
    return pa.RecordBatch.from_pylist(rows, schema=LEDGER_SCHEMA)


def _nothing(field: pa.Field) -> Any:
    if field.nullable:
        return None
    if pa.types.is_list(field.type):
        return []
    return "" if pa.types.is_string(field.type) else False if pa.types.is_boolean(field.type) else 0
