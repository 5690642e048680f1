"""What a shard's rows of one table say of its columns, small enough to keep and made so that two can be added.

Counts are exact. Quantiles, ranks and comparisons of columns come from a sample of whole rows: those whose item id has the
smallest digest, so that shards' samples add up to the sample of all (bottom-k sampling, Cohen and Kaplan 2007).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.quality.cells import NUMBER, kind_of

SAMPLE_ROWS: Final = 5_000
SAMPLE_CELLS: Final = 1_000_000
SAMPLE_BYTES: Final = 8_000_000
"""A table's sample keeps to all three; rows of more than a megabyte are not taken."""
MAX_ROW: Final = 1_000_000
MAX_VALUES: Final = 2_000
"""Different values of a column that are counted; beyond, no further ones are."""
VALUE_BUDGET: Final = 1_000_000
"""Different values of all columns of one table together, so that 10,000 columns keep 100 each."""
MAX_COLUMNS: Final = 20_000
"""Columns of one table that are looked at."""
_VALUE_CHARS: Final = 80


@dataclass(slots=True)
class Column:
    """Counts of one column. `values` are its commonest words (numbers too), `more` says that not all were counted."""

    rows: int = 0
    numbers: int = 0
    zeros: int = 0
    negatives: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    comma: int = 0
    dressed: int = 0
    texts: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    dates: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    more: bool = False

    def add(self, other: Column, cap: int) -> None:
        """Add the counts of further rows."""
        for name in ("rows", "numbers", "zeros", "negatives", "comma", "dressed", "texts"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.missing.update(other.missing)
        self.doubtful.update(other.doubtful)
        self.dates.update(other.dates)
        self.more |= other.more
        for word, count in other.values.items():
            self._value(word, count, cap)

    def _value(self, word: str, count: int, cap: int) -> None:
        if word in self.values or len(self.values) < cap:
            self.values[word] += count
        else:
            self.more = True

    def count(self, cells: Sequence[Any], cap: int) -> np.ndarray:
        """Count some cells and return their numbers, nan where there is none (float64, one per cell)."""
        self.rows += len(cells)
        column = _arrow(cells)
        if pa.types.is_string(column.type):
            return self._count_words(column, cap)
        floats = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        self._count_numbers(floats, column.cast(pa.string(), safe=False), cap)
        if column.null_count:
            self.missing[""] += column.null_count
        return np.asarray(floats, dtype=np.float64)

    def _count_words(self, column: pa.Array, cap: int) -> np.ndarray:
        numeric = pc.match_substring_regex(column, NUMBER).fill_null(False)
        floats = np.full(len(column), np.nan)
        mask = np.asarray(numeric.to_numpy(zero_copy_only=False), dtype=bool)
        if mask.any():
            plain = column if mask.all() else column.filter(numeric)
            floats[mask] = _floats(plain)
            self._count_numbers(floats[mask], plain, cap)
        if not mask.all():
            words = column.filter(pc.invert(numeric))
            for entry in pc.value_counts(words).to_pylist():
                self._count_word(entry["values"], entry["counts"], cap)
        return floats

    def _count_numbers(self, floats: np.ndarray, words: pa.Array, cap: int) -> None:
        finite = floats[np.isfinite(floats)]
        if len(finite):
            self.numbers += len(finite)
            self.zeros += int((finite == 0).sum())
            self.negatives += int((finite < 0).sum())
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        if self.more and len(self.values) >= cap:
            return
        for entry in pc.value_counts(words.drop_null()).to_pylist():
            self._value(entry["values"][:_VALUE_CHARS], entry["counts"], cap)
            if self.more and len(self.values) >= cap:
                return

    def _count_word(self, word: str | None, count: int, cap: int) -> None:
        kind, what = ("missing", "") if word is None else kind_of(word)
        if kind == "missing":
            self.missing[what] += count
            return
        if kind == "doubtful":
            self.doubtful[what] += count
        elif kind == "date":
            self.dates[what] += count
        else:
            name = "texts" if kind == "text" else kind
            setattr(self, name, getattr(self, name) + count)
        self._value((word or "")[:_VALUE_CHARS], count, cap)

    def stored(self) -> dict[str, Any]:
        """Return the counts as plain values for JSON."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"low": _finite(self.low), "high": _finite(self.high)}

    @classmethod
    def restored(cls, told: Mapping[str, Any]) -> Column:
        """Return the counts that `stored` told."""
        counters = {name: Counter(told[name]) for name in ("missing", "doubtful", "dates", "values")}
        low = float("inf") if told["low"] is None else told["low"]
        high = float("-inf") if told["high"] is None else told["high"]
        return cls(**{**told, **counters, "low": low, "high": high})


@dataclass(slots=True)
class Table:
    """One table: its columns, and the sample of its rows as (digest, label, fields as JSON)."""

    asset: str
    rows: int = 0
    columns: dict[str, Column] = field(default_factory=dict)
    dropped: int = 0
    sample: list[tuple[str, str | None, str]] = field(default_factory=list)

    @property
    def cap(self) -> int:
        """Different values that are counted per column."""
        return max(50, min(MAX_VALUES, VALUE_BUDGET // max(1, len(self.columns))))

    def column(self, name: str) -> Column | None:
        """Return a column, made if there is room for one more."""
        if name not in self.columns:
            if len(self.columns) >= MAX_COLUMNS:
                self.dropped += 1
                return None
            self.columns[name] = Column()
        return self.columns[name]

    def pad(self) -> None:
        """Count what rows lack of columns that other rows have."""
        for column in self.columns.values():
            if column.rows < self.rows:
                column.missing[""] += self.rows - column.rows
                column.rows = self.rows

    def add(self, other: Table) -> None:
        """Add the rows of another shard."""
        for name in other.columns:
            self.column(name)
        self.pad()
        for name, theirs in other.columns.items():
            if name in self.columns:
                self.columns[name].add(theirs, self.cap)
        self.rows += other.rows
        self.dropped += other.dropped
        self.pad()
        self.keep([*self.sample, *other.sample])

    def keep(self, rows: Iterable[tuple[str, str | None, str]]) -> None:
        """Keep the rows with the smallest digests, within the bounds of a sample."""
        bound = max(50, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, len(self.columns))))
        kept: list[tuple[str, str | None, str]] = []
        weight = 0
        for row in sorted(row for row in rows if len(row[2]) <= MAX_ROW)[:bound]:
            weight += len(row[2])
            if weight > SAMPLE_BYTES:
                break
            kept.append(row)
        self.sample = kept

    def stored(self) -> bytes:
        """Return the table as JSON."""
        columns = {name: column.stored() for name, column in self.columns.items()}
        told = {"asset": self.asset, "rows": self.rows, "dropped": self.dropped, "columns": columns, "sample": self.sample}
        return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)

    @classmethod
    def restored(cls, told: bytes) -> Table:
        """Return the table that `stored` told."""
        facts = orjson.loads(told)
        columns = {name: Column.restored(column) for name, column in facts["columns"].items()}
        return cls(facts["asset"], facts["rows"], columns, facts["dropped"], [tuple(row) for row in facts["sample"]])


def plain_cell(cell: Any) -> Any:
    """Return a cell as Arrow takes it: text, a number, or None; lists, objects and lone surrogates become text."""
    if cell is None or type(cell) in (str, float, int):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return orjson.dumps(cell, default=str).decode()[:_VALUE_CHARS]


def _arrow(cells: Sequence[Any]) -> pa.Array:
    """Return cells as text, integers or floats; a mixture becomes text."""
    try:
        column = pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        column = None
    if column is not None and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return column
    if column is not None and pa.types.is_string(column.type):
        return column
    words = [None if cell is None else str(plain_cell(cell)).encode("utf-8", "replace").decode() for cell in cells]
    return pa.array(words, pa.string())


def _floats(words: pa.Array) -> np.ndarray:
    try:
        floats = pc.cast(pc.utf8_trim_whitespace(words), pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # "1." and "+1" are numbers here and not there
        floats = np.array([float(word) for word in words.to_pylist()], dtype=np.float64)
    return np.where(np.isfinite(floats), floats, np.nan)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
