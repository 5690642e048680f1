"""Perceptual hashes of a picture in all eight orientations, from one 64 × 64 reduction of its luma.

PDQ as specified by ThreatExchange (https://github.com/facebook/ThreatExchange/tree/main/pdq, "PDQ hashing"): two box filters
along each axis ("Jarosz"), 64 × 64 samples, the sixteen lowest frequencies but the constant of a two-dimensional DCT, one bit
for each that lies above the median. Everything before the median is linear, so filter and sampling are one matrix per axis,
and the hashes of the other orientations come from sign changes and the transpose of the same 16 × 16 frequencies.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

import numpy as np

SIDE: Final = 64
FORMS: Final = 8
"""Identity, turned by 90, 180 and 270 degrees (counter-clockwise), mirrored left-right, top-bottom, and both transposes."""


@lru_cache(maxsize=128)
def _sampler(length: int) -> np.ndarray:
    """Return the matrix (64, length) that filters an axis twice and takes 64 samples of it."""
    window = (length + 2 * SIDE - 1) // (2 * SIDE)
    places = np.arange(length)
    ends = places + (window + 2) // 2  # an even window reaches one further forward, as in the reference
    first, last = np.maximum(ends - window, 0), np.minimum(ends, length)
    taken = ((np.arange(SIDE) + 0.5) * length / SIDE).astype(np.int64)
    steps = np.zeros((SIDE, length + 1))
    for row, place in enumerate(taken):
        inner = np.arange(first[place], last[place])
        weight = 1.0 / ((last[inner] - first[inner]) * len(inner))
        np.add.at(steps[row], first[inner], weight)
        np.subtract.at(steps[row], last[inner], weight)
    return np.asarray(np.cumsum(steps, axis=1)[:, :-1], dtype=np.float32)


@cache
def _frequencies() -> np.ndarray:
    """Return the DCT matrix (16, 64) without its constant row."""
    order, place = np.arange(1, 17)[:, None], np.arange(SIDE)[None, :]
    return np.asarray(np.sqrt(2 / SIDE) * np.cos(np.pi / 2 / SIDE * order * (2 * place + 1)), dtype=np.float32)


@lru_cache(maxsize=16)
def averaging(length: int, parts: int) -> np.ndarray:
    """Return the matrix (parts, length) of means over equal, possibly fractional stretches of an axis."""
    edges = np.linspace(0, length, parts + 1)
    left, right = np.arange(length), np.arange(1, length + 1)
    overlap = np.minimum(right, edges[1:, None]) - np.maximum(left, edges[:-1, None])
    return np.asarray(np.maximum(overlap, 0) * parts / length, dtype=np.float32)


def reduced(luma: np.ndarray) -> np.ndarray:
    """Return a picture's luma (rows, columns) as PDQ's 64 × 64 float32 samples in 0..255."""
    rows, columns = luma.shape
    smooth: np.ndarray = _sampler(rows) @ luma.astype(np.float32) @ _sampler(columns).T
    return smooth


def pdq_quality(samples: np.ndarray) -> int:
    """Return PDQ's own quality figure, 0..100: how much the 64 × 64 samples change from one to the next."""
    down = np.trunc((samples[:-1] - samples[1:]) * 100 / 255)
    across = np.trunc((samples[:, :-1] - samples[:, 1:]) * 100 / 255)
    return min(100, int((np.abs(down).sum() + np.abs(across).sum()) / 90))


def pdq(samples: np.ndarray) -> bytes:
    """Return eight hashes of 32 bytes, one for each of FORMS; `.hex()` of one is ThreatExchange's text form."""
    frequencies = _frequencies()
    plain = frequencies @ samples @ frequencies.T
    forms = _turned(plain).reshape(FORMS, 256)
    median = np.partition(forms, 127, axis=1)[:, 127:128]  # the lower of the two middle ones, as the reference takes
    return bytes(np.packbits((forms > median)[:, ::-1], axis=1))


def _turned(plain: np.ndarray) -> np.ndarray:
    """Return the frequencies (8, 16, 16) of all forms: mirroring an axis changes the sign of its odd frequencies."""
    sign = np.where(np.arange(1, 17) % 2, -1.0, 1.0).astype(plain.dtype)
    rows, columns = sign[:, None], sign[None, :]
    other = plain.T
    both = rows * columns
    return np.stack([plain, other * rows, plain * both, other * columns, plain * columns, plain * rows, other, other * both])


def dhash(samples: np.ndarray) -> bytes:
    """Return eight difference hashes of 8 bytes: is each of 8 × 9 means brighter than its left neighbour."""
    eight, nine = averaging(SIDE, 8), averaging(SIDE, 9)
    wide = eight @ samples @ nine.T
    tall = (nine @ samples @ eight.T).T
    forms = np.stack([wide, tall[::-1], wide[::-1, ::-1], tall[:, ::-1], wide[:, ::-1], wide[::-1], tall, tall[::-1, ::-1]])
    return bytes(np.packbits((forms[:, :, 1:] > forms[:, :, :-1]).reshape(FORMS, 64), axis=1))
