"""The spiders that ship, and the helper for authors, over saved pages without a network."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from scrapy import Field, Request
from scrapy import Item as ItemOfScrapy
from scrapy.http import HtmlResponse, Response

from acquisition.crawl.discover.page import Unparsable
from acquisition.crawl.discover.sitemaps import BadSitemap
from acquisition.crawl.spider import NotMedia, Sample, SampleSpider
from acquisition.testing.spiders import Found, run_spider, run_start
from spiders.gallery import GallerySpider
from spiders.pages import PagesSpider
from spiders.site import SiteSpider

URL = "https://example.org/a/page.html"
BY, ZERO = "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/publicdomain/zero/1.0/"

TWO_LICENSES = (
    f'<link rel="license" href="{ZERO}"><figure><img src="i.png">'
    f'<a rel="license" href="{BY}">1</a><a rel="license" href="{ZERO}x">2</a></figure>'
)


def run(spider: Any, body: str, encoding: str = "utf-8") -> list[Any]:
    """Return what a spider yields for a page."""
    made = spider(start_urls=[URL])
    return list(made.parse(HtmlResponse(URL, body=body.encode(encoding), encoding=encoding, request=Request(URL))))


def text_of(body: str) -> Sample:
    """Return the one text item of a page."""
    samples: list[Sample] = [found for found in run(PagesSpider, body) if isinstance(found, Sample)]
    assert len(samples) == 1
    return samples[0]


def media_of(body: str) -> list[Sample]:
    """Return what the gallery spider says of the files on a page."""
    return [found.cb_kwargs["sample"] for found in run(GallerySpider, body) if found.meta.get("embedded")]


def test_text_is_the_main_part_without_its_frame() -> None:
    """Navigation, scripts and footers are left out; blocks become lines; nested blocks come once."""
    found = text_of(
        "<nav><p>menu</p></nav><main><h1>T</h1><ul><li><p>one</p></li><li>two</li></ul><script>x</script></main><p>out</p>"
    )
    assert (found.text, found.title) == ("T\none\ntwo", "T")


def test_links_stay_on_the_host_and_are_invited() -> None:
    """Links to other hosts, nofollow links and fragments are not followed."""
    body = '<p>x</p><a href="/b#c">b</a><a rel="nofollow" href="/trap">t</a><a href="https://other.example/">o</a>'
    assert [found.url for found in run(PagesSpider, body) if isinstance(found, Request)] == ["https://example.org/b"]


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (f'<link rel="license" href="{BY}"><p>x</p>', BY),
        (f'<p>x</p><footer><a rel="license" href="{BY}">CC BY</a></footer>', BY),
        (f'<p>x</p><a rel="license" href="{BY}">1</a><a rel="license" href="{ZERO}">2</a>', None),
        (f'<p>x</p><figure><img src="i.png"><a rel="license" href="{ZERO}">i</a></figure>', None),
        ("<p>All rights are nobody's business</p>", None),
    ],
)
def test_a_page_s_license(body: str, url: str | None) -> None:
    """The page's own link counts; a picture's does not speak of the text; two that differ mean unknown."""
    assert text_of(body).license_url == url


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (f'<link rel="license" href="{ZERO}"><figure><img src="i.png"><a rel="license" href="{BY}">x</a></figure>', BY),
        (f'<link rel="license" href="{ZERO}"><img src="i.png">', ZERO),
        (f'<img src="i.png"><figure><p>other</p><a rel="license" href="{BY}">x</a></figure>', None),
        (TWO_LICENSES, None),
    ],
)
def test_a_file_s_license(body: str, url: str | None) -> None:
    """The nearest license counts, a neighbour's does not, and two that differ mean unknown."""
    assert [sample.license_url for sample in media_of(body)] == [url]


def test_captions_and_classes() -> None:
    """Figcaption before alt before the link's words; data-label before the section's heading."""
    body = (
        '<section><h2>kicks</h2><figure><img src="a.png" alt="alt"><figcaption>cap</figcaption></figure>'
        '<img src="b.png" alt="alt"></section><div data-label="snares"><a href="c.wav">a snare</a></div>'
    )
    assert [(sample.caption, sample.label) for sample in media_of(body)] == [
        ("cap", "kicks"),
        ("alt", "kicks"),
        ("a snare", "snares"),
    ]


