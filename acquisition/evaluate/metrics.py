"""Precision, recall, F1 and false-positive rate with 95 % intervals.

Intervals are Wilson's for a proportion (E. B. Wilson, JASA 22, 1927): they stay inside 0..1 and do not collapse at the ends.
They take the counted units as independent; spans of one document are not quite. F1 is not a proportion: its interval is
Wilson's with found + missed/2 + wrong/2 as the number of trials, an approximation that is close where precision and recall are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Self

Z: Final = 1.959964
"""Two-sided 95 % of the normal distribution."""


def wilson(hits: float, trials: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval for hits of trials; (0, 1) where nothing was tried."""
    if trials <= 0:
        return 0.0, 1.0
    share = hits / trials
    scale = 1 + Z * Z / trials
    middle = (share + Z * Z / (2 * trials)) / scale
    half = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials)) / scale
    # at the ends one bound is the share itself, which rounding may miss
    return (0.0 if hits <= 0 else max(0.0, middle - half)), (1.0 if hits >= trials else min(1.0, middle + half))


@dataclass(frozen=True, slots=True)
class Figure:
    """A share with its interval; `value` is None where there was nothing to count."""

    value: float | None
    low: float
    high: float

    def plain(self) -> dict[str, float | None]:
        """Return it as plain values, rounded to four places."""
        rounded = None if self.value is None else round(self.value, 4)
        return {"value": rounded, "low": round(self.low, 4), "high": round(self.high, 4)}


def share(hits: float, trials: float) -> Figure:
    """Return hits of trials with its interval."""
    return Figure(hits / trials if trials else None, *wilson(hits, trials))


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted of one code, kind or domain.

    `found` and `missed` count what the labels hold, `right` and `wrong` what the filter said (of spans, one may cover two).
    `clean` counts units without the label, `alarms` those of them that were flagged. `unchecked` of the missed
    are what the filter itself says that it did not look at.
    """

    name: str
    unit: str
    found: int = 0
    missed: int = 0
    right: int = 0
    wrong: int = 0
    clean: int = 0
    alarms: int = 0
    unchecked: int = 0

    @classmethod
    def of(cls, name: str, unit: str, pairs: list[tuple[bool, bool]], unchecked: int = 0) -> Self:
        """Count (label, flag) pairs of units that are either labelled or not."""
        found = sum(truth and said for truth, said in pairs)
        positive = sum(truth for truth, _ in pairs)
        alarms = sum(said and not truth for truth, said in pairs)
        clean = len(pairs) - positive
        return cls(name, unit, found, positive - found, found, alarms, clean, alarms, unchecked)

    @property
    def precision(self) -> Figure:
        """Of what was flagged, the share that is labelled."""
        return share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> Figure:
        """Of what is labelled, the share that was flagged."""
        return share(self.found, self.found + self.missed)

    @property
    def f1(self) -> Figure:
        """The harmonic mean of precision and recall."""
        precision, recall = self.precision.value, self.recall.value
        if precision is None and recall is None:
            return Figure(None, 0.0, 1.0)
        mean = 2 * (precision or 0.0) * (recall or 0.0) / ((precision or 0.0) + (recall or 0.0) or 1.0)
        trials = self.found + (self.missed + self.wrong) / 2
        return Figure(mean, *wilson(mean * trials, trials))

    @property
    def false_positive_rate(self) -> Figure:
        """Of the units without the label, the share that was flagged."""
        return share(self.alarms, self.clean)

    def plain(self) -> dict[str, Any]:
        """Return everything as plain values."""
        counts = {name: getattr(self, name) for name in ("found", "missed", "right", "wrong", "clean", "alarms", "unchecked")}
        figures = {name: getattr(self, name).plain() for name in ("precision", "recall", "f1", "false_positive_rate")}
        return {"name": self.name, "unit": self.unit, **figures, **counts}
