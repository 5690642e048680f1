"""Feeds: RSS in all its versions, Atom, JSON; enclosures, Media RSS, licenses, and hostile ones."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.crawl.discover.feeds import read
from acquisition.crawl.discover.xml import BadXml

URL = "https://example.org/feed"
BY = "https://creativecommons.org/licenses/by/4.0/"


def test_rss_2_with_enclosures_and_media() -> None:
    """Links, guids, dates, authors; enclosure and media:content with their own words and license."""
    body = f"""<?xml version="1.0"?><rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:cc="http://backend.userland.com/creativeCommonsRssModule"><channel><title>Birds &amp;amp; more</title><link>https://example.org/</link>
    <item><title><![CDATA[Owl <b>call</b>]]></title><link>/owl</link><pubDate>Mon, 06 Sep 2010 00:01:00 +0000</pubDate>
    <dc:creator>Ann</dc:creator><enclosure url="/owl.mp3" type="audio/mpeg" length="9"/><cc:license>{BY}</cc:license></item>
    <item><guid isPermaLink="true">https://example.org/lark</guid><media:group><media:content url="https://cdn.example/l"
    type="image/jpeg" width="640"/><media:description>A lark</media:description>
    <media:license type="text/html" href="{BY}">by</media:license>
    <media:credit>Bob</media:credit></media:group></item></channel></rss>"""
    feed = read(body.encode(), URL)
    owl, lark = feed.entries
    assert feed.title == "Birds & more"
    assert (owl.url, owl.title, owl.author, owl.updated) == (
        "https://example.org/owl",
        "Owl call",
        "Ann",
        "Mon, 06 Sep 2010 00:01:00 +0000",
    )
    assert owl.license is not None
    assert owl.license.url == BY
    assert [(one.url, one.kind, one.license and one.license.url) for one in owl.media] == [
        ("https://example.org/owl.mp3", "audio", BY)
    ]
    (image,) = lark.media
    assert (image.url, image.kind, image.caption, image.author, image.width) == (
        "https://cdn.example/l",
        "image",
        "A lark",
        "Bob",
        640,
    )
    assert image.license is not None
    assert image.license.url == BY


def test_rss_1_and_0_91() -> None:
    """RDF with rdf:about and cc:license, and RSS 0.91 with its public document type."""
    rdf = f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:cc="http://web.resource.org/cc/">
    <channel rdf:about="x"><title>T</title><cc:license rdf:resource="{BY}"/></channel><item rdf:about="https://example.org/1"><title>one</title></item></rdf:RDF>"""
    feed = read(rdf.encode(), URL)
    assert [(entry.url, entry.title, entry.license and entry.license.url) for entry in feed.entries] == [
        ("https://example.org/1", "one", BY)
    ]
    old = b"""<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/rss-0.91.dtd">
    <rss version="0.91"><channel><item><title>a</title><link>https://example.org/a</link></item></channel></rss>"""
    assert [entry.url for entry in read(old, URL).entries] == ["https://example.org/a"]


def test_atom_with_its_license_link() -> None:
    """rel=license of an entry beats the feed's; rel=enclosure is media; xml:base counts; self and edit are no pages."""
    body = f"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/blog/"><title>T</title>
    <link rel="license" href="{BY}"/><entry><title>one</title><link rel="self" href="x.atom"/><link href="1"/>
    <link rel="enclosure" type="image/png" href="1.png"/><author><name>Ann</name><uri>x</uri></author>
    <updated>2024-01-01T00:00:00Z</updated></entry>
    <entry><link rel="alternate" href="2"/><link rel="license" href="https://example.org/own"/></entry></feed>"""
    one, two = read(body.encode(), URL).entries
    assert (one.url, one.author, one.updated) == ("https://example.org/blog/1", "Ann", "2024-01-01T00:00:00Z")
    assert one.license is not None
    assert two.license is not None
    assert (one.license.url, two.license.url) == (BY, "https://example.org/own")
    assert [(media.url, media.kind) for media in one.media] == [("https://example.org/blog/1.png", "image")]


def test_licenses_that_differ_are_none() -> None:
    """Two licenses of one entry that are not the same mean that nobody knows."""
    body = f"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/1"/><link rel="license" href="{BY}"/>
    <link rel="license" href="https://example.org/own"/></entry></feed>"""
    assert read(body.encode(), URL).entries[0].license is None


def test_json_feed() -> None:
    """JSON Feed 1.1 with attachments and an image."""
    items = [
        {"id": 1, "url": "https://example.org/1", "title": "one", "date_published": "2024", "authors": [{"name": "Ann"}],
         "attachments": [{"url": "/a.mp3", "mime_type": "audio/mpeg"}], "image": "/i.jpg"},
        "nonsense",
    ]  # fmt: skip
    (entry,) = read(json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode(), URL).entries
    assert (entry.url, entry.title, entry.author) == ("https://example.org/1", "one", "Ann")
    assert [(one.url, one.kind) for one in entry.media] == [
        ("https://example.org/a.mp3", "audio"),
        ("https://example.org/i.jpg", "image"),
    ]


def test_a_broken_feed_gives_what_stands_before() -> None:
    """A feed that breaks off keeps its whole entries."""
    body = "<rss><channel>" + "".join(f"<item><link>https://example.org/{number}</link></item>" for number in range(10))
    assert len(read(body.encode()[:-20], URL).entries) >= 9


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>no</body></html>",
        b'{"a": 1}',
        b'<!DOCTYPE r [<!ENTITY a "b">]><rss><channel><item><link>&a;</link></item></channel></rss>',
        b"<rss>" + b"<a>" * 100_000,
        b'{"items": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_feed_is_said_quickly(body: bytes) -> None:
    """No feed, declarations of its own, and depth are refused, or give no entries."""
    began = time.perf_counter()
    with suppress(BadXml):
        assert read(body, URL).entries == ()
    assert time.perf_counter() - began < 2


@given(st.binary(max_size=400))
def test_any_bytes_are_a_feed_or_bad(body: bytes) -> None:
    """Hostile bytes give entries or BadXml, nothing else."""
    for shape in (body, b"<rss><channel><item>" + body, b'{"items": [' + body):
        with suppress(BadXml):
            read(shape, URL)


def test_real_feeds_are_read(shared_data: Path) -> None:
    """The stored real feeds: Atom, RSS with mixed guids and CDATA, JSON."""
    folder = shared_data / "sitemaps"
    names = (
        *("crawler-commons/atom.xml", "crawler-commons/rss/feed.rss", "crawler-commons/rss/xmlRss_pubDate.xml"),
        *("scrapy_feeds/feed-sample2.xml", "trafilatura/feed.json", "trafilatura/feed1.atom"),
        *("ultimate-sitemap-parser/atom0.3.xml", "ultimate-sitemap-parser/rss2.0.xml"),
    )
    counts = [len(read((folder / name).read_bytes(), URL).entries) for name in names]
    assert counts == [1, 4, 7, 13, 25, 2, 2, 2]
    rss = read((folder / "crawler-commons/rss/feed.rss").read_bytes(), URL)
    assert rss.entries[3].url == "https://www.example.com/foo?q=a&l=fr"
