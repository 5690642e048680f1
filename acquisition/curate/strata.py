"""Stratified splits: every class (or value of a column) is divided by the shares, groups stay whole, nothing settled moves.

Components of several items or strata are placed one by one, the largest first and those of rare strata before others (as
Sechidis, Tsoumakas and Vlahavas 2011 do with rare labels), where most is missing of what they hold, measured by what is placed
so far. Single items then fill each stratum to its quota: the share rounded down or up, and the choice between the two serves
the shares of the whole set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Strata:
    """Which strata each item is in: pairs of an item's position and a stratum (int64 arrays), every item in at least one."""

    item: Any
    stratum: Any
    count: int


def strata_of(count: int, values: Sequence[Any], labels: tuple[Any, Sequence[tuple[int, ...]]] | None) -> Strata:
    """Return the strata of `count` items: one for each combination of the values (arrays of numbers).

    `labels` is a code for each item and what classes (hashes) every code stands for; an item of several classes is in several
    strata. Strata are numbered by their values, so the order of the items does not matter.
    """
    item = np.arange(count, dtype=np.int64)
    rows = [np.asarray(value, np.uint64) for value in values]
    if labels is not None:
        code, classes = labels
        sizes = np.array([len(found) for found in classes] or [0], np.int64)
        flat = np.array([one for found in classes for one in found], np.uint64)
        begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        times = sizes[code]
        item = np.repeat(item, times)
        within = np.arange(len(item)) - np.repeat(np.cumsum(times) - times, times)
        rows = [row[item] for row in rows] + [flat[np.repeat(begins[code], times) + within]]
    if not rows or not len(item):
        return Strata(item, np.zeros(len(item), np.int64), 1)
    _, stratum = np.unique(np.stack(rows, axis=1), axis=0, return_inverse=True)
    return Strata(item, stratum.reshape(-1).astype(np.int64), int(stratum.max()) + 1)


def stratified(strata: Strata, component: Any, code: Any, free: Any, shares: Sequence[float], order: Any) -> Any:
    """Return for each free item (in order) the index of its share.

    `code` holds the share that an item already has, -1 for none; `free` marks the items to place (bool), `order` (uint64, one
    for each component) settles who comes first.
    """
    table = _Table(strata, code, free, np.asarray(shares, np.float64))
    placed = np.full(len(component), -1, np.int64)
    sizes = np.bincount(component[free], minlength=len(component))
    times = np.bincount(strata.item, minlength=len(component))
    single = free & (sizes[component] == 1) & (times == 1)
    table.place_groups(component, free & ~single, order, placed)
    table.place_singles(single, order, placed)
    return placed[free]


class _Table:
    """How many items of each stratum every split has and should have."""

    def __init__(self, strata: Strata, code: Any, free: Any, shares: Any) -> None:
        count = strata.count
        self._strata, self._shares = strata, shares
        shared = (code >= 0) | free  # what lies in a split without a share is no part of the whole
        self._total = np.bincount(strata.stratum[shared[strata.item]], minlength=count).astype(np.float64)
        self._wanted = np.outer(self._total, shares)
        self._here = np.zeros((count, len(shares)))
        known = code[strata.item] >= 0
        np.add.at(self._here, (strata.stratum[known], code[strata.item][known]), 1)
        self._whole = shared.sum() * shares - np.bincount(code[code >= 0], minlength=len(shares))

    def place_groups(self, component: Any, chosen: Any, order: Any, placed: Any) -> None:
        """Place whole components, the largest first, each where most is missing of what it holds."""
        pairs = np.flatnonzero(chosen[self._strata.item])
        if not len(pairs):
            return
        roots, strata = component[self._strata.item[pairs]], self._strata.stratum[pairs]
        units, counts = np.unique(np.stack([roots, strata], axis=1), axis=0, return_counts=True)
        starts = np.flatnonzero(np.r_[True, units[1:, 0] != units[:-1, 0]])
        ends = np.r_[starts[1:], len(units)]
        sizes = np.bincount(component[chosen], minlength=len(component))[units[starts, 0]]
        rarest = np.minimum.reduceat(self._total[units[:, 1]], starts)
        open_ = np.flatnonzero(self._shares > 0)
        for unit in np.lexsort((order[units[starts, 0]], rarest, -sizes)).tolist():
            rows = units[starts[unit] : ends[unit], 1]
            many = counts[starts[unit] : ends[unit]]
            placed_now = self._here[rows]
            missing = np.outer(placed_now.sum(axis=1) + many, self._shares) - placed_now
            best = int(open_[np.argmax((many / self._total[rows] @ missing)[open_])])
            self._here[rows, best] += many
            self._whole[best] -= sizes[unit]
            placed[units[starts[unit], 0]] = best
        placed[chosen] = placed[component[chosen]]

    def place_singles(self, single: Any, order: Any, placed: Any) -> None:
        """Fill every stratum to its quota with items of their own, in the order of their draw."""
        pairs = np.flatnonzero(single[self._strata.item])
        items, strata = self._strata.item[pairs], self._strata.stratum[pairs]
        ranked = np.lexsort((order[items], strata))
        items, strata = items[ranked], strata[ranked]
        rows, starts, counts = np.unique(strata, return_index=True, return_counts=True)
        quotas = self._quotas(rows, counts)
        for start, quota in zip(starts.tolist(), quotas, strict=True):
            splits = np.repeat(np.arange(len(self._shares)), quota)
            placed[items[start : start + len(splits)]] = splits

    def _quotas(self, rows: Any, counts: Any) -> Any:
        """Return how many single items of each stratum every split takes (int64, rows by splits)."""
        here, wanted = self._here[rows], self._wanted[rows]
        low = np.maximum(here, np.floor(wanted + 1e-9))
        high = np.maximum(here, np.ceil(wanted - 1e-9))
        taken = low - here
        left = counts - taken.sum(axis=1).astype(np.int64)
        self._whole -= taken[left >= 0].sum(axis=0)
        for row in range(len(rows)):
            if left[row] < 0:  # what is settled has more than its share somewhere
                taken[row] = _by_need(here[row], wanted[row], int(counts[row]), self._shares)
                self._whole -= taken[row]
                continue
            for _ in range(int(left[row])):
                room = (self._shares > 0) & (here[row] + taken[row] < high[row])
                if not room.any():
                    room = self._shares > 0
                best = int(np.argmax(np.where(room, self._whole, -np.inf)))
                taken[row, best] += 1
                self._whole[best] -= 1
        return taken.astype(np.int64)


def _by_need(here: Any, wanted: Any, count: int, shares: Any) -> Any:
    """Return how `count` items are given one by one to the split that lacks most."""
    taken = np.zeros(len(here))
    for _ in range(count):
        lacks = np.where(shares > 0, wanted - here - taken, -np.inf)
        taken[int(np.argmax(lacks))] += 1
    return taken
