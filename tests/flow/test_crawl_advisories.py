"""What was once wrong in Scrapy, Twisted and their neighbours must not be wrong here, whatever is underneath.

One test per advisory that applies to a client which crawls. Those that concern servers, other protocols or parts that are not
used have no test: Twisted's CVE-2019-12855 (XMPP), CVE-2022-21716 (SSH), CVE-2020-10108, CVE-2020-10109, CVE-2022-39348,
CVE-2024-41671 and CVE-2024-41810 (servers), gerapy and crawl4ai (services that run code). Forged certificates (Twisted's
CVE-2014-7143) are refused in test_crawl_guard.py, answers out of order (CVE-2023-46137) in test_crawl_hostile.py.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import ssl
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from acquisition import crawl
from acquisition.crawl import robots
from acquisition.crawl.contract import Ask, Failed
from acquisition.crawl.discover import feeds, sitemaps
from acquisition.crawl.discover.xml import BadXml
from acquisition.crawl.outcome import CrawlRun
from acquisition.crawl.visit.transport import CurlTransport, UrlGuard
from acquisition.protocols import Silent, Source
from acquisition.settings import ContactSettings, SourceLimitSettings
from acquisition.sources.spider import SpiderSettings
from tests.flow.hostile import OK, Attack, Hostile, Peer, authority, chunk, forever, hostile, says, tls_server

pytestmark = pytest.mark.flow

CONTACT = ContactSettings(name="Lab", url="https://example.org/bot", email="data@example.org")
SENT = {"host", "user-agent", "from", "accept", "accept-language", "accept-encoding"}
"""All header fields that a first visit may send."""
PATIENCE = 60.0
"""Seconds after which a crawl that hangs is stopped, and fails its test."""
KIB, MIB = 1 << 10, 1 << 20
HTML = "Content-Type: text/html; charset=utf-8"


def page(body: str, *headers: str, status: str = "200 OK") -> Attack:
    """Return what answers with a page."""
    return lambda peer: peer.answer(f"<!doctype html><p>{body}".encode(), status, HTML, *headers)


def moved(location: str, status: str = "302 Found") -> Attack:
    """Return what answers with a redirect."""
    return lambda peer: peer.answer(b"", status, f"Location: {location}")


@dataclass
class Sites:
    """Two sites on different hosts: the one that is crawled, and another that it may lead to."""

    own: Hostile
    other: Hostile

    @property
    def heads(self) -> list[bytes]:
        """Everything that was sent to both."""
        return self.own.heads + self.other.heads

    def sent(self) -> set[str]:
        """Return the names of all header fields that were sent, lower case."""
        lines = [line for head in self.heads for line in head.split(b"\r\n")[1:] if line]
        return {line.split(b":")[0].decode("latin-1").lower() for line in lines}

    def visited(self, server: Hostile) -> list[str]:
        """Return the paths that a site was asked for, without files about rights and the probe for soft 404s."""
        paths = [head.split(b" ")[1].decode("latin-1") for head in server.heads]
        files = ("/robots.txt", "/ai.txt", "/trust.txt", "/license.xml", "/.well-known/")
        return [path for path in paths if not path.startswith(files) and not re.fullmatch("/[0-9a-f]{20}", path)]


@pytest.fixture
def sites() -> Iterator[Sites]:
    """Yield two sites that allow everything."""
    with two_sites() as running:
        yield running


@contextmanager
def two_sites() -> Iterator[Sites]:
    """Run two sites on 127.0.0.1 and 127.0.0.2."""
    with ExitStack() as stack:
        own, other = (stack.enter_context(hostile({}, host=host)) for host in ("127.0.0.1", "127.0.0.2"))
        for server in (own, other):
            server.attacks["/robots.txt"] = lambda peer: peer.answer(b"User-agent: *\nDisallow:\n", "200 OK")
            server.attacks["/"] = page("front")
        yield Sites(own, other)


FOLLOW = """def parse(self, response):
    yield {'text': response.url}
    for link in response.css('a::attr(href)').getall():
        yield response.follow(link)
