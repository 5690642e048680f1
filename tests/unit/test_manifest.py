"""The ledger, the records beside it, attributions, verify and explain."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition.errors import PluginError, UsageError, WorkspaceDamaged
from acquisition.manifest import LEDGER_SCHEMA, Refusal, explain, verify
from acquisition.manifest.credit import without_mail
from acquisition.model import Decision, Outcome, Rejection
from acquisition.pipeline.looking.standing import standing
from acquisition.settings import CuratedSettings, PolicyRule
from tests.judged_shards import World, tree, wav, write_manifest

FOLDERS = CuratedSettings(layout="folders")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with kept, redacted, held and dropped items under three licenses."""
    found = World(tmp_path)
    rows = [found.media(wav(n), f"{n}", "kick", title=f"Kick {n}", author="Ann <ann@example.org>") for n in range(4)]
    flags = [
        {"row": 1, "code": "license.denied"},
        {"row": 2, "code": "duplicate.exact", "detail": '{"cluster":"c1","kept":"k1"}'},
        {"row": 3, "code": "license.review"},
    ]
    found.add("kit", rows, flags, license_="CC-BY-4.0", homepage="https://example.org/kit", authors=("Ann",), title="The kit")
    text = found.text("Call 555-0100", 0, "Call 555-0100", group="client 77", url="https://example.org/a?x=1")
    spans = [{"row": 0, "code": "pii.phone-number", "field": name, "start": 5, "end": 13} for name in ("text", "label")]
    found.add("sms", [text, found.text("=1+1", 1, "ham", license_raw="CC-BY-SA-3.0", title="=cmd", author="@bob")], spans)
    return found


def ledger(world: World) -> list[dict[str, Any]]:
    """Return all rows of items.parquet."""
    rows: list[dict[str, Any]] = pq.read_table(world.workspace.manifest / "items.parquet").to_pylist()
    return rows


def test_every_item_has_its_row(world: World) -> None:
    """Kept, redacted, held and dropped items are all in the ledger, with outcome and decisive code."""
    result = write_manifest(world, FOLDERS)
    rows = ledger(world)
    assert pq.read_schema(world.workspace.manifest / "items.parquet").equals(LEDGER_SCHEMA)
    assert [(row["source"], row["outcome"], row["code"]) for row in rows] == [
        ("kit", "keep", ""),
        ("kit", "drop", "license.denied"),
        ("kit", "drop", "duplicate.exact"),
        ("kit", "hold", "license.review"),
        ("sms", "redact", "pii.phone-number"),
        ("sms", "keep", ""),
    ]
    assert result.rows == 6
    assert result.summary["outcomes"] == {"drop": 2, "hold": 1, "keep": 2, "redact": 1}
    assert result.summary["sources"]["kit"]["drop"] == {"duplicate.exact": 1, "license.denied": 1}
    assert [bool(row["path"]) for row in rows] == [True, False, False, False, True, True]


def test_lineage(world: World) -> None:
    """A row tells origin, retrieval, license as found and as concluded with evidence, duties, credit and flags."""
    write_manifest(world, FOLDERS)
    rows = ledger(world)
    first, copy, shared = rows[0], rows[2], rows[5]
    assert (first["declared_raw"], first["declared_spdx"], first["concluded_spdx"], first["basis"]) == (
        ["CC-BY-4.0"],
        "CC-BY-4.0",
        "CC-BY-4.0",
        "dataset",
    )
    assert first["evidence"][0]["url"] == "https://example.org/kit"
    assert first["duties"][0] == "attribution"
    assert first["authors"] == ["Ann"]
    assert first["attribution_text"] == "“Kick 0” by Ann, CC-BY-4.0"
    assert (first["retrieved_url"], f"{first['retrieved_at']:%Y}") == ("https://example.org/kit.zip", "2026")
    assert (copy["cluster"], copy["kept_id"]) == ("c1", "k1")
    assert copy["flags"] == [
        {
            "filter": "duplicate",
            "version": 1,
            "code": "duplicate.exact",
            "score": 1.0,
            "field": "",
            "start": -1,
            "end": -1,
            "detail": '{"cluster":"c1","kept":"k1"}',
        }
    ]
    assert (shared["basis"], shared["concluded_spdx"], shared["evidence"][-1]["raw"]) == (
        "item",
        "CC-BY-SA-3.0",
        "CC-BY-SA-3.0",
    )


