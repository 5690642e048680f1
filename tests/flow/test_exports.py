"""Formats of the manifest beside Croissant: each is read by its standard's own tool, offline, and holds kept items alone."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from acquisition.manifest.gone import TakenDown
from acquisition.manifest.spdx import check
from acquisition.model import Terms
from tests.judged_shards import World, wav, write_manifest

pytestmark = pytest.mark.flow
FORMATS = ("items", "datapackage", "prov", "spdx", "eu_summary")
DOCUMENTS = ("datapackage.json", "items.csv", "prov.json", "spdx.json", "eu-summary.json", "eu-summary.html")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world of three sources under different licenses, in which one item is denied and one source keeps nothing."""
    found = World(tmp_path)
    flags = [{"row": 5, "code": "license.denied"}]
    rows = [found.media(wav(n), f"{n}", "kick", split="train", title=f"Kick, {n}", author="Ann") for n in range(6)]
    found.add("kit", rows, flags, license_="CC-BY-4.0", homepage="https://example.org/kit", authors=("Ann",))
    found.add("sms", [found.text(f"message {n}", n, "ham", split="test") for n in range(3)])
    found.add("bad", [found.text("x", 0, "ham")], [{"row": 0, "code": "license.denied"}], license_="CC-BY-NC-4.0")
    return found


def written(world: World, name: str) -> Any:
    """Write the manifest in all formats and return one document."""
    write_manifest(world, version="1.0.0", formats=FORMATS)
    return json.loads((world.workspace.manifest / name).read_text(encoding="utf-8"))


