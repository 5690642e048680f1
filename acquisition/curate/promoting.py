"""Which copy is kept where the preferred one is not: flags name the preferred copy, and only verdicts know what becomes of it.

Every flag of a copy leads to the copy that is preferred to it, so the flags that cost an item its place form trees. Where the
root of a tree is not kept, the next copy in the order of preference that the policy would keep by itself takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.model import SEVERITY, Outcome

COPIES: Final = ("duplicate.exact", "duplicate.normalised", "duplicate.near")
"""Codes that name a preferred copy. Contamination and label conflicts are none: they speak of the content itself."""
PROMOTED: Final = "duplicate.promoted"
_RELATED: Final = (*COPIES, "duplicate.representative", "duplicate.label-conflict")
_KEPT: Final = SEVERITY[Outcome.REDACT]
_HELD: Final = SEVERITY[Outcome.HOLD]
_NOBODY: Final = 2**30

RELATION_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("preferred", pa.string(), nullable=False),
        pa.field("place", pa.int32(), nullable=False),
        pa.field("severity", pa.int8(), nullable=False),
        pa.field("decided", pa.bool_(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
    ]
)
"""What one shard tells of its items that have copies.

preferred   the copy that costs the item its place, "" where the policy keeps it beside its copies
place       its place in its cluster's order of preference, 0 the first
severity    of the outcome that the item would have if it had no copies; `code` is what would decide
decided     True where a person decided
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What becomes of one copy, or of a preferred one that is not kept.

    `kept_id` is the copy that is kept in its place, "" where none is; `promoted` says that flags of copies count no longer
    for it; `why` is a sentence to add.
    """

    kept_id: str
    why: str
    promoted: bool = False


def preferred_in(details: Iterable[str]) -> list[tuple[str, int]]:
    """Return for each detail of a duplicate's flag the preferred copy, "" for none, and the item's place in the order."""
    return [_named(detail) for detail in details]


def _named(detail: str) -> tuple[str, int]:
    try:
        facts = orjson.loads(detail)
    except ValueError:
        return "", _NOBODY
    if not isinstance(facts, dict):
        return "", _NOBODY
    place = facts.get("place", _NOBODY)
    return str(facts.get("kept", "")), place if isinstance(place, int) and 0 <= place < _NOBODY else _NOBODY


def related(flags: pa.Table) -> Any:
    """Return a mask (bool array) of the flags that say how an item stands to its copies."""
    return pc.is_in(flags.column("code"), value_set=pa.array(_RELATED)).to_numpy()


def is_copy(flags: pa.Table) -> Any:
    """Return a mask (bool array) of the flags that name a preferred copy."""
    return pc.is_in(flags.column("code"), value_set=pa.array(COPIES)).to_numpy()


def standings(relations: Mapping[str, pa.Table]) -> dict[str, dict[int, Standing]]:
    """Return by shard key and row what is to be told beyond the flags; `relations` maps shard keys to RELATION_SCHEMA.

    A root that is not kept gives way to the item that a person keeps, else to the first that the policy keeps by itself; where
    it is dropped and no copy would be kept, the first that would be held is held. What a person dropped or held stays
    so with all its copies: a decision is on the content, and no other place brings it back.
    """
    keys = [key for key in sorted(relations) if relations[key].num_rows]
    if not keys:
        return {}
    told = pa.concat_tables([relations[key] for key in keys]).combine_chunks()
    rows = told.column("row").to_numpy()
    nodes = _open(told)
    if not len(nodes):
        return {}
    forest = _Forest(told.take(pa.array(nodes)))
    bounds = np.cumsum([0, *(relations[key].num_rows for key in keys)])
    found: dict[str, dict[int, Standing]] = {}
    for place, standing in forest.changed():
        node = int(nodes[place])
        key = keys[int(np.searchsorted(bounds, node, side="right")) - 1]
        found.setdefault(key, {})[int(rows[node])] = standing
    return found


def _open(told: pa.Table) -> Any:
    """Return the rows (sorted int64) that flags alone do not settle, with all copies that are preferred to them.

    Settled is a copy whose preferred one is kept and no copy itself, and these are most: nothing more is held of them.
    """
    severity = told.column("severity").to_numpy()
    named = pc.not_equal(_whole(told, "preferred"), "").to_numpy(zero_copy_only=False)
    parent = pc.index_in(_whole(told, "preferred"), value_set=_whole(told, "item")).fill_null(-1).to_numpy().astype(np.int64)
    parent[~named] = -1
    above = np.maximum(parent, 0)
    found = named & ((parent < 0) | (severity[above] > _KEPT) | named[above])
    fresh = np.unique(parent[found & (parent >= 0)])
    while len(fresh := fresh[~found[fresh]]):
        found[fresh] = True
        fresh = np.unique(parent[fresh][parent[fresh] >= 0])
    return np.flatnonzero(found)


class _Forest:
    """All items that have copies, numbered as told; a preferred copy that is not told of stands behind them."""

    def __init__(self, told: pa.Table) -> None:
        ids = pc.dictionary_encode(pa.concat_arrays([_whole(told, "item"), _whole(told, "preferred")]))
        codes = ids.indices.to_numpy()
        self._own, preferred = codes[: told.num_rows], codes[told.num_rows :]
        self._names = ids.dictionary
        named = pc.not_equal(_whole(told, "preferred"), "").to_numpy(zero_copy_only=False)
        size = len(self._names)
        self._root = np.arange(size)
        self._root[self._own[named]] = preferred[named]
        while not np.array_equal(self._root, above := self._root[self._root]):
            self._root = above
        self._parent = np.full(size, -1)
        self._parent[self._own[named]] = preferred[named]
        self._node = np.full(size, -1)
        self._node[self._own] = np.arange(told.num_rows)
        self._place = self._spread(told, "place", _NOBODY)
        self._severity = self._spread(told, "severity", SEVERITY[Outcome.DROP])
        self._decided = self._spread(told, "decided", 0).astype(bool)
        self._code = _whole(told, "code")

    def _spread(self, told: pa.Table, name: str, missing: int) -> Any:
        values = np.full(len(self._names), missing, np.int64)
        values[self._own] = told.column(name).to_numpy().astype(np.int64)
        return values

    def changed(self) -> Iterable[tuple[int, Standing]]:
        """Yield (row of the told table, standing) of all items for which the flags alone do not say it."""
        stands = self._stands()
        own = np.sort(self._own)
        copies = self._parent[own] >= 0
        lost = np.zeros(len(self._names), dtype=bool)  # trees whose root is not kept
        lost[self._root[own[copies]]] = True
        lost &= self._severity > _KEPT
        for name in own[lost[self._root[own]] | (copies & (self._parent[own] != stands[self._root[own]]))].tolist():
            if (standing := self._standing(name, int(stands[self._root[name]]))) is not None:
                yield int(self._node[name]), standing

    def _stands(self) -> Any:
        """Return for every root the item that is kept or held for its tree, -1 where there is none."""
        everybody = np.arange(len(self._names))
        is_root = self._root == everybody
        root_severity, blocked = self._severity[self._root], self._decided[self._root]
        kept = self._severity <= _KEPT
        rank = np.full(len(everybody), 9)
        rank[(self._severity == _HELD) & ~is_root & (root_severity > _HELD) & ~blocked] = 3
        rank[kept & ~is_root & ~blocked] = 2
        rank[kept & self._decided] = 1
        rank[kept & is_root] = 0
        order = np.lexsort((self._sorted_names(), self._place, rank, self._root))
        order = order[rank[order] < 9]
        stands = np.full(len(everybody), -1)
        roots, first = np.unique(self._root[order], return_index=True)
        stands[roots] = order[first]
        return stands

    def _sorted_names(self) -> Any:
        place = np.empty(len(self._names), np.int64)
        place[pc.array_sort_indices(self._names).to_numpy()] = np.arange(len(self._names))
        return place

    def _standing(self, name: int, stand: int) -> Standing | None:
        root = int(self._root[name])
        if name == root:
            return (
                None
                if stand < 0 or not self._is_kept(stand)
                else Standing(self._name(stand), f"{self._name(stand)} is kept in its place")
            )
        if self._decided[name]:
            return None
        whose = self._told(root)
        if stand == name:
            return Standing("", f"kept in place of {whose}" if self._is_kept(name) else f"its preferred copy is {whose}", True)
        if stand < 0:
            return Standing("", f"no copy is kept: the preferred one is {whose}")
        if not self._is_kept(stand):
            return Standing("", f"no copy is kept: the preferred one is {whose}, and {self._name(stand)} is held in its place")
        if stand == root:
            return Standing(self._name(stand), f"{self._name(stand)} is kept in its place")
        return Standing(self._name(stand), f"{self._name(stand)} is kept in its place; the preferred one is {whose}")

    def _is_kept(self, name: int) -> bool:
        return bool(self._severity[name] <= _KEPT)

    def _name(self, name: int) -> str:
        found: str = self._names[name].as_py()
        return found

    def _told(self, name: int) -> str:
        """Name a root that is not kept and say why it is not."""
        node = int(self._node[name])
        if node < 0:
            return f"{self._name(name)}, which is not here"
        outcome = "held" if self._severity[name] == _HELD else "dropped"
        return f"{self._name(name)}, which is {outcome} ({self._code[node].as_py()})"


def _whole(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def relation(columns: Mapping[str, Sequence[Any] | pa.Array]) -> pa.Table:
    """Return a table of RELATION_SCHEMA."""
    return pa.table({name: columns[name] for name in RELATION_SCHEMA.names}, schema=RELATION_SCHEMA)
