"""sources.lock, cut, edited or of another version: named with line and field, never made anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from acquisition.errors import LockDamaged
from acquisition.lock import VERSION, HostFile, Lock, Pin, TextDigest, lock_schema, place_of, read_lock, write_lock
from acquisition.lock.positions import repeated_key
from acquisition.model import Asset, Digest, Evidence, LicenseClaim, Release, Terms

SHA = "a" * 64
CLAIM = LicenseClaim(("cc-by-4.0",), "kaggle", evidence=(Evidence("licenses[].name", "cc-by-4.0", "https://x", SHA, "t"),))
RELEASE = Release(
    source="birds",
    kind="kaggle",
    revision="7",
    assets=(Asset("a.csv", size=3, digests=(Digest("sha256", SHA),)), Asset("b.csv", size=None)),
    license=CLAIM,
    terms=Terms("https://x/terms", "be kind", SHA, accepted=True, accepted_at="2026-01-01T00:00:00Z", accepted_by="A <a@b.c>"),
    items=12,
    resolved_at="2026-01-01T00:00:00Z",
)
PIN = Pin(
    "0123456789abcdef",
    RELEASE,
    {"a.csv": SHA},
    own=LicenseClaim(("MIT",), "user", "user", evidence=(Evidence("license.declared", "MIT", "", SHA, ""),)),
    texts=(TextDigest("LICENSE", SHA),),
    hosts=(HostFile("https://x", "robots.txt", 200, SHA, signals=("robots: fetch=deny train=none",), at="t"),),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lock of two sources."""
    target = tmp_path / "sources.lock"
    write_lock(target, Lock({"birds": PIN, "owls": replace(PIN, release=replace(RELEASE, source="owls"))}))
    return target


def caught(path: Path) -> LockDamaged:
    """Read a lock that must be refused, and must not be touched."""
    before = path.read_bytes()
    with pytest.raises(LockDamaged) as error:
        read_lock(path)
    assert path.read_bytes() == before
    assert error.value.code == "lock"
    return error.value


def line_of(path: Path, text: str, nth: int = 0) -> int:
    """Return the number of the nth line that holds a text."""
    return [number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line][nth]


def test_everything_that_a_pin_knows_comes_back(path: Path) -> None:
    """Own word, texts, hosts, terms with who and when, and the count of items survive the file, which fits its own schema."""
    found = read_lock(path)
    assert found.pins["birds"].own == PIN.own
    assert found.pins["birds"].texts == PIN.texts
    assert found.pins["birds"].hosts == PIN.hosts
    assert found.pins["birds"].release.terms == RELEASE.terms
    assert found.pins["birds"].release.items == 12
    assert found.read_as == VERSION
    Draft202012Validator.check_schema(lock_schema())
    Draft202012Validator(lock_schema()).validate(json.loads(path.read_text()))


def test_a_cut_lock_says_where_it_ends(path: Path) -> None:
    """Whatever the length that is left, the last line is named, and the file is left alone."""
    whole = path.read_text()
    for share in (0.2, 0.5, 0.9):
        path.write_text(whole[: int(len(whole) * share)])
        error = caught(path)
        assert error.problems[0].line == path.read_text().count("\n") + 1
    path.write_text("")
    assert caught(path).problems[0].line == 1


@pytest.mark.parametrize(
    ("old", "new", "field", "line"),
    [
        ('"revision": "7"', '"revision": "8"', "revision", '"revision"'),
        ('"size": 3', '"size": 4', "files.0", "{"),
        ('"cc-by-4.0"', '"cc0-1.0"', "license", '"license"'),
        (f'"sha256": "{SHA}"', f'"sha256": "{"b" * 64}"', "files.0", "{"),
        ('"accepted": true', '"accepted": false', "terms", '"terms"'),
    ],
)
def test_an_edit_by_hand_is_noticed_by_its_seal(path: Path, old: str, new: str, field: str, line: str) -> None:
    """An edit that keeps the form is named by the field that it stands in, with its line."""
    path.write_text(path.read_text().replace(old, new, 1))
    error = caught(path)
    assert [problem.message.split(":")[0] for problem in error.problems] == [f"sources.birds.{field}"]
    found = error.problems[0]
    assert path.read_text().splitlines()[found.line - 1][found.column - 1 :].startswith(line)


