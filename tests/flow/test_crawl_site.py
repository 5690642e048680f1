"""A site crawled by declaration alone: sitemaps, a feed, links, selectors, media on another host; from sources.yaml to rows."""

from __future__ import annotations

import gzip
import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acquisition import crawl
from acquisition.crawl.outcome import CrawlRun
from acquisition.model import Rejection
from acquisition.protocols import Binary, ReadContext, Silent, Source
from acquisition.read.crawl import CrawlReader
from acquisition.settings import ContactSettings, ItemSettings, ReadSettings
from acquisition.sources.spider import Spider
from acquisition.testing import StoredBinary, source_for
from tests.flow.media_hosts import picture
from tests.flow.two_hosts import Host, serving

pytestmark = pytest.mark.flow

CONTACT = ContactSettings(name="Lab", url="https://example.org/bot", email="data@example.org")
BY, ZERO = "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/publicdomain/zero/1.0/"
PROBE = re.compile(r"/[0-9a-f]{20}")


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """A site that lists its pages in an index, a packed sitemap and a feed, and a media host with rules of its own."""
    site, media = Host(), Host()
    with serving(site, "127.0.0.1"), serving(media, "127.0.0.2"):
        media.routes |= {
            "/robots.txt": ("text/plain", b"User-agent: *\nDisallow: /private/\n"),
            "/owl.jpg": ("image/jpeg", picture("owl")),
            "/lark.jpg": ("image/jpeg", picture("lark")),
            "/private/wren.jpg": ("image/jpeg", picture("wren")),
            "/lies.jpg": ("text/html", b"<p>log in first</p>"),
        }
        here, there = site.url, media.url
        entries = "".join(f"<sitemap><loc>{here}/{name}</loc></sitemap>" for name in ("s1.xml.gz", "s2.txt"))
        index = f"<sitemapindex>{entries}</sitemapindex>"
        packed = f"""<urlset xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url>
        <loc>{here}/a/owl</loc><lastmod>2024-05-01</lastmod><image:image><image:loc>{there}/lark.jpg</image:loc>
        <image:caption>A lark in a sitemap</image:caption></image:image></url>
        <url><loc>{there}/elsewhere</loc></url></urlset>"""
        license_ = f"<license xmlns='http://web.resource.org/cc/'>{BY}</license>"
        rss = f"<rss><channel><item><link>{here}/a/feed</link>{license_}</item></channel></rss>"
        site.routes |= {
            "/robots.txt": ("text/plain", f"User-agent: *\nDisallow: /closed\nSitemap: {here}/index.xml\n".encode()),
            "/index.xml": ("application/xml", index.encode()),
            "/s1.xml.gz": ("application/gzip", gzip.compress(packed.encode())),
            "/s2.txt": ("text/plain", f"{here}/a/text\n{here}/closed/x\n".encode()),
            "/feed": ("application/rss+xml", rss.encode()),
        }
        figure = (
            f'<figure><img src="/small.jpg" srcset="{there}/owl.jpg 800w" alt="owl"><figcaption>A snowy owl</figcaption>'
            f'<a rel="license" href="{ZERO}">CC0</a></figure><img src="{there}/private/wren.jpg"><img src="{there}/lies.jpg">'
        )
        site.page("/", '<a href="/a/one">1</a><a href="/a/one">1</a><a href="/login">l</a><a href="/b/two">2</a>', "Front")
        site.page("/a/one", f'<a rel="nofollow" href="/a/trap">t</a><link rel="license" href="{BY}">', "One")
        site.page("/b/two", "", "Two")
        site.page("/a/owl", figure, "Owl")
        site.page("/a/text", '<p class="tag">night</p>', "Text")
        site.page("/a/feed", "", "Fed")
        yield site, media


def crawled(folder: Path, hosts: tuple[Host, Host], **declared: Any) -> tuple[Source, CrawlRun]:
    """Run the general spider on the site."""
    given = {"start": [f"{hosts[0].url}/"], "delay": 0, "own_hosts": ["127.0.0.2"]}
    source = source_for(Spider, "web", **(given | declared))
    run = crawl.run(
        source,
        directory=folder / "run",
        contact=CONTACT,
        environment=os.environ,
        base=folder,
        reporter=Silent(),
        stop=threading.Event(),
        resume=False,
    )
    assert run.finished, (folder / "run" / "crawl.log").read_text()[-3_000:]
    return source, run


def staged(source: Source, run: CrawlRun) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """Read a crawl's release as the stage does."""
    release = crawl.release(source, run, resolved_at="2026-01-01T00:00:00Z")
    siblings: dict[str, Binary] = {asset.path: StoredBinary(Path(asset.local_path), asset.path) for asset in release.assets}
    rows: list[dict[str, Any]] = []
    rejected: list[Rejection] = []
    for path, binary in siblings.items():
        context = ReadContext("web", release.revision, path, "", ItemSettings(), ReadSettings(), siblings=siblings)
        for found in CrawlReader().read(binary, context):
            if isinstance(found, Rejection):
                rejected.append(found)
            else:
                rows.extend(found.to_pylist())
    return rows, rejected


