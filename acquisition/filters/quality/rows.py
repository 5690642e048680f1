"""Reads the rows of a shard table by table: sketches of the columns, and which cells of which rows stand out in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.quality.cells import kind_of
from acquisition.filters.quality.sketches import MAX_COLUMNS, Table

BLOCK_CELLS: Final = 500_000
FEW: Final = 20
"""Assets with fewer rows in a shard are looked at together (a file per row is no table)."""
FEW_VALUES: Final = 10
"""Numbers of so few different values are grades or counts: three times the largest of them is not far out."""
MOST_SUSPECTS: Final = 50
"""Cells of one column and shard that are named; more are no outliers."""
SUSPECT: Final = pa.struct([pa.field("column", pa.string()), pa.field("kind", pa.string()), pa.field("value", pa.string())])
_SHOWN: Final = 40


class Suspects:
    """Cells that stand out in their shard, by row; the whole table confirms them."""

    def __init__(self) -> None:
        self._cells: list[tuple[int, str, str, str]] = []

    def add(self, rows: Sequence[int], column: str, kind: str, values: Sequence[str]) -> None:
        """Add cells of one column."""
        self._cells += [(row, column, kind, value[:_SHOWN]) for row, value in zip(rows, values, strict=True)]

    def nested(self, rows: int) -> pa.Array:
        """Return one list of SUSPECT per row."""
        cells = sorted(self._cells)
        offsets = np.searchsorted(np.array([cell[0] for cell in cells], dtype=np.int64), np.arange(rows + 1)).astype(np.int32)
        parts = [pa.array([cell[at] for cell in cells], pa.string()) for at in (1, 2, 3)]
        return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(parts, fields=list(SUSPECT)))


def sketch(items: pa.RecordBatch, mostly: float, flags: FlagRows, suspects: Suspects) -> dict[int, Table]:
    """Return the tables of a shard by their first row; flags rows that are mostly missing, or cannot be read."""
    fields = items.column("fields")
    if fields.null_count == len(fields):
        return {}
    tables: dict[int, Table] = {}
    for asset, rows in _groups(items):
        tables[int(rows[0])] = _Reading(Table(asset), items, flags, mostly).read(rows, suspects)
    return tables


def _groups(items: pa.RecordBatch) -> Iterator[tuple[str, np.ndarray]]:
    """Yield assets and their rows that have fields; assets of few rows come together under the name ""."""
    filled = pc.and_(pc.is_valid(items.column("fields")), pc.not_equal(items.column("fields"), "{}"))
    rows = np.flatnonzero(filled.fill_null(False).to_numpy(zero_copy_only=False))
    if not len(rows):
        return
    coded = items.column("asset").take(pa.array(rows)).dictionary_encode()
    codes = coded.indices.to_numpy()
    names = coded.dictionary.to_pylist()
    counts = np.bincount(codes, minlength=len(names))
    few = np.isin(codes, np.flatnonzero(counts < FEW)) if len(names) > 1 else np.zeros(len(codes), bool)
    for code, name in enumerate(names):
        if counts[code] >= FEW or len(names) == 1:
            yield name, rows[(codes == code) & ~few]
    if few.any():
        yield "", rows[few]


class _Reading:
    """One pass over the rows of one table, in blocks of bounded size."""

    def __init__(self, table: Table, items: pa.RecordBatch, flags: FlagRows, mostly: float) -> None:
        self._table, self._items, self._flags, self._mostly = table, items, flags, mostly
        self._floats: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        self._words: dict[str, list[tuple[int, str]]] = {}

    def read(self, rows: np.ndarray, suspects: Suspects) -> Table:
        start, width = 0, 64
        while start < len(rows):
            block = rows[start : start + max(16, BLOCK_CELLS // width)]
            start += len(block)
            width = max(1, self._block(block))
        self._table.pad()
        self._sample(rows)
        for name in self._table.columns:
            self._stand_out(name, suspects)
        return self._table

    def _block(self, rows: np.ndarray) -> int:
        """Count one block of rows and return how many columns it has."""
        texts = self._items.column("fields").take(pa.array(rows)).to_pylist()
        records = [_record(text) for text in texts]
        read = [(int(row), record) for row, record in zip(rows, records, strict=True) if record is not None]
        for row, record in zip(rows, records, strict=True):
            if record is None or len(record) > MAX_COLUMNS:
                detail = detail_json(why="no JSON object" if record is None else f"more than {MAX_COLUMNS:,} columns")
                self._flags.add(int(row), "quality.not-checked", field="fields", detail=detail)
        numbers = np.array([row for row, _ in read], dtype=np.int64)
        missing = np.zeros(len(read), dtype=np.int64)
        columns = _columns([record for _, record in read])
        for name, (places, cells) in columns.items():
            missing[places] += self._count(name, cells, numbers[places])
        self._table.rows += len(read)
        self._flag_missing(read, missing)
        return len(columns)

    def _count(self, name: str, cells: Sequence[Any], rows: np.ndarray) -> np.ndarray:
        column = self._table.column(name)
        if column is None:
            return np.zeros(len(cells), np.int64)
        before = column.rows
        if before < self._table.rows:  # earlier rows do not have the column
            column.missing[""] += self._table.rows - before
            column.rows = self._table.rows
        floats = column.count(cells, self._table.cap)
        numeric = np.isfinite(floats)
        self._floats.setdefault(name, []).append((rows[numeric], floats[numeric]))
        absent = np.zeros(len(cells), np.int64)
        if numeric.all():
            return absent
        words = self._words.setdefault(name, [])
        for at in np.flatnonzero(~numeric).tolist():
            cell = cells[at]
            kind = "missing" if cell is None else _kind(cell)
            if kind == "missing":
                absent[at] = 1
            elif kind == "text" and len(words) <= MOST_SUSPECTS * 20:
                words.append((int(rows[at]), str(cell)))
        return absent

    def _flag_missing(self, read: Sequence[tuple[int, Mapping[str, Any]]], missing: np.ndarray) -> None:
        for at in np.flatnonzero(missing > 1).tolist():
            row, record = read[at]
            share = float(missing[at]) / len(record)
            if share > self._mostly and share < 1:
                detail = detail_json(missing=int(missing[at]), columns=len(record))
                self._flags.add(row, "quality.missing-values", score=share, field="fields", detail=detail)

    def _sample(self, rows: np.ndarray) -> None:
        ids, labels, fields = (self._items.column(name) for name in ("id", "label", "fields"))
        digests = sorted((hashlib.blake2b(ids[row].as_py().encode(), digest_size=8).hexdigest(), row) for row in rows.tolist())
        taken = digests[: max(50, min(5_000, 1_000_000 // max(1, len(self._table.columns))))]
        self._table.keep((digest, labels[row].as_py(), fields[row].as_py()) for digest, row in taken)

    def _stand_out(self, name: str, suspects: Suspects) -> None:
        """Name the cells far outside the others of their column, and the words among numbers."""
        column = self._table.columns[name]
        parts = self._floats.get(name, ())
        words = self._words.get(name, ())
        if not parts or column.numbers < 20:
            return
        rows, floats = (np.concatenate(part) for part in zip(*parts, strict=True))
        if words and len(words) <= MOST_SUSPECTS and column.texts <= 0.2 * (column.numbers + column.texts):
            suspects.add([row for row, _ in words], name, "wrong-type", [word for _, word in words])
        low, high = fences(floats)
        outside = np.flatnonzero((floats < low) | (floats > high))
        if 0 < len(outside) <= min(MOST_SUSPECTS, max(2, 0.02 * len(floats))):
            suspects.add(rows[outside].tolist(), name, "outlier", [repr(float(floats[at])) for at in outside])


def fences(floats: np.ndarray) -> tuple[float, float]:
    """Return the bounds beyond which a number lies far out: three interquartile ranges from the quartiles (Tukey 1977).

    Where amounts lean to one side, a number must lie out of them in its logarithm too, and a gap of one and a half ranges must
    part it from the rest: a long tail is no fault. Without spread among the middle half, the 5th and 95th
    percentiles stand for the quartiles.
    """
    positive = floats[floats > 0]
    if len(positive) < 20 or (floats < 0).sum() > 0.02 * len(floats):
        low, high, spread = _fences(floats)
    else:  # amounts: zeros among them are no part of their spread, and no outliers
        low, high, spread = _fences(positive)
        tenth, middle, ninth = np.percentile(positive, [10, 50, 90])
        if ninth - middle > 1.5 * (middle - tenth):  # leaning: such amounts are even in their logarithm
            lower, upper, _ = _fences(np.log(positive))
            low, high = min(low, float(np.exp(lower))), max(high, float(np.exp(min(upper, 700.0))))
        low = min(low, 0.0) if (floats == 0).any() else low
        if len(np.unique(floats)) <= FEW_VALUES:
            high = max(high, 3 * float(np.percentile(positive, 98)))
    return -_reach(-floats, -low, spread), _reach(floats, high, spread)


def _reach(floats: np.ndarray, bound: float, spread: float) -> float:
    """Return `bound`, moved out as far as values follow each other without a gap."""
    for value in np.sort(floats[floats > bound])[: 2 * MOST_SUSPECTS]:
        if value - bound > 1.5 * spread:
            break
        bound = max(bound, float(value))
    return bound


def _fences(values: np.ndarray) -> tuple[float, float, float]:
    first, third = np.percentile(values, [25, 75])
    if third <= first:
        first, third = np.percentile(values, [5, 95])
    spread = float(third - first)
    if spread <= 0:
        return float("-inf"), float("inf"), 0.0
    return float(first) - 3 * spread, float(third) + 3 * spread, spread


_known_kind: Final = lru_cache(maxsize=1 << 16)(kind_of)


def _kind(cell: Any) -> str:
    return _known_kind(cell)[0] if isinstance(cell, str) and len(cell) <= _SHOWN else "text"


def _record(text: str) -> dict[str, Any] | None:
    """Return a row's columns; JSON with lone surrogates, which only Python's parser takes, included."""
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            record = _clean(json.loads(text))
        except (ValueError, RecursionError):
            return None
    return record if isinstance(record, dict) else None


def _clean(value: Any) -> Any:
    """Return what was parsed with its lone surrogates replaced; what is nested deeper becomes text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        plain = (int, float, type(None))
        return {_clean(name): cell if isinstance(cell, plain) else _clean(str(cell)) for name, cell in value.items()}
    return value


def _columns(records: Sequence[Mapping[str, Any]]) -> dict[str, tuple[np.ndarray, Sequence[Any]]]:
    """Return by column the places of the records that have it, and their cells; no more work than there are cells."""
    if not records:
        return {}
    first = records[0].keys()
    if all(record.keys() == first for record in records):
        every = np.arange(len(records))
        return {name: (every, [record[name] for record in records]) for name in first}
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for at, record in enumerate(records):
        for name, cell in record.items():
            places, cells = found.setdefault(name, ([], []))
            places.append(at)
            cells.append(cell)
    return {name: (np.array(places, dtype=np.int64), cells) for name, (places, cells) in found.items()}


def sampled_columns(table: Table) -> tuple[dict[str, list[Any]], list[str | None]]:
    """Return the sample's cells by column, and the rows' labels."""
    records = [_record(text) or {} for _, _, text in table.sample]
    return {name: [record.get(name) for record in records] for name in table.columns}, [label for _, label, _ in table.sample]
