"""Every layout opened with the tools that people use for it: what they decode is what was staged, labels and splits too."""

from __future__ import annotations

import importlib
import io
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset
import pyarrow.json
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from acquisition.settings import CuratedSettings
from tests.judged_shards import World, png, wav, write_manifest

pytestmark = pytest.mark.flow

LABELS = ('["cat","dog"]', "cat", None, '["owl"]', '["dog","owl","cat"]', "dog")


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Return `datasets.load_dataset`, offline, with a cache of its own; sounds stay bytes, because torch is not installed."""
    import datasets

    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
        patch.setattr(datasets.Audio, "encode_example", lambda _self, value: {"bytes": None, "path": value})
        datasets.disable_progress_bars()
        yield lambda *args, **kwargs: datasets.load_dataset(*args, cache_dir=str(cache), **kwargs)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a world of six pictures with none, one or several labels; those of the test split have none."""
    world = World(tmp_path_factory.mktemp("pictures"))
    facts = {"kind": "image/png", "split": "train"}
    rows = [world.media(png(n), f"p{n}", label, **facts) for n, label in enumerate(LABELS)]
    rows.append(world.media(png(99), "p99", None, kind="image/png", split="test"))
    world.add("zoo", rows)
    return world


EXPECTED = {
    "p0": ["cat", "dog"],
    "p1": ["cat"],
    "p2": ["unlabelled"],
    "p3": ["owl"],
    "p4": ["cat", "dog", "owl"],
    "p5": ["dog"],
}


def pixels(image: Any) -> bytes:
    """Return the pixels of a decoded picture."""
    return bytes(image.convert("L").tobytes())


def pixels_of(seed: int) -> bytes:
    """Return the pixels that were staged."""
    return pixels(Image.open(io.BytesIO(png(seed))))


# --- several labels -----------------------------------------------------------------------------------------------------


def test_several_labels_in_tables(pictures: World, load: Callable[..., Any]) -> None:
    """Layout parquet has a list column that datasets, pandas and pyarrow.dataset read, and pictures that decode."""
    import pandas as pd

    result = pictures.build(CuratedSettings())
    assert result.classes["cat"] == {"train": 3}
    assert sum(result.splits.values()) == 7
    curated = pictures.workspace.curated
    loaded = load(str(curated))
    assert loaded.num_rows == {"train": 6, "test": 1}
    assert loaded["train"].features == loaded["test"].features
    names = {
        row["image"]["path"].split(".")[0]: row["labels"]
        for row in pq.read_table(curated / "data/train-00000.parquet").to_pylist()
    }
    assert names == EXPECTED
    assert loaded["train"]["labels"] == list(EXPECTED.values())
    assert [pixels(image) for image in loaded["train"]["image"]] == [pixels_of(n) for n in range(6)]
    frame = pd.read_parquet(curated / "data" / "train-00000.parquet")
    assert [list(labels) for labels in frame["labels"]] == list(EXPECTED.values())
    table = pyarrow.dataset.dataset(curated / "data", format="parquet").to_table(columns=["id", "labels"])
    assert sorted(map(len, table["labels"].to_pylist())) == [1, 1, 1, 1, 1, 2, 3]


def test_several_labels_in_lines(pictures: World, load: Callable[..., Any]) -> None:
    """Layout jsonl has a list in every line, and one type of it in every split."""
    import pandas as pd

    pictures.build(CuratedSettings(layout="jsonl", path="{split}/{class}/{name}"))
    curated = pictures.workspace.curated
    loaded = load(str(curated))
    assert loaded["train"]["labels"] == list(EXPECTED.values())
    assert loaded["test"]["labels"] == [["unlabelled"]]
    frame = pd.read_json(curated / "data" / "train-00000.jsonl", lines=True)
    assert list(frame["labels"]) == list(EXPECTED.values())
    assert frame["file_name"][0] == "media/train/cat+dog/p0.png"
    assert pixels(Image.open(curated / frame["file_name"][4])) == pixels_of(4)
    table = pyarrow.json.read_json(curated / "data" / "train-00000.jsonl")
    assert table["labels"].to_pylist() == list(EXPECTED.values())


def test_several_labels_in_folders(pictures: World, load: Callable[..., Any]) -> None:
    """Without a path the pictures lie beside metadata.jsonl, whose list imagefolder gives as a column; no folder lies."""
    pictures.build(CuratedSettings(layout="folders"))
    curated = pictures.workspace.curated
    assert (curated / "train" / "p0.png").is_file()
    for loaded in (load("imagefolder", data_dir=str(curated)), load(str(curated))):
        assert loaded["train"]["labels"] == list(EXPECTED.values())
        assert loaded["test"]["labels"] == [["unlabelled"]]
        assert [pixels(image) for image in loaded["train"]["image"]] == [pixels_of(n) for n in range(6)]
    assert {row["class"] for row in pictures.placements()} >= {'["cat","dog"]', "cat", "unlabelled", '["cat","dog","owl"]'}


