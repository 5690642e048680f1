"""The card of the curated set: read by huggingface_hub, followed by datasets, and checked against what the items are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from acquisition.curate.card import Checks, Composition, Declared, write_card, write_head
from acquisition.curate.hub import LICENSES, head_problems, license_head, license_id, size_category
from acquisition.errors import ExportRefused
from acquisition.protocols import Outline
from acquisition.settings import CuratedSettings, DatasetSettings, SplitSettings
from tests.judged_shards import World, png, wav, write_manifest

pytestmark = pytest.mark.flow


def filled(root: Path, kind: str) -> World:
    """Return a world of one kind of items from two sources, one of which keeps nothing."""
    world = World(root)
    if kind == "audio":
        rows = [world.media(wav(n), f"{n}", "kick", title=f"Kick {n}", author="Ann") for n in range(8)]
    elif kind == "image":
        rows = [world.media(png(n), f"{n}", "cat", "image/png") for n in range(8)]
    else:
        rows = [world.text(f"message {n}", n, "ham") for n in range(8)]
    world.add("kit", rows, [{"row": 7, "code": "pii.unknown"}], license_="CC-BY-4.0", homepage="https://example.org/kit")
    world.add("bad", [world.text("x", 0, "ham")], [{"row": 0, "code": "license.denied"}], license_="CC-BY-NC-4.0")
    return world


def head(world: World) -> dict[str, Any]:
    """Return the card's head as huggingface_hub reads it."""
    from huggingface_hub import DatasetCard

    return dict(DatasetCard.load(world.workspace.curated / "README.md").data.to_dict())


