"""What is found of a column, and the sampled cells and counts that rules look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from acquisition.filters.quality.cells import number_of
from acquisition.filters.quality.sketches import Column


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding on a column: its share or count, how many cells it rests on, and a sentence."""

    code: str
    column: str
    value: float
    items: int
    detail: str
    share: bool = False
    """True where `value` is a share of `items`, so that it has an interval."""


class Sample:
    """The sampled cells of a table, by column: as they came, as numbers (nan where there is none), as words."""

    def __init__(self, cells: Mapping[str, Sequence[Any]], labels: Sequence[str | None]) -> None:
        self.cells, self.labels = cells, labels
        self._numbers: dict[str, np.ndarray] = {}
        self._words: dict[str, list[str]] = {}

    def numbers(self, name: str) -> np.ndarray:
        """Return a column's finite numbers by row, nan for all other cells."""
        if name not in self._numbers:
            self._numbers[name] = np.array([number_in(cell) for cell in self.cells[name]], dtype=np.float64)
        return self._numbers[name]

    def words(self, name: str) -> list[str]:
        """Return a column's cells as trimmed text, "" for missing ones."""
        if name not in self._words:
            self._words[name] = ["" if cell is None else str(cell).strip() for cell in self.cells[name]]
        return self._words[name]


def number_in(cell: Any) -> float:
    """Return the finite number that a cell holds, nan where there is none."""
    if isinstance(cell, bool) or cell is None:
        return float("nan")
    if isinstance(cell, (int, float)):
        return float(cell) if abs(cell) < 1e300 else float("nan")
    value = number_of(cell[:60]) if isinstance(cell, str) else None
    return value if value is not None and np.isfinite(value) else float("nan")


def present(column: Column) -> int:
    """Return how many cells of a column hold something."""
    return column.rows - column.missing.total()


def numeric_share(column: Column) -> float:
    """Return the share of numbers, however they are dressed, among all cells that hold something."""
    numbers = column.numbers + column.comma + column.dressed
    return numbers / max(1, numbers + column.texts + column.dates.total())


def wilson(share: float, items: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if items <= 0:
        return 0.0, 1.0
    z = 1.959964
    middle = share + z * z / (2 * items)
    spread = z * float(np.sqrt(share * (1 - share) / items + z * z / (4 * items * items)))
    scale = 1 + z * z / items
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
