"""Which split an item belongs to: numpy over the whole set, the same for any order of the items.

Hashes are 64-bit; a draw mixes the hash of a group with the seed through SplitMix64 (Steele, Lea and Flood 2014), so an
item's split depends on its own group, never on what else is in the set. What was settled by an earlier build stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from acquisition.curate.conflicts import clashes_of, part
from acquisition.curate.strata import Strata, stratified
from acquisition.model import SPLIT_NAMES
from acquisition.settings import is_split_name

NONE: Final = np.uint64(0)
_TOP: Final = np.uint64(2**64 - 1)


def canonical(name: str) -> str:
    """Return a split's usual name ("dev" → "validation"), or its own as `datasets` takes it: words with dots, no dashes."""
    plain = name.strip().casefold()
    if plain in SPLIT_NAMES:
        return SPLIT_NAMES[plain]
    words = re.sub(r"\.+", ".", re.sub(r"[^a-z0-9_.]+", "_", plain)).strip("_.") or "train"
    return words if is_split_name(words) else f"split_{words.replace('.', '_')[:50]}"


def precedence(name: str, holdouts: Sequence[str]) -> tuple[int, str]:
    """Return what sorts splits by how much harm training on them would do: hold-outs, test, validation, others, train."""
    if name in holdouts:
        return 0, name
    usual = canonical(re.split(r"[_.]", canonical(name), maxsplit=1)[0])
    return {"test": 1, "validation": 2, "train": 4}.get(usual, 3), name


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

    Two items are connected when they share a value other than 0 in one of the key arrays (uint64). Labels spread through the
    keys, and what stands for a component hears of it, so that chains take few rounds (as Shiloach and Vishkin 1982 hook trees).
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
            heard = label.copy()
            np.minimum.at(heard, label[holders], lowest[inverse])
            label = np.minimum(heard, heard[label])
        if np.array_equal(before, label):
            return label