"""


def crawled(
    sites: Sites, folder: Path, body: str = FOLLOW, *, environment: Mapping[str, str] | None = None, **options: Any
) -> CrawlRun:
    """Crawl the first site with a spider whose class body is given, or with a spider that is there (`spider`)."""
    (folder / "spiders").mkdir(exist_ok=True)
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / "spiders" / "mine.py").write_text(
        f"import sys\nimport scrapy\n\nclass Mine(scrapy.Spider):\n    name = 'mine'\n{lines}\n"
    )
    given: dict[str, Any] = {"spider": "spiders/mine.py:Mine", "start": (sites.own.url + "/",), "delay": 0.0} | options
    stop = threading.Event()
    patience = threading.Timer(PATIENCE, stop.set)
    patience.start()
    try:
        done = crawl.run(
            Source("web", SpiderSettings(kind="spider", **given)),
            directory=folder / "run",
            contact=CONTACT,
            environment=environment or os.environ,
            base=folder,
            reporter=Silent(),
            stop=stop,
            resume=False,
        )
    finally:
        patience.cancel()
    assert done.finished
    return done


def items(folder: Path) -> list[dict[str, Any]]:
    """Return what a run has kept."""
    lines = [line for path in sorted((folder / "run").glob("*.items.jsonl")) for line in path.read_text().splitlines()]
    return [json.loads(line)["item"] for line in lines]


# --- credentials, cookies, referrers, proxies ---


@pytest.mark.parametrize("code", ["301 Moved", "303 See Other", "308 Permanent"])
def test_authorization_does_not_cross_hosts_on_a_redirect(code: str, sites: Sites, tmp_path: Path) -> None:
    """CVE-2024-3574, CVE-2024-1968, Twisted's CVE-2022-21712: Authorization was kept on redirects to another host or port.

    It applies because spiders set headers and redirects are followed; here it is not sent anywhere, the first host included.
    """
    sites.own.attacks["/"] = moved(sites.other.url + "/there", code)
    sites.other.attacks["/there"] = moved(sites.own.url + "/back", code)
    sites.own.attacks["/back"] = page("back")
    body = """async def start(self):
    headers = {'Authorization': 'Basic c2VjcmV0', 'Cookie': 'a=b', 'X-Api-Key': 'secret', 'Proxy-Authorization': 'Basic eA=='}
    yield scrapy.Request(self.start_urls[0], headers=headers, cookies={'c': 'd'})
def parse(self, response):
    yield {'text': response.url}
"""
    done = crawled(sites, tmp_path, body)
    assert (done.items, sites.visited(sites.other), sites.visited(sites.own)) == (1, ["/there"], ["/", "/back"])
    assert sites.sent() <= SENT


def test_http_auth_of_a_spider_is_sent_nowhere(sites: Sites, tmp_path: Path) -> None:
    """CVE-2021-41125 and scrapy-splash's CVE-2021-41124: http_user and http_pass went to every domain, robots.txt included."""
    sites.own.attacks["/"] = page(f'<a href="{sites.other.url}/there">x</a>')
    sites.other.attacks["/there"] = page("there", 'WWW-Authenticate: Basic realm="x"', status="401 Unauthorized")
    body = "http_user = 'me'\nhttp_pass = 'secret'\nhttp_auth_domain = None\n" + FOLLOW
    crawled(sites, tmp_path, body)
    assert sites.visited(sites.other) == ["/there"]
    assert sites.sent() <= SENT


@pytest.mark.parametrize("domain", ["", "; Domain=127.0.0.2", "; Domain=.0.0.1"])
def test_cookies_are_not_kept(domain: str, sites: Sites, tmp_path: Path) -> None:
    """CVE-2022-0577 and GHSA-mfjm-vh54-3f96: cookies crossed hosts on redirects, and could be set for public suffixes."""
    cookie = f"Set-Cookie: session=1; Path=/{domain}"
    sites.own.attacks["/"] = page('<a href="/next">x</a>', cookie)
    sites.own.attacks["/next"] = lambda peer: peer.answer(b"", "302 Found", f"Location: {sites.other.url}/there", cookie)
    sites.other.attacks["/there"] = page("there", cookie)
    body = "custom_settings = {'COOKIES_ENABLED': True}\n" + FOLLOW
    crawled(sites, tmp_path, body)
    assert sites.visited(sites.other) == ["/there"]
    assert sites.sent() <= SENT


