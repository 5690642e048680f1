"""The one door: in which order is asked, what is not sent, and what the archive answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from acquisition.crawl.archive import RunArchive
from acquisition.crawl.contract import (
    Answer,
    Ask,
    Failed,
    HostState,
    HostStore,
    PolicyFile,
    PolicyStore,
    Refused,
    Transport,
    Wire,
)
from acquisition.crawl.visit.clocks import HostClocks
from acquisition.crawl.visit.guard import UrlGuard
from acquisition.crawl.visit.permissions import Permissions
from acquisition.crawl.visit.policies import Policies
from acquisition.crawl.visit.visitor import Budget, Fetcher, Visitor, freshened
from acquisition.crawl.visit.watch import Watch
from acquisition.settings import CrawlSettings

HOST = "http://127.0.0.1:8000"
HTML = (("Content-Type", "text/html"), ("ETag", '"1"'))


class Store(HostStore, PolicyStore):
    """Hosts and files about rights, in memory."""

    def __init__(self) -> None:
        self.hosts: dict[str, HostState] = {}
        self.files: dict[tuple[str, str], PolicyFile] = {}

    async def claim(self, host: str, seconds: float) -> tuple[float, HostState]:
        """Give every host to whoever asks, when its moment has come."""
        state = self.hosts.get(host, HostState(host))
        return max(0.0, state.next_ok - time.time()), state

    async def release(self, state: HostState) -> None:
        """Keep the state."""
        self.hosts[state.host] = state

    async def policy(self, origin: str, name: str) -> tuple[PolicyFile | None, PolicyFile | None]:
        """Return what is kept, which is also the last good copy."""
        found = self.files.get((origin, name))
        return found, found

    async def keep_policy(self, file: PolicyFile) -> None:
        """Keep it."""
        self.files[file.origin, file.name] = file


class Wired(Transport):
    """Answers from a table of (status, headers, body) and remembers what was sent."""

    def __init__(self, answers: Mapping[str, tuple[int, Any, bytes]]) -> None:
        self.answers = dict(answers)
        self.sent: list[tuple[str, Mapping[str, str]]] = []

    async def send(self, ask: Ask, *, max_bytes: int) -> Wire:
        """Answer; what is not in the table is not found."""
        path = ask.url.removeprefix(HOST)
        self.sent.append((path, ask.headers))
        status, headers, body = self.answers.get(path, (404, (), b""))
        now = time.time()
        return Wire(status, "", "HTTP/1.1", tuple(headers), body[:max_bytes], "127.0.0.1", (), now, now)

    async def close(self) -> None:
        """Nothing is open."""

    @property
    def paths(self) -> list[str]:
        """What was sent, without the probe for pages that do not exist."""
        return [path for path, _ in self.sent if len(path) != 21]


class Door:
    """A visitor with everything real but transport and store."""

    def __init__(self, folder: Path, answers: Mapping[str, tuple[int, Any, bytes]], **options: Any) -> None:
        self.folder = folder
        self.wire, self.store = Wired(answers), options.pop("store", None) or Store()
        earlier = options.pop("earlier", ())
        replay = options.get("replay", False)
        self.archive = RunArchive(folder, {}, earlier=earlier, replay=earlier[-1] if replay else None)
        settings = CrawlSettings(kind="spider", delay=0.0, latency_factor=0.0)
        clocks = HostClocks(self.store, settings)
        fetcher = Fetcher(
            transport=self.wire, clocks=clocks, archive=self.archive, max_bytes=1_000_000, renew=bool(earlier) and not replay
        )
        permissions = Permissions(fetcher.fetch_robots, self.store, pace=clocks.pace)
        policies = Policies(self.store, fetcher.fetch_policy, permissions.ruling, policy={})
        self.visitor = Visitor(
            fetcher=fetcher,
            archive=self.archive,
            guard=UrlGuard([HOST]),
            permissions=permissions,
            policies=policies,
            kept=Policies(self.store, fetcher.fetch_policy, permissions.ruling, policy={}, offline=True),
            store=self.store,
            watch=Watch(),
            **options,
        )

    def visit(self, path: str, **more: Any) -> Answer:
        """Visit one address of the host."""
        return asyncio.run(self.visitor.visit(Ask(path if "://" in path else HOST + path), **more))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """Yield what makes doors, the archive of each in a folder of its own, and close them in the end."""
    doors: list[Door] = []

    def door(answers: Mapping[str, tuple[int, Any, bytes]], **options: Any) -> Door:
        doors.append(Door(tmp_path / f"run-{len(doors) + 1:04d}", answers, **options))
        return doors[-1]

    yield door
    for one in doors:
        one.archive.close()


def test_rules_come_first(make: Callable[..., Door]) -> None:
    """robots.txt, then the files about rights, then the page; all of them are archived, and the page carries what they said."""
    rules = b"User-agent: *\nDisallow: /private\n"
    door = make({"/robots.txt": (200, (), rules), "/ai.txt": (200, (), b"User-agent: *"), "/a": (200, HTML, b"page")})
    answer = door.visit("/a")
    assert door.wire.paths[0] == "/robots.txt"
    assert door.wire.paths[-1] == "/a"
    assert "/.well-known/tdmrep.json" in door.wire.paths[1:-1]
    assert (answer.robots_txt, door.archive.pages) == (rules, 1)
    assert answer.decision["robots"]["verdict"] == "allow"
    assert b"User-agent: *" in answer.well_known.values()


def test_what_is_forbidden_is_not_sent(make: Callable[..., Door]) -> None:
    """A rule keeps the page and all the rest of the site's files from being asked for; an address keeps everything."""
    door = make({"/robots.txt": (200, (), b"User-agent: *\nDisallow: /private\n")})
    for url, reason in (("/private/x", "robots"), ("http://10.0.0.1/", "address"), ("file:///etc/hostname", "scheme")):
        with pytest.raises(Refused) as refused:
            door.visit(url)
        assert refused.value.reason == reason
    assert door.wire.paths == ["/robots.txt"]


