"""From links to decisions: three levels of sameness, one kept copy per level, what spans splits, what is in a reference set.

An item gets at most one of duplicate.exact, duplicate.normalised and duplicate.near: the tightest level at which another
copy is preferred. So a near copy that the policy keeps still loses its own exact copies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.filters.duplicates.clusters import capped_components, components, representatives, split_far
from acquisition.filters.duplicates.links import EXACT, HOW, LINK_SCHEMA, NEAR, distinct
from acquisition.filters.duplicates.measuring import alike, least_near, measure
from acquisition.filters.duplicates.tables import Signatures

Prefer = Callable[[pa.Table, np.ndarray], np.ndarray]
"""Takes members (COLUMNS) and a number for what links reach from each; returns a rank for each, lower is preferred."""
COLUMNS: Final = ["row", "item", "source", "split", "label", "license_raw", "license_url", "told", "worth", "letters"]
_FAR: Final = 0.2
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least near similarity, and the largest near cluster."""

    threshold: float
    cluster: int


@dataclass(frozen=True, slots=True)
class Links:
    """Verified links, one entry each: `words` is the similarity of words, `whole` whether all shingles were seen."""

    kind: np.ndarray
    how: np.ndarray
    a: np.ndarray
    b: np.ndarray
    similarity: np.ndarray
    words: np.ndarray
    whole: np.ndarray

    def take(self, which: np.ndarray) -> Links:
        """Return some of the links."""
        return Links(*(getattr(self, name)[which] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Clusters:
    """What was decided about the items that have a copy; all arrays run over `positions`, sorted.

    `exact`, `normal` and `near` hold, for each item, the index of the kept copy at that level (itself if it is kept), `how`
    what is equal with the kept normal form. `place` counts the items of a near cluster in the order of preference, from 0.
    `links` are the near links, with indices for positions; `direct`, `words` and `whole` are measured between each item's
    normal form and its kept near copy (-1 where texts were not compared).
    """

    positions: np.ndarray
    members: pa.Table
    exact: np.ndarray
    normal: np.ndarray
    near: np.ndarray
    place: np.ndarray
    how: np.ndarray
    direct: np.ndarray
    words: np.ndarray
    whole: np.ndarray
    links: Links
    best: np.ndarray


def read(path: Path) -> pa.Table:
    """Return one partition's links."""
    with pq.ParquetFile(path) as table:
        return table.read(use_threads=False)


def verified(signatures: Signatures, tables: Sequence[pa.Table], threshold: float) -> Links:
    """Return all links; texts that are candidates are measured, each pair once, and stay only if they are near copies."""
    linked = pa.concat_tables([LINK_SCHEMA.empty_table(), *tables])
    kind, how, a, b, similarity = (np.asarray(linked.column(name).to_numpy()) for name in LINK_SCHEMA.names)
    open_ = (kind == NEAR) & (how == HOW["shingles"])
    pairs = alike(signatures, _unique(a[open_], b[open_]), least_near(threshold))
    measured = measure(signatures, pairs)
    good = np.flatnonzero(measured.near(threshold))
    pairs, measured = pairs[good], measured.take(good)
    rest = Links(kind, how, a.astype(np.int64), b.astype(np.int64), similarity, np.zeros(len(a), np.float32), open_).take(
        ~open_
    )
    count = len(pairs)
    found = Links(
        np.full(count, NEAR, np.uint8),
        np.full(count, HOW["shingles"], np.uint8),
        pairs[:, 0],
        pairs[:, 1],
        measured.characters,
        measured.words,
        measured.whole,
    )
    return Links(*(np.concatenate((getattr(rest, name), getattr(found, name))) for name in Links.__slots__))


def _unique(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    keys = distinct((a.astype(np.uint64) << _HALF) | b)
    return np.stack((keys >> _HALF, keys & _LOW), axis=1).astype(np.int64)


def cluster(signatures: Signatures, links: Links, prefer: Prefer, bounds: Bounds) -> Clusters | None:
    """Return the clusters of the items' own links, None when there are none."""
    links = links.take(np.flatnonzero(links.b < signatures.own))
    positions = distinct(np.concatenate((links.a, links.b)))
    if not len(positions):
        return None
    members = signatures.take(positions, COLUMNS).combine_chunks()
    size = len(positions)
    a, b = np.searchsorted(positions, links.a), np.searchsorted(positions, links.b)
    preference = prefer(members, components(size, a, b))
    of_kind = links.kind == EXACT
    exact = representatives(components(size, a[of_kind], b[of_kind]), preference)
    same = links.kind != NEAR
    normal = representatives(components(size, a[same], b[same]), preference)
    edges = _best(Links(links.kind, links.how, normal[a], normal[b], links.similarity, links.words, links.whole).take(~same))
    distance = _Distance(signatures, positions, members, edges)
    far = partial(distance.far, least=bounds.threshold - _FAR)
    capped = capped_components(size, edges.a, edges.b, bounds.cluster)
    near = representatives(split_far(capped, (edges.a, edges.b), preference, far)[normal], preference)
    to_kept = distance.measured(normal, near[normal])
    how = np.zeros(size, np.uint8)
    how[b[same & ~of_kind]] = how[a[same & ~of_kind]] = links.how[same & ~of_kind]
    place = _places(near, preference)
    return Clusters(positions, members, exact, normal, near, place, how, *to_kept, edges, _nearest(size, edges, near))


def _places(cluster: np.ndarray, preference: np.ndarray) -> np.ndarray:
    """Return each item's place in its cluster's order of preference, the kept one at 0."""
    order = np.lexsort((preference, cluster))
    first = np.ones(len(order), dtype=bool)
    first[1:] = cluster[order][1:] != cluster[order][:-1]
    counted = np.arange(len(order))
    place = np.empty(len(order), np.int64)
    place[order] = counted - np.maximum.accumulate(np.where(first, counted, 0))
    return place


def _best(edges: Links) -> Links:
    """Return each pair once, the most similar pairs first, ties in the order of positions; none of an item with itself."""
    low, high = np.minimum(edges.a, edges.b), np.maximum(edges.a, edges.b)
    order = np.lexsort((high, low, -edges.similarity))
    order = order[low[order] != high[order]]
    keys = _keys(low[order], high[order])
    kept = np.sort(np.unique(keys, return_index=True)[1])
    return edges.take(order[kept])


class _Distance:
    """Measures texts that links reach against the copy that would be kept."""

    def __init__(self, signatures: Signatures, positions: np.ndarray, members: pa.Table, edges: Links) -> None:
        self._signatures = signatures
        self._positions = positions
        self._letters = np.asarray(members.column("letters").to_numpy())
        self._linked = distinct(_keys(edges.a, edges.b))

    def measured(self, items: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the similarity of characters and of words (-1 where there are no two texts), and whether all was seen."""
        asked = np.flatnonzero((items != kept) & (self._letters[items] > 0) & (self._letters[kept] > 0))
        pairs = np.stack((self._positions[items[asked]], self._positions[kept[asked]]), axis=1)
        found = measure(self._signatures, pairs)
        characters, words = np.full(len(items), -1, np.float32), np.full(len(items), -1, np.float32)
        whole = np.zeros(len(items), dtype=bool)
        characters[asked], words[asked], whole[asked] = found.characters, found.words, found.whole
        return characters, words, whole

    def far(self, items: np.ndarray, kept: np.ndarray, least: float) -> np.ndarray:
        """Return a mask of the texts that are less alike than this, and that no link joins directly to the kept one."""
        characters = self.measured(items, kept)[0]
        keys = _keys(items, kept)
        at = np.minimum(np.searchsorted(self._linked, keys), max(len(self._linked) - 1, 0))
        joined = self._linked[at] == keys if len(self._linked) else np.zeros(len(keys), dtype=bool)
        answer: np.ndarray = (characters >= 0) & (characters < least) & ~joined
        return answer


def _keys(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    keys: np.ndarray = (np.minimum(a, b).astype(np.uint64) << _HALF) | np.maximum(a, b).astype(np.uint64)
    return keys


def _nearest(size: int, edges: Links, near: np.ndarray) -> np.ndarray:
    """Return for each item the index of its best link inside its cluster, preferring the one to the kept copy; -1 for none."""
    best = np.full(size, -1, np.int64)
    inside = np.flatnonzero(near[edges.a] == near[edges.b])
    own = np.concatenate((edges.a[inside], edges.b[inside]))
    other = np.concatenate((edges.b[inside], edges.a[inside]))
    link = np.concatenate((inside, inside))
    order = np.lexsort((-link, other == near[own]))  # of several writes the last one stays: to the kept copy, most similar
    best[own[order]] = link[order]
    return best