def test_a_part_that_was_taken_out_is_noticed(path: Path) -> None:
    """A file that is deleted by hand, or a fact, names its list or its entry."""
    value = json.loads(path.read_text())
    value["sources"]["birds"]["files"].pop()
    del value["sources"]["owls"]["texts"]
    path.write_text(json.dumps(value, indent=1, sort_keys=True))
    fields = [problem.message.split(":")[0] for problem in caught(path).problems]
    assert fields == ["sources.birds.files", "sources.owls"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"size": 3', '"size": "three"', "size"),
        ('"size": 3', '"size": -1', "size"),
        (
            f'"sha256": "{SHA}"\n     }},\n     "path": "a.csv"',
            '"sha256": "abc"\n     },\n     "path": "a.csv"',
            "64 hexadecimal",
        ),
        ('"path": "a.csv"', '"path": "../a.csv"', "leads out"),
        ('"kind": "kaggle"', '"kind": ""', "kind"),
        ('"kind": "kaggle"', '"kind": "kaggle", "colour": "red"', "colour"),
        ('"level": "dataset"', '"level": "guess"', "level"),
        ('"path": "b.csv"', '"path": "a.csv"', "listed 2 times"),
    ],
)
def test_what_cannot_be_is_named_with_its_line(path: Path, old: str, new: str, said: str) -> None:
    """A wrong type, a short digest, a path that leads out, an unknown key: the line of that very field."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    place = text.count("\n", 0, text.index(old)) + 1
    error = caught(path)
    named = [problem for problem in error.problems if said in problem.message]
    assert named
    assert abs(named[0].line - place) <= 3
    assert named[0].where.startswith(f"{path}:")


def test_a_key_that_stands_twice_is_named(path: Path) -> None:
    """JSON would take the last one in silence."""
    path.write_text(path.read_text().replace('"birds": {', '"birds": {}, "birds": {', 1))
    error = caught(path)
    assert "second time" in error.message
    assert error.problems[0].line == line_of(path, '"birds"')


def test_marks_of_a_merge_are_named_for_what_they_are(path: Path) -> None:
    """A conflict that was committed says how to solve it."""
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "<<<<<<< HEAD", *lines[3:]]))
    error = caught(path)
    assert error.problems[0].line == 4
    assert "merge" in error.hint


@pytest.mark.parametrize(
    "text", ["[]", "{}", "null", '{"version": 2}', '{"version": 2, "sources": []}', "\ufeff{}", "[" * 100_000]
)
def test_what_is_no_lock_is_said(tmp_path: Path, text: str) -> None:
    """Other JSON, a byte order mark or a nest of brackets is an error with a place."""
    path = tmp_path / "sources.lock"
    path.write_text(text, encoding="utf-8")
    assert caught(path).problems[0].line == 1


def test_a_newer_lock_is_refused_by_name_and_an_older_one_is_migrated(path: Path) -> None:
    """Version 3 names both versions; version 1, which had no seals, is read as such and written as today's."""
    value: dict[str, Any] = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "version": 3}, indent=1, sort_keys=True))
    error = caught(path)
    assert (error.problems[0].code, error.problems[0].line) == ("lock-version", line_of(path, '"version"'))
    assert "version 3" in error.message
    for entry in value["sources"].values():
        for key in ("seal", "own", "texts", "hosts", "items"):
            entry.pop(key)
    path.write_text(json.dumps({**value, "version": 1}, indent=1, sort_keys=True))
    found = read_lock(path)
    assert found.read_as == 1
    assert found.pins["birds"].release.revision == "7"
    write_lock(path, found)
    assert json.loads(path.read_text())["version"] == VERSION
    assert read_lock(path).pins == found.pins


def test_an_entry_without_its_seal_is_incomplete(path: Path) -> None:
    """A seal cannot be taken out by hand either."""
    value = json.loads(path.read_text())
    del value["sources"]["birds"]["seal"]
    path.write_text(json.dumps(value, indent=1, sort_keys=True))
    assert "`seal` is missing" in caught(path).message


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_edit_passes_and_none_crashes(path: Path, data: st.DataObject) -> None:
    """Any one character changed: read as it was, or refused with a line of the file; never another lock."""
    whole = getattr(test_no_edit_passes_and_none_crashes, "whole", None) or path.read_text()
    test_no_edit_passes_and_none_crashes.whole = whole  # type: ignore[attr-defined]  # the fixture is shared by all examples
    at = data.draw(st.integers(0, len(whole) - 1))
    letter = data.draw(st.characters(codec="utf-8"))
    other = path.with_name("other.lock")
    other.write_text(whole[:at] + letter + whole[at + 1 :], encoding="utf-8")
    try:
        found = read_lock(other)
    except LockDamaged as error:
        lines = [problem.line for problem in error.problems]
    else:
        lines = [1] if found.pins["birds"] == PIN and found.pins.keys() == {"birds", "owls"} else []
    assert lines
    assert all(1 <= line <= whole.count("\n") + 2 for line in lines)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    )
)
def test_places_lead_to_the_value(value: Any) -> None:
    """Every path of a document leads to the line and column where its value (or key) stands."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    assert repeated_key(text) is None

    def walk(found: Any, steps: tuple[str | int, ...]) -> None:
        place = place_of(text, steps)
        rest = text.split("\n")[place.line - 1][place.column - 1 :]
        wanted = json.dumps(steps[-1], ensure_ascii=False) if steps and isinstance(steps[-1], str) else json.dumps(found)[:1]
        assert rest.startswith(wanted) or (
            not isinstance(found, dict | list) and rest[:1] == json.dumps(found, ensure_ascii=False)[:1]
        )
        entries = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
        for key, inner in entries:
            walk(inner, (*steps, key))

    if "\u2028" not in text and "\r" not in text:
        walk(value, ())