def test_a_closed_robots_txt_closes_the_host(make: Callable[..., Door]) -> None:
    """A 5xx is no permission."""
    door = make({"/robots.txt": (500, (), b"")})
    with pytest.raises(Refused) as refused:
        door.visit("/a")
    assert refused.value.reason == "robots-unreachable"
    assert door.wire.paths == ["/robots.txt"]


def test_what_is_archived_is_not_asked_for_again(make: Callable[..., Door]) -> None:
    """A second visit in a run is answered from the archive, with what robots.txt said."""
    door = make({"/robots.txt": (200, (), b"User-agent: *\n"), "/a": (200, HTML, b"page")})
    first = door.visit("/a")
    sent = len(door.wire.sent)
    second = door.visit("/a")
    assert (second.replayed, second.wire.body, second.place) == (True, b"page", first.place)
    assert (second.robots_txt, second.decision["robots"]) == (b"User-agent: *\n", first.decision["robots"])
    assert len(door.wire.sent) == sent


def test_the_archive_answers_with_the_robots_txt_of_the_origin(make: Callable[..., Door]) -> None:
    """However the address spells its origin, an answer from the archive is read beside the same robots.txt as the first one."""
    txt = b"User-agent: *\nContent-Usage: train-ai=n\nAllow: /\n"
    door = make({"/robots.txt": (200, (), txt), "http://127.0.0.1:08000/a": (200, HTML, b"<p>page</p>")})
    first, again = door.visit("http://127.0.0.1:08000/a"), door.visit("http://127.0.0.1:08000/a")
    assert (first.replayed, again.replayed) == (False, True)
    assert first.robots_txt == again.robots_txt == txt


