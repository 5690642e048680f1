"""What the command line says beside results: the nearest command, where a plan lies, and records as lines for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.cli import cli, present
from acquisition.cli.run import run


def test_the_nearest_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the finger is answered with what was meant, also as JSON; what is near to nothing is only refused."""
    assert run(cli, ["fech"]) == 2
    assert "Did you mean 'fetch'?" in capsys.readouterr().err
    assert run(cli, ["fech", "--json"]) == 2
    assert "Did you mean 'fetch'?" in capsys.readouterr().out
    assert run(cli, ["zzz"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize(("out", "named"), [("plan.json", "plan.json"), ("plans/next", "plans/next"), ("next", "./next")])
def test_a_plan_says_where_it_was_written(
    out: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line names the file, and the command that keeps to it in a spelling that works."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plans").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("some words")
    (tmp_path / "sources.yaml").write_text(
        "version: 1\ndataset: {name: set}\nsources: {notes: {kind: local, path: notes, license: {declared: CC0-1.0}}}\n"
    )
    assert run(cli, ["plan", "--out", out]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"written: {out}; `acquire fetch {named}` keeps to it"
    assert (tmp_path / out).is_file()
    assert run(cli, ["fetch", named, "--until", "fetch", "--quiet"]) == 0


def test_evidence_is_told_as_lines() -> None:
    """Lists of words are joined, records stand on a line of their own, and a text of many lines stays on one."""
    evidence = [{"field": "LICENSE", "raw": "MIT\nLicense", "url": "", "sha256": "ab", "at": "2026-01-01"}]
    text = present.entry_text({"id": "ab12", "outcome": "keep", "evidence": evidence, "duties": ["attribution", "notice"]})
    assert text.splitlines()[1:] == [
        "  evidence: 1",
        "    field=LICENSE raw=MIT License sha256=ab at=2026-01-01",
        "  duties: attribution; notice",
        "  flags: 0",
    ]
