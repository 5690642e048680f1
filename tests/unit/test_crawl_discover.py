"""What a page leads to: parsing under limits, charsets, links, and which addresses a crawl takes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.crawl.discover import charset
from acquisition.crawl.discover.links import Links, feeds_of, may_close, oembeds_of
from acquisition.crawl.discover.page import Page, Unparsable, parse, resolved, words
from acquisition.crawl.discover.scope import Scope, addresses_of, site_of
from acquisition.crawl.discover.select import BadSelector, compiled
from acquisition.sources.site import as_regex

URL = "https://example.org/a/page.html"


def page(body: str, url: str = URL) -> Page:
    """Return a parsed page."""
    return parse(body.encode(), url)


def links(body: str, *, scope: Scope | None = None, depth: int = 0) -> list[str]:
    """Return what a fresh crawl follows on a page."""
    return list(Links(scope or Scope.of([URL])).of(page(body), depth))


# --- charset


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"\xef\xbb\xbfa", "text/html; charset=iso-8859-1", ("cp1252", "cp1252")),
        (b"\xef\xbb\xbfa", "text/html", ("", "utf-8")),
        (b"\xff\xfea\0", "text/html", ("", "utf-16-le")),
        (b'<meta charset="koi8-r"><p>\xf0\xd2', "text/html", ("koi8-r", "koi8-r")),
        (b'<meta charset="koi8-r"><p>x', "text/html; charset=UTF-8", ("utf-8", "utf-8")),
        (b'<meta http-equiv=content-type content="text/html; charset=shift_jis">', "", ("cp932", "cp932")),
        (b'<meta charset="utf-16"><p>x', "", ("utf-16", "utf-8")),
        (b'<?xml version="1.0" encoding="iso-8859-2"?><html/>', "", ("iso8859-2", "iso8859-2")),
        ("<p>Grüße".encode(), "text/html; charset=klingon", ("", "utf-8")),
        (b"plain", "", ("", "utf-8")),
    ],
)
def test_the_server_s_charset_beats_the_mark_beats_the_page(body: bytes, content_type: str, expected: tuple[str, str]) -> None:
    """Header, then byte order mark, then meta, then the bytes; labels are read as browsers read them."""
    found = charset.decide(body, content_type)
    assert (found.declared, found.used) == expected


def test_a_text_without_declaration_is_detected() -> None:
    """What is no UTF-8 and says nothing is guessed from its letters."""
    text = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. " * 5
    assert text.encode("cp1251").decode(charset.decide(text.encode("cp1251")).used) == text


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_bytes_have_a_charset_that_decodes_them(body: bytes, content_type: str) -> None:
    """Whatever comes, the used encoding exists, and the text is readable."""
    found = charset.decide(body, content_type)
    assert isinstance(charset.text_of(body, found.used), str)


# --- page


def test_rare_encodings_are_read_as_the_header_says() -> None:
    """Encodings that libxml2 is not given by name are decoded in front of it."""
    for name in ("shift_jis", "gb18030", "utf-16", "big5", "koi8-r"):
        body = "<html><body><h1>漢字</h1></body></html>" if name != "koi8-r" else "<html><body><h1>Да</h1></body></html>"
        wanted = "漢字" if name != "koi8-r" else "Да"
        assert words(parse(body.encode(name), URL, name).root) == wanted


def test_an_element_with_forty_thousand_attributes_costs_no_time() -> None:
    """The quadratic case of libxml2 is refused before a tree is built (26 s without the guard)."""
    body = b"<div " + b" ".join(b"a%d=1" % number for number in range(40_000)) + b">x</div>"
    began = time.perf_counter()
    with pytest.raises(Unparsable):
        parse(body, URL)
    assert time.perf_counter() - began < 2


def test_a_deep_page_is_read_to_its_end_or_refused() -> None:
    """Broken markup nests deeper than libxml2 likes; what follows is not lost in silence."""
    for depth in (250, 300, 2_000):
        body = "<div>" * depth + '<a href="/in">x</a>' + "</div>" * depth + '<a href="/after">y</a>'
        assert links(body) == ["https://example.org/in", "https://example.org/after"]
    with pytest.raises(Unparsable):
        page("<div>" * 3_000 + "x")


@given(st.binary(max_size=400))
def test_any_bytes_make_a_page_or_none(body: bytes) -> None:
    """Hostile bytes give a page or Unparsable, nothing else, and links that are addresses."""
    try:
        found = parse(body, URL)
    except Unparsable:
        return
    assert all(link.startswith(("http://", "https://")) for link in Links(Scope.of([URL])).of(found))


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("b", "https://example.org/a/b"),
        (" /b\n?x=1#f ", "https://example.org/b?x=1"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("javascript:x", ""),
        ("mailto:a@b.c", ""),
        ("http://", ""),
        ("http:///x", ""),
        ("http://[bad/", ""),
        ("data:text/html,x", ""),
        ("ftp://h/x", ""),
    ],
)
def test_addresses_are_resolved_as_browsers_do(href: str, expected: str) -> None:
    """Space and line ends go, fragments go, and only http and https come out."""
    assert resolved(URL, href) == expected


# --- links


def test_links_are_new_invited_and_in_scope() -> None:
    """Other hosts, nofollow, fragments, files, log-ins and repetitions are not followed; the order is the page's."""
    body = (
        '<a href="/b#c">b</a><a href="/b">again</a><a rel="nofollow" href="/trap">t</a>'
        '<a REL="external NoFollow" href="/t2">t</a>'
        '<a href="https://other.example/">o</a><a href="#x">x</a><a href="">e</a><a href="x.zip">z</a><a href="/login">l</a>'
        '<a href="c.html">c</a><map><area href="/d"></map><a href="https://www.example.org/w">w</a><a href="?p=2">2</a>'
    )
    assert links(body) == [
        "https://example.org/b",
        "https://example.org/a/c.html",
        "https://example.org/d",
        "https://www.example.org/w",
        "https://example.org/a/page.html?p=2",
    ]


