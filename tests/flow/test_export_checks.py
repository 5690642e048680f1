"""Our own checks of every export: each of them fails where a document is tampered with, or the ledger is."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition import plugins
from acquisition.errors import ExportRefused, UsageError
from acquisition.manifest import attributions, croissant, datapackage, eu_forms, prov, spdx
from acquisition.manifest.agreeing import demand_agreement, listing_digest
from acquisition.manifest.columns import LEDGER_SCHEMA, VERSION_KEY
from acquisition.manifest.gathered import Part, fingerprint, gather
from acquisition.manifest.sheets import texts
from acquisition.protocols import Ledger
from acquisition.settings import DatasetSettings, LimitSettings
from tests.judged_shards import NOW, World, wav, write_manifest

pytestmark = pytest.mark.flow
FORMATS = ("items", "croissant", "attributions", "datapackage", "prov", "spdx", "eu_summary")
PUBLISHED = tuple(name for name in FORMATS if name != "items")
Tamper = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world of two sources in all formats, with one dropped item; the tests that share it leave it as it is."""
    found = World(tmp_path_factory.mktemp("world"))
    rows = [found.media(wav(n), f"{n}", "kick", title=f"Kick {n}", author="Ann") for n in range(4)]
    found.add("kit", rows, [{"row": 3, "code": "license.denied"}], license_="CC-BY-4.0", homepage="https://example.org/kit")
    found.add("sms", [found.text(f"message {n}", n, "ham") for n in range(3)])
    write_manifest(found, version="1.0.0", url="https://example.org/set", formats=FORMATS)
    return found


def document(world: World, name: str) -> dict[str, Any]:
    """Return one export, to be tampered with."""
    return dict(json.loads((world.workspace.manifest / name).read_text(encoding="utf-8")))


def figures(world: World) -> tuple[Part, Mapping[str, Part]]:
    """Return what the kept items are."""
    return gather(world.workspace.manifest / "items.parquet")


def changed(whole: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    """Return a copy in which one place says something else; None takes it away."""
    found = copy.deepcopy(whole)
    node: Any = found
    for step in path[:-1]:
        node = node[step]
    if to is None:
        del node[path[-1]]
    else:
        node[path[-1]] = to
    return found


@pytest.mark.parametrize(
    ("path", "to", "fault"),
    [
        (("license",), ["https://spdx.org/licenses/MIT"], "union"),
        (("license",), ["https://spdx.org/licenses/CC-BY-4.0"], "union"),
        (("description",), "", "description is missing"),
        (("creator",), None, "creator is missing"),
        (("version",), "2026.11", "MAJOR.MINOR.PATCH"),
        (("rai:dataCollectionTimeFrame",), "x", "rai:dataCollectionTimeFrame is not a term"),
        (("prov:banana",), "x", "prov:banana is not a term"),
        (("usageInfo", 0, "odrl:prohibition"), [], "odrl:prohibition is not a term"),
        (("rai:dataCollectionType",), ["Magic"], "no type of collection"),
        (("distribution", 1, "@id"), "curated-items.parquet", "given twice"),
        (("distribution", 0, "sha256"), "", "has no digest"),
        (("recordSet", 1, "key"), {"@id": "items/nothing"}, "leads to nothing"),
        (("recordSet", 1, "field", 0, "source", "fileObject", "@id"), "elsewhere", "leads to nothing"),
        (("recordSet", 1, "field", 0, "equivalentProperty"), "prov:hadPlan", "prov:hadPlan is not a term"),
    ],
)
def test_croissant_is_checked_where_its_library_is_silent(world: World, path: tuple[Any, ...], to: Any, fault: str) -> None:
    """Required properties, licenses, versions, names and words from closed lists."""
    good, (whole, _) = document(world, "croissant.json"), figures(world)
    assert croissant.problems(good, whole.concluded) == []
    assert fault in " ".join(croissant.problems(changed(good, *path, to=to), whole.concluded))


def test_croissant_refuses_a_license_that_is_none(world: World) -> None:
    """Free words for a license are no SPDX expression."""
    found = croissant.problems(document(world, "croissant.json"), ["CC-BY-4.0", "CC0-1.0", "whatever I like"])
    assert "'whatever I like' is no SPDX expression" in found


@pytest.mark.parametrize(
    ("path", "to", "fault"),
    [
        (("licenses", 0, "name"), "whatever", "'whatever' is no license"),
        (("licenses",), [], "union"),
        (("contributors",), [{"roles": ["creator"]}], "has no title"),
        (("sources", 0, "title"), "", "a source has no title"),
        (("version",), "1.0", "MAJOR.MINOR.PATCH"),
    ],
)
def test_the_data_package_is_checked_too(world: World, path: tuple[Any, ...], to: Any, fault: str) -> None:
    """What frictionless lets through."""
    good, (whole, _) = document(world, "datapackage.json"), figures(world)
    assert datapackage.problems(good, whole) == []
    assert fault in " ".join(datapackage.problems(changed(good, *path, to=to), whole))


def package(graph: list[dict[str, Any]], end: str) -> dict[str, Any]:
    """Return the package whose name ends so."""
    return next(one for one in graph if one["type"] == "dataset_DatasetPackage" and one["spdxId"].endswith(end))


def _no_source(graph: list[dict[str, Any]]) -> None:
    graph.remove(package(graph, "source/sms"))


def _size(graph: list[dict[str, Any]]) -> None:
    package(graph, "/set")["dataset_datasetSize"] += 1


def _license(graph: list[dict[str, Any]]) -> None:
    next(one for one in graph if one["type"] == "simplelicensing_LicenseExpression")["simplelicensing_licenseExpression"] = (
        "MIT"
    )


def _prose(graph: list[dict[str, Any]]) -> None:
    for one in graph:
        if one["type"] == "simplelicensing_LicenseExpression":
            one["simplelicensing_licenseExpression"] = "be nice"


def _file(graph: list[dict[str, Any]]) -> None:
    graph += [{"type": "software_File", "spdxId": f"https://example.org/file/{n}"} for n in range(9)]


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (_no_source, "source/sms"),
        (_size, "bytes"),
        (_license, "hasDeclaredLicense"),
        (_prose, "no SPDX"),
        (_file, "files are listed"),
    ],
)
def test_spdx_says_the_ledgers_figures(world: World, tamper: Callable[[list[dict[str, Any]]], None], fault: str) -> None:
    """Sizes, licenses, sources and files of the packages are those of the kept items."""
    good, (whole, parts) = document(world, "spdx.json"), figures(world)
    assert spdx.figures(good, whole, parts) == []
    tamper(good["@graph"])
    assert fault in " ".join(spdx.figures(good, whole, parts))


