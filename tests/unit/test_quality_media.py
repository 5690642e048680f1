"""quality.images and quality.sounds: what is judged of a look, and what is left in peace."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from acquisition.filters.media.images import ImageLook, look_at_image
from acquisition.filters.media.sounds import SoundLook, look_at_sound
from acquisition.filters.quality import images, sounds
from tests.fixtures import make_media

PICTURE = ImageLook(
    size=40_000,
    width=400,
    height=300,
    mode="RGB",
    format="JPEG",
    frames=1,
    pixels=b"p" * 16,
    brightness=0.5,
    contrast=0.2,
    detail=0.4,
)
SOUND = SoundLook(size=32_000, seconds=1.0, declared_seconds=1.0, sample_rate=16_000, channels=1, peak=0.8, rms=0.1)

IMAGES: list[tuple[dict[str, object], str]] = [
    ({}, ""),
    ({"error": "undecodable"}, "quality.image-undecodable"),
    ({"error": "missing"}, "quality.image-undecodable"),
    ({"error": "truncated"}, "quality.image-truncated"),
    ({"error": "too-large"}, "quality.image-not-checked"),
    ({"error": "vector"}, "quality.image-not-checked"),
    ({"width": 31, "height": 31, "size": 900}, "quality.image-tiny"),
    ({"width": 1600}, "quality.image-aspect"),
    ({"uniform": 0.999}, "quality.image-blank"),
    ({"contrast": 0.01, "detail": 0.0}, "quality.image-blank"),
    ({"brightness": 0.03, "contrast": 0.05}, "quality.image-dark"),
    ({"brightness": 0.03, "contrast": 0.13}, ""),
    ({"brightness": 0.97, "contrast": 0.05}, "quality.image-bright"),
    ({"brightness": 0.97, "contrast": 0.15}, ""),
    ({"detail": 0.07}, "quality.image-blurry"),
    ({"detail": 0.07, "width": 60}, ""),
    ({"size": 1_000}, "quality.image-small-file"),
    ({"size": 300, "uniform": 1.0, "contrast": 0.0, "detail": 0.0}, "quality.image-blank"),
    ({"size": 900_000}, "quality.image-large-file"),
    ({"size": 20_000, "width": 50, "height": 50}, ""),
]


@pytest.mark.parametrize(("change", "code"), IMAGES)
def test_pictures(change: dict[str, object], code: str) -> None:
    """One fault gives its one code, and next to each bound lies a picture without."""
    found = images.judged(replace(PICTURE, **change), images.ImageQuality())  # type: ignore[arg-type]  # a table of fields
    assert [one[0] for one in found] == ([code] if code else [])
    assert {one[0] for one in found} <= set(images.CODES)
    assert all(0 <= score <= 1 and isinstance(json.loads(detail), dict) for _, score, detail in found)


SOUNDS: list[tuple[dict[str, object], str]] = [
    ({}, ""),
    ({"error": "undecodable", "seconds": 0.0}, "quality.audio-undecodable"),
    ({"error": "missing", "seconds": 0.0}, "quality.audio-undecodable"),
    ({"error": "truncated", "declared_seconds": 9.0}, "quality.audio-truncated"),
    ({"error": "too-long", "seconds": 20_000.0}, "quality.audio-not-checked"),
    ({"seconds": 0.01}, "quality.audio-too-short"),
    ({"silent": 1.0, "offset": 0.3}, "quality.audio-silent"),
    ({"silent": 0.9}, ""),
    ({"clipped": 0.002}, "quality.audio-clipped"),
    ({"offset": -0.1}, "quality.audio-offset"),
]


@pytest.mark.parametrize(("change", "code"), SOUNDS)
def test_recordings(change: dict[str, object], code: str) -> None:
    """One fault gives its one code."""
    found = sounds.judged(replace(SOUND, **change), sounds.AudioQuality())  # type: ignore[arg-type]  # a table of fields
    assert [one[0] for one in found] == ([code] if code else [])
    assert {one[0] for one in found} <= set(sounds.CODES)
    assert all(0 <= score <= 1 and isinstance(json.loads(detail), dict) for _, score, detail in found)


def test_length_has_an_upper_bound_when_one_is_set() -> None:
    """A recording longer than filters.quality.audio.max_seconds is too long."""
    found = sounds.judged(replace(SOUND, seconds=61.0), sounds.AudioQuality(max_seconds=60.0))
    assert [code for code, _, _ in found] == ["quality.audio-too-long"]


def test_density_of_files() -> None:
    """Bits per pixel and per second and channel, for outliers over a set; nothing where nothing was decoded."""
    assert images.bits_per_pixel(PICTURE) == pytest.approx(8 * 40_000 / 120_000)
    assert images.bits_per_pixel(replace(PICTURE, error="truncated")) == 0.0
    assert sounds.bits_per_second(SOUND) == 256_000
    assert sounds.bits_per_second(replace(SOUND, seconds=0.0)) == 0.0


LABELLED = [json.loads(line) for line in make_media.TARGET.read_text().splitlines()]


@pytest.mark.parametrize("line", LABELLED, ids=[line["id"] for line in LABELLED])
def test_fixtures(line: dict[str, object]) -> None:
    """Every file of the labelled set is judged as its label says, the sound ones not at all."""
    path = make_media.TARGET.parent / str(line["path"])
    data = path.read_bytes()
    if path.suffix in {".wav", ".flac", ".mp3"}:
        found = sounds.judged(look_at_sound(BytesIO(data), len(data)), sounds.AudioQuality())
    else:
        found = images.judged(look_at_image(data), images.ImageQuality())
    assert [code for code, _, _ in found] == line["codes"]


@pytest.mark.real
def test_real_photos_are_left_in_peace(shared_data: Path) -> None:
    """Of the pictures that photographers and scientists published none is blurry, bright or truncated by our rules."""
    paths = [
        path
        for folder in ("skimage", "wesaturate/500px", "bridge", "exif_orientation")
        for path in shared_data.glob(f"images/{folder}/*")
    ]
    codes = {
        path.name: [code for code, _, _ in images.judged(look_at_image(path.read_bytes()), images.ImageQuality())]
        for path in paths
        if path.suffix in {".png", ".jpg"}
    }
    assert len(codes) > 25
    assert {name: found for name, found in codes.items() if found} == {}


@pytest.mark.real
def test_hostile_files_are_judged(shared_data: Path) -> None:
    """Bombs and damaged files get a code each, quickly, and none raises."""
    found = {}
    for path in sorted((shared_data / "malicious/images").rglob("*")):
        if path.is_file():
            found[path.name] = [code for code, _, _ in images.judged(look_at_image(path.read_bytes()), images.ImageQuality())]
    assert found["decompression_bomb.gif"] == ["quality.image-not-checked"]
    assert found["truncated_jpeg.jpg"] == ["quality.image-truncated"]
    assert found["broken.png"] == ["quality.image-undecodable"]
    for path in sorted((shared_data / "malicious/wav").glob("fuzz_*")):
        look = look_at_sound(BytesIO(path.read_bytes()), path.stat().st_size)
        codes = [code for code, _, _ in sounds.judged(look, sounds.AudioQuality())]
        assert codes == ["quality.audio-undecodable"], path.name
