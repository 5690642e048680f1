"""What connects two splits that an earlier build has settled: it is left without a split, so that nothing moves or crosses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Parted:
    """Components after parting (index of one member for each item, as `splits.components` gives it), and who is left.

    `splits` gives the split of each new component that has one; `held` marks the items that belong to none, and `clashes`
    says for each of them which two splits it would have connected.
    """

    component: Any
    splits: Mapping[int, int]
    held: Any
    clashes: Mapping[int, tuple[int, int]]


class _Groups:
    """Union-find over positions, in which a set may have a split."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))
        self.split = [-1] * count

    def root(self, one: int) -> int:
        """Return what stands for the set; paths are halved on the way (Tarjan and van Leeuwen 1984)."""
        parent = self._parent
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        return one

    def join(self, one: int, other: int) -> int:
        """Join two sets of which at most one has a split, and return what stands for both."""
        one, other = self.root(one), self.root(other)
        if one != other:
            self.split[one] = max(self.split[one], self.split[other])
            self._parent[other] = one
        return one


def part(items: Any, keys: Sequence[Any], *, told: Any, settled: Any, first: Any, component: Any, order: Any) -> Parted:
    """Part the components of `items` (all their members' positions), so that each is of one split.

    Members are taken one after the other: of hold-outs (`first`, by split), then settled ones, splits that must not be trained
    on before others, then new ones, each by `order`. A member whose keys lead to two splits is left out, and connects nothing.
    `told` is what each item says of its split (settled, else wanted), -1 for nothing; `keys` hold for each of `items` hashes, 0
    for none.
    """
    groups, holder = _Groups(len(items)), [dict[int, int]() for _ in keys]
    clashes: dict[int, tuple[int, int]] = {}
    own = told[items]
    ahead = (own >= 0) & first[own]
    rank = np.where(ahead, 0, np.where(settled[items] >= 0, 1, 2))
    columns = [key.tolist() for key in keys]
    for member in np.lexsort((order[items], np.where(own < 0, len(first), own), rank)).tolist():
        mine = [(number, column[member]) for number, column in enumerate(columns) if column[member]]
        met = [groups.root(holder[number][key]) for number, key in mine if key in holder[number]]
        splits = {int(own[member]), *(groups.split[root] for root in met)} - {-1}
        if len(splits) > 1:
            one, two, *_ = sorted(splits)
            clashes[int(items[member])] = (one, two)
            continue
        groups.split[member] = int(own[member])
        for root in met:
            groups.join(member, root)
        for number, key in mine:
            holder[number].setdefault(key, member)
    return _parted(items, groups, clashes, component)


def _parted(items: Any, groups: _Groups, clashes: Mapping[int, tuple[int, int]], component: Any) -> Parted:
    places = items.tolist()
    parted, splits = component.copy(), dict[int, int]()
    held = np.zeros(len(component), bool)
    held[list(clashes)] = True
    for member, item in enumerate(places):
        if held[item]:
            parted[item], splits[item] = item, -1
            continue
        root = groups.root(member)
        parted[item] = places[root]
        splits[places[root]] = groups.split[root]
    return Parted(parted, splits, held, clashes)
