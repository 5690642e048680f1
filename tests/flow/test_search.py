"""`kind: search` from sources.yaml to the manifest: results are visited under their hosts' rules, and asked for once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from acquisition.pipeline import Summary, fetch, open_session
from tests.flow.running import BLOCKS, plain_environment
from tests.flow.two_hosts import Host, serving
from tests.search_servers import SearchServer

pytestmark = pytest.mark.flow


@dataclass
class Found:
    """A search engine of one's own and two hosts that it knows."""

    engine: SearchServer
    owls: Host
    larks: Host
    folder: Path

    def fetch(self, **declared: Any) -> Summary:
        """Run the whole job for one search."""
        source = {"kind": "search", "engine": "searxng", "base_url": self.engine.base_url, "queries": ["birds"], "delay": 0}
        value = {**BLOCKS, "sources": {"found": source | declared}}
        (self.folder / "sources.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
        return fetch(open_session(self.folder / "sources.yaml", environment=plain_environment()))

    def items(self) -> list[dict[str, Any]]:
        """Return the manifest's entries."""
        found: list[dict[str, Any]] = pq.read_table(self.folder / "data" / "manifest" / "items.parquet").to_pylist()
        return found

    def lines(self) -> list[dict[str, Any]]:
        """Return what the crawl wrote of its items."""
        paths = sorted((self.folder / "data" / "crawl" / "found").rglob("*.items.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Found]:
    """An engine that finds two pages, one of which is closed to robots."""
    owls, larks = Host(), Host()
    with serving(owls, "127.0.0.2"), serving(larks, "127.0.0.3"):
        owls.page("/owl?id=1", '<a href="/more">more</a>', "Owls")
        owls.page("/more", "", "More")
        larks.page("/closed", "", "Larks")
        larks.routes["/robots.txt"] = ("text/plain", b"User-agent: *\nDisallow: /closed\n")
        results = [f"{owls.url}/owl?id=1&utm_source=x", f"{larks.url}/closed", f"{owls.url}/owl?id=1", "ftp://127.0.0.2/x"]
        owls.routes["/owl?id=1&utm_source=x"] = owls.routes["/owl?id=1"]
        with SearchServer({"birds": results}) as engine:
            yield Found(engine, owls, larks, tmp_path)


def test_results_are_visited_under_their_own_rules(found: Found) -> None:
    """Each page once, robots.txt obeyed, the reason kept; links of a result are not followed unless it is declared."""
    found.fetch(own_hosts=["127.0.0.2"])
    assert [path for path in found.owls.visits() if path.startswith(("/owl", "/more"))] == ["/owl?id=1&utm_source=x"]
    assert "/closed" not in found.larks.asked
    (line,) = found.lines()
    assert line["reason"] == "search: searxng 'birds' rank 1"
    (item,) = found.items()
    assert item["title"] == "Owls"


def test_a_finished_search_is_not_asked_again(found: Found) -> None:
    """The same declaration again asks neither the engine nor the sites."""
    found.fetch(own_hosts=["127.0.0.2"])
    asked = len(found.engine.asked)
    visited = len(found.owls.asked)
    found.fetch(own_hosts=["127.0.0.2"])
    assert (len(found.engine.asked), len(found.owls.asked)) == (asked, visited)


def test_links_of_results_are_followed_where_it_is_declared(found: Found) -> None:
    """With `follow`, a result's own site is gone through, and no other."""
    found.fetch(own_hosts=["127.0.0.2"], follow=True, limits={"depth": 1})
    assert "/more" in found.owls.asked


def test_the_engine_s_loopback_address_opens_no_other(found: Found) -> None:
    """A search engine on this machine does not let its results lead into this machine."""
    found.fetch(ports=[int(host.url.rpartition(":")[2]) for host in (found.owls, found.larks)])
    assert found.owls.asked == []
    assert found.larks.asked == []
    assert {path for path, _ in found.engine.asked} == {"/search"}
    (run,) = (found.folder / "data" / "crawl" / "found").rglob("run.json")
    assert json.loads(run.read_text())["refused"] == {"address": 2}