def test_no_personal_values(world: World) -> None:
    """Neither a redacted span, nor a speaker's id, nor a signed URL, nor a mail address is anywhere in the manifest."""
    write_manifest(world, FOLDERS)
    everything = b"".join(path.read_bytes() for path in world.workspace.manifest.iterdir() if path.suffix != ".parquet")
    everything += repr(ledger(world)).encode()
    for secret in (b"555-0100", b"client 77", b"token=secret", b"ann@example.org"):
        assert secret not in everything
    assert b"Call <PHONE_NUMBER>" in everything


def test_redacted_words_cannot_be_tried(world: World) -> None:
    """No digest of the text as found stands beside the redacted one, whatever became of the item."""
    text = "Call 555-0100"
    blob = world.blob(text.encode())
    span = {"code": "pii.phone-number", "field": "text", "start": 5, "end": 13}
    rows = [world.text(text, 0, blob=blob), world.text(text, 1)]
    world.add("own", rows, [{"row": 0, **span}, {"row": 1, **span}, {"row": 1, "code": "license.denied"}])
    write_manifest(world, FOLDERS, formats=("items", "croissant", "attributions", "datapackage", "spdx", "prov"))
    found = [
        row for row in ledger(world) if row["code"] in {"pii.phone-number", "license.denied"} and row["modality"] == "text"
    ]
    assert sorted(row["outcome"] for row in found) == ["drop", "redact", "redact"]
    assert {(row["content_sha256"], row["size"]) for row in found} == {("", 256)}
    everything = b"".join(path.read_bytes() for path in world.workspace.manifest.rglob("*") if path.is_file())
    everything += repr([ledger(world), pq.read_table(world.workspace.manifest / "curated-items.parquet").to_pylist()]).encode()
    assert hashlib.sha256(text.encode()).hexdigest().encode() not in everything
    whole = next(row for row in ledger(world) if row["outcome"] == "keep" and row["modality"] == "text")
    assert whole["content_sha256"] == hashlib.sha256(b"=1+1").hexdigest()


def test_an_address_alone_is_no_author(world: World) -> None:
    """An author of whom only a mail address is known is left out, so that the credit goes on to whom else there is."""
    world.add(
        "post", [world.text("a", 0, author="<x@b.example>"), world.text("b", 1)], license_="CC-BY-4.0", authors=("a@b.c",)
    )
    write_manifest(world, FOLDERS)
    found = [row for row in ledger(world) if row["source"] == "post"]
    assert [row["authors"] for row in found] == [[], []]
    assert "unknown (as published)" in found[0]["attribution_text"]


def test_json_lines_equal_the_table(world: World) -> None:
    """manifest.jsonl holds the same rows in the same order, keys sorted."""
    write_manifest(world, FOLDERS)
    lines = (world.workspace.manifest / "manifest.jsonl").read_text().splitlines()
    parsed = [json.loads(line) for line in lines]
    assert [row["id"] for row in parsed] == [row["id"] for row in ledger(world)]
    assert all(list(row) == sorted(row) for row in parsed)
    assert parsed[0]["retrieved_at"] == "2026-11-21T00:00:00Z"


def test_a_person_is_named(world: World) -> None:
    """A decision's author, time and reason stand in the row; everything else was decided by the policy."""
    write_manifest(world)
    item = ledger(world)[1]["id"]
    decisions = {item: Decision(item, Outcome.KEEP, "bob", "2026-11-20T10:00:00Z", "we have a contract")}
    write_manifest(world, decisions=decisions)
    rows = ledger(world)
    assert (rows[1]["outcome"], rows[1]["by"], rows[1]["decided_at"], rows[1]["why"]) == (
        "keep",
        "bob",
        "2026-11-20T10:00:00Z",
        "we have a contract",
    )
    assert rows[0]["by"] == "policy"


