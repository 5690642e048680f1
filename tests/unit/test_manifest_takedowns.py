"""The notice of takedowns: it is carried along, and never made anew with other facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.columns import LEDGER_SCHEMA
from acquisition.manifest.gone import TakenDown, tombstone_rows
from acquisition.manifest.names import TAKEDOWNS as LIST
from acquisition.manifest.takedowns import as_published, read_takedowns, write_takedowns
from acquisition.tombstones import Tombstone

NOW = "2026-11-21T00:00:00Z"
ITEM = "a" * 32
STONE = Tombstone("content", "d" * 64, item=ITEM, source="kit", ticket="T-1", at=NOW, by="ann", reason="asked")


def before(tmp_path: Path, **facts: Any) -> Path:
    """Return a manifest of version 1.0.0 in which the item stands, unless `facts` say otherwise."""
    row = tombstone_rows([TakenDown(ITEM, "kit", "", content_sha256="d" * 64)]).to_pylist()[0]
    found = tmp_path / "before"
    found.mkdir()
    table = pa.Table.from_pylist([row | {"path": "train/a.txt", "outcome": "keep", **facts}], LEDGER_SCHEMA)
    pq.write_table(table, found / "items.parquet")
    (found / "summary.json").write_text(json.dumps({"version": "1.0.0"}))
    return found


def written(tmp_path: Path, manifest: Path) -> dict[str, Any]:
    """Return the one entry of the notice that follows a manifest."""
    target = tmp_path / "after"
    target.mkdir()
    write_takedowns(target, manifest, [STONE], "2.0.0")
    entry: dict[str, Any] = json.loads((target / LIST).read_text())
    return entry


@pytest.mark.parametrize(
    ("line", "told"),
    [(b"{", "unexpected end"), (b"{}", "missing"), (b"[1]", "mapping"), (b'{"id":1}', "missing"), (b"\xff", "UTF-8")],
)
def test_a_damaged_list_is_told_with_its_line(tmp_path: Path, line: bytes, told: str) -> None:
    """A line that is no entry stops the writing; the list is not made anew from what is left."""
    first = tmp_path / "first"
    first.mkdir()
    write_takedowns(first, tmp_path / "none", [STONE], "1.0.0")
    good = (first / LIST).read_bytes()
    (first / LIST).write_bytes(good + line + b"\n")
    with pytest.raises(WorkspaceDamaged) as caught:
        written(tmp_path, first)
    assert caught.value.where == f"{first / LIST}:2"
    assert not (tmp_path / "after" / LIST).exists()


def test_numbers_are_no_facts(tmp_path: Path) -> None:
    """An entry of other types than texts is damaged too."""
    written(tmp_path, before(tmp_path))
    entry = json.loads((tmp_path / "after" / LIST).read_text()) | {"version": 2}
    (tmp_path / "after" / LIST).write_text(json.dumps(entry) + "\n")
    with pytest.raises(WorkspaceDamaged, match="version should be text"):
        read_takedowns(tmp_path / "after")


def test_no_list_is_no_takedown(tmp_path: Path) -> None:
    """A manifest without one tells of none."""
    assert read_takedowns(tmp_path) == ()


@pytest.mark.parametrize(
    ("facts", "path", "content", "last"),
    [
        ({}, "train/a.txt", "d" * 64, "1.0.0"),
        ({"content_sha256": "", "stored_sha256": "e" * 64}, "train/a.txt", "e" * 64, "1.0.0"),
        ({"content_sha256": ""}, "train/a.txt", "", "1.0.0"),
        ({"path": "", "outcome": "drop", "takedown": "T-1"}, "", "d" * 64, ""),
    ],
)
def test_where_it_stood(tmp_path: Path, facts: dict[str, Any], path: str, content: str, last: str) -> None:
    """Path, digest and last version are those of the manifest before; a row that only says that it left is no place."""
    entry = written(tmp_path, before(tmp_path, **facts))
    assert (entry["path"], entry["content_sha256"], entry["last_version"]) == (path, content, last)


def test_a_redacted_text_that_leaves_has_no_digest(tmp_path: Path) -> None:
    """Neither the first manifest without it nor a later one tells the digest that only tombstones have."""
    gone = [TakenDown(ITEM, "kit", "T-1", content_sha256="d" * 64)]
    assert as_published(tmp_path, gone) == tuple(gone)
    manifest = before(tmp_path, content_sha256="")
    written(tmp_path, manifest)
    for one in (manifest, tmp_path / "after"):
        assert [found.content_sha256 for found in as_published(one, gone)] == [""]