def test_frictionless_finds_the_package_valid(world: World) -> None:
    """Digest, size and every row are checked by the standard's own tool; a changed byte is found by it."""
    document = written(world, "datapackage.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import frictionless

        path = world.workspace.manifest / "datapackage.json"
        report = frictionless.validate(str(path))
        assert report.valid, report.flatten(["type", "note"])
        assert report.tasks[0].stats["rows"] == 8
        table = world.workspace.manifest / "items.csv"
        table.write_text(table.read_text(encoding="utf-8").replace("kick", "kack", 1), encoding="utf-8")
        assert not frictionless.validate(str(path)).valid
    assert [one["name"] for one in document["licenses"]] == ["CC-BY-4.0", "CC0-1.0"]
    assert [one["title"] for one in document["sources"]] == ["kit", "sms"]


def test_only_kept_items_are_listed(world: World) -> None:
    """The table has the kept items and no other."""
    written(world, "datapackage.json")
    with (world.workspace.manifest / "items.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(row["source"] for row in rows) == ["kit"] * 5 + ["sms"] * 3
    assert "CC-BY-NC-4.0" not in {row["concluded_spdx"] for row in rows}


def test_prov_reads_the_run(world: World) -> None:
    """The library reads the document; the set is derived from the sources that kept something."""
    text = json.dumps(written(world, "prov.json"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from prov.model import ProvDerivation, ProvDocument

        document = ProvDocument.deserialize(content=text)
        derived = [record.args[1].localpart for record in document.get_records(ProvDerivation)]
    assert sorted(derived) == ["source/kit", "source/sms"]


def test_the_spdx_model_accepts_the_document(world: World) -> None:
    """spdx-python-model reads every element of the document as what it says it is."""
    written(world, "spdx.json")
    from spdx_python_model import v3_0_1 as spdx

    objects = spdx.SHACLObjectSet()
    with (world.workspace.manifest / "spdx.json").open("rb") as stream:
        spdx.JSONLDDeserializer().read(stream, objects)
    packages = list(objects.foreach_type(spdx.dataset_DatasetPackage))
    assert sorted(str(package.name) for package in packages) == ["A set", "kit", "sms"]
    assert not objects.link()


def test_every_package_has_one_license_of_each_kind(world: World) -> None:
    """The set's license is the union of its kept items'; each source has its own; nothing denied is in it."""
    document = written(world, "spdx.json")
    graph = {element["spdxId"]: element for element in document["@graph"] if "spdxId" in element}
    concluded = {
        graph[element["from"]]["name"]: graph[element["to"][0]]["simplelicensing_licenseExpression"]
        for element in graph.values()
        if element["type"] == "Relationship" and element["relationshipType"] == "hasConcludedLicense"
    }
    assert concluded == {"A set": "CC-BY-4.0 AND CC0-1.0", "kit": "CC-BY-4.0", "sms": "CC0-1.0"}
    assert check(document) == []


def test_spdx_names_nobody_who_is_not_known(world: World) -> None:
    """Authors are agents of no further kind, who is not known has no name, and a folder of one's own is to be had nowhere."""
    gated = Terms("https://example.org/terms", accepted=True)
    world.add("gated", [world.text("z", 0, "ham")], kind="huggingface", homepage="https://example.org/gated", terms=gated)
    world.add("voices", [world.text("v", 0, "ham")], kind="common_voice")
    graph = written(world, "spdx.json")["@graph"]
    assert {one["type"] for one in graph} & {"Organization", "Person"} == set()
    agents = {one["spdxId"]: one.get("name") for one in graph if one["type"] == "Agent"}
    packages = {one["name"]: one for one in graph if one["type"] == "dataset_DatasetPackage"}
    made = {name: agents[one["originatedBy"][0]] for name, one in packages.items()}
    assert made == {"A set": None, "kit": "Ann", "sms": None, "gated": None, "voices": None}
    had = {name: one.get("dataset_datasetAvailability") for name, one in packages.items()}
    assert had == {"A set": None, "kit": None, "sms": None, "gated": "clickthrough", "voices": "registration"}
    assert "retrieval" in packages["sms"]["comment"]
    assert not [one for one in graph if one["type"] == "software_File" and one.get("software_copyrightText") == "Ann"]


@pytest.mark.parametrize("gone", ["builtTime", "originatedBy", "software_downloadLocation"])
def test_a_broken_rule_of_the_profile_is_found(world: World, gone: str) -> None:
    """What the library does not enforce we check: a restriction, a license, a reference that is missing."""
    document = written(world, "spdx.json")
    package = next(one for one in document["@graph"] if one["type"] == "dataset_DatasetPackage")
    del package[gone]
    document["@graph"] = [one for one in document["@graph"] if one.get("relationshipType") != "hasDeclaredLicense"]
    faults = " ".join(check(document))
    assert gone in faults
    assert "hasDeclaredLicense" in faults


def test_same_records_same_bytes(tmp_path: Path) -> None:
    """Two worlds with the same items give the same documents, byte for byte."""
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name)
        world.add("sms", [world.text(f"message {n}", n, "ham") for n in range(3)], license_="MIT")
        write_manifest(world, version="1.0.0", formats=FORMATS)
        found.append([(world.workspace.manifest / file).read_bytes() for file in DOCUMENTS])
    assert found[0] == found[1]


def test_the_eu_draft_infers_no_answer(world: World) -> None:
    """Fields that only a provider can answer wait for one, no field is empty, and an answer given in the declaration stands."""
    answers = {"2.3.used": "No", "1.3.text": "about 100 tokens"}
    write_manifest(world, version="1.0.0", formats=("eu_summary",), answers=answers)
    document = json.loads((world.workspace.manifest / "eu-summary.json").read_text(encoding="utf-8"))
    cells = {cell["field"]: cell for section in document["sections"] for cell in section["cells"]}
    asked = {
        "1.1.provider",
        "1.2.names",
        "2.1.used",
        "2.2.1.licensed",
        "2.4.interactions",
        "2.5.used",
        "3.1.code-of-practice",
        "3.2.measures",
    }
    assert asked <= set(document["to_be_provided"])
    assert {cells[name]["content"] for name in asked} == {"TO BE PROVIDED"}
    assert (cells["2.3.used"]["content"], cells["2.3.used"]["origin"]) == ("No", "owner")
    assert cells["1.3.text"]["content"] == "about 100 tokens"
    assert all(cell["content"].strip() for cell in cells.values())
    assert cells["1.3.audio"]["content"] == "less than 10 000 hours: 5 items, 1,020 bytes"
    assert [section["number"] for section in document["sections"]] == [
        "1.1",
        "1.2",
        "1.3",
        "2.1",
        "2.2",
        "2.3",
        "2.4",
        "2.5",
        "2.6",
        "3.1",
        "3.2",
        "3.3",
    ]


def test_the_eu_draft_says_the_same_in_every_form(world: World) -> None:
    """Every cell of the document stands in the page and in the web page, with markup of others escaped."""
    world.add("odd", [world.text("y", 0, "ham")], homepage="https://example.org/<b>&x")
    write_manifest(world, version="1.0.0", formats=("eu_summary",))
    folder = world.workspace.manifest
    document = json.loads((folder / "eu-summary.json").read_text(encoding="utf-8"))
    page, web = ((folder / name).read_text(encoding="utf-8") for name in ("eu-summary.md", "eu-summary.html"))
    for section in document["sections"]:
        for cell in section["cells"]:
            assert cell["label"] in page
    assert "<b>" not in page
    assert "<b>" not in web
    assert page.count("TO BE PROVIDED") >= len(document["to_be_provided"])


def test_the_eu_draft_names_the_domains_of_what_is_kept(tmp_path: Path) -> None:
    """A domain is counted once over all sources, by its kept items alone; of eleven the largest two are the top tenth."""
    world = World(tmp_path)
    for number in range(11):
        rows = [world.text("x" * (40 - number), 0, "ham", url=f"https://www.d{number}.example/1")]
        world.add(f"crawl{number}", rows, kind="spider")
    again = [world.text("x" * 90 + f"{n}", n, "ham", url=f"https://cdn.d{n}.example/2") for n in (10, 99)]
    world.add("more", again, [{"row": 1, "code": "license.denied"}], kind="search")
    write_manifest(world, version="1.0.0", formats=("eu_summary",))
    cell = cells(world)["2.3.domains"]["content"]
    assert cell.startswith("2 of 11 domains, the largest by bytes: d10.example, d0.example.")
    with (world.workspace.manifest / "eu-summary-domains.csv").open(encoding="utf-8", newline="") as stream:
        first, *_ = rows = list(csv.DictReader(stream))
    assert (first["domain"], first["items"], first["source"]) == ("d10.example", "2", "crawl10 more")
    assert "d99.example" not in {row["domain"] for row in rows}


def test_the_eu_draft_calls_nothing_public_that_no_record_does(world: World) -> None:
    """A source with a page and without terms is listed as public; one behind terms, or without a page, is asked for."""
    gated = Terms("https://example.org/terms", accepted=True)
    world.add("gated", [world.text("z", 0, "ham")], kind="huggingface", homepage="https://example.org/gated", terms=gated)
    world.add("open", [world.text("w" * 2_000, 0, "ham")], kind="huggingface", homepage="https://example.org/open")
    write_manifest(world, version="1.0.0", formats=("eu_summary",))
    found = cells(world)
    listed, unclear = found["2.1.list"]["content"], found["2.1.unclear"]
    assert "https://example.org/open" in listed
    assert "gated" not in listed
    assert (unclear["content"], unclear["origin"]) == ("TO BE PROVIDED", "missing")
    assert "gated" in unclear["evidence"]


def cells(world: World) -> dict[str, Any]:
    """Return the cells of the draft for Article 53(1)(d) by their fields."""
    document = json.loads((world.workspace.manifest / "eu-summary.json").read_text(encoding="utf-8"))
    return {cell["field"]: cell for section in document["sections"] for cell in section["cells"]}


def test_credit_is_a_page_that_runs_nothing(world: World) -> None:
    """The HTML names source, license and author; markup in a publisher's words is text, and a script address is no link."""
    rows = [world.media(wav(9), "x", "kick", split="train", author="<script>alert(1)</script>")]
    world.add("odd", rows, license_="CC-BY-4.0", homepage="javascript:alert(1)", title="<b>Odd</b>")
    write_manifest(world, version="1.0.0", formats=("attributions",))
    page = (world.workspace.manifest / "ATTRIBUTIONS.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert 'href="javascript' not in page
    assert 'href="https://creativecommons.org/licenses/by/4.0/"' in page
    assert "Ann" in page


def test_an_address_that_is_none_stands_in_no_field_for_addresses(world: World) -> None:
    """Words for the set's place and a script for a source's page: SPDX stays readable, the others leave it out or ask."""
    world.add("odd", [world.text("y", 0, "ham")], homepage="javascript:alert(1)", license_="MIT")
    write_manifest(world, version="1.0.0", formats=("croissant", "datapackage", "spdx"), url="our web site")
    folder = world.workspace.manifest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spdx_python_model import v3_0_1 as spdx

        with (folder / "spdx.json").open("rb") as stream:
            spdx.JSONLDDeserializer().read(stream, spdx.SHACLObjectSet())
    assert json.loads((folder / "croissant.json").read_bytes())["url"] == "TO BE PROVIDED"
    package = json.loads((folder / "datapackage.json").read_bytes())
    assert "homepage" not in package
    assert {"title": "odd", "version": "r1"} in package["sources"]
    assert not [name for name in ("datapackage.json", "spdx.json") if b"javascript" in (folder / name).read_bytes()]


def test_two_tickets_that_look_alike_are_two_activities(world: World) -> None:
    """What PROV calls invalidated is so by its own takedown, whatever signs the ticket has."""
    gone = tuple(TakenDown(f"{n}" * 32, "kit", ticket) for n, ticket in enumerate(("T 1/ä", "T-1-", "")))
    write_manifest(world, version="1.0.0", formats=("prov",), ledger={"taken_down": gone})
    document = json.loads((world.workspace.manifest / "prov.json").read_bytes())
    labels = {name: one["prov:label"] for name, one in document["activity"].items()}
    told = {one["prov:entity"]: labels[one["prov:activity"]] for one in document["wasInvalidatedBy"].values()}
    assert told == {
        f"set:item/{'0' * 32}": "takedown T 1/ä",
        f"set:item/{'1' * 32}": "takedown T-1-",
        f"set:item/{'2' * 32}": "takedown without a ticket",
    }
