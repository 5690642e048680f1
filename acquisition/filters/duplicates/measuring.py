"""The similarity of candidate pairs, measured on their samples of shingles."""

from __future__ import annotations

from typing import Final

import numpy as np

from acquisition.filters.duplicates.grouping import Signatures

_READ: Final = 50_000
"""Pairs whose samples are held at a time: at most 100,000 samples of 1 KB."""
_COMPARED: Final = 2_000
"""Pairs that are compared at a time: about a million hashes."""


def similarities(signatures: Signatures, pairs: np.ndarray) -> np.ndarray:
    """Return the Jaccard similarity of pairs of positions, shape (n, 2); see `signatures.sign` for how exact it is."""
    parts = [_measured(signatures, pairs[start : start + _READ]) for start in range(0, len(pairs), _READ)]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _measured(signatures: Signatures, pairs: np.ndarray) -> np.ndarray:
    positions = np.unique(pairs)
    table = signatures.take(positions, ["scale", "sample"])
    scale = np.asarray(table.column("scale").to_numpy())
    samples = table.column("sample").combine_chunks()
    offsets = np.asarray(samples.offsets.to_numpy())
    values = np.asarray(samples.values.to_numpy(zero_copy_only=False))
    left, right = np.searchsorted(positions, pairs[:, 0]), np.searchsorted(positions, pairs[:, 1])
    steps = range(0, len(pairs), _COMPARED)
    return np.concatenate(
        [_jaccard((values, offsets, scale), left[at : at + _COMPARED], right[at : at + _COMPARED]) for at in steps]
    )


def _jaccard(samples: tuple[np.ndarray, np.ndarray, np.ndarray], left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the Jaccard similarity of many pairs of samples, both cut to the coarser of their two scales."""
    values, offsets, scale = samples
    halvings = np.maximum(scale[left], scale[right]).astype(np.uint64)
    limits = np.uint64(1) << (np.uint64(32) - halvings)
    merged = np.concatenate([_expanded(values, offsets, side, limits) for side in (left, right)])
    merged.sort()
    common = np.bincount((merged[1:][merged[1:] == merged[:-1]] >> np.uint64(32)).astype(np.int64), minlength=len(left))
    union = np.bincount((merged >> np.uint64(32)).astype(np.int64), minlength=len(left)) - common
    similarity: np.ndarray = (common / np.maximum(union, 1)).astype(np.float32)
    return similarity


def _expanded(values: np.ndarray, offsets: np.ndarray, which: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return pair number << 32 | hash for every hash below the pair's limit of the samples named by `which`."""
    sizes = offsets[which + 1] - offsets[which]
    pair = np.repeat(np.arange(len(which), dtype=np.uint64), sizes)
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    hashes = values[np.repeat(offsets[which], sizes) + within].astype(np.uint64)
    kept = hashes < np.repeat(limits, sizes)
    keys: np.ndarray = (pair[kept] << np.uint64(32)) | hashes[kept]
    return keys
