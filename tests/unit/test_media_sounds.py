"""media.sounds: what is measured of a recording, whatever its header says."""

from __future__ import annotations

import io
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.filters.media import sounds
from acquisition.filters.media.sounds import SoundLook, look_at_sound

RATE = 16_000


def speech(seed: int = 0, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """Return something like speech: bursts of harmonics and of noise, the same for the same seed; float64 in -1..1."""
    draws = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    sound = np.zeros(len(time))
    for start in np.arange(0, seconds, 0.12):
        pitch, height = draws.uniform(90, 300), draws.uniform(0.2, 1)
        shape = np.clip(1 - np.abs(time - start - 0.06) / draws.uniform(0.05, 0.12), 0, 1)
        for harmonic in range(1, 14):
            sound += shape * height * draws.uniform(0, 1) / harmonic * np.sin(2 * np.pi * pitch * harmonic * time)
        sound += shape * draws.normal(0, 0.08 * draws.uniform(0, 1), len(time))
    return np.asarray(sound / np.abs(sound).max() * 0.7)


def packed(sound: np.ndarray, kind: str = "WAV", depth: str = "PCM_16", rate: int = RATE) -> bytes:
    """Return the bytes of a recording."""
    stream = io.BytesIO()
    soundfile.write(stream, sound, rate, format=kind, subtype=depth)
    return stream.getvalue()


def heard(data: bytes) -> SoundLook:
    """Look at the bytes of a recording."""
    return look_at_sound(io.BytesIO(data), len(data))


def test_lossless_copies_share_their_samples() -> None:
    """WAV, FLAC, AIFF, 24 bits and floating numbers with the same samples have one digest; one sample less has another."""
    whole = np.rint(speech() * 32767).astype(np.int16)
    copies = [packed(whole, kind) for kind in ("WAV", "FLAC", "AIFF", "W64", "RF64")]
    copies += [packed(whole, "WAV", "PCM_24"), packed(whole / 32768, "WAV", "FLOAT"), packed(whole / 32768, "WAV", "DOUBLE")]
    assert len({heard(copy).samples for copy in copies}) == 1
    assert heard(copies[0]).samples != heard(packed(whole[:-1])).samples
    assert len(heard(copies[0]).samples) == 16


def test_header_is_no_part_of_the_samples() -> None:
    """Chunks with words about the recording change nothing; rate and number of channels do."""
    plain = packed(speech())
    told = plain[:36] + b"LIST" + struct.pack("<I", 12) + b"INFOICMThowl" + plain[36:]
    told = told[:4] + struct.pack("<I", len(told) - 8) + told[8:]
    assert heard(told).samples == heard(plain).samples
    assert heard(packed(speech(), rate=8000)).samples != heard(plain).samples


def test_figures() -> None:
    """Length, peak, root mean square, offset and silence of a tone that begins after half a second."""
    tone = np.concatenate([np.zeros(RATE // 2), 0.1 + 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)])
    look = heard(packed(tone))
    assert (look.seconds, look.declared_seconds, look.sample_rate, look.channels) == (1.0, 1.0, RATE, 1)
    assert (look.format, look.subtype, look.error) == ("WAV", "PCM_16", "")
    assert look.peak == pytest.approx(0.6, abs=0.001)
    assert look.offset == pytest.approx(0.05, abs=0.001)
    assert look.rms == pytest.approx(np.sqrt((0.01 + 0.125) / 2), abs=0.001)
    assert look.silent == pytest.approx(0.5, abs=0.02)


def test_a_second_channel_is_no_change_of_the_fingerprint() -> None:
    """The same sound on two channels has the fingerprint of one."""
    sound = speech()
    assert (heard(packed(np.stack([sound, sound], axis=1))).fingerprint == heard(packed(sound)).fingerprint).all()


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000])
def test_rates_are_compared_without_resampling(rate: int) -> None:
    """The same tones at another rate have nearly the same words, though most bands hold next to nothing."""
    tones = np.random.default_rng(1).uniform(200, 3000, (12, 3))

    def sound(at: int) -> np.ndarray:
        time = np.arange(2 * at) / at
        return np.asarray(
            sum(np.sin(2 * np.pi * hertz * time) * np.exp(-8 * np.abs(time - place % 2)) for hertz, place, _ in tones) / 12
        )

    first, second = heard(packed(sound(16_000), rate=16_000)), heard(packed(sound(rate), rate=rate))
    words = min(len(first.fingerprint), len(second.fingerprint))
    wrong = np.bitwise_count(first.fingerprint[:words] ^ second.fingerprint[:words])[first.prints.coarse.levels[:words] < 80]
    assert wrong.mean() / 32 < 0.15


def test_clipping_is_told_from_loudness() -> None:
    """Cut peaks are clipped, also below full scale; speech and a sine at full scale are not, nor is a low hum at 8 bits."""
    time = np.arange(RATE) / RATE
    cut = np.clip(speech() * 3, -1, 1)
    for sound in (cut, cut * 0.5):
        assert heard(packed(sound * 0.999)).clipped > 0.005
    for clean in (speech(), speech() / 0.7 * 0.999, np.sin(2 * np.pi * 440 * time) * 0.999):
        assert heard(packed(clean)).clipped < 0.001
    assert heard(packed(np.sin(2 * np.pi * 60 * time) * 0.9, depth="PCM_U8")).clipped < 0.001


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_cut_files_are_truncated(kind: str) -> None:
    """A file that ends early says so, and what is there is measured."""
    depth = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(kind, "PCM_16")
    data = packed(speech(seconds=4), kind, depth)
    look = heard(data[: len(data) // 2])
    assert look.error == "truncated"
    assert 0 < look.seconds < 3.5
    assert heard(data).error == ""


def lying(declared: int) -> bytes:
    """Return a WAV of a tenth of a second whose data chunk claims another size."""
    data = packed(speech(seconds=0.1))
    return data[:40] + struct.pack("<I", declared) + data[44:]


def test_a_lying_header_allocates_nothing() -> None:
    """A header that promises gigabytes is truncated, and little memory is used to find out."""
    look_at_sound(io.BytesIO(lying(100)), 100)
    tracemalloc.start()
    look = heard(lying(0xFFFFFFF0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (look.error, round(look.seconds, 2)) == ("truncated", 0.1)
    assert look.declared_seconds > 100_000
    assert peak < 30_000_000


def test_streamed_headers_lie_about_nothing() -> None:
    """Writers that could not go back leave all ones as the size; that is no promise."""
    look = heard(lying(0xFFFFFFFF))
    assert (look.error, round(look.seconds, 2)) == ("", 0.1)


@pytest.mark.parametrize(
    "data", [b"", b"no sound", b"RIFF\x24\0\0\0WAVE", packed(np.zeros(0)), b"OggS" + b"\0" * 100, b"fLaC" + b"\xff" * 50]
)
def test_what_gives_no_samples_is_undecodable(data: bytes) -> None:
    """Nothing, text, bare headers and no samples are undecodable, with the decoder's words."""
    look = heard(data)
    assert (look.error, look.samples, len(look.fingerprint), bool(look.note)) == ("undecodable", b"", 0, True)


def test_long_recordings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than is decoded says so; the fingerprint covers the beginning only."""
    monkeypatch.setattr(sounds, "MAX_SECONDS", 130.0)
    data = packed(np.tile(speech(), 240), rate=8000)
    look = heard(data)
    assert look.error == "too-long"
    assert 130 <= look.seconds < 200
    assert len(look.fingerprint) <= 120 / 0.032 + 2


def test_silence_and_strange_rates_have_figures() -> None:
    """Silence has levels that hold nothing; a rate of one hertz or of a gigahertz has no fingerprint, and takes no time."""
    look = heard(packed(np.zeros(RATE)))
    assert (look.silent, look.peak, int(look.prints.coarse.levels.min())) == (1.0, 0.0, 255)
    for rate in (1, 2_000_000_000):
        strange = heard(packed(speech(seconds=0.01), rate=rate))
        assert (strange.error, len(strange.fingerprint)) == ("", 0)


def test_not_a_number_is_silence() -> None:
    """Infinite and undefined samples of floating recordings do not spread."""
    sound = speech().astype(np.float32)
    sound[10], sound[20], sound[30] = np.nan, np.inf, -np.inf
    look = heard(packed(sound, depth="FLOAT"))
    assert np.isfinite([look.peak, look.rms, look.offset, look.silent, look.clipped]).all()


KINDS: list[bytes] = [
    packed(speech(seconds=0.2), kind, depth)
    for kind, depth in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_24"))
]


@settings(max_examples=150, deadline=5000)
@given(st.sampled_from(KINDS), st.data())
def test_damage_never_raises(data: bytes, draw: Any) -> None:
    """Recordings that are cut anywhere, with octets changed anywhere, give a look whose figures are numbers."""
    end = draw.draw(st.integers(0, len(data)), label="end")
    changes = draw.draw(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=8), label="changes")
    damaged = bytearray(data[:end])
    for place, value in changes:
        if place < len(damaged):
            damaged[place] = value
    look = heard(bytes(damaged))
    assert np.isfinite([look.seconds, look.peak, look.rms, look.offset, look.silent, look.clipped]).all()
    assert look.error in {"", "truncated", "undecodable", "too-long"}
    assert look.seconds > 0 or look.error