def test_several_labels_in_shards(pictures: World, load: Callable[..., Any]) -> None:
    """Layout webdataset has them in each sample's JSON, under the declared keys, with datasets and with the library itself."""
    pictures.build(CuratedSettings(layout="webdataset", path="{source}/{name}.{id}"))
    curated = pictures.workspace.curated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import webdataset as library

        samples = list(library.WebDataset([str(curated / "data" / "train-png-00000.tar")], shardshuffle=False).decode("pil"))
    assert [sample["json"]["labels"] for sample in samples] == list(EXPECTED.values())
    assert [pixels(sample["png"]) for sample in samples] == [pixels_of(n) for n in range(6)]
    assert samples[0]["__key__"] == f"zoo/p0_{samples[0]['json']['id']}"
    loaded = load(str(curated), split="train")
    assert [row["labels"] for row in loaded["json"]] == list(EXPECTED.values())
    assert [pixels(image) for image in loaded["png"]] == [pixels_of(n) for n in range(6)]


# --- sounds -------------------------------------------------------------------------------------------------------------


def samples_of(content: bytes) -> bytes:
    """Return the samples of a sound file."""
    return bytes(np.asarray(soundfile.read(io.BytesIO(content), dtype="int16")[0]).tobytes())


def test_sounds_decode(tmp_path: Path, load: Callable[..., Any]) -> None:
    """In folders and tables a sound is an Audio feature whose bytes decode to the samples that were staged."""
    import datasets

    world = World(tmp_path)
    world.add("kit", [world.media(wav(n), f"s{n}", "ab"[n % 2]) for n in range(4)])
    found: dict[str, list[bytes]] = {}
    for layout in ("folders", "parquet"):
        world.build(CuratedSettings(layout=layout))
        rows = load(str(world.workspace.curated))["train"]
        assert type(rows.features["audio"]).__name__ == "Audio"
        values = rows.cast_column("audio", datasets.Audio(decode=False))["audio"]
        found[layout] = [samples_of(value["bytes"] or Path(value["path"]).read_bytes()) for value in values]
    assert sorted(found["parquet"]) == sorted(found["folders"]) == sorted(samples_of(wav(n)) for n in range(4))


# --- folder readers -----------------------------------------------------------------------------------------------------


def dataset_folder(root: Path, extensions: tuple[str, ...]) -> list[tuple[str, int]]:
    """Walk as torchvision's DatasetFolder does: each folder of the root is a class, by name, and files below it are samples."""
    classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    samples: list[tuple[str, int]] = []
    for number, name in enumerate(classes):
        files = (path for path in sorted((root / name).rglob("*")) if path.is_file())
        samples += [(path.relative_to(root).as_posix(), number) for path in files if path.name.lower().endswith(extensions)]
    assert set(range(len(classes))) == {number for _, number in samples}, "DatasetFolder refuses a class without files"
    return samples


def test_folder_readers_of_torch_find_the_classes(tmp_path: Path) -> None:
    """The folder of a split is a root for readers that take folders as classes: nothing but classes lies in it."""
    world = World(tmp_path)
    world.add("kit", [world.media(wav(n), f"s{n}", "ab"[n % 2], split=("train", "test")[n > 3]) for n in range(6)])
    world.build(CuratedSettings(layout="folders", path="{split}/{class}/{name}"))
    curated = world.workspace.curated
    assert dataset_folder(curated / "train", (".wav",)) == [("a/s0.wav", 0), ("a/s2.wav", 0), ("b/s1.wav", 1), ("b/s3.wav", 1)]
    assert dataset_folder(curated / "test", (".wav",)) == [("a/s4.wav", 0), ("b/s5.wav", 1)]


# --- names --------------------------------------------------------------------------------------------------------------


def test_published_names_load(tmp_path: Path, load: Callable[..., Any]) -> None:
    """Splits with names that `datasets` refuses or that Windows reserves get others, and load in every layout."""
    world = World(tmp_path)
    names = ("train-clean-100", "con", "README.md", "Test set!")
    world.add("voices", [world.media(png(n), f"{n}", "x", kind="image/png", split=name) for n, name in enumerate(names)])
    for layout in ("parquet", "jsonl", "folders", "webdataset"):
        world.build(CuratedSettings(layout=layout))
        loaded = load(str(world.workspace.curated))
        assert loaded.num_rows == {"split_con": 1, "split_readme_md": 1, "test_set": 1, "train_clean_100": 1}


