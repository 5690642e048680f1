"""Staging a declaration's sources: a worker that dies is an error that the next run mends; what is not declared goes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acquisition.pipeline import Summary, fetch, open_session, staging
from acquisition.protocols import Binary, Found, ReadContext
from acquisition.read import read_asset

DECLARATION = """
version: 1
dataset: {name: small}
sources:
  mine: {kind: local, path: mine, items: {as: files}, license: {declared: CC0-1.0}}
"""


def deadly(binary: Binary, context: ReadContext) -> Iterator[Found]:
    """Kill the worker at one file, as the kernel does when memory runs out."""
    if binary.name.endswith("b.txt") and multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from read_asset(binary, context)


@pytest.fixture
def declaration(tmp_path: Path) -> Path:
    """A declaration with one folder of three texts."""
    (tmp_path / "mine").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "mine" / f"{name}.txt").write_text(f"some words of the text {name}, long enough to be kept")
    path = tmp_path / "sources.yaml"
    path.write_text(DECLARATION)
    return path


def staged(declaration: Path) -> Summary:
    """Run up to staging."""
    return fetch(open_session(declaration, workers=2), until="stage")


def test_a_worker_that_dies_is_an_error_and_is_tried_again(declaration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files whose worker died are named, the run is partial, and the next run stages them."""

    def one_each(held: Any) -> Iterator[tuple[Any, ...]]:
        yield from ((file,) for file in sorted(held, key=lambda file: file.path))

    monkeypatch.setattr(staging, "parts_of", one_each)
    monkeypatch.setattr("acquisition.engine.local.SMALL", 0)
    monkeypatch.setattr(staging, "read_asset", deadly)
    first = staged(declaration)
    assert first.exit_code == 3
    assert first.sources[0].rejections == {"worker-died": 1}
    assert first.sources[0].items == 2
    monkeypatch.setattr(staging, "read_asset", read_asset)
    second = staged(declaration)
    assert second.exit_code == 0
    assert second.sources[0].items == 3
    assert second.sources[0].rejections == {}


def test_sources_no_longer_declared_leave_staging(declaration: Path) -> None:
    """What was staged for a source that is renamed or removed is not kept."""
    staged(declaration)
    declaration.write_text(DECLARATION.replace("mine: {", "ours: {"))
    staged(declaration)
    assert [path.name for path in (declaration.parent / "data" / "staging").iterdir()] == ["ours"]
