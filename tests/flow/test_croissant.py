"""The Croissant document: validated and loaded by the real mlcroissant, offline."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition.manifest.croissant import problems
from acquisition.settings import CuratedSettings
from tests.judged_shards import World, wav, write_manifest

pytestmark = pytest.mark.flow


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world of two sources under different licenses, in which one item is denied."""
    found = World(tmp_path)
    flags = [{"row": 5, "code": "license.denied"}]
    rows = [found.media(wav(n), f"{n}", "kick", split="train", title=f"Kick {n}", author="Ann") for n in range(6)]
    found.add("kit", rows, flags, license_="CC-BY-4.0", homepage="https://example.org/kit", authors=("Ann",))
    found.add("sms", [found.text(f"message {n}", n, "ham", split="test") for n in range(3)])
    return found


def opened(path: Path) -> Any:
    """Open a document with mlcroissant, whose own libraries warn about their future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlcroissant

        dataset = mlcroissant.Dataset(str(path))
    assert not dataset.metadata.ctx.issues.errors
    return dataset


def records(dataset: Any, name: str) -> list[dict[str, Any]]:
    """Load all records of a record set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(dataset.records(name))


@pytest.mark.parametrize("layout", ["folders", "parquet", "jsonl", "webdataset"])
def test_it_validates_and_loads(world: World, layout: str) -> None:
    """The library accepts the document without errors and loads items and splits; only kept items are in it."""
    write_manifest(world, CuratedSettings(layout=layout), version="1.0.0", url="https://example.org/set")
    dataset = opened(world.workspace.manifest / "croissant.json")
    items = records(dataset, "items")
    assert len(items) == 8
    assert {record["items/license"] for record in items} == {
        b"https://spdx.org/licenses/CC-BY-4.0",
        b"https://spdx.org/licenses/CC0-1.0",
    }
    assert {record["splits/name"] for record in records(dataset, "splits")} == {"test", "train"}
    warned = [text for text in dataset.metadata.ctx.issues.warnings if "context" not in text]
    assert warned == []


def test_tables_load_as_samples(world: World) -> None:
    """With the parquet layout the samples themselves load through the document, texts included."""
    write_manifest(world, CuratedSettings(), version="1.0.0")
    dataset = opened(world.workspace.manifest / "croissant.json")
    found = records(dataset, "samples-test-00000")
    assert [record["samples-test-00000/text"] for record in found] == [b"message 0", b"message 1", b"message 2"]
    assert len(records(dataset, "samples-train-00000")) == 5


def test_licenses_are_the_union_of_kept_items(world: World) -> None:
    """A license that only dropped items have is not in the list."""
    world.add("bad", [world.text("x", 0, "ham")], [{"row": 0, "code": "license.denied"}], license_="CC-BY-NC-4.0")
    write_manifest(world, version="1.0.0")
    document = json.loads((world.workspace.manifest / "croissant.json").read_text())
    assert document["license"] == ["https://spdx.org/licenses/CC-BY-4.0", "https://spdx.org/licenses/CC0-1.0"]
    kit, sms = document["prov:wasDerivedFrom"]  # a source without a page is named all the same
    assert kit["@id"] == "https://example.org/kit"
    assert (sms["@id"].startswith("urn:uuid:"), sms["prov:label"]) == (True, "sms, r1")
    table = pq.read_table(world.workspace.manifest / "curated-items.parquet")
    assert "bad" not in table["source"].to_pylist()


def test_digest_of_the_table_is_checked_on_load(world: World) -> None:
    """The digest in the document is the table's: mlcroissant refuses a table that was changed."""
    write_manifest(world, version="1.0.0")
    target = world.workspace.manifest / "curated-items.parquet"
    target.write_bytes(target.read_bytes() + b"x")
    dataset = opened(world.workspace.manifest / "croissant.json")
    with pytest.raises(Exception, match="Download") as caught:
        records(dataset, "items")
    assert "hash" in str(caught.value.__cause__).lower()


def test_empty_set_is_told_and_not_invented(world: World) -> None:
    """What our records do not hold is marked for a person to provide."""
    write_manifest(world)
    document = json.loads((world.workspace.manifest / "croissant.json").read_text())
    assert document["url"] == "TO BE PROVIDED"


@pytest.mark.parametrize("layout", ["folders", "parquet"])
def test_a_set_of_nothing_validates_and_loads(tmp_path: Path, layout: str) -> None:
    """A set without items has a document that mlcroissant accepts, with no records."""
    nothing = World(tmp_path)
    write_manifest(nothing, CuratedSettings(layout=layout))
    assert records(opened(nothing.workspace.manifest / "croissant.json"), "items") == []


def test_own_checks_catch_what_the_library_passes(world: World) -> None:
    """Free-text licenses, unknown terms, double ids and bad versions are found by us."""
    write_manifest(world, version="1.0.0")
    document = json.loads((world.workspace.manifest / "croissant.json").read_text())
    licenses = {"CC-BY-4.0", "CC0-1.0"}
    assert problems(document, licenses) == []
    broken = {
        **document,
        "license": ["whatever"],
        "rai:dataCollectionTimeFrame": "x",
        "prov:banana": "y",
        "version": "2026.11",
        "name": "",
    }
    broken["distribution"] = [*document["distribution"], document["distribution"][0]]
    assert len(problems(broken, licenses)) == 6
