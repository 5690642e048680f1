"""What people read at the end of a run: it fits the terminal, and nothing is left out without being said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.cli import main, sections
from acquisition.cli.advice import next_of_status
from acquisition.cli.status import status_text
from acquisition.cli.tables import fitted, hung, some, wrapped
from acquisition.journal import Journal
from acquisition.lock import Lock, Pin, write_lock
from acquisition.model import Asset, Observation, Release
from acquisition.pipeline import open_session, status
from acquisition.pipeline.looking.standing import LicenseInForce, Standing
from acquisition.pipeline.session import Session
from acquisition.tombstones import Tombstone, append_tombstones, digest_of
from tests.unit.test_manifest_diff import _row
from tests.unit.test_manifest_versions import _decide

SENTENCES = [
    f"{name}: {n} things that nobody has looked at in any way" for name in ("pii", "license", "adult") for n in range(9)
]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_sections_fit_and_count_what_they_leave_out(width: int) -> None:
    """Every line has room; sentences that are not shown are counted in their group and in all."""
    sentences = [*SENTENCES, "pii: names were NOT checked"]
    lines = sections.not_checked_lines(sentences, width)
    assert max(map(len, lines)) <= width
    assert len(lines) <= 2 + 2 * 3 + 1
    assert "28 in all" in lines[-1]
    assert lines[2].startswith("  pii: names were NOT checked")
    more = [int(line.rsplit("+", 1)[1].split()[0]) for line in lines if "+" in line]
    assert sum(line.count("that nobody") for line in lines) + sum(more) + 1 == len(sentences)
    codes = {f"source-{n}": {("drop", "duplicate.exact"): n + 1, ("keep", ""): 5} for n in range(40)}
    why = sections.why_lines(codes, width)
    assert max(map(len, why)) <= width
    assert any("source-39 40" in line for line in why)
    assert " ".join(" ".join(why).split()).count("and 25 more (--json)") == 2
    assert sections.why_lines({}, width) == []


def test_licenses_that_do_not_go_together_count_no_items() -> None:
    """Of the whole set two sources are named; under "items" stands no number of sources."""
    found = [
        Observation("license.combination", "", 2, 2, 2, 4, detail="copyleft: a and b"),
        Observation("quality.empty", "a", 0.5, 0.5, 0.5, 1_000),
    ]
    lines = [line.split() for line in sections.observed_lines(found, 100)]
    assert ["the", "whole", "set", "license.combination", "2", "–", "copyleft:", "a", "and", "b"] in lines
    assert ["a", "quality.empty", "0.5", "1,000"] in lines


def test_licenses_name_their_duties() -> None:
    """Per license how many items, what it asks for, and of which sources."""
    force = (LicenseInForce("CC-BY-4.0", 7, ("a", "b"), ("credit the author",)), LicenseInForce("CC0-1.0", 1, ("c",), ()))
    lines = sections.license_lines(Standing(licenses=force), 100)
    assert [line.split() for line in lines[3:]] == [
        ["CC-BY-4.0", "7", "credit", "the", "author", "a,", "b"],
        ["CC0-1.0", "1", "nothing", "c"],
    ]
    assert sections.license_lines(Standing(), 100) == []


@pytest.mark.parametrize("width", [60, 80, 160])
def test_licenses_fit_the_terminal(width: int) -> None:
    """Where two sentences have no room beside each other they are one, with all that either of them tells."""
    duties = ("credit the author", "pass it on under the same license", "no commercial use", "say what was changed")
    told = sections.license_lines(
        Standing(licenses=(LicenseInForce("CC-BY-NC-SA-4.0", 1_000, ("poems", "letters"), duties),)), width
    )
    assert max(map(len, told)) <= width
    text = " ".join(" ".join(told).split())
    assert all(word in text for duty in (*duties, "poems", "letters") for word in duty.split())


def test_columns_that_have_no_room_are_named() -> None:
    """A narrow terminal loses the least telling columns first, and is told which."""
    rows = [("a" * 20, "b" * 20, "c" * 20, "")]
    header = ("one", "two", "three", "")
    assert fitted(rows, header, 80, spare=("three", "two"))[0].split() == ["one", "two", "three"]
    narrow = fitted(rows, header, 44, spare=("three", "two"))
    assert narrow[0].split() == ["one", "two"]
    assert "three" in narrow[-1]
    assert "--json" in narrow[-1]
    assert len(fitted(rows, header, 5, spare=("three", "two"))) == 3


@given(cells=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=60)), min_size=1, max_size=6), width=st.integers(60, 150))
def test_hung_tables_keep_every_word(cells: list[tuple[str, str]], width: int) -> None:
    """Whatever stands in the cells, each row is there with all the words of its last column."""
    rows = [(" ".join(a.split()), " ".join(b.split())) for a, b in cells]
    shown = " ".join(hung(rows, ("one", "two"), width)).split()
    for _, text in rows:
        assert set(text.split()) <= set(shown)


def test_words_stay_whole_and_counts_stay_with_their_names() -> None:
    """Only plain spaces are broken at; the rest of a list is counted."""
    assert wrapped("aa\N{NO-BREAK SPACE}1, bb\N{NO-BREAK SPACE}2", 8, rest="  ") == ["aa 1,", "  bb 2"]
    assert some(["one", "two", "three"], 8) == "one; +2 more"
    assert some(["one", "two", "three"], 80) == "one; two; three"
    assert some(["longer than the room"], 5) == "longer than the room"


# --- status ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Return a session whose set stands in its second version, with a held item and nothing else in the workspace."""
    (tmp_path / "sources.yaml").write_text("version: 1\ndataset: {name: notes}\nsources: {kit: {kind: local, path: kit}}\n")
    manifest = tmp_path / "data" / "manifest"
    manifest.parent.mkdir()
    _decide(manifest, [_row("a")])
    _decide(manifest, [_row("a"), _row("b")])
    told = {
        "version": "0.2.0",
        "created_at": "2026-11-21T00:00:00Z",
        "sources": {"kit": {"keep": {"": 2}, "hold": {"quality.blurry": 3}}},
        "licenses": {"kit": {"CC-BY-SA-4.0": {"keep": 2}, "NOASSERTION": {"hold": 3}}},
        "not_checked": ["pii: names were not looked for"],
    }
    (manifest / "summary.json").write_text(json.dumps(told))
    return open_session(tmp_path / "sources.yaml")


