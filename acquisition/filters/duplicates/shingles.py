"""Shingles of many texts at once, as 64-bit hashes: runs of five characters, words, and runs of words.

A text comes as one octet per character with spaces between words (`normal.letters`). Everything is a pass of numpy over the
joined texts, so a text of 1 KB costs microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

SHINGLE: Final = 5
_WINDOW: Final = np.uint64((1 << (8 * SHINGLE)) - 1)
_MIX: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_BASE: Final = 0x9E3779B97F4A7C55
_RUN: Final = 0xD1342543DE82EF95
_SPACE: Final = 32
_EIGHT: Final = 8
_MASKS: Final = np.array([(1 << (8 * size)) - 1 for size in range(9)], np.uint64)


def mixed(hashes: np.ndarray) -> np.ndarray:
    """Mix hashes in place, so that their top bits depend on all bits, and return them."""
    hashes *= _MIX[0]
    hashes ^= hashes >> np.uint64(32)
    hashes *= _MIX[1]
    return hashes


@dataclass(frozen=True, slots=True)
class Joined:
    """Several texts in one row: their letters without spaces, how many each has, and where words begin among the letters.

    `starts` are places in `letters`; `words` counts each text's words.
    """

    letters: bytes
    lengths: np.ndarray
    starts: np.ndarray
    words: np.ndarray

    @classmethod
    def of(cls, texts: list[bytes]) -> Joined:
        """Join texts with spaces between words."""
        spaced = b" " + b" ".join(texts) + b" "
        data = np.frombuffer(spaced, np.uint8)
        spaces = np.flatnonzero(data == _SPACE)
        last = np.flatnonzero(data[spaces[:-1] + 1] != _SPACE)  # the space before each word
        bounds = np.cumsum([0, *(len(text) + 1 for text in texts)])
        passed = np.searchsorted(spaces, bounds)
        words = np.diff(np.searchsorted(last, passed))
        return cls(spaced.translate(None, b" "), np.diff(bounds - passed), spaces[last] - last, words)

    def characters(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashes of all runs of five characters, and the offsets of the texts in them."""
        windows = self._windows() & _WINDOW
        whole = np.ones(len(windows), dtype=bool)
        ends = np.cumsum(self.lengths)
        for back in range(1, SHINGLE):
            whole[np.maximum(ends - back, 0)[ends > 0]] = False
        counts = np.maximum(self.lengths - (SHINGLE - 1), 0)
        return mixed(windows[whole]), np.concatenate(([0], np.cumsum(counts))).astype(np.int64)

    def beginnings(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashes of the eight letters from every word's beginning on, which is a word and part of the next.

        They stand for pairs of words at a fraction of the cost. The offsets of the texts in them come second.
        """
        ends = np.cumsum(self.lengths)
        text = np.repeat(np.arange(len(self.lengths)), self.words)
        within = self.starts + _EIGHT <= ends[text]
        counts = np.bincount(text[within], minlength=len(self.lengths))
        return mixed(self._windows()[self.starts[within]]), np.concatenate(([0], np.cumsum(counts))).astype(np.int64)

    def vocabulary(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashes of all words, by their first eight letters, and the offsets of the texts in them."""
        sizes = np.minimum(np.diff(np.append(self.starts, len(self.letters))), _EIGHT)
        hashes = mixed(self._windows()[self.starts] & _MASKS[sizes])
        return hashes, np.concatenate(([0], np.cumsum(self.words))).astype(np.int64)

    def _windows(self) -> np.ndarray:
        """Return one unaligned load of eight octets per letter."""
        data = self.letters + bytes(8)
        return np.ndarray(shape=(len(self.letters),), dtype="<u8", buffer=data, strides=(1,))


def words(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of all words of texts with spaces, in their order, and the offsets of the texts in them."""
    data = np.frombuffer(b" " + b" ".join(texts) + b" ", np.uint8)
    letter = data != _SPACE
    edges = np.flatnonzero(letter[1:] != letter[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    powers, inverses = _powers(1 << max(len(data) - 1, 1).bit_length())
    sums = np.cumsum(data * powers[: len(data)], dtype=np.uint64)
    hashes = (sums[ends - 1] - sums[starts - 1]) * inverses[starts]
    bounds = np.cumsum([1, *(len(text) + 1 for text in texts)])
    return mixed(hashes), np.searchsorted(starts, bounds).astype(np.int64)


@lru_cache(maxsize=2)
def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the powers of an odd base and of its inverse modulo 2^64."""
    both = []
    for base in (_BASE, pow(_BASE, -1, 2**64)):
        factors = np.full(count, base, np.uint64)
        factors[0] = 1
        both.append(np.cumprod(factors, dtype=np.uint64))
    return both[0], both[1]


def runs(hashes: np.ndarray, offsets: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of all runs of `length` words, and the offsets of the texts in them; texts with fewer have none."""
    total = len(hashes)
    counts = np.maximum(np.diff(offsets) - (length - 1), 0)
    bounds = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    if total < length:
        return np.zeros(0, np.uint64), bounds
    summed = np.zeros(total - length + 1, np.uint64)
    for step in range(length):
        summed += hashes[step : total - length + 1 + step] * np.uint64(pow(_RUN, step, 2**64))
    first = np.repeat(offsets[:-1] - bounds[:-1], counts) + np.arange(int(counts.sum()))
    return mixed(summed[first]), bounds
