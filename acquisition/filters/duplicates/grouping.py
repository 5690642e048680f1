"""Finds links between items inside one part of the key space.

Items are named by their position: the shards in the order of their keys, the rows in the order of the shard. Only the
keys of all items are held in memory (8 bytes each, sorted in place); signatures are read for candidates alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.filters.duplicates.signatures import BANDS, GLANCE

PARTITIONS: Final = BANDS + 2
"""One partition per band, one for exact digests, one for digests of normal forms."""
EXACT: Final = 0
NORMAL: Final = 1
NEAR: Final = 2
LINK_SCHEMA: Final = pa.schema(
    [
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("a", pa.uint32(), nullable=False),
        pa.field("b", pa.uint32(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
    ]
)
"""A link between the items at positions a < b: 0 exact, 1 same normal form, 2 perhaps near (similarity not yet measured)."""

_NEIGHBOURS: Final = 8
_DOUBT: Final = 0.25
"""A glance errs by .06 (one standard deviation); four of these below the threshold nothing is missed."""
_GLANCES: Final = 100_000


class Signatures:
    """The signature tables of all shards as one long table that is read column by column."""

    def __init__(self, tables: Mapping[str, Path]) -> None:
        self.keys = sorted(tables)
        self._paths = [tables[key] for key in self.keys]
        rows = [pq.read_metadata(path).num_rows for path in self._paths]
        self.starts = np.concatenate(([0], np.cumsum(rows, dtype=np.int64)))

    def column(self, name: str) -> np.ndarray:
        """Return one number per item."""
        parts = [np.asarray(pq.read_table(path, columns=[name]).column(0).to_numpy()) for path in self._paths]
        return np.concatenate(parts) if parts else np.zeros(0, np.uint64)

    def take(self, positions: np.ndarray, columns: list[str]) -> pa.Table:
        """Return some columns of the items at sorted positions."""
        parts = [part for _, part in self.shards(positions, columns)]
        return pa.concat_tables(parts)

    def shards(self, positions: np.ndarray, columns: list[str]) -> Iterator[tuple[int, pa.Table]]:
        """Yield (shard index, table) for the shards that hold some of the sorted positions."""
        cuts = np.searchsorted(positions, self.starts)
        for index, path in enumerate(self._paths):
            if cuts[index] == cuts[index + 1]:
                continue
            wanted = positions[cuts[index] : cuts[index + 1]] - self.starts[index]
            yield index, pq.read_table(path, columns=columns).take(pa.array(wanted))


def find_links(signatures: Signatures, partition: int, threshold: float) -> pa.Table:
    """Return the links of one partition (LINK_SCHEMA)."""
    if partition < BANDS:
        return _near(signatures, f"band_{partition:02}", threshold)
    return _equal(signatures, "exact", EXACT) if partition == BANDS else _equal(signatures, "normal", NORMAL)


def _equal(signatures: Signatures, name: Literal["exact", "normal"], kind: int) -> pa.Table:
    """Link every item to the first one with the same 128-bit digest."""
    high = signatures.column(f"{name}_high")
    order = np.argsort(high, kind="stable")
    high = high[order]
    same = np.flatnonzero((high[1:] == high[:-1]) & (high[1:] != 0))
    members = order[np.union1d(same, same + 1)]
    low = signatures.column(f"{name}_low")[members]
    high = signatures.column(f"{name}_high")[members]
    sort = np.lexsort((members, low, high))
    members, low, high = members[sort], low[sort], high[sort]
    first = np.ones(len(members), dtype=bool)
    first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    heads = members[np.maximum.accumulate(np.where(first, np.arange(len(members)), 0))]
    return _links(kind, heads[~first], members[~first], np.ones(int((~first).sum()), np.float32))


def _near(signatures: Signatures, band: str, threshold: float) -> pa.Table:
    """Link items that share a band and are similar at a glance.

    A pair may share several bands, so it is measured once, when all are known.
    """
    keys = signatures.column(band).astype(np.uint64)
    keys = (keys << np.uint64(32)) | np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    bucket = keys >> np.uint64(32)
    same = np.flatnonzero((bucket[1:] == bucket[:-1]) & (bucket[1:] != 0))
    pairs = _candidates(*_distinct(signatures, keys[np.union1d(same, same + 1)]))
    pairs = pairs[_alike(signatures, pairs, threshold - _DOUBT)]
    return _links(NEAR, pairs[:, 0], pairs[:, 1], np.zeros(len(pairs), np.float32))


def _distinct(signatures: Signatures, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (bucket, position) sorted by bucket, with one item for each normal form in a bucket."""
    positions = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    bucket = keys >> np.uint64(32)
    normal = signatures.column("normal_low")[positions] if len(positions) else np.zeros(0, np.uint64)
    order = np.lexsort((positions, normal, bucket))
    bucket, normal, positions = bucket[order], normal[order], positions[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (bucket[1:] != bucket[:-1]) | (normal[1:] != normal[:-1])
    bucket, positions = bucket[first], positions[first]
    order = np.lexsort((positions, bucket))
    return bucket[order], positions[order]


def _candidates(bucket: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return sorted pairs a < b: every item with its next eight in the bucket and with the bucket's first.

    Buckets of nine or fewer are thus compared completely, and a huge bucket costs linear time.
    """
    if len(bucket) < 2:
        return np.zeros((0, 2), np.int64)
    starts = np.ones(len(bucket), dtype=bool)
    starts[1:] = bucket[1:] != bucket[:-1]
    heads = positions[np.maximum.accumulate(np.where(starts, np.arange(len(bucket)), 0))]
    parts = [np.stack((heads, positions), axis=1)[~starts]]
    for step in range(1, _NEIGHBOURS + 1):
        together = bucket[step:] == bucket[:-step]
        parts.append(np.stack((positions[:-step], positions[step:]), axis=1)[together])
    return np.unique(np.concatenate(parts), axis=0)


def _alike(signatures: Signatures, pairs: np.ndarray, least: float) -> np.ndarray:
    """Return a mask of the pairs whose glances agree in at least this share; unrelated texts that share a band do not."""
    if not len(pairs):
        return np.zeros(0, dtype=bool)
    positions = np.unique(pairs)
    glances = signatures.take(positions, ["glance"]).column("glance").combine_chunks()
    octets = np.frombuffer(glances.buffers()[1], np.uint8)[glances.offset * GLANCE :][: len(positions) * GLANCE].reshape(
        -1, GLANCE
    )
    left, right = (np.searchsorted(positions, pairs[:, side]) for side in (0, 1))
    agreed = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), _GLANCES):
        part = slice(start, start + _GLANCES)
        agreed[part] = (octets[left[part]] == octets[right[part]]).mean(axis=1) >= least
    return agreed


def _links(kind: int, a: np.ndarray, b: np.ndarray, similarity: np.ndarray) -> pa.Table:
    columns = [np.full(len(a), kind, np.uint8), a.astype(np.uint32), b.astype(np.uint32), similarity.astype(np.float32)]
    return pa.table([pa.array(column) for column in columns], schema=LINK_SCHEMA)
