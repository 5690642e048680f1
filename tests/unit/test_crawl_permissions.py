"""robots.txt as it is asked for: the status table of RFC 9309, lifetimes, last good copies, redirects."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest

from acquisition.crawl.contract import Ask, Failed, PolicyFile, PolicyStore, Refused, Wire
from acquisition.crawl.robots import MAX_BYTES
from acquisition.crawl.visit.permissions import Permissions, origin_of

DAY = 86_400.0
START = 1_700_000_000.0
RULES = b"User-agent: *\nDisallow: /private\n"
SITE = "https://example.org"


class Files(PolicyStore):
    """Policy files in a dict, the last good one beside."""

    def __init__(self) -> None:
        self.last: dict[str, PolicyFile] = {}
        self.good: dict[str, PolicyFile] = {}

    async def policy(self, origin: str, name: str) -> tuple[PolicyFile | None, PolicyFile | None]:
        """Return both, as the contract has it."""
        assert name == "robots.txt"
        return self.last.get(origin), self.good.get(origin)

    async def keep_policy(self, file: PolicyFile) -> None:
        """Keep one, as the contract has it."""
        self.last[file.origin] = file
        if not file.closed and 200 <= file.status < 300:
            self.good[file.origin] = file


class Web:
    """Answers by address: (status, body, headers), or an exception."""

    def __init__(self, store: Files | None = None, **settings: Any) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.now = START
        self.store = store or Files()
        self.paces: dict[str, float] = {}
        self.permissions = Permissions(self.fetch, self.store, clock=lambda: self.now, pace=self.paces.__setitem__, **settings)

    async def fetch(self, ask: Ask) -> tuple[Wire, bytes]:
        """Answer one ask."""
        assert ask.kind == "policy"
        assert ask.cut_at == MAX_BYTES + 1
        self.asked.append(ask.url)
        for _ in range(3):
            await asyncio.sleep(0)
        answer = self.answers.get(ask.url, (404, b"", {}))
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        wire = Wire(status, "", "HTTP/1.1", tuple(headers.items()), body, "192.0.2.1", (), self.now, self.now)
        return wire, body[: ask.cut_at]

    def says(self, status: int, body: bytes = RULES, url: str = f"{SITE}/robots.txt", **headers: str) -> None:
        """Let an address answer so."""
        self.answers[url] = (status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    async def may(self, path: str, site: str = SITE) -> bool:
        """Say whether a path of a site may be fetched."""
        return (await self.permissions.ruling(f"{site}{path}")).allowed


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine, with an end."""
    asyncio.run(asyncio.wait_for(work, 20))


@pytest.mark.parametrize("status", [200, 201, 203, 204, 226])
def test_an_answer_is_parsed(status: int) -> None:
    """The rules of a 2xx count, and the ruling says which line decided."""

    async def work() -> None:
        web = Web()
        web.says(status)
        ruling = await web.permissions.ruling(f"{SITE}/private/x")
        assert (ruling.allowed, ruling.group, ruling.rule) == (False, "*", "Disallow: /private")
        assert ruling.record()["verdict"] == "deny"
        assert (ruling.url, ruling.status, ruling.fetched, len(ruling.sha256)) == (f"{SITE}/robots.txt", status, START, 64)
        assert await web.may("/public")
        assert web.asked == [f"{SITE}/robots.txt"]

    run(work())


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 406, 410, 418, 451, 499])
def test_unavailable_means_no_rules(status: int) -> None:
    """A 4xx other than 429 has no rules, whatever its page says (section 2.3.1.3)."""

    async def work() -> None:
        web = Web()
        web.says(status, b"User-agent: *\nDisallow: /")
        assert await web.may("/private")

    run(work())


BAD: list[Any] = [
    *((status, b"User-agent: *\nAllow: /", {}) for status in (429, 500, 501, 502, 503, 504, 505, 511, 599, 600, 300, 304)),
    *(
        Failed(reason, "")
        for reason in ("timeout", "reset", "dns", "truncated", "content-encoding", "too-large", "tls", "slow")
    ),
]