@pytest.mark.parametrize("policy", ["pwned.Policy", "unsafe-url"])
def test_a_referrer_policy_is_not_code(policy: str, sites: Sites, tmp_path: Path) -> None:
    """GHSA-cwxj-rr6w-m6w7: a Referrer-Policy header (or meta tag) named a Python object, which was imported and called."""
    (tmp_path / "pwned.py").write_text(f"open({str(tmp_path / 'pwned')!r}, 'w').close()\nPolicy = None\n")
    sites.own.attacks["/"] = page(
        f'<meta name="referrer" content="{policy}"><a href="/next">x</a><a href="{sites.other.url}/there">x</a>',
        f"Referrer-Policy: {policy}",
    )
    sites.own.attacks["/next"] = lambda peer: peer.answer(
        b"", "302 Found", f"Location: {sites.other.url}/last", f"Referrer-Policy: {policy}"
    )
    body = f"custom_settings = {{'REFERER_ENABLED': True, 'REFERRER_POLICY': {policy!r}}}\n" + FOLLOW
    done = crawled(sites, tmp_path, body, environment=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert done.finished
    assert not (tmp_path / "pwned").exists()
    assert sites.sent() <= SENT


def test_no_proxy_is_used(sites: Sites, tmp_path: Path) -> None:
    """GHSA-jm3v-qxmh-hxwv, GHSA-9x8m-2xpf-crp3, Twisted's CVE-2016-1000111 (httpoxy): wrong proxies were asked.

    None is asked at all: neither one that a spider names, nor one of the environment, nor after a change of scheme.
    """
    body = """async def start(self):
    yield scrapy.Request(self.start_urls[0], meta={'proxy': 'http://user:secret@PROXY', '_auth_proxy': 'http://PROXY'})
def parse(self, response):
    yield {'text': response.url}
"""
    with hostile({}) as proxy:
        address = f"127.0.0.1:{proxy.port}"
        names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        environment = os.environ | dict.fromkeys(names, f"http://user:secret@{address}") | {"NO_PROXY": "", "no_proxy": ""}
        sites.own.attacks["/"] = moved(f"https://127.0.0.2:{sites.other.port}/secure")
        crawled(sites, tmp_path, body.replace("PROXY", address), environment=environment)
        assert proxy.connections == 0
    assert sites.visited(sites.own) == ["/"]
    assert sites.sent() <= SENT


def test_a_body_is_sent_nowhere(sites: Sites, tmp_path: Path) -> None:
    """Fixed in Scrapy 2.14.2: the body of a POST was sent again to another origin on a 301. No request here has a body."""
    sites.own.attacks["/post"] = moved(sites.other.url + "/there", "307 Temporary Redirect")
    body = """def parse(self, response):
    yield scrapy.Request(response.urljoin('/post'), method='POST', body=b'secret')
    yield scrapy.Request(response.urljoin('/post?get'), body=b'secret')
    yield scrapy.Request(response.urljoin('/post?put'), method='PUT')
    yield scrapy.FormRequest(response.urljoin('/post?form'), formdata={'a': 'secret'})
"""
    done = crawled(sites, tmp_path, body)
    assert [head for head in sites.own.heads if head.startswith((b"POST", b"PUT"))] == []
    assert done.refused == {"method": 3}
    assert sites.sent() <= SENT
    assert not sites.other.heads


# --- where requests may go ---


@pytest.mark.parametrize("target", ["file:///etc/hostname", "data:text/html,hello", "s3://bucket/key"])
def test_redirects_to_other_schemes_are_not_followed(target: str, sites: Sites, tmp_path: Path) -> None:
    """GHSA-23j4-mw76-5v7h: redirects to file:, s3: and data: were followed, and could read this machine's files.

    By status, by meta refresh, by link and by a spider's own request; GHSA-76g3-c3x4-crvx (s3:// in the clear) with them.
    """
    sites.own.attacks["/"] = page(f'<a href="/status">a</a><a href="/refresh">b</a><a href="{target}">c</a>')
    sites.own.attacks["/status"] = moved(target)
    sites.own.attacks["/refresh"] = page(f'<meta http-equiv="refresh" content="0;url={target}">refreshing')
    ask = f"def parse(self, response):\n    yield scrapy.Request({target!r}, self.leaked)\n    yield from self.go(response)\n"
    leaked = "def leaked(self, response):\n    yield {'text': 'leaked ' + response.text}\n"
    done = crawled(sites, tmp_path, ask + leaked + FOLLOW.replace("def parse", "def go"))
    assert done.finished
    assert not [item for item in items(tmp_path) if not str(item["text"]).startswith(sites.own.url)]
    assert sites.visited(sites.own) == ["/", "/status", "/refresh"]


def test_allowed_domains_hold_for_every_request(sites: Sites, tmp_path: Path) -> None:
    """Fixed in Scrapy 2.11.2: start requests, redirects and requests of other components went around allowed_domains."""
    sites.own.attacks["/"] = page(f'<a href="{sites.other.url}/link">a</a><a href="/redirect">b</a><a href="/refresh">c</a>')
    sites.own.attacks["/redirect"] = moved(sites.other.url + "/redirected")
    sites.own.attacks["/refresh"] = page(f'<meta http-equiv="refresh" content="0;url={sites.other.url}/refreshed">x')
    body = f"""allowed_domains = ['127.0.0.1']
async def start(self):
    yield scrapy.Request(self.start_urls[0])
    yield scrapy.Request({sites.other.url + "/start"!r})
"""
    done = crawled(sites, tmp_path, body + FOLLOW)
    assert sites.visited(sites.own) == ["/", "/redirect", "/refresh"]
    assert not sites.other.heads
    assert done.refused["offsite"] == 4


def test_an_address_forges_no_lines(sites: Sites, tmp_path: Path) -> None:
    """Twisted's CVE-2019-12387: line breaks in an address or method became header lines of the request."""
    links = ["/a%0d%0aX-Evil:%201", "/b&#13;&#10;X-Evil: 1", "/c&#10;Host: evil", "/d b HTTP/1.1&#13;&#10;X-Evil: 1"]
    sites.own.attacks["/"] = page(" ".join(f'<a href="{link}">x</a>' for link in links))
    body = """def parse(self, response):
    headers = {'Accept': 'text/html\\r\\nX-Evil: 1', 'Accept-Language': 'de\\nX-Evil: 1'}
    for link in response.css('a::attr(href)').getall():
        yield scrapy.Request(response.urljoin(link), headers=headers)
        yield scrapy.Request(self.start_urls[0] + 'plain' + link)
"""
    crawled(sites, tmp_path, body)
    assert len(sites.visited(sites.own)) > 4
    assert sites.sent() <= SENT
    assert all(head.split(b"\r\n")[0].endswith(b" HTTP/1.1") for head in sites.heads)


# --- what is read ---


def test_a_compressed_bomb_costs_its_own_page(sites: Sites, tmp_path: Path) -> None:
    """CVE-2024-3572 and CVE-2025-6176: bombs went past DOWNLOAD_MAXSIZE. Their pages fail, and the crawl goes on."""
    packed = {coding: gzip.compress(bytes(100 * MIB)) for coding in ("gzip", "br", "gzip, gzip", "zstd")}
    packed["deflate"] = zlib.compress(bytes(100 * MIB))

    def bomb(coding: str) -> Attack:
        return lambda peer: peer.answer(packed[coding], "200 OK", HTML, f"Content-Encoding: {coding}")

    paths = {f"/bomb{number}": bomb(coding) for number, coding in enumerate(packed)}
    sites.own.attacks |= {"/": page("".join(f'<a href="{path}">x</a>' for path in [*paths, "/after"])), "/after": page("after")}
    sites.own.attacks |= paths
    done = crawled(sites, tmp_path, max_response=4 * MIB)
    assert sites.visited(sites.own) == ["/", *paths, "/after"]
    assert done.failed == {"too-large": 2, "content-encoding": 3}
    assert done.items == 2


def test_hostile_pages_cost_their_own_request(sites: Sites, tmp_path: Path) -> None:
    """Servers that flood and lie, with the two attacks that stock Scrapy lets through among them, end their own page only."""
    attacks: dict[str, tuple[Attack, str]] = {
        "/forty-thousand-headers": (forever(OK, b"X-A: " + b"a" * 1_000 + b"\r\n"), "headers"),
        "/sixty-codings": (
            lambda peer: peer.answer(gzip.compress(b"x"), "200 OK", HTML, "Content-Encoding: " + ", ".join(["gzip"] * 60)),
            "content-encoding",
        ),
        "/99-gigabytes": (forever(OK + b"Content-Length: 99000000000\r\n\r\n", bytes(65_536)), "too-large"),
        "/endless": (forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunk(bytes(65_536))), "too-large"),
        "/giant-line": (forever(OK + b"X: ", b"a" * 65_536), "headers"),
        "/hints": (forever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), "headers"),
        "/http-0.9": (says(b"<html>1991</html>"), "protocol"),
    }
    started = time.monotonic()
    with ExitStack() as stack:
        bad = {
            path: stack.enter_context(hostile({path: attack}, host=f"127.0.0.{number}"))
            for number, (path, (attack, _)) in enumerate(attacks.items(), 3)
        }
        links = [f'<a href="{server.url}{path}">x</a>' for path, server in bad.items()]
        sites.own.attacks |= {"/": page("".join(links) + '<a href="/after">x</a>'), "/after": page("after")}
        done = crawled(sites, tmp_path, max_response=4 * MIB)
    assert done.failed == Counter(reason for _, reason in attacks.values())
    assert done.items == 2
    assert sum(server.taken[path] for path, server in bad.items()) < 64 * MIB
    assert time.monotonic() - started < 20.0


