"""Which row of an older ledger is which row of a newer one: by id, by name, by content, by neighbours, by place.

A new release gives every item a new id, and a row that goes shifts the numbers of all that follow. So a number is the last
thing that an item is known by: first come its id, the file or address that it is, and its content.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.manifest.side import KEY, Side

_NUMBERED: Final = r"#(row|index)=\d+$"
"""Ends a locator that only counts: which item it means depends on how many stand before it."""
_BY_CONTENT: Final = (("asset", "class", "content_sha256"), ("class", "content_sha256"), ("content_sha256",))
"""Of rows with one content those are the same that also share file and class; what is left over, whatever they share."""
_SPREAD: Final = 2**62


def matched(before: Side, after: Side) -> tuple[Any, Any]:
    """Return per pair the row before and the row after, -1 where there is none: in the order of the newer, then of the older.

    No row is in two pairs, and pairs never cross sources. Of several rows that share what they are matched by, the first is the
    first. An item that was taken down between the two is nobody's partner.
    """
    old, new = ([side.column(name) for name in ("source", "id")] for side in (before, after))
    if all(was.equals(now) for was, now in zip(old, new, strict=True)):
        return np.arange(len(before)), np.arange(len(after))
    match = _Match(before, after)
    match.by(old, new)
    match.close(old[1])
    del old, new
    match.by_name()
    for names in _BY_CONTENT:
        match.by_content(names)
    match.by_neighbours()
    match.by(*match.columns(KEY))
    return match.pairs()


class _Match:
    """The partners found so far; each step looks only at the rows that have none."""

    def __init__(self, before: Side, after: Side) -> None:
        self._before, self._after = before, after
        self._new_of = np.full(len(before), -1)
        self._old_of = np.full(len(after), -1)
        self._closed = np.zeros(len(before), bool)
        self._read: dict[str, tuple[pa.ChunkedArray, pa.ChunkedArray]] = {}

    def columns(self, names: tuple[str, ...]) -> tuple[list[pa.ChunkedArray], list[pa.ChunkedArray]]:
        """Return some columns of the older ledger, then of the newer; none of either when nothing is left to match."""
        if not all(mask.any() for mask in self._alone()):
            return [], []
        for name in names:
            if name not in self._read:
                self._read[name] = (self._before.column(name), self._after.column(name))
        return [self._read[name][0] for name in names], [self._read[name][1] for name in names]

    def _alone(self) -> tuple[Any, Any]:
        return (self._new_of < 0) & ~self._closed, self._old_of < 0

    @cached_property
    def _numbered(self) -> tuple[Any, Any]:
        old, new = self._read["locator"]
        return pc.match_substring_regex(old, _NUMBERED).to_numpy(), pc.match_substring_regex(new, _NUMBERED).to_numpy()

    def close(self, ids: pa.ChunkedArray) -> None:
        """Leave out what only the newer ledger's list of takedowns still knows."""
        gone = self._after.taken_down
        if gone:
            self._closed = pc.is_in(ids, value_set=pa.array(list(gone), pa.string())).to_numpy()

    def by(self, old: list[pa.ChunkedArray], new: list[pa.ChunkedArray], *where: Any) -> None:
        """Pair the rows without a partner that are equal in these columns, and lie in these two masks if there are any."""
        left, right = (np.flatnonzero(mask) for mask in self._alone())
        if where:
            left, right = (rows[mask[rows]] for rows, mask in zip((left, right), where, strict=True))
        if len(left) and len(right):
            codes = _codes([_taken(one, left) for one in old], [_taken(one, right) for one in new])
            self._pair(left, right, codes)

    def _pair(self, left: Any, right: Any, codes: Any) -> None:
        here, there = _told_apart(codes, len(left))
        _, first, second = np.intersect1d(here, there, assume_unique=True, return_indices=True)
        self._new_of[left[first]] = right[second]
        self._old_of[right[second]] = left[first]

    def by_name(self) -> None:
        """Pair what is a file or an address of its own by that."""
        old, new = self.columns(KEY)
        if old:
            self.by(old, new, *(~mask for mask in self._numbered))

    def by_content(self, names: tuple[str, ...]) -> None:
        """Pair what has one content; where that is sealed, nothing is known of it."""
        old, new = self.columns(("source", *names))
        if old:
            self.by(old, new, *(pc.not_equal(one[-1], "").to_numpy() for one in (old, new)))

    def by_neighbours(self) -> None:
        """Pair numbered rows that stand as far behind one and the same item: one that was edited where it stands.

        How an alignment of two texts by their unchanged lines takes the changed ones between them (Heckel 1978).
        """
        old, new = self.columns(("source", "asset", "locator"))
        if old:
            here, there = (_Neighbours(side[1], side[2], self._numbered[place]) for place, side in enumerate((old, new)))
            left = here.columns(self._new_of >= 0, self._new_of)
            right = there.columns(self._old_of >= 0, np.arange(len(self._old_of)))
            self.by([old[0], *left], [new[0], *right], *self._numbered)

    def pairs(self) -> tuple[Any, Any]:
        """Return the rows of every pair."""
        removed = np.flatnonzero(self._new_of < 0)
        right = np.concatenate([np.arange(len(self._old_of)), np.full(len(removed), -1)])
        return np.concatenate([self._old_of, removed]), right