@pytest.mark.parametrize("answer", BAD, ids=lambda answer: str(answer[0] if isinstance(answer, tuple) else answer))
def test_unreachable_means_no(answer: Any) -> None:
    """Whatever is no answer closes the origin, and the ruling says why (section 2.3.1.4)."""

    async def work() -> None:
        web = Web()
        web.answers[f"{SITE}/robots.txt"] = answer
        ruling = await web.permissions.ruling(f"{SITE}/public")
        assert not ruling.allowed
        assert ruling.closed == (f"status {answer[0]}" if isinstance(answer, tuple) else answer.reason)
        assert ruling.expires == START + 60.0

    run(work())


@pytest.mark.parametrize("answer", BAD, ids=lambda answer: str(answer[0] if isinstance(answer, tuple) else answer))
def test_the_last_good_copy_stands_in_for_thirty_days(answer: Any) -> None:
    """When the file cannot be had, the copy of an earlier time counts if it is not older than 30 days; that is recorded."""

    async def work() -> None:
        web = Web()
        web.says(200)
        assert not await web.may("/private")
        web.answers[f"{SITE}/robots.txt"] = answer
        web.now += 29 * DAY
        ruling = await web.permissions.ruling(f"{SITE}/public")
        assert (ruling.allowed, ruling.status, ruling.fetched) == (True, 200, START)
        assert ruling.note.startswith("last-good-copy: ")
        assert not await web.may("/private")
        web.now += 2 * DAY
        assert not await web.may("/public")

    run(work())


