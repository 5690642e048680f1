"""What Scrapy's spiders may count on when the frontier and the visitor carry them: redirects, callbacks, errbacks, seeds."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from acquisition import crawl
from acquisition.protocols import Seed
from acquisition.settings import HostBudgetSettings, SourceLimitSettings
from tests.flow.test_crawl import Site, html, records, run, serving, source, write_spider

pytestmark = pytest.mark.flow

EVERYTHING = """
def parse(self, response):
    yield {'text': response.url, 'title': response.css('h1::text').get()}
    yield from response.follow_all(css='a', callback=self.parse)
"""


def crawled(routes: dict[str, Any], body: str, folder: Path, **options: Any) -> tuple[Site, crawl.CrawlRun]:
    """Serve a site, run a spider over it, and return both."""
    given = {"seeds": options.pop("seeds", ())}
    with serving(Site({"/robots.txt": (200, {}, b"")} | routes)) as site:
        done = run(source(site, write_spider(folder, body), latency_factor=0.0, **options), folder, **given)
    return site, done


def moved(target: str, status: int = 302) -> Any:
    """Return a redirect."""
    return status, {"Location": target}, b""


def test_a_redirect_is_one_item_with_its_way(tmp_path: Path) -> None:
    """Two addresses that lead to one page make one visit and one item, which tells the way; a circle is a refusal."""
    routes = {
        "/": html('<h1>Start</h1><a href="/old">x</a><a href="/older">x</a><a href="/round">x</a><a href="/new">x</a>'),
        "/old": moved("/new", 301),
        "/older": moved("/old"),
        "/new": html("<h1>New</h1>"),
        "/round": moved("/round?a=1"),
        **{f"/round?a={number}": moved(f"/round?a={number + 1}") for number in range(1, 9)},
    }
    site, done = crawled(routes, EVERYTHING, tmp_path)
    assert site.paths().count("/new") == 1
    assert sorted(record["item"]["title"] for record in records(tmp_path)) == ["New", "Start"]
    assert done.refused == {"redirects": 1}
    assert done.finished


def test_redirects_that_come_back_are_a_failure_with_a_name(tmp_path: Path) -> None:
    """Two addresses that lead to each other are asked once each, and the one that closes the circle has failed."""
    routes = {"/": html('<h1>Start</h1><a href="/one">x</a>'), "/one": moved("/two"), "/two": moved("/one")}
    site, done = crawled(routes, EVERYTHING, tmp_path)
    assert sorted(path for path in site.paths() if path in {"/one", "/two"}) == ["/one", "/two"]
    assert done.failed == {"redirect-loop": 1}
    (missed,) = (json.loads(line) for line in (tmp_path / "run" / "refusals.jsonl").read_bytes().splitlines())
    assert (missed["url"], missed["detail"]) == (f"{site.url}/two", f"{site.url}/one")


def test_an_address_of_another_scheme_is_refused(tmp_path: Path) -> None:
    """Scrapy has no handler for files here; that is the rule about schemes, and no error of the engine."""
    body = (
        EVERYTHING
        + """
    from scrapy import Request
    yield Request("file:///etc/hostname", callback=self.parse)
"""
    )
    _, done = crawled({"/": html("<h1>Start</h1>")}, body, tmp_path)
    assert (done.refused, done.failed) == ({"scheme": 1}, {})


def test_a_redirect_that_only_adds_a_mark_is_followed(tmp_path: Path) -> None:
    """A target that differs by a tracking parameter has the key of the page that leads there, and is visited all the same."""
    routes = {"/": moved("/?utm_source=x"), "/?utm_source=x": html("<h1>Here</h1>")}
    site, done = crawled(routes, EVERYTHING, tmp_path)
    assert site.paths() == ["/", "/?utm_source=x"]
    (record,) = records(tmp_path)
    assert record["redirects"] == [[f"{site.url}/", 302]]
    assert (record["url"], record["final_url"]) == (f"{site.url}/", f"{site.url}/?utm_source=x")
    assert done.items == 1


def test_a_page_that_reloads_itself_is_taken(tmp_path: Path) -> None:
    """A meta refresh to another page is followed; one to the page itself is no reason to leave it out."""
    refresh = '<meta http-equiv="refresh" content="{}"><h1>{}</h1><a href="/away">x</a>'
    routes = {
        "/": html(refresh.format("1", "Self")),
        "/away": html(refresh.format("0; url=/there", "Away")),
        "/there": html("<h1>There</h1>"),
    }
    _, done = crawled(routes, EVERYTHING, tmp_path)
    assert sorted(record["item"]["title"] for record in records(tmp_path)) == ["Self", "There"]
    assert done.failed == {}


def test_one_page_asked_in_two_ways_is_visited_once(tmp_path: Path) -> None:
    """dont_filter with another callback is answered from the archive; the same ask twice is one."""
    body = """