def test_status_tells_the_set_from_disk_alone(session: Session) -> None:
    """Outcomes with reasons, licenses with duties, the version and what comes next, without a run and without a network."""
    found = status(session)
    text = status_text(found)
    assert "0.2.0" in text
    assert "a minor step from 0.1.0" in text
    assert "share" in text or "same license" in text
    assert "quality.blurry" in text
    assert "NOASSERTION" not in text  # held items' licenses are not in force
    assert next_of_status(found)[0].startswith("Run `acquire fetch`: kit is not here")
    assert any("3 items held for quality.blurry" in step for step in next_of_status(found))
    value = found.value()
    assert json.loads(json.dumps(value))["standing"]["licenses"][0]["license"] == "CC-BY-SA-4.0"


def test_no_fetch_is_advised_that_could_not_help(session: Session) -> None:
    """Files that were taken down and sources that the policy refuses never come: nobody is told to fetch them."""
    session.declared.path.write_text("version: 1\nsources: {kit: {kind: http, url: 'https://example.org/kit.zip'}}\n")
    pin = Pin("d", Release("kit", "http", "r1", (Asset("a.wav"), Asset("b.wav"))), {"a.wav": "a" * 64, "b.wav": "b" * 64})
    write_lock(session.lock_path, Lock({"kit": pin}))
    found = status(open_session(session.declared.path))
    assert "kit is not here" in next_of_status(found)[0]
    append_tombstones(session.workspace.tombstones, [Tombstone("file", digest * 64) for digest in "ab"])
    found = status(open_session(session.declared.path))
    assert (found.sources[0]["files"], found.sources[0]["files_held"]) == (0, 0)
    assert not any("fetch" in step for step in next_of_status(found))
    session.workspace.tombstones.unlink()
    append_tombstones(session.workspace.tombstones, [Tombstone("source", digest_of("source", "kit"), source="kit")])
    session.lock_path.unlink()
    assert not any("fetch" in step for step in next_of_status(status(open_session(session.declared.path))))
    session.workspace.tombstones.unlink()
    summary = json.loads((session.workspace.manifest / "summary.json").read_bytes()) | {
        "refusals": {"kit": {"license-refused": 1}}
    }
    (session.workspace.manifest / "summary.json").write_text(json.dumps(summary))
    assert not any("fetch" in step for step in next_of_status(status(open_session(session.declared.path))))


def test_status_answers_while_and_after_others_work(session: Session) -> None:
    """A run that is at work, one that was killed, and a manifest that a kill took away in mid-swap are all told."""
    with session.workspace.locked("fetch"), Journal(session.workspace.journal) as journal:
        journal.begin_run("acquire fetch", "2026-11-21T00:00:00Z")
        assert status(session).run == "running"
        assert next_of_status(status(session))[0].startswith("Wait")
    killed = status(session)
    assert killed.run == "unfinished"
    assert next_of_status(killed)[0].startswith("Run the last command again")
    manifest = session.workspace.manifest
    manifest.rename(manifest.with_name(".manifest.old-x"))
    found = status(session).standing
    assert found is not None
    assert found.version == "0.2.0"


@pytest.mark.parametrize(("name", "text"), [("summary.json", "{"), ("summary.json", "{}"), ("versions.jsonl", "{")])
def test_a_damaged_manifest_is_said_and_hides_nothing_else(session: Session, name: str, text: str) -> None:
    """Status goes on where the manifest cannot be read, and says so where the version would stand."""
    (session.workspace.manifest / name).write_text(text)
    found = status(session)
    assert found.standing is not None
    assert found.standing.trouble
    assert any("Mend the manifest" in step for step in next_of_status(found))
    assert "workspace:" in status_text(found)


def test_help_breaks_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The exit codes stand on lines of their own, without the mark that keeps them there."""
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "\\b" not in shown
    assert "\b" not in shown
    assert any(line.strip().startswith("Exit codes: 0 done") for line in shown.splitlines())
