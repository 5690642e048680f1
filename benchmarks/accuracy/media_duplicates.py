"""Labelled sets for `duplicates` from real pictures and recordings: each original, a copy changed in one way, and its quarters.

Originals are distinct files of `../shared/data`; what is a copy of what is known because the copies are made here. Pictures are
joined by the four quarters of each larger one, recordings by all takes and classes of their set, none of which is a copy.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from benchmarks.accuracy import LabelledSet

FILTER = "duplicates"
_PICTURES = (
    "images/skimage/*",
    "images/bridge/aaa-orig.jpg",
    "images/exif_orientation/*_1.jpg",
    "images/metadata/exif_gps_typeerror.jpg",
    "images/metadata/flower*.jpg",
    "images/metadata/iptc.jpg",
    "images/exif_samples/*.j*",
    "images/wesaturate/*/*.png",
    "huggingface/repos/beans/validation/*/*",
    "laion/resize_test_image/*",
    "images/hopper/hopper.png",
)
_RECORDINGS = (
    "audio_environment/**/*.wav",
    "audio_environment/**/*.flac",
    "audio_ljspeech/wavs/*.wav",
    "librispeech/LibriSpeech/**/*.flac",
    "audio_digits/recordings/*.wav",
    "audio_drums/wav/**/*.wav",
    "speech_commands/**/*.wav",
)
Picture = Callable[[Image.Image], Image.Image]
Recording = Callable[[np.ndarray, int], tuple[np.ndarray, int]]


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples of one channel and their rate."""

    name: str
    samples: np.ndarray
    rate: int


def sets(shared: Path, folder: Path) -> list[LabelledSet]:
    """Write one set for every way of changing into `folder`."""
    data = shared
    found = []
    pictures = dict(_pictures(data))
    for title, change in PICTURES.items():
        lines = list(_picture_lines(pictures, change, folder / f"pictures-{len(found)}"))
        found.append(_written(folder, f"Pictures: {title}", lines, f"{len(pictures)} originals, one copy of each."))
    sounds = list(_recordings(data))
    for title, alter in RECORDINGS.items():
        lines = list(_sound_lines(sounds, alter, folder / f"recordings-{len(found)}"))
        found.append(_written(folder, f"Recordings: {title}", lines, f"{len(sounds)} originals, one copy of each."))
    return found


def _written(folder: Path, title: str, lines: list[Mapping[str, str]], note: str) -> LabelledSet:
    file = folder / f"{'-'.join(title.lower().replace(':', '').replace(',', '').split())}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return LabelledSet(title, file, note)


# --- pictures -------------------------------------------------------------------------------------------------------------


def _pictures(data: Path) -> Iterator[tuple[str, Image.Image]]:
    for pattern in _PICTURES:
        for path in sorted(data.glob(pattern)):
            try:
                image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
            except (OSError, SyntaxError):
                continue
            if min(image.size) >= 60 and _shows_something(image):
                image.thumbnail((1000, 1000))
                yield str(path.relative_to(data)), image


def _shows_something(image: Image.Image) -> bool:
    """Say whether a picture is more than one tone: a blank one has no copies that anybody could tell."""
    return float(np.asarray(image.convert("L")).std()) >= 8


