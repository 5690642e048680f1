"""What connects two splits that an earlier build has settled: it is left without a split, so that nothing moves or crosses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Parted:
    """Components after parting (index of one member for each item, as `splits.components` gives it), and who is left.

    `splits` gives the split of each new component that has one; `held` marks the items that belong to none.
    """

    component: Any
    splits: Mapping[int, int]
    held: Any


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


@dataclass(frozen=True, slots=True)
class _Unit:
    """All items of one content, which are never parted, and what is said of its split, -1 for nothing."""

    members: list[int]
    told: int


def part(items: Any, keys: Sequence[Any], *, told: Any, settled: Any, first: Any, component: Any) -> Parted:
    """Part the components of `items` (all their members' positions), so that each is of one split.

    Contents are taken one after the other: of hold-outs (`first`, by split), then settled ones, splits that must not be trained
    on before others, then new ones, each by their hash. One whose keys lead to two splits is left out, and connects nothing; so
    is an item that is wanted elsewhere than its content is. `told` is what each item says of its split (settled, else wanted),
    -1 for nothing; `keys` hold for each of `items` hashes, 0 for none, the first of them the content's.
    """
    groups, holder = _Groups(len(items)), [dict[int, int]() for _ in keys]
    held: list[int] = []
    columns = [key.tolist() for key in keys]
    own = told[items].tolist()
    for unit in _units(keys[0], own, settled[items] >= 0, first):
        mine = {(number, column[one]) for one in unit.members for number, column in enumerate(columns) if column[one]}
        met = [groups.root(holder[number][key]) for number, key in mine if key in holder[number]]
        if len({unit.told, *(groups.split[root] for root in met)} - {-1}) > 1:
            held += unit.members
            continue
        held += [one for one in unit.members if own[one] not in {-1, unit.told}]
        root = unit.members[0]
        groups.split[root] = unit.told
        for other in (*unit.members, *met):
            root = groups.join(root, other)
        for number, key in mine:
            holder[number].setdefault(key, root)
    return _parted(items, groups, held, component)


def _units(content: Any, own: Sequence[int], settled: Any, first: Any) -> list[_Unit]:
    """Return the contents in the order in which they are taken."""
    members: dict[int, list[int]] = {}
    for one, key in enumerate(content.tolist()):
        members.setdefault(key, []).append(one)
    found = []
    for key, ones in members.items():
        said = min((own[one] for one in ones if own[one] >= 0), default=-1)
        bound = [own[one] for one in ones if settled[one]]
        told = said if said >= 0 and first[said] else min(bound, default=said)
        rank = 0 if told >= 0 and first[told] else 1 if bound else 2
        found.append((rank, told if told >= 0 else len(first), key, _Unit(ones, told)))
    return [unit for *_, unit in sorted(found, key=lambda one: one[:3])]


def _parted(items: Any, groups: _Groups, left: Sequence[int], component: Any) -> Parted:
    places = items.tolist()
    parted, splits = component.copy(), dict[int, int]()
    held = np.zeros(len(component), bool)
    held[items[np.array(left, np.int64)]] = True
    for member, item in enumerate(places):
        if held[item]:
            parted[item], splits[item] = item, -1
            continue
        root = groups.root(member)
        parted[item] = places[root]
        splits[places[root]] = groups.split[root]
    return Parted(parted, splits, held)


def clashes_of(held: Any, keys: Sequence[Any], told: Any, code: Any) -> dict[int, tuple[int, int]]:
    """Return for each held item two splits that its content would connect: what is said of it, and where its keys lead."""
    left = np.flatnonzero(held)
    same: dict[int, set[int]] = {content: set() for content in keys[0][left].tolist()}
    found = {item: same[content] for item, content in zip(left.tolist(), keys[0][left].tolist(), strict=True)}
    for item, splits_of_content in found.items():
        splits_of_content.add(int(told[item]))
    for key in keys:
        asked = np.isin(key, key[left][key[left] != 0]) & (code >= 0)
        splits: dict[int, set[int]] = {}
        for value, split in zip(key[asked].tolist(), code[asked].tolist(), strict=True):
            splits.setdefault(value, set()).add(split)
        for item, value in zip(left.tolist(), key[left].tolist(), strict=True):
            found[item] |= splits.get(value, set())
    pairs = ((item, sorted(splits - {-1})) for item, splits in found.items())
    return {item: (splits[0], splits[-1]) for item, splits in pairs}
