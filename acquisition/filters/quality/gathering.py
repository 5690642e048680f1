"""Reads all signatures once, column by column, and holds what only the whole set tells: a few numbers per item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.filters.quality.sketches import Table

MAX_LABELS: Final = 10_000
"""Different labels of one source that are counted; with more they are no classes."""
LEAST: Final = 30
"""Items that a source must have before one is held to be unlike the others."""
MEASURES: Final = ("chars", "seconds", "rate", "density")


@dataclass(slots=True)
class Source:
    """What was seen of one source; `bounds` are (low, high) by measure, made when all shards were read."""

    items: int = 0
    suspects: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    many_labels: bool = False
    languages: Counter[str] = field(default_factory=Counter)
    rates: Counter[int] = field(default_factory=Counter)
    tables: dict[str, Table] = field(default_factory=dict)
    measured: dict[str, list[np.ndarray]] = field(default_factory=dict)
    grouped: list[np.ndarray] = field(default_factory=list)
    splits: dict[str, int] = field(default_factory=dict)

    def all(self, measure: str) -> np.ndarray:
        """Return a measure of all items that have it."""
        parts = self.measured.get(measure, ())
        return np.concatenate(parts) if parts else np.zeros(0)

    def leaked(self) -> dict[int, tuple[str, ...]]:
        """Return the groups (digests) that stand in two published splits or more, with their splits."""
        if len(self.splits) < 2 or not self.grouped:
            return {}
        pairs = np.unique(np.concatenate(self.grouped), axis=0)
        groups, counts = np.unique(pairs[:, 0], return_counts=True)
        twice = groups[counts > 1]
        names = {number: name for name, number in self.splits.items()}
        inside = pairs[np.isin(pairs[:, 0], twice)]
        found: dict[int, list[str]] = {}
        for group, split in inside.tolist():
            found.setdefault(group, []).append(names[split])
        return {group: tuple(sorted(parts)) for group, parts in found.items()}

    def groups(self) -> int:
        """Return how many groups were seen."""
        return len(np.unique(np.concatenate(self.grouped)[:, 0])) if self.grouped else 0


def gather(signatures: Mapping[str, Path]) -> dict[str, Source]:
    """Return what was seen of every source, in the order of their names."""
    sources: dict[str, Source] = {}
    for key, path in sorted(signatures.items()):
        _read(path, sources.setdefault(key.split("/")[0], Source()))
    return sources


def _read(path: Path, source: Source) -> None:
    names = ["label", "split", "group", "language", *MEASURES, "suspects", "table"]
    with pq.ParquetFile(path) as shard:
        signed = shard.read(columns=names, use_threads=False).combine_chunks()
    source.items += signed.num_rows
    source.suspects += len(signed["suspects"].combine_chunks().flatten())
    _count(signed["label"], source.labels)
    if len(source.labels) > MAX_LABELS:
        source.many_labels = True
        source.labels.clear()
    _count(signed["language"], source.languages)
    for rate in pc.value_counts(signed["rate"].combine_chunks()).to_pylist():
        if rate["values"]:
            source.rates[rate["values"]] += rate["counts"]
    for measure in ("chars", "seconds", "density"):
        values = signed[measure].to_numpy()
        source.measured.setdefault(measure, []).append(values[np.isfinite(values) & (values != 0)].astype(np.float32))
    _groups(signed, source)
    for told in signed["table"].drop_null():
        table = Table.restored(told.as_py())
        known = source.tables.setdefault(table.asset, Table(table.asset))
        known.add(table)


def _count(column: pa.ChunkedArray, counts: Counter[str]) -> None:
    for entry in pc.value_counts(column.drop_null().combine_chunks()).to_pylist():
        counts[entry["values"]] += entry["counts"]


def _groups(signed: pa.Table, source: Source) -> None:
    groups = signed["group"].to_numpy()
    splits = signed["split"].combine_chunks()
    both = (groups != 0) & splits.is_valid().to_numpy(zero_copy_only=False)
    if not both.any():
        return
    coded = splits.dictionary_encode()
    numbers = np.array([source.splits.setdefault(name, len(source.splits)) for name in coded.dictionary.to_pylist()])
    pairs = np.stack([groups[both], numbers[coded.indices.fill_null(0).to_numpy()][both]], axis=1)
    source.grouped.append(np.unique(pairs, axis=0))


def shards(signatures: Mapping[str, Path], columns: list[str]) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield (shard key, source, signatures) one by one."""
    for key, path in sorted(signatures.items()):
        with pq.ParquetFile(path) as shard:
            yield key, key.split("/")[0], shard.read(columns=columns, use_threads=False).combine_chunks()


def far_bounds(values: np.ndarray, limit: float, floor: float) -> tuple[float, float]:
    """Return the bounds beyond which the robust z of a value exceeds `limit`: median ± limit × 1.4826 × MAD.

    (-inf, inf) for fewer than 30 values. `floor` is the least that counts as spread: values may be all but equal.
    """
    if len(values) < LEAST:
        return float("-inf"), float("inf")
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    reach = limit * max(spread, floor)
    return middle - reach, middle + reach