def parse(self, response):
    for number in (1, 1, 2):
        yield response.follow('/one', callback=self.detail, cb_kwargs={'number': number}, dont_filter=True)
    yield response.follow('/one', callback=self.plain)
def detail(self, response, number):
    yield {'text': f'detail {number}'}
def plain(self, response):
    yield {'text': 'plain'}
"""
    site, done = crawled({"/": html("x"), "/one": html("one")}, body, tmp_path)
    assert site.paths() == ["/", "/one"]
    assert sorted(record["item"]["text"] for record in records(tmp_path)) == ["detail 1", "detail 2", "plain"]
    assert done.pages == 2


def test_callbacks_that_cannot_be_written_work(tmp_path: Path) -> None:
    """A lambda as callback and an object in meta are kept in memory, and their pages come."""
    body = """
def parse(self, response):
    yield response.follow('/one', callback=lambda response: [{'text': 'lambda'}])
    yield response.follow('/two', callback=self.two, meta={'made': object()})
def two(self, response):
    yield {'text': type(response.meta['made']).__name__}
"""
    _, done = crawled({"/": html("x"), "/one": html("1"), "/two": html("2")}, body, tmp_path)
    assert sorted(record["item"]["text"] for record in records(tmp_path)) == ["lambda", "object"]
    assert done.failed == {}


def test_errbacks_are_heard(tmp_path: Path) -> None:
    """An errback is called once the tries are over, with Scrapy's exception; what it asks for and yields counts."""
    body = """
def parse(self, response):
    yield response.follow('/missing', callback=self.page, errback=self.bad)
    yield response.follow('/secret', callback=self.page, errback=self.bad)
    yield {'text': 'start'}
def bad(self, failure):
    self.logger.info('bad %s', type(failure.value).__name__)
    url = failure.request.url.replace('missing', 'instead').replace('secret', 'other')
    yield failure.request.replace(url=url, errback=None)
def page(self, response):
    yield {'text': response.url.rsplit('/', 1)[1]}
"""
    routes = {
        "/robots.txt": (200, {}, b"User-agent: *\nDisallow: /secret"),
        "/": html("x"),
        "/instead": html("i"),
        "/other": html("o"),
    }
    _, done = crawled(routes, body, tmp_path)
    assert sorted(record["item"]["text"] for record in records(tmp_path)) == ["instead", "other", "start"]
    assert (done.failed, done.refused) == ({"http-404": 1}, {"robots": 1})
    log = (tmp_path / "run" / "crawl.log").read_text()
    assert "bad HttpError" in log
    assert "bad Denied" in log


@pytest.mark.parametrize(
    "page",
    [
        (200, {"Content-Type": "text/html", "X-Robots-Tag": "nofollow"}, b'<h1>x</h1><a href="/one">x</a>'),
        html('<meta name="robots" content="none"><h1>x</h1><a href="/one">x</a>'),
        html('<META content="noindex, NoFollow" name="ROBOTS"><h1>x</h1><a href="/one">x</a>'),
    ],
)
def test_pages_that_say_nofollow_are_not_followed(page: Any, tmp_path: Path) -> None:
    """The links of such a page are written down as refused, not visited; the page itself was asked for and counts."""
    site, done = crawled({"/": page, "/one": html("one")}, EVERYTHING, tmp_path)
    assert site.paths() == ["/"]
    assert done.refused == {"nofollow": 1}


