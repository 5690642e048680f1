"""What a recording sounds like: one decoding in blocks, every figure that filters ask for."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, cast

import numpy as np

from acquisition.filters.media.fingerprints import NO_PRINTS, Fingerprinter, Prints
from acquisition.filters.media.headers import declared_seconds, is_cut

if TYPE_CHECKING:
    import soundfile

MAX_SECONDS: Final = 4 * 3600.0
"""Seconds that are decoded; a longer recording is not checked, and that is said."""
MAX_VALUES: Final = 2_000_000_000
"""Samples times channels that are decoded, whatever rate a header claims."""
BLOCK: Final = 1 << 18
"""Samples times channels that are decoded at a time: 1 MB to 2 MB."""
_FLAC_BLOCK: Final = 1 << 14
"""The decoder of FLAC loses the block in which the damage is."""
IN_MEMORY: Final = 16_000_000
"""Bytes up to which a file is read at once."""
QUIET: Final = 0.001
"""Windows of 20 ms whose peak stays below this share of full scale (-60 dB) are silent."""
_TONES: Final = 32_768


@dataclass(frozen=True, slots=True)
class SoundLook:
    """The figures of one recording.

    seconds: decoded; declared_seconds: what the header promises, -1 where it promises nothing.
    format, subtype: soundfile's words ("WAV", "PCM_16"); `size` in bytes.
    samples: 16 bytes of SHA-256 over rate, channels and decoded samples at their own depth, so that lossless copies agree.
    peak, rms, offset: of full scale; offset is the mean. silent: share of windows of 20 ms below -60 dB.
    clipped: share of samples that stand at the recording's largest value beyond what its shape explains.
    prints: its fingerprints (`media.fingerprints`).
    error: "" or undecodable, truncated, too-long, missing; with truncated the figures are of what was there.
    """

    size: int
    seconds: float = 0.0
    declared_seconds: float = -1.0
    sample_rate: int = 0
    channels: int = 0
    format: str = ""
    subtype: str = ""
    samples: bytes = b""
    peak: float = 0.0
    rms: float = 0.0
    offset: float = 0.0
    silent: float = 0.0
    clipped: float = 0.0
    prints: Prints = NO_PRINTS
    error: str = ""
    note: str = ""

    @property
    def fingerprint(self) -> np.ndarray:
        """Return the words of the coarse fingerprint, uint32, one for every 32 ms."""
        return self.prints.coarse.words


def look_at_sound(stream: IO[bytes], size: int) -> SoundLook:
    """Decode and measure a recording from a seekable stream. Never raises; memory is bounded whatever the header says."""
    import soundfile

    if size <= IN_MEMORY:
        stream = io.BytesIO(stream.read(IN_MEMORY + 1))
    calm = Calm(stream)
    declared, cut = declared_seconds(calm), is_cut(calm)
    calm.seek(0)
    try:
        with soundfile.SoundFile(cast("IO[bytes]", calm)) as sound:
            return _measured(sound, size, declared, cut=cut)
    except (soundfile.LibsndfileError, TypeError, ValueError, RuntimeError, OSError, MemoryError) as error:
        return SoundLook(size, declared_seconds=declared, error="undecodable", note=_words(error))


class Calm:
    """A stream for libsndfile's callbacks, which cannot take exceptions: a read or seek that fails gives nothing."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.failed = ""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        try:
            return self._stream.read(size)
        except Exception as error:  # noqa: BLE001  # archives raise much, and C code waits for the answer
            self.failed = f"{type(error).__name__}: {error}"
            return b""

    def readinto(self, buffer: bytearray) -> int:
        """Fill a buffer and return how much of it."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move and return the position; a place before the start leaves it unchanged."""
        try:
            return self._stream.seek(offset, whence)
        except Exception:  # noqa: BLE001  # as above
            return self._stream.tell()

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()


