"""The rows of two ledgers side by side: each item's row before and after, and what was told of it then and now."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.manifest.matched import matched
from acquisition.manifest.side import Side

_VOLATILE: Final = frozenset({"retrieved_at", "retrieved_url", "etag", "last_modified", "decided_at", "takedown"})
"""Columns that tell when and how something came or was said, which differs where nothing else does."""
_TIMES: Final = frozenset({"at"})
_BITS: Final = 64
EXAMPLES: Final = 5
"""Pairs of each kind and source that are named."""


class Pairs:
    """The pairs of two manifests: as many as there are items in either of them, in the order of the newer one.

    What is asked of it comes as numpy arrays of that length.
    """

    def __init__(self, before: Side, after: Side) -> None:
        self.before, self.after = before, after
        self._left, self._right = matched(before, after)
        self.was_there, self.is_there = self._left >= 0, self._right >= 0
        self._both = self.was_there & self.is_there
        self._columns: dict[tuple[bool, str], pa.ChunkedArray] = {}

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Columns that only one of the two ledgers has, or that mean another thing in each."""
        names = {*self.before.schema.names, *self.after.schema.names} - {"takedown"}
        return tuple(sorted(name for name in names if not self._alike(name)))

    def _alike(self, name: str) -> bool:
        here, there = self.before.schema, self.after.schema
        return name in here.names and name in there.names and bool(here.field(name).type == there.field(name).type)

    def told(self, name: str, *, after: bool) -> Any:
        """Say of each pair whether the column says anything, before or after."""
        side, rows = (self.after, self._right) if after else (self.before, self._left)
        says = pc.not_equal(side.column(name), "").to_numpy()
        found = np.zeros(len(rows), bool)
        found[rows >= 0] = says[rows[rows >= 0]]
        return found

    def differs(self, name: str) -> Any:
        """Say of each pair whether both have the item and the column differs; never where one ledger lacks the column."""
        found = np.zeros(len(self._both), bool)
        if name in self.before.schema.names and name in self.after.schema.names:
            old = self.before.column(name).take(pa.array(self._left[self._both]))
            new = self.after.column(name).take(pa.array(self._right[self._both]))
            found[self._both] = pc.not_equal(old, new).to_numpy()
        return found

    def left_by(self, ids: Iterable[str]) -> Any:
        """Say of each pair whether only the older one has the item, under one of these ids."""
        found = ~self.is_there
        rows = self.before.column("id").take(pa.array(self._left[found]))
        found[found] = pc.is_in(rows, value_set=pa.array(list(ids), pa.string())).to_numpy()
        return found

    def newly_flagged(self) -> Any:
        """Say of each pair whether the item has a flag's code that it did not have before."""
        mask = self.differs("flags")
        rows = np.flatnonzero(mask)
        old = self.before.column("flags").take(pa.array(self._left[rows])).to_pylist() if len(rows) else []
        new = self.after.column("flags").take(pa.array(self._right[rows])).to_pylist() if len(rows) else []
        mask[rows] = [bool(set(now.split()) - set(was.split())) for was, now in zip(old, new, strict=True)]
        return mask

    def counted(self, mask: Any, named: int | None) -> dict[str, tuple[int, Any]]:
        """Return source → how many pairs the mask fits, and the first `named` of them (None: all), in the order of sources."""
        rows = np.flatnonzero(mask)
        names = self._sources[rows]
        found = {}
        for code, count in sorted(Counter(names.tolist()).items()):
            found[self._source_names[code]] = (count, rows[names == code][:named])
        return dict(sorted(found.items()))

    @cached_property
    def _source_names(self) -> list[str]:
        names = {*pc.unique(self.before.column("source")).to_pylist(), *pc.unique(self.after.column("source")).to_pylist()}
        return sorted(names)

    @cached_property
    def _sources(self) -> Any:
        known = pa.array(self._source_names, pa.string())
        found = np.zeros(len(self._both), np.int32)
        for side, rows in ((self.before, self._left), (self.after, self._right)):
            codes = pc.index_in(side.column("source"), known).to_numpy()
            found[rows >= 0] = codes[rows[rows >= 0]]
        return found

    def cells(self, name: str, pairs: Any, *, after: bool) -> list[str]:
        """Return one column of some pairs as text, "" where the item is not there."""
        rows = (self._right if after else self._left)[pairs]
        if (after, name) not in self._columns:
            self._columns[after, name] = (self.after if after else self.before).column(name)
        found = self._columns[after, name].take(pa.array(rows, pa.int64(), mask=rows < 0))
        return [str(value) for value in pc.fill_null(found, "").to_pylist()]

    # --- everything else that is told of an item ------------------------------------------------------------------------

    def recorded(self, others: Any) -> Any:
        """Say of each pair that is not in `others` whether anything else is told of it than before, times left aside."""
        found = np.zeros(len(self._both), bool)
        found[self._both] = self._told != 0
        return found & ~others

    def recorded_in(self, pairs: Any) -> list[str]:
        """Return of some pairs that both have the names of the columns in which each differs."""
        told = self._told[np.cumsum(self._both)[pairs] - 1].tolist()
        return [", ".join(name for place, name in enumerate(self._names) if bits >> place & 1) for bits in told]

    @cached_property
    def _names(self) -> list[str]:
        return [name for name in self.after.schema.names if self._alike(name) and name not in {"source", *_VOLATILE}][:_BITS]

    @cached_property
    def _told(self) -> Any:
        """Return per pair that both have one bit for each of `_names` that differs."""
        found = np.zeros(int(np.count_nonzero(self._both)), np.uint64)
        for pairs, old, new in self._windows():
            for place, name in enumerate(self._names):
                if not old[name].equals(new[name]):
                    found[pairs] |= _differing(old[name], new[name]).astype(np.uint64) << np.uint64(place)
        return found

    def _windows(self) -> Iterator[tuple[Any, pa.Table, pa.Table]]:
        """Yield the rows that both ledgers have and which they are, a shard at a time; what stands in another order at last."""
        left, right = self._left[self._both], self._right[self._both]
        steady = _rising(left)
        pairs, done = np.flatnonzero(steady), 0
        here, there = self.before.stream(self._names, left[pairs]), self.after.stream(self._names, right[pairs])
        old, new = next(here, None), next(there, None)
        while old is not None and new is not None:
            many = min(len(old), len(new))
            yield pairs[done : done + many], old.slice(0, many), new.slice(0, many)
            done += many
            old = old.slice(many) if many < len(old) else next(here, None)
            new = new.slice(many) if many < len(new) else next(there, None)
        if not steady.all():
            pairs = np.flatnonzero(~steady)
            yield pairs, self.before.rows(self._names, left[pairs]), self.after.rows(self._names, right[pairs])


