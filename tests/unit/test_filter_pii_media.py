"""pii in metadata: places, owners and texts of pictures and recordings are told, and damage is not an error."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from acquisition.filters.pii import Pii, PiiSettings
from acquisition.filters.pii.metadata import image_tags, sound_tags
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import items_of

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def picture(**kept: Any) -> bytes:
    """Return a small JPEG with the metadata that Pillow is given."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "JPEG", **kept)
    return stream.getvalue()


def located() -> bytes:
    """Return a JPEG with a place, an owner, a serial number and a comment."""
    exif = Image.Exif()
    exif[0x010E] = "at the pond, write to eva@example.org"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)})
    exif.get_ifd(0x8769).update({0xA430: "Eva Probst", 0xA431: "SN123456"})
    return picture(exif=exif)


def test_a_place_and_an_owner_are_told_by_their_tags() -> None:
    """GPS coordinates, the owner and serial number of the camera are named by their tags; descriptions are texts."""
    tags = image_tags(io.BytesIO(located()))
    assert {(tag.name, tag.entity) for tag in tags} >= {
        ("GPSInfo", "GPS_LOCATION"),
        ("CameraOwnerName", "PERSON"),
        ("BodySerialNumber", "DEVICE_ID"),
        ("ImageDescription", ""),
    }


def test_flags_of_metadata_name_the_tag_and_not_the_value(tmp_path: Path) -> None:
    """The filter opens the blob, flags without a span (nobody can cut it out) and repeats no value."""
    data = located()
    sha256 = hashlib.sha256(data).hexdigest()
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    item = {"modality": "image", "media_type": "image/jpeg", "text": None, "blob": sha256, "size": len(data)}
    damaged = item | {"blob": "f" * 64}
    context = FilterContext(Use(), {}, ("source",), str(tmp_path), external={sha256: str(path)})
    flags = Pii(PiiSettings(), context).flag(items_of([item, damaged])).to_pylist()
    assert {(flag["row"], flag["code"], orjson.loads(flag["detail"])["tag"]) for flag in flags} >= {
        (0, "pii.gps-location", "GPSInfo"),
        (0, "pii.email-address", "ImageDescription"),
        (0, "pii.person", "CameraOwnerName"),
    }
    assert {(flag["field"], flag["start"], flag["end"]) for flag in flags} == {("", -1, -1)}
    assert not any("eva" in flag["detail"].lower() for flag in flags)


def test_text_chunks_and_xmp_are_texts() -> None:
    """PNG text and the values of an XMP packet are looked through."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "mail eva@example.org")
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG", pnginfo=info)
    assert ("Comment", "mail eva@example.org") in {(tag.name, tag.value) for tag in image_tags(io.BytesIO(stream.getvalue()))}
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r d="eva@example.org" exif:GPSLatitude="52,31.0N"/></x:xmpmeta>'
    tags = image_tags(io.BytesIO(picture(xmp=packet)))
    assert {tag.entity for tag in tags} == {"GPS_LOCATION", ""}
    assert any("eva@example.org" in tag.value for tag in tags)


def test_real_pictures_with_metadata() -> None:
    """Published samples: the one with a place tells it, broken ones raise nothing."""
    folder = SHARED / "images" / "exif_samples"
    if not folder.is_dir():
        pytest.skip("the shared samples are not here")
    told = {}
    for path in sorted(folder.rglob("*.jp*g")):
        with path.open("rb") as stream:
            told[path.name] = {tag.entity for tag in image_tags(stream)}
    assert "GPS_LOCATION" in told["67-0_length_string.jpg"]


def test_tags_of_recordings(tmp_path: Path) -> None:
    """The artist and comment of a FLAC file are read."""
    import numpy as np
    import soundfile

    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as sound:
        sound.artist, sound.comment = "Eva Probst", "booking: eva@example.org"
        sound.write(np.zeros(80, np.float32))
    with path.open("rb") as stream:
        tags = sound_tags(stream)
    assert {(tag.name, tag.entity) for tag in tags} >= {("artist", "PERSON"), ("comment", "")}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=40))
def test_damaged_metadata_never_raises(at: int, junk: bytes) -> None:
    """Bytes overwritten anywhere in the header give fewer tags, not an exception."""
    data = bytearray(located())
    data[at : at + len(junk)] = junk
    image_tags(io.BytesIO(bytes(data)))
    sound_tags(io.BytesIO(bytes(data)))


def test_what_is_given_up_of_metadata_is_said(tmp_path: Path) -> None:
    """A comment longer than what is read, more chunks than are read, and a cut file: each is flagged as not checked."""
    many, long = PngImagePlugin.PngInfo(), PngImagePlugin.PngInfo()
    for number in range(250):
        many.add_text(f"note {number}", "plain words")
    long.add_text("comment", "plain words " * 5_000, zip=True)
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(whole, "PNG")
    files = {"places": many, "length": long, "damaged": None}
    external, rows = {}, []
    for reason, info in files.items():
        stream = io.BytesIO()
        Image.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=info)
        data = stream.getvalue() if info else whole.getvalue()[:2000]
        sha256 = hashlib.sha256(data).hexdigest()
        (tmp_path / reason).write_bytes(data)
        external[sha256] = str(tmp_path / reason)
        rows.append({"modality": "image", "media_type": "image/png", "text": None, "blob": sha256, "size": len(data)})
    context = FilterContext(Use(), {}, ("source",), str(tmp_path), external=external)
    flags = Pii(PiiSettings(), context).flag(items_of(rows)).to_pylist()
    assert {(flag["row"], flag["code"], orjson.loads(flag["detail"])["reason"]) for flag in flags} == {
        (row, "pii.not-checked", reason) for row, reason in enumerate(files)
    }