def test_names_are_two_on_every_disk(tmp_path: Path) -> None:
    """Names that differ in case or in how an accent is composed, that are reserved, too long or hostile become files apart."""
    world = World(tmp_path)
    names = ["A", "a", "\u00e9", "e\u0301", "nul", "x" * 400, "x" * 401, "../../up", "metadata", "a.", " "]
    rows = [world.media(wav(n), name, "k", locator=f"{n}") for n, name in enumerate(names)]
    ids = world.add("kit", rows)
    for path in ("{split}/{class}/{name}", "{split}/{class}-{source}-{name}-{name}-{name}.{ext}", "{split}/{name}"):
        world.build(CuratedSettings(layout="folders", path=path))
        found = [row["path"] for row in world.placements()]
        assert len({name.casefold() for name in found}) == len(names)
        assert all(len(part.encode()) < 255 for name in found for part in name.split("/"))
        assert all(name.startswith("train/") and name.endswith(".wav") for name in found)
    assert found[:2] == ["train/A.wav", f"train/a-{ids[1][:8]}.wav"]
    assert found[4] == "train/_nul.wav"


def test_a_file_is_never_called_like_a_listing(tmp_path: Path, load: Callable[..., Any]) -> None:
    """An item whose own file would be metadata.jsonl or README.md gets its id behind the name, and the set still loads."""
    world = World(tmp_path)
    rows = [world.media(wav(0), "a", "k", split="train"), world.media(wav(1), "metadata", "k", split="train")]
    rows[1] |= {"media_type": "", "modality": "other", "asset": "metadata.jsonl", "locator": "metadata.jsonl"}
    ids = world.add("kit", rows)
    world.build(CuratedSettings(layout="folders", path="{split}/{name}"))
    assert world.placements()[1]["path"] == f"train/metadata-{ids[1][:8]}.jsonl"
    assert load(str(world.workspace.curated))["train"].num_rows == 1


# --- what is kept back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["folders", "parquet", "jsonl", "webdataset"])
def test_what_is_under_embargo_is_in_no_file(tmp_path: Path, layout: str) -> None:
    """A hold-out under embargo is settled and recorded, and nothing of it is in the set; later it is there."""
    import datetime as dt

    world = World(tmp_path)
    world.add("public", [world.text(f"open {n}", n, "x") for n in range(3)])
    secret = [world.text(f"secret {n}", n, "x", group=f"g{n}") for n in range(3)]
    world.add("blind", [*secret, world.text("companion", 9, "x", group="g0")])
    told = {"layout": layout, "holdouts": {"benchmark": {"where": {"group": ("g0", "g1")}, "until": "2027-01-01"}}}
    settings = CuratedSettings.model_validate(told)
    result = world.build(settings, today=dt.date(2026, 12, 31))
    everything = b"".join(path.read_bytes() for path in world.workspace.curated.rglob("*") if path.is_file())
    if layout == "parquet":
        everything = json.dumps(pq.read_table(world.workspace.curated / "data" / "train-00000.parquet").to_pylist()).encode()
    assert b"open 2" in everything
    assert b"secret 2" in everything
    for hidden in (b"secret 0", b"secret 1", b"companion"):
        assert hidden not in everything
    held = [row for row in world.placements() if row["code"] == "split.embargo"]
    assert {(row["outcome"], row["split"], row["path"], row["rule"]) for row in held} == {
        ("hold", "", "", "curated.holdouts.benchmark")
    }
    assert len(held) == 3
    assert any("'benchmark': 3 items" in note and "until 2027-01-01" in note for note in result.notes)
    assert world.build(settings, today=dt.date(2027, 1, 1)).splits == {"benchmark": 3, "train": 4}


# --- over time ----------------------------------------------------------------------------------------------------------

STRATIFIED = {"splits": {"train": 0.5, "test": 0.5, "stratify_by": ("class",), "group_by": ("group",)}}


def splits_of(world: World) -> dict[str, str]:
    """Return the split of each kept item."""
    return {row["item"]: row["split"] for row in world.placements() if row["split"]}


