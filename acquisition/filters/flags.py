"""Collects what a filter notices and hands it over as one batch of FLAG_SCHEMA."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
import pyarrow as pa

from acquisition.model import FLAG_SCHEMA


def detail_json(**facts: object) -> str:
    """Return a flag's detail as JSON with sorted keys; facts are plain values, never the matched personal value."""
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY).decode()


class FlagRows:
    """Flags of one batch of items, in the order in which they are added until `batch` sorts them."""

    def __init__(self, items: pa.RecordBatch) -> None:
        self._ids = items.column("id")
        self._rows: list[tuple[int, int, str, float, str, int, str]] = []

    def add(
        self, row: int, code: str, *, score: float = 1.0, field: str = "", span: tuple[int, int] = (-1, -1), detail: str = ""
    ) -> None:
        """Add one flag; `span` is (start, end) in characters of `field`, (-1, -1) for all of it."""
        self._rows.append((row, span[0], code, score, field, span[1], detail))

    def add_all(self, rows: Iterable[int], code: str, *, field: str = "", detail: str = "") -> None:
        """Add the same certain flag to many rows."""
        self._rows.extend((int(row), -1, code, 1.0, field, -1, detail) for row in rows)

    def batch(self) -> pa.RecordBatch:
        """Return everything that was added, sorted by row, place and code, so that equal input gives equal bytes."""
        rows = sorted(self._rows, key=lambda flag: (flag[0], flag[4], flag[1], flag[5], flag[2], flag[6]))
        numbers = pa.array([flag[0] for flag in rows], pa.int32())
        columns = [
            numbers,
            self._ids.take(numbers),
            pa.array([flag[2] for flag in rows], pa.string()),
            pa.array([flag[3] for flag in rows], pa.float64()),
            pa.array([flag[4] for flag in rows], pa.string()),
            pa.array([flag[1] for flag in rows], pa.int32()),
            pa.array([flag[5] for flag in rows], pa.int32()),
            pa.array([flag[6] for flag in rows], pa.string()),
        ]
        return pa.record_batch(columns, schema=FLAG_SCHEMA)
