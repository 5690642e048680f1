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
INSETS: Final = (0.05, 0.1)
"""Shares of width and height that are left out at every side."""
_STRIPS: Final = 16


@lru_cache(maxsize=128)
def _sampler(length: int) -> tuple[tuple[slice, np.ndarray], ...]:
    """Return the matrix (64, length) that filters an axis twice and takes 64 samples of it, in strips of equal height.

    A sample is made of a few neighbours, so of each strip only the part of the axis that is not zero is kept and multiplied.
    """
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
    whole = np.cumsum(steps, axis=1)[:, :-1]
    strips = []
    for strip, places in zip(np.split(whole, _STRIPS), np.split(taken, _STRIPS), strict=True):
        reached = slice(max(0, int(places[0]) - 2 * window), min(length, int(places[-1]) + 2 * window + 1))
        strips.append((reached, np.ascontiguousarray(strip[:, reached], dtype=np.float32)))
    return tuple(strips)


def _sampled(rows: np.ndarray) -> np.ndarray:
    """Return 64 samples along the first axis."""
    return np.concatenate([strip @ rows[reached] for reached, strip in _sampler(len(rows))])


@cache
def _frequencies(inset: float = 0.0) -> np.ndarray:
    """Return the DCT matrix (16, 64) without its constant row, of an axis without its ends."""
    order, place = np.arange(1, 17)[:, None], np.arange(SIDE)[None, :]
    plain = np.asarray(np.sqrt(2 / SIDE) * np.cos(np.pi / 2 / SIDE * order * (2 * place + 1)), dtype=np.float32)
    return plain @ _averaging(SIDE, inset) if inset else plain


@cache
def _averaging(parts: int, inset: float = 0.0) -> np.ndarray:
    """Return the matrix (parts, 64) of means over equal, possibly fractional stretches of an axis without its ends."""
    edges = np.linspace(SIDE * inset, SIDE * (1 - inset), parts + 1)
    left, right = np.arange(SIDE), np.arange(1, SIDE + 1)
    overlap = np.minimum(right, edges[1:, None]) - np.maximum(left, edges[:-1, None])
    return np.asarray(np.maximum(overlap, 0) / (edges[1] - edges[0]), dtype=np.float32)


@cache
def _inner(parts: int, inset: float) -> np.ndarray:
    """Return the matrix (parts, 64) of means over the 64 samples that an axis without its ends is put into."""
    return np.asarray(_averaging(parts) @ _averaging(SIDE, inset))


def reduced(luma: np.ndarray) -> np.ndarray:
    """Return a picture's luma (rows, columns) as PDQ's 64 × 64 float32 samples in 0..255."""
    down = _sampled(luma.astype(np.float32, copy=False))
    return np.concatenate([down[:, reached] @ strip.T for reached, strip in _sampler(luma.shape[1])], axis=1)


def pdq_quality(samples: np.ndarray) -> int:
    """Return PDQ's own quality figure, 0..100: how much the 64 × 64 samples change from one to the next."""
    down = np.trunc((samples[:-1] - samples[1:]) * 100 / 255)
    across = np.trunc((samples[:, :-1] - samples[:, 1:]) * 100 / 255)
    return min(100, int((np.abs(down).sum() + np.abs(across).sum()) / 90))


def pdq(samples: np.ndarray) -> bytes:
    """Return eight hashes of 32 bytes, one for each of FORMS; `.hex()` of one is ThreatExchange's text form."""
    return _bits(_turned(_spectrum(samples)).reshape(FORMS, 256))


def _spectrum(samples: np.ndarray, inset: float = 0.0) -> np.ndarray:
    frequencies = _frequencies(inset)
    spectrum: np.ndarray = frequencies @ samples @ frequencies.T
    return spectrum


def _bits(spectra: np.ndarray) -> bytes:
    median = np.partition(spectra, 127, axis=1)[:, 127:128]  # the lower of the two middle ones, as the reference takes
    return bytes(np.packbits((spectra > median)[:, ::-1], axis=1))


def _turned(plain: np.ndarray) -> np.ndarray:
    """Return the frequencies (8, 16, 16) of all forms: mirroring an axis changes the sign of its odd frequencies."""
    sign = np.where(np.arange(1, 17) % 2, -1.0, 1.0).astype(plain.dtype)
    rows, columns = sign[:, None], sign[None, :]
    other = plain.T
    both = rows * columns
    return np.stack([plain, other * rows, plain * both, other * columns, plain * columns, plain * rows, other, other * both])


def dhash(samples: np.ndarray) -> bytes:
    """Return eight difference hashes of 8 bytes: is each of 8 × 9 means brighter than its left neighbour."""
    eight, nine = _averaging(8), _averaging(9)
    wide = eight @ samples @ nine.T
    tall = (nine @ samples @ eight.T).T
    forms = np.stack([wide, tall[::-1], wide[::-1, ::-1], tall[:, ::-1], wide[:, ::-1], wide[::-1], tall, tall[::-1, ::-1]])
    return bytes(np.packbits((forms[:, :, 1:] > forms[:, :, :-1]).reshape(FORMS, 64), axis=1))


def insets(samples: np.ndarray) -> bytes:
    """Return difference hash and PDQ (8 + 32 bytes) of the picture as it stands without each of INSETS at every side.

    A cropped copy looks like one of them, and a picture in a frame has one that looks like the picture.
    """
    found = b""
    for inset in INSETS:
        grid = _inner(8, inset) @ samples @ _inner(9, inset).T
        found += bytes(np.packbits(grid[:, 1:] > grid[:, :-1])) + _bits(_spectrum(samples, inset).reshape(1, 256))
    return found


def thumb(samples: np.ndarray, side: int) -> bytes:
    """Return the means of side × side fields as octets, row by row."""
    small = _averaging(side) @ samples @ _averaging(side).T
    return bytes(np.clip(np.rint(small), 0, 255).astype(np.uint8))
