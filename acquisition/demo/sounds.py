"""One-shot drums, short spoken-like tones and small pictures, synthesised from a seed: the same bytes every time."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

RATE: Final = 16_000
Drum: TypeAlias = Literal["kick", "snare", "hat"]
Samples: TypeAlias = npt.NDArray[np.float64]


def drum(kind: Drum, seed: int) -> bytes:
    """Return one hit as a mono 16-bit WAV at 16 kHz, 0.12 to 0.3 seconds long; each seed sounds a little different."""
    chance = np.random.default_rng([seed, sum(kind.encode())])
    seconds = {"kick": 0.24, "snare": 0.18, "hat": 0.12}[kind] * chance.uniform(1.0, 1.25)
    time = np.arange(int(RATE * seconds)) / RATE
    noise = chance.standard_normal(time.size)
    if kind == "kick":
        sweep = chance.uniform(45, 60) * time + chance.uniform(4, 7) * (1 - np.exp(-time * chance.uniform(25, 40)))
        click = chance.uniform(0.2, 0.4) * noise * np.exp(-time * chance.uniform(40, 90))
        signal = np.sin(2 * np.pi * sweep) * np.exp(-time * chance.uniform(12, 18)) + click
    elif kind == "snare":
        body = np.sin(2 * np.pi * chance.uniform(170, 230) * time) * np.exp(-time * 30)
        signal = 0.5 * body + 0.5 * noise * np.exp(-time * chance.uniform(18, 28))
    else:
        signal = np.diff(noise, prepend=0.0) * np.exp(-time * chance.uniform(40, 70))
    return wav(0.8 * signal / np.abs(signal).max())


def blip(seed: int) -> bytes:
    """Return a WAV of 10 milliseconds: too short to be a sample of anything."""
    return wav(0.5 * np.random.default_rng([seed, 10]).uniform(-1, 1, RATE // 100))


def silence(seconds: float) -> bytes:
    """Return a WAV in which nothing is heard."""
    return wav(np.zeros(int(RATE * seconds)))


def wav(signal: Samples) -> bytes:
    """Return samples from -1 to 1 as a mono 16-bit WAV at 16 kHz."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.writeframes((np.clip(signal, -1, 1) * 32767).round().astype("<i2").tobytes())
    return stream.getvalue()


def murmur(seed: int) -> bytes:
    """Return about a second of voice-like tones as an MP3, as Common Voice delivers its clips."""
    import soundfile

    chance = np.random.default_rng([seed, 99])
    time = np.arange(int(RATE * chance.uniform(0.8, 1.2))) / RATE
    pitch = chance.uniform(90, 220)
    tones = sum(np.sin(2 * np.pi * pitch * n * time + chance.uniform(0, 6)) / n for n in range(1, 8))
    signal = 0.2 * tones * (0.6 + 0.4 * np.sin(2 * np.pi * chance.uniform(3, 5) * time))
    stream = io.BytesIO()
    soundfile.write(stream, signal.astype(np.float32), RATE, format="MP3")
    return stream.getvalue()


def picture(seed: int, side: int = 48, *, xmp: str = "") -> bytes:
    """Return a small RGB picture of coloured bands as a PNG, with a packet of XMP where one is given."""
    chance = np.random.default_rng([seed, 7])
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    waves = [
        np.sin(across * chance.uniform(0.1, 0.6) + down * chance.uniform(0.1, 0.6) + chance.uniform(0, 6)) for _ in range(3)
    ]
    pixels = ((np.stack(waves, axis=-1) + 1) * 127).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    about = _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp.encode()) if xmp else b""
    chunks = _chunk(b"IHDR", header) + about + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