@dataclass(frozen=True, slots=True)
class SplitKeys:
    """What splits are made from, one entry per item.

    `content` is a hash of the content and never 0; `groups` are arrays of hashes, 0 for none. `wanted` (what a hold-out or
    the publisher says) and `settled` (where an earlier build has put the item) index `names`, -1 for none. `holdouts` are the
    names of hold-outs, `embargoed` those of them with an embargo; `strata` say what every split gets its share of, None for the
    whole set.
    """

    content: Any
    groups: tuple[Any, ...]
    wanted: Any
    names: tuple[str, ...]
    settled: Any = None
    holdouts: tuple[str, ...] = ()
    embargoed: tuple[str, ...] = ()
    strata: Strata | None = None


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The split of each item (`code` indexes `names`, -1 for an item that fits in none), and what was settled on the way.

    `published` items are where their publisher has them, `drawn` ones where a share or their component has put them (none of
    both is in a hold-out). `conflicts` components were wanted in several splits, and `moved` items are not where they were
    wanted. `clashes` holds for each item without a split the two splits that it would connect; `largest` is the size of the
    largest component. All of it is the same when a build is made again.
    """

    names: tuple[str, ...]
    code: Any
    published: int
    drawn: int
    conflicts: int
    moved: int
    largest: int = 0
    clashes: Mapping[int, tuple[str, str]] = field(default_factory=dict)


def assign(keys: SplitKeys, shares: Mapping[str, float], seed: int) -> SplitPlan:
    """Give every item a split: the settled one of its component, the wanted one, or one drawn by share ("train" without).

    Items that share content, group or duplicate cluster form a component and never part. A new component that is wanted in
    several splits goes where training on it would do most harm, so that nothing of a test set is trained on. Where an earlier
    build has settled a component, nothing of it moves: what connects two settled splits is left without one (`conflicts.part`).
    """
    count = len(keys.content)
    names = _names(keys, shares)
    numbers = {name: number for number, name in enumerate(names)}
    place = np.array([*(numbers[name] for name in keys.names), -1], np.int64)
    wanted = place[keys.wanted]
    settled = np.full(count, -1, np.int64) if keys.settled is None else place[keys.settled]
    component = components((keys.content, *keys.groups), count)
    fixed, parted = _fixed(keys, names, wanted, settled, component)
    if parted is not None:
        component = parted.component
    code = fixed[component]
    held = np.zeros(count, bool) if parted is None else parted.held
    free = (code < 0) & ~held
    code[free] = _drawn(keys, component, free, code, names, shares, seed)
    code[held] = -1
    told = np.where(settled >= 0, settled, wanted)
    clashes = clashes_of(held, (keys.content, *keys.groups), told, code) if held.any() else {}
    strayed = (wanted >= 0) & (wanted != code) & ~held
    held_out = np.isin(code, [number for number, name in enumerate(names) if name in keys.holdouts])
    follows = (wanted >= 0) & (wanted == code) & ~held_out
    return SplitPlan(
        names=names,
        code=code.astype(np.int32),
        published=int(follows.sum()),
        drawn=int((~(follows | strayed | held_out | held)).sum()),
        conflicts=len(np.unique(component[strayed])),
        moved=int(strayed.sum()),
        largest=int(np.bincount(component[~held]).max(initial=0)),
        clashes={item: (names[one], names[two]) for item, (one, two) in clashes.items()},
    )


def _names(keys: SplitKeys, shares: Mapping[str, float]) -> tuple[str, ...]:
    """Return all splits, those first that are to be kept out of training, and of these the ones under embargo."""
    known = {*keys.names, *(shares or {"train": 1.0})}
    return tuple(sorted(known, key=lambda name: (name not in keys.embargoed, *precedence(name, keys.holdouts))))


def _fixed(keys: SplitKeys, names: Sequence[str], wanted: Any, settled: Any, component: Any) -> tuple[Any, Any]:
    """Return for each component (by its smallest index) its split or -1, and what had to be parted, None for nothing."""
    count = len(component)
    told = np.where(settled >= 0, settled, wanted)
    lowest, highest = np.full(count, len(names), np.int64), np.full(count, -1, np.int64)
    speaking = told >= 0
    np.minimum.at(lowest, component[speaking], told[speaking])
    np.maximum.at(highest, component[speaking], told[speaking])
    bound = np.zeros(count, bool)
    bound[component[settled >= 0]] = True
    torn = np.flatnonzero((bound & (lowest < highest))[component])
    fixed = np.where(highest < 0, -1, lowest)
    if not len(torn):
        return fixed, None
    held_out = np.array([name in keys.holdouts for name in names])
    parted = part(
        torn,
        [key[torn] for key in (keys.content, *keys.groups)],
        told=told,
        settled=settled,
        first=held_out,
        component=component,
    )
    for root, split in parted.splits.items():
        fixed[root] = split
    return fixed, parted


def _drawn(
    keys: SplitKeys, component: Any, free: Any, code: Any, names: Sequence[str], shares: Mapping[str, float], seed: int
) -> Any:
    """Return the splits of the free items."""
    if not shares:
        return np.full(int(free.sum()), names.index("train"), np.int64)
    key = _keys_of(keys, component)
    lookup = np.array([names.index(name) for name in shares], np.int64)
    if keys.strata is not None:
        places = np.full(len(names), -1, np.int64)
        places[lookup] = np.arange(len(lookup))
        here = np.where(code >= 0, places[code], -1)
        return lookup[stratified(keys.strata, component, here, free, tuple(shares.values()), mix(key, seed))]
    point = (mix(key[free], seed) >> np.uint64(11)).astype(np.float64) / 2**53
    bounds = np.cumsum(np.array(list(shares.values()), np.float64))
    return lookup[np.minimum(np.searchsorted(bounds, point, side="right"), len(bounds) - 1)]


def _keys_of(keys: SplitKeys, component: Any) -> Any:
    """Return for each item what its component is drawn by (uint64).

    It is the smallest group hash of the component, or of its content where it has no group: a new member of a known group
    changes nothing.
    """
    count = len(component)
    strong, weak = np.full(count, _TOP), np.full(count, _TOP)
    for group in keys.groups:
        np.minimum.at(strong, component, np.where(group == NONE, _TOP, group))
    np.minimum.at(weak, component, keys.content)
    return np.where(strong == _TOP, weak, strong)[component]
