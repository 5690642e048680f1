"""The layouts `jsonl` and `webdataset`, loaded with the tools that people use for them."""

from __future__ import annotations

import json
import tarfile
import warnings
from pathlib import Path
from typing import Any

import pyarrow.json
import pytest

from acquisition.curate import jsonl, webdataset
from acquisition.settings import CuratedSettings, PolicyRule
from tests.judged_shards import World, png, tree, wav

pytestmark = pytest.mark.flow


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world of four texts in two splits and three pictures."""
    found = World(tmp_path)
    texts = [found.text(f"message {n}", n, "ham", split="train" if n < 3 else "test") for n in range(4)]
    found.add("sms", texts)
    found.add("pictures", [found.media(png(n), f"{n}", "cat", kind="image/png", split="train") for n in range(3)])
    return found


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return `datasets.load_dataset`, offline, with its cache in the test's own folder."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    return lambda *args, **kwargs: datasets.load_dataset(*args, cache_dir=str(tmp_path / "cache"), **kwargs)


def test_lines_load_everywhere(world: World, load: Any) -> None:
    """JSON Lines load with datasets through the card, with pandas and with pyarrow; media lie where the lines say."""
    import pandas as pd

    world.build(CuratedSettings(layout="jsonl"))
    curated = world.workspace.curated
    loaded = load(str(curated))
    assert loaded.num_rows == {"train": 6, "test": 1}
    assert loaded["test"]["text"] == ["message 3"]
    frame = pd.read_json(curated / "data" / "train-00000.jsonl", lines=True)
    assert sorted(frame["label"]) == ["cat"] * 3 + ["ham"] * 3
    table = pyarrow.json.read_json(curated / "data" / "train-00000.jsonl")
    names = [name for name in table["file_name"].to_pylist() if name]
    assert sorted((curated / name).read_bytes() for name in names) == sorted(png(n) for n in range(3))


def test_shards_load_everywhere(world: World, load: Any) -> None:
    """Tar shards load with the webdataset library and with datasets through the card; content is the original bytes."""
    world.build(CuratedSettings(layout="webdataset"))
    curated = world.workspace.curated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import webdataset as library

        shards = [str(curated / "data" / f"train-{ending}-00000.tar") for ending in ("png", "txt")]
        found = list(library.WebDataset(shards, shardshuffle=False))
    assert sorted(sample["png"] for sample in found if "png" in sample) == sorted(png(n) for n in range(3))
    assert sorted(sample["txt"].decode() for sample in found if "png" not in sample) == [f"message {n}" for n in range(3)]
    assert {json.loads(sample["json"])["label"] for sample in found} == {"cat", "ham"}
    assert all(json.loads(sample["json"])["id"] == sample["__key__"] for sample in found)
    assert load(str(curated), "txt", split="test")["txt"] == ["message 3"]
    assert load(str(curated), "png").num_rows == {"train": 3}


@pytest.mark.parametrize("layout", ["jsonl", "webdataset"])
def test_same_items_same_bytes(tmp_path: Path, layout: str) -> None:
    """Two builds of the same items are equal byte for byte."""
    trees = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name)
        world.add("kit", [world.media(wav(n), f"{n}", "kick") for n in range(3)])
        world.add("sms", [world.text("hello", 0, "ham")])
        world.build(CuratedSettings(layout=layout))
        trees.append(tree(world.workspace.curated))
    assert trees[0] == trees[1]


@pytest.mark.parametrize("layout", ["jsonl", "webdataset"])
def test_redacted_texts_are_written_redacted(tmp_path: Path, layout: str) -> None:
    """What the policy redacts stands in no file of the set."""
    world = World(tmp_path)
    flags = [{"row": 0, "code": "pii.email-address", "field": "text", "start": 8, "end": 21}]
    world.add("sms", [world.text("write to a@example.org now", 0, "ham")], flags)
    world.build(CuratedSettings(layout=layout), (PolicyRule(flag="pii.*", outcome="redact"),))
    everything = b"".join(path.read_bytes() for path in world.workspace.curated.rglob("*") if path.is_file())
    assert b"example.org" not in everything
    assert b"<EMAIL_ADDRESS>" in everything


@pytest.mark.parametrize("layout", ["jsonl", "webdataset"])
def test_files_are_cut_at_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    """A file that is full is followed by another; every item has its row in one of them."""
    monkeypatch.setattr(jsonl, "MAX_FILE_BYTES", 500)
    monkeypatch.setattr(webdataset, "MAX_SHARD_BYTES", 5_000)
    world = World(tmp_path)
    world.add("sms", [world.text(f"message {n} " * 10, n, "ham") for n in range(10)])
    world.build(CuratedSettings(layout=layout))
    files = sorted((world.workspace.curated / "data").iterdir())
    assert len(files) > 2
    if layout == "webdataset":
        members: set[str] = set()
        for file in files:
            with tarfile.open(file) as shard:
                members |= {name.split(".")[0] for name in shard.getnames()}
        assert len(members) == 10
    else:
        assert sum(len(file.read_text().splitlines()) for file in files) == 10
