"""Sitemaps: every form, the limits of the protocol, which hosts they may name, and hostile ones."""

from __future__ import annotations

import gzip
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.crawl.discover import sitemaps
from acquisition.crawl.discover.sitemaps import BadSitemap, Entry, from_robots, read
from acquisition.crawl.discover.xml import MAX_BYTES

URL = "https://example.org/sitemap.xml"
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*entries: str, more: str = "") -> bytes:
    """Return a sitemap of these entries."""
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {NS} {more}>{"".join(entries)}</urlset>'.encode()


def urls(body: bytes, url: str = URL, sites: frozenset[str] = frozenset()) -> list[str]:
    """Return the addresses that a sitemap names."""
    return [entry.url for entry in read(body, url, sites=sites)]


def _read_into(found: list[str], body: bytes) -> None:
    for entry in read(body, URL):
        found.append(entry.url)  # noqa: PERF401  # what came before an error is what matters


def test_a_urlset_gives_pages_with_their_lastmod() -> None:
    """Addresses in order, space around them gone, lastmod as found."""
    body = urlset(
        "<url><loc>\n https://example.org/a?x=1&amp;y=2 </loc><lastmod>2024-05-01</lastmod></url>", "<url><loc>/b</loc></url>"
    )
    assert list(read(body, URL)) == [Entry("https://example.org/a?x=1&y=2", "2024-05-01"), Entry("https://example.org/b")]


def test_an_index_gives_sitemaps() -> None:
    """Entries of an index are sitemaps."""
    body = (
        f"<sitemapindex {NS}><sitemap><loc>https://example.org/s1.xml.gz</loc><lastmod>2024</lastmod></sitemap></sitemapindex>"
    )
    assert list(read(body.encode(), URL)) == [Entry("https://example.org/s1.xml.gz", "2024", is_sitemap=True)]


def test_gzip_text_and_feeds_are_sitemaps_too() -> None:
    """Gzip by its first bytes, a list of lines, RSS and Atom."""
    plain = urlset("<url><loc>https://example.org/a</loc></url>")
    assert urls(gzip.compress(plain)) == ["https://example.org/a"]
    assert urls(b"\xef\xbb\xbfhttps://example.org/a\r\n\r\nhttps://example.org/b\nnonsense\n") == [
        "https://example.org/a",
        "https://example.org/b",
    ]
    rss = b"<rss><channel><link>https://example.org/</link><item><link>https://example.org/i</link></item></channel></rss>"
    assert urls(rss) == ["https://example.org/i"]
    atom = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="https://example.org/e"/></entry></feed>'
    assert urls(atom) == ["https://example.org/e"]


def test_alternates_follow_their_page() -> None:
    """Hreflang alternates are pages too; other links are not."""
    body = urlset(
        '<url><loc>https://example.org/en</loc><xhtml:link rel="alternate" hreflang="de" href="https://example.org/de"/>'
        '<xhtml:link rel="alternate" hreflang="en" href="https://example.org/en"/>'
        '<xhtml:link rel="amphtml" href="https://example.org/amp"/></url>',
        more='xmlns:xhtml="http://www.w3.org/1999/xhtml"',
    )
    assert urls(body) == ["https://example.org/en", "https://example.org/de"]


def test_images_and_videos_come_with_their_words() -> None:
    """image:image and video:video, with captions, title and license; the file may lie on another host."""
    body = urlset(
        "<url><loc>https://example.org/p</loc><image:image><image:loc>https://cdn.example/i.jpg</image:loc>"
        "<image:caption>An owl</image:caption><image:license>https://creativecommons.org/licenses/by/4.0/</image:license></image:image>"
        "<video:video><video:content_loc>/v.mp4</video:content_loc><video:title>Owls</video:title></video:video></url>",
        more='xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" xmlns:video="http://www.google.com/schemas/sitemap-video/1.1"',
    )
    (entry,) = read(body, URL)
    image, video = entry.media
    assert (image.url, image.kind, image.caption) == ("https://cdn.example/i.jpg", "image", "An owl")
    assert image.license is not None
    assert image.license.url == "https://creativecommons.org/licenses/by/4.0/"
    assert (video.url, video.kind, video.title) == ("https://example.org/v.mp4", "video", "Owls")


def test_a_sitemap_speaks_for_its_own_host() -> None:
    """Other hosts are left out unless their own robots.txt named the sitemap (sitemaps.org, cross submits)."""
    body = urlset(
        "<url><loc>https://example.org/a</loc></url>",
        "<url><loc>https://www.example.org/b</loc></url>",
        "<url><loc>https://other.example/c</loc></url>",
        "<url><loc>https://third.example/d</loc></url>",
    )
    assert urls(body) == ["https://example.org/a", "https://www.example.org/b"]
    assert urls(body, sites=frozenset({"other.example"}))[-1] == "https://other.example/c"


