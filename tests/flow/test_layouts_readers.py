"""What readers guess, skip, decode or take for training by themselves: every layout is written so that they need not."""

from __future__ import annotations

import gc
import json
import tarfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition.curate import appending, parquet
from acquisition.curate.webdataset import _DECODED
from acquisition.errors import DeclarationError
from acquisition.settings import CuratedSettings
from tests.judged_shards import World, png, tree

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Return `datasets.load_dataset`, offline, with a cache of its own."""
    import datasets

    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        datasets.disable_progress_bars()
        yield lambda *args, **kwargs: datasets.load_dataset(*args, cache_dir=str(cache), **kwargs)


def shards(world: World) -> list[str]:
    """Return the tar files of a set."""
    return [str(path) for path in sorted(world.workspace.curated.glob("data/*.tar"))]


def samples(world: World) -> list[dict[str, Any]]:
    """Return what the webdataset library decodes; it leaves files to be closed by chance, and warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import webdataset

        found = list(webdataset.WebDataset(shards(world), shardshuffle=False).decode())
        gc.collect()
    return found


@pytest.mark.parametrize("layout", ["folders", "parquet", "jsonl", "webdataset"])
def test_columns_that_are_empty_at_first_load(tmp_path: Path, load: Callable[..., Any], layout: str) -> None:
    """A column of numbers, texts or truths that is empty in the first rows, or in a whole split, keeps its type."""
    world = World(tmp_path)
    rows = []
    for n in range(16):
        values = {"count": None if n < 10 else n, "note": "x" if n < 8 else None, "sure": None if n < 15 else True}
        rows.append(world.table(values, n, "k", split=("train", "test")[n > 7]))
    world.add("s", rows)
    world.build(CuratedSettings(layout=layout))
    loaded = load(str(world.workspace.curated))
    columns = loaded["train"].features["json"] if layout == "webdataset" else loaded["train"].features
    assert [columns[name].dtype for name in ("count", "note", "sure")] == ["int64", "string", "bool"]
    last = loaded["test"][-1]
    last = last.get("json", last)
    assert (last["count"], last["note"], last["sure"]) == (15, None, True)
    assert loaded["train"].num_rows == 8


def test_metadata_of_pictures_has_the_same_types_in_every_split(tmp_path: Path, load: Callable[..., Any]) -> None:
    """`imagefolder` compares what it finds in the splits: a column that one of them leaves empty is text in all."""
    world = World(tmp_path)
    facts = [{"rating": n if n < 3 else None, "note": "x" if n > 3 else None, "size": n} for n in range(6)]
    rows = [world.media(png(n), f"{n}", "k", kind="image/png", split=("train", "test")[n > 2]) for n in range(6)]
    world.add("s", [row | {"fields": json.dumps(fact)} for row, fact in zip(rows, facts, strict=True)])
    world.build(CuratedSettings(layout="folders"))
    loaded = load(str(world.workspace.curated))
    assert {name: feature.dtype for name, feature in loaded["test"].features.items() if name in facts[0]} == {
        "rating": "string",
        "note": "string",
        "size": "int64",
    }
    assert (loaded["train"]["rating"], loaded["test"]["rating"]) == (["0", "1", "2"], ["", "", ""])
    assert (loaded["train"]["note"], loaded["test"]["note"]) == (["", "", ""], ["", "x", "x"])


def test_files_of_several_splits_are_never_one(tmp_path: Path) -> None:
    """A path that does not begin with the split is refused where items have several, also where publishers have made them."""
    world = World(tmp_path)
    world.add(
        "s", [world.media(png(n), f"{n}", "ab"[n % 2], kind="image/png", split=("train", "test")[n % 2]) for n in range(4)]
    )
    for path in ("{class}/{split}/{name}", "{class}/{name}"):
        with pytest.raises(DeclarationError) as refused:
            world.build(CuratedSettings(layout="folders", path=path))
        assert refused.value.where == "curated.path"
        assert not world.workspace.curated.exists()
    one = CuratedSettings.model_validate({"layout": "folders", "path": "{class}/{name}", "splits": {"published": False}})
    assert world.build(one).splits == {"train": 4}


def test_a_set_of_one_split_loads_as_that_split(tmp_path: Path, load: Callable[..., Any]) -> None:
    """Items that are all published as a test are never loaded as training, wherever they lie."""
    world = World(tmp_path)
    world.add("s", [world.media(png(n), f"{n}", "ab"[n % 2], kind="image/png", split="test") for n in range(4)])
    for path in ("", "{class}/{name}"):
        world.build(CuratedSettings(layout="folders", path=path))
        assert load(str(world.workspace.curated)).num_rows == {"test": 4}


