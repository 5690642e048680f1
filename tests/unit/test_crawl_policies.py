"""The files in which a site speaks of use: asked for once, under its own rules, and never taken for silence when they fail."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from acquisition.crawl import robots
from acquisition.crawl.contract import PRODUCT_TOKEN, Answer, Ask, Failed, Place, PolicyFile, Refused, Ruling, Wire
from acquisition.crawl.visit import policies as module
from acquisition.crawl.visit.policies import LIFETIME, RETRY, SHORTEST, Policies, lifetime
from acquisition.rights.signals import read, verdicts

SITE = "https://site.example"
PAGE = f"{SITE}/a.html"
TDM = "/.well-known/tdmrep.json"
DENY = b'[{"location": "*", "tdm-reservation": 1}]'
T = TypeVar("T")


class Store:
    """Keeps files as the frontier does: what was last asked, and the last good copy."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], PolicyFile] = {}
        self.good: dict[tuple[str, str], PolicyFile] = {}

    async def policy(self, origin: str, name: str) -> tuple[PolicyFile | None, PolicyFile | None]:
        """Return both."""
        return self.files.get((origin, name)), self.good.get((origin, name))

    async def keep_policy(self, file: PolicyFile) -> None:
        """Keep it."""
        self.files[file.origin, file.name] = file
        if not file.closed and 200 <= file.status < 300:
            self.good[file.origin, file.name] = file


@dataclass
class Web:
    """Answers by address; what it does not know is 404. An exception is raised; robots.txt is given as text per origin."""

    answers: dict[str, Any] = field(default_factory=dict)
    robots: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    time: float = 1_000_000.0

    async def fetch(self, url: str) -> Answer:
        """Answer one request."""
        self.asked.append(url)
        await asyncio.sleep(0)
        found = self.answers.get(url, (404, {}, b"gone"))
        if isinstance(found, Exception):
            raise found
        status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
        wire = Wire(status, "", "HTTP/1.1", tuple(headers.items()), body, "127.0.0.1", (), 0.0, 0.0)
        return Answer(Ask(url, kind="policy"), wire, {}, Place("", 0, "", "", status))

    async def ruling(self, url: str) -> Ruling:
        """Say what the origin's robots.txt says."""
        origin = "/".join(url.split("/")[:3])
        body = self.robots.get(origin, b"")
        return Ruling(robots.allowed(body, PRODUCT_TOKEN, url), f"{origin}/robots.txt", 200, repr(body), self.time, body=body)

    def policies(self, store: Store | None = None, *, offline: bool = False, **policy: str) -> Policies:
        """Return the files of this web."""
        treatment = {name.replace("_", "-"): value for name, value in policy.items()}
        return Policies(store or Store(), self.fetch, self.ruling, policy=treatment, now=lambda: self.time, offline=offline)


