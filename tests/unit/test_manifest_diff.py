"""Two manifests compared: every kind of change, per source, and the step of the version that fits."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.cli import main
from acquisition.errors import UsageError, WorkspaceDamaged
from acquisition.manifest import changelog, diff
from acquisition.manifest.columns import LEDGER_SCHEMA


def _row(locator: str, **facts: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in LEDGER_SCHEMA:
        nothing: Any = [] if pa.types.is_list(field.type) else None if field.nullable else _nothing(field.type)
        row[field.name] = nothing
    base = {"source": "kit", "locator": locator, "id": facts.get("revision", "") + locator}
    base |= {"content_sha256": hashlib.sha256(locator.encode()).hexdigest()}
    base |= {"outcome": "keep", "path": f"data/{locator}", "concluded_spdx": "MIT", "split": "train", "class": "kick"}
    return row | base | facts


def _nothing(kind: pa.DataType) -> Any:
    return "" if pa.types.is_string(kind) else False if pa.types.is_boolean(kind) else 0


def _manifest(folder: Path, rows: Sequence[Mapping[str, Any]], version: str = "1.0.0") -> Path:
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=LEDGER_SCHEMA), folder / "items.parquet")
    (folder / "summary.json").write_text(json.dumps({"version": version}))
    return folder


EVIDENCE = {"field": "license", "raw": "MIT", "url": "https://example.org", "sha256": "", "at": "earlier"}
FLAG = {"filter": "quality", "version": 1, "score": 1.0, "field": "", "start": -1, "end": -1, "detail": ""}
FLAGGED = {"flags": [FLAG | {"code": "quality.blurry"}]}
DROPPED = {"outcome": "drop", "path": "", "code": "license.denied", "split": ""}


@pytest.mark.parametrize(
    ("before", "after", "kinds", "step"),
    [
        ({}, {}, set(), ""),
        ({}, {"content_sha256": "b" * 64}, {"changed"}, "major"),
        ({}, {"concluded_spdx": "CC-BY-4.0"}, {"relicensed"}, "patch"),
        ({}, {"changes": ["an address was replaced"]}, {"changed"}, "major"),
        ({}, DROPPED | FLAGGED, {"lost", "flagged"}, "major"),
        (DROPPED, {}, {"kept"}, "minor"),
        (DROPPED, DROPPED | {"outcome": "hold"}, {"judged"}, "patch"),
        ({}, {"code": "quality.blurry", "outcome": "redact"}, {"judged"}, "patch"),
        ({}, FLAGGED, {"flagged"}, "patch"),
        (FLAGGED, {}, {"recorded"}, "patch"),
        ({}, {"split": "test"}, {"moved"}, "major"),
        ({}, {"revision": "2"}, {"recorded"}, "patch"),
        ({}, {"authors": ["Ann"]}, {"recorded"}, "patch"),
        ({}, {"etag": "2", "evidence": [EVIDENCE | {"at": "later"}]}, {"recorded"}, "patch"),
        ({"evidence": [EVIDENCE]}, {"etag": "2", "evidence": [EVIDENCE | {"at": "later"}]}, set(), ""),
    ],
)
def test_each_kind_of_change_is_told(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any], kinds: set[str], step: str
) -> None:
    """One item changes in one way; a new release alone changes nothing."""
    old = _manifest(tmp_path / "old", [_row("a", **before), _row("z")])
    new = _manifest(tmp_path / "new", [_row("a", **after), _row("z")], "1.1.0")
    found = diff(old, new)
    assert {change.kind for change in found.changes} == kinds
    assert found.step == step
    assert all(change.items == 1 and change.examples[0][0] == "a" for change in found.changes)


def test_what_was_taken_down_is_told_once(tmp_path: Path) -> None:
    """Taken-down items are neither removed nor lost; what went for another reason in the same step still is."""
    old = _manifest(tmp_path / "old", [*(_row(f"{n}") for n in range(10)), _row("x", **DROPPED), _row("y"), _row("z")])
    gone = [_row("", id=name, takedown="T-1", **DROPPED) for name in (*map(str, range(10)), "x")]
    new = _manifest(tmp_path / "new", [_row("z"), *gone], "2.0.0")
    found = diff(old, new)
    assert {one.kind: (one.items, one.examples[0]) for one in found.changes} == {
        "removed": (1, ("y", "keep", "")),
        "taken-down": (11, ("0", "", "T-1")),
        "lost": (1, ("y", "keep", "")),
    }
    assert (found.step, found.kept_old, found.kept_new) == ("major", 12, 1)
    assert "11 taken-down (never to return)" in changelog(found)
    assert {one.kind for one in diff(new, new).changes} == set()


def test_sources_are_counted_apart(tmp_path: Path) -> None:
    """What came and went is told per source, also of a source that is new or gone."""
    old = _manifest(tmp_path / "old", [_row(f"{n}", source="gone") for n in range(7)])
    new = _manifest(tmp_path / "new", [_row(f"{n}", source="come") for n in range(3)], "2.0.0")
    found = diff(old, new)
    told = [(one.source, one.kind, one.items) for one in found.changes]
    assert told == [("come", "added", 3), ("come", "kept", 3), ("gone", "removed", 7), ("gone", "lost", 7)]
    assert len(found.changes[2].examples) == 5
    section = changelog(found)
    assert "## 2.0.0" in section
    assert "### come" in section
    assert "major" in section


def test_all_of_them_are_named_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json names every item with what it was and is; a screen names five. A ledger may lie alone or in a project's folder."""
    many = range(2_000)
    old = _manifest(tmp_path / "old", [_row(f"{n:04}", concluded_spdx="MIT") for n in many])
    _manifest(
        tmp_path / "project" / "data" / "manifest", [_row(f"{n:04}", concluded_spdx="CC0-1.0") for n in reversed(many)], "2.0.0"
    )
    shutil.copy(old / "items.parquet", tmp_path / "alone.parquet")
    for where, version in ((old / "items.parquet", "1.0.0"), (tmp_path / "alone.parquet", "alone.parquet")):
        with pytest.raises(SystemExit):
            main(["diff", str(where), str(tmp_path / "project"), "--json"])
        told = json.loads(capsys.readouterr().out)
        assert (told["old"], told["new"]) == (version, "2.0.0")
    relicensed = next(one for one in told["changes"] if one["kind"] == "relicensed")
    assert sorted(relicensed["examples"]) == [[f"{n:04}", "MIT", "CC0-1.0"] for n in many]
    assert len(set(relicensed["ids"])) == len(many)
    with pytest.raises(SystemExit):
        main(["diff", str(old), str(tmp_path / "project")])
    assert len(capsys.readouterr().out.splitlines()) < 20