def test_foreign_links_are_counted_once(tmp_path: Path) -> None:
    """What allowed_domains leaves out is one refusal per address, however many pages link there."""
    link = '<a href="http://elsewhere.example/x">x</a>'
    routes = {"/": html(f'<a href="/one">1</a>{link}'), "/one": html(link)}
    _, done = crawled(routes, "allowed_domains = ['127.0.0.1']" + EVERYTHING, tmp_path)
    assert done.refused == {"offsite": 1}


def test_seeds_say_why(tmp_path: Path) -> None:
    """A seed is a start address; its item says why it was visited, and the spider hears what the list says of it."""
    body = """
def parse(self, response):
    yield {'text': response.meta['seed']['fields']['caption']}
"""
    with serving(Site({"/a": html("a"), "/b": html("b")})) as site:
        seeds = [
            Seed(f"{site.url}/{name}", f"search: stand-in 'owls' rank {rank}", {"caption": name})
            for rank, name in enumerate("ab", 1)
        ]
        declared = source(site, write_spider(tmp_path, body), start=(), delay=0.25, own_hosts=("127.0.0.1",))
        run(declared, tmp_path, seeds=seeds)
    found = {record["item"]["text"]: record["reason"] for record in records(tmp_path)}
    assert found == {"a": "search: stand-in 'owls' rank 1", "b": "search: stand-in 'owls' rank 2"}


def test_scrapys_own_spiders_run(tmp_path: Path) -> None:
    """A CrawlSpider with rules, and what is asked for inline with the engine's own download, work as in Scrapy."""
    (tmp_path / "spiders").mkdir()
    (tmp_path / "spiders" / "stock.py").write_text(STOCK)
    pages = {f"/p{number}": html(f'<h1>{number}</h1><a href="/p{number + 1}">x</a>') for number in range(5)}
    with serving(Site({"/": html('<a href="/p0">x</a>'), "/part": html("part"), **pages})) as site:
        done = run(source(site, "stock", latency_factor=0.0), tmp_path)
    assert sorted(record["item"]["text"] for record in records(tmp_path)) == [f"{number} part" for number in range(5)]
    assert site.paths().count("/part") == 1
    assert done.failed == {"http-404": 1}


STOCK = """
from scrapy import Request
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule

class Stock(CrawlSpider):
    name = "stock"
    rules = [Rule(LinkExtractor(allow="/p"), callback="page", follow=True)]

    async def page(self, response):
        part = await self.crawler.engine.download_async(Request(response.urljoin("/part")))
        yield {"text": response.css("h1::text").get() + " " + part.css("body ::text").get()}
"""


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    """503 with Retry-After holds the host for as long as it asks; then the page comes, and is one item."""
    answers: list[Any] = [(503, {"Retry-After": "1"}, b""), html("<h1>Here</h1>")]
    site, done = crawled({"/": lambda: answers.pop(0)}, EVERYTHING, tmp_path)
    times = [at for at, _, path, _ in site.log if path == "/"]
    assert len(times) == 2
    assert times[1] - times[0] >= 1.0
    assert (done.items, done.failed) == (1, {})


def test_a_spider_may_close_itself(tmp_path: Path) -> None:
    """CloseSpider ends the run with its reason; the same command would go on."""
    body = "def parse(self, response):\n    from scrapy.exceptions import CloseSpider\n    raise CloseSpider('enough')"
    _, done = crawled({"/": html("x")}, body, tmp_path)
    assert (done.finished, done.finish_reason) == (False, "enough")


def test_a_stop_does_not_wait_for_turns(tmp_path: Path) -> None:
    """A crawl that waits for a host's next turn ends at once when it is told to, and goes on later where it was."""
    stop = threading.Event()
    with serving(Site({"/robots.txt": (200, {}, b"User-agent: *\nCrawl-delay: 20\n")})) as site:
        declared = source(site, write_spider(tmp_path, EVERYTHING), latency_factor=0.0)
        threading.Timer(4.0, stop.set).start()
        began = time.monotonic()
        done = run(declared, tmp_path, stop=stop)
        took = time.monotonic() - began
    assert not done.finished
    assert took < 10
    assert [path for _, _, path, _ in site.log] == ["/robots.txt"]


