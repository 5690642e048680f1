"""The polite crawler against loopback sites: what it asks for, what it keeps, and what no spider can make it do."""

from __future__ import annotations

import gzip
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from acquisition import crawl
from acquisition.content import Contents
from acquisition.crawl.outcome import CrawlRun
from acquisition.errors import NoContact, PluginError, UsageError
from acquisition.model import Rejection
from acquisition.protocols import Binary, ReadContext, Reporter, Silent, Source
from acquisition.read.crawl import CrawlReader
from acquisition.settings import ContactSettings, ItemSettings, ReadSettings, SourceLimitSettings
from acquisition.sources.spider import SpiderSettings

pytestmark = pytest.mark.flow

CONTACT = ContactSettings(name="Lab", url="https://example.org/bot", email="data@example.org")
RIGHTS = {"/robots.txt", "/.well-known/tdmrep.json", "/ai.txt", "/trust.txt", "/.well-known/trust.txt"}
PROBE = re.compile(r"/[0-9a-f]{20}")

Answer = tuple[int, dict[str, str], bytes]


def html(body: str, status: int = 200) -> Answer:
    """Return a page."""
    return status, {"Content-Type": "text/html; charset=utf-8"}, f"<!doctype html><html><body>{body}</body></html>".encode()


@dataclass
class Site:
    """A loopback web site: what it answers, and what it was asked."""

    routes: dict[str, Answer | Callable[[], Answer | None]] = field(default_factory=dict)
    log: list[tuple[float, str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def paths(self) -> list[str]:
        """Return the paths asked for, in order, without the files about rights and the probe for pages that do not exist."""
        return [path for _, _, path, _ in self.log if path not in RIGHTS and not PROBE.fullmatch(path)]


@contextmanager
def serving(site: Site, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve a site on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            site.log.append((time.monotonic(), self.command, self.path, dict(self.headers)))
            route = site.routes.get(self.path, html("not here", 404))
            answer = route() if callable(route) else route
            if answer is None:
                self.close_connection = True  # says nothing and hangs up
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # the parent's name

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parent's name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that hang up are part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    site.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    """Yield a site with robots.txt that forbids /secret, and a front page that links there."""
    routes: dict[str, Any] = {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /secret\n"),
        "/": html('<h1>Front</h1><p>Welcome to the front page.</p><a href="/one">1</a> <a href="/secret/x">s</a>'),
        "/one": html('<h1>One</h1><p>The first page.</p><a href="/two">2</a>'),
        "/two": html('<h1>Two</h1><p>The second page.</p><a href="/three">3</a>'),
        "/three": html("<h1>Three</h1><p>The third page.</p>"),
        "/secret/x": html("<p>not for robots</p>"),
    }
    with serving(Site(routes)) as running:
        yield running


def source(site: Site, spider: str = "pages", **options: Any) -> Source:
    """Declare a spider on a site; without a delay unless the test gives one."""
    given: dict[str, Any] = {"start": (site.url + "/",), "delay": 0.0} | options
    return Source("web", SpiderSettings(kind="spider", spider=spider, **given))


def run(declared: Source, folder: Path, *, resume: bool = False, **given: Any) -> CrawlRun:
    """Crawl into folder/run."""
    options: dict[str, Any] = {
        "contact": CONTACT,
        "environment": os.environ,
        "base": folder,
        "reporter": Silent(),
        "stop": threading.Event(),
    }
    return crawl.run(declared, directory=folder / "run", resume=resume, **(options | given))


def write_spider(folder: Path, body: str, head: str = "") -> str:
    """Write a spider whose class body is given, and return its path as a declaration has it."""
    (folder / "spiders").mkdir(exist_ok=True)
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    text = f"import scrapy\n{head}\n\nclass Rude(scrapy.Spider):\n    name = 'rude'\n{lines}\n"
    (folder / "spiders" / "rude.py").write_text(text)
    return "spiders/rude.py:Rude"


def records(folder: Path) -> list[dict[str, Any]]:
    """Return the items that a run has written."""
    lines = [line for path in sorted((folder / "run").glob("*.items.jsonl")) for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


class PlainFile(Binary):
    """A file of the release, as the stage opens it for a reader."""

    def __init__(self, path: Path) -> None:
        self.name, self.size, self.path = path.name, path.stat().st_size, path

    def open(self) -> Any:
        """Open it."""
        assert self.path is not None
        return self.path.open("rb")


def rows(declared: Source, done: CrawlRun, items: ItemSettings | None = None) -> list[dict[str, Any]]:
    """Read a crawl's release as the stage does."""
    release = crawl.release(declared, done, resolved_at="2026-01-01T00:00:00Z")
    siblings: dict[str, Binary] = {asset.path: PlainFile(Path(asset.local_path)) for asset in release.assets}
    found: list[dict[str, Any]] = []
    for path, binary in siblings.items():
        context = ReadContext("web", release.revision, path, "", items or ItemSettings(), ReadSettings(), siblings=siblings)
        for batch in CrawlReader().read(binary, context):
            assert not isinstance(batch, Rejection)
            found.extend(row | {"path": str(binary.path)} for row in batch.to_pylist())
    return found


def check_warc(folder: Path) -> int:
    """Return the number of WARC files, all of which `warcio check` must pass."""
    paths = [str(path) for path in (folder / "run").glob("*.warc.gz")]
    subprocess.run([sys.executable, "-m", "warcio.cli", "check", *paths], check=True, capture_output=True)
    return len(paths)


# --- the two model spiders ----------------------------------------------------------------------------------------------


def test_pages_become_items(site: Site, tmp_path: Path) -> None:
    """Every allowed page is one text item with address, referrer, time and digest; a forbidden page is never asked for."""
    declared = source(site)
    done = run(declared, tmp_path)
    assert (done.finished, done.items, done.pages) == (True, 4, 4)
    assert site.paths() == ["/", "/one", "/two", "/three"]
    assert done.refused == {"robots": 1}
    found = {row["url"]: row for row in rows(declared, done)}
    one = found[f"{site.url}/one"]
    assert one["text"] == "One\nThe first page."
    assert (one["title"], one["referrer"], one["member"]) == ("One", f"{site.url}/", "")
    assert one["retrieved_at"] is not None
    assert check_warc(tmp_path) == 1


def test_gallery_items_carry_caption_class_and_license(tmp_path: Path) -> None:
    """A media item has its caption, its section's class, the nearest license, and bytes that the archive gives back."""
    page = """<link rel="license" href="/licenses/all"><h1>Drums</h1>
      <section><h2>kicks</h2><figure><img src="/a.png" alt="alt words"><figcaption>A kick</figcaption>
        <a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a></figure></section>
      <section data-label="snares"><a href="/b.wav">a snare</a></section>
      <img src="data:image/png;base64,AAAA">"""
    png, wav = b"\x89PNG" + bytes(500), b"RIFF" + bytes(900)
    routes: dict[str, Any] = {
        "/": html(page),
        "/a.png": (200, {"Content-Type": "image/png"}, png),
        "/b.wav": (200, {"Content-Type": "audio/x-wav", "Content-Encoding": "gzip"}, gzip.compress(wav)),
    }
    with serving(Site(routes)) as site:
        declared = source(site, "gallery", limits=SourceLimitSettings(depth=0))
        done = run(declared, tmp_path)
        found = {row["name"]: row for row in rows(declared, done)}
    assert set(found) == {"a", "b"}
    assert (found["a"]["text"], found["a"]["label"]) == ("A kick", "kicks")
    assert found["a"]["license_raw"] == "CC BY 4.0"
    assert found["a"]["license_url"] == "https://creativecommons.org/licenses/by/4.0/"
    assert (found["b"]["label"], found["b"]["license_url"]) == ("snares", f"{site.url}/licenses/all")
    assert (found["a"]["modality"], found["b"]["modality"]) == ("image", "audio")
    with Contents(lambda blob: Path(blob)) as contents:
        assert contents.read(found["a"]["path"], found["a"]["member"], 10_000) == png
        assert contents.read(found["b"]["path"], found["b"]["member"], 10_000) == wav


def test_depth_limit_counts_links(site: Site, tmp_path: Path) -> None:
    """Depth 1 means the start page and what it links to; the link that lies deeper is counted, not followed."""
    done = run(source(site, limits=SourceLimitSettings(depth=1)), tmp_path)
    assert site.paths() == ["/", "/one"]
    assert done.refused["depth-limit"] == 1


def test_page_limit_ends_a_crawl(site: Site, tmp_path: Path) -> None:
    """No more pages than declared are asked for, and what is left out is counted."""
    done = run(source(site, limits=SourceLimitSettings(pages=2)), tmp_path)
    assert site.paths() == ["/", "/one"]
    assert (done.finished, done.pages, done.refused["page-limit"]) == (True, 2, 2)


def test_item_limit_ends_a_crawl(site: Site, tmp_path: Path) -> None:
    """No more items than declared are kept."""
    done = run(source(site, limits=SourceLimitSettings(items=2)), tmp_path)
    assert (done.finished, done.items, done.finish_reason) == (True, 2, "item-limit")


def test_base_url_moves_start_urls_to_a_stand_in(site: Site, tmp_path: Path) -> None:
    """base_url alone points a declaration of a public site to a loopback stand-in."""
    declared = source(site, start=("https://books.example.org/one",), base_url=site.url)
    run(declared, tmp_path)
    assert site.paths()[0] == "/one"


def test_declared_columns_of_plain_dicts(site: Site, tmp_path: Path) -> None:
    """A spider that yields plain dicts works, and `items` names its keys."""
    body = "def parse(self, response):\n    yield {'quote': 'Ça va', 'by': ['A', 'B'], 'tag': 'x', 'n': 3}"
    declared = source(site, write_spider(tmp_path, body))
    done = run(declared, tmp_path)
    row = rows(declared, done, ItemSettings(text="quote", label="tag", author="by", keep=("n",)))[0]
    assert (row["text"], row["label"], row["author"], row["fields"]) == ("Ça va", "x", "A; B", '{"n":3}')
    bare = rows(declared, done)[0]
    assert (bare["modality"], json.loads(bare["fields"])["quote"]) == ("table", "Ça va")


# --- robots.txt ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "visited", "reason"),
    [
        ((404, {}, b"User-agent: *\nDisallow: /\n"), True, ""),
        ((403, {}, b""), True, ""),
        ((200, {"Content-Type": "text/html"}, b"<html>soft 404</html>"), True, ""),
        ((500, {}, b""), False, "robots-unreachable"),
        ((503, {}, b"User-agent: *\nAllow: /\n"), False, "robots-unreachable"),
        ((429, {}, b""), False, "robots-unreachable"),
        (None, False, "robots-unreachable"),
        ((200, {"Content-Length": "5000"}, b"User-agent: *\n"), False, "robots-unreachable"),
        ((302, {"Location": "/robots.txt"}, b""), False, "robots-unreachable"),
        ((200, {}, b"User-agent: acq\nAllow: /\nUser-agent: *\nDisallow: /\n"), False, "robots"),
        ((200, {}, b"User-agent: *\nCrawl-delay: 9999\n"), False, "crawl-delay"),
    ],
)
def test_robots_fails_closed(answer: Answer | None, visited: bool, reason: str, tmp_path: Path) -> None:
    """Only an answer opens the gate: 4xx means no rules; 5xx, 429, a reset, a cut body or a circle mean no."""

    def robots() -> Answer | None:
        return answer

    with serving(Site({"/robots.txt": robots, "/": html("<p>text</p>")})) as site:
        if answer is not None and "Content-Length" in answer[1]:
            site.routes["/robots.txt"] = lambda: (200, {"Content-Length": "5000", "Connection": "close"}, b"User-agent: *\n")
        done = run(source(site), tmp_path)
    assert (site.paths() == ["/"]) is visited
    assert done.refused == ({} if visited else {reason: 1})


def test_crawl_delay_is_obeyed_exactly(site: Site, tmp_path: Path) -> None:
    """A crawl-delay keeps all requests to the host apart, the one for robots.txt included."""
    site.routes["/robots.txt"] = (200, {}, b"User-agent: acquisition\nCrawl-delay: 0.4\n")
    run(source(site, limits=SourceLimitSettings(pages=3)), tmp_path)
    times = [at for at, *_ in site.log]
    assert len(site.paths()) == 3
    assert len(times) > 4
    assert all(later - earlier >= 0.39 for earlier, later in pairwise(times))


def test_default_delay_is_a_second(site: Site, tmp_path: Path) -> None:
    """Without a declared delay, a second lies between two requests."""
    run(source(site, delay=1.0, limits=SourceLimitSettings(pages=1)), tmp_path)
    assert site.log[1][0] - site.log[0][0] >= 0.99


def test_one_connection_per_host(site: Site, tmp_path: Path) -> None:
    """Even without a delay, no request is sent to a host while another is under way."""
    under_way, most = 0, 0
    lock = threading.Lock()

    def slow() -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return html("<p>text</p>")

    site.routes["/"] = html("".join(f'<a href="/p{index}">x</a>' for index in range(20)))
    site.routes |= {f"/p{index}": slow for index in range(20)}
    assert run(source(site), tmp_path).pages == 21
    assert most == 1


def test_redirected_pages_ask_the_target_s_robots(site: Site, tmp_path: Path) -> None:
    """A redirect does not lead around robots.txt."""
    site.routes["/one"] = (302, {"Location": "/secret/x"}, b"")
    done = run(source(site), tmp_path)
    assert "/secret/x" not in site.paths()
    assert done.refused["robots"] == 1


# --- addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[fd00::1]/", "file:///etc/hostname", "ftp://x/"],
)
def test_redirects_to_closed_addresses_are_refused(target: str, site: Site, tmp_path: Path) -> None:
    """A redirect to a private address or another scheme is not followed, and the crawl goes on."""
    site.routes["/one"] = (302, {"Location": target}, b"")
    body = "def parse(self, response):\n    yield {'text': 'x'}\n    yield response.follow('/one')"
    done = run(source(site, write_spider(tmp_path, body)), tmp_path)
    assert site.paths() == ["/", "/one"]
    assert (done.finished, done.items) == (True, 1)
    if target.startswith("http"):
        assert done.refused == {"address": 1}
    else:
        assert done.failed == {"http-302": 1}


def test_links_off_the_spider_s_domains_are_counted(site: Site, tmp_path: Path) -> None:
    """What allowed_domains keeps out is not dropped in silence."""
    site.routes["/one"] = (302, {"Location": "http://other.example/"}, b"")
    assert run(source(site), tmp_path).refused == {"offsite": 1, "robots": 1}


def test_loopback_is_closed_unless_declared(site: Site, tmp_path: Path) -> None:
    """A spider's own start_urls cannot open loopback, in no spelling: only the declaration can."""
    port = site.url.rsplit(":", 1)[1]
    hosts = ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"]
    urls = [f"http://{host}:{port}/" for host in hosts]
    spider = write_spider(tmp_path, f"start_urls = {urls!r}\ndef parse(self, response):\n    yield {{'text': 'x'}}")
    declared = Source("web", SpiderSettings(kind="spider", spider=spider))
    done = run(declared, tmp_path)
    assert site.log == []
    assert (done.items, done.refused) == (0, {"address": len(urls)})


# --- what no spider can weaken ------------------------------------------------------------------------------------------

ASK_SECRET = "def parse(self, response):\n    yield scrapy.Request(response.urljoin('/secret/x'){}, callback=self.parse)\n"


@pytest.mark.parametrize(
    ("body", "ignored"),
    [
        ("custom_settings = {'ROBOTSTXT_OBEY': False}\n" + ASK_SECRET.format(""), 1),
        ("custom_settings = {'ROBOTSTXT_USER_AGENT': 'other', 'USER_AGENT': 'other'}\n" + ASK_SECRET.format(""), 2),
        (
            "custom_settings = {'DOWNLOAD_HANDLERS': {'http': 'scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler'"
            "}}\n" + ASK_SECRET.format(""),
            1,
        ),
        ("custom_settings = {'ADDONS': {'x.Y': 1}, 'EXTENSIONS': {'x.Y': 1}}\n" + ASK_SECRET.format(""), 2),
        ("user_agent = 'other'\ndownload_delay = 0\n" + ASK_SECRET.format(""), 2),
        (ASK_SECRET.format(", meta={'dont_obey_robotstxt': True}"), 0),
        (ASK_SECRET.format(", meta={'acquisition_robots': True, 'proxy': 'http://127.0.0.1:1'}"), 0),
        (ASK_SECRET.format(", headers={'Cookie': 'a=b', 'Authorization': 'x', 'User-Agent': 'other', 'Referer': 'x'}"), 0),
        (ASK_SECRET.format(", cookies={'a': 'b'}"), 0),
    ],
)
def test_a_spider_cannot_weaken_the_rules(body: str, ignored: int, site: Site, tmp_path: Path) -> None:
    """Settings, attributes and meta keys that would weaken the crawl are overridden, and ignored settings are counted."""
    done = run(source(site, write_spider(tmp_path, body)), tmp_path)
    assert site.paths() == ["/"]
    assert done.refused == {"robots": 1} | ({"setting": ignored} if ignored else {})
    agents = {headers["User-Agent"] for *_, headers in site.log}
    assert len(agents) == 1
    assert "+https://example.org/bot; mailto:data@example.org" in agents.pop()


@pytest.mark.parametrize(
    "extra",
    [
        ", meta={'proxy': 'http://127.0.0.1:1', 'cookiejar': 1, 'bindaddress': '127.0.0.9'}",
        ", headers={'Cookie': 'a=b', 'Authorization': 'Basic x', 'Referer': 'http://x/', 'X-Forwarded-For': '1.1.1.1'}",
        ", cookies={'a': 'b'}",
        ", meta={'referrer_policy': 'unsafe-url'}",
    ],
)
def test_nothing_sensitive_leaves(extra: str, site: Site, tmp_path: Path) -> None:
    """Cookies, credentials, referrers and proxies that a spider asks for do not reach the network."""
    site.routes["/"] = (200, {"Content-Type": "text/html", "Set-Cookie": "session=1"}, b"<p>x</p>")
    body = f"def parse(self, response):\n    yield scrapy.Request(response.urljoin('/one'){extra}, callback=self.done)\n"
    run(source(site, write_spider(tmp_path, body + "def done(self, response):\n    pass")), tmp_path)
    assert site.paths() == ["/", "/one"]
    sent = {name.lower() for *_, headers in site.log for name in headers}
    assert sent.isdisjoint({"cookie", "authorization", "referer", "x-forwarded-for"})


def test_only_reading_methods_are_sent(site: Site, tmp_path: Path) -> None:
    """A spider cannot post."""
    body = "def parse(self, response):\n    yield scrapy.FormRequest(response.urljoin('/one'), formdata={'a': 'b'})"
    done = run(source(site, write_spider(tmp_path, body)), tmp_path)
    assert site.paths() == ["/"]
    assert done.refused == {"method": 1}


@pytest.mark.parametrize(
    "body",
    ["download_maxsize = 0", "custom_settings = {'DOWNLOAD_MAXSIZE': 10**9}", "m = {'download_maxsize': 10**9}"],
)
def test_a_response_is_limited_in_size(body: str, site: Site, tmp_path: Path) -> None:
    """A response beyond max_response is cut off and recorded, whatever the spider says."""
    site.routes["/big"] = (200, {"Content-Type": "image/png"}, bytes(300_000))
    ask = "\nm = globals().get('m')\ndef parse(self, response):\n"
    ask += "    yield scrapy.Request(response.urljoin('/big'), meta=getattr(self, 'm', None), callback=self.big)\n"
    ask += "def big(self, response):\n    yield {'caption': 'x'}"
    done = run(
        source(site, write_spider(tmp_path, body + ask.replace("\nm = globals().get('m')", "")), max_response=100_000), tmp_path
    )
    assert (done.items, done.failed) == (0, {"too-large": 1})


@pytest.mark.parametrize(
    ("name", "value"), [("ROBOTSTXT_OBEY", False), ("COOKIES_ENABLED", True), ("DOWNLOADER_MIDDLEWARES", {"x.Y": 1})]
)
def test_a_spider_that_forces_settings_is_refused(name: str, value: object, site: Site, tmp_path: Path) -> None:
    """Settings forced past the priorities stop the crawl before anything is sent, and the setting is named."""
    body = "@classmethod\ndef update_settings(cls, settings):\n"
    body += f"    settings.set({name!r}, {value!r}, priority=9999)\n"
    with pytest.raises(PluginError, match=name):
        run(source(site, write_spider(tmp_path, body + "def parse(self, response):\n    pass")), tmp_path)
    assert site.log == []


def test_a_spider_may_be_gentler(site: Site, tmp_path: Path) -> None:
    """A longer delay in custom_settings counts."""
    body = "custom_settings = {'DOWNLOAD_DELAY': 0.5}\ndef parse(self, response):\n    pass"
    run(source(site, write_spider(tmp_path, body)), tmp_path)
    assert site.log[1][0] - site.log[0][0] >= 0.49


def test_settings_changed_while_starting_are_refused(site: Site, tmp_path: Path) -> None:
    """A spider that waits until from_crawler to force a setting is caught before anything is sent, too."""
    body = "@classmethod\ndef from_crawler(cls, crawler, **kwargs):\n"
    body += "    crawler.settings.set('COOKIES_ENABLED', True, priority=9999)\n"
    body += "    return super().from_crawler(crawler, **kwargs)\n"
    with pytest.raises(PluginError, match="COOKIES_ENABLED"):
        run(source(site, write_spider(tmp_path, body)), tmp_path)
    assert site.log == []


def test_reserved_arguments_are_refused(site: Site, tmp_path: Path) -> None:
    """Arguments that would change how the crawl behaves are an error."""
    with pytest.raises(PluginError, match="user_agent"):
        run(source(site, arguments={"user_agent": "other"}), tmp_path)


# --- failures, stops and kills ------------------------------------------------------------------------------------------


def test_no_contact_no_crawl(site: Site, tmp_path: Path) -> None:
    """Without a contact nothing is sent and nothing is written."""
    with pytest.raises(NoContact):
        run(source(site), tmp_path, contact=None)
    assert site.log == []
    assert not (tmp_path / "run").exists()


def test_what_fails_is_named_and_the_rest_goes_on(site: Site, tmp_path: Path) -> None:
    """A page that is missing, fails, hangs up, is encoded twice or makes the spider raise costs only itself."""
    links = "".join(f'<a href="/{name}">x</a>' for name in ("missing", "broken", "gone", "twice", "raises", "one"))
    site.routes |= {
        "/": html(links),
        "/broken": html("", 500),
        "/gone": lambda: None,
        "/twice": (200, {"Content-Type": "text/html", "Content-Encoding": "gzip, gzip"}, b"x"),
        "/raises": html("<p>x</p>"),
    }
    body = """
def parse(self, response):
    if response.url.endswith('/raises'):
        raise KeyError('no title')
    yield {'text': response.url}
    yield from response.follow_all(css='a', callback=self.parse)
"""
    done = run(source(site, write_spider(tmp_path, body), limits=SourceLimitSettings(depth=1)), tmp_path)
    assert done.failed == {
        "content-encoding": 1,
        "http-404": 1,
        "http-500": 1,
        "reset": 1,
        "spider-error": 1,
    }
    assert (done.finished, done.items) == (True, 2)
    entries = [json.loads(line) for line in (tmp_path / "run" / "refusals.jsonl").read_text().splitlines()]
    assert {entry["detail"] for entry in entries if entry["reason"] == "spider-error"} == {"rude: KeyError: 'no title'"}
    check_warc(tmp_path)


def test_unknown_spiders_are_named(site: Site, tmp_path: Path) -> None:
    """An unknown spider, a broken one and one that cannot start are plug-in errors, and nothing is sent."""
    with pytest.raises(PluginError, match="no spider 'nobody'"):
        run(source(site, "nobody"), tmp_path)
    with pytest.raises(PluginError, match="cannot be imported"):
        run(source(site, write_spider(tmp_path, "pass", head="import no_such_module")), tmp_path / "b", base=tmp_path)
    never = write_spider(tmp_path, "def __init__(self, **kwargs):\n    raise ValueError(1)")
    with pytest.raises(PluginError, match="cannot be started"):
        run(source(site, never), tmp_path / "c", base=tmp_path)
    assert site.log == []


def test_a_finished_run_is_not_repeated(site: Site, tmp_path: Path) -> None:
    """The same command again sends nothing; another question needs another directory."""
    declared = source(site)
    first = run(declared, tmp_path)
    asked = len(site.log)
    assert run(declared, tmp_path, resume=True) == first
    assert len(site.log) == asked
    assert crawl.find_run(tmp_path, declared) == tmp_path / "run"
    assert crawl.find_run(tmp_path, source(site, arguments={"follow": "x"})) is None
    with pytest.raises(UsageError):
        run(declared, tmp_path)


class Hook(Reporter):
    """Does something once so many pages have come."""

    def __init__(self, pages: int, action: Callable[[], object]) -> None:
        self._pages, self._action = pages, action

    def event(self, name: str, /, **fields: Any) -> None:
        """Look at the progress."""
        if name == "crawl-progress" and fields["pages"] >= self._pages:
            self._pages = 10**9
            self._action()


def many_pages(site: Site, count: int) -> None:
    """Fill a site with pages that each link to the next ones, at a pace that can be interrupted."""
    site.routes["/robots.txt"] = (200, {}, b"User-agent: *\nCrawl-delay: 0.05\n")
    for index in range(count):
        links = "".join(f'<a href="/p{(index * 3 + step) % count}">x</a>' for step in (1, 2, 3))
        site.routes[f"/p{index}"] = html(f"<h1>Page {index}</h1><p>Text of page {index}.</p>{links}")
    site.routes["/"] = html('<p>start</p><a href="/p0">x</a>')


def test_kill_and_rerun_loses_nothing(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill -9 twice in the middle and the same command again: every item once, no archived page fetched twice."""
    many_pages(site, 60)
    declared = source(site)
    whole = run(declared, tmp_path / "whole")
    site.log.clear()
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def starting(*args: Any, **kwargs: Any) -> Any:
        started.append(real(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr("acquisition.crawl.process.subprocess.Popen", starting)
    for pages in (8, 25):
        with pytest.raises(PluginError):
            run(declared, tmp_path, resume=True, reporter=Hook(pages, lambda: started[-1].kill()))
    done = run(declared, tmp_path, resume=True)
    assert (done.finished, done.items, done.pages) == (True, whole.items, whole.pages)
    assert len(site.paths()) <= whole.pages + 2
    ids = [record["locator"] for record in records(tmp_path)]
    assert len(ids) == len(set(ids)) == whole.items
    assert set(ids) == {record["locator"] for record in records(tmp_path / "whole")}
    revision = crawl.release(declared, done, resolved_at="").revision
    assert revision == crawl.release(declared, whole, resolved_at="").revision
    assert check_warc(tmp_path) == 1
    assert [row["locator"] for row in rows(declared, done)] == sorted(ids)


def test_a_stop_is_clean_and_resumes(site: Site, tmp_path: Path) -> None:
    """A stop ends the run with what it has; the same command goes on from there."""
    many_pages(site, 40)
    declared = source(site)
    stop = threading.Event()
    halted = run(declared, tmp_path, reporter=Hook(5, stop.set), stop=stop)
    assert not halted.finished
    assert 5 <= halted.pages < 41
    assert list((tmp_path / "run").glob("*.open")) == []
    done = run(declared, tmp_path, resume=True)
    assert (done.finished, done.pages, done.items) == (True, 41, 41)
    assert len(site.paths()) == 41


def test_the_crawler_ends_with_its_parent(site: Site, tmp_path: Path) -> None:
    """When the command is killed, its crawler stops asking at once, and the same command again completes the run."""
    many_pages(site, 40)
    declared = source(site)
    script = (
        "import os, sys, threading\nfrom pathlib import Path\nfrom acquisition import crawl\n"
        "from acquisition.protocols import Silent, Source\nfrom acquisition.settings import ContactSettings\n"
        "from acquisition.sources.spider import SpiderSettings\n"
        "folder, url = Path(sys.argv[1]), sys.argv[2]\n"
        "settings = SpiderSettings(kind='spider', spider='pages', start=(url,), delay=0.0)\n"
        "contact = ContactSettings(name='Lab', url='https://example.org/bot', email='data@example.org')\n"
        "crawl.run(Source('web', settings), directory=folder / 'run', contact=contact, environment=os.environ,\n"
        "          base=folder, reporter=Silent(), stop=threading.Event(), resume=True)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), site.url + "/"])
    deadline = time.monotonic() + 30
    while len(site.log) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    time.sleep(0.3)
    asked = len(site.log)
    time.sleep(0.4)
    assert len(site.log) == asked < 41
    done = run(declared, tmp_path, resume=True)
    assert (done.finished, done.items) == (True, 41)


# --- TLS ----------------------------------------------------------------------------------------------------------------


def self_signed(folder: Path) -> Path:
    """Return a file with a fresh key and a certificate for 127.0.0.1 that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    (folder / "server.pem").write_bytes(pem)
    return folder / "server.pem"


def test_certificates_are_verified(tmp_path: Path) -> None:
    """A certificate that nobody vouches for closes the host, although Scrapy's default would not look at it."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(tmp_path))
    body = "custom_settings = {'DOWNLOAD_VERIFY_CERTIFICATES': False}\ndef parse(self, response):\n    yield {'text': 'x'}"
    with serving(Site({"/": html("x")}), tls) as site:
        done = run(source(site, write_spider(tmp_path, body)), tmp_path)
    assert (done.items, done.refused["robots-unreachable"]) == (0, 1)
    assert site.log == []
