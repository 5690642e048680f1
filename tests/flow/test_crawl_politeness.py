"""robots.txt, clocks, transport and frontier together, against servers on loopback that keep a log of their own."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from acquisition.crawl.contract import Ask, Failed, Refused, Ruling, Wire
from acquisition.crawl.frontier import FrontierDesk, begin_run, open_desk
from acquisition.crawl.robots import MAX_BYTES
from acquisition.crawl.visit.clocks import HostClocks
from acquisition.crawl.visit.decoding import decoded
from acquisition.crawl.visit.guard import UrlGuard
from acquisition.crawl.visit.permissions import Permissions
from acquisition.crawl.visit.transport import Caps, CurlTransport
from acquisition.settings import CrawlSettings

pytestmark = pytest.mark.flow

RULES = b"User-agent: *\nDisallow: /private\n"
Handler = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server on one loopback address that answers as a test says, and writes down when requests begin and end."""

    def __init__(self) -> None:
        self.log: list[tuple[str, float, float]] = []
        self.handler: Handler = say(200, RULES)
        self.site = ""

    @asynccontextmanager
    async def running(self, address: str = "127.0.0.1") -> AsyncIterator[Server]:
        """Serve for the block."""
        server = await asyncio.start_server(self._serve, address, 0)
        self.site = f"http://{address}:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            begun = time.monotonic()
            path = head.split(b" ")[1].decode()
            await self.handler(path, writer)
            self.log.append((path, begun, time.monotonic()))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def gaps(self) -> list[float]:
        """Return the seconds between the end of each request and the beginning of the next."""
        return [later[1] - earlier[2] for earlier, later in zip(self.log, self.log[1:], strict=False)]