@pytest.mark.parametrize(
    ("path", "to", "fault"),
    [
        (("wasMadeUp",), {}, "no term"),
        (("used", "_:used0", "prov:entity"), "set:nothing", "leads to nothing"),
        (("wasDerivedFrom", "_:wasDerivedFrom0"), None, "exactly those sources"),
        (("entity", "set:curated", "acq:items"), 99, "99 items"),
    ],
)
def test_prov_is_checked_for_meaning(world: World, path: tuple[Any, ...], to: Any, fault: str) -> None:
    """The library knows the structure alone."""
    good, (_, parts) = document(world, "prov.json"), figures(world)
    assert prov.problems(good, parts) == []
    assert fault in " ".join(prov.problems(changed(good, *path, to=to), parts))


def _cell(whole: dict[str, Any], field: str) -> dict[str, Any]:
    return next(cell for section in whole["sections"] for cell in section["cells"] if cell["field"] == field)


@pytest.mark.parametrize(
    ("field", "told", "fault"),
    [
        ("2.3.used", {"content": "No", "origin": "records", "evidence": "items.parquet"}, "answered without a person"),
        ("2.3.used", {"content": "Yes", "origin": "owner"}, "is said to be an answer"),
        ("1.3.text", {"content": ""}, "is empty"),
        ("1.3.text", {"content": "https://example.org/sizes"}, "nothing but a link"),
        ("1.3.text", {"evidence": ""}, "rests on nothing"),
        ("1.1.provider", {"content": "somebody"}, "does not say so"),
        ("1.1.provider", {"field": "1.1.representative"}, "stands twice"),
    ],
)
def test_the_draft_for_article_53_infers_nothing(world: World, field: str, told: dict[str, Any], fault: str) -> None:
    """No yes and no no without a person, no empty cell, no bare link, nothing without the record behind it."""
    good = document(world, "eu-summary.json")
    assert eu_forms.problems(good, {}) == []
    _cell(good, field).update(told)
    assert fault in " ".join(eu_forms.problems(good, {}))


def test_the_draft_keeps_to_the_template(world: World) -> None:
    """Sections in another order, or a list of what is missing that is not it, are faults."""
    good = document(world, "eu-summary.json")
    assert eu_forms.problems({**good, "sections": good["sections"][::-1]}, {}) != []
    assert "to_be_provided" in " ".join(eu_forms.problems({**good, "to_be_provided": []}, {}))


CREDIT = {
    "author": "Ann", "title": "Kick", "url": "https://example.org", "copyright_notice": "", "license": "CC-BY-4.0",
    "license_url": "https://spdx.org/licenses/CC-BY-4.0", "changes": "none", "source": "kit", "id": "1", "path": "a.wav",
    "content_sha256": "0", "attribution": "“Kick” by Ann, CC-BY-4.0",
}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"author": ""}, "no author"),
        ({"url": ""}, "no url"),
        ({"license_url": ""}, "no license_url"),
        ({"changes": ""}, "no changes"),
        ({"attribution": None}, "no attribution"),
        ({"author": "Ann ann@example.org"}, "mail address"),
        ({"license": "NOASSERTION"}, "no known license"),
    ],
)
def test_credit_is_complete(told: dict[str, Any], fault: str) -> None:
    """Author, place, license with its address, changes and the line of credit stand in every row, and no mail address does."""
    schema = texts(attributions._HEADER)
    assert attributions.problems(pa.RecordBatch.from_pylist([CREDIT], schema=schema)) == []
    assert fault in " ".join(attributions.problems(pa.RecordBatch.from_pylist([CREDIT | told], schema=schema)))