def run(awaitable: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine to its end."""
    return asyncio.run(awaitable)


async def _of(web: Web, found: Policies, url: str = PAGE) -> Mapping[str, bytes | None]:
    return await found.of(url, await web.ruling(url))


def test_a_site_without_files_says_nothing_and_is_asked_once() -> None:
    """404 is silence; a thousand pages of one origin cost four requests (trust.txt has two places)."""
    web = Web()

    async def many() -> list[Mapping[str, bytes | None]]:
        found = web.policies()
        return [await _of(web, found, f"{SITE}/{number}") for number in range(1_000)]

    assert all(files == {} for files in run(many()))
    assert web.asked == [f"{SITE}{path}" for path in (TDM, "/ai.txt", "/trust.txt", "/.well-known/trust.txt")]


def test_what_is_there_is_passed_on_and_read() -> None:
    """All three files come under their own paths, in the shape that the signal parsers take, gzip undone."""
    zipped = (200, {"Content-Encoding": "gzip"}, gzip.compress(DENY))
    web = Web({SITE + TDM: zipped, f"{SITE}/ai.txt": b"User-Agent: *\nDisallow: *.jpg\n"})
    web.answers[f"{SITE}/.well-known/trust.txt"] = b"datatrainingallowed=no\n"
    files = run(_of(web, web.policies()))
    assert files == {
        TDM: DENY, "/ai.txt": b"User-Agent: *\nDisallow: *.jpg\n", "/trust.txt": b"datatrainingallowed=no\n",
    }  # fmt: skip
    signals = read(f"{SITE}/x.jpg", {}, b"", None, files)
    assert {one.mechanism: one.train for one in signals} == {"tdmrep": "deny", "ai-txt": "deny", "trust-txt": "deny"}


@pytest.mark.parametrize("status", [404, 410, 403, 400, 405])
def test_a_refused_file_is_no_file(status: int) -> None:
    """A 4xx says that there is none, as for robots.txt (storage hosts answer 403 for whatever they do not have)."""
    web = Web({SITE + TDM: (status, {}, b"x")})
    assert run(_of(web, web.policies())) == {}


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b""), (503, {}, DENY), (401, {}, b""), (402, {}, b""), (407, {}, b""), (429, {}, b""), (451, {}, b""),
        (301, {}, b""), (200, {"Content-Encoding": "br"}, b"x"), (200, {"Content-Encoding": "gzip"}, b"\x1f\x8bx"),
        (200, {}, b"x" * 1_000_001), Failed("timeout", PAGE), Failed("truncated", PAGE), Refused("address", PAGE),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_had_may_say_anything(answer: object) -> None:
    """Errors, walls, broken and oversized bodies are None, and the parsers make unknown of it, never allow or silence."""
    web = Web({SITE + TDM: answer})
    files = run(_of(web, web.policies()))
    assert files == {TDM: None}
    assert verdicts(read(PAGE, {}, b"", None, files)).train == "unknown"


@pytest.mark.parametrize(
    "error", [Failed("host-held", PAGE, again=60.0), Refused("host-closed", PAGE), Refused("budget-bytes", PAGE)]
)
def test_a_host_that_rests_keeps_the_page_waiting(error: Exception) -> None:
    """What the page's own host cannot be asked now, the page has to wait for; it is not taken for unknown for an hour."""
    web, store = Web({SITE + TDM: error}), Store()
    with pytest.raises(type(error)):
        run(_of(web, web.policies(store)))
    web.answers[SITE + TDM] = DENY
    assert run(_of(web, web.policies(store)))[TDM] == DENY


def test_a_stop_says_nothing_about_a_site() -> None:
    """A crawl that is stopped while it waits to ask for a file has not asked: nothing is kept, the next one asks at once."""
    web, store = Web({SITE + TDM: Failed("stopped", PAGE)}), Store()
    with pytest.raises(Failed, match="stopped"):
        run(_of(web, web.policies(store)))
    assert store.files == {}
    web.answers[SITE + TDM] = DENY
    assert run(_of(web, web.policies(store)))[TDM] == DENY


def test_another_host_that_rests_does_not() -> None:
    """A document on a host that rests is unknown for now, and asked for again when somebody meets it later."""
    web, store = Web({"https://l.example/a.xml": Failed("host-held", PAGE, again=60.0)}), Store()
    web.robots[SITE] = b"License: https://l.example/a.xml"
    assert run(_of(web, web.policies(store))) == {}
    assert ("https://l.example", "https://l.example/a.xml") not in store.files


def test_a_page_in_place_of_a_file_is_no_file() -> None:
    """A site that answers everything with its home page says nothing, and its other place is looked at."""
    home = b"\n <!doctype html><p>datatrainingallowed=no"
    web = Web({SITE + path: home for path in (TDM, "/ai.txt", "/trust.txt")})
    web.answers[f"{SITE}/.well-known/trust.txt"] = b"datatrainingallowed=yes"
    assert run(_of(web, web.policies())) == {"/trust.txt": b"datatrainingallowed=yes"}


def test_robots_txt_may_close_these_files_too() -> None:
    """What robots.txt forbids is not fetched, and not taken for silence; nothing of it is kept for others."""
    web = Web({SITE + TDM: DENY}, {SITE: b"User-agent: *\nDisallow: /.well-known/\n"})
    store = Store()
    assert run(_of(web, web.policies(store))) == {TDM: None, "/trust.txt": None}
    assert f"{SITE}{TDM}" not in web.asked
    assert (SITE, "tdmrep.json") not in store.files


def test_redirects_are_followed_under_the_rules_of_each_origin() -> None:
    """A file may lie on another host; where that host forbids it, TLS would be left, or the way is a circle, it is unknown."""
    other = "https://other.example/t.json"
    web = Web({SITE + TDM: (301, {"Location": "/t"}, b""), f"{SITE}/t": (307, {"location": other}, b""), other: DENY})
    assert run(_of(web, web.policies()))[TDM] == DENY
    web.robots["https://other.example"] = b"User-agent: *\nDisallow: /"
    assert run(_of(web, web.policies()))[TDM] is None
    for location in ("http://site.example/t2", "ftp://site.example/x", SITE + TDM, "https://[x/"):
        web = Web({SITE + TDM: (302, {"Location": location}, b"")})
        assert run(_of(web, web.policies()))[TDM] is None
        assert len(web.asked) <= 6 + 3


def test_origins_are_told_apart() -> None:
    """Scheme and port make an origin of their own; the standard port and capitals do not."""
    web = Web()

    async def all_of() -> None:
        found = web.policies(ai_txt="ignore", trust_txt="ignore")
        for url in (PAGE, "https://SITE.example:443/b", "http://site.example/", "https://site.example:8443/"):
            await _of(web, found, url)

    run(all_of())
    assert web.asked == [f"{origin}{TDM}" for origin in (SITE, "http://site.example", f"{SITE}:8443")]


def test_many_pages_at_once_ask_once() -> None:
    """Twenty pages that meet a new host at the same time wait for one fetch per file."""
    web = Web({SITE + TDM: DENY})

    async def together() -> list[Mapping[str, bytes | None]]:
        found = web.policies()
        return await asyncio.gather(*(_of(web, found) for _ in range(20)))

    assert [files[TDM] for files in run(together())] == [DENY] * 20
    assert len(web.asked) == len(set(web.asked)) == 4


def test_one_who_gives_up_does_not_take_the_others_along() -> None:
    """A cancelled visit leaves the file to the next one that waits."""
    web = Web({SITE + TDM: DENY})

    async def impatient() -> Mapping[str, bytes | None]:
        found = web.policies()
        first = asyncio.create_task(_of(web, found))
        second = asyncio.create_task(_of(web, found))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert run(impatient())[TDM] == DENY


def test_ignored_mechanisms_are_not_asked_for_and_recorded_ones_are() -> None:
    """Ignore costs nothing; record is asked for like honour."""
    web = Web(robots={SITE: b"License: https://l.example/rsl.xml"})
    run(_of(web, web.policies(tdmrep="ignore", ai_txt="record", trust_txt="ignore", rsl="ignore")))
    assert web.asked == [f"{SITE}/ai.txt"]


def test_the_store_is_shared_and_runs_out() -> None:
    """Another process finds what one has asked; after the lifetime it is asked again, after a failure sooner."""
    web, store = Web({SITE + TDM: DENY}), Store()
    run(_of(web, web.policies(store)))
    web.asked.clear()
    assert run(_of(web, web.policies(store)))[TDM] == DENY
    assert web.asked == []
    web.answers[SITE + TDM] = Failed("timeout", PAGE)
    web.time += LIFETIME + 1
    assert run(_of(web, web.policies(store)))[TDM] == DENY, "the last good copy still counts"
    web.asked.clear()
    web.time += RETRY + 1
    run(_of(web, web.policies(store)))
    assert web.asked == [f"{SITE}{TDM}"]
    web.time += module.LAST_GOOD
    assert run(_of(web, web.policies(store)))[TDM] is None, "after 30 days it is unknown"


def test_a_running_crawl_asks_again_when_the_time_is_over() -> None:
    """Memory obeys the shortest of the lifetimes, and a new robots.txt."""
    web = Web({SITE + TDM: (200, {"Cache-Control": "max-age=1000"}, DENY)})

    async def later() -> int:
        found = web.policies()
        await _of(web, found)
        web.asked.clear()
        web.time += 999
        await _of(web, found)
        assert web.asked == []
        web.time += 2
        await _of(web, found)
        return len(web.asked)

    assert run(later()) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", LIFETIME), ("max-age=3600", 3600), ("public, MAX-AGE = 7200", 7200), ("max-age=0", SHORTEST),
        ("no-store", SHORTEST), ("no-cache, max-age=9999", SHORTEST), ("max-age=99999999", LIFETIME), ("max-age=x", LIFETIME),
        ("s-maxage=5", LIFETIME), ('max-age="4000"', 4000),
    ],
)  # fmt: skip
def test_lifetime_is_the_sites_own_within_bounds(header: str, seconds: float) -> None:
    """Cache-Control decides, never less than ten minutes and never more than a day."""
    assert lifetime(Wire(200, "", "", (("Cache-Control", header),), b"", "", (), 0.0, 0.0)) == seconds