class _Neighbours:
    """Where the numbered rows of a ledger stand: behind which row of their file that has a partner, and how far."""

    def __init__(self, assets: pa.ChunkedArray, locators: pa.ChunkedArray, numbered: Any) -> None:
        self._assets = assets.combine_chunks()
        self._numbers = np.full(len(assets), -1)
        digits = pc.extract_regex(locators.filter(pa.array(numbered)), r"(?P<digits>\d{1,18})$").combine_chunks()
        self._numbers[numbered] = digits.field("digits").cast(pa.int64()).to_numpy()

    def columns(self, paired: Any, names: Any) -> list[pa.ChunkedArray]:
        """Return the file where there is no such row in it, else the name that both ledgers have for the row; and how far."""
        rows = np.arange(len(paired))
        begins = np.append(True, pc.not_equal(self._assets[1:], self._assets[:-1]).to_numpy(zero_copy_only=False))
        last = np.maximum.accumulate(np.where(paired, rows, -1))
        found = last >= np.maximum.accumulate(np.where(begins, rows, 0))
        far = self._numbers - np.where(found, self._numbers[last], -1)
        asset = pc.if_else(pa.array(found), "", self._assets)
        return [pa.chunked_array([one]) for one in (asset, pa.array(np.where(found, names[last], -1)), pa.array(far))]


def _taken(column: pa.ChunkedArray, rows: Any) -> pa.ChunkedArray:
    return column if len(rows) == len(column) else column.take(pa.array(rows))


def _codes(old: list[pa.ChunkedArray], new: list[pa.ChunkedArray]) -> Any:
    """Return a number for every row, those of the older side first: equal rows have equal ones."""
    found, spread = np.zeros(len(old[0]) + len(new[0]), np.int64), 1
    for was, now in zip(old, new, strict=True):
        encoded = pa.chunked_array([*was.chunks, *now.chunks]).dictionary_encode()
        many = len(encoded.chunk(0).dictionary)
        if spread * many > _SPREAD:
            kinds, found = np.unique(found, return_inverse=True)
            spread = len(kinds)
        found = found * many + np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
        spread *= many
    return found


def _told_apart(codes: Any, many: int) -> tuple[Any, Any]:
    """Return the codes of both sides (the first `many` are the older one's) with those that stand there again numbered."""
    kinds, codes = np.unique(codes, return_inverse=True)
    here, there = (one + len(kinds) * _times(one) for one in (codes[:many], codes[many:]))
    return here, there


def _times(codes: Any) -> Any:
    """Return how often each code stood there before."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    found = np.empty(len(codes), np.int64)
    found[order] = np.arange(len(codes)) - np.repeat(begins, np.diff(np.append(begins, len(codes))))
    return found
