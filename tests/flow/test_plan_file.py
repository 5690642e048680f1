"""A plan as a file: what was planned is fetched, or nothing is, and every difference is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.flow.running import acquire

pytestmark = pytest.mark.flow

DECLARATION = """\
version: 1
dataset: {name: set, use: {training: true}}
sources:
  notes:
    kind: local
    path: notes
    license: {declared: CC0-1.0}
  attic:
    kind: local
    path: attic
    license: {declared: CC-BY-NC-4.0}
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return a directory with a declaration of two folders and the plan of it."""
    for name in ("notes", "attic"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.txt").write_text(f"A note from {name}, long enough to be one.\n", encoding="utf-8")
    (tmp_path / "sources.yaml").write_text(DECLARATION, encoding="utf-8")
    assert acquire(tmp_path, "plan", "--out", "plan.json").code == 0
    return tmp_path


def test_a_plan_that_still_holds_is_carried_out(here: Path) -> None:
    """Nothing moved since: the set is built; a second time the plan holds as well, although bytes are here now."""
    told = json.loads((here / "plan.json").read_text())
    assert (told["schema_version"], sorted(told["sources"])) == (1, ["attic", "notes"])
    for _ in range(2):
        done = acquire(here, "fetch", "plan.json", "--json", "--quiet")
        assert (done.code, done.value["outcomes"]) == (0, {"keep": 2})


@pytest.mark.parametrize("moved", ["file", "declaration", "license"])
def test_a_world_that_moved_is_refused_by_name(here: Path, moved: str) -> None:
    """A changed folder, declaration or license ends with 5 before anything is staged, and says what differs."""
    if moved == "file":
        (here / "notes" / "two.txt").write_text("Another one.\n", encoding="utf-8")
    else:
        old, new = ("training: true", "training: false") if moved == "declaration" else ("CC0-1.0", "CC-BY-4.0")
        (here / "sources.yaml").write_text(DECLARATION.replace(old, new), encoding="utf-8")
    done = acquire(here, "fetch", "plan.json", "--json", "--quiet")
    assert (done.code, done.value["error"]["code"]) == (5, "plan-changed")
    assert ("notes: files" if moved == "file" else "the declaration") in done.value["error"]["message"]
    assert not (here / "data" / "curated").exists()


def test_what_is_no_plan_is_said(here: Path) -> None:
    """A file that is missing, damaged, of another kind or of a later version is a usage error with its path."""
    told = json.loads((here / "plan.json").read_text())
    for content in (None, "{", "[]", json.dumps({**told, "schema_version": 99})):
        path = here / "other.json"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
        done = acquire(here, "fetch", "other.json", "--json", "--quiet")
        assert (done.code, done.value["error"]["code"]) == (2, "usage")
