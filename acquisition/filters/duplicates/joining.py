"""From links to flags: three levels of sameness, one kept copy per level, and who is named in the detail.

An item gets at most one of duplicate.exact, duplicate.normalised and duplicate.near: the tightest level at which another
copy is preferred. So a near copy that the policy keeps still loses its own exact copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.filters.duplicates.clusters import capped_components, components, representatives
from acquisition.filters.duplicates.grouping import EXACT, LINK_SCHEMA, NEAR, Signatures
from acquisition.filters.duplicates.measuring import similarities
from acquisition.filters.flags import detail_json
from acquisition.model import FLAG_SCHEMA

_COLUMNS: Final = ["row", "item", "source", "label", "license_raw", "license_url", "letters"]
_SHOWN_ITEMS: Final = 5

Preference = Callable[[pa.Table], np.ndarray]
"""Takes a table with source, license_raw and license_url; returns (rows, k) numbers, lower is preferred, first column first."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least near similarity, the largest near cluster, and the letters below which a normal form is short."""

    threshold: float
    cluster: int
    short: int


@dataclass(frozen=True, slots=True)
class Clusters:
    """What was decided about the items that have a copy; all arrays run over `positions`, sorted.

    `exact`, `normal` and `near` hold, for each item, the index of the kept copy at that level (itself if it is kept);
    `similarity` its near similarity, measured against the kept copy if `direct`, else against the nearest member.
    """

    positions: np.ndarray
    exact: np.ndarray
    normal: np.ndarray
    near: np.ndarray
    similarity: np.ndarray
    direct: np.ndarray


