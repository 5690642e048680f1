"""What has to be provided before a set is published: listed from declaration, exports and ledger, never guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acquisition.cli import main
from acquisition.errors import WorkspaceDamaged
from acquisition.manifest import Open, release_list
from acquisition.settings import ContactSettings, DatasetSettings
from tests.judged_shards import World, wav, write_manifest

ANSWERS = {
    "card.uses": "Tests.", "card.bias": "None known.", "card.social-impact": "None.", "card.language": "en",
    "card.task_categories": "audio-classification",
}  # fmt: skip
CONTACT = ContactSettings(name="Lab", url="https://example.org", email="lab@example.org")
FULL = DatasetSettings(name="set", title="A set", description="Made.", url="https://example.org/set", answers=ANSWERS)


def told(found: tuple[Open, ...]) -> set[tuple[str, str]]:
    """Return kind and place of what is open."""
    return {(one.kind, one.where) for one in found}


def test_a_bare_declaration_lacks_what_papers_need(tmp_path: Path) -> None:
    """Title, description, creator, address, contact and the sections of the card, and that nothing was built yet."""
    found = told(release_list(tmp_path, DatasetSettings(name="set"), None))
    assert found == {
        ("missing", place)
        for place in (
            "dataset.title", "dataset.description", "dataset.creator", "dataset.url", "contact", "acquire fetch",
            *(f"dataset.answers, {key}" for key in ANSWERS),
        )
    }  # fmt: skip


def test_answers_that_nobody_asks_are_told(tmp_path: Path) -> None:
    """A key of no format is a slip of the pen; an address that is none is one as well."""
    dataset = FULL.model_copy(update={"url": "our website", "answers": {**ANSWERS, "card.usage": "x", "rai.dataBiases": "y"}})
    found = told(release_list(tmp_path, dataset, CONTACT)) - {("missing", "acquire fetch")}
    assert found == {("contradiction", "dataset.url"), ("contradiction", "dataset.answers, card.usage")}


def test_what_the_kept_items_leave_unknown_is_told(tmp_path: Path) -> None:
    """Licenses that nobody knows, and authors that credit needs; of dropped items nothing is asked.

    Where an item's bytes came from is address enough.
    """
    world = World(tmp_path)
    world.add("kit", [world.media(wav(1), "1", "kick")], license_="CC-BY-4.0")
    world.add("odd", [world.text("a", 0)], license_="whatever you like")
    world.add("bad", [world.text("b", 0)], [{"row": 0, "code": "license.denied"}], license_="no idea")
    write_manifest(world, formats=("items",))
    found = told(release_list(world.workspace.manifest, FULL, CONTACT))
    assert {entry for entry in found if entry[0] == "unknown"} >= {
        ("unknown", "sources.kit.attribution.author"),
        ("unknown", "sources.odd.license"),
    }
    assert not any("bad" in where or "url" in where for _, where in found)


def test_everything_that_an_export_waits_for_is_listed(tmp_path: Path) -> None:
    """Each TO BE PROVIDED of Croissant and of the summary has its key; answers take them off; a false no is told."""
    world = World(tmp_path)
    world.add("kit", [world.text("a", 0)], homepage="https://example.org/kit")
    world.releases["kit"] = type(world.releases["kit"])(
        "kit", "huggingface", "r1", (), world.releases["kit"].license, homepage="https://example.org/kit"
    )
    answers = {**ANSWERS, "2.1.used": "No, none", "rai.dataSocialImpact": "Small."}
    write_manifest(world, formats=("croissant", "eu_summary"), answers=answers)
    found = told(release_list(world.workspace.manifest, FULL.model_copy(update={"answers": answers}), CONTACT))
    assert ("missing", "dataset.answers, 1.1.provider") in found
    assert ("missing", "dataset.answers, rai.dataUseCases") in found
    assert ("missing", "dataset.answers, rai.dataSocialImpact") not in found
    assert ("contradiction", "dataset.answers, 2.1.used") in found


def test_an_export_that_is_damaged_is_told(tmp_path: Path) -> None:
    """A document that is no JSON any more is damage, not an answer."""
    world = World(tmp_path)
    world.add("kit", [world.text("a", 0)])
    write_manifest(world, formats=("croissant",))
    (world.workspace.manifest / "croissant.json").write_text("{")
    with pytest.raises(WorkspaceDamaged):
        release_list(world.workspace.manifest, FULL, CONTACT)


def test_the_command_ends_with_one_while_something_is_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`acquire check --release` lists and exits with 1; --json has the same entries."""
    (tmp_path / "items").mkdir()
    declaration = tmp_path / "sources.yaml"
    declaration.write_text("version: 1\ndataset: {name: set}\nsources:\n  own: {kind: local, path: items}\n")
    with pytest.raises(SystemExit, match="1"):
        main(["check", "--release", "-f", str(declaration)])
    assert "dataset.description" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="1"):
        main(["check", "--release", "--json", "-f", str(declaration)])
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["open"][0]["kind"]) == ("release", "missing")
