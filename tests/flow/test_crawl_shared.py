"""Two crawling processes, each with a workspace of its own, on one PostgreSQL frontier: one crawl, one clock per host."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.flow.linked_pages import LinkedPages, serving_pages
from tests.flow.postgres import Cluster, cluster
from tests.flow.test_crawl_kill import begun, declared, records

pytestmark = pytest.mark.flow

HOSTS = tuple(f"127.0.0.{number}" for number in range(1, 11))
PAGES = 12
DELAY = 0.3
TICK = 0.002
"""What two readings of the machine's clock may differ by."""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """Yield a PostgreSQL of our own."""
    with cluster() as running:
        yield running


def test_two_processes_share_one_crawl(server: Cluster, tmp_path: Path) -> None:
    """Ten hosts: every page once, both took part, and no host was asked sooner than its delay after its last answer."""
    folders = [tmp_path / "a", tmp_path / "b"]
    with serving_pages(LinkedPages(PAGES, HOSTS, latency=0.02)) as site:
        settings = declared(site, delay=DELAY, concurrency=1, frontier=server.fresh())
        commands = []
        for folder in folders:
            folder.mkdir()
            commands.append(begun(folder, settings))
        assert [command.wait(120) for command in commands] == [0, 0]
    shares = [Counter(record["final_url"] for record in records(folder / "run")) for folder in folders]
    together = shares[0] + shares[1]
    assert set(together) == {site.url(host, f"/p{index}") for host in HOSTS for index in range(PAGES)}
    assert set(together.values()) == {1}
    assert min(map(len, shares)) > 0
    assert set(site.asked().values()) == {1}
    assert too_soon(site) == []
    for folder in folders:
        outcome = json.loads((folder / "run" / "run.json").read_bytes())
        assert (outcome["finished"], outcome["failed"], outcome["refused"]) == (True, {}, {})


def too_soon(site: LinkedPages) -> list[tuple[str, float]]:
    """Return where a request came sooner than the delay after the end of the answer before, by the server's own log."""
    hosts: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for host, _, arrived, ended in site.log:
        hosts[host].append((arrived, ended))
    assert set(hosts) == set(site.hosts)
    return [
        (host, later[0] - earlier[1])
        for host, visits in hosts.items()
        for earlier, later in pairwise(sorted(visits))
        if later[0] - earlier[1] < DELAY - TICK
    ]