@pytest.mark.parametrize(
    ("headers", "life"),
    [
        ({}, DAY),
        ({"Cache_Control": "max-age=3600"}, 3600),
        ({"Cache_Control": "public, Max-Age=3600, stale-if-error=9"}, 3600),
        ({"Cache_Control": 'max-age="600"'}, 600),
        ({"Cache_Control": "max-age=3600", "Age": "600"}, 3000),
        ({"Cache_Control": "max-age=31536000"}, DAY),
        ({"Cache_Control": "max-age=0"}, 60),
        ({"Cache_Control": "no-store"}, 60),
        ({"Cache_Control": "no-cache, max-age=900"}, 60),
        ({"Cache_Control": "s-maxage=5"}, DAY),
        ({"Cache_Control": "max-age=soon"}, DAY),
        ({"Expires": "Tue, 14 Nov 2023 23:13:20 GMT"}, 3600),
        ({"Expires": "Tue, 14 Nov 2023 23:13:20 GMT", "Date": "Tue, 14 Nov 2023 23:03:20 GMT"}, 600),
        ({"Expires": "Tue, 14 Nov 2023 23:13:20 GMT", "Cache_Control": "max-age=120"}, 120),
        ({"Expires": "0"}, 60),
        ({"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 60),
    ],
)
@pytest.mark.parametrize("status", [200, 404])
def test_how_long_an_answer_counts(status: int, headers: dict[str, str], life: float) -> None:
    """Cache-Control and Expires are kept between a minute and a day; then the file is asked for again."""

    async def work() -> None:
        web = Web()
        web.says(status, RULES, f"{SITE}/robots.txt", **headers)
        await web.may("/")
        web.now = START + life - 1
        await web.may("/")
        assert len(web.asked) == 1
        web.now = START + life
        await web.may("/")
        assert len(web.asked) == 2

    run(work())


def test_a_closed_origin_is_asked_again_after_a_growing_time() -> None:
    """Failures are not hammered: a minute, two, four… at most an hour; and an answer opens the origin again."""

    async def work() -> None:
        web = Web()
        web.says(500)
        moments = []
        for _ in range(4 * 3600):
            before = len(web.asked)
            await web.may("/")
            if len(web.asked) > before:
                moments.append(web.now - START)
            web.now += 1
        assert moments == [0, 60, 180, 420, 900, 1860, 3780, 7380, 10980]
        web.says(200)
        web.now += 3600
        assert await web.may("/public")

    run(work())


def test_redirects_are_followed_and_count_for_who_was_asked() -> None:
    """Five hops, to any host; the rules found there count for the first authority and for no other (section 2.3.1.2)."""

    async def work() -> None:
        web = Web()
        hops = [f"{SITE}/robots.txt", "https://www.example.net/robots.txt", "http://a.example/r", "http://a.example/s?x=1"]
        hops += ["https://b.example/", "https://c.example/rules.txt"]
        for here, there in pairwise(hops):
            web.says(301, b"", here, Location=there)
        web.says(200, RULES, hops[-1])
        assert not await web.may("/private")
        assert await web.may("/public")
        assert web.asked == hops
        assert await web.may("/private", "https://c.example")

    run(work())


@pytest.mark.parametrize(
    "locations",
    [
        ["/robots.txt"],
        ["/a", "/robots.txt"],
        ["/1", "/2", "/3", "/4", "/5", "/6"],
        ["ftp://example.org/robots.txt"],
        ["file:///etc/hostname"],
        [""],
        ["http://[broken/"],
        ["javascript:0"],
    ],
)
def test_redirects_that_lead_nowhere_close_the_origin(locations: list[str]) -> None:
    """Circles, too many hops and other schemes are no answer."""

    async def work() -> None:
        web = Web()
        for here, there in zip(["/robots.txt", *locations], locations, strict=False):
            web.says(302, b"", f"{SITE}{here}", Location=there)
        web.says(200, RULES, f"{SITE}/6")
        ruling = await web.permissions.ruling(f"{SITE}/public")
        assert "redirect" in ruling.closed
        assert len(web.asked) == len(set(web.asked)) <= 6

    run(work())


def test_a_redirect_to_a_forbidden_address_closes_the_origin() -> None:
    """A robots.txt that leads into the private network is no answer; an origin that lies there is refused as such."""

    async def work() -> None:
        web = Web()
        web.says(301, b"", Location="http://10.0.0.1/robots.txt")
        web.answers["http://10.0.0.1/robots.txt"] = Refused("address", "http://10.0.0.1/robots.txt")
        assert (await web.permissions.ruling(f"{SITE}/")).closed.endswith("address")
        with pytest.raises(Refused):
            await web.permissions.ruling("http://10.0.0.1/")

    run(work())


@pytest.mark.parametrize(
    "error", [Refused("host-closed", ""), Refused("budget-pages", ""), Failed("host-held", "", again=99.0)]
)
def test_a_file_that_was_not_asked_for_says_nothing(error: Exception) -> None:
    """When the host's turn never came, that is told as it is and nothing is kept."""

    async def work() -> None:
        web = Web()
        web.answers[f"{SITE}/robots.txt"] = error
        with pytest.raises(type(error)):
            await web.permissions.ruling(f"{SITE}/")
        assert not web.store.last
        web.says(200)
        assert await web.may("/public")

    run(work())


def test_rules_are_kept_by_scheme_host_and_port() -> None:
    """Schemes and ports have rules of their own; spellings of one origin share theirs."""

    async def work() -> None:
        web = Web()
        for site in ("https://example.org", "http://example.org", "https://example.org:8443"):
            web.says(200, RULES, f"{site}/robots.txt")
        for site in ("https://example.org", "https://EXAMPLE.org:443", "https://example.org.", "http://example.org:80"):
            assert not await web.may("/private", site)
        assert not await web.may("/private", "https://example.org:8443")
        assert sorted(web.asked) == sorted(f"{site}/robots.txt" for site in (SITE, "http://example.org", f"{SITE}:8443"))

    run(work())


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.ORG/x", "https://example.org"),
        ("http://bücher.example:8080/", "http://xn--bcher-kva.example:8080"),
        ("http://[::1]:80/", "http://[::1]"),
        ("http://user@example.org/", "http://example.org"),
        ("ftp://example.org/", ""),
        ("http://", ""),
        ("http://example.org:99999/", ""),
        ("http://[x/", ""),
        ("example.org/", ""),
    ],
)
def test_origins(url: str, origin: str) -> None:
    """An origin has one spelling, and what has none is none."""
    assert origin_of(url) == origin


