"""quality: empty, damaged, short and long texts; media whose header cannot be read."""

from __future__ import annotations

import hashlib
import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acquisition.filters.quality import AudioQuality, Quality, QualitySettings, TextQuality
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import check_filter, items_of


def codes(rows: list[dict[str, Any] | str], folder: Path, settings: QualitySettings | None = None) -> list[tuple[int, str]]:
    """Return (row, code) of all flags."""
    flags = check_filter(Quality, items_of(rows), folder, settings=settings)
    return [(flag["row"], flag["code"]) for flag in flags.to_pylist()]


def test_nothing_to_learn_from_is_empty(tmp_path: Path) -> None:
    """A text without visible characters, a row of empty columns and a file without bytes are empty; the rest is not."""
    table = {"modality": "table", "text": None, "size": 9}
    rows: list[dict[str, Any] | str] = [
        "",
        " \n\t\u00a0 ".replace("\u00a0", " "),
        {**table, "fields": '{"a":"","b":null}'},
        {**table, "fields": '{"a":"","b":0}'},
        {"modality": "other", "text": None, "size": 0},
        "a few words of sense",
    ]
    assert codes(rows, tmp_path) == [(0, "quality.empty"), (1, "quality.empty"), (2, "quality.empty"), (4, "quality.empty")]


def test_damage_is_scored_by_its_share(tmp_path: Path) -> None:
    """Replacement characters, control characters and mojibake count; honest accents do not, and the user may ask for more."""
    rows: list[dict[str, Any] | str] = [
        "what is left: ab\ufffd\ufffd",
        "something went wrong x\x00y\x01",
        "une soirÃ©e trÃ¨s agrÃ©able, câ€™est vrai",
        "Ça déjà vu à São Paulo, ÂGE",
        "Привет, как дела?",
        "a b " * 2 + "and then a long sentence of honest words with a sign that is lost at its end\ufffd",
    ]
    flags = check_filter(Quality, items_of(rows), tmp_path).to_pylist()
    assert [(flag["row"], flag["code"]) for flag in flags] == [(row, "quality.encoding-damage") for row in (0, 1, 2, 5)]
    assert flags[0]["score"] == 2 / len(str(rows[0]))
    assert flags[0]["detail"] == '{"damaged":2,"rule":"replacement and control characters"}'
    assert flags[3]["score"] < 0.02
    strict = QualitySettings(text=TextQuality(damaged_share=0.02))
    assert [row for row, _ in codes(rows, tmp_path, strict)] == [0, 1, 2]


def test_bounds_of_text_are_the_users(tmp_path: Path) -> None:
    """Characters and words are counted without the white space around them, and only in texts."""
    settings = QualitySettings(text=TextQuality(min_chars=5, min_words=2, max_chars=12, short_bytes=0))
    transcript = {"modality": "other", "text": "yes", "size": 3}
    rows: list[dict[str, Any] | str] = ["  four ", "single-word", "two words", "more than twelve", transcript]
    assert codes(rows, tmp_path, settings) == [(0, "quality.too-short"), (1, "quality.too-short"), (3, "quality.too-long")]


def sound(seconds: float) -> bytes:
    """Return a recording of a tone (WAV, 8 kHz, 16 bit)."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        times = np.arange(int(seconds * 8000)) / 8000
        out.writeframes((8000 * np.sin(2 * np.pi * 440 * times)).astype("<i2").tobytes())
    return stream.getvalue()


def picture() -> bytes:
    """Return a small PNG."""
    image = pytest.importorskip("PIL.Image").new("RGB", (4, 3))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_media_are_opened(tmp_path: Path) -> None:
    """Too short, too long, too small, and files that are not what they claim to be, each with its own code."""
    contents = [
        ("audio", sound(0.01)),
        ("audio", sound(0.5)),
        ("audio", sound(3)),
        ("audio", b"RIFF????WAVE"),
        ("image", picture()),
    ]
    contents += [("image", picture()[:40]), ("image", b"<html>not a picture</html>")]
    rows, paths = [], {}
    for number, (modality, content) in enumerate(contents):
        digest = hashlib.sha256(content).hexdigest()
        path = tmp_path / str(number)
        path.write_bytes(content)
        paths[digest] = str(path)
        rows.append({"modality": modality, "text": None, "size": len(content), "blob": digest, "content_sha256": digest})
    context = FilterContext(Use(), {}, ("source",), "", external=paths)
    settings = QualitySettings(audio=AudioQuality(min_seconds=0.05, max_seconds=2))
    flags = check_filter(Quality, items_of(rows), tmp_path, settings=settings, context=context).to_pylist()
    assert [(flag["row"], flag["code"]) for flag in flags] == [
        (0, "quality.audio-too-short"),
        (2, "quality.audio-too-long"),
        (3, "quality.audio-undecodable"),
        (4, "quality.image-blank"),
        (4, "quality.image-tiny"),
        (5, "quality.image-undecodable"),
        (6, "quality.image-undecodable"),
    ]


def test_a_missing_blob_is_flagged_not_raised(tmp_path: Path) -> None:
    """An item whose bytes cannot be found does not end the run."""
    context = FilterContext(Use(), {}, ("source",), str(tmp_path))
    items = items_of([{"modality": "audio", "text": None, "size": 5}])
    flags = check_filter(Quality, items, tmp_path, context=context).to_pylist()
    assert [flag["code"] for flag in flags] == ["quality.audio-undecodable"]