def test_a_set_that_grows_keeps_its_splits(tmp_path: Path) -> None:
    """Items that are added in three stratified builds keep their splits, also when their source has a new revision."""
    world = World(tmp_path)
    settings = CuratedSettings.model_validate(STRATIFIED)
    first: dict[str, str] = {}
    for step in range(3):
        rows = [world.text(f"{step} {n}", n, "abc"[n % 3], group=f"g{step}-{n // 2}") for n in range(20 + step)]
        world.add(f"source{step}", rows)
        world.build(settings)
        found = splits_of(world)
        assert all(first.setdefault(item, split) == split for item, split in found.items())
    by_text = {row["item"]: row["split"] for row in world.placements()}
    moved = World(tmp_path / "moved")
    moved.workspace.splits.parent.mkdir(parents=True)
    moved.workspace.splits.write_bytes(world.workspace.splits.read_bytes())
    rows = [moved.text(f"0 {n}", n, "abc"[n % 3], group=f"g0-{n // 2}", locator=f"new.csv#row={n}") for n in range(20)]
    moved.add("source0", rows)
    moved.build(settings)
    assert list(splits_of(moved).values()) == list(by_text.values())[:20]
    assert splits_of(moved).keys().isdisjoint(by_text)


def test_a_build_that_is_killed_leaves_the_same_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that ends after the record was written, and is run again, gives the set of one that was not disturbed."""
    module = importlib.import_module("acquisition.curate.build")
    settings = CuratedSettings.model_validate(STRATIFIED)
    worlds = [World(tmp_path / name) for name in ("calm", "killed")]
    for world in worlds:
        world.add("one", [world.text(f"{n}", n, "ab"[n % 2]) for n in range(30)])
        world.build(settings)
        world.add("two", [world.text(f"more {n}", n, "ab"[n % 2]) for n in range(7)])

    def killed(*args: Any) -> None:
        written(*args)
        raise KeyboardInterrupt

    written = module.write_record
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_record", killed)
        with pytest.raises(KeyboardInterrupt):
            worlds[1].build(settings)
    for world in worlds:
        world.build(settings)
    assert splits_of(worlds[0]) == splits_of(worlds[1])
    assert worlds[0].workspace.splits.read_bytes() == worlds[1].workspace.splits.read_bytes()


def test_a_build_that_is_killed_tells_nothing_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That other settings divided everything anew is told by the build that comes to its end, and by none after it."""
    module = importlib.import_module("acquisition.curate.build")
    calm, killed = (World(tmp_path / name) for name in ("calm", "killed"))
    for world in (calm, killed):
        world.add("one", [world.text(f"{n}", n, "ab"[n % 2]) for n in range(30)])
        world.build(CuratedSettings.model_validate(STRATIFIED))
    other = CuratedSettings.model_validate({"splits": STRATIFIED["splits"] | {"seed": 9}})
    with monkeypatch.context() as patch:
        written = module.write_record

        def kill(*args: Any) -> None:
            written(*args)
            raise KeyboardInterrupt

        patch.setattr(module, "write_record", kill)
        with pytest.raises(KeyboardInterrupt):
            killed.build(other)
    notes = [calm.build(other).notes, killed.build(other, resumed=True).notes]
    assert "30 items that were settled are divided anew" in notes[0][0]
    assert notes[0] == notes[1]
    assert calm.workspace.splits.read_bytes() == killed.workspace.splits.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, "settle", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        with pytest.raises(OSError, match="no room"):
            calm.build(other)
    assert not [note for world in (calm, killed) for note in world.build(other, resumed=world is calm).notes if "anew" in note]


def test_what_balance_leaves_out_says_why(tmp_path: Path) -> None:
    """An item that its class has no room for says its place in the draw; the placements hold it for `explain`."""
    world = World(tmp_path)
    world.add("kit", [world.text(f"{n}", n, "kick") for n in range(4)])
    world.build(CuratedSettings.model_validate({"balance": {"max_per_class": 3}, "splits": {"seed": 5}}))
    (held,) = [row for row in world.placements() if row["outcome"] == "hold"]
    assert (held["code"], held["rule"]) == ("balance.surplus", "curated.balance")
    assert held["why"] == "'kick': place 4 of the draw with seed 5, balance.max_per_class is 3"


def test_the_manifest_gives_no_answer_of_an_embargo_away(tmp_path: Path) -> None:
    """The ledger has a row for what is under embargo, with the reason, and neither its label nor its title."""
    world = World(tmp_path)
    world.add("blind", [world.text("a question", 0, "the answer", title="about it")])
    world.add("public", [world.text("another question", 0, "another answer", title="about that")])
    told = {"holdouts": {"test": {"source": "blind", "until": "released"}}}
    write_manifest(world, CuratedSettings.model_validate(told))
    rows = {row["source"]: row for row in pq.read_table(world.workspace.manifest / "items.parquet").to_pylist()}
    assert (rows["blind"]["code"], rows["blind"]["class"], rows["blind"]["label"], rows["blind"]["title"] or "") == (
        "split.embargo",
        "",
        None,
        "",
    )
    assert rows["public"]["class"] == "another answer"
    everything = b"".join(path.read_bytes() for path in world.workspace.manifest.rglob("*") if path.is_file())
    assert b"the answer" not in everything