def _picture_lines(pictures: Mapping[str, Image.Image], change: Picture, folder: Path) -> Iterator[Mapping[str, str]]:
    folder.mkdir()
    for number, (name, image) in enumerate(pictures.items()):
        yield _saved(folder, f"{number}.png", image, name)
        yield _saved(folder, f"{number}-copy.jpg", change(image), name)
        width, height = image.size
        if min(width, height) < 300:
            continue
        for quarter in range(4):
            left, top = width // 2 * (quarter % 2), height // 2 * (quarter // 2)
            part = image.crop((left, top, left + width // 2, top + height // 2))
            if _shows_something(part):
                yield _saved(folder, f"{number}-quarter-{quarter}.jpg", part, f"{name} {quarter}")


def _saved(folder: Path, name: str, image: Image.Image, cluster: str) -> Mapping[str, str]:
    image.save(folder / name, **({"quality": 88} if name.endswith("jpg") else {"compress_level": 1}))
    return {"id": f"{folder.name}/{name}", "path": f"{folder.name}/{name}", "cluster": cluster}


def _inner(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    return image.crop((round(width * share), round(height * share), round(width * (1 - share)), round(height * (1 - share))))


def _coarse(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=20)
    return Image.open(io.BytesIO(stream.getvalue()))


def _marked(image: Image.Image) -> Image.Image:
    image = image.copy()
    size = max(10, image.height // 16)
    ImageDraw.Draw(image).text((image.width * 0.6, image.height * 0.85), "SAMPLE 2026", fill="white", font_size=size)
    return image


def _noisy(image: Image.Image) -> Image.Image:
    draws = np.random.default_rng(zlib.crc32(image.tobytes()))
    values = np.asarray(image) + draws.normal(0, 12, (image.height, image.width, 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


PICTURES: Mapping[str, Picture] = {
    "JPEG of quality 20": _coarse,
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "grey": ImageOps.grayscale,
    "mirrored": ImageOps.mirror,
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "squeezed into a square": lambda image: image.resize((256, 256)),
    "2 % cut off every side": lambda image: _inner(image, 0.02),
    "5 % cut off every side": lambda image: _inner(image, 0.05),
    "10 % cut off every side": lambda image: _inner(image, 0.10),
    "20 % cut off every side": lambda image: _inner(image, 0.20),
    "5 % cut off the left": lambda image: image.crop((round(image.width * 0.05), 0, *image.size)),
    "tilted by 2 degrees": lambda image: image.rotate(2, Image.Resampling.BICUBIC),
    "tilted by 5 degrees": lambda image: image.rotate(5, Image.Resampling.BICUBIC),
    "a mark in a corner": _marked,
    "a black frame of 5 %": lambda image: ImageOps.expand(image, image.width // 20, "black"),
    "30 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "half the contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "noisy": _noisy,
}


# --- recordings -----------------------------------------------------------------------------------------------------------


def _recordings(data: Path) -> Iterator[Sound]:
    known = set()
    for pattern in _RECORDINGS:
        for path in sorted(data.glob(pattern)):
            try:
                samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                continue
            mono = samples.mean(axis=1)
            # the hand claps are one sample at five volumes, and some clips lie in two folders
            if len(mono) > 0.1 * rate and "HandClap" not in path.name and path.name not in known and np.abs(mono).max() > 0.01:
                known.add(path.name)
                yield Sound(str(path.relative_to(data)), mono, rate)


def _sound_lines(sounds: list[Sound], alter: Recording, folder: Path) -> Iterator[Mapping[str, str]]:
    folder.mkdir()
    for number, sound in enumerate(sounds):
        for name, (samples, rate) in (("", (sound.samples, sound.rate)), ("-copy", alter(sound.samples, sound.rate))):
            file = f"{number}{name}.wav"
            soundfile.write(folder / file, np.clip(samples, -1, 1), rate, subtype="PCM_16")
            yield {"id": f"{folder.name}/{file}", "path": f"{folder.name}/{file}", "cluster": sound.name}


def _resampled(samples: np.ndarray, rate: int, wanted: int) -> tuple[np.ndarray, int]:
    spectrum, length = np.fft.rfft(samples), len(samples) * wanted // rate
    fitted = np.zeros(length // 2 + 1, complex)
    kept = min(len(fitted), len(spectrum))
    fitted[:kept] = spectrum[:kept]
    return np.fft.irfft(fitted, length).astype(np.float32) * (length / len(samples)), wanted


def _coded(kind: str, depth: str, level: float) -> Recording:
    def code(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
        if rate not in {8000, 11_025, 16_000, 22_050, 44_100, 48_000}:
            samples, rate = _resampled(samples, rate, 44_100)
        stream = io.BytesIO()
        soundfile.write(stream, samples, rate, format=kind, subtype=depth, compression_level=level)
        stream.seek(0)
        decoded, rate = soundfile.read(stream, dtype="float32")
        return decoded, rate

    return code


def _hissing(decibels: float) -> Recording:
    def hiss(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
        level = float(np.sqrt(np.mean(samples**2))) * 10 ** (-decibels / 20)
        draws = np.random.default_rng(zlib.crc32(samples.tobytes()))  # another noise for each, or the noise would be found
        return samples + draws.normal(0, level, len(samples)), rate

    return hiss


RECORDINGS: Mapping[str, Recording] = {
    "a third as loud": lambda samples, rate: (samples * 0.3, rate),
    "MP3": _coded("MP3", "MPEG_LAYER_III", 0.5),
    "MP3, as small as can be": _coded("MP3", "MPEG_LAYER_III", 0.95),
    "Vorbis": _coded("OGG", "VORBIS", 0.5),
    "resampled to 11 kHz": lambda samples, rate: _resampled(samples, rate, 11_025),
    "cut at the front by 0.7 s or a fifth": lambda samples, rate: (samples[min(int(0.7 * rate), len(samples) // 5) :], rate),
    "cut at the end by a quarter": lambda samples, rate: (samples[: len(samples) * 3 // 4], rate),
    "noise 20 dB below": _hissing(20),
    "noise 10 dB below": _hissing(10),
    "2 % faster": lambda samples, rate: (_resampled(samples, rate, int(rate / 1.02))[0], rate),
}