def test_soup_uses_the_response_s_encoding() -> None:
    """Bytes are decoded as Scrapy decided, and what is no text is refused."""
    body = "<p>Привет</p>".encode("cp1251")
    spider = SampleSpider("any")
    assert spider.soup(HtmlResponse(URL, body=body, encoding="cp1251")).get_text() == "Привет"
    with pytest.raises(TypeError):
        spider.soup(Response(URL, body=b"\x89PNG"))


# --- the general spider over saved pages


def site_found(body: str, url: str = URL, **arguments: Any) -> Found:
    """Return what the general spider does with a page."""
    told = {name: json.dumps(value) for name, value in arguments.items() if name != "start_urls"}
    return run_spider(SiteSpider, body.encode(), url=url, arguments=told | {"start_urls": arguments.get("start_urls", [url])})


def test_without_options_the_text_of_pages_is_taken_and_links_are_followed() -> None:
    """One item per page, to be read from the archive, with the page's license and own address; no media, no sitemaps."""
    body = f'<link rel="canonical" href="/c"><link rel="license" href="{BY}"><p>x</p>'
    body += '<img src="i.png"><a href="/b?x=1">b</a><a href="/c">c</a>'
    found = site_found(body)
    assert found.items == ({"extract": True, "license_url": BY, "fields": {"canonical": "https://example.org/c"}},)
    assert found.requests == (
        {"url": "https://example.org/b?x=1", "priority": -1},
        {"url": "https://example.org/c"},
    )


def test_media_alone_takes_no_text() -> None:
    """With media the page is no item; every file is asked for as a part of its page, drawings are not."""
    found = site_found(
        '<img src="i.png" alt="an owl"><img src="l.svg"><audio src="s.mp3"></audio>', media=["image"], follow=False
    )
    assert found.items == ()
    assert found.urls == ["https://example.org/a/i.png"]
    assert found.requests[0]["meta"] == {"embedded": True, "allow_offsite": True}
    assert found.requests[0]["cb_kwargs"]["sample"]["caption"] == "an owl"


def test_selected_words_go_with_the_files() -> None:
    """Labels and captions of the declaration beat those that are found; all candidates stay."""
    body = '<section><h2>h</h2><b class="l">kick</b><i class="c">hard</i><a href="k.wav">k</a></section>'
    sample = site_found(body, select={"media": "a", "label": ".l", "caption": ".c"}, follow=False).requests[0]["cb_kwargs"][
        "sample"
    ]
    assert (sample["label"], sample["caption"]) == ("kick", "hard")
    assert sample["captions"][0] == {"text": "hard", "origin": "selected"}


def test_a_media_answer_that_is_a_page_is_no_item() -> None:
    """A log-in page under an image's address is reported, not staged; subtitles are text."""
    sample = Sample(caption="x")
    with pytest.raises(NotMedia):
        run_spider(SiteSpider, b"<p>log in</p>", callback="parse_media", cb_kwargs={"sample": sample})
    track = run_spider(
        SiteSpider,
        b"WEBVTT\n\nhello",
        callback="parse_media",
        cb_kwargs={"sample": Sample()},
        headers={"Content-Type": "text/vtt"},
    )
    assert track.items == ({"text": "WEBVTT\n\nhello"},)
    image = run_spider(
        SiteSpider, b"\x89PNG", callback="parse_media", cb_kwargs={"sample": sample}, headers={"Content-Type": "image/png"}
    )
    assert image.items == ({"caption": "x"},)


def test_the_spider_begins_where_it_is_declared() -> None:
    """Start pages first, so that robots.txt is there; then the declared lists; then each site's own."""
    arguments = {
        "start_urls": ["https://example.org/", "https://example.org/x", "https://two.example/"],
        "sitemaps": "true",
        "feeds": '["https://example.org/feed"]',
    }
    found = run_start(SiteSpider, arguments=arguments)
    assert [(request["url"], request.get("callback", "parse")) for request in found.requests] == [
        ("https://example.org/", "parse"),
        ("https://example.org/x", "parse"),
        ("https://two.example/", "parse"),
        ("https://example.org/feed", "parse_feed"),
        ("https://example.org/robots.txt", "parse_robots"),
        ("https://two.example/robots.txt", "parse_robots"),
    ]
    named = run_start(SiteSpider, arguments={"sitemaps": '["https://example.org/s.xml"]'})
    assert named.requests[0]["cb_kwargs"] == {"level": 1, "sites": []}