def test_a_folder_is_never_called_like_a_listing(tmp_path: Path, load: Callable[..., Any]) -> None:
    """An item whose name is that of a file of the set, and whose name makes a folder, lies beside that file."""
    world = World(tmp_path)
    names = ("metadata.jsonl", "Image.jsonl", "README.md", "LICENSES.md")
    world.add("s", [world.media(png(n), name, "k", kind="image/png", split="train") for n, name in enumerate(names)])
    world.build(CuratedSettings(layout="folders", path="{name}/{id}"))
    assert world.placements()[0]["path"].startswith("_metadata.jsonl/")
    assert load(str(world.workspace.curated)).num_rows == {"train": 4}


def test_no_key_is_passed_over(tmp_path: Path) -> None:
    """`webdataset` passes over names such as __background__/…; a class of that name keeps its samples."""
    world = World(tmp_path)
    labels = ("__background__", "cat", "_noise_")
    world.add("s", [world.media(png(n), f"{n}", labels[n % 3], kind="image/png", split="train") for n in range(6)])
    world.build(CuratedSettings(layout="webdataset", path="{class}/{id}"))
    assert sorted(sample["json"]["label"] for sample in samples(world)) == sorted(labels * 2)


def test_no_reader_runs_what_a_source_has_written(tmp_path: Path) -> None:
    """Files whose endings `webdataset` would decode, with pickle among others, are handed on as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from webdataset.autodecode import decoders

    assert set(decoders) <= _DECODED
    world = World(tmp_path)
    endings = sorted(_DECODED)
    rows = []
    for n, ending in enumerate(endings):
        row = world.media(png(n), f"{n}", "k", kind="image/png", split="train")
        rows.append(row | {"media_type": "", "modality": "other", "asset": f"{n}.{ending}", "locator": f"{n}.{ending}"})
    world.add("s", rows)
    world.build(CuratedSettings(layout="webdataset"))
    found = samples(world)
    assert len(found) == len(endings)
    for sample in found:
        (name,) = sample.keys() - {"__key__", "__url__", "__local_path__", "json"}
        assert name == "bin" or name.removesuffix(".bin") in _DECODED  # long endings are none
        assert sample[name].startswith(b"\x89PNG")


@pytest.mark.parametrize("layout", ["folders", "jsonl", "webdataset"])
def test_few_files_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    """A set with more splits than a process may have files is the same as one whose files all stay open."""
    world = World(tmp_path)
    rows = [world.text(f"text {n}", n, "k", split=f"part{n * 7 % 9}") for n in range(40)]
    world.add("s", rows)
    settings = CuratedSettings(layout=layout)
    world.build(settings)
    whole = tree(world.workspace.curated)
    monkeypatch.setattr(appending, "_OPEN", 2)
    world.build(settings)
    assert tree(world.workspace.curated) == whole
    assert len(whole) > 9


def test_tables_of_many_splits_wait_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups are cut before they are full where many splits wait together; every row is where its placement says."""
    world = World(tmp_path)
    ids = world.add("s", [world.text(f"{n} " + "x" * 300, n, "k", split=f"part{n % 5}") for n in range(60)])
    monkeypatch.setattr(parquet, "MAX_WAITING_BYTES", 3_000)
    world.build(CuratedSettings(layout="parquet"))
    tables = {path.name: pq.ParquetFile(path) for path in world.workspace.curated.glob("data/*.parquet")}
    assert {table.metadata.num_rows for table in tables.values()} == {12}
    assert all(table.metadata.num_row_groups > 2 for table in tables.values())
    rows = {name: table.read(columns=["id"])["id"].to_pylist() for name, table in tables.items()}
    places = [row["path"].removeprefix("data/").split("#row=") for row in world.placements()]
    assert [rows[name][int(number)] for name, number in places] == ids


def test_what_no_table_takes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than a value of a table may be stops the build, with its name and what to do."""
    world = World(tmp_path)
    world.add("s", [world.media(png(1), "large", "k", kind="image/png", split="train")])
    monkeypatch.setattr(parquet, "MAX_VALUE_BYTES", 50)
    with pytest.raises(DeclarationError) as refused:
        world.build(CuratedSettings(layout="parquet"))
    assert "k/large.png of s has 70 bytes" in refused.value.message


def test_shards_are_whole_tapes(tmp_path: Path) -> None:
    """Shards end as POSIX wants it, and hold long and foreign names, so that every tar reads them."""
    world = World(tmp_path)
    world.add("s", [world.media(png(n), f"{n}", "k\u00e9" * 60, kind="image/png", split="train") for n in range(3)])
    world.build(CuratedSettings(layout="webdataset", path="{class}/{id}"))
    (shard,) = shards(world)
    assert Path(shard).stat().st_size % tarfile.RECORDSIZE == 0
    with tarfile.open(shard) as tar:
        members = tar.getmembers()
        contents = [tar.extractfile(member) for member in members if member.name.endswith(".png")]
        assert sorted(stream.read() for stream in contents if stream) == sorted(png(n) for n in range(3))
    assert {(member.mtime, member.uid, member.mode) for member in members} == {(0, 0, 0o644)}
