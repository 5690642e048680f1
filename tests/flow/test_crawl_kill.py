"""A crawl of 3,000 pages that is killed twice ends with every page, each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from acquisition import crawl
from acquisition.protocols import Silent, Source
from acquisition.settings import ContactSettings
from acquisition.sources.spider import SpiderSettings
from tests.flow.linked_pages import LinkedPages, serving_pages

pytestmark = pytest.mark.flow

PAGES = 3_000
UNDER_WAY = 4
"""Requests that may be under way when the crawl is killed; each of them may be asked for once more."""
CONTACT = ContactSettings(name="Lab", url="https://example.org/bot", email="data@example.org")
SPIDER = """
import scrapy

class Linked(scrapy.Spider):
    name = "linked"

    def parse(self, response):
        yield {"text": response.css("p::text").get(), "title": response.css("h1::text").get()}
        yield from response.follow_all(css="a")
"""
COMMAND = """
import json, os, sys, threading
from pathlib import Path
from acquisition import crawl
from acquisition.protocols import Silent, Source
from acquisition.settings import ContactSettings
from acquisition.sources.spider import SpiderSettings

folder, given = Path(sys.argv[1]), json.loads(sys.argv[2])
settings = SpiderSettings.model_validate_json(json.dumps(given))
contact = ContactSettings(name="Lab", url="https://example.org/bot", email="data@example.org")
crawl.run(Source("web", settings), directory=folder / "run", contact=contact, environment=os.environ, base=folder,
          reporter=Silent(), stop=threading.Event(), resume=True)
"""


def declared(site: LinkedPages, **options: Any) -> dict[str, Any]:
    """Return the declaration of a crawl of the site, without delays on our own machine."""
    return {
        "kind": "spider",
        "spider": "linked.py",
        "start": [site.url()],
        "delay": 0,
        "latency_factor": 0,
        "concurrency": UNDER_WAY,
    } | options


def begun(folder: Path, settings: dict[str, Any], spider: str = SPIDER) -> subprocess.Popen[bytes]:
    """Start the command in a process of its own, which has the crawler as its child."""
    (folder / "linked.py").write_text(spider)
    return subprocess.Popen([sys.executable, "-c", COMMAND, str(folder), json.dumps(settings)])


def crawler_of(command: subprocess.Popen[bytes]) -> int:
    """Return the process that crawls: the command's only child."""
    (child,) = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
    return int(child)


def wait_for(site: LinkedPages, pages: int) -> None:
    """Wait until so many different pages were asked for."""
    deadline = time.monotonic() + 90
    while len(site.asked()) < pages and time.monotonic() < deadline:
        time.sleep(0.01)


def test_killed_twice_every_page_once(tmp_path: Path) -> None:
    """Kill -9 of the crawler, then of the command: the same command ends with each of 3,000 pages exactly once."""
    with serving_pages(LinkedPages(PAGES)) as site:
        settings = declared(site)
        first = begun(tmp_path, settings)
        wait_for(site, 400)
        os.kill(crawler_of(first), signal.SIGKILL)
        assert first.wait() != 0
        second = begun(tmp_path, settings)
        wait_for(site, 1_700)
        second.kill()
        second.wait()
        source = Source("web", SpiderSettings.model_validate_json(json.dumps(settings)))
        done = crawl.run(
            source,
            directory=tmp_path / "run",
            contact=CONTACT,
            environment=os.environ,
            base=tmp_path,
            reporter=Silent(),
            stop=threading.Event(),
            resume=True,
        )
    urls = Counter(record["final_url"] for record in records(tmp_path / "run"))
    assert (done.finished, done.items, done.failed, done.refused) == (True, PAGES, {}, {})
    assert len(urls) == PAGES
    assert set(urls.values()) == {1}
    asked = site.asked()
    assert len(asked) == PAGES
    assert sum(asked.values()) - PAGES <= 2 * UNDER_WAY


def test_what_was_only_in_memory_is_found_again(tmp_path: Path) -> None:
    """Requests with callbacks that cannot be written down die with the crawler; their pages are gone through once more."""
    spider = SPIDER.replace('css="a"', 'css="a", callback=lambda page: self.parse(page)')
    with serving_pages(LinkedPages(200, latency=0.01)) as site:
        settings = declared(site)
        first = begun(tmp_path, settings, spider)
        wait_for(site, 60)
        os.kill(crawler_of(first), signal.SIGKILL)
        first.wait()
        assert begun(tmp_path, settings, spider).wait(120) == 0
    urls = Counter(record["final_url"] for record in records(tmp_path / "run"))
    assert len(urls) == 200
    assert set(urls.values()) == {1}
    assert sum(site.asked().values()) - 200 <= UNDER_WAY


def test_what_a_power_cut_took_from_the_archive_is_asked_for_again(tmp_path: Path) -> None:
    """The frontier may outlive the end of the archive that it speaks of: those pages are visited once more, the others not."""
    with serving_pages(LinkedPages(300, latency=0.01)) as site:
        settings = declared(site)
        first = begun(tmp_path, settings)
        wait_for(site, 150)
        os.kill(crawler_of(first), signal.SIGKILL)
        first.wait()
        (archive,) = (tmp_path / "run").glob("crawl-00000.warc.gz*")
        os.truncate(archive, archive.stat().st_size * 2 // 3)
        assert begun(tmp_path, settings).wait(120) == 0
    urls = Counter(record["final_url"] for record in records(tmp_path / "run"))
    assert len(urls) == 300
    assert set(urls.values()) == {1}
    again = sum(site.asked().values()) - 300
    assert 20 < again < 120


def records(run: Path) -> list[dict[str, Any]]:
    """Return the items of a run."""
    return [json.loads(line) for path in sorted(run.glob("*.items.jsonl")) for line in path.read_bytes().splitlines()]