@pytest.mark.parametrize("kind", ["text", "audio", "image"])
@pytest.mark.parametrize("layout", ["parquet", "jsonl", "webdataset", "folders"])
def test_the_card_is_followed_by_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, kind: str) -> None:
    """`load_dataset` follows the configs of every layout, and its own check finds the numbers of the card to be right."""
    world = filled(tmp_path, kind)
    write_manifest(world, CuratedSettings(layout=layout, splits=SplitSettings.model_validate({"train": 0.5, "test": 0.5})))
    told = head(world)
    info = told["dataset_info"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    counted = {one["name"]: one["num_examples"] for one in info["splits"]}
    assert (sorted(counted), sum(counted.values())) == (["test", "train"], 7)
    where = {"path": os.fspath(world.workspace.curated), "cache_dir": os.fspath(tmp_path / "cache")}
    from datasets import load_dataset, load_dataset_builder

    if kind == "audio" and layout in {"folders", "webdataset"}:  # reading sounds as such needs torch, which is not a peer here
        found = load_dataset_builder(**where).config.data_files
        assert sorted(found) == ["test", "train"]
    else:
        assert {name: len(rows) for name, rows in load_dataset(**where).items()} == counted
    assert info["dataset_size"] > 0


def test_the_head_says_what_the_kept_items_are(tmp_path: Path) -> None:
    """License, size and tags are those of the kept items; what was dropped is in none of them, nor in the tables."""
    world = filled(tmp_path, "audio")
    write_manifest(world)
    told = head(world)
    assert told["license"] == "cc-by-4.0"
    assert (told["size_categories"], told["tags"]) == (["n<1K"], ["audio", "mlcroissant"])
    text = (world.workspace.curated / "README.md").read_text(encoding="utf-8")
    assert "CC-BY-NC-4.0" not in text
    assert "| drop | `license.denied` | 1 |" in text
    assert "<https://creativecommons.org/licenses/by/4.0/>" in (world.workspace.curated / "LICENSES.md").read_text()


def test_a_mixed_set_is_other_with_a_name_and_a_link(tmp_path: Path) -> None:
    """Several licenses are `other`, with a name and a file of the set that lists them; the body has a row for each."""
    world = filled(tmp_path, "text")
    world.add("pd", [world.text("free as the wind", 5, "ham")])
    write_manifest(world)
    told = head(world)
    assert (told["license"], told["license_name"], told["license_link"]) == ("other", "mixed", "LICENSES.md")
    text = (world.workspace.curated / "README.md").read_text(encoding="utf-8")
    assert "| CC0-1.0 | CC0-1.0 <https://creativecommons.org/publicdomain/zero/1.0/> | 1 |" in text


def test_only_a_person_writes_of_uses_and_bias(tmp_path: Path) -> None:
    """What only a person can say waits for one, and stands as it was answered."""
    world = filled(tmp_path, "text")
    write_manifest(world)
    text = (world.workspace.curated / "README.md").read_text(encoding="utf-8")
    assert text.count("TO BE PROVIDED") == 4
    for title in ("Curation", "Personal and sensitive information", "Opt-outs", "Uses", "Credit and removal"):
        assert f"## {title}\n" in text


def card(directory: Path, made: Composition, **answers: str) -> str:
    """Write a card for a set of two items and return it."""
    write_head(directory, [])
    dataset = DatasetSettings(name="set", answers={f"card.{name}": told for name, told in answers.items()})
    outline = Outline(2, {"train": 2}, {}, {"text": 2}, None, frozenset())
    write_card(directory, Declared(dataset, CuratedSettings()), outline, Checks(), made)
    return (directory / "README.md").read_text(encoding="utf-8")


def test_answers_stand_in_head_and_body(tmp_path: Path) -> None:
    """Languages, tasks and uses are a person's words; what is no word of the Hub's is refused before the card is written."""
    text = card(tmp_path, Composition({("s", "MIT"): 2}), language="en, de", uses="For | tests", task_categories="text-ranking")
    assert "language:\n- en\n- de\n" in text
    assert "task_categories:\n- text-ranking\n" in text
    assert "For \\| tests" in text
    with pytest.raises(ExportRefused, match="no category of tasks"):
        card(tmp_path, Composition({("s", "MIT"): 2}), task_categories="magic")


def test_a_file_of_the_set_is_not_written_over(tmp_path: Path) -> None:
    """An item's own file called LICENSES.md stays; the card links itself instead."""
    (tmp_path / "LICENSES.md").write_text("an item")
    text = card(tmp_path, Composition({("s", "MIT"): 1, ("s", "CC0-1.0"): 1}))
    assert "license_link: README.md" in text
    assert (tmp_path / "LICENSES.md").read_text() == "an item"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"license": "mit"}, "not that of the items"),
        ({"license": "cc-by"}, "no license of the Hub's list"),
        ({"license": "other", "license_name": "mixed"}, "needs license_name and license_link"),
        ({"size_categories": ["1M<n<10M"]}, "size_categories"),
        ({"tags": ["amazing"]}, "no tag of ours"),
        ({"language": ["English"]}, "no code of a language"),
        ({"task_categories": ["magic"]}, "no category of tasks"),
        (
            {"configs": [{"config_name": "a", "data_files": [{"split": "train", "path": "gone-*.parquet"}]}]},
            "no file is called",
        ),
        ({"configs": [{"config_name": "a", "data_files": []}, {"config_name": "a", "data_files": []}]}, "the same"),
    ],
)
def test_a_head_that_is_not_so_is_found(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    """Each thing that the Hub would refuse, or that is not so of the items, is named."""
    good = {**license_head(["CC-BY-4.0"], "x"), "size_categories": ["n<1K"], "tags": ["text"]}
    assert head_problems(good, ["CC-BY-4.0"], 7, tmp_path) == []
    assert fault in " ".join(head_problems({**good, **change}, ["CC-BY-4.0"], 7, tmp_path))


@pytest.mark.parametrize(
    ("spdx", "known"),
    [
        ("MIT", "mit"),
        ("GPL-3.0-only", "gpl-3.0"),
        ("GPL-3.0-or-later", ""),
        ("ODbL-1.0", ""),
        ("PDDL-1.0", "pddl"),
        ("BSL-1.0", "bsl-1.0"),
        ("BUSL-1.1", ""),
        ("NOASSERTION", ""),
        ("CC-BY-4.0 AND MIT", ""),
    ],
)
def test_the_hubs_ids_are_given_only_where_they_mean_the_same(spdx: str, known: str) -> None:
    """A family of the Hub's without a version stands for no license, nor does one id for another license."""
    assert license_id(spdx) == known
    assert known in {*LICENSES, ""}


def test_sizes_have_the_hubs_words() -> None:
    """Limits belong to the next category."""
    assert [size_category(n) for n in (0, 999, 1_000, 10**6, 10**12)] == ["n<1K", "n<1K", "1K<n<10K", "1M<n<10M", "n>1T"]
