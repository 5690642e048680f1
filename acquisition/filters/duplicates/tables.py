"""The signature tables of all shards as one long table that is read column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


class Signatures:
    """Signature tables in the order of their keys; an item's position runs through all of them.

    `references` are tables of the same schema that hold what is compared against; they come last, in the given order, and
    `own` is the first position of theirs.
    """

    def __init__(self, tables: Mapping[str, Path], references: Mapping[str, Path] | None = None) -> None:
        self.keys = sorted(tables)
        self.sets = tuple(references or ())
        self._paths = [*(tables[key] for key in self.keys), *(references or {}).values()]
        rows = [pq.read_metadata(path).num_rows for path in self._paths]
        self.starts = np.concatenate(([0], np.cumsum(rows, dtype=np.int64)))
        self.own = int(self.starts[len(self.keys)])

    def columns(self, names: list[str]) -> list[np.ndarray]:
        """Return arrays with one number per item."""
        parts = [_read(path, names) for path in self._paths]
        return [
            np.concatenate([np.zeros(0, np.uint64), *(np.asarray(part.column(name).to_numpy()) for part in parts)]).astype(
                parts[0].column(name).type.to_pandas_dtype() if parts else np.uint64, copy=False
            )
            for name in names
        ]

    def shard(self, index: int, columns: list[str]) -> pa.Table:
        """Return some columns of the shard with this place among `keys`."""
        return _read(self._paths[index], columns)

    def set_of(self, position: int) -> str:
        """Return the reference set that a position belongs to."""
        return self.sets[int(np.searchsorted(self.starts, position, side="right")) - 1 - len(self.keys)]

    def pick(self, positions: np.ndarray, name: str) -> np.ndarray:
        """Return one column's numbers at positions in any order."""
        if not len(positions):
            return np.zeros(0, np.uint64)
        order = np.argsort(positions, kind="stable")
        values = np.asarray(self.take(positions[order], [name]).column(0).to_numpy())
        picked = np.empty_like(values)
        picked[order] = values
        return picked

    def take(self, positions: np.ndarray, columns: list[str]) -> pa.Table:
        """Return some columns of the items at sorted positions (at least one)."""
        return pa.concat_tables([part for _, part in self.shards(positions, columns)])

    def shards(self, positions: np.ndarray, columns: list[str]) -> Iterator[tuple[int, pa.Table]]:
        """Yield (table index, rows) for the tables that hold some of the sorted positions."""
        cuts = np.searchsorted(positions, self.starts)
        for index, path in enumerate(self._paths):
            if cuts[index] < cuts[index + 1]:
                wanted = positions[cuts[index] : cuts[index + 1]] - self.starts[index]
                yield index, _read(path, columns).take(pa.array(wanted))


def _read(path: Path, columns: list[str]) -> pa.Table:
    with pq.ParquetFile(path) as table:  # read_table would load the dataset machinery: 100 MB more per process
        return table.read(columns=columns, use_threads=False)
