"""Media on a page: where files are found, which of several is taken, what is said of them, and whose license counts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.crawl.discover import charset, oembed
from acquisition.crawl.discover.found import License, Media, kind_of, merged
from acquisition.crawl.discover.images import srcset
from acquisition.crawl.discover.licenses import Licenses
from acquisition.crawl.discover.media import backgrounds, media
from acquisition.crawl.discover.page import Page, Unparsable, parse

URL = "https://example.org/a/page.html"
BY, ZERO = "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/publicdomain/zero/1.0/"

PICTURE = (
    '<picture><source type="image/jxl" srcset="p.jxl 4000w"><source type="image/webp" srcset="p.webp 2000w">'
    '<img src="p.jpg" srcset="p.jpg 1000w"></picture>'
)
VIDEO = '<video poster="v.jpg" src="v.mp4"><track kind="captions" src="v.vtt"><track kind=chapters src=c.vtt></video>'
DEED = "http://creativecommons.org/licenses/by/4.0/deed.de"
TWO = f'<a rel=license href="{BY}">1</a><a rel=license href="{ZERO}">2</a>'


def page(body: str) -> Page:
    """Return a parsed page."""
    return parse(body.encode(), URL)


def found(body: str) -> list[Media]:
    """Return what a page shows."""
    return media(page(body))


def files(body: str) -> list[tuple[str, str]]:
    """Return the origin and the file name of everything that a page shows."""
    return [(one.origin, one.url.rpartition("/")[2]) for one in found(body)]


def only(body: str) -> Media:
    """Return the one file of a page."""
    (one,) = found(body)
    return one


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<img src="a.jpg">', [("img", "a.jpg")]),
        ('<img src="data:image/gif;base64,R0" data-src="b.jpg">', [("img data-src", "b.jpg")]),
        ('<img src="blank.gif" data-lazy-src="c.jpg">', [("img data-lazy-src", "c.jpg")]),
        ('<img data-srcset="d1.jpg 1x, d2.jpg 2x">', [("img data-srcset", "d2.jpg")]),
        ('<img src="data:image/png;base64,x">', []),
        ('<img src="pixel.gif" width="1" height="1px">', []),
        ('<img src="line.gif" width="1" height="200">', [("img", "line.gif")]),
        ('<img src="s.jpg" srcset="m.jpg 800w, l.jpg 1600w, xl.jpg 9000w">', [("img srcset", "l.jpg")]),
        ('<img srcset="xl.jpg 9000w, huge.jpg 8000w">', [("img srcset", "huge.jpg")]),
        (
            PICTURE,
            [("img picture", "p.webp")],
        ),
        ('<picture><source type="image/webp" srcset="q.webp"><img src="q.jpg"></picture>', [("img", "q.jpg")]),
        ('<audio src="a.mp3"></audio>', [("audio", "a.mp3")]),
        ('<audio><source src="a.ogg" type="audio/ogg"><source src="a.mp3"></audio>', [("source", "a.ogg")]),
        (
            VIDEO,
            [("video", "v.mp4"), ("poster", "v.jpg"), ("track captions", "v.vtt")],
        ),
        ('<a href="kick.WAV">k</a><a href="x" type="audio/flac">f</a><a href="y.html">y</a>', [("a", "kick.WAV"), ("a", "x")]),
        ('<svg><image href="s.png" width="9" height="9"/></svg>', [("svg image", "s.png")]),
        ('<input type="image" src="b.png"><input src="no.png">', [("input", "b.png")]),
        ('<embed src="e.mp3"><object data="o.mp4"></object><embed src="x.swf">', [("embed", "e.mp3"), ("object", "o.mp4")]),
        ('<link rel="image_src" href="i.jpg">', [("image_src", "i.jpg")]),
        ('<meta property="og:image" content="/o.jpg"><meta name="twitter:image" content="/o.jpg">', [("og:image", "o.jpg")]),
        ('<meta property="og:video" content="https://player.example/embed/7">', []),
        ('<img src="a.jpg#x"><img src="a.jpg">', [("img", "a.jpg")]),
        ('<img src=""><img src="javascript:x"><img src="ftp://x/y.jpg"><img>', []),
        ('<base href="https://cdn.example/x/"><img src="b.jpg">', [("img", "b.jpg")]),
        ("<div style=\"background-image: url('bg.jpg')\"></div>", []),
    ],
)
def test_files_are_found_wherever_a_page_shows_them(body: str, expected: list[tuple[str, str]]) -> None:
    """Every source of crawl.md section 8.2, the largest of several, and nothing that only counts visits."""
    assert files(body) == expected


def test_json_ld_describes_files() -> None:
    """Image, audio and video objects anywhere in the graph, with words, creator and license; they join what the page shows."""
    graph = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "Article", "image": {"@type": "ImageObject", "contentUrl": "/i.jpg", "caption": "An owl", "license": BY,
                                           "creator": {"@type": "Person", "name": "Ann"}, "width": "1200"}},
            {"@type": ["AudioObject"], "contentUrl": "/s.mp3", "name": "Call", "encodingFormat": "audio/mpeg"},
            {"@type": "https://schema.org/VideoObject", "url": "/watch"},
        ],
    }  # fmt: skip
    image, audio = found(f'<script type="application/ld+json">{json.dumps(graph)}</script><img src="/i.jpg" alt="bird">')
    assert (image.origin, image.caption, image.author, image.width) == ("img", "An owl", "Ann", 1200)
    assert {one.origin for one in image.captions} >= {"alt", "caption"}
    assert image.license == License(url=BY)
    assert (audio.url, audio.kind, audio.media_type) == ("https://example.org/s.mp3", "audio", "audio/mpeg")


def test_captions_are_kept_apart_with_their_origin() -> None:
    """Nothing is merged: figcaption, aria, alt, title, link, heading and file name stand beside each other."""
    one = only(
        '<h2>Birds</h2><p id="l">labelled</p><figure><a href="/more" title="lt"><img src="snowy_owl-2.jpg" alt="A" title="T" '
        'aria-label="L" aria-labelledby="l"></a><figcaption>Cap <b>tion</b></figcaption></figure>'
    )
    assert [(caption.origin, caption.text) for caption in one.captions] == [
        ("figcaption", "Cap tion"),
        ("aria-labelledby", "labelled"),
        ("aria-label", "L"),
        ("alt", "A"),
        ("title", "T"),
        ("title", "lt"),
        ("heading", "Birds"),
        ("filename", "snowy owl 2"),
    ]
    assert one.caption == "Cap tion"
    assert one.element.endswith("/figure/a/img")


def test_nearby_text_is_a_candidate_and_no_caption() -> None:
    """What merely stands beside a file is kept, but nobody says that it speaks of the file."""
    one = only('<div><img src="DSC_0001.jpg"><p>We walked to the lake.</p></div>')
    assert ("nearby", "We walked to the lake.") in [(caption.origin, caption.text) for caption in one.captions]
    assert one.caption == ""


def test_headings_give_classes() -> None:
    """data-label around the file, else its section's heading, else the last heading before it."""
    body = (
        '<h2>snares</h2><a href="s.wav">s</a><section><h3>kicks</h3><a href="k.wav">k</a></section>'
        '<div data-label="hats"><a href="h.wav">h</a></div>'
    )
    assert [one.label for one in found(body)] == ["snares", "kicks", "hats"]