def say(status: int, body: bytes = b"", *, after: float = 0.0, length: int | None = None, **headers: str) -> Handler:
    """Return a handler that gives one answer to everything; `length` lies about the body."""

    async def handle(_: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
        writer.write("\r\n".join([f"HTTP/1.1 {status} x", *lines, "", ""]).encode() + body)
        await writer.drain()

    return handle


async def reset(_: str, writer: asyncio.StreamWriter) -> None:
    """Hang up."""
    writer.transport.abort()


async def endless(_: str, writer: asyncio.StreamWriter) -> None:
    """Send rules, and then comments for as long as anybody listens (ten megabytes at most)."""
    writer.write(b"HTTP/1.1 200 x\r\nConnection: close\r\n\r\n" + RULES)
    for _number in range(100):
        writer.write(b"#" * 99_999 + b"\n")
        await writer.drain()


class Crawl:
    """The parts of a crawl that decide and wait, over a real transport and a real frontier."""

    def __init__(self, desk: FrontierDesk, sites: list[str], run: str, **settings: Any) -> None:
        declared = CrawlSettings.model_validate({"kind": "spider", "delay": 0.0, "latency_factor": 0.0, **settings})
        guard = UrlGuard([*sites, "http://127.0.0.1/"])
        caps = Caps(total=1.0, connect=1.0)
        self.transport = CurlTransport(user_agent="acquisition/0", email="a@example.org", guard=guard, caps=caps)
        self.clocks = HostClocks(desk, declared, run=run, clock=desk.now)
        self.permissions = Permissions(self.fetch, desk, pace=self.clocks.pace)

    async def fetch(self, ask: Ask) -> tuple[Wire, bytes]:
        """Ask in the host's turn."""
        async with self.clocks.turn(ask.url):
            wire = await self.transport.send(ask, max_bytes=5_000_000)
            self.clocks.settle(ask.url, wire, kind=ask.kind)
        return wire, decoded(wire, ask.cut_at or 5_000_000, url=ask.url, cut=ask.cut_at is not None)

    async def page(self, url: str) -> int:
        """Visit a page as the rules allow; return its status."""
        assert (await self.permissions.ruling(url)).allowed
        return (await self.fetch(Ask(url)))[0].status


def run(tmp_path: Path, work: Callable[[Callable[..., Crawl], Server, Server], Coroutine[Any, Any, None]]) -> None:
    """Run a test with two servers and any number of crawls over one frontier."""

    async def all_of_it() -> None:
        name = begin_run(tmp_path / "frontier.sqlite", "ab" * 16, source="s")
        desks: list[FrontierDesk] = []
        crawls: list[Crawl] = []
        async with Server().running() as one, Server().running("127.0.0.2") as two:

            def crawl(**settings: Any) -> Crawl:
                desks.append(open_desk(tmp_path / "frontier.sqlite", name, owner=f"o{len(desks)}"))
                crawls.append(Crawl(desks[-1], [one.site, two.site], name, **settings))
                return crawls[-1]

            try:
                await asyncio.wait_for(work(crawl, one, two), 30)
            finally:
                for made, desk in zip(crawls, desks, strict=True):
                    await made.permissions.close()
                    await made.transport.close()
                    await made.clocks.close()
                    await desk.close()

    asyncio.run(all_of_it())


CUT = RULES + b"#" * MAX_BYTES + b"\nDisallow: /open\n"


@pytest.mark.parametrize(
    ("handler", "open_is_allowed", "private_is_allowed"),
    [
        (say(200, RULES), True, False),
        (say(200, gzip.compress(RULES), Content_Encoding="gzip"), True, False),
        (say(200, b"\xef\xbb\xbf" + RULES, Content_Type="text/html"), True, False),
        (say(200, CUT), True, False),
        (say(200, gzip.compress(CUT), Content_Encoding="gzip"), True, False),
        (endless, True, False),
        (say(200, b"<html>nothing here</html>"), True, True),
        (say(204), True, True),
        (say(404, RULES), True, True),
        (say(401, RULES), True, True),
        (say(403, RULES), True, True),
        (say(410), True, True),
        (say(429), False, False),
        (say(500, RULES), False, False),
        (say(503), False, False),
        (say(200, RULES, length=10_000), False, False),
        (say(200, b"\x1f\x8b broken", Content_Encoding="gzip"), False, False),
        (say(200, RULES, Content_Encoding="br"), False, False),
        (say(200, RULES, after=1.5), False, False),
        (reset, False, False),
        (say(301, Location="/robots.txt"), False, False),
        (say(302, Location="http://10.1.2.3/robots.txt"), False, False),
        (say(302, Location="file:///etc/hostname"), False, False),
        (say(304), False, False),
    ],
    ids=lambda value: "" if callable(value) else str(value)[0],
)
def test_the_status_table_on_the_wire(
    handler: Handler, open_is_allowed: bool, private_is_allowed: bool, tmp_path: Path
) -> None:
    """Every row of the table holds when a real server answers so (RFC 9309 section 2.3.1)."""

    async def work(crawl: Callable[..., Crawl], one: Server, _: Server) -> None:
        one.handler = handler
        permissions = crawl().permissions
        assert (await permissions.ruling(f"{one.site}/open")).allowed is open_is_allowed
        assert (await permissions.ruling(f"{one.site}/private")).allowed is private_is_allowed
        assert len(one.log) <= 1

    run(tmp_path, work)


def test_redirects_across_hosts_on_the_wire(tmp_path: Path) -> None:
    """The rules of another host count for the one that was asked, in its turn and in that of the other."""

    async def work(crawl: Callable[..., Crawl], one: Server, two: Server) -> None:
        one.handler = say(301, Location=f"{two.site}/rules.txt")
        ruling: Ruling = await crawl().permissions.ruling(f"{one.site}/private/x")
        assert (ruling.allowed, ruling.rule, ruling.url) == (False, "Disallow: /private", f"{one.site}/robots.txt")
        assert [path for path, _, _ in one.log + two.log] == ["/robots.txt", "/rules.txt"]

    run(tmp_path, work)


def test_the_server_s_own_log_shows_the_delay(tmp_path: Path) -> None:
    """Two processes on one frontier and three kinds of delay: no two requests to a host lie closer than it asks for."""

    async def work(crawl: Callable[..., Crawl], one: Server, two: Server) -> None:
        one.handler = say(200, b"User-agent: *\nCrawl-delay: 0.3\nRequest-rate: 4/1s")
        two.handler = say(200, b"User-agent: *\nRequest-rate: 5/1s", after=0.02)
        crawls = [crawl(), crawl()]
        begun = time.monotonic()
        await asyncio.gather(*(made.page(f"{site}/{n}") for n in range(4) for made in crawls for site in (one.site, two.site)))
        spent = time.monotonic() - begun
        assert {len(one.log), len(two.log)} <= {9, 10}  # both processes may ask for robots.txt before one knows it
        assert min(one.gaps()[1:]) >= 0.3
        assert min(two.gaps()[1:]) >= 0.2
        assert spent < 10 * 0.3 + 10 * 0.22 - 1.0  # the hosts did not wait for each other

    run(tmp_path, work)


def test_retry_after_on_the_wire(tmp_path: Path) -> None:
    """After 503 with Retry-After nobody asks before its time, not even another process; an hour and more closes the host."""

    async def work(crawl: Callable[..., Crawl], one: Server, _: Server) -> None:
        one.handler = say(404)
        crawls = [crawl(), crawl()]
        assert await crawls[0].page(f"{one.site}/a") == 404
        one.handler = say(503, Retry_After="1")
        assert await crawls[0].page(f"{one.site}/b") == 503
        one.handler = say(200)
        await asyncio.gather(*(made.fetch(Ask(f"{one.site}/c")) for made in crawls))
        assert one.gaps()[2] >= 1.0
        assert one.gaps()[3] >= 0.5  # the delay has doubled
        one.handler = say(429, Retry_After="7200")
        await crawls[0].fetch(Ask(f"{one.site}/d"))
        asked = len(one.log)
        for made in crawls:
            with pytest.raises(Refused) as caught:
                await made.fetch(Ask(f"{one.site}/e"))
            assert caught.value.reason == "host-closed"
        assert len(one.log) == asked

    run(tmp_path, work)


def test_a_slow_server_is_given_time(tmp_path: Path) -> None:
    """The delay is at least k times what the server needs for an answer."""

    async def work(crawl: Callable[..., Crawl], one: Server, _: Server) -> None:
        one.handler = say(404, after=0.2)
        made = crawl(latency_factor=3.0)
        for number in range(3):
            await made.page(f"{one.site}/{number}")
        assert min(one.gaps()) >= 0.55

    run(tmp_path, work)


def test_a_dead_server_cools_down(tmp_path: Path) -> None:
    """After five failures in a row the sixth request is not sent but given back for later."""

    async def work(crawl: Callable[..., Crawl], one: Server, _: Server) -> None:
        made = crawl()
        await made.page(f"{one.site}/a")
        one.handler = reset
        for _number in range(5):
            with pytest.raises(Failed):
                await made.fetch(Ask(f"{one.site}/a"))
        asked = len(one.log)
        with pytest.raises(Failed) as caught:
            await made.fetch(Ask(f"{one.site}/a"))
        assert (caught.value.reason, len(one.log)) == ("host-held", asked)
        assert 50 < (caught.value.again or 0) <= 60

    run(tmp_path, work)
