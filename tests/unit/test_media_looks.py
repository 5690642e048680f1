"""media.looks: every file is decoded once, for whoever asks, and remembered within bounds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from acquisition.filters.media import Looks, decoding, looks
from acquisition.filters.media.images import ImageLook, look_at_image
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing import items_of
from tests.fixtures import make_media


def batch(names: list[str]) -> tuple[pa.RecordBatch, FilterContext]:
    """Return items of the media fixtures, and a context that finds their bytes."""
    rows, external = [], {}
    for name in names:
        path = make_media.FOLDER / name
        blob = hashlib.sha256(path.read_bytes()).hexdigest()
        external[blob] = str(path)
        kind = "audio" if path.suffix in {".wav", ".flac"} else "image"
        rows.append({"text": None, "blob": blob, "modality": kind, "size": path.stat().st_size})
    return items_of(rows), FilterContext(use=Use(), releases={}, order=("source",), blob_root="", external=external)


def test_a_file_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two filters that look at one shard share the work; two items with the same bytes do, too."""
    items, context = batch(["scene-0.jpg", "scene-1.jpg", "scene-0.jpg", "voice-0.flac"])
    seen: list[bytes] = []

    def counted(data: bytes) -> ImageLook:
        seen.append(data)
        return look_at_image(data)

    monkeypatch.setattr(looks, "look_at_image", counted)
    store = looks.Store()
    first, second = Looks(context, store), Looks(context, store)
    assert first.images(items) == second.images(items)
    assert (sorted(first.images(items)), sorted(first.sounds(items)), len(seen)) == ([0, 1, 2], [3], 2)


def test_what_is_remembered_is_bounded() -> None:
    """The oldest looks go when the store is full."""
    items, context = batch(["scene-0.jpg", "scene-1.jpg", "scene-2.jpg"])
    store = looks.Store(limit=7_000)
    Looks(context, store).images(items)
    assert (len(store), store.weight) == (2, 6_000)


def test_bytes_that_are_gone_are_missing(tmp_path: Path) -> None:
    """A blob that cannot be opened has a look that says so, for pictures and recordings."""
    items, _ = batch(["scene-0.jpg", "voice-0.flac"])
    lost = FilterContext(use=Use(), releases={}, order=("source",), blob_root=str(tmp_path))
    nowhere = Looks(lost, looks.Store())
    assert [look.error for look in nowhere.images(items).values()] == ["missing"]
    assert [look.error for look in nowhere.sounds(items).values()] == ["missing"]


def test_huge_pictures_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with more bytes than are decoded is too large, whatever it holds."""
    items, context = batch(["scene-0.jpg"])
    monkeypatch.setattr(decoding, "MAX_BYTES", 100)
    assert Looks(context, looks.Store()).images(items)[0].error == "too-large"
