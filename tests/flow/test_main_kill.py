"""Whatever moment a run is killed at, running the same command again ends in what an undisturbed run makes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from acquisition.pipeline import verify
from tests.flow.running import Place, acquire, demo_place, ended, start, timeless

pytestmark = pytest.mark.flow
REFUSED = 5
"""The demo's exit code: everything is done, and one source is refused on its license."""


@dataclass(frozen=True)
class Undisturbed:
    """The demo world with one run that nobody disturbed: what it made, and how long it took."""

    place: Place
    curated: dict[str, Any]
    manifest: dict[str, Any]
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    """One world for all runs, so that addresses stay the same; pii, seconds to prepare in each of thirty runs, is left out."""
    with demo_place(tmp_path_factory.mktemp("kill")) as place:
        place.declare({**place.declaration, "filters": {**place.declaration["filters"], "pii": False}})
        began = time.monotonic()
        ran = place.acquire("fetch", "--json")
        seconds = time.monotonic() - began
        assert ran.code == REFUSED, ran.err
        yield Undisturbed(place, timeless(place.workspace / "curated"), timeless(place.workspace / "manifest"), seconds)


@pytest.fixture
def fresh(undisturbed: Undisturbed, tmp_path: Path) -> Place:
    """The same declaration in another directory, with nothing fetched yet."""
    shutil.copy(undisturbed.place.directory / "sources.yaml", tmp_path)
    for name in ("packs", "album", "letters", "survey", "benchmark"):
        shutil.copytree(undisturbed.place.directory / name, tmp_path / name)
        for path in (undisturbed.place.directory / name).rglob("*"):
            if path.is_file():
                status = path.stat()
                os.utime(tmp_path / name / path.relative_to(undisturbed.place.directory / name), ns=(0, status.st_mtime_ns))
    return replace(undisturbed.place, directory=tmp_path)


def _same(undisturbed: Undisturbed, place: Place) -> None:
    """Fail with the first file that differs from the undisturbed run's."""
    for name, expected in (("curated", undisturbed.curated), ("manifest", undisturbed.manifest)):
        found = timeless(place.workspace / name)
        assert found.keys() == expected.keys()
        different = [path for path in expected if found[path] != expected[path]]
        assert different == [], [(path, _first(expected[path], found[path])) for path in different]
    assert verify(place.session()).findings == ()


def _first(expected: Any, found: Any) -> Any:
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return next((_first(one, other) for one, other in zip(expected, found, strict=True) if one != other), None)
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: (expected.get(key), found.get(key)) for key in expected if expected.get(key) != found.get(key)}
    return expected, found


def _killed_after(child: subprocess.Popen[str], seconds: float) -> bool:
    """Kill the run's whole process group after some seconds; say whether it was still running."""
    try:
        child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return True
    return False


def test_ten_kills_in_a_row_change_nothing(undisturbed: Undisturbed, fresh: Place) -> None:
    """Ten times kill -9 at seeded moments on one workspace, then a plain run: the same set and the same manifest."""
    moments = random.Random(20_261_121)
    killed = 0
    for _ in range(10):
        child = start(fresh.directory, "fetch", "--quiet", environment=fresh.environment)
        killed += _killed_after(child, moments.uniform(0.3, 0.4 * undisturbed.seconds))
    assert killed >= 5
    ran = fresh.acquire("fetch", "--json")
    assert ran.code == REFUSED, ran.err
    _same(undisturbed, fresh)


@pytest.mark.parametrize("part", [0.4, 0.65, 0.85])
def test_a_kill_on_a_fresh_workspace_changes_nothing(part: float, undisturbed: Undisturbed, fresh: Place) -> None:
    """One kill -9 in each stretch of the run, then a plain run: the same set and the same manifest."""
    child = start(fresh.directory, "fetch", "--quiet", environment=fresh.environment)
    _killed_after(child, part * undisturbed.seconds)
    ran = fresh.acquire("fetch", "--json")
    assert ran.code == REFUSED, ran.err
    _same(undisturbed, fresh)


def test_ctrl_c_stops_cleanly_and_the_next_run_completes(undisturbed: Undisturbed, fresh: Place) -> None:
    """One SIGINT ends the run with 130 and a document, the lock is free, and the next run ends in the same set."""
    child = start(fresh.directory, "fetch", "--json", environment=fresh.environment)
    time.sleep(0.4 * undisturbed.seconds)
    child.send_signal(signal.SIGINT)
    ran = ended(child, 60)
    assert ran.code == 130, ran.err
    assert (ran.value["kind"], ran.value["error"]["code"]) == ("error", "interrupted")
    assert "Traceback" not in ran.err
    again = acquire(fresh.directory, "fetch", "--json", environment=fresh.environment)
    assert again.code == REFUSED, again.err
    _same(undisturbed, fresh)


def test_a_second_run_says_who_holds_the_workspace(undisturbed: Undisturbed, fresh: Place) -> None:
    """While one run goes on, another on the same workspace ends at once with 3 and names the first one's process."""
    first = start(fresh.directory, "fetch", "--quiet", environment=fresh.environment)
    owner = fresh.workspace / ".lock-owner.json"
    deadline = time.monotonic() + 30
    while not owner.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    second = fresh.acquire("fetch", "--json")
    assert second.code == 3
    error = second.value["error"]
    assert error["code"] == "workspace-locked"
    assert str(first.pid) in error["message"]
    assert ended(first).code == REFUSED
    assert not owner.exists()