def test_the_base_element_counts_once() -> None:
    """Relative links are resolved against the first <base href>, and a broken one is ignored."""
    assert links('<base href="/x/"><base href="/y/"><a href="b">b</a>') == ["https://example.org/x/b"]
    assert links('<base href="data:x"><a href="b">b</a>') == ["https://example.org/a/b"]


def test_what_was_handed_out_is_not_handed_out_again_unless_the_way_is_shorter() -> None:
    """A site's menu is looked up, not resolved; a deeper page's links are given again to a page nearer to the start."""
    found = Links(Scope.of([URL]))
    body = page('<a href="/b">b</a>')
    assert list(found.of(body, 3)) == ["https://example.org/b"]
    assert list(found.of(body, 3)) == []
    assert list(found.of(body, 4)) == []
    assert list(found.of(body, 2)) == ["https://example.org/b"]


@pytest.mark.parametrize(
    ("body", "header", "closed"),
    [
        ('<meta name="robots" content="index, NoFollow">', "", True),
        ('<meta name="acquisition" content="none">', "", True),
        (
            '<meta name="robots" content="index,follow"><p style="display:none">x</p><a rel="nofollow" href="/x">x</a>',
            "",
            False,
        ),
        ('<meta name="description" content="none of it">', "", False),
        ("<p>x</p>", "googlebot: nofollow", True),
        ("<p>x</p>", "noindex", False),
    ],
)
def test_links_of_a_page_that_may_be_closed_are_not_remembered(body: str, header: str, closed: bool) -> None:
    """What the crawler refuses to follow from one page must be found again on the next, which may invite it."""
    assert may_close(page(body), [header] if header else []) is closed
    found = Links(Scope.of([URL]))
    linked = page('<a href="/b">b</a><a href="/b#x">b</a>')
    assert list(found.of(linked, 1, remember=False)) == ["https://example.org/b"]
    assert list(found.of(linked, 1)) == ["https://example.org/b"]


def test_the_memory_of_links_is_bounded() -> None:
    """What is forgotten is handed out again; the frontier knows it."""
    found = Links(Scope.of([URL]), remembered=10)
    for number in range(100):
        list(found.of(page(f'<a href="/p{number}">x</a>'), 0))
    assert len(found._fresh) + len(found._stale) <= 22
    assert list(found.of(page('<a href="/p1">x</a>'), 0)) == ["https://example.org/p1"]


def test_relative_links_of_two_folders_are_two_links() -> None:
    """The same words in another folder mean another page."""
    found = Links(Scope.of([URL]))
    one = list(found.of(parse(b'<a href="i.html">i</a><a href="?a">q</a>', "https://example.org/x/p")))
    two = list(found.of(parse(b'<a href="i.html">i</a><a href="?a">q</a>', "https://example.org/y/p")))
    assert (one, two) == (
        ["https://example.org/x/i.html", "https://example.org/x/p?a"],
        ["https://example.org/y/i.html", "https://example.org/y/p?a"],
    )


def test_only_parts_of_a_page_may_count() -> None:
    """With selectors, links inside these elements (or the elements themselves) are followed, nofollow obeyed."""
    body = page(
        '<nav><a href="/n">n</a></nav><main><a href="/m">m</a><a rel=nofollow href="/x">x</a></main>'
        '<a class=next href="/2">2</a>'
    )
    found = Links(Scope.of([URL]))
    assert list(found.of(body, 0, "", (compiled("main"), compiled("a.next")))) == [
        "https://example.org/m",
        "https://example.org/2",
    ]


def test_a_page_of_sixty_known_links_costs_little() -> None:
    """Charset, parse and links of a page whose links are all known stay below a millisecond even on a busy machine."""
    items = "".join(f'<li><a href="/page/{number}.html">Page {number}</a></li>' for number in range(60))
    body = f"<html><body><ul>{items}</ul><p>{'words ' * 300}</p></body></html>".encode()
    found = Links(Scope.of([URL]))

    def once() -> float:
        began = time.process_time()
        made = parse(body, URL, charset.decide(body, "text/html; charset=utf-8").used)
        assert len(list(found.of(made, 1))) in (0, 60)
        return time.process_time() - began

    assert min(once() for _ in range(20)) < 0.001