def test_a_replay_sends_nothing(make: Callable[..., Door]) -> None:
    """An earlier run answers what it has, and the rest is refused by name."""
    before = make({"/a": (200, HTML, b"page")})
    before.visit("/a")
    before.archive.close()
    door = make({}, earlier=[before.folder], replay=True, store=before.store)
    assert door.visit("/a").wire.body == b"page"
    with pytest.raises(Refused) as refused:
        door.visit("/b")
    assert (refused.value.reason, door.wire.sent) == ("not-archived", [])


def test_a_replay_says_what_robots_txt_had_refused(make: Callable[..., Door]) -> None:
    """What was never asked for because of robots.txt is refused by its rule again, not as something that got lost."""
    rules = (200, (("Content-Type", "text/plain"),), b"User-agent: *\nDisallow: /private/\n")
    before = make({"/robots.txt": rules, "/a": (200, HTML, b"page")})
    before.visit("/a")
    before.archive.close()
    door = make({}, earlier=[before.folder], replay=True, store=before.store)
    with pytest.raises(Refused) as refused:
        door.visit("/private/b")
    assert (refused.value.reason, door.wire.sent) == ("robots", [])
    assert refused.value.detail.endswith("/robots.txt: Disallow: /private/")


def test_a_304_is_the_page_that_it_confirms(make: Callable[..., Door]) -> None:
    """What an earlier run has archived is asked for on condition; a 304 gives back its body, status and headers."""
    before = make({"/a": (200, HTML, b"page")})
    before.visit("/a")
    before.archive.close()
    door = make({"/a": (304, (("X-New", "1"),), b"")}, earlier=[before.folder])
    answer = door.visit("/a")
    assert dict(door.wire.sent)["/a"] == {"If-None-Match": '"1"'}
    assert (answer.wire.status, answer.wire.body, answer.unchanged) == (200, b"page", True)
    assert dict(answer.wire.headers) == {"X-New": "1", **dict(HTML)}


def test_the_budget_of_the_run(make: Callable[..., Door]) -> None:
    """No more pages than the run may ask for; files about rights do not count."""
    door = make({f"/{name}": (200, HTML, name.encode()) for name in "abc"}, budget=Budget(pages=2))
    door.visit("/a")
    door.visit("/b")
    with pytest.raises(Refused) as refused:
        door.visit("/c")
    assert refused.value.reason == "page-limit"
    assert door.visitor.spent(f"{HOST}/c") is not None
    assert door.visitor.spent(f"{HOST}/a") is None
    assert "/c" not in door.wire.paths


def test_who_asks_for_another_try_is_given_it(make: Callable[..., Door]) -> None:
    """500 is a failure that may pass for as long as tries are left; the last answer is given as it is."""
    door = make({"/a": (500, (), b"sorry")})
    with pytest.raises(Failed) as failed:
        door.visit("/a")
    assert failed.value.reason == "http-500"
    assert failed.value.again is not None
    assert door.visit("/a", tries=9).wire.status == 500


def test_headers_are_freshened() -> None:
    """A 304 replaces what it repeats, and does not speak of the body (RFC 9111 section 3.2)."""
    stored = (("ETag", "a"), ("Content-Encoding", "gzip"), ("Content-Type", "text/html"))
    assert freshened((("etag", "b"), ("Content-Length", "0")), stored) == (("etag", "b"), *stored[1:])


def test_what_was_taken_down_is_not_asked_for(make: Callable[..., Door]) -> None:
    """The address is refused with its ticket before robots.txt is asked; every other address is visited."""
    door = make(
        {"/robots.txt": (404, {}, b""), "/a": (200, {}, b"a"), "/b": (200, {}, b"b")},
        taken_down=lambda url: "ticket T-1" if url.endswith("/a") else "",
    )
    with pytest.raises(Refused) as refused:
        door.visit("/a")
    assert (refused.value.reason, refused.value.detail) == ("taken-down", "ticket T-1")
    assert door.wire.paths == []
    assert door.visit("/b").wire.body == b"b"