def test_rejections_and_refusals_are_kept(world: World) -> None:
    """What never became an item is written beside the ledger and counted."""
    result = write_manifest(
        world,
        rejections=iter([Rejection("row-too-long", "kit", "r1", "a.csv", "a.csv#row=3", "too many fields")] * 2),
        refusals=[Refusal("license-refused", "pack", "", "the license forbids training")],
    )
    assert result.summary["rejections"] == {"kit": {"row-too-long": 2}}
    assert result.summary["refusals"] == {"pack": {"license-refused": 1}}
    assert len((world.workspace.manifest / "rejections.jsonl").read_text().splitlines()) == 2


def test_same_input_same_bytes(tmp_path: Path) -> None:
    """Two manifests of the same items are equal byte for byte."""
    worlds = [World(tmp_path / name) for name in "ab"]
    for one in worlds:
        one.add("kit", [one.media(wav(n), f"{n}", "kick") for n in range(3)], [{"row": 1, "code": "license.review"}])
        write_manifest(one, version="1.0.0")
    assert tree(worlds[0].workspace.manifest) == tree(worlds[1].workspace.manifest)


def test_sums_are_what_other_tools_read(world: World) -> None:
    """SHA256SUMS is in the form of sha256sum, which agrees."""
    write_manifest(world)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=world.workspace.manifest, check=True)


