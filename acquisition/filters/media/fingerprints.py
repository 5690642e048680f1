"""A robust fingerprint of sound: the signs of how band energies change from band to band and frame to frame.

After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002), with 33 bands spaced logarithmically from
200 to 3400 Hz. Frames are 256 ms long and 32 ms apart; recordings of a few seconds also get frames of 64 ms every 8 ms, without
which a drum beat would be three words. Frames and bands are laid out in seconds and hertz, so recordings of any sampling rate
are compared without resampling: the rate is only brought down by a whole number to 8 kHz or a little more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

FRAME, HOP = 0.256, 0.032
FINE_FRAME, FINE_HOP = 0.064, 0.008
BANDS: Final = 33
LOWEST: Final = 200.0
HIGHEST: Final = 3400.0
MAX_SECONDS: Final = 120.0
"""A fingerprint covers the beginning of a recording: 15 KB at most."""
FINE_SECONDS: Final = 3.0
"""Recordings up to this length also get a fine fingerprint: 1.5 KB at most."""
WAVE_RATE: Final = 1000
_RATE: Final = 8000
_LOWEST_RATE: Final = 1000
_HIGHEST_RATE: Final = 768_000
"""Rates outside are damage or measurements of something else than sound."""
_AT_ONCE: Final = 256
"""Frames that are transformed at a time: 4 MB."""


@dataclass(frozen=True, slots=True)
class Words:
    """One uint32 per frame, and each frame's level: half decibels below the loudest frame, uint8."""

    words: np.ndarray
    levels: np.ndarray


@dataclass(frozen=True, slots=True)
class Prints:
    """The fingerprints of a recording; `profile` is each band's energy in half decibels below the strongest, 33 octets.

    `wave` is the low end of a recording of a few seconds: the share of its energy (of 255) that lies there, and then its wave
    at 1,000 samples a second, int8. The bands above 200 Hz of two kick drums are much alike; their waves are not.
    """

    coarse: Words
    fine: Words
    profile: bytes = b""
    wave: bytes = b""

    @property
    def nbytes(self) -> int:
        """Return how much memory they take."""
        return int(5 * (len(self.coarse.words) + len(self.fine.words))) + len(self.wave)


NO_WORDS: Final = Words(np.zeros(0, np.uint32), np.zeros(0, np.uint8))
NO_PRINTS: Final = Prints(NO_WORDS, NO_WORDS)


@dataclass(frozen=True, slots=True)
class _Lowering:
    """How a sampling rate is brought down: every `step`-th sample behind a low-pass filter."""

    step: int
    rate: float
    taps: np.ndarray


@dataclass(frozen=True, slots=True)
class _Layout:
    """Frames and bands at one rate; `edges` are the bands' bounds in bins of a transform of `length` samples."""

    hop: float
    window: np.ndarray
    length: int
    edges: np.ndarray