class _Figures:
    """Sums over the blocks of one recording."""

    def __init__(self, rate: int, channels: int) -> None:
        self.frames = 0
        self.peak = self.total = self.squares = 0.0
        self.windows = self.quiet = 0
        self.tones = np.zeros(2 * _TONES + 1, np.int64)
        self._window = max(1, rate // 50)
        self.channels = channels

    def add(self, block: np.ndarray) -> None:
        """Take frames × channels of float32 in -1..1."""
        loud = np.abs(block)
        self.frames += len(block)
        self.peak = max(self.peak, float(loud.max()))
        self.total += float(block.sum(dtype=np.float64))
        flat = block.reshape(-1)
        self.squares += float(np.dot(flat, flat))
        tones = np.rint(np.clip(flat, -1, 1) * _TONES).astype(np.int64)
        self.tones += np.bincount(tones + _TONES, minlength=2 * _TONES + 1)
        heights = loud.max(axis=1) if self.channels > 1 else loud[:, 0]
        peaks = np.maximum.reduceat(heights, np.arange(0, len(heights), self._window))
        self.windows += len(peaks)
        self.quiet += int((peaks < QUIET).sum())

    @property
    def clipped(self) -> float:
        """Return the share of samples at the largest and smallest value beyond what the values below lead to expect."""
        above, below = self.tones[_TONES:], self.tones[_TONES::-1]
        return (_spike(above) + _spike(below)) / max(int(self.tones.sum()), 1)


def _spike(counts: np.ndarray) -> int:
    """Return by how much the count at the outermost value exceeds four times the largest of the eight below it.

    A wave dwells at its crest, but not four times as long as just beside it. Values below a quarter of full scale are left.
    """
    filled = np.flatnonzero(counts)[-9:]
    if len(filled) < 2 or filled[-1] < _TONES // 4:
        return 0
    return max(0, int(counts[filled[-1]]) - 4 * int(counts[filled[:-1]].max()))


def _measured(sound: soundfile.SoundFile, size: int, declared: float, *, cut: bool) -> SoundLook:
    rate, channels = int(sound.samplerate), int(sound.channels)
    if rate < 1 or channels < 1:
        return SoundLook(size, error="undecodable", note="no sampling rate or no channels")
    if declared < 0 < sound.frames < 1 << 60:
        declared = sound.frames / rate
    figures, digest, prints = _Figures(rate, channels), hashlib.sha256(f"{rate} {channels} ".encode()), Fingerprinter(rate)
    error, note = _decoded(sound, figures, digest, prints)
    seconds = figures.frames / rate
    if not error and (cut or declared - seconds > max(0.05, 0.001 * declared)):
        error, note = "truncated", f"{seconds:.3f} of {declared:.3f} seconds are there"
    values = max(figures.frames * channels, 1)
    return SoundLook(
        size=size,
        seconds=seconds,
        declared_seconds=declared,
        sample_rate=rate,
        channels=channels,
        format=sound.format,
        subtype=sound.subtype,
        samples=digest.digest()[:16] if figures.frames and error in {"", "truncated"} else b"",
        peak=figures.peak,
        rms=float(np.sqrt(figures.squares / values)),
        offset=figures.total / values,
        silent=figures.quiet / max(figures.windows, 1),
        clipped=figures.clipped,
        prints=prints.finish(),
        error=error,
        note=note,
    )


def _decoded(sound: soundfile.SoundFile, figures: _Figures, digest: hashlib._Hash, prints: Fingerprinter) -> tuple[str, str]:
    """Decode block by block; return (error, note), both empty when all went well."""
    import soundfile

    depth = _depth(sound.subtype)
    step = max(1, (_FLAC_BLOCK if sound.format == "FLAC" else BLOCK) // figures.channels)
    most = int(min(MAX_SECONDS * sound.samplerate, MAX_VALUES // figures.channels))
    while True:
        if figures.frames >= most:
            return "too-long", f"only the first {figures.frames / sound.samplerate:,.0f} seconds were decoded"
        try:
            block = sound.read(step, dtype=depth, always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
            return ("truncated" if figures.frames else "undecodable"), _words(error)
        if not len(block):
            return ("", "") if figures.frames else ("undecodable", "there are no samples")
        values, heard = _exact(block)
        digest.update(values)
        figures.add(heard)
        prints.add(heard.mean(axis=1) if figures.channels > 1 else heard[:, 0])


def _depth(subtype: str) -> str:
    """Return how samples are read: whole numbers left-aligned in 32 bits, or floating ones as they are."""
    if subtype in {"FLOAT", "DOUBLE"}:
        return "float64"
    return "int32" if subtype.startswith(("PCM_", "ALAC_", "ULAW", "ALAW")) else "float32"


def _exact(block: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Return the bytes that are digested and the samples as float32 in -1..1.

    Floating samples that are whole numbers of 32 bits in disguise are digested as these, so that depth alone is no difference.
    """
    if block.dtype == np.int32:
        return block.astype("<i4", copy=False).tobytes(), block.astype(np.float32) * np.float32(2.0**-31)
    block = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0)
    scaled = block.astype(np.float64) * 2.0**31
    whole = bool((np.rint(scaled) == scaled).all()) and float(np.abs(scaled).max()) < 2.0**31
    data = scaled.astype("<i4") if whole else scaled.astype("<f8")
    return data.tobytes(), np.clip(block, -8.0, 8.0).astype(np.float32)


def _words(error: Exception) -> str:
    """Return the decoder's own words, without the stream's name in this process."""
    return str(getattr(error, "error_string", error))[:200]
