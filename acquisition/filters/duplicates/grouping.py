"""Finds links between items inside one part of the key space.

Items are named by their position: the shards in the order of their keys, the rows in the order of the shard. Only the
keys of all items are held in memory (8 bytes each, sorted in place); signatures are read for candidates alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from acquisition.filters.duplicates import embedding, images, sounds
from acquisition.filters.duplicates.links import EXACT, HOW, LINK_SCHEMA, NEAR, NORMAL, distinct, links_of
from acquisition.filters.duplicates.samples import BANDS, GLANCE
from acquisition.filters.duplicates.tables import Signatures

BANDS_EACH: Final = 4
_TEXTS: Final = BANDS // BANDS_EACH
PARTITIONS: Final = _TEXTS + 5
"""One for every four bands, then exact digests, digests of normal forms, pictures, sounds, vectors."""

Vectors = tuple[Path | None, float]
"""A file of vectors, None where the signatures hold them, and the least cosine."""
_NEIGHBOURS: Final = 3
_COMPLETE: Final = 16
_DOUBT: Final = 0.2
"""A glance errs by .063 at most (one standard deviation); three of these below the threshold next to nothing is missed."""
_CROWDED: Final = 0.02
"""In a crowded bucket most pairs share a frame; only what looks like more than the least likeness is measured there."""
_GLANCES: Final = 100_000
_PAIRS: Final = 4_000_000
_LOW: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)


def find_links(signatures: Signatures, partition: int, least: float, vectors: Vectors | None = None) -> pa.Table:
    """Return the links of one partition (LINK_SCHEMA); pairs of texts that look less alike than `least` are left out."""
    if partition < _TEXTS:
        bands = range(partition * BANDS_EACH, (partition + 1) * BANDS_EACH)
        return _near(signatures, [f"band_{band:02}" for band in bands], least)
    others: tuple[Callable[[], pa.Table], ...] = (
        lambda: _equal(signatures, "exact", EXACT),
        lambda: _equal(signatures, "normal", NORMAL),
        lambda: images.links(signatures),
        lambda: sounds.links(signatures),
        lambda: embedding.links(signatures, *vectors) if vectors else LINK_SCHEMA.empty_table(),
    )
    return others[partition - _TEXTS]()


def _equal(signatures: Signatures, name: str, kind: int) -> pa.Table:
    """Link every item to the first one with the same 128-bit digest."""
    (high,) = signatures.columns([f"{name}_high"])
    order = np.argsort(high, kind="stable")
    ranked = high[order]
    same = np.flatnonzero((ranked[1:] == ranked[:-1]) & (ranked[1:] != 0))
    members = order[distinct(np.concatenate((same, same + 1)))]
    del ranked, order
    (lows,) = signatures.columns([f"{name}_low"])
    low, high = lows[members], high[members]
    sort = np.lexsort((members, low, high))
    members, low, high = members[sort], low[sort], high[sort]
    first = np.ones(len(members), dtype=bool)
    first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    heads = _heads(members, first)
    if kind == EXACT:
        return links_of(EXACT, "bytes", heads[~first], members[~first])
    (form,) = signatures.columns(["form"])
    masks = [(how, ~first & (form[members] == HOW[how])) for how in ("text", "row", "pixels", "samples")]
    links = [links_of(NORMAL, how, heads[mask], members[mask]) for how, mask in masks if mask.any()]
    return pa.concat_tables([LINK_SCHEMA.empty_table(), *links])


def _heads(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return for each place the value at the last place before it that is marked as the first of its run."""
    heads: np.ndarray = values[np.maximum.accumulate(np.where(first, np.arange(len(values)), 0))]
    return heads


def _near(signatures: Signatures, bands: list[str], least: float) -> pa.Table:
    """Link items that share a band and are similar at a glance.

    A pair may share several bands, so it is measured once, when all are known. Of the copies in one normal form only the
    first stands in a bucket. One band is held at a time: 20 bytes per item at the most.
    """
    found = np.zeros(0, np.uint64)
    looked = np.zeros(0, np.uint64)
    for band in bands:
        others = [other for other in bands if other != band]
        few, crowded = (_fresh(pairs, looked) for pairs in _candidates(signatures, _shared(signatures, band), others))
        good = [pairs[_alike(signatures, pairs, cut)] for pairs, cut in ((few, least - _DOUBT), (crowded, least + _CROWDED))]
        looked = distinct(np.concatenate((looked, few))) if len(looked) < _PAIRS else looked
        found = np.concatenate((found, *good))
    found = distinct(found)
    a, b = (found >> _HALF).astype(np.int64), (found & _LOW).astype(np.int64)
    return links_of(NEAR, "shingles", a, b, np.zeros(len(a), np.float32))