def test_robots_leads_to_sitemaps_or_to_the_usual_place() -> None:
    """What robots.txt names is asked for; without any, /sitemap.xml, whose absence is no error."""
    named = run_spider(
        SiteSpider, b"Sitemap: https://cdn.example/s.xml", callback="parse_robots", url="https://example.org/robots.txt"
    )
    assert named.requests[0]["url"] == "https://cdn.example/s.xml"
    assert named.requests[0]["cb_kwargs"] == {"level": 1, "sites": ["example.org"]}
    guessed = run_spider(SiteSpider, b"no", callback="parse_robots", url="https://example.org/robots.txt", status=404)
    assert guessed.urls == ["https://example.org/sitemap.xml"]
    told = {"level": 1, "sites": ["example.org"]}
    soft = run_spider(SiteSpider, b"<html>no</html>", callback="parse_sitemap", cb_kwargs=told | {"guessed": True})
    assert soft.requests == ()
    with pytest.raises(BadSitemap):
        run_spider(SiteSpider, b"<html>no</html>", callback="parse_sitemap", cb_kwargs=told)


def test_sitemaps_nest_three_deep() -> None:
    """An index at the third level leads nowhere further."""
    index = b"<sitemapindex><sitemap><loc>https://example.org/s.xml</loc></sitemap></sitemapindex>"
    for level, expected in ((1, ["https://example.org/s.xml"]), (2, ["https://example.org/s.xml"]), (3, [])):
        found = run_spider(SiteSpider, index, callback="parse_sitemap", cb_kwargs={"level": level, "sites": []})
        assert found.urls == expected


def test_a_page_of_an_undeclared_site_leads_further_into_it_only_as_a_start() -> None:
    """Where a start was redirected to another site, that site is gone through, and its pages say so."""
    body = '<p>x</p><a href="/b">b</a><a href="https://example.org/c">c</a><a href="https://third.example/">t</a>'
    start = site_found(body, url="https://moved.example/", start_urls=["https://example.org/"])
    assert [(request["url"], request.get("meta")) for request in start.requests] == [
        ("https://moved.example/b", {"allow_offsite": True, "home": "moved.example"}),
        ("https://example.org/c", {"allow_offsite": True, "home": "moved.example"}),
    ]
    deeper = run_spider(
        SiteSpider,
        body.encode(),
        url="https://moved.example/",
        meta={"depth": 2},
        arguments={"start_urls": ["https://example.org/"]},
    )
    assert deeper.urls == ["https://example.org/c"]


def test_a_page_that_strays_is_nobody_s() -> None:
    """What was redirected from an undeclared site to a third one is no item; declared sites are kept by Scrapy's own filter."""
    strayed: dict[str, Any] = {"url": "https://third.example/", "arguments": {"start_urls": [URL]}}
    assert run_spider(SiteSpider, b"<p>x</p>", meta={"depth": 1, "home": "moved.example"}, **strayed).items == ()
    assert run_spider(SiteSpider, b"<p>x</p>", meta={"depth": 1, "home": "third.example"}, **strayed).items == (
        {"extract": True},
    )
    assert SiteSpider(start_urls=["https://www.example.org/", "http://[::1]:80/x"]).allowed_domains == ["::1", "example.org"]


def test_feeds_lead_to_pages_and_files() -> None:
    """Entries are visited with their license as a hint; enclosures are asked for where media are wanted."""
    rss = (
        f"<rss><channel><item><title>Owl</title><link>/owl</link><enclosure url='/owl.mp3' type='audio/mpeg'/>"
        f"<license xmlns='http://web.resource.org/cc/'>{BY}</license></item><item><link>https://else.example/</link></item></channel></rss>"
    )
    found = run_spider(
        SiteSpider, rss.encode(), callback="parse_feed", arguments={"media": "true"}, headers={"Content-Type": "text/xml"}
    )
    assert found.requests[0] == {"url": "https://example.org/owl", "meta": {"license_url": BY}}
    assert found.requests[1]["url"] == "https://example.org/owl.mp3"
    assert found.requests[1]["cb_kwargs"]["sample"]["license_url"] == BY
    assert len(found.requests) == 2