def test_canonical_feeds_and_oembed_are_read() -> None:
    """The page's own address, its feeds and its oEmbed description."""
    body = page(
        '<link rel="Canonical" href="/c#x"><link rel="alternate" type="application/rss+xml" href="/f">'
        '<link rel="alternate" type="text/html" href="/en"><link rel="alternate" type="application/json+oembed" href="/o?u=1">'
    )
    assert (body.canonical, feeds_of(body), oembeds_of(body)) == (
        "https://example.org/c",
        ["https://example.org/f"],
        ["https://example.org/o?u=1"],
    )


# --- scope


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.Example.org:443/x", "example.org"),
        ("http://example.org:80", "example.org"),
        ("http://example.org:8080/?q", "example.org:8080"),
        ("http://example.org./", "example.org"),
        ("https://[::1]:8443/", "[::1]:8443"),
    ],
)
def test_a_site_is_a_host_without_www(url: str, site: str) -> None:
    """Default ports, case, a trailing dot and www. make no other site."""
    assert site_of(url) == site


@pytest.mark.parametrize(
    ("allow", "deny", "url", "taken"),
    [
        ((), (), "https://example.org/x", True),
        ((), (), "https://example.org/x.pdf", False),
        ((), (), "https://example.org/search?q=1", False),
        ((), (), "https://example.org/research/1", True),
        (("/articles/*",), (), "https://example.org/articles/1", True),
        (("/articles/*",), (), "https://example.org/articles", False),
        (("/articles/*",), (), "https://example.org/x/articles/1", False),
        (("/articles/*",), (), "https://example.org/articles/login", False),
        (("/search?q=*",), (), "https://example.org/search?q=owl", True),
        (("*.html",), (), "https://example.org/a/b.html", True),
        (("*.html",), (), "https://example.org/a/b.html?x", False),
        (("https://example.org/*",), ("*page=*",), "https://example.org/a?page=2", False),
        (("https://example.org/*",), (), "https://example.org/a.zip", False),
        (("*.pdf",), (), "https://example.org/a.pdf", True),
        (("regex:/[0-9]{4}/",), (), "https://example.org/2024/x", True),
        (("regex:/[0-9]{4}/",), (), "https://example.org/24/x", False),
        (("/",), (), "https://example.org/", True),
        (("/a.c",), (), "https://example.org/abc", False),
    ],
)
def test_patterns_decide(allow: tuple[str, ...], deny: tuple[str, ...], url: str, taken: bool) -> None:
    """Globs from a slash fit path and query, others the whole address; deny wins; files and log-ins only when named."""
    scope = Scope.of([URL], map(as_regex, allow), map(as_regex, deny))
    assert scope.takes(url) is taken


def test_a_named_host_is_meant_at_the_declared_ports() -> None:
    """A host without a port is taken at the usual one and at those of the start pages; one with a port only there."""
    declared = ["http://127.0.0.2:8080/", "https://example.org/"]
    assert addresses_of(["127.0.0.3", "127.0.0.4:81", "[::1]", "[::2]:82"], declared) == [
        "http://127.0.0.3",
        "http://127.0.0.3:8080",
        "http://127.0.0.4:81",
        "http://[::1]",
        "http://[::1]:8080",
        "http://[::2]:82",
    ]
    assert Scope.of([*declared, *addresses_of(["127.0.0.3"], declared)]).takes("http://127.0.0.3:8080/x")


def test_other_sites_are_only_taken_as_home() -> None:
    """A page on another site is taken when the start was redirected there, and not otherwise."""
    scope = Scope.of([URL])
    assert not scope.takes("https://other.example/x")
    assert scope.takes("https://www.other.example/x", "other.example")


def test_a_slow_pattern_keeps_out_and_costs_little() -> None:
    """A pattern that would take for ever on one address ends, and the address is left out."""
    for allow, deny in (((r"(a|a)*$x",), ()), ((), (r"(x+x+)+y\d$",))):
        scope = Scope.of([URL], allow, deny)
        began = time.perf_counter()
        scope.takes("https://example.org/" + "x" * 1500)
        assert time.perf_counter() - began < 2
    stars = Scope.of([URL], [as_regex("/" + "a*" * 100 + "b")])
    began = time.perf_counter()
    assert not stars.takes("https://example.org/" + "a" * 2000)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("pattern", ["articles/*", "regex:(", "regex:", "", "ftp://x/*"])
def test_bad_patterns_are_refused(pattern: str) -> None:
    """What is neither a glob from a slash, star or scheme nor a regular expression is named."""
    with pytest.raises(ValueError):
        as_regex(pattern)


@pytest.mark.parametrize("selector", ["a[[", "p::nothing(", "", "::attr()"])
def test_bad_selectors_are_refused(selector: str) -> None:
    """What is no CSS selector is named."""
    with pytest.raises(BadSelector):
        compiled(selector)
