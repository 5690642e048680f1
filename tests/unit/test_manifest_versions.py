"""The version of a set: which step fits, what the history keeps, and what it never keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest import Decided, decide, read_versions, stepped, write_versions
from acquisition.manifest.columns import LEDGER_SCHEMA
from acquisition.manifest.versions import number
from tests.unit.test_manifest_diff import DROPPED, FLAGGED, _manifest, _row

AT = "2026-11-21T10:00:00Z"


def _decide(folder: Path, rows: Sequence[Mapping[str, Any]], declared: str = "0.1.0", **how: Any) -> Decided:
    """Write a ledger beside the manifest in `folder`, decide its version, and let it take the manifest's place."""
    ledger = folder.parent / "items.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=LEDGER_SCHEMA), ledger)
    decided = decide(folder, ledger, declared, at=AT, papers=how.pop("papers", {}), **how)
    folder.mkdir(exist_ok=True)
    ledger.replace(folder / "items.parquet")
    (folder / "summary.json").write_text(json.dumps({"version": decided.version}))
    write_versions(folder, decided)
    return decided


@pytest.mark.parametrize(
    ("before", "after", "version"),
    [
        ([_row("a")], [_row("a")], "0.1.0"),
        ([_row("a")], [_row("a"), _row("b")], "0.2.0"),
        ([_row("a")], [_row("a"), _row("b", **DROPPED)], "0.1.1"),
        ([_row("a")], [_row("a", authors=["Ann"])], "0.1.1"),
        ([_row("a")], [_row("a", **FLAGGED)], "0.1.1"),
        ([_row("a")], [_row("a", content_sha256="b" * 64)], "1.0.0"),
        ([_row("a")], [_row("a", split="test")], "1.0.0"),
        ([_row("a"), _row("b")], [_row("a")], "1.0.0"),
        ([_row("a"), _row("b")], [_row("a"), _row("b", **DROPPED)], "1.0.0"),
        ([_row("a"), _row("b", **DROPPED)], [_row("a"), _row("", id="b", takedown="T-1", **DROPPED)], "1.0.0"),
    ],
)
def test_the_step_fits_what_changed(
    tmp_path: Path, before: list[dict[str, Any]], after: list[dict[str, Any]], version: str
) -> None:
    """Nothing is the same version, an item more a minor one, an item less, edited or moved a major one, the rest a patch."""
    folder = tmp_path / "manifest"
    assert _decide(folder, before).version == "0.1.0"
    assert _decide(folder, after).version == version
    history = read_versions(folder)
    assert [one.version for one in history] == ["0.1.0", *([version] if version != "0.1.0" else [])]
    assert _decide(folder, after).version == version
    assert read_versions(folder) == history


def test_a_takedown_is_the_reason_once(tmp_path: Path) -> None:
    """The version's reason counts a taken-down item as that alone, with its ticket."""
    _decide(tmp_path / "manifest", [_row("a"), _row("b")])
    gone = [_row("", id="b", takedown="T-1", **DROPPED)]
    assert _decide(tmp_path / "manifest", [_row("a"), *gone]).new.why == "1 taken-down; takedown T-1"


def test_a_higher_declared_version_wins_and_a_lower_one_is_said(tmp_path: Path) -> None:
    """The declaration starts a history and may go ahead of it, never back."""
    folder = tmp_path / "manifest"
    assert _decide(folder, [_row("a")], "1.2.3").version == "1.2.3"
    ahead = _decide(folder, [_row("a")], "2.0.0")
    assert (ahead.version, ahead.new.step, ahead.note) == ("2.0.0", "declared", "")
    back = _decide(folder, [_row("a")], "1.2.3")
    assert back.version == "2.0.0"
    assert "1.2.3" in back.note
    assert _decide(folder, [_row("a"), _row("b")], "1.2.3").version == "2.1.0"
    chosen = _decide(folder, [_row("a")], "2.5.0")
    assert (chosen.version, chosen.new.step) == ("2.5.0", "major")
    assert "3.0.0" in chosen.note


def test_papers_that_change_are_a_patch(tmp_path: Path) -> None:
    """A description that is rewritten changes no item, and is a new version all the same."""
    folder = tmp_path / "manifest"
    _decide(folder, [_row("a")], papers={"the description": "drums"})
    assert _decide(folder, [_row("a")], papers={"the description": "drums"}).version == "0.1.0"
    decided = _decide(folder, [_row("a")], papers={"the description": "drums, close"})
    assert (decided.version, decided.new.step) == ("0.1.1", "patch")
    assert "the description" in decided.new.why


def test_the_history_names_items_by_their_ids_alone(tmp_path: Path) -> None:
    """What may be taken down later must not stand in a history: no locator, no class, no file's name."""
    folder = tmp_path / "manifest"
    _decide(folder, [_row("ann@example.org.txt", id="1" * 32, **{"class": "Ann Example"})])
    _decide(folder, [_row("ann@example.org.txt", id="1" * 32, **{"class": "Bea Example"})])
    _decide(folder, [_row("", id="1" * 32, takedown="T-7", **DROPPED)])
    for name in ("versions.jsonl", "CHANGELOG.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert not any(word in text for word in ("ann@", "Ann Example", "Bea Example", ".txt"))
        assert "1" * 12 in text
        assert "T-7" in text
    assert [one.step for one in read_versions(folder)] == ["first", "major", "major"]


def test_a_manifest_of_before_begins_a_history(tmp_path: Path) -> None:
    """A set whose manifest had no history goes on from the version that its summary names."""
    folder = _manifest(tmp_path / "manifest", [_row("a")], "3.1.4")
    assert _decide(folder, [_row("a")]).version == "3.1.4"
    assert _decide(folder, [_row("a"), _row("b")]).version == "3.2.0"
    assert [one.version for one in read_versions(folder)] == ["3.1.4", "3.2.0"]


@pytest.mark.parametrize("line", ["{", "[]", '{"version": "1"}', '{"version": "x.y.z"}'])
def test_a_damaged_history_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    """A truncated or edited history is never made anew."""
    folder = tmp_path / "manifest"
    _decide(folder, [_row("a")])
    with (folder / "versions.jsonl").open("a") as stream:
        stream.write(line)
    with pytest.raises(WorkspaceDamaged) as raised:
        _decide(folder, [_row("a")])
    assert raised.value.where.endswith("versions.jsonl:2")


def test_a_history_that_goes_back_was_edited(tmp_path: Path) -> None:
    """Versions only rise, and each follows the one before it."""
    folder = tmp_path / "manifest"
    _decide(folder, [_row("a")])
    _decide(folder, [_row("a"), _row("b")])
    lines = (folder / "versions.jsonl").read_text().splitlines()
    (folder / "versions.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    with pytest.raises(WorkspaceDamaged) as raised:
        read_versions(folder)
    assert raised.value.where.endswith("versions.jsonl:2")


@pytest.mark.parametrize("text", ["1", "1.2", "1.2.3.4", "1.2.x", "1..2", "-1.2.3", "1.2.3 ", "１.2.3"])
def test_what_is_no_version_is_refused(text: str) -> None:
    """Only MAJOR.MINOR.PATCH is a version."""
    with pytest.raises(ValueError, match="MAJOR"):
        number(text)
    assert stepped("1.2.3", "major") == "2.0.0"
