"""Which split an item belongs to, and which items a class gives up: numpy over the whole set, the same for any order.

Hashes are 64-bit; a draw mixes the hash of a group with the seed through SplitMix64 (Steele, Lea and Flood 2014), so an
item's split depends on its own group, never on what else is in the set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from acquisition.model import SPLIT_NAMES

NONE: Final = np.uint64(0)
_TOP: Final = np.uint64(2**64 - 1)
_PRIORITY: Final = ("test", "validation", "train")


def canonical(name: str) -> str:
    """Return a split's usual name ("dev" → "validation"), or its own, made safe for file names."""
    plain = name.strip().casefold()
    return SPLIT_NAMES.get(plain) or re.sub(r"[^a-z0-9_.-]+", "-", plain).strip("-.") or "train"


def mix(values: Any, seed: int) -> Any:
    """Return SplitMix64 of the values (uint64 array) under a seed."""
    with np.errstate(over="ignore"):
        state = np.asarray(values, np.uint64) ^ np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
        state = state + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def components(keys: Sequence[Any], count: int) -> Any:
    """Return for each of `count` items the smallest index of its component (int64 array).

    Two items are connected when they share a value other than 0 in one of the key arrays (uint64). Labels spread through
    the keys and jump to their own label until nothing changes.
    """
    label = np.arange(count, dtype=np.int64)
    links = []
    for key in keys:
        holders = np.flatnonzero(key != NONE)
        _, inverse = np.unique(key[holders], return_inverse=True)
        if len(holders):
            links.append((holders, inverse, int(inverse.max()) + 1))
    while True:
        before = label
        for holders, inverse, groups in links:
            lowest = np.full(groups, count, np.int64)
            np.minimum.at(lowest, inverse, label[holders])
            label = label.copy()
            label[holders] = lowest[inverse]
        label = np.minimum(label, label[label])
        if np.array_equal(before, label):
            return label


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The split of each item (`code` indexes `names`), and what had to be settled on the way."""

    names: tuple[str, ...]
    code: Any
    published: int
    drawn: int
    conflicts: int
    moved: int


@dataclass(frozen=True, slots=True)
class SplitKeys:
    """What splits are made from, one entry per item.

    `content` is a hash of the content and never 0; `groups` are arrays of hashes, 0 for none; `published` indexes
    `published_names` (canonical), -1 for none.
    """

    content: Any
    groups: tuple[Any, ...]
    published: Any
    published_names: tuple[str, ...]


def assign(keys: SplitKeys, shares: Mapping[str, float], seed: int) -> SplitPlan:
    """Give every item a split: the published one of its component, or one drawn by share; "train" without shares.

    Items that share content, group or duplicate cluster form a component and never part. A component with several
    published splits goes to test before validation before train, so that nothing of a test set is trained on.
    """
    count = len(keys.content)
    own_names = {canonical(name): name for name in reversed(list(shares))}
    order = sorted(range(len(keys.published_names)), key=lambda code: _precedence(keys.published_names[code]))
    names = [own_names.get(keys.published_names[code], keys.published_names[code]) for code in order]
    names += [name for name in (shares or {"train": 1.0}) if name not in names]
    component = components((keys.content, *keys.groups), count)
    rank = np.empty(len(order) + 1, np.int64)
    rank[order] = np.arange(len(order))
    rank[-1] = len(names)
    wanted = rank[keys.published]
    settled = np.full(count, len(names), np.int64)
    np.minimum.at(settled, component, wanted)
    code = settled[component]
    free = code == len(names)
    code[free] = _draw(keys, component, shares, seed)[free] if shares else names.index("train")
    if shares:
        lookup = np.array([names.index(name) for name in shares], np.int64)
        code[free] = lookup[code[free]]
    strayed = (keys.published >= 0) & (wanted != code)
    return SplitPlan(
        names=tuple(names),
        code=code.astype(np.int32),
        published=int(count - free.sum()),
        drawn=int(free.sum()),
        conflicts=len(np.unique(component[strayed])),
        moved=int(strayed.sum()),
    )


def _precedence(name: str) -> tuple[int, str]:
    return (_PRIORITY.index(name) if name in _PRIORITY else len(_PRIORITY), name)


def _draw(keys: SplitKeys, component: Any, shares: Mapping[str, float], seed: int) -> Any:
    """Return for each item the index of the share that its component's key falls into.

    The key is the smallest group hash of the component, or of its content where it has no group: a new member of a
    known group changes nothing.
    """
    count = len(component)
    strong, weak = np.full(count, _TOP), np.full(count, _TOP)
    for group in keys.groups:
        np.minimum.at(strong, component, np.where(group == NONE, _TOP, group))
    np.minimum.at(weak, component, keys.content)
    key = np.where(strong == _TOP, weak, strong)[component]
    point = (mix(key, seed) >> np.uint64(11)).astype(np.float64) / 2**53
    bounds = np.cumsum(np.array(list(shares.values()), np.float64))
    return np.minimum(np.searchsorted(bounds, point, side="right"), len(bounds) - 1)


def surplus(classes: Any, content: Any, limit: int, seed: int) -> Any:
    """Say of each item (bool array) whether its class is full without it.

    Within a class the items with the smallest seeded content hash stay, so an item that is added later changes little.
    """
    order = np.lexsort((mix(content, seed), classes))
    ranked = classes[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.zeros(0, np.int64)
    position = np.arange(len(ranked)) - np.repeat(starts, np.diff(np.r_[starts, len(ranked)]))
    over = np.zeros(len(ranked), bool)
    over[order] = position >= limit
    return over