def _shared(signatures: Signatures, band: str) -> np.ndarray:
    """Return bucket << 32 | position, sorted, of the items that are not alone in their bucket."""
    (column,) = signatures.columns([band])
    keys = column.astype(np.uint64)
    del column
    keys <<= _HALF
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    same = np.flatnonzero(((keys[1:] ^ keys[:-1]) <= _LOW) & (keys[1:] > _LOW))
    members: np.ndarray = keys[distinct(np.concatenate((same, same + 1)))]
    return members


def _fresh(pairs: np.ndarray, looked: np.ndarray) -> np.ndarray:
    """Return the pairs that are not among the sorted ones that were looked at."""
    if not len(looked):
        return pairs
    at = np.minimum(np.searchsorted(looked, pairs), len(looked) - 1)
    fresh: np.ndarray = pairs[looked[at] != pairs]
    return fresh


def _candidates(signatures: Signatures, members: np.ndarray, others: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct pairs (low position << 32 | high position) from sorted keys (bucket << 32 | position).

    Buckets of up to 17 items are compared completely. Of a larger one come the pairs of the second array: every item with the
    bucket's first, with the next, and with the next three that share one more of the `others` bands. So a huge bucket costs
    linear time and stays connected, and copies among pages of one frame are found in it.
    """
    bucket, positions = _distinct(members, signatures.pick((members & _LOW).astype(np.int64), "normal_low"))
    none = np.zeros(0, np.uint64)
    if len(bucket) < 2:
        return none, none
    starts = np.ones(len(bucket), dtype=bool)
    starts[1:] = bucket[1:] != bucket[:-1]
    sizes = np.diff(np.append(np.flatnonzero(starts), len(bucket)))
    large = np.repeat(sizes > _COMPLETE + 1, sizes)
    of, small = bucket[~large], positions[~large]
    most = int(sizes[sizes <= _COMPLETE + 1].max(initial=1))
    few = [_paired(small[:-step], small[step:], of[:-step] == of[step:]) for step in range(1, most)]
    crowded = [_paired(_heads(positions, starts), positions, large & ~starts)]
    of, inside = bucket[large], positions[large]
    crowded.append(_paired(inside[:-1], inside[1:], of[:-1] == of[1:]))
    for other in others if len(inside) else ():
        more = signatures.pick(inside, other).astype(np.uint64)
        order = np.lexsort((inside, more, of))
        crowded += [
            _paired(inside[order[:-step]], inside[order[step:]], _equal_at(order, step, of, more))
            for step in range(1, _NEIGHBOURS + 1)
        ]
    return distinct(np.concatenate([none, *few])), distinct(np.concatenate(crowded))


def _equal_at(order: np.ndarray, step: int, *keys: np.ndarray) -> np.ndarray:
    """Return where all keys agree with those that come `step` later in an order."""
    agreed: np.ndarray = np.logical_and.reduce([key[order[:-step]] == key[order[step:]] for key in keys])
    return agreed


def _paired(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> np.ndarray:
    a, b = a[mask].astype(np.uint64), b[mask].astype(np.uint64)
    pairs: np.ndarray = (np.minimum(a, b) << _HALF) | np.maximum(a, b)
    return pairs


def _distinct(members: np.ndarray, form: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (bucket, position) sorted by bucket and position, with one item for each normal form in a bucket."""
    positions = (members & _LOW).astype(np.int64)
    bucket = members >> _HALF
    order = np.lexsort((positions, form, bucket))
    bucket, form, positions = bucket[order], form[order], positions[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (bucket[1:] != bucket[:-1]) | (form[1:] != form[:-1])
    bucket, positions = bucket[first], positions[first]
    order = np.lexsort((positions, bucket))
    return bucket[order], positions[order]


def _alike(signatures: Signatures, pairs: np.ndarray, least: float) -> np.ndarray:
    """Return a mask of the pairs whose glances agree in at least this share; unrelated texts that share a band do not."""
    agreed = np.zeros(len(pairs), dtype=bool)
    if not len(pairs):
        return agreed
    a, b = (pairs >> _HALF).astype(np.int64), (pairs & _LOW).astype(np.int64)
    positions = distinct(np.concatenate((a, b)))
    glances = signatures.take(positions, ["glance"]).column("glance").combine_chunks()
    octets = np.frombuffer(glances.buffers()[1], np.uint8)[glances.offset * GLANCE :][: len(positions) * GLANCE]
    octets = octets.reshape(-1, GLANCE)
    left, right = np.searchsorted(positions, a), np.searchsorted(positions, b)
    for start in range(0, len(pairs), _GLANCES):
        part = slice(start, start + _GLANCES)
        agreed[part] = (octets[left[part]] == octets[right[part]]).mean(axis=1) >= least
    return agreed
