"""The ledger: what a conclusion rests on, evidence as bytes, signals with their time, suspicion, and what was taken down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

from acquisition.errors import ExportRefused, UsageError, WorkspaceDamaged
from acquisition.manifest import (
    LEDGER_SCHEMA,
    EvidenceStore,
    ManifestInputs,
    SiteFile,
    TakenDown,
    explain,
    items_schema,
    verify,
)
from acquisition.manifest import evidence as evidence_module
from acquisition.manifest.columns import MEANINGS, VERSION_KEY
from acquisition.manifest.credit import authors_of, notices_of
from acquisition.manifest.items import Items
from acquisition.manifest.write import write
from acquisition.model import Evidence, LicenseClaim, Release, Terms
from acquisition.settings import SourceSettings
from tests.judged_shards import NOW, World, write_manifest

SCHEMA_FILE = Path(__file__).parents[2] / "acquisition" / "manifest" / "items.schema.json"
ROBOTS = b"User-agent: *\nDisallow: /private\n"
SIGNAL = {"mechanism": "robots", "where": "robots.txt", "raw": "Allow: /", "parsed": {"rule": "/"}, "fetch": "allow"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which every basis of a license occurs."""
    found = World(tmp_path)
    found.add("said", [found.text("a", 0), found.text("b", 1, license_raw="MIT")])
    signals = json.dumps(
        [SIGNAL, {"mechanism": "aipref", "where": "header content-usage", "raw": "train-ai=n", "train": "deny"}]
    )
    page = found.text("p", 0, license_raw="CC BY 4.0", url="https://a.example/p", signals=signals)
    found.add("web", [page, found.text("q", 1, signals="[broken")], reader="crawl")
    found.add("ours", [found.text("o", 0)])
    found.with_license("ours", level="user", vocabulary="user")
    found.add("hub", [found.text("h", 0)])
    found.with_license("hub", level="policy")
    found.add("filed", [found.text("f", 0)])
    found.releases["filed"] = replace(found.releases["filed"], license=LicenseClaim((), "prose", level="none"))
    found.add("mute", [found.text("m", 0)])
    found.releases["mute"] = replace(found.releases["mute"], license=LicenseClaim((), "prose", level="none"))
    return found


def written(world: World, **facts: Any) -> list[dict[str, Any]]:
    """Write the manifest with evidence and return the ledger's rows."""
    text = (
        "MIT License\n\nCopyright (c) 2024 Ann Author <ann@example.org>\n\n"
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
        "documentation files (the “Software”), to deal in the Software without restriction."
    )
    license_ = Evidence("LICENSE", text, "LICENSE", hashlib.sha256(text.encode()).hexdigest(), NOW)
    ledger: dict[str, Any] = {
        "evidence": EvidenceStore(world.workspace.evidence),
        "sites": {"web": [SiteFile("https://a.example/robots.txt", ROBOTS, NOW)]},
        "texts": {"filed": (license_,)},
    }
    write_manifest(world, ledger=ledger | facts.pop("ledger", {}), **facts)
    rows: list[dict[str, Any]] = pq.read_table(world.workspace.manifest / "items.parquet").to_pylist()
    return rows