def test_oembed_is_asked_only_where_the_page_shows_nothing() -> None:
    """A request for every page would double the traffic; a photo page without its photo is what it is for."""
    link = '<link rel="alternate" type="application/json+oembed" href="/oembed?x">'
    assert site_found(link, media=True, follow=False).urls == ["https://example.org/oembed?x"]
    assert site_found(link + '<img src="/i.jpg">', media=True, follow=False).urls == ["https://example.org/i.jpg"]


def test_plain_text_and_files_that_come_where_a_page_was_expected() -> None:
    """A text file is a text; a file of a wanted kind is taken; anything else is nobody's sample."""
    plain = run_spider(SiteSpider, b"words", headers={"Content-Type": "text/plain"})
    assert plain.items == ({"extract": True},)
    image = run_spider(SiteSpider, b"\xff\xd8\xff", headers={"Content-Type": "image/jpeg"}, arguments={"media": '["image"]'})
    assert image.items == ({},)
    assert run_spider(SiteSpider, b"%PDF-1.4", headers={"Content-Type": "application/pdf"}).items == ()


def test_a_page_made_to_cost_time_is_named() -> None:
    """Forty thousand attributes end as an error of this page, at once."""
    body = "<div " + " ".join(f"a{number}=1" for number in range(40_000)) + ">"
    with pytest.raises(Unparsable):
        site_found(body)


# --- the helper for authors


class _Many(SampleSpider):
    """Yields items of all kinds, from a callback that waits."""

    name = "many"

    async def parse(self, response: Response) -> AsyncIterator[Any]:
        """Yield a dict, a dataclass, a Scrapy item and an attrs-like nothing."""
        yield {"a": 1, "none": None}
        yield Sample(text="t", fields={"x": {2, 1}})
        yield _Item(b="c")
        yield None
        yield response.follow("/next", self.other, cb_kwargs={"n": 1}, priority=3)

    def other(self, response: Response, n: int) -> dict[str, int]:
        """Return one item, not a list."""
        return {"n": n, "settings": len(self.settings) and 1}


class _Item(ItemOfScrapy):
    b = Field()


def test_the_helper_runs_any_callback_and_shows_plain_values(tmp_path: Path) -> None:
    """Generators, coroutines, single values; dicts, dataclasses and Scrapy items; requests with what is not ordinary."""
    saved = tmp_path / "page.html"
    saved.write_text("<p>x</p>")
    found = run_spider(_Many, saved, url=URL)
    assert found.items == ({"a": 1}, {"text": "t", "fields": {"x": [1, 2]}}, {"b": "c"})
    assert found.requests == ({"url": "https://example.org/next", "callback": "other", "priority": 3, "cb_kwargs": {"n": 1}},)
    assert run_spider(_Many, saved, callback="other", cb_kwargs={"n": 5}).items == ({"n": 5, "settings": 1},)


def test_the_helper_compares_with_a_file_and_shows_the_difference(tmp_path: Path) -> None:
    """An expected file is compared in the parts that it has; what differs is shown line by line."""
    expected = tmp_path / "expected.json"
    found = run_spider(_Many, b"<p>x</p>")
    with pytest.raises(AssertionError, match=r"found\.write"):
        found.assert_matches(expected)
    found.write(expected)
    found.assert_matches(expected)
    expected.write_text(json.dumps({"items": list(found.items)}))
    found.assert_matches(expected)
    expected.write_text(json.dumps({"items": [{"a": 2}, *found.items[1:]]}))
    with pytest.raises(AssertionError, match='-      "a": 2\n\\+      "a": 1'):
        found.assert_matches(expected)


def test_the_example_of_the_guide_runs(tmp_path: Path) -> None:
    """docs/write-a-spider.md: the spider, its saved page and the expected file fit together."""
    text = (Path(__file__).parents[2] / "docs" / "write-a-spider.md").read_text(encoding="utf-8")
    spider, page, expected = (
        re.search(rf"```{language}\n({start}.*?)```", text, re.DOTALL)
        for language, start in (("python", "from acquisition.crawl.spider"), ("html", "<div"), ("json", '{\n  "items"'))
    )
    assert spider is not None
    assert page is not None
    assert expected is not None
    names: dict[str, Any] = {}
    exec(spider[1], names)  # our own documentation
    (tmp_path / "quotes.html").write_text(page[1])
    (tmp_path / "quotes.json").write_text(expected[1])
    run_spider(names["QuotesSpider"], tmp_path / "quotes.html", url="https://quotes.example/").assert_matches(
        tmp_path / "quotes.json"
    )
