"""The draft for Article 53(1)(d): nothing that only an owner knows, everything that the records hold."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acquisition.manifest import release_list
from acquisition.settings import DatasetSettings
from tests.judged_shards import World, wav, write_manifest

pytestmark = pytest.mark.flow
MISSING = "TO BE PROVIDED"


def cells(world: World, **facts: Any) -> dict[str, dict[str, str]]:
    """Write the draft alone and return its cells by their fields."""
    write_manifest(world, version="1.0.0", formats=("eu_summary",), **facts)
    document = json.loads((world.workspace.manifest / "eu-summary.json").read_text(encoding="utf-8"))
    return {cell["field"]: cell for section in document["sections"] for cell in section["cells"]}


def _with_filter(world: World, name: str) -> None:
    """Let a filter have run over the last shard without flagging anything."""
    shard, flags = world.shards[-1]
    world.shards[-1] = (shard, (*flags, replace(world._flags(name, shard, [], []), version=4)))


def test_a_filter_that_flagged_nothing_is_named_as_one_that_ran(tmp_path: Path) -> None:
    """What looked and found nothing has looked; every format that tells of filters names it."""
    world = World(tmp_path)
    world.add("sms", [world.text(f"m{n}", n) for n in range(2)])
    _with_filter(world, "pii")
    write_manifest(world, version="1.0.0", formats=("eu_summary", "spdx", "prov", "croissant"))
    folder = world.workspace.manifest
    assert json.loads((folder / "summary.json").read_bytes())["filters"] == {"pii": 4}
    for name in ("eu-summary.json", "spdx.json", "prov.json", "croissant.json"):
        assert "pii 4" in (folder / name).read_text(encoding="utf-8"), name
    assert "No filter has flagged personal data" in (folder / "croissant.json").read_text(encoding="utf-8")


def test_a_folder_of_ones_own_is_neither_public_nor_not(tmp_path: Path) -> None:
    """A set of local folders: whether they are public only the owner knows, and a no makes the rest not applicable."""
    world = World(tmp_path)
    world.add("mine", [world.text("x", 0)])
    found = cells(world)
    assert {found[f"2.1.{name}"]["content"] for name in ("used", "modalities", "list", "rest")} == {MISSING}
    denied = cells(world, answers={"2.1.used": "No"})
    assert denied["2.1.list"]["content"].startswith("Not applicable")
    assert denied["2.1.used"]["origin"] == "owner"


def test_crawls_by_other_means_are_asked_for_where_there_were_some(tmp_path: Path) -> None:
    """All fields of 2.3 stand in every draft: not applicable to this tool's crawls, open once the owner says yes."""
    world = World(tmp_path)
    world.add("mine", [world.text("x", 0)])
    fields = [f"2.3.{name}" for name in ("names", "purposes", "behaviour", "period", "content", "modalities", "domains")]
    silent, said = cells(world), cells(world, answers={"2.3.used": "Yes", "2.3.names": "OurBot/1"})
    assert all(silent[name]["content"].startswith("Not applicable") for name in fields)
    assert said["2.3.names"]["content"] == "OurBot/1"
    assert {said[name]["content"] for name in fields[1:]} == {MISSING}


def test_films_are_films(tmp_path: Path) -> None:
    """The ledger has films among the others; the draft, SPDX and the domains do not say that there are none."""
    world = World(tmp_path)
    film = {**world.media(wav(1), "film", None), "modality": "other", "media_type": "video/mp4", "url": "https://a.example/f"}
    world.add("films", [film], kind="spider")
    found = cells(world)
    assert found["1.3.video"]["content"].startswith("less than 10 000 hours: 1 items")
    assert found["1.3.other"]["content"].startswith("Not applicable")
    with (world.workspace.manifest / "eu-summary-domains.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["modality"] for row in csv.DictReader(stream)] == ["video"]


def _saying(*words: tuple[str, str, str]) -> str:
    return json.dumps(
        [{"mechanism": name, "where": "body", "raw": "x", "fetch": "none", "train": w, "store": s} for name, w, s in words]
    )


def test_reservations_inside_files_are_counted_and_what_became_of_them(tmp_path: Path) -> None:
    """Counted are items that are denied something and unclear ones, of held and dropped items too; evidence is none of them."""
    world = World(tmp_path)
    said = [
        _saying(("plus", "deny", "none"), ("plus", "unknown", "none"), ("xmp-rights", "deny", "none")),
        _saying(("tdmrep", "unknown", "none")),
        _saying(("plus", "allow", "none")),
        None,
    ]
    rows = [world.media(wav(n), f"{n}", "kick", signals=text) for n, text in enumerate(said)]
    world.add("kit", rows, [{"row": 0, "code": "opt-out.training"}])
    _with_filter(world, "opt_out")
    told = cells(world)["3.1.measures"]["content"]
    assert "In 3 items of data sets and folders" in told
    assert "plus: 1 items reserved, 0 unclear; tdmrep: 0 items reserved, 1 unclear." in told
    assert "drop by opt-out.training: 1 items" in told
    assert "crawl" not in told


def test_where_nobody_looked_no_measure_is_claimed(tmp_path: Path) -> None:
    """A set whose items were not looked at for reservations has no measures but those that its owner names."""
    world = World(tmp_path)
    world.add("sms", [world.text("x", 0)])
    assert cells(world)["3.1.measures"]["content"] == MISSING


def test_words_of_publishers_are_text_on_the_page(tmp_path: Path) -> None:
    """A title brings no link, picture or table into the page, no turned writing, and no formula into the table of domains."""
    world = World(tmp_path)
    title = "![x](http://evil.example/x.png)\n# head | a \u202eb"
    world.add("hub", [world.text("x", 0)], kind="huggingface", title=title, homepage="https://a.example/d")
    world.add("web", [world.text("y", 0, url="http://=cmd|x/")], kind="spider")
    cells(world)
    page = (world.workspace.manifest / "eu-summary.md").read_text(encoding="utf-8")
    assert r"!\[x\](http://evil.example/x.png) \# head \| a b" in page
    assert "\u202e" not in page + (world.workspace.manifest / "eu-summary.html").read_text(encoding="utf-8")
    assert "'=cmd|x," in (world.workspace.manifest / "eu-summary-domains.csv").read_text(encoding="utf-8")


def test_an_answer_that_no_field_asks_for_is_told(tmp_path: Path) -> None:
    """A slip of the pen in the name of a field of the draft would otherwise be an answer that nobody prints."""
    world = World(tmp_path)
    world.add("sms", [world.text("x", 0)])
    answers = {"1.1.providr": "Lab", "2.5.used": "No"}
    cells(world, answers=answers)
    found = release_list(world.workspace.manifest, DatasetSettings(name="set", answers=answers), None)
    assert [one.where for one in found if one.kind == "contradiction"] == ["dataset.answers, 1.1.providr"]


def test_credit_names_whom_the_declaration_credits_and_no_mail_address(tmp_path: Path) -> None:
    """The page's line on a source is that of its items: the declared author, else the publisher's names without addresses."""
    world = World(tmp_path)
    world.add(
        "kit", [world.text("x", 0)], license_="CC-BY-4.0", authors=("Ann <ann@a.example>",), citation="Ann, ann@a.example"
    )
    write_manifest(world, version="1.0.0", formats=("attributions",))
    for name in ("ATTRIBUTIONS.md", "ATTRIBUTIONS.html"):
        page = (world.workspace.manifest / name).read_text(encoding="utf-8")
        assert "by: Ann" in page
        assert "a.example" not in page