def test_concurrent_questions_share_one_request() -> None:
    """However many pages wait for an origin's rules, they are asked for once; a waiter that goes does not stop the others."""

    async def work() -> None:
        web = Web()
        web.says(200)
        tasks = [asyncio.ensure_future(web.may(f"/{number}")) for number in range(20)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[1:] == [True] * 19
        assert web.asked == [f"{SITE}/robots.txt"]

    run(work())


def test_another_process_need_not_ask_again() -> None:
    """What the store holds counts for as long as it would have for whoever asked."""

    async def work() -> None:
        web = Web()
        web.says(200, Cache_Control="max-age=600")
        await web.may("/")
        other = Web(web.store)
        other.now += 599
        assert not await other.may("/private")
        assert other.asked == []
        other.now += 1
        await other.may("/")
        assert len(other.asked) == 1

    run(work())


def test_a_long_file_is_read_to_its_limit() -> None:
    """500 KiB count and the rest does not; the ruling says that the file was cut."""

    async def work() -> None:
        web = Web()
        filler = b"# " + b"x" * 97 + b"\n"
        web.says(200, RULES + filler * (MAX_BYTES // len(filler)) + b"Disallow: /public\n")
        ruling = await web.permissions.ruling(f"{SITE}/public")
        assert ruling.allowed
        assert ruling.note == "cut"
        assert not await web.may("/private")

    run(work())


def test_a_web_page_has_no_rules() -> None:
    """Sites that answer everything with a page of theirs have no rules, and that is noted."""

    async def work() -> None:
        web = Web()
        web.says(200, b"<!doctype html><title>Not found</title><p>User-agent: nothing here")
        ruling = await web.permissions.ruling(f"{SITE}/public")
        assert (ruling.allowed, ruling.note, ruling.group) == (True, "html", "")

    run(work())


def test_delays_go_to_the_clock() -> None:
    """What the file asks for is told to the clock and stands in the ruling; it ends when the file no longer asks for it."""

    async def work() -> None:
        web = Web()
        web.says(200, b"User-agent: *\nCrawl-delay: 7\nRequest-rate: 1/20s")
        assert (await web.permissions.ruling(f"{SITE}/x")).delay == 20.0
        assert web.paces == {f"{SITE}/": 20.0}
        web.says(404)
        web.now += DAY
        assert (await web.permissions.ruling(f"{SITE}/x")).delay == 0.0
        assert web.paces == {f"{SITE}/": 0.0}

    run(work())


def test_visit_times_hold_the_host() -> None:
    """Outside the hours at which visits are welcome, what is allowed waits for them and what is forbidden is forbidden."""

    async def work() -> None:
        web = Web()
        web.says(200, RULES + b"Visit-time: 0200-0600")
        with pytest.raises(Failed) as caught:
            await web.permissions.ruling(f"{SITE}/x")
        assert caught.value.reason == "host-held"
        assert not await web.may("/private")
        web.now += caught.value.again or 0
        assert await web.may("/x")

    run(work())


@pytest.mark.parametrize(
    "path",
    [
        "/a/../private/x",
        "/a/%2E%2e/private",
        "/./private",
        "/private/../open",
        "//private/../../private",
        "/a/b/../../private?x=/../",
    ],
)
def test_dots_do_not_lead_around_a_rule(path: str) -> None:
    """A path is judged as it is written and as servers read it."""

    async def work() -> None:
        web = Web()
        web.says(200)
        assert not await web.may(path)
        assert await web.may("/a/../b/./c/..")

    run(work())