def test_attributions(world: World) -> None:
    """Credit is given for kept items whose license asks for it, and for no others; cells are not formulas."""
    write_manifest(world, FOLDERS)
    rows = list(csv.DictReader((world.workspace.manifest / "ATTRIBUTIONS.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["author"], row["title"], row["license"]) for row in rows] == [
        ("Ann", "Kick 0", "CC-BY-4.0"),
        ("'@bob", "'=cmd", "CC-BY-SA-3.0"),
    ]
    page = (world.workspace.manifest / "ATTRIBUTIONS.md").read_text()
    assert "## The kit" in page
    assert "Creative Commons" in page
    assert "* Ann: 1 item" in page


def test_unknown_author_is_said(world: World) -> None:
    """Who cannot be named is written as unknown, not left out."""
    world.add("loops", [world.text("a loop", 9, "x")], license_="CC-BY-4.0")
    write_manifest(world)
    page = (world.workspace.manifest / "ATTRIBUTIONS.md").read_text()
    assert "* unknown (as published): 1 item" in page
    assert "* by: unknown (as published)" in page


def test_a_source_whose_items_name_their_authors_is_by_no_unknown(world: World) -> None:
    """Where the source names nobody and its items do, both pages say so instead of calling the authors unknown."""
    world.add("poems", [world.text("a poem", 9, "x", author="Zoe")], license_="CC-BY-4.0")
    write_manifest(world)
    for name in ("ATTRIBUTIONS.md", "ATTRIBUTIONS.html"):
        page = (world.workspace.manifest / name).read_text()
        assert "by: as each item says" in page
        assert "Zoe: 1 item" in page


def test_a_license_that_gives_nothing_is_told_with_the_licenses_of_the_set(world: World) -> None:
    """All rights reserved asks for more than credit: the license gives no permission, and something else keeps the item."""
    world.add("poems", [world.text("a poem", 9, "x", license_raw="All rights reserved", author="Zoe")], license_="CC-BY-4.0")
    write_manifest(world)
    found = standing(world.workspace)
    assert found is not None
    duties = {one.license: one.duties for one in found.licenses}
    reserved = ("gives no permission itself: a decision, a rule or the source's terms keep it", "credit the author")
    assert duties["LicenseRef-contents-reserved"] == reserved
    assert duties["CC-BY-4.0"] == ("credit the author", "say what was changed")


@pytest.mark.parametrize("settings", [FOLDERS, CuratedSettings()])
def test_verify_finds_every_kind_of_change(world: World, settings: CuratedSettings) -> None:
    """An untouched set verifies; a missing, changed or extra file and a changed manifest are each found."""
    write_manifest(world, settings)
    curated, manifest = world.workspace.curated, world.workspace.manifest
    clean = verify(manifest, curated)
    assert (clean.findings, clean.files) == ((), len(tree(curated)))
    first = min(path for path in tree(curated) if path != "README.md")
    (curated / "README.md").write_text("changed")
    (curated / "extra.txt").write_text("x")
    (curated / first).unlink()
    (manifest / "items.parquet").write_bytes(b"")
    codes = {finding.path: finding.code for finding in verify(manifest, curated).findings}
    assert codes == {
        "README.md": "verify.changed-file",
        "extra.txt": "verify.extra-file",
        first: "verify.missing-file",
        "items.parquet": "verify.manifest-changed",
    }


def test_verify_trusts_no_list(world: World) -> None:
    """A list of files that was edited is told, and a path in it that climbs is not followed."""
    write_manifest(world, FOLDERS)
    listing = world.workspace.manifest / "curated-files.jsonl"
    listing.write_text(listing.read_text() + '{"path":"../../etc/passwd","sha256":"0","size":1}\n')
    codes = [finding.code for finding in verify(world.workspace.manifest, world.workspace.curated).findings]
    assert codes == ["verify.manifest-changed"] * 2


def test_verify_without_manifest(tmp_path: Path) -> None:
    """Nothing to compare with is an error, not a pass."""
    with pytest.raises(WorkspaceDamaged):
        verify(tmp_path, tmp_path)


def test_explain(world: World) -> None:
    """An item is found by id, start of id, path, locator, end of path, or URL; held and dropped ones as well."""
    write_manifest(world, FOLDERS)
    rows = ledger(world)
    manifest = world.workspace.manifest
    for query in (rows[0]["id"], rows[0]["id"][:10].upper(), rows[0]["path"], rows[0]["content_sha256"]):
        assert [row["id"] for row in explain(manifest, query).entries] == [rows[0]["id"]]
    assert explain(manifest, "https://example.org/a?x=1").entries[0]["source"] == "sms"
    assert explain(manifest, "kick/1.wav").entries[0]["outcome"] == "drop"
    assert explain(manifest, "1.wav").entries[0]["id"] == rows[1]["id"]
    assert explain(manifest, "rows.csv#row=0").entries[0]["source"] == "sms"
    assert explain(manifest, "").total == 0
    assert explain(manifest, "no such thing").entries == ()


def test_explain_offers_candidates(tmp_path: Path) -> None:
    """When several items fit, at most twenty are shown and all are counted."""
    world = World(tmp_path)
    rows = [world.text(f"{n}", n, url="https://example.org/page") for n in range(30)]
    world.add("web", rows)
    write_manifest(world, rules=[PolicyRule(flag="*", outcome="keep")])
    found = explain(world.workspace.manifest, "https://example.org/page")
    assert (len(found.entries), found.total) == (20, 30)


def test_explain_without_manifest(tmp_path: Path) -> None:
    """Asking before the first run says what to run."""
    with pytest.raises(UsageError):
        explain(tmp_path, "x")


def test_unknown_format(world: World) -> None:
    """A format that no exporter writes is named, and no half manifest stays behind."""
    with pytest.raises(PluginError):
        write_manifest(world, formats=("nonsense",))
    assert not world.workspace.manifest.exists()


@pytest.mark.parametrize("author", ["Bob <bob@example.org>", "Bob <<EMAIL_ADDRESS>>", "Bob (bob@example.org)", "Bob"])
def test_credit_names_nobody_by_address(author: str) -> None:
    """An e-mail address beside the author's name, replaced already or not, is no part of the credit."""
    assert without_mail(author) == "Bob"