def test_what_is_no_manifest_is_named(tmp_path: Path) -> None:
    """An empty folder, a broken summary and a ledger of another schema are told apart; nothing is guessed."""
    good = _manifest(tmp_path / "good", [_row("a")])
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="no manifest"):
        diff(good, tmp_path / "none")
    broken = _manifest(tmp_path / "broken", [_row("a")])
    (broken / "summary.json").write_text("{")
    with pytest.raises(WorkspaceDamaged):
        diff(good, broken)
    other = _manifest(tmp_path / "other", [_row("a")])
    pq.write_table(pa.table({"source": ["a"], "locator": ["b"]}), other / "items.parquet")
    with pytest.raises((UsageError, WorkspaceDamaged)):
        diff(good, other)
    (other / "items.parquet").write_bytes(b"PAR1")
    with pytest.raises(WorkspaceDamaged):
        diff(other, good)


def test_the_command_takes_workspaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A workspace is named by its folder; --json prints one document."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _manifest(tmp_path / name / "manifest", [_row("a"), *([_row("b")] if name == "two" else [])])
    with pytest.raises(SystemExit) as ended:
        main(["diff", str(tmp_path / "one"), str(tmp_path / "two"), "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["step"], told["kept_new"]) == ("minor", 2)
    with pytest.raises(SystemExit):
        main(["diff", str(tmp_path / "one"), str(tmp_path / "two")])
    assert "added" in capsys.readouterr().out