# --- a ledger that was tampered with --------------------------------------------------------------------------------------


def ledger_of(world: World, items: Path) -> Ledger:
    """Return what exporters print from, with another table of items."""
    return Ledger(
        items=items,
        curated=world.workspace.curated,
        dataset=DatasetSettings(name="set", version="1.0.0"),
        contact=None,
        limits=LimitSettings(),
        releases=world.releases,
        settings={},
        not_checked=(),
        summary=document(world, "summary.json"),
        created_at=NOW,
        tool_version="0",
    )


def tampered(world: World, target: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Write a ledger that was changed by hand."""
    table = pq.read_table(world.workspace.manifest / "items.parquet")
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), target)
    return target


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    """Return a table with other values in one column."""
    place = table.schema.get_field_index(name)
    return table.set_column(place, LEDGER_SCHEMA.field(name), pa.array(values, LEDGER_SCHEMA.field(name).type))


def _placed(table: pa.Table) -> pa.Table:
    return with_column(table, "path", [path or "train/kick/stolen.wav" for path in table["path"].to_pylist()])


def _dropped(table: pa.Table) -> pa.Table:
    return with_column(table, "outcome", ["drop"] * table.num_rows)


def _gone(table: pa.Table) -> pa.Table:
    return with_column(table, "takedown", ["T-1"] * table.num_rows)


@pytest.mark.parametrize("change", [_placed, _dropped, _gone])
@pytest.mark.parametrize("format_", PUBLISHED)
def test_no_format_prints_as_kept_what_is_not(
    world: World, tmp_path: Path, format_: str, change: Callable[[pa.Table], pa.Table]
) -> None:
    """An item whose decision gives it no place is in no format: the export fails and says which item."""
    items = tampered(world, tmp_path / "items.parquet", change)
    with pytest.raises(ExportRefused, match="decision does not give") as caught:
        plugins.exporter(format_).write(ledger_of(world, items), tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize("format_", FORMATS)
def test_no_format_is_printed_from_a_ledger_of_another_version(world: World, tmp_path: Path, format_: str) -> None:
    """Columns of another format may mean something else."""
    table = pq.read_table(world.workspace.manifest / "items.parquet").replace_schema_metadata({VERSION_KEY: b"1"})
    pq.write_table(table, tmp_path / "items.parquet")
    with pytest.raises(UsageError, match="format '1'"):
        plugins.exporter(format_).write(ledger_of(world, tmp_path / "items.parquet"), tmp_path)


def test_the_set_has_to_hold_what_the_ledger_keeps(world: World, tmp_path: Path) -> None:
    """A path, a size or a digest that is not in the list of the set's files is told, for files of one item and of many."""
    files = world.workspace.manifest / "curated-files.jsonl"
    demand_agreement(world.workspace.manifest / "items.parquet", files)
    other = tampered(
        world,
        tmp_path / "a.parquet",
        lambda table: with_column(table, "path", ["x/" + p if p else "" for p in table["path"].to_pylist()]),
    )
    with pytest.raises(ExportRefused, match="6 kept items"):
        demand_agreement(other, files)
    lines = files.read_text(encoding="utf-8").splitlines(keepends=True)
    short = tmp_path / "files.jsonl"
    short.write_text("".join(line for line in lines if "train" not in line), encoding="utf-8")
    with pytest.raises(ExportRefused, match="do not lie in the curated set"):
        demand_agreement(world.workspace.manifest / "items.parquet", short)
    assert listing_digest(files) != listing_digest(short)


def test_a_refused_export_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one format fails its check, the manifest that stands is left as it is."""
    world = World(tmp_path)
    world.add("sms", [world.text("a", 0)])
    write_manifest(world, version="1.0.0")
    before = (world.workspace.manifest / "SHA256SUMS").read_bytes()
    monkeypatch.setattr(croissant, "problems", lambda *_: ["it is wrong"])
    with pytest.raises(ExportRefused, match="it is wrong"):
        write_manifest(world, version="2.0.0")
    assert (world.workspace.manifest / "SHA256SUMS").read_bytes() == before


def test_a_fingerprint_stands_for_a_set_of_ids() -> None:
    """Order does not matter, one id more or another one does; what is no id is refused."""
    ids = pa.array([f"{n:032x}" for n in (1 << 100, 2 << 99, 7 << 70)])
    assert fingerprint(ids) == fingerprint(ids.take(pa.array([2, 0, 1])))
    assert fingerprint(ids) != fingerprint(ids.slice(1))
    assert fingerprint(ids.slice(1)) == fingerprint(pa.array(ids.slice(1).to_pylist()))
    assert fingerprint(pa.array([], pa.string())) == 0
    for wrong in (["xyz"], ["Z" * 32], ["0" * 31]):
        with pytest.raises(ValueError, match="id"):
            fingerprint(pa.array(wrong))
