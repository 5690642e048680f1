"""MinHash bands and bounded samples of shingles: what is kept of a text so that its near copies can be found and measured.

The MinHash signature (rensa, 240 slots) is cut into 40 bands of 6; two texts of Jaccard similarity s share a band with
probability 1 − (1 − s⁶)⁴⁰: .5 → .47, .6 → .85, .65 → .96, .7 → .993, .8 → 1.000.

A sample holds the distinct shingles whose hash lies below a limit that leaves about `size` of them; the smaller of two
limits on both sides of a pair gives their exact Jaccard similarity where nothing was left out, and an unbiased estimate
beyond that: the standard error is √(s(1 − s)/size), .03 at .8 for 192.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

BANDS: Final = 40
SLOTS: Final = 6
SAMPLE: Final = 192
WORD_SAMPLE: Final = 96
GLANCE: Final = BANDS * SLOTS // 4
_SEED: Final = 42
_PIECE: Final = 1_000_000
_OVERLAP: Final = 64
"""More than the longest shingle, counting spaces, needs; the few extra words of the overlap are the next piece's own."""
_ALL: Final = 2**32 - 1
_BAND_FACTORS: Final = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(1, SLOTS + 1)], np.uint64)
_MIX: Final = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True)
class Sample:
    """Samples of several texts: `hashes` (uint32, sorted within a text), how many each text has, and its limit (inclusive)."""

    hashes: np.ndarray
    counts: np.ndarray
    limits: np.ndarray

    def take(self, mask: np.ndarray) -> Sample:
        """Return the samples of some texts."""
        if bool(mask.all()):
            return self
        return Sample(self.hashes[np.repeat(mask, self.counts)], self.counts[mask], self.limits[mask])


def minima(hashes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the MinHash slots of each text, shape (texts, 240), uint32."""
    from rensa import RMinHash  # the native library is loaded in the worker that signs

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), BANDS * SLOTS, _SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32)


def bands_of(slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 40 band keys per text (uint32, never 0), and its glance: the lowest octet of every fourth slot."""
    banded = slots.reshape(-1, BANDS, SLOTS).astype(np.uint64)
    keyed = ((banded + np.uint64(1)) * _BAND_FACTORS).sum(axis=2, dtype=np.uint64)
    keyed ^= keyed >> np.uint64(29)
    keys: np.ndarray = ((keyed * _MIX) >> np.uint64(32)).astype(np.uint32)
    keys[keys == 0] = 1
    return keys, slots[:, ::4].astype(np.uint8)


def sampled(hashes: np.ndarray, offsets: np.ndarray, size: int) -> Sample:
    """Return the samples of all texts."""
    counts = np.diff(offsets)
    limits = np.where(counts > size, _ALL * (size / np.maximum(counts, 1)), _ALL).astype(np.uint64)
    short = (hashes >> np.uint64(32)).astype(np.uint32)
    kept = np.flatnonzero(short <= np.repeat(limits, counts)) if len(counts) and int(counts.max()) > size else None
    found, numbers = _distinct(short, offsets, kept)
    # Texts that repeat themselves have far fewer distinct shingles than shingles: their limit was too low.
    for text in np.flatnonzero((limits < _ALL) & (numbers < size // 2)).tolist():
        every = np.unique(short[offsets[text] : offsets[text + 1]])
        limits[text] = int(every[size]) - 1 if len(every) > size else _ALL
        start = int(numbers[:text].sum())
        own = every[every <= limits[text]]
        found = np.concatenate((found[:start], own, found[start + int(numbers[text]) :]))
        numbers[text] = len(own)
    return Sample(found, numbers, limits.astype(np.uint32))


def _distinct(short: np.ndarray, offsets: np.ndarray, kept: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    counts = np.diff(offsets)
    if kept is None:
        texts = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
        keys = (texts << np.uint64(32)) | short
    else:
        texts = np.searchsorted(offsets[1:], kept, side="right").astype(np.uint64)
        keys = (texts << np.uint64(32)) | short[kept]
    keys.sort()  # np.unique would hash, at eight times the cost
    keys = keys[np.concatenate((np.ones(min(len(keys), 1), dtype=bool), keys[1:] != keys[:-1]))]
    return keys.astype(np.uint32), np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(counts))


def pieces(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield a long text in pieces of about a million characters: each with the beginning of the next, and without it.

    Pieces end at a space where there is one; what follows is longer than any shingle, so none is lost.
    """
    start = 0
    while start < len(text):
        end = text.rfind(b" ", start + _PIECE // 2, start + _PIECE) if len(text) - start > _PIECE else len(text)
        end = start + _PIECE if end < 0 else end
        yield text[start : end + _OVERLAP], text[start:end]
        start = end


def merged(parts: list[Sample], size: int) -> Sample:
    """Return the sample of one text from the samples of its pieces."""
    limit = min(int(part.limits[0]) for part in parts)
    every = np.unique(np.concatenate([part.hashes for part in parts]))
    every = every[every <= limit]
    if len(every) > size:
        limit = int(every[size]) - 1
        every = every[:size]
    return Sample(every, np.array([len(every)]), np.array([limit], np.uint32))
