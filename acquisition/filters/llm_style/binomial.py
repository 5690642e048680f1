"""Exact binomial bounds (Clopper and Pearson 1934), by bisection over the tail sums."""

from __future__ import annotations

import math
from collections.abc import Callable


def tail(seen: int, of: int, rate: float) -> float:
    """Return the probability of at most `seen` hits among `of` at a rate."""
    if seen >= of or rate <= 0:
        return 1.0
    if rate >= 1:
        return 0.0
    log, other = math.log(rate), math.log1p(-rate)
    whole = math.lgamma(of + 1)
    terms = (whole - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * log + (of - k) * other for k in range(seen + 1))
    return min(1.0, math.fsum(map(math.exp, terms)))


def bounds(seen: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the two-sided interval of a rate after `seen` hits among `of`; (0, 1) where nothing was looked at."""
    if not of:
        return 0.0, 1.0
    rest = (1 - confidence) / 2
    low = 0.0 if not seen else _solve(lambda rate: 1 - tail(seen - 1, of, rate) < rest)
    return low, upper(seen, of, 1 - rest)


def upper(seen: int, of: int, confidence: float = 0.95) -> float:
    """Return the one-sided upper bound of a rate."""
    if seen >= of:
        return 1.0
    return _solve(lambda rate: tail(seen, of, rate) > 1 - confidence)


def needed(seen: int, rate: float, confidence: float = 0.95) -> int:
    """Return how many documents it takes, with `seen` hits among them, to claim at most a rate (299 for 0 at 1 %)."""
    low, high = seen, seen + 1
    while tail(seen, high, rate) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if tail(seen, middle, rate) > 1 - confidence else (low, middle)
    return high


def _solve(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
