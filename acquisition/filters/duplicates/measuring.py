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
WORDS: Final = (0.02, -0.15, -0.2)
"""What words, runs of five characters and beginnings of words need, beside the threshold, for words to decide: where a tenth of
all words is replaced, here and there, four fifths of the words stay common and two thirds of the runs."""
TYPOS: Final = (0.02, -0.07)
"""The same for runs of three characters, as runs of five and eight let expect them, and for the runs of five themselves."""
SATURATED: Final = 0.85
"""Long texts of one small vocabulary share their runs of characters whatever they say; their words, eight letters from each
beginning on, tell them apart: those of copies are about as alike as the square of what runs of five letters are."""
_LONG: Final = 400
_WORD: Final = 12

_KINDS: Final = ("", "start_", "word_")
_READ: Final = 50_000
"""Pairs whose samples are held at a time: at most 100,000 samples of 1.3 KB."""
_COMPARED: Final = 2_000
"""Pairs that are compared at a time: about a million hashes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Jaccard similarities of pairs: of runs of five characters, of beginnings of words (eight letters), and of words.

    `whole` says whether all shingles were compared, `letters` is the length of the shorter text, `spaced` says whether both
    are written with spaces between words.
    """

    characters: np.ndarray
    beginnings: np.ndarray
    words: np.ndarray
    whole: np.ndarray
    letters: np.ndarray
    spaced: np.ndarray

    def near(self, threshold: float) -> np.ndarray:
        """Return a mask of the pairs that are near copies at this threshold.

        What two texts share in one piece is as alike by any shingle; what is changed here and there is less alike the longer
        the shingle is. So a pair is judged by the shingle that suits its changes: five characters, words, or three characters.
        """
        long = self.letters >= SHORT
        words, characters, beginnings = (threshold + more for more in WORDS)
        by_words = (self.words >= words) & (self.characters >= characters) & (self.beginnings >= beginnings)
        typos = (_of_three(self.characters, self.beginnings) >= threshold + TYPOS[0]) & (
            self.characters >= threshold + TYPOS[1]
        )
        alike = (self.beginnings >= SATURATED * self.characters**2) | (self.letters < _LONG) | ~self.spaced
        least = np.where(long, threshold, max(threshold, SHORT_LEAST))
        found: np.ndarray = alike & ((self.characters >= least) | (long & by_words) | (long & typos))
        return found

    def take(self, which: np.ndarray) -> Measured:
        """Return some of the pairs."""
        return Measured(*(getattr(self, name)[which] for name in self.__slots__))


def _of_three(five: np.ndarray, eight: np.ndarray) -> np.ndarray:
    """Return the similarity of runs of three characters that follows from those of five and eight.

    Changes here and there leave a run of n untouched with a probability that falls exponentially with n; a Jaccard
    similarity s means that 2s / (1 + s) of the runs are untouched.
    """
    intact_five, intact_eight = (2 * similarity / (1 + similarity) for similarity in (five, eight))
    ratio = np.maximum(intact_eight, 1e-6) / np.maximum(intact_five, 1e-6)
    intact = np.minimum(intact_five * np.minimum(ratio, 1) ** (-2 / 3), 1)
    similarity: np.ndarray = intact / (2 - intact)
    return similarity


def least_near(threshold: float) -> float:
    """Return the least similarity of characters at which a pair may be near."""
    return threshold + WORDS[1]


def alike(signatures: Signatures, pairs: np.ndarray, least: float) -> np.ndarray:
    """Return the pairs of positions whose runs of five characters are at least so similar: a third of the work of `measure`."""
    kept = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(pairs), _READ):
        part = pairs[start : start + _READ]
        positions = distinct(part.ravel())
        table = signatures.take(positions, ["limit", "sample"]).combine_chunks()
        sides = np.searchsorted(positions, part[:, 0]), np.searchsorted(positions, part[:, 1])
        kept.append(part[_similar(table, "", sides) >= least])
    return np.concatenate(kept)


def measure(signatures: Signatures, pairs: np.ndarray) -> Measured:
    """Measure pairs of positions, shape (n, 2); see `samples` for how exact that is."""
    parts = [_measured(signatures, pairs[start : start + _READ]) for start in range(0, max(len(pairs), 1), _READ)]
    return Measured(*(np.concatenate([getattr(part, name) for part in parts]) for name in Measured.__slots__))


def _measured(signatures: Signatures, pairs: np.ndarray) -> Measured:
    none = np.zeros(0, np.float32)
    if not len(pairs):
        return Measured(none, none, none, none.astype(bool), none.astype(np.int32), none.astype(bool))
    positions = distinct(pairs.ravel())
    names = ["letters", "words", *(f"{kind}{what}" for kind in _KINDS for what in ("limit", "sample"))]
    table = signatures.take(positions, names).combine_chunks()
    left, right = np.searchsorted(positions, pairs[:, 0]), np.searchsorted(positions, pairs[:, 1])
    letters, words, limits = (np.asarray(table.column(name).to_numpy()) for name in names[:3])
    spaced = letters <= _WORD * words.astype(np.int64)
    characters, beginnings, found = (_similar(table, kind, (left, right)) for kind in _KINDS)
    return Measured(
        characters,
        beginnings,
        found,
        np.minimum(limits[left], limits[right]) == 2**32 - 1,
        np.minimum(letters[left], letters[right]),
        spaced[left] & spaced[right],
    )


def _similar(table: pa.Table, kind: str, sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    limits = np.asarray(table.column(f"{kind}limit").to_numpy())
    lists = table.column(f"{kind}sample").combine_chunks()
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
