"""Selectors of a declaration: items, texts, files with the words nearest to them, licenses."""

from __future__ import annotations

from typing import Any

from acquisition.crawl.discover.page import parse
from acquisition.crawl.discover.select import Selectors
from acquisition.crawl.discover.selecting import Selected

URL = "https://example.org/"
BY = "https://creativecommons.org/licenses/by/4.0/"


def selected(body: str, **select: Any) -> Selected:
    """Return a page under selectors."""
    return Selected(Selectors(select), parse(body.encode(), URL))


def test_items_are_parts_of_a_page() -> None:
    """Each item's words come from inside it; an item without text is none; other names become fields."""
    body = (
        '<div class="q"><span>one</span><em>Ann</em><i>a</i><i>b</i></div><div class="q"><em>Bob</em></div>'
        '<div class="q"><span>two</span><a rel="license" href="/l">L</a></div><span>out</span>'
    )
    found = list(selected(body, item=".q", text="span::text", author="em", tags="i", license="a").rows())
    assert found == [
        {"author": "Ann", "fields": {"tags": ["a", "b"]}, "text": "one"},
        {"text": "two", "license": "L", "license_url": "https://example.org/l"},
    ]


def test_rows_need_no_text() -> None:
    """Items without a text are rows; a row without any value is none."""
    body = "<table><tr><th>x</th></tr><tr><td class=n>owl</td><td class=p>3</td></tr></table>"
    assert list(selected(body, item="tr", name=".n", price=".p").rows()) == [{"name": "owl", "fields": {"price": "3"}}]


def test_parts_of_a_text_are_lines_and_the_first_selector_that_finds_counts() -> None:
    """Of several selectors the first that finds something is used."""
    body = "<article><p>one  <b>1</b></p><p>two</p></article>"
    assert list(selected(body, text=["main p", "article p"]).rows()) == [{"text": "one 1\ntwo"}]


def test_words_of_a_file_are_those_nearest_to_it() -> None:
    """Without items the words are looked for outward from the file, and its neighbour's are not taken."""
    body = (
        f'<h1 class="t">All</h1><div><p class="c">first</p><img src="/1.jpg"></div>'
        '<div><p class="c">second</p><img src="/2.jpg">'
        f'<a class="l" href="{BY}">by</a></div>'
    )
    found = list(selected(body, media="img", caption=".c", label=".t", license=".l").media())
    assert [(one.url, values["caption"], values["label"]) for one, values in found] == [
        ("https://example.org/1.jpg", "first", "All"),
        ("https://example.org/2.jpg", "second", "All"),
    ]
    assert found[1][1]["license_url"] == BY
    assert "license_url" not in found[0][1]


def test_words_of_another_file_are_not_lent() -> None:
    """A file without words of its own has none of its neighbours', but those that stand beside no file speak of all."""
    card = '<figure class="card"><img src="/{0}.jpg"><b class="s">{0}</b><a class="l" href="{1}">by</a></figure>'
    bare = '<figure class="card"><img src="/bare.jpg"></figure>'
    body = f'<div class="g">{card.format(1, BY)}{bare}{card.format(2, BY)}</div><footer><img src="/logo.png"><i>F</i></footer>'
    found = {
        one.url.rpartition("/")[2]: values
        for one, values in selected(body, media=".g img", label=".g .card .s::text", author="footer i", license="a.l").media()
    }
    assert [found[name].get("label") for name in ("1.jpg", "bare.jpg", "2.jpg")] == ["1", None, "2"]
    assert [found[name].get("license_url") for name in ("1.jpg", "bare.jpg", "2.jpg")] == [BY, None, BY]
    assert {values["author"] for values in found.values()} == {"F"}


def test_a_badge_inside_a_license_is_no_other_file() -> None:
    """The picture of a license lies inside its link; the link still speaks of the file beside it."""
    body = f'<div><img src="/1.jpg"><p><a class="l" href="{BY}"><img src="/badge.png" alt="by"></a></p></div>'
    found = {one.url: values for one, values in selected(body, license=".l").media()}
    assert found["https://example.org/1.jpg"]["license_url"] == BY


def test_files_by_address() -> None:
    """With ::attr() the addresses themselves are selected, resolved, once."""
    body = '<i data-full="/f.jpg"></i><i data-full="/f.jpg"></i><i data-full="javascript:x"></i>'
    assert [(one.url, one.kind) for one, _ in selected(body, media="i::attr(data-full)").media()] == [
        ("https://example.org/f.jpg", "image")
    ]


def test_licenses_that_differ_are_none() -> None:
    """Two different licenses inside one item mean that nobody knows; words alone count as words."""
    body = '<div class="i"><a href="/a">A</a><a href="/b">B</a></div><div class="i"><b>CC0</b></div>'
    found = list(selected(body, item=".i", license=["a", "b"], x="a").rows())
    assert found == [{"fields": {"x": ["A", "B"]}}, {"license": "CC0"}]


def test_what_is_not_selected_is_taken_from_the_markup() -> None:
    """A text has its page's title and license, an item the license nearest to it; what is selected goes before."""
    body = f'<title>T</title><link rel="license" href="{BY}"><article><p>x</p><a rel="license" href="/own">own</a></article>'
    assert list(selected(body, text="p").rows()) == [{"title": "T", "license_url": BY, "text": "x"}]
    assert list(selected(body, item="article", text="p").rows()) == [
        {"license": "own", "license_url": "https://example.org/own", "text": "x"}
    ]
    assert list(selected(body, text="p", title="p", license=".none").rows()) == [{"title": "x", "text": "x"}]