def test_a_large_file_is_never_held_in_memory(sites: Sites, tmp_path: Path) -> None:
    """CVE-2017-14158: the media pipeline reads whole files into memory. An endless one is cut off at max_response."""

    def endless(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG")
        while True:
            peer.send(bytes(64 * KIB))

    sites.own.attacks["/"] = page('<img src="/endless.png" alt="endless"><img src="/fine.png" alt="fine">')
    sites.own.attacks["/endless.png"] = endless
    sites.own.attacks["/fine.png"] = lambda peer: peer.answer(b"\x89PNG" + bytes(500), "200 OK", "Content-Type: image/png")
    done = crawled(sites, tmp_path, spider="gallery", max_response=MIB)
    assert done.failed == {"too-large": 1}
    assert done.items == 1
    assert sites.own.taken["/endless.png"] < 16 * MIB


ENTITIES = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/hostname"><!ENTITY net SYSTEM "{other}/entity">
<!ENTITY % remote SYSTEM "{other}/parameter"> %remote;]>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>{own}/read?&file;</loc></url><url><loc>{own}/read?&net;</loc></url></urlset>"""


@pytest.mark.parametrize("kind", ["sitemaps", "feeds"])
def test_xml_reads_no_files_and_asks_nobody(kind: str, sites: Sites, tmp_path: Path) -> None:
    """Scrapy #676 (XXE): a sitemap's entities were files of this machine or requests to others. Sitemaps and feeds are read."""
    body = ENTITIES.format(own=sites.own.url, other=sites.other.url)
    sites.own.attacks["/list.xml"] = lambda peer: peer.answer(body.encode(), "200 OK", "Content-Type: application/xml")
    options: dict[str, Any] = {kind: (sites.own.url + "/list.xml",)}
    done = crawled(sites, tmp_path, spider="site", **options)
    assert done.finished
    assert "/list.xml" in sites.visited(sites.own)
    assert not sites.other.heads
    hostname = Path("/etc/hostname").read_text().strip() if Path("/etc/hostname").exists() else "etc/hostname"
    assert not [path for path in sites.visited(sites.own) if path.startswith("/read?") and (hostname in path or "root" in path)]