def test_no_more_than_fifty_thousand_entries_count() -> None:
    """The protocol's limit: what stands before it is given, the rest is said."""
    body = urlset(*(f"<url><loc>https://example.org/{number}</loc></url>" for number in range(50_001)))
    entries = read(body, URL)
    assert sum(1 for _ in islice(entries, 50_000)) == 50_000
    with pytest.raises(BadSitemap, match="50,000"):
        next(entries)


def test_bombs_and_declarations_are_refused() -> None:
    """Ten thousand to one in gzip, entities of its own, and a type with declarations are not read; time is not lost."""
    began = time.perf_counter()
    bomb = gzip.compress(b"<urlset>" + b" " * (MAX_BYTES + 10))
    laughs = (
        b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>https://example.org/&b;</loc></url></urlset>'
    )
    outside = b'<!DOCTYPE u [<!ENTITY x SYSTEM "file:///etc/hostname">]><urlset><url><loc>https://example.org/&x;</loc></url></urlset>'
    for body in (bomb, laughs, outside, gzip.compress(bomb), b"<a>" * 200_000, b"\x1f\x8bxx"):
        with pytest.raises(BadSitemap):
            urls(body)
    assert time.perf_counter() - began < 5


def test_a_type_without_declarations_and_bare_ampersands_are_read() -> None:
    """What real sitemaps get wrong is read: a DOCTYPE, & in addresses, undefined entities, space before the declaration."""
    body = b'\n <?xml version="1.0"?><!-- x --><!DOCTYPE urlset PUBLIC "a" "http://never.example/x.dtd"><urlset><url><loc>'
    body += b"https://example.org/a?b=1&c=2&nbsp;</loc></url></urlset>"
    assert urls(body) == ["https://example.org/a?b=1&c=2&nbsp;"]


def test_what_is_cut_gives_what_stands_before() -> None:
    """A sitemap that breaks off, packed or not, is useful without its end, and it is said that the end is missing."""
    body = urlset(*(f"<url><loc>https://example.org/{number}</loc></url>" for number in range(5_000)))
    packed = gzip.compress(body)
    for cut, least in ((body[: len(body) // 2], 2_000), (packed[: len(packed) // 2], 1_000), (body[:-3], 4_999)):
        found: list[str] = []
        with pytest.raises(BadSitemap, match="cut off"):
            _read_into(found, cut)
        assert len(found) > least


@pytest.mark.parametrize("body", [b"", b"hello", b"<html><body>not found</body></html>", b"{}", b"\0\1\2" * 50, b"\xff\xfe<"])
def test_what_is_no_sitemap_is_said(body: bytes) -> None:
    """A soft 404 is not a sitemap without entries."""
    try:
        assert urls(body) == []
    except BadSitemap:
        return
    assert not body.startswith(b"<html")


def test_robots_names_sitemaps() -> None:
    """Any case, anywhere, relative ones resolved, comments and repetitions left out."""
    robots = b"User-agent: *\nDisallow: /\nSITEMAP: https://example.org/a.xml # main\r\nsitemap:/b.xml\n#Sitemap: /no\n"
    robots += b"Sitemap: /b.xml\nSitemap: ftp://x/y"
    assert from_robots(robots, "https://example.org/robots.txt") == ["https://example.org/a.xml", "https://example.org/b.xml"]


@given(st.binary(max_size=500))
def test_any_bytes_are_a_sitemap_or_bad(body: bytes) -> None:
    """Hostile bytes give addresses or BadSitemap, nothing else."""
    for shape in (body, b"<urlset>" + body, b"<rss><item>" + body):
        with suppress(BadSitemap):
            assert all(one.startswith(("http://", "https://")) for one in urls(shape))
    assert all(one.startswith("http") for one in from_robots(body, URL))


def test_real_sitemaps_are_read(shared_data: Path) -> None:
    """Every stored real sitemap gives entries: extensions, wrong namespaces, gz, text with a mark, an index without loc."""
    folder = shared_data / "sitemaps"
    for name, least in {
        "crawler-commons/extension/hebdenbridgetimes-articles-sitemap.xml": 74,
        "crawler-commons/extension/sitemap-links.xml": 9,
        "crawler-commons/sitemap.badns.xml": 2,
        "crawler-commons/sitemap-with-bom.txt": 2,
        "crawler-commons/sitemap.txt.gz": 5,
        "crawler-commons/sitemap.index.xml": 15,
        "crawler-commons/xmlSitemap.gz": 5,
        "stormcrawler/stormcrawler.sitemap.xml.gz": 6,
        "trafilatura/sitemap-hreflang.xml": 12,
        "trafilatura/sitemap.xml": 84,
        "ultimate-sitemap-parser/hreflang.xml": 4,
        "ultimate-sitemap-parser/atom0.3.xml": 2,
    }.items():
        assert len(list(sitemaps._entries((folder / name).read_bytes(), "http://www.example.com/s.xml"))) >= least, name