@pytest.mark.parametrize(
    ("body", "license_url"),
    [
        (f'<link rel="license" href="{ZERO}"><figure><img src="i.png"><a rel="license" href="{BY}">x</a></figure>', BY),
        (f'<link rel="license" href="{ZERO}"><img src="i.png">', ZERO),
        (f'<img src="i.png"><figure><p>other</p><a rel="license" href="{BY}">x</a></figure>', None),
        (f'<article><img src="i.png"><footer><a rel="license" href="{BY}">x</a></footer></article>', BY),
        (f'<link rel=license href="{ZERO}"><figure><img src="i.png">{TWO}</figure>', None),
        (f'<figure><img src="i.png"><a rel=license href="{BY}">1</a><a rel=license href="{DEED}">2</a></figure>', BY),
        (f'<ul><li><img src="i.png"></li><li><a rel=license href="{BY}">x</a></li></ul>', None),
        (f'<div itemscope><img src="i.png"><a itemprop="license" href="{BY}">x</a></div><link rel=license href="{ZERO}">', BY),
        (f'<img src="i.png"><span about="i.png"><a property="cc:license" about="i.png" href="{BY}">x</a></span>', BY),
        ('<a rel="license" type="application/rsl+xml" href="/rsl.xml">x</a><img src="i.png">', None),
        (f'<link rel=license href="{ZERO}"><footer><a rel=license href="{BY}">x</a></footer><img src="i.png">', None),
        (f'<img src="i.png"><a href="{BY}">not said to be the license</a>', None),
    ],
)  # fmt: skip
def test_the_nearest_license_counts(body: str, license_url: str | None) -> None:
    """Element, figure, article, page: the smallest part that says something decides, and two that differ mean none."""
    license_ = only(body).license
    assert (license_.url if license_ else None) == license_url


def test_a_text_s_license_is_the_page_s() -> None:
    """A figure's license speaks of the picture; an only article's speaks of the text; JSON-LD of the page counts."""
    assert Licenses(page(f'<figure><img src=i.png><a rel=license href="{BY}">x</a></figure>')).of_text() is None
    assert Licenses(page(f'<article><p>x</p><a rel=license href="{BY}">x</a></article>')).of_text() == License("x", BY)
    both = page(f'<link rel=license href="{ZERO}"><article><a rel=license href="{BY}">x</a></article>')
    assert Licenses(both).of_text() == License(url=ZERO)


def test_mentions_of_one_file_are_one_file() -> None:
    """Captions of all mentions are kept; licenses that disagree cancel each other."""
    one = Media("u", "image", "img", license=License(url=BY), width=10)
    other = Media("u", "", "a", license=License(url=ZERO), author="Ann", width=30)
    (joined,) = merged([one, other, one])
    assert (joined.license, joined.author, joined.width, joined.origin) == (None, "Ann", 30, "img")


