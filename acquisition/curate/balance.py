"""Which items a class gives up: too few for a class of its own, or more than it may have. Seeded, and told for each item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from acquisition.curate.splits import mix
from acquisition.settings import BalanceSettings


@dataclass(frozen=True, slots=True)
class Balance:
    """What balance makes of every item: `rare` and `surplus` mark those that it leaves out (bool arrays).

    `left_out` and `full` say how many items of each class were found and are left out; an item of several classes stays as
    long as one of them does, without the others. `place` is where a surplus item stood in the draw of its class (from 1).
    """

    rare: Any
    surplus: Any
    place: Any
    left_out: Mapping[str, int]
    full: Mapping[str, int]
    counts: Mapping[str, int]


def balance(code: Any, classes_of: Sequence[tuple[str, ...]], content: Any, settings: BalanceSettings, seed: int) -> Balance:
    """Say of each item whether it stays. `code` (int array) tells each item's classes through `classes_of`.

    Within a class the items with the smallest seeded content hash stay, so one that is added later changes little.
    """
    counts = _counts(code, classes_of)
    least, most = settings.min_per_class, settings.max_per_class
    left_out = {name: count for name, count in sorted(counts.items()) if least is not None and 0 < count < least}
    staying = [tuple(name for name in names if name not in left_out) for names in classes_of]
    rare = np.array([not names for names in staying] or [False], bool)[code]
    surplus, place = np.zeros(len(code), bool), np.zeros(len(code), np.int64)
    if most is not None:
        order = np.argsort(mix(content, seed), kind="stable")
        order = order[~rare[order]]
        surplus, place = _surplus(code, staying, order, most)
    full: dict[str, int] = {}
    for number in code[surplus].tolist():
        for name in staying[number]:
            full[name] = full.get(name, 0) + 1
    return Balance(rare, surplus, place, left_out, dict(sorted(full.items())), counts)


def _counts(code: Any, classes_of: Sequence[tuple[str, ...]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for names, count in zip(classes_of, np.bincount(code, minlength=len(classes_of)).tolist(), strict=True):
        for name in names:
            found[name] = found.get(name, 0) + count
    return found


def _surplus(code: Any, staying: Sequence[tuple[str, ...]], order: Any, most: int) -> tuple[Any, Any]:
    """Take items in their order as long as none of their classes is full."""
    surplus, place = np.zeros(len(code), bool), np.zeros(len(code), np.int64)
    taken: dict[str, int] = {}
    asked: dict[str, int] = {}
    for item in order.tolist():
        names = staying[code[item]]
        for name in names:
            asked[name] = asked.get(name, 0) + 1
        if any(taken.get(name, 0) >= most for name in names):
            surplus[item], place[item] = True, max(asked[name] for name in names if taken.get(name, 0) >= most)
            continue
        for name in names:
            taken[name] = taken.get(name, 0) + 1
    return surplus, place
