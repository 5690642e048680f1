"""What people see while a command works on the set as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acquisition import bundle
from acquisition.cli import progress
from acquisition.pipeline import open_session, verify, verify_bundle
from acquisition.protocols import Reporter
from tests.unit.test_bundle import inputs, made


class Heard(Reporter):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.told: dict[str, list[dict[str, Any]]] = {}

    def event(self, name: str, /, **fields: Any) -> None:
        """Take one event."""
        self.told.setdefault(f"{name} {fields.get('what', '')}".strip(), []).append(fields)


def test_verifying_tells_how_far_it_is(tmp_path: Path) -> None:
    """Set and bundle tell their files and bytes so far; of a tar it is known how much is to come."""
    world = made(tmp_path)
    bundle.write(inputs(world), tmp_path / "out.tar", as_tar=True)
    (tmp_path / "sources.yaml").write_text("version: 1\nsources: {kit: {kind: local, path: kit}}\n")
    heard = Heard()
    verified = verify(open_session(tmp_path / "sources.yaml", reporter=heard))
    last = heard.told["work-progress set and manifest"][-1]
    assert (last["files"], last["bytes"]) == (verified.files, verified.bytes)
    checked = verify_bundle(tmp_path / "out.tar", reporter=heard)
    told = heard.told["work-progress out.tar"]
    assert told[-1]["bytes"] == checked.bytes < told[-1]["of_bytes"] == (tmp_path / "out.tar").stat().st_size
    assert [one["bytes"] for one in told] == sorted(one["bytes"] for one in told)


def test_long_work_says_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no terminal is, a line comes every five seconds, with what is left where that is known; nothing of every file."""
    clock = iter(number * 0.5 for number in range(1_000))
    monkeypatch.setattr("acquisition.cli.progress.time.monotonic", lambda: next(clock))
    listener = progress.Plain()
    for number in range(30):
        listener.event("work-progress", what="bundle", files=number, bytes=number * 1_000, of_files=100, of_bytes=100_000)
        listener.event("curate-progress", done=number, total=50)
    lines = capsys.readouterr().err.splitlines()
    assert 4 <= len(lines) <= 24
    assert lines[0].startswith("bundle: ")
    assert " of 100 files" in lines[0]
    assert lines[0].endswith("left)")
    assert any(line.startswith("curated set: ") and line.endswith(" of 50 items") for line in lines)