def test_only_declared_elements_are_looked_at() -> None:
    """With elements given, files elsewhere and in the head are left out, and what JSON-LD says of those inside is kept."""
    body = page('<meta property="og:image" content="/o.jpg"><img src="/out.jpg"><div class="g"><img src="/in.jpg"></div>')
    within = list(body.root.iter("div"))
    assert [one.url for one in media(body, within)] == ["https://example.org/in.jpg"]


def test_backgrounds_are_recorded_and_not_taken() -> None:
    """CSS backgrounds are named, resolved, once."""
    body = page(
        '<div style="background:url(/a.jpg)"></div><p style="color:red"></p><i style="background-image:URL( \'/a.jpg\' )"></i>'
    )
    assert backgrounds(body) == ["https://example.org/a.jpg"]


def test_oembed_photos_are_files() -> None:
    """Only the photo type is a file; the title is a caption, the author's name the author."""
    said = {"type": "photo", "url": "/p.jpg", "title": "An owl", "author_name": "Ann", "width": 640}
    one = oembed.photo(json.dumps(said).encode(), URL)
    assert one is not None
    assert (one.url, one.caption, one.author, one.width) == ("https://example.org/p.jpg", "An owl", "Ann", 640)
    for other in (b"", b"[]", b'{"type": "rich", "html": "x"}', b'{"type": "photo", "url": "javascript:x"}'):
        assert oembed.photo(other, URL) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.jpg", [("a.jpg", 0, 1.0)]),
        ("a.jpg 1x,b.jpg 2.5x", [("a.jpg", 0, 1.0), ("b.jpg", 0, 2.5)]),
        ("a,b.jpg 100w, c.jpg 200w 50h", [("a,b.jpg", 100, 1.0), ("c.jpg", 200, 1.0)]),
        ("a.jpg, b.jpg", [("a.jpg", 0, 1.0), ("b.jpg", 0, 1.0)]),
        (", ,a.jpg (x,y) 3w", [("a.jpg", 3, 1.0)]),
        ("data:image/png;base64,AA== 1x, b.jpg 2x", [("b.jpg", 0, 2.0)]),
        ("", []),
        ("a.jpg 99999999999w", [("a.jpg", 0, 1.0)]),
    ],
)
def test_srcset_is_read_by_its_grammar(text: str, expected: list[tuple[str, int, float]]) -> None:
    """HTML section 4.8.4.2.1: commas in addresses, descriptors, parentheses, empty parts."""
    read = [(one.url.rpartition("/a/")[2], one.width, one.density) for one in srcset(text, page("x"), "srcset")]
    assert read == expected


@pytest.mark.parametrize(
    ("url", "media_type", "kind"),
    [
        ("http://x/a.JPG?x=1", "", "image"),
        ("http://x/a", "audio/x-wav; rate=1", "audio"),
        ("http://x/a.png", "video/mp4", "video"),
        ("http://x/a.vtt", "", "track"),
        ("http://x/a.html", "", ""),
        ("http://x/a.jpg", "text/html", "image"),
        ("http://[/", "", ""),
    ],
)
def test_the_kind_of_a_file(url: str, media_type: str, kind: str) -> None:
    """The declared type first, then the ending."""
    assert kind_of(url, media_type) == kind


def test_five_thousand_images_cost_no_more_than_their_page() -> None:
    """Captions and licenses shared by many are read once: one figure, one section, one list of thousands of images."""
    inside = "".join(f'<img src="/{number}.jpg" alt="a{number}" aria-labelledby="x">' for number in range(5_000))
    for before, after in (("<figure>", "<figcaption>c</figcaption></figure>"), ("<section><h2>h</h2>", "</section>"), ("", "")):
        body = page(f'<p id="x">l</p>{before}{inside}{after}<a rel="license" href="{BY}">l</a>')
        began = time.process_time()
        assert len(media(body)) == 5_000
        assert time.process_time() - began < 5


@given(
    st.text(max_size=300), st.sampled_from(['<img srcset="', "<script type='application/ld+json'>", '<video src="', "<figure>"])
)
def test_any_markup_gives_addresses(body: str, start: str) -> None:
    """Hostile markup gives files with http addresses, or a page that is refused, nothing else."""
    try:
        made = parse((start + body).encode("utf-8", "replace"), URL)
    except Unparsable:
        return
    assert all(one.url.startswith(("http://", "https://")) for one in media(made))
    backgrounds(made)


def test_real_pages_give_media(shared_data: Path) -> None:
    """A stored article: its lead image with caption, through srcset, without pixels and data addresses."""
    source = shared_data / "web_pages/readability/ars-1/source.html"
    body = source.read_bytes()
    files = media(parse(body, "https://arstechnica.com/x/", charset.decide(body).used))
    assert files[0].url.startswith("https://cdn.arstechnica.net/")
    assert any(one.origin == "figcaption" for one in files[0].captions)