# --- RSL ------------------------------------------------------------------------------------------------------------------

RSL = (
    b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license>'
    b'<permits type="usage">%s</permits></license></content></rsl>'
)


def test_documents_that_robots_txt_announces_are_read() -> None:
    """License lines lead to documents, on other hosts too; relative ones are resolved; the fourth stays unknown."""
    lines = b"License: https://l.example/a.xml\nLicense: /b.xml\nLicense: https://gone.example/c.xml\nLicense: /d.xml\n"
    web = Web({"https://l.example/a.xml": RSL % b"ai-train", f"{SITE}/b.xml": RSL % b"search"}, {SITE: lines})
    files = run(_of(web, web.policies()))
    assert files == {
        "https://l.example/a.xml": RSL % b"ai-train", f"{SITE}/b.xml": RSL % b"search", "https://gone.example/c.xml": None
    }  # fmt: skip
    words = [one.train for one in read(PAGE, {}, b"", lines, files) if one.mechanism == "rsl" and one.where == "robots.txt"]
    assert words == ["allow", "deny", "deny", "unknown"]


def test_documents_that_pages_announce_are_bounded() -> None:
    """A page's documents are read by address; one that its host's robots.txt forbids stays out, and their number has an end."""
    addresses = [f"https://l.example/{number}.xml" for number in range(30)]
    web = Web(dict.fromkeys(addresses, RSL % b"search"), {"https://closed.example": b"User-agent: *\nDisallow: /"})

    async def met() -> tuple[Mapping[str, bytes | None], Mapping[str, bytes | None]]:
        found = web.policies()
        first = await found.announced(PAGE, ["https://closed.example/x.xml", *addresses])
        return first, await found.announced(PAGE, addresses)

    first, again = run(met())
    assert list(first) == addresses[: module.MAX_ANNOUNCED - 1]
    assert again == first
    assert len(web.asked) == len(first)
    assert run(web.policies(rsl="ignore").announced(PAGE, addresses)) == {}