LAUGHS = "<!DOCTYPE x [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)) + "]>"


@pytest.mark.parametrize(
    "body",
    [
        b"<urlset>" + b"<url" * 200_000,
        b"<urlset>" + b"<url>" * 200_000,
        b"<urlset>" + b"<url <loc>" * 100_000,
        b"<urlset><url><loc>" + b"&" * 1_000_000,
        b"<rss>" + b"<item>" * 5_000 + b"</item>" * 5_000 + b"</rss>",
        b"<urlset " + b"a='b' " * 200_000 + b"/>",
        b"<urlset " + b"".join(b"a%d='b' " % number for number in range(100_000)) + b"/>",
        b"<!--" + b"-" * 1_000_000,
        b"<!DOCTYPE " + b"[" * 500_000,
        b"<urlset><![CDATA[" * 50_000,
        (LAUGHS + "<urlset><url><loc>&a11;</loc></url></urlset>").encode(),
        (LAUGHS + "<rss><channel><item><title>&a11;</title></item></channel></rss>").encode(),
        b"<urlset xmlns:" + b"x" * 1_000_000 + b"='y'/>",
        b"[" * 200_000,
        b'{"items":' + b"[" * 100_000,
    ],
    ids=lambda body: body[:24].decode(),
)
def test_hostile_lists_take_no_time(body: bytes) -> None:
    """CVE-2024-1892 (ReDoS in xmliter) and 2.11.2 (entities): lists that take a reader for ever or fill its memory."""
    started = time.monotonic()
    try:
        read: list[object] = [*sitemaps.read(body, "http://example.org/list.xml")]
    except sitemaps.BadSitemap:
        read = []
    try:
        read += feeds.read(body, "http://example.org/list.xml").entries
    except BadXml:
        read += []
    assert len(str(read)) < 4 * MIB
    assert time.monotonic() - started < 3.0


