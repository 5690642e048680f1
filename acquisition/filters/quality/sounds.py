"""Judges recordings by what they sound like: pure rules, no decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from acquisition.filters.flags import detail_json
from acquisition.filters.media.sounds import SoundLook
from acquisition.settings import Seconds, Settings

CODES: Final[Mapping[str, str]] = {
    "quality.audio-undecodable": "The recording cannot be decoded, or holds no samples; the detail has the decoder's words.",
    "quality.audio-truncated": "The header promises more than is there; the detail has both lengths.",
    "quality.audio-not-checked": "Only the beginning was decoded: the recording is longer than is looked at.",
    "quality.audio-silent": "Next to nothing of the recording rises above -60 dB; the score is the silent share.",
    "quality.audio-clipped": "Samples stand at the largest value more often than an unclipped sound has them there.",
    "quality.audio-offset": "The samples' mean is far from zero (a direct-current offset).",
    "quality.audio-too-short": "The recording lasts less than filters.quality.audio.min_seconds.",
    "quality.audio-too-long": "The recording lasts longer than filters.quality.audio.max_seconds.",
}


class AudioQuality(Settings):
    """Bounds for recordings."""

    min_seconds: Seconds = 0.02
    max_seconds: Seconds | None = None
    silent: float = Field(default=0.99, gt=0, le=1)
    """Share of windows of 20 ms below -60 dB from which on a recording is silent."""
    clipped: float = Field(default=0.001, gt=0, le=1)
    """Share of clipped samples from which on a recording is flagged."""
    offset: float = Field(default=0.05, gt=0, le=1)
    """Mean of the samples, of full scale, from which on an offset is flagged."""


def judged(look: SoundLook, settings: AudioQuality) -> list[tuple[str, float, str]]:
    """Return (code, score, detail) for everything that is noticed of a recording."""
    if look.error in {"undecodable", "missing"}:
        return [("quality.audio-undecodable", 1.0, detail_json(error=look.error, note=look.note))]
    found = []
    if look.error == "truncated":
        seconds = detail_json(declared=round(look.declared_seconds, 4), seconds=round(look.seconds, 4), note=look.note)
        found.append(("quality.audio-truncated", 1.0, seconds))
    if look.error == "too-long":
        found.append(("quality.audio-not-checked", 1.0, detail_json(note=look.note, seconds=round(look.seconds, 1))))
    return [*found, *_length(look, settings), *_content(look, settings)]


def _length(look: SoundLook, settings: AudioQuality) -> list[tuple[str, float, str]]:
    detail = detail_json(seconds=round(look.seconds, 4))
    if look.seconds < settings.min_seconds:
        return [("quality.audio-too-short", 1.0, detail)]
    if settings.max_seconds is not None and look.seconds > settings.max_seconds:
        return [("quality.audio-too-long", 1.0, detail)]
    return []


def _content(look: SoundLook, settings: AudioQuality) -> list[tuple[str, float, str]]:
    if look.silent >= settings.silent:
        return [("quality.audio-silent", look.silent, detail_json(peak=round(look.peak, 6), silent=round(look.silent, 4)))]
    found = []
    if look.clipped >= settings.clipped:
        score = min(1.0, 0.5 + 10 * look.clipped)
        found.append(("quality.audio-clipped", score, detail_json(clipped=round(look.clipped, 5), peak=round(look.peak, 4))))
    if abs(look.offset) >= settings.offset:
        found.append(("quality.audio-offset", 1.0, detail_json(offset=round(look.offset, 4), rms=round(look.rms, 4))))
    return found


def bits_per_second(look: SoundLook) -> float:
    """Return the file's bits per second and channel, 0 where nothing was decoded; for outliers over the whole set."""
    return 8 * look.size / (look.seconds * look.channels) if look.seconds > 0 and look.channels else 0.0