def _rising(rows: Any) -> Any:
    """Say which rows to keep so that the most of them rise: a longest increasing subsequence, by patience (Fredman 1975)."""
    if (np.diff(rows) > 0).all():
        return np.ones(len(rows), bool)
    tops: list[int] = []
    heights = np.empty(len(rows), np.int64)
    for place, row in enumerate(rows.tolist()):
        heights[place] = height = bisect_left(tops, row)
        tops[height : height + 1] = [row]
    found, height = np.zeros(len(rows), bool), len(tops) - 1
    for place, own in zip(range(len(rows) - 1, -1, -1), reversed(heights.tolist()), strict=True):
        if own == height:
            found[place], height = True, height - 1
    return found


def _differing(old: pa.ChunkedArray, new: pa.ChunkedArray) -> Any:
    if not pa.types.is_nested(old.type):
        same = pc.equal(old, new).combine_chunks()
        nulls = pc.and_(pc.is_null(old), pc.is_null(new)).combine_chunks()
        return ~pc.coalesce(same, nulls).to_numpy(zero_copy_only=False)
    pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
    return np.fromiter((_timeless(was) != _timeless(now) for was, now in pairs), bool, len(old))


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(entry) for key, entry in value.items() if key not in _TIMES}
    return [_timeless(entry) for entry in value] if isinstance(value, list) else value