def visits(host: Host) -> list[str]:
    """Return what a host was asked for, without files about rights and the probe for pages that do not exist."""
    return [path for path in host.visits() if not PROBE.fullmatch(path)]


def test_sitemaps_feeds_and_links_lead_to_the_pages_of_a_site(tmp_path: Path, hosts: tuple[Host, Host]) -> None:
    """Index, packed and text sitemaps from robots.txt, a feed, links: each page once, with its title and license."""
    site, media = hosts
    source, run = crawled(tmp_path, hosts, sitemaps=True, feeds=[f"{site.url}/feed"], limits={"depth": 1})
    assert visits(site) == [
        "/",
        "/a/feed",
        "/a/one",
        "/a/owl",
        "/a/text",
        "/b/two",
        "/feed",
        "/index.xml",
        "/s1.xml.gz",
        "/s2.txt",
    ]
    assert site.asked.count("/robots.txt") == 1
    assert visits(media) == []
    rows, rejected = staged(source, run)
    assert rejected == []
    by_title = {row["title"]: row for row in rows}
    assert sorted(by_title) == ["Fed", "Front", "One", "Owl", "Text", "Two"]
    assert "Owl has a sentence number 3" in by_title["Owl"]["text"]
    assert by_title["One"]["license_url"] == BY
    assert by_title["Fed"]["license_url"] == BY
    assert by_title["Owl"]["license_url"] is None
    assert json.loads(by_title["Two"]["fields"])["language"] == "en"
    assert all(row["signals"] is not None for row in rows)


def test_patterns_choose_pages(tmp_path: Path, hosts: tuple[Host, Host]) -> None:
    """`allow` and `deny` decide what is visited, the start in any case; what a site lists itself counts no depth."""
    site, _ = hosts
    crawled(tmp_path, hosts, allow=["/a/*"], deny=["*/owl"], sitemaps=True, limits={"depth": 0})
    assert visits(site) == ["/", "/a/text", "/index.xml", "/s1.xml.gz", "/s2.txt"]


def test_a_link_that_one_page_closes_is_followed_from_another(tmp_path: Path, hosts: tuple[Host, Host]) -> None:
    """A page's nofollow keeps its links from being followed there, and nowhere else."""
    site, _ = hosts
    site.page("/", '<a href="/closing">c</a><a href="/inviting">i</a>', "Front")
    site.page("/closing", '<a href="/shared">s</a><a href="/only">o</a>', "Closing")
    site.headers = {"/closing": {"X-Robots-Tag": "nofollow"}}
    site.page("/inviting", '<a href="/shared">s</a>', "Inviting")
    site.page("/shared", "", "Shared")
    _, run = crawled(tmp_path, hosts)
    assert visits(site) == ["/", "/closing", "/inviting", "/shared"]
    assert run.refused["nofollow"] == 1


def test_media_lie_on_another_host_with_its_own_rules(tmp_path: Path, hosts: tuple[Host, Host]) -> None:
    """The figure's license and captions go with the largest file; the media host's robots.txt is asked and obeyed."""
    site, media = hosts
    source, run = crawled(tmp_path, hosts, sitemaps=True, media=["image"])
    assert visits(media) == ["/lark.jpg", "/lies.jpg", "/owl.jpg"]
    assert "/robots.txt" in media.asked
    assert run.refused["robots"] == 2
    assert run.failed["spider-error"] == 1
    rows, rejected = staged(source, run)
    assert rejected == []
    assert [(row["modality"], row["text"], row["license_url"]) for row in sorted(rows, key=lambda row: str(row["url"]))] == [
        ("image", "A lark in a sitemap", None),
        ("image", "A snowy owl", ZERO),
    ]
    owl = next(row for row in rows if row["url"].endswith("owl.jpg"))
    assert {"text": "owl", "origin": "alt"} in json.loads(owl["fields"])["captions"]
    assert owl["referrer"] == f"{site.url}/a/owl"
    assert owl["label"] == "Owl"


def test_selectors_choose_what_is_taken(tmp_path: Path, hosts: tuple[Host, Host]) -> None:
    """A declared text and label make items of the pages that have them, and of no others."""
    site, _ = hosts
    select = {"text": "main p", "label": ".tag::text", "first": "main p:first-of-type"}
    source, run = crawled(tmp_path, hosts, start=[f"{site.url}/a/text"], follow=False, select=select)
    (row,), rejected = staged(source, run)
    assert rejected == []
    assert row["label"] == "night"
    assert row["text"].count("\n") == 4
    assert json.loads(row["fields"])["first"].startswith("Text has a sentence number 0")


def test_the_same_site_gives_the_same_release(tmp_path: Path, hosts: tuple[Host, Host]) -> None:
    """Two crawls of an unchanged site give the same rows in the same order."""
    found = [staged(*crawled(tmp_path / name, hosts, sitemaps=True, extract=True, media=True))[0] for name in ("1", "2")]
    first, second = (
        [{key: value for key, value in row.items() if key not in {"retrieved_at", "member"}} for row in rows] for rows in found
    )
    assert first == second
    assert len(first) == 7