@pytest.mark.parametrize(
    "rule",
    [
        *(
            "/" + "*a" * 2_000 + "$",
            "/" + "a*" * 2_000 + "b",
            "/*" * 5_000 + "x$",
            "/" + "*" * 100_000 + "b$",
            "/" + "%2A" * 20_000,
        ),
        "/(a+)+$" * 500,
    ],
    ids=lambda rule: rule[:12],
)
def test_hostile_robots_rules_take_no_time(rule: str) -> None:
    """Robots-parser#12 and GHSA-6g33-8w2q-4hxv (ReDoS): rules with many stars, over an address that almost fits them."""
    robots_txt = f"User-agent: *\nDisallow: {rule}\nDisallow: /private\n"
    started = time.monotonic()
    for path in ("/" + "a" * 5_000, "/" + "ab" * 2_500 + "c", "/private/x"):
        allowed = robots.allowed(robots_txt, "acquisition", "http://example.org" + path)
    assert not allowed
    assert time.monotonic() - started < 2.0


# --- other protocols ---


def test_http_2_is_not_spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twisted's CVE-2019-9512, 9514 and 9515 (floods of HTTP/2 frames): it is neither offered nor taken up."""
    trusted = authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted.file))
    chosen: list[str | None] = []

    def answer(peer: Peer) -> None:
        assert isinstance(peer.connection, ssl.SSLSocket)
        chosen.append(peer.connection.selected_alpn_protocol())
        peer.answer(b"one")

    with tls_server(trusted, tmp_path, "localhost", {"/": answer}, alpn=["h2", "http/1.1"]) as server:
        wire = _send(UrlGuard([server.url]), server.url.replace("127.0.0.1", "localhost") + "/")
    assert (wire.protocol, chosen) == ("HTTP/1.1", ["http/1.1"])
    frames = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 1_000
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    for flood in (frames, upgrade + frames):
        with hostile({"/": says(flood)}) as server, pytest.raises(Failed) as caught:
            _send(UrlGuard([server.url]), server.url + "/")
        assert caught.value.reason == "protocol"


def _send(guard: UrlGuard, url: str) -> Any:
    async def one() -> Any:
        sender = CurlTransport(user_agent="acquisition/0.1", email="a@example.org", guard=guard)
        try:
            return await sender.send(Ask(url), max_bytes=MIB)
        finally:
            await sender.close()

    return asyncio.run(one())


def test_what_is_vulnerable_elsewhere_is_not_even_loaded(sites: Sites, tmp_path: Path) -> None:
    """Twisted's CVE-2026-42304 (names) and CVE-2022-24801 (HTTP), brotli's CVE-2020-8927: they are not in the process.

    Names are resolved by the system, HTTP is read by libcurl, and codings that were not asked for are not undone.
    """
    body = """def parse(self, response):
    suspects = ('twisted.names', 'twisted.web._newclient', 'twisted.conch.ssh', 'scrapy.core.downloader.handlers.http11')
    yield {'text': ' '.join(name for name in suspects if name in sys.modules) or 'none'}
"""
    crawled(sites, tmp_path, body, limits=SourceLimitSettings(pages=1))
    assert [item["text"] for item in items(tmp_path)] == ["none"]