def by_source(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the last row of each source."""
    return {row["source"]: row for row in rows}


def test_the_published_schema_is_the_ledgers(world: World) -> None:
    """The file in the package is what the columns give; every column has a meaning, and rows of every kind fit it."""
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == items_schema()
    assert set(MEANINGS) == set(LEDGER_SCHEMA.names)
    written(world, formats=("items",))
    lines = (world.workspace.manifest / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    validator = jsonschema.Draft202012Validator(items_schema())
    assert [error.message for line in lines for error in validator.iter_errors(json.loads(line))] == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"outcome": "maybe"}, "not one of"),
        ({"id": "xyz"}, "does not match"),
        ({"extra": 1}, "Additional properties"),
        ({"size": -1}, "minimum"),
        ({"evidence": [{"field": "x"}]}, "required property"),
        ({"synthetic": "yes"}, "not one of"),
    ],
)
def test_the_schema_refuses_what_is_no_row(world: World, change: Mapping[str, Any], fault: str) -> None:
    """Unknown words, keys, ids and shapes are faults by the schema alone."""
    written(world, formats=("items",))
    first = (world.workspace.manifest / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[0]
    errors = list(jsonschema.Draft202012Validator(items_schema()).iter_errors(json.loads(first) | dict(change)))
    assert any(fault in error.message for error in errors)


def test_the_basis_is_named(world: World) -> None:
    """Item, page, license file, data set, repository policy, the user's own word and nothing at all are told apart."""
    rows = written(world)
    found = {row["source"] + row["locator"][-1]: row["basis"] for row in rows}
    assert found == {
        "said0": "dataset",
        "said1": "item",
        "web0": "page",
        "web1": "dataset",
        "ours0": "override",
        "hub0": "policy",
        "filed0": "file",
        "mute0": "none",
    }


def test_evidence_is_quoted_and_kept(world: World) -> None:
    """A row quotes what was looked at and names its bytes, which lie in workspace and manifest once under their digest."""
    world.releases["said"] = replace(
        world.releases["said"],
        license=replace(
            world.releases["said"].license,
            evidence=(Evidence("card", "x" * 900, "https://example.org", hashlib.sha256(b"x" * 900).hexdigest(), NOW),),
        ),
        terms=Terms("https://example.org/terms", "Be kind.", hashlib.sha256(b"Be kind.").hexdigest(), True, NOW),
    )
    rows = written(world)
    card, terms = rows_of(rows, "said")[0]["evidence"]
    assert (len(card["raw"]), card["raw"][-1]) == (500, "…")
    assert terms["raw"] == "Be kind."
    for one in (card, terms):
        assert one["file"] == f"evidence/{one['sha256']}"
        content = (world.workspace.manifest / one["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == one["sha256"]
        assert (world.workspace.evidence / one["sha256"]).read_bytes() == content
    own = rows_of(rows, "said")[1]["evidence"][-1]
    assert (own["field"], own["raw"], own["sha256"]) == ("license", "MIT", hashlib.sha256(b"MIT").hexdigest())
    sums = (world.workspace.manifest / "SHA256SUMS").read_text(encoding="utf-8")
    assert f"{terms['sha256']}  evidence/{terms['sha256']}\n" in sums
    assert verify(world.workspace.manifest, world.workspace.curated).findings == ()


def rows_of(rows: list[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    """Return the rows of one source."""
    return [row for row in rows if row["source"] == source]


def test_evidence_that_is_not_whole_is_named_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is not what its digest says, one that is too large, and what exceeds the whole are named by digest alone."""
    store = EvidenceStore(world.workspace.evidence)
    assert store.keep(b"cut", source="s", field="f", sha256="0" * 64) == ""
    monkeypatch.setattr(evidence_module, "MAX_BYTES", 4)
    assert store.keep(b"five!", source="s", field="f") == ""
    monkeypatch.setattr(evidence_module, "MAX_TOTAL", 6)
    assert store.keep(b"four", source="s", field="f") != ""
    assert store.keep(b"more", source="s", field="f") == ""
    assert store.keep(b"four", source="other", field="f") != ""
    assert (store.pieces, store.bytes, len(store.left_out)) == (1, 4, 3)


def test_evidence_that_was_changed_is_put_right(world: World) -> None:
    """A piece of the workspace that is not what its name says is written anew before a manifest takes it."""
    digest = hashlib.sha256(ROBOTS).hexdigest()
    world.workspace.evidence.mkdir(parents=True)
    (world.workspace.evidence / digest).write_bytes(b"x" * len(ROBOTS))
    (world.workspace.evidence / f".{digest}.tmp").write_bytes(b"half")
    written(world)
    assert (world.workspace.manifest / "evidence" / digest).read_bytes() == ROBOTS
    assert not list(world.workspace.evidence.glob("*.tmp"))


def test_evidence_of_what_is_gone_is_swept(world: World) -> None:
    """Bytes that the newest manifest does not cite are removed from the workspace, and nothing else there is touched."""
    store = EvidenceStore(world.workspace.evidence)
    store.keep(b"old words", source="gone", field="license")
    (world.workspace.evidence / "notes.txt").write_text("mine")
    written(world)
    names = {path.name for path in world.workspace.evidence.iterdir()}
    assert hashlib.sha256(b"old words").hexdigest() not in names
    assert "notes.txt" in names
    assert names - {"notes.txt"} == {path.name for path in (world.workspace.manifest / "evidence").iterdir()}


def test_signals_have_their_time_and_the_sites_file(world: World) -> None:
    """What robots.txt says names its bytes and when they came; other words the digest of themselves; broken ones say so."""
    rows = rows_of(written(world), "web")
    robots, header = rows[0]["signals"]
    assert (robots["at"], robots["sha256"]) == (NOW, hashlib.sha256(ROBOTS).hexdigest())
    assert (world.workspace.manifest / robots["file"]).read_bytes() == ROBOTS
    assert json.loads(robots["parsed"]) == {"rule": "/"}
    assert (header["train"], header["fetch"], header["file"]) == ("deny", "none", "")
    assert header["sha256"] == hashlib.sha256(b"train-ai=n").hexdigest()
    broken = rows[1]["signals"]
    assert [(one["mechanism"], one["raw"], one["train"]) for one in broken] == [("unread", "[broken", "unknown")]
    assert by_source(written(world))["mute"]["signals"] is None


def test_suspicion_is_said_and_never_guessed(tmp_path: Path) -> None:
    """A chat artefact is suspected, a text without one is not, and what no filter looks at is not checked."""
    world = World(tmp_path)
    flags = [{"row": 0, "code": "llm-style.boilerplate"}, {"row": 1, "code": "llm-style.weak-phrase"}]
    rows = [world.text("As an AI language model", 0), world.text("a", 1), world.table({"a": 1}, 2)]
    world.add("chat", rows, flags)
    shard, written_flags = world.shards[0]
    world.shards[0] = (shard, tuple(replace(one, filter="llm_style") for one in written_flags))
    world.add("plain", [world.text("b", 0)])
    found = [(row["source"], row["synthetic"]) for row in written(world)]
    assert found == [("chat", "suspected"), ("chat", "nothing-found"), ("chat", "not-checked"), ("plain", "not-checked")]


def test_what_was_taken_down_is_nothing_but_names(world: World) -> None:
    """Its row has id, source, content digest, ticket, who and when; it is dropped, counted apart, and in no export."""
    gone = (TakenDown("f" * 32, "said", "T-7", "ann", NOW, "a" * 64), TakenDown("0" * 32, "said", "T-7"))
    rows = written(world, ledger={"taken_down": gone}, formats=("items", "croissant"))
    first, second = rows[-2:]
    assert (first["id"], second["id"]) == ("0" * 32, "f" * 32)
    told = {name: value for name, value in second.items() if value not in ("", None, [], 0, False)}
    assert told == {
        "id": "f" * 32, "source": "said", "content_sha256": "a" * 64, "takedown": "T-7", "outcome": "drop", "code": "takedown",
        "by": "ann", "decided_at": NOW,
    }  # fmt: skip
    summary = json.loads((world.workspace.manifest / "summary.json").read_bytes())
    assert summary["taken_down"] == {"said": 2}
    assert summary["items"] == len(rows) - 2 == sum(summary["outcomes"].values())
    assert "drop" not in summary["sources"]["said"]
    assert summary["licenses"]["said"].keys() == {row["concluded_spdx"] for row in rows[:-2] if row["source"] == "said"}
    assert "f" * 32 not in pq.read_table(world.workspace.manifest / "curated-items.parquet")["id"].to_pylist()
    assert explain(world.workspace.manifest, "f" * 32).entries[0]["takedown"] == "T-7"


def test_what_was_taken_down_and_is_still_there_is_told(world: World) -> None:
    """A workspace in which a taken-down item is still staged gets no manifest."""
    item = written(world)[0]["id"]
    before = (world.workspace.manifest / "SHA256SUMS").read_bytes()
    with pytest.raises(WorkspaceDamaged, match="taken down"):
        written(world, ledger={"taken_down": (TakenDown(item, "said", "T-8"),)})
    assert (world.workspace.manifest / "SHA256SUMS").read_bytes() == before


@pytest.mark.parametrize("told", ["3", "next", ""])
def test_a_ledger_of_another_format_is_named(world: World, told: str) -> None:
    """What a later version has written is refused with its format, by everything that reads it."""
    written(world)
    target = world.workspace.manifest / "items.parquet"
    table = pq.read_table(target).replace_schema_metadata({VERSION_KEY: told.encode()})
    pq.write_table(table, target)
    for look in (
        lambda: explain(world.workspace.manifest, "x"),
        lambda: verify(world.workspace.manifest, world.workspace.curated),
    ):
        with pytest.raises(UsageError, match=f"format '{told}'"):
            look()


def test_the_format_stands_in_file_and_summary(world: World) -> None:
    """The ledger says its format itself, and so does the summary."""
    written(world)
    assert pq.read_schema(world.workspace.manifest / "items.parquet").metadata[VERSION_KEY] == b"2"
    assert json.loads((world.workspace.manifest / "summary.json").read_bytes())["ledger"] == 2


def test_the_version_in_effect_is_printed(world: World) -> None:
    """Whoever decides the version is shown the new ledger, and every export prints the answer instead of what is declared."""
    inputs: list[ManifestInputs] = []
    written(world, formats=("croissant",), version="1.0.0", grab=inputs)
    seen: list[bool] = []

    def decide(directory: Path) -> tuple[str, str]:
        seen.append((directory / "items.parquet").is_file())
        return "1.4.0", "2026-01-02T00:00:00Z"

    write(replace(inputs[0], version_of=decide))
    assert seen == [True]
    for name in ("summary.json", "croissant.json"):
        assert json.loads((world.workspace.manifest / name).read_bytes())["version"] == "1.4.0"
    assert json.loads((world.workspace.manifest / "summary.json").read_bytes())["created_at"] == "2026-01-02T00:00:00Z"


def test_nothing_is_settled_by_what_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to happen before the swap happens once all exports have passed, and not where one of them refuses."""
    inputs: list[ManifestInputs] = []
    written(world, grab=inputs)
    said: list[str] = []
    write(replace(inputs[0], settle=lambda: said.append("settled")))
    assert said == ["settled"]

    def refuse(*_: object) -> None:
        raise ExportRefused("items: not today")

    monkeypatch.setattr(Items, "write", refuse)
    with pytest.raises(ExportRefused):
        write(replace(inputs[0], settle=lambda: said.append("too early")))
    assert said == ["settled"]


def test_notices_are_found_and_forms_are_not() -> None:
    """A line with a year is a notice, without its mail address; the blanks of a license's form are none."""
    text = "Copyright (c) 2019 Ann <a@b.example>\nCopyright [yyyy] [name of copyright owner]\n© 2020 Bob\nAll rights"
    assert notices_of([Evidence("LICENSE.txt", text, "", "", "")]) == ["Copyright (c) 2019 Ann", "© 2020 Bob"]
    assert notices_of([Evidence("README.md", text, "", "", "")]) == []


def test_the_owner_is_credited_where_nobody_else_is() -> None:
    """The declaration's author comes first, then the release's, then the owner of the rights."""
    release = Release("s", "local", "1", ())
    owner = SourceSettings.model_validate({"kind": "local", "license": {"declared": "MIT", "owner": "Ann"}})
    assert authors_of(release, owner) == ["Ann"]
    assert authors_of(replace(release, authors=("Bob <b@x.example>",)), owner) == ["Bob"]


def test_a_ledger_that_is_cut_short_is_reported(world: World) -> None:
    """Bytes that are no ledger any more are damage, not an answer."""
    written(world)
    target = world.workspace.manifest / "items.parquet"
    target.write_bytes(target.read_bytes()[:-30])
    with pytest.raises(WorkspaceDamaged):
        explain(world.workspace.manifest, "x")


def test_every_column_is_documented() -> None:
    """The page on the manifest has every column of the ledger with its meaning, and every field of the records in it."""
    page = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text(encoding="utf-8")
    assert [name for name, told in MEANINGS.items() if f"| `{name}` | {told} |" not in page] == []
    nested = [field.name for name in ("evidence", "signals", "flags") for field in LEDGER_SCHEMA.field(name).type.value_type]
    assert [name for name in nested if f"`{name}` (" not in page] == []
