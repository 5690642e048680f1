"""Pages that are certainly silent are not parsed, and no page that says anything is ever taken for silent."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acquisition.rights.signals import Signal, html, read
from acquisition.rights.signals.licenses import _DUBLIN_CORE
from acquisition.rights.signals.silence import _NAMES, is_silent
from acquisition.rights.signals.x_robots import BOTS

URL = "https://site.example/a"
HEADERS = {"Content-Type": "text/html"}
AGENT = b"acquisition"

WORDS = (
    "robots", "acquisition", "googlebot", "slurp", "noai", "noindex", "nofollow", "tdm-reservation", "1", "license",
    "content-usage", "train-ai=n", "content-signal", "ai-train=no", "dc.rights", "dcterms.license", "rights", "cc:license",
    "usageInfo", "creditLine", "https://creativecommons.org/licenses/by/4.0/", "description", "og:title", "viewport",
    "All rights reserved", "it's 5 > 3", "rob&#111;ts", "&#x6c;icense", "lic\\u0065nse", "&amp;", "", "x",
)  # fmt: skip
words = st.sampled_from(WORDS)
names = st.sampled_from(
    (
        "name",
        "content",
        "property",
        "itemprop",
        "rel",
        "href",
        "http-equiv",
        "typeof",
        "itemscope",
        "data-nosnippet",
        "type",
        "a'b",
    )
)
quotes = st.sampled_from(('"', "'", "", "`"))
spaces = st.sampled_from((" ", "\n", "  ", "\t", "/"))


@st.composite
def attributes(draw: st.DrawFn) -> str:
    """One attribute, quoted in any way, closed or not."""
    quote = draw(quotes)
    ends = draw(st.sampled_from((quote, quote, quote, "")))
    return f"{draw(spaces)}{draw(names)}{draw(st.sampled_from(('=', ' = ', '=', '')))}{quote}{draw(words)}{ends}"


@st.composite
def elements(draw: st.DrawFn) -> str:
    """One element with a few attributes, closed or not."""
    tag = draw(st.sampled_from(("meta", "META", "link", "a", "span", "div", "article", "figure", "script", "p", "!--")))
    inside = "".join(draw(st.lists(attributes(), max_size=4)))
    return f"<{tag}{inside}{draw(st.sampled_from(('>', '>', '>', '/>', '')))}{draw(words)}"


scripts = st.builds(
    lambda key, value: f'<script type="application/ld+json">{{"@type": "Article", "{key}": "{value}"}}</script>', words, words
)
pages = st.lists(st.one_of(elements(), scripts, words), max_size=8).map("".join)


def everything(body: bytes) -> list[Signal]:
    """Read a page with the look beforehand switched off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html, "is_silent", lambda lower, agent: False)
        return read(URL, HEADERS, body)


@settings(max_examples=600, deadline=None)
@given(pages)
@example("<meta x=a'b y=\"c'd>e\" name=robots content=noai>")
@example("<meta content='a>b' name=robots>")
@example('<meta name="rob&#111;ts" content="noai">')
@example('<a rel="&#x6C;icense" href="https://creativecommons.org/licenses/by/4.0/">x</a>')
@example('<script type="application/ld+json">{"@type": "Article", "lic\\u0065nse": "CC0"}</script>')
@example("<p>All rights reserved</p><span property=rights>CC BY</span>")
def test_looking_first_changes_nothing(page: str) -> None:
    """With and without the look beforehand the signals of any page are the same."""
    body = f"<html>{page}".encode()
    assert read(URL, HEADERS, body) == everything(body)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_of_any_bytes(noise: bytes) -> None:
    """Bytes of any kind are read alike too, but that those which are no page and hold no word are passed over in silence."""
    assert read(URL, HEADERS, noise) == [one for one in everything(noise) if "error" not in one.parsed]


@pytest.mark.parametrize(
    "page",
    [
        b"<p>words on robots, tdm and noai bots</p>",
        b'<meta charset="utf-8"><meta name=viewport content="width=device-width"><p>All rights reserved &amp; more &#39;',
        b'<meta property="og:title" content="a"/><meta name="description" content="it\'s">x',
    ],
)
def test_ordinary_pages_are_not_parsed(page: bytes) -> None:
    """The words in a page's text, and the usual meta elements, are no reason to parse it."""
    assert is_silent(page.lower(), AGENT) == (b'robot"' not in page)


def test_every_name_that_is_read_is_looked_for() -> None:
    """No name of a meta element that the parsers read is an indifferent one."""
    read_names = [
        *BOTS,
        *_DUBLIN_CORE,
        "robots",
        "x-robots-tag",
        "content-usage",
        "content-signal",
        "tdm-policy",
        "tdm:reservation",
    ]
    assert [name for name in read_names if not _NAMES.search(name.encode())] == []
    assert not is_silent(b'<meta name="acquisition" content="noindex">', AGENT)


def test_real_pages_are_read_alike(shared_data: Path) -> None:
    """Real pages give the same signals with and without the look."""
    pages = [path.read_bytes() for path in sorted((shared_data / "web_pages").rglob("*.html"))[:60]]
    assert pages
    for body in pages:
        assert read(URL, HEADERS, body) == everything(body)
