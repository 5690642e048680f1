"""A plan as a file: what was planned is fetched, or nothing is, and every difference is named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acquisition.cli import main

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


Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def acquire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a way to run a command in the test's folder: its exit code and the JSON document that it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--json"])
        code = ended.value.code
        return (code if isinstance(code, int) else 0), json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def here(tmp_path: Path, acquire: Command) -> Path:
    """Return a directory with a declaration of two folders and the plan of it."""
    for name in ("notes", "attic"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.txt").write_text(f"A note from {name}, long enough to be one.\n", encoding="utf-8")
    (tmp_path / "sources.yaml").write_text(DECLARATION, encoding="utf-8")
    assert acquire("plan", "--out", "plan.json")[0] == 0
    return tmp_path


def edit_in_place(path: Path) -> None:
    """Write as many other bytes, at another time."""
    path.write_text(path.read_text(encoding="utf-8").replace("A note", "A vote"), encoding="utf-8")
    os.utime(path, (0, 0))


def test_a_plan_that_still_holds_is_carried_out(here: Path, acquire: Command) -> None:
    """Nothing moved since: the set is built; a second time the plan holds as well, although bytes are here now."""
    told = json.loads((here / "plan.json").read_text())
    assert (told["schema_version"], sorted(told["sources"])) == (3, ["attic", "notes"])
    for _ in range(2):
        code, value = acquire("fetch", "plan.json", "--quiet")
        assert code == 0, value
        assert value["outcomes"] == {"keep": 2}


@pytest.mark.parametrize("moved", ["file", "edit", "declaration", "license"])
def test_a_world_that_moved_is_refused_by_name(here: Path, acquire: Command, moved: str) -> None:
    """A changed folder, declaration or license ends with 5 before anything is staged, and says what differs."""
    if moved == "file":
        (here / "notes" / "two.txt").write_text("Another one.\n", encoding="utf-8")
    elif moved == "edit":
        edit_in_place(here / "notes" / "one.txt")
    else:
        old, new = ("training: true", "training: false") if moved == "declaration" else ("CC0-1.0", "CC-BY-4.0")
        (here / "sources.yaml").write_text(DECLARATION.replace(old, new), encoding="utf-8")
    code, value = acquire("fetch", "plan.json", "--quiet")
    assert (code, value["error"]["code"]) == (5, "plan-changed")
    said = {"file": "notes: files differ: + two.txt", "edit": "notes: files differ: ~ one.txt (written to since)"}
    assert said.get(moved, "the declaration") in value["error"]["message"]
    assert not (here / "data" / "curated").exists()


def test_a_plan_of_some_sources_promises_nothing_of_the_others(here: Path, acquire: Command) -> None:
    """What was not asked for may come in between; what was asked for may not change."""
    (here / "sources.lock").unlink()
    assert acquire("plan", "notes", "--out", "some.json")[0] == 0
    assert acquire("fetch", "attic", "--quiet", "--until", "fetch")[0] == 0
    assert acquire("fetch", "some.json", "--quiet", "--until", "fetch")[0] == 0
    edit_in_place(here / "notes" / "one.txt")
    assert acquire("fetch", "some.json", "--quiet", "--until", "fetch")[1]["error"]["code"] == "plan-changed"


def test_an_edit_in_place_is_not_what_the_lock_holds(here: Path, acquire: Command) -> None:
    """A file of one's own with as many other bytes: the check finds it, and --locked does not take it for the pinned one."""
    assert acquire("fetch", "--quiet", "--until", "fetch")[0] == 0
    assert acquire("lock", "--check")[1]["findings"] == []
    assert acquire("fetch", "--quiet", "--locked", "--until", "fetch")[0] == 0
    edit_in_place(here / "notes" / "one.txt")
    code, value = acquire("lock", "--check", "--offline")
    assert (code, [(one["code"], one["source"]) for one in value["findings"]]) == (1, [("lock.digest-drift", "notes")])
    code, value = acquire("fetch", "--quiet", "--locked", "--until", "fetch")
    told = {source["name"]: [error["code"] for error in source["errors"]] for source in value["sources"]}
    assert (code != 0, told) == (True, {"notes": ["digest-mismatch"], "attic": []})


def test_what_is_no_plan_is_said(here: Path, acquire: Command) -> None:
    """A file that is missing, damaged, of another kind or of a later version is a usage error with its path."""
    told = json.loads((here / "plan.json").read_text())
    for content in (None, "{", "[]", json.dumps({**told, "schema_version": 99})):
        path = here / "other.json"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
        code, value = acquire("fetch", "other.json", "--quiet")
        assert (code, value["error"]["code"]) == (2, "usage")
