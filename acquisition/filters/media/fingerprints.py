"""A robust fingerprint of sound: the signs of how band energies change from band to band and frame to frame.

After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002), with 33 bands spaced logarithmically from
200 to 3400 Hz and frames of 256 ms every 32 ms. Frames and bands are laid out in seconds and hertz, so recordings of any
sampling rate are compared without resampling: the rate is only brought down by a whole number to 8 kHz or a little more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

FRAME: Final = 0.256
HOP: Final = 0.032
BANDS: Final = 33
LOWEST: Final = 200.0
HIGHEST: Final = 3400.0
MAX_SECONDS: Final = 120.0
"""A fingerprint covers the beginning of a recording: 15 KB at most."""
_RATE: Final = 8000
_LOWEST_RATE: Final = 1000
_HIGHEST_RATE: Final = 768_000
"""Rates outside are damage or measurements of something else than sound."""
_AT_ONCE: Final = 256
"""Frames that are transformed at a time: 4 MB."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How recordings of one sampling rate are treated."""

    step: int
    rate: float
    taps: np.ndarray
    window: np.ndarray
    length: int
    edges: np.ndarray


@lru_cache(maxsize=32)
def _plan(sample_rate: int) -> _Plan:
    step = max(1, sample_rate // _RATE)
    rate = sample_rate / step
    taps = np.ones(1, np.float32)
    if step > 1:
        count = int(3.3 * sample_rate / max(rate - 2 * HIGHEST, 1000)) | 1
        places = np.arange(count) - count // 2
        taps = (np.sinc(places / step) * np.hamming(count)).astype(np.float32)
        taps /= taps.sum()
    size = max(8, round(FRAME * rate))
    length = next(n for n in range(size, 2 * size + 8) if _smooth(n))
    hertz = np.geomspace(LOWEST, HIGHEST, BANDS + 1)
    edges = np.minimum(hertz * length / rate, length // 2)
    return _Plan(step, rate, taps, np.hanning(size).astype(np.float32), length, edges)


def _smooth(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


class Fingerprinter:
    """Takes mono samples block by block and keeps them at about 8 kHz, up to MAX_SECONDS."""

    def __init__(self, sample_rate: int) -> None:
        known = _LOWEST_RATE <= sample_rate <= _HIGHEST_RATE
        self._plan = _plan(sample_rate if known else _RATE)
        self._tail = np.zeros(len(self._plan.taps) // 2, np.float32)
        self._parts: list[np.ndarray] = []
        self._wanted = int(MAX_SECONDS * self._plan.rate) if known else 0

    @property
    def full(self) -> bool:
        """Say whether more samples would change nothing."""
        return self._wanted <= 0

    def add(self, mono: np.ndarray) -> None:
        """Take the next samples, float32."""
        if self.full:
            return
        plan = self._plan
        joined = np.concatenate([self._tail, mono])
        count = (len(joined) - len(plan.taps)) // plan.step + 1
        if count <= 0:
            self._tail = joined
            return
        self._tail = joined[count * plan.step :]
        kept = _decimated(joined, plan, count)[: self._wanted]
        self._wanted -= len(kept)
        self._parts.append(kept)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Return one uint32 word per frame, and each frame's level: half decibels below the loudest frame, uint8."""
        plan = self._plan
        if not self._parts and self.full:
            return np.zeros(0, np.uint32), np.zeros(0, np.uint8)
        if not self.full:
            self.add(np.zeros(len(plan.taps) // 2 + 1, np.float32))
        half = len(plan.window) // 2
        sound = np.concatenate([np.zeros(half, np.float32), *self._parts, np.zeros(half, np.float32)])
        energies = _energies(sound, plan)
        return _words(energies), _levels(energies)


def _decimated(sound: np.ndarray, plan: _Plan, count: int) -> np.ndarray:
    if plan.step == 1:
        return sound[:count]
    strides = np.lib.stride_tricks.sliding_window_view(sound, len(plan.taps))[:: plan.step][:count]
    lowered: np.ndarray = strides @ plan.taps
    return lowered


def _energies(sound: np.ndarray, plan: _Plan) -> np.ndarray:
    """Return band energies, shape (frames, 33); at least one frame."""
    size = len(plan.window)
    if len(sound) < size:
        sound = np.concatenate([sound, np.zeros(size - len(sound), np.float32)])
    count = int((len(sound) - size) / (HOP * plan.rate)) + 1
    starts = np.rint(np.arange(count) * HOP * plan.rate).astype(np.int64)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)
    parts = [_bands(frames[starts[at : at + _AT_ONCE]] * plan.window, plan) for at in range(0, count, _AT_ONCE)]
    return np.concatenate(parts)


def _bands(frames: np.ndarray, plan: _Plan) -> np.ndarray:
    """Sum power between fractional edges, so that the same band means the same hertz at every rate."""
    spectrum = np.fft.rfft(frames, plan.length)
    power = spectrum.real**2 + spectrum.imag**2
    summed = np.cumsum(np.pad(power, ((0, 0), (1, 1))), axis=1, dtype=np.float64)
    whole = plan.edges.astype(np.int64)
    at_edges = summed[:, whole] + (summed[:, whole + 1] - summed[:, whole]) * (plan.edges - whole)
    bands: np.ndarray = np.diff(at_edges, axis=1) / len(plan.window) ** 2
    return bands


def _words(energies: np.ndarray) -> np.ndarray:
    slope = energies[:, :-1] - energies[:, 1:]
    before = np.vstack([np.zeros((1, slope.shape[1])), slope[:-1]])
    bits = np.packbits(slope > before, axis=1)
    return np.ascontiguousarray(bits).view(">u4").astype(np.uint32).reshape(-1)


def _levels(energies: np.ndarray) -> np.ndarray:
    loud = energies.sum(axis=1)
    loudest = max(float(loud.max()), 1e-20)
    below = -20 * np.log10(np.maximum(loud / loudest, 1e-13))
    return np.asarray(np.clip(np.rint(below), 0, 255), dtype=np.uint8)
