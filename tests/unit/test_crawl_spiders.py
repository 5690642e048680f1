"""The two model spiders over saved pages, without a network."""

from __future__ import annotations

from typing import Any

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse, Response

from acquisition.crawl.spider import Sample, SampleSpider
from spiders.gallery import GallerySpider
from spiders.pages import PagesSpider

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