def test_the_time_limit_ends_a_run(tmp_path: Path) -> None:
    """A run ends when its time is over, although its host would be asked again only later; what waits is not lost."""
    routes = {"/robots.txt": (200, {}, b"User-agent: *\nCrawl-delay: 30\n"), "/": html("x")}
    began = time.monotonic()
    _, done = crawled(routes, EVERYTHING, tmp_path, limits=SourceLimitSettings(seconds=2.0))
    assert time.monotonic() - began < 12
    assert (done.finished, done.finish_reason, done.refused) == (True, "time-limit", {})


# --- a hostile host beside a good one ------------------------------------------------------------------------------------


BOMB = gzip.compress(bytes(40_000_000))


def rudely(connection: socket.socket, over: threading.Event) -> None:
    """Answer one request in the way that its path names."""
    path = connection.recv(65_536).split(b" ", 2)[1].decode()
    if path.startswith("/drip"):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not over.wait(0.5):
            connection.sendall(b"x")
    answers = {
        "/robots.txt": ("200 OK", "Content-Type: text/html", b"<html>no rules here</html>"),
        "/bomb": ("200 OK", "Content-Type: text/html\r\nContent-Encoding: gzip", BOMB),
        "/circle": ("302 X", f"Location: {path}x", b""),
    }
    if path.startswith("/day"):
        day = int(path.rpartition("/")[2])
        links = "".join(f'<a href="/day/{day + step}">x</a>' for step in range(1, 20))
        answers["/day"] = ("200 OK", "Content-Type: text/html", links.encode())
    for beginning, (status, header, body) in answers.items():
        if path.startswith(beginning):
            connection.sendall(f"HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            return
    if not path.startswith("/reset"):
        connection.sendall(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")


@contextmanager
def rude(host: str, port: int) -> Iterator[None]:
    """Serve a host that drips, resets, goes in circles, sends a bomb and an endless calendar."""
    listener = socket.create_server((host, port))
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, IndexError):
            rudely(connection, over)

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_hostile_host_costs_its_own_budget_only(tmp_path: Path) -> None:
    """Beside a host that drips, resets, circles and has a calendar without end, a good host is crawled whole and in time."""
    pages = {f"/p{number}": html(f'<h1>{number}</h1><a href="/p{number + 1}">x</a>') for number in range(30)}
    routes: dict[str, Any] = {"/robots.txt": (200, {}, b""), **pages}
    with serving(Site(routes)) as site:
        port = int(site.url.rpartition(":")[2])
        with rude("127.0.0.8", port), rude("127.0.0.9", port):
            lures = [f"http://127.0.0.8:{port}/{name}" for name in ("circle", "bomb", "day/1")]
            traps = [f"http://127.0.0.9:{port}/drip", f"http://127.0.0.9:{port}/reset", *lures]
            declared = source(
                site,
                write_spider(tmp_path, EVERYTHING),
                start=(f"{site.url}/p0", *traps),
                latency_factor=0.0,
                per_host=HostBudgetSettings(pages=60, errors=4),
            )
            began = time.monotonic()
            done = run(declared, tmp_path)
            took = time.monotonic() - began
    good = [record for record in records(tmp_path) if record["final_url"].startswith(site.url)]
    assert len(good) == 30
    assert done.finished
    assert took < 100
    missed = [json.loads(line) for line in (tmp_path / "run" / "refusals.jsonl").read_bytes().splitlines()]
    assert {one["reason"] for one in missed if one["url"].startswith(site.url)} <= {"http-404"}
    assert done.refused["redirects"] == 1
    assert done.refused["budget-pages"] > 0
    assert done.failed["too-large"] == 1
    assert done.refused.get("budget-errors", 0) + done.failed.get("slow", 0) + done.failed.get("reset", 0) == 2
    assert len(records(tmp_path)) <= 30 + 60
