"""Clusters of linked items, and which item of a cluster is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

_ROUNDS: Final = 8


def components(size: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return for each of `size` nodes the smallest node that links lead to (label propagation with pointer jumping)."""
    label = np.arange(size)
    while True:
        lowest = np.minimum(label[a], label[b])
        new = label.copy()
        np.minimum.at(new, label[a], lowest)
        np.minimum.at(new, label[b], lowest)
        new = new[new]
        if np.array_equal(new, label):
            return label
        label = new


def capped_components(size: int, a: np.ndarray, b: np.ndarray, cap: int) -> np.ndarray:
    """Return a cluster number for each node; links are taken in the given order and none may make a cluster exceed `cap`.

    Near links are not transitive: a chain of small changes can connect texts that share nothing. The cap bounds the chain.
    """
    parent = list(range(size))
    members = [1] * size

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in zip(a.tolist(), b.tolist(), strict=True):
        low, high = sorted((root(left), root(right)))
        if low != high and members[low] + members[high] <= cap:
            parent[high] = low
            members[low] += members[high]
    return np.array([root(node) for node in range(size)], dtype=np.int64)


def representatives(cluster: np.ndarray, preference: np.ndarray) -> np.ndarray:
    """Return for each node the node of its cluster with the lowest preference (each node has a preference of its own)."""
    order = np.lexsort((preference, cluster))
    first = np.ones(len(order), dtype=bool)
    first[1:] = cluster[order][1:] != cluster[order][:-1]
    heads = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    chosen = np.empty(len(order), dtype=np.int64)
    chosen[order] = heads
    return chosen


def split_far(
    cluster: np.ndarray,
    links: tuple[np.ndarray, np.ndarray],
    preference: np.ndarray,
    far: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return clusters in which no member is far from the kept one: those that are form clusters among themselves.

    `links` are the links that made the clusters; `far(members, kept)` gives a mask. A chain of near copies so falls into
    stars instead of holding texts that share nothing.
    """
    cluster = cluster.copy()
    inside = np.arange(len(cluster))
    for _ in range(_ROUNDS):
        kept = representatives(cluster, preference)
        members = inside[kept[inside] != inside]
        strayed = members[far(members, kept[members])]
        if not len(strayed):
            return cluster
        out = np.zeros(len(cluster), dtype=bool)
        out[strayed] = True
        both = out[links[0]] & out[links[1]] & (cluster[links[0]] == cluster[links[1]])
        apart = components(len(cluster), links[0][both], links[1][both])
        cluster[strayed] = apart[strayed] + len(cluster) * (1 + cluster.max() // len(cluster))
        inside = strayed
    cluster[inside] = np.arange(len(inside)) + cluster.max() + 1
    return cluster