def test_a_site_closed_to_those_who_gather_training_data_is_not_visited() -> None:
    """A block of a training crawler is a refusal before the visit, for its paths only, unless it is only recorded."""
    web = Web(robots={SITE: b"User-agent: GPTBot\nDisallow: /a\n\nUser-agent: PerplexityBot\nDisallow: /b\n"})
    with pytest.raises(Refused) as refusal:
        run(_of(web, web.policies()))
    assert (refusal.value.reason, refusal.value.url) == ("opt-out", PAGE)
    assert refusal.value.detail == "ai-agents: GPTBot: Disallow: /a"
    assert run(_of(web, web.policies(), f"{SITE}/b")) == {}
    assert run(_of(web, web.policies(ai_agents="record"))) == {}


def test_a_license_that_takes_payment_for_every_fetch_is_a_refusal() -> None:
    """RSL's payment per crawl stops the path, unless RSL is only recorded."""
    document = RSL.replace(b"<permits", b'<payment type="crawl"/><permits') % b"ai-train"
    web = Web({"https://l.example/a.xml": document}, {SITE: b"License: https://l.example/a.xml"})
    with pytest.raises(Refused, match="opt-out"):
        run(_of(web, web.policies()))
    assert run(_of(web, web.policies(rsl="record"))) == {"https://l.example/a.xml": document}


def test_a_replay_asks_nobody() -> None:
    """Offline, what the store holds counts however old it is, and the rest is unknown."""
    web, store = Web({SITE + TDM: DENY}), Store()
    run(_of(web, web.policies(store, ai_txt="ignore", trust_txt="ignore")))
    web.asked.clear()
    web.time += 100 * LIFETIME
    assert run(_of(web, web.policies(store, offline=True))) == {TDM: DENY, "/ai.txt": None, "/trust.txt": None}
    assert web.asked == []


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Origins that are pushed out are read from the store again, not asked again."""
    monkeypatch.setattr(module, "MAX_REMEMBERED", 100)
    web = Web({f"https://{host}.example{TDM}": DENY for host in "abcdef"})
    store = Store()

    async def all_of() -> int:
        found = web.policies(store)
        for host in "abcdefa":
            await _of(web, found, f"https://{host}.example/")
        return len(found._known)

    assert run(all_of()) < 6
    assert len(web.asked) == len(set(web.asked))