@lru_cache(maxsize=32)
def _lowering(sample_rate: int) -> _Lowering:
    step = max(1, sample_rate // _RATE)
    rate = sample_rate / step
    taps = np.ones(1, np.float32)
    if step > 1:
        count = int(3.3 * sample_rate / max(rate - 2 * HIGHEST, 1000)) | 1
        places = np.arange(count) - count // 2
        taps = (np.sinc(places / step) * np.hamming(count)).astype(np.float32)
        taps /= taps.sum()
    return _Lowering(step, rate, taps)


@lru_cache(maxsize=64)
def _layout(rate: float, frame: float, hop: float) -> _Layout:
    size = max(8, round(frame * rate))
    length = next(n for n in range(size, 2 * size + 8) if _smooth(n))
    edges = np.minimum(np.geomspace(LOWEST, HIGHEST, BANDS + 1) * length / rate, length // 2)
    return _Layout(hop * rate, np.hanning(size).astype(np.float32), length, edges)


def _smooth(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


class Fingerprinter:
    """Takes mono samples block by block and keeps them at about 8 kHz, up to MAX_SECONDS."""

    def __init__(self, sample_rate: int) -> None:
        known = _LOWEST_RATE <= sample_rate <= _HIGHEST_RATE
        self._lowering = _lowering(sample_rate if known else _RATE)
        self._tail = np.zeros(len(self._lowering.taps) // 2, np.float32)
        self._parts: list[np.ndarray] = []
        self._wanted = int(MAX_SECONDS * self._lowering.rate) if known else 0

    @property
    def full(self) -> bool:
        """Say whether more samples would change nothing."""
        return self._wanted <= 0

    def add(self, mono: np.ndarray) -> None:
        """Take the next samples, float32."""
        if self.full:
            return
        taps, step = self._lowering.taps, self._lowering.step
        joined = np.concatenate([self._tail, mono])
        count = max(0, (len(joined) - len(taps)) // step + 1)
        self._tail = joined[count * step :]
        strides = np.lib.stride_tricks.sliding_window_view(joined, len(taps))[::step][:count] if count else None
        if strides is not None:
            kept = (strides[:, 0] if step == 1 else strides @ taps)[: self._wanted]
            self._wanted -= len(kept)
            self._parts.append(kept)

    def finish(self) -> Prints:
        """Return the fingerprints of what was taken; without any words where there was nothing, or no sensible rate."""
        if not self.full:
            self.add(np.zeros(len(self._lowering.taps) // 2, np.float32))
        if not self._parts:
            return NO_PRINTS
        sound, rate = np.concatenate(self._parts), self._lowering.rate
        energies = _energies(sound, _layout(rate, FRAME, HOP))
        fine, wave = NO_WORDS, b""
        if len(sound) <= FINE_SECONDS * rate:
            fine, wave = _words(_energies(sound, _layout(rate, FINE_FRAME, FINE_HOP))), _wave(sound, rate)
        bands = energies.sum(axis=0)
        return Prints(_words(energies), fine, bytes(_below(bands)), wave)


def _wave(sound: np.ndarray, rate: float) -> bytes:
    """Return the low end of a sound: one octet for its share of the energy, and its wave at WAVE_RATE as int8."""
    reach = int(2 * rate / WAVE_RATE)
    taps = np.hamming(2 * reach + 1) * np.sinc(np.arange(-reach, reach + 1) * 0.8 * WAVE_RATE / rate)
    low = np.convolve(sound, taps / taps.sum(), "same")
    share = float((low**2).sum() / max(float((sound.astype(np.float64) ** 2).sum()), 1e-20))
    moments = np.arange(int(len(sound) * WAVE_RATE / rate)) * rate / WAVE_RATE
    wave = np.interp(moments, np.arange(len(low)), low)
    scaled = np.rint(127 * wave / max(float(np.abs(wave).max(initial=0.0)), 1e-20)).astype(np.int8)
    return bytes([min(255, round(255 * share))]) + scaled.tobytes()


def _energies(sound: np.ndarray, layout: _Layout) -> np.ndarray:
    """Return band energies, shape (frames, 33), of a sound between half a frame of silence; at least one frame."""
    size = len(layout.window)
    quiet = np.zeros(size // 2 + 1, np.float32)
    sound = np.concatenate([quiet, sound, quiet])
    count = max(1, int((len(sound) - size) / layout.hop) + 1)
    starts = np.rint(np.arange(count) * layout.hop).astype(np.int64)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)
    return np.concatenate(
        [_bands(frames[starts[at : at + _AT_ONCE]] * layout.window, layout) for at in range(0, count, _AT_ONCE)]
    )


def _bands(frames: np.ndarray, layout: _Layout) -> np.ndarray:
    """Sum power between fractional edges, so that the same band means the same hertz at every rate."""
    spectrum = np.fft.rfft(frames, layout.length)
    power = spectrum.real**2 + spectrum.imag**2
    summed = np.cumsum(np.pad(power, ((0, 0), (1, 1))), axis=1, dtype=np.float64)
    whole = layout.edges.astype(np.int64)
    at_edges = summed[:, whole] + (summed[:, whole + 1] - summed[:, whole]) * (layout.edges - whole)
    bands: np.ndarray = np.diff(at_edges, axis=1) / len(layout.window) ** 2
    return bands


def _words(energies: np.ndarray) -> Words:
    slope = energies[:, :-1] - energies[:, 1:]
    before = np.vstack([np.zeros((1, slope.shape[1])), slope[:-1]])
    bits = np.packbits(slope > before, axis=1)
    return Words(np.ascontiguousarray(bits).view(">u4").astype(np.uint32).reshape(-1), _below(energies.sum(axis=1)))


def _below(energies: np.ndarray) -> np.ndarray:
    """Return energies in half decibels below the largest, 255 for what is 127 dB below or nothing at all."""
    largest = max(float(energies.max()), 1e-20)
    decibels = -20 * np.log10(np.maximum(energies / largest, 1e-13))
    return np.asarray(np.clip(np.rint(decibels), 0, 255), dtype=np.uint8)
