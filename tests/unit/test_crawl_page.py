"""A page whose links are looked up before requests are made of them behaves as Scrapy's own."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scrapy.http import HtmlResponse

from acquisition.crawl.engine.page import KnowingPage

BODY = b"""<html><body><a href="/one">1</a><a href=" two?b=1#x ">2</a><a>none</a><a href="/../three">3</a><link href="/s.css">
<p href="/not">p</p><a href="http://other.example/x">o</a><a href="/with space">s</a></body></html>"""
URL = "http://example.org:8080/dir/page"


@pytest.mark.parametrize("how", [{"css": "a, link"}, {"xpath": "//a"}, {"css": "a::attr(href)"}, {"urls": ["/one", "two"]}])
def test_the_same_requests_as_scrapy(how: dict[str, object]) -> None:
    """Without a memory, every way of following gives what Scrapy's gives, with the same callback and arguments."""
    options = {"callback": print, "cb_kwargs": {"a": 1}, "priority": 2}
    ours = list(KnowingPage(URL, body=BODY, encoding="utf-8").follow_all(**how, **options))
    theirs = list(HtmlResponse(URL, body=BODY, encoding="utf-8").follow_all(**how, **options))  # type: ignore[arg-type]  # the ways differ
    assert [(r.url, r.callback, r.cb_kwargs, r.priority) for r in ours] == [
        (r.url, r.callback, r.cb_kwargs, r.priority) for r in theirs
    ]
    assert ours


def test_known_links_are_left_out() -> None:
    """What the frontier certainly has becomes no request; a selector list works, too."""
    page = KnowingPage(URL, body=BODY, encoding="utf-8")
    page.known = {"http://example.org:8080/one", "http://other.example/x"}
    found = [request.url for request in page.follow_all(page.css("a"))]
    assert found == [
        "http://example.org:8080/dir/two?b=1#x",
        "http://example.org:8080/three",
        "http://example.org:8080/with%20space",
    ]


def test_links_that_lead_nowhere_spoil_no_page() -> None:
    """A mail address is passed over, a link that cannot be read is told of, and the links behind them are followed."""
    links = ("mailto:a@b.example", "javascript:void(0)", "http://[bad/", "/on")
    body = "".join(f'<a href="{link}">x</a>' for link in links).encode()
    page = KnowingPage(URL, body=body, encoding="utf-8")
    told: list[str] = []
    page.unreadable = told.append
    assert [request.url for request in page.follow_all(css="a")] == ["http://example.org:8080/on"]
    assert told == ["http://[bad/"]


def test_asking_again_on_purpose_is_not_shortened() -> None:
    """`dont_filter` and other methods mean another request, so nothing is left out."""
    page = KnowingPage(URL, body=BODY, encoding="utf-8")
    page.known = {"http://example.org:8080/one"}
    assert len(list(page.follow_all(["/one"], dont_filter=True))) == 1
    assert len(list(page.follow_all(["/one"], method="HEAD"))) == 1
    with pytest.raises(ValueError):
        list(page.follow_all(["/one"], css="a"))


@given(st.text("/.?#abc%20:;~ \t", max_size=12) | st.text(max_size=8))
@example("/;")
@example("/a;?b")
def test_joining_is_joining(url: str) -> None:
    """The short way to join an address gives what the long way gives, whatever is written in a link."""
    page = KnowingPage(URL, body=b"<html></html>", encoding="utf-8")
    try:
        long = urljoin(URL, url)
    except ValueError:
        with pytest.raises(ValueError):
            page.urljoin(url)
        return
    assert page.urljoin(url) == long


def test_a_base_element_counts() -> None:
    """Addresses are relative to what the page gives as its base."""
    page = KnowingPage(URL, body=b"<html><head><base href='https://base.example/x/'></head></html>", encoding="utf-8")
    assert page.urljoin("/a") == "https://base.example/a"
    assert page.urljoin("a") == "https://base.example/x/a"
