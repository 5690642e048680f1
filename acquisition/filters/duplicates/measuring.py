"""The similarity of candidate pairs, measured on their samples of shingles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from acquisition.filters.duplicates.links import distinct
from acquisition.filters.duplicates.tables import Signatures

SHORT: Final = 50
"""Texts with fewer letters have so few shingles that one changed word weighs much and says much."""
SHORT_LEAST: Final = 0.8
BOTH_DOUBT: Final = 0.1
"""A pair that is this much below the threshold in characters and in pairs of words is near as well: where a tenth of all words
was replaced, four fifths of the words are common, and either figure lies at .66."""
SATURATED: Final = 0.4
"""Long texts of one small vocabulary share their runs of characters whatever they say; pairs of words tell them apart."""
_LONG: Final = 200
_WORD: Final = 12

_READ: Final = 50_000
"""Pairs whose samples are held at a time: at most 100,000 samples of 1.3 KB."""
_COMPARED: Final = 2_000
"""Pairs that are compared at a time: about a million hashes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Jaccard similarity of the runs of five characters and of the pairs of words, and whether all shingles were compared.

    `letters` is the length of the shorter text, `spaced` says whether both are written with spaces between words.
    """

    characters: np.ndarray
    words: np.ndarray
    whole: np.ndarray
    letters: np.ndarray
    spaced: np.ndarray

    def near(self, threshold: float) -> np.ndarray:
        """Return a mask of the pairs that are near copies at this threshold."""
        least = np.where(self.letters < SHORT, max(threshold, SHORT_LEAST), threshold)
        both = (np.minimum(self.words, self.characters) >= threshold - BOTH_DOUBT) & (self.letters >= SHORT)
        alike = (self.words >= SATURATED) | (self.letters < _LONG) | ~self.spaced
        found: np.ndarray = both | ((self.characters >= least) & alike)
        return found

    def take(self, which: np.ndarray) -> Measured:
        """Return some of the pairs."""
        return Measured(*(getattr(self, name)[which] for name in self.__slots__))


def least_near(threshold: float) -> float:
    """Return the least similarity of characters at which a pair may be near."""
    return threshold - BOTH_DOUBT


def measure(signatures: Signatures, pairs: np.ndarray) -> Measured:
    """Measure pairs of positions, shape (n, 2); see `samples` for how exact that is."""
    parts = [_measured(signatures, pairs[start : start + _READ]) for start in range(0, max(len(pairs), 1), _READ)]
    return Measured(*(np.concatenate([getattr(part, name) for part in parts]) for name in Measured.__slots__))


def _measured(signatures: Signatures, pairs: np.ndarray) -> Measured:
    none = np.zeros(0, np.float32)
    if not len(pairs):
        return Measured(none, none, none.astype(bool), none.astype(np.int32), none.astype(bool))
    positions = distinct(pairs.ravel())
    names = ["letters", "words", "limit", "sample", "word_limit", "word_sample"]
    table = signatures.take(positions, names).combine_chunks()
    left, right = np.searchsorted(positions, pairs[:, 0]), np.searchsorted(positions, pairs[:, 1])
    letters, words, limits = (np.asarray(table.column(name).to_numpy()) for name in names[:3])
    spaced = letters <= _WORD * words.astype(np.int64)
    return Measured(
        _similar(table, "limit", "sample", (left, right)),
        _similar(table, "word_limit", "word_sample", (left, right)),
        np.minimum(limits[left], limits[right]) == 2**32 - 1,
        np.minimum(letters[left], letters[right]),
        spaced[left] & spaced[right],
    )


def _similar(table: pa.Table, limit: str, sample: str, sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    limits = np.asarray(table.column(limit).to_numpy())
    lists = table.column(sample).combine_chunks()
    offsets, values = np.asarray(lists.offsets.to_numpy()), np.asarray(lists.values.to_numpy(zero_copy_only=False))
    steps = range(0, len(sides[0]), _COMPARED)
    return np.concatenate([_jaccard((values, offsets, limits), *(side[at : at + _COMPARED] for side in sides)) for at in steps])


def _jaccard(samples: tuple[np.ndarray, np.ndarray, np.ndarray], left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the Jaccard similarity of many pairs of samples, both cut to the lower of their two limits."""
    values, offsets, limits = samples
    limit = np.minimum(limits[left], limits[right])
    merged = np.concatenate([_expanded(values, offsets, side, limit) for side in (left, right)])
    merged.sort()
    common = np.bincount((merged[1:][merged[1:] == merged[:-1]] >> np.uint64(32)).astype(np.int64), minlength=len(left))
    union = np.bincount((merged >> np.uint64(32)).astype(np.int64), minlength=len(left)) - common
    similarity: np.ndarray = (common / np.maximum(union, 1)).astype(np.float32)
    return similarity


def _expanded(values: np.ndarray, offsets: np.ndarray, which: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return pair number << 32 | hash for every hash up to the pair's limit of the samples named by `which`."""
    sizes = offsets[which + 1] - offsets[which]
    pair = np.repeat(np.arange(len(which), dtype=np.uint64), sizes)
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    hashes = values[np.repeat(offsets[which], sizes) + within]
    kept = hashes <= np.repeat(limits, sizes)
    keys: np.ndarray = (pair[kept] << np.uint64(32)) | hashes[kept]
    return keys
