"""Starts, kills and judges the crawlers of frontier_worker.py; the same for SQLite and PostgreSQL."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acquisition.crawl.frontier.look import Look

ROOT = Path(__file__).parents[2]
SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where crawlers of one run meet, and the file that they write."""

    location: Path | str
    log: Path

    def start(self, owner: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a crawler."""
        command = [sys.executable, "-m", "tests.flow.frontier_worker", str(self.location), "r", owner, str(self.log), *options]
        return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)

    def lines(self) -> list[list[Any]]:
        """Return what the crawlers have written so far; a line that is still being written is left for the next look."""
        written = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in written.splitlines(keepends=True) if line.endswith("\n")]

    def wait_for(self, what: str, number: int) -> None:
        """Wait until that many lines of a kind are there."""
        deadline = time.monotonic() + SECONDS
        while sum(line[0] == what for line in self.lines()) < number:
            assert time.monotonic() < deadline, f"fewer than {number} lines say {what}"
            time.sleep(0.02)


def finish(*crawlers: subprocess.Popen[bytes]) -> None:
    """Wait for crawlers that have to end well."""
    for crawler in crawlers:
        _, errors = crawler.communicate(timeout=SECONDS)
        assert crawler.returncode == 0, errors.decode()[-2_000:]


def kill_twice(stage: Stage, pages: int) -> None:
    """Crawl a tree, killed in mid-work twice: at the end every page is done, and what was durably done was not done again."""
    for reached in (pages // 5, pages // 2):
        crawler = stage.start("me", f"--pages={pages}")
        stage.wait_for("ended", reached)
        crawler.kill()
        crawler.communicate()
    finish(stage.start("me", f"--pages={pages}"))
    with Look(stage.location) as look:
        assert [(count.state, count.number) for count in look.counts("r")] == [("done", pages)]
        assert len({row.url for row in look.ended("r")}) == pages
        hosts = list(look.hosts("r"))
    assert all(row.owner == "" and row.pending == 0 for row in hosts)
    lines = stage.lines()
    taken = Counter(line[1] for line in lines if line[0] == "lease")
    assert len(taken) == pages
    assert sum(taken.values()) <= pages + 2 * 8  # only what was under way at a kill was taken twice
    durable: set[str] = set()
    for what, url, *_ in lines:
        if what == "ended":
            durable.add(url)
        elif what == "lease":
            assert url not in durable


def closest(stage: Stage) -> tuple[float, int]:
    """Return the smallest gap between the end of one visit of a host and the beginning of the next, and the visits."""
    visits: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for what, host, *moments in stage.lines():
        if what == "ask":
            visits[host].append((moments[0], moments[1]))
    gaps = [after[0] - before[1] for each in visits.values() for before, after in itertools.pairwise(sorted(each))]
    return min(gaps), sum(map(len, visits.values()))