def join(
    signatures: Signatures, links: Sequence[Path], prefer: Preference, bounds: Bounds
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield (shard key, flags) for every shard with flags."""
    linked = pa.concat_tables([LINK_SCHEMA.empty_table(), *(pq.read_table(path) for path in links)])
    kind, a, b, similarity = _measure(signatures, linked, bounds.threshold)
    positions = np.unique(np.concatenate((a, b))).astype(np.int64)
    if not len(positions):
        return
    members = signatures.take(positions, _COLUMNS).combine_chunks()
    preference = _ranked(members, prefer)
    ends = np.searchsorted(positions, np.stack((a, b)))
    clusters = _clusters(positions, (kind, *ends, similarity), preference, bounds.cluster)
    conflicts = _conflicts(members, clusters)
    for index, start, end in _ranges(signatures, positions):
        flags = _flags(members, clusters, conflicts, range(start, end), bounds.short)
        if flags.num_rows:
            yield signatures.keys[index], flags


def _measure(signatures: Signatures, linked: pa.Table, threshold: float) -> tuple[np.ndarray, ...]:
    """Return kind, a, b and similarity of all links; each near pair once, and only if it reaches the threshold."""
    kind, a, b, similarity = (np.asarray(linked.column(name).to_numpy()) for name in LINK_SCHEMA.names)
    near = kind == NEAR
    keys = np.sort((a[near].astype(np.uint64) << np.uint64(32)) | b[near])
    keys = keys[np.concatenate((np.ones(min(len(keys), 1), dtype=bool), keys[1:] != keys[:-1]))]
    pairs = np.stack((keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)), axis=1).astype(np.int64)
    measured = similarities(signatures, pairs)
    good = measured >= threshold
    pairs, measured = pairs[good], measured[good]
    kinds = np.full(len(pairs), NEAR, np.uint8)
    columns = ((kind, kinds), (a, pairs[:, 0]), (b, pairs[:, 1]), (similarity, measured))
    return tuple(np.concatenate((old[~near], new)) for old, new in columns)


def _ranked(members: pa.Table, prefer: Preference) -> np.ndarray:
    """Return each member's rank, all different: the filter's preference, then the item id."""
    numbers = prefer(members)
    items = np.array(members.column("item").to_pylist(), dtype="S")
    order = np.lexsort((items, *numbers.T[::-1]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _clusters(positions: np.ndarray, links: tuple[np.ndarray, ...], preference: np.ndarray, cap: int) -> Clusters:
    kind, a, b, similarity = links
    size = len(positions)
    of_kind = kind == EXACT
    exact = representatives(components(size, a[of_kind], b[of_kind]), preference)
    same = kind != NEAR
    normal = representatives(components(size, a[same], b[same]), preference)
    edges = _best_edges(normal[a[~same]], normal[b[~same]], similarity[~same])
    near = representatives(capped_components(size, edges[0], edges[1], cap)[normal], preference)
    return Clusters(positions, exact, normal, near, *_similarities(size, edges, near))


def _best_edges(a: np.ndarray, b: np.ndarray, similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each pair once, the most similar pairs first, ties in the order of positions."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((high, low, -similarity))
    low, high, similarity = low[order], high[order], similarity[order]
    _, first = np.unique((low.astype(np.uint64) << np.uint64(32)) | high.astype(np.uint64), return_index=True)
    kept = np.sort(first)
    kept = kept[low[kept] != high[kept]]
    return low[kept], high[kept], similarity[kept]


def _similarities(size: int, edges: tuple[np.ndarray, ...], near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b, similarity = edges
    inside = near[a] == near[b]
    best = np.zeros(size, np.float32)
    direct = np.zeros(size, dtype=bool)
    for one, other in ((a, b), (b, a)):
        np.maximum.at(best, one[inside], similarity[inside])
        direct[one[inside & (other == near[one])]] = True
    for one, other in ((a, b), (b, a)):
        to_kept = inside & (other == near[one])
        best[one[to_kept]] = similarity[to_kept]
    return best, direct


def _conflicts(members: pa.Table, clusters: Clusters) -> dict[int, list[str]]:
    """Return for every group of same texts with several labels one item of each label, by the group's kept copy.

    Items stand for the labels: a label may hold what the policy redacts, and a flag's detail is passed on as it is.
    """
    bearers: dict[int, dict[str, str]] = {}
    columns = (members.column(name).to_pylist() for name in ("label", "item"))
    for group, label, item in zip(clusters.normal.tolist(), *columns, strict=True):
        if label is not None:
            found = bearers.setdefault(group, {})
            plain = label.strip().casefold()
            found[plain] = min(item, found.get(plain, item))
    return {group: sorted(found.values()) for group, found in bearers.items() if len(found) > 1}


def _ranges(signatures: Signatures, positions: np.ndarray) -> Iterator[tuple[int, int, int]]:
    cuts = np.searchsorted(positions, signatures.starts)
    for index in range(len(signatures.keys)):
        if cuts[index] < cuts[index + 1]:
            yield index, int(cuts[index]), int(cuts[index + 1])


def _flags(members: pa.Table, clusters: Clusters, conflicts: dict[int, list[str]], of: range, short: int) -> pa.RecordBatch:
    rows: list[tuple[int, str, str, float, str]] = []
    numbers, items = members.column("row"), members.column("item")
    for node in of:
        number, item = numbers[node].as_py(), items[node].as_py()
        rows.append((number, item, *_level(members, clusters, node, short)))
        if bearers := conflicts.get(int(clusters.normal[node])):
            shown = {"items": bearers[:_SHOWN_ITEMS], "distinct": len(bearers), "cluster": _cluster(members, clusters, node)}
            rows.append((number, item, "duplicate.label-conflict", 1.0, detail_json(**shown)))
    rows = [row for row in rows if row[2]]
    count = len(rows)
    columns: list[Any] = [
        pa.array([row[0] for row in rows], pa.int32()),
        pa.array([row[1] for row in rows], pa.string()),
        pa.array([row[2] for row in rows], pa.string()),
        pa.array([row[3] for row in rows], pa.float64()),
        pa.array([""] * count, pa.string()),
        pa.array([-1] * count, pa.int32()),
        pa.array([-1] * count, pa.int32()),
        pa.array([row[4] for row in rows], pa.string()),
    ]
    return pa.record_batch(columns, schema=FLAG_SCHEMA)


def _level(members: pa.Table, clusters: Clusters, node: int, short: int) -> tuple[str, float, str]:
    """Return (code, score, detail) for the tightest level at which the item is not the kept copy; code "" for none."""
    cluster = _cluster(members, clusters, node)
    for code, kept in (("duplicate.exact", clusters.exact[node]), ("duplicate.normalised", clusters.normal[node])):
        if kept != node:
            is_short = code == "duplicate.normalised" and members.column("letters")[node].as_py() < short
            return code, 0.5 if is_short else 1.0, detail_json(cluster=cluster, **_kept(members, kept))
    if clusters.near[node] != node:
        similarity = round(float(clusters.similarity[node]), 4)
        direct = bool(clusters.direct[node])
        facts = {"cluster": cluster, "similarity": similarity, "direct": direct, **_kept(members, clusters.near[node])}
        return "duplicate.near", similarity, detail_json(**facts)
    return "duplicate.representative", 1.0, detail_json(cluster=cluster)


def _cluster(members: pa.Table, clusters: Clusters, node: int) -> str:
    """Return the cluster's id: the item id of the copy that is preferred over all others."""
    item: str = members.column("item")[int(clusters.near[node])].as_py()
    return item


def _kept(members: pa.Table, kept: int) -> dict[str, str]:
    return {name: members.column(column)[int(kept)].as_py() for name, column in (("kept", "item"), ("kept_source", "source"))}
