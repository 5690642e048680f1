"""RSL 1.0: where a license is announced, what its document says on training, and what hostile documents cost."""

from __future__ import annotations

import pytest

from acquisition.rights.signals import Word, read, verdicts
from acquisition.rights.signals.rsl import robots_licenses

URL = "https://site.example/news/a.html"
ADDRESS = "https://site.example/license.xml"
NS = 'xmlns="https://rslstandard.org/rsl"'


def _document(inner: str, attributes: str = 'url="/"') -> bytes:
    return f"<rsl {NS}><content {attributes}>{inner}</content></rsl>".encode()


def _license(*parts: str) -> str:
    return f"<license>{''.join(parts)}</license>"


TRAIN = '<permits type="usage">ai-train</permits>'


@pytest.mark.parametrize(
    ("inner", "train"),
    [
        (_license(TRAIN), "allow"),
        (_license('<permits type="usage">all</permits>', '<payment type="free"/>'), "allow"),
        (_license('<permits type="usage">search ai-all</permits>', '<payment type="attribution"/>'), "allow"),
        (_license('<permits type="usage">search,ai-train</permits>'), "allow"),
        (_license('<permits type="usage">search</permits>'), "deny"),
        (_license('<permits type="usage">search ai-index ai-input</permits>'), "deny"),
        (_license('<permits type="usage"></permits>'), "deny"),
        (_license('<permits type="usage">train-ai</permits>'), "unknown"),
        (_license('<prohibits type="usage">ai-train</prohibits>'), "deny"),
        (_license('<prohibits type="usage">train-ai</prohibits>'), "deny"),
        (_license(TRAIN, '<prohibits type="usage">ai-all</prohibits>'), "deny"),
        (_license(TRAIN, '<payment type="purchase"/>'), "deny"),
        (_license(TRAIN, '<payment type="training"><amount currency="EUR">5</amount></payment>'), "deny"),
        (_license(TRAIN, '<payment type="inference"/>'), "deny"),
        (_license(TRAIN, '<payment type="contribution"/>'), "deny"),
        (_license(TRAIN, "<payment><standard>https://collective.example/license</standard></payment>"), "deny"),
        (_license(TRAIN, '<permits type="user">education</permits>'), "unknown"),
        (_license(TRAIN, '<prohibits type="geo">DE</prohibits>'), "unknown"),
        (_license(TRAIN, '<reporting type="use"/>'), "unknown"),
        (_license('<payment type="free"/>'), "unknown"),
        (_license(TRAIN, '<payment type="crawl"/>') + _license(TRAIN), "allow"),
        (_license('<permits type="usage">search</permits>') + _license(TRAIN), "allow"),
        (_license('<prohibits type="usage">all</prohibits>') + _license(TRAIN), "deny"),
        ("", "unknown"),
    ],
)
def test_documents(inner: str, train: Word) -> None:
    """Prohibits beats permits, permits is a closed list, several licenses are a choice, and only free ones are ours."""
    signals = read(URL, {}, b"", None, {"/license.xml": _document(inner)})
    assert verdicts(signals).train == train


@pytest.mark.parametrize(
    ("attributes", "train"),
    [
        ('url="/news/"', "allow"),
        ('url="/sport/"', "none"),
        ('url="*.html$"', "allow"),
        ('url="https://site.example/news/*"', "allow"),
        ('url="https://other.example/"', "none"),
        ('url="/" server="https://licenses.example/"', "deny"),
        ('url="/" encrypted="true"', "deny"),
        ('url="/" encrypted="false" lastmod="2026-01-01"', "allow"),
    ],
)
def test_content(attributes: str, train: Word) -> None:
    """A document speaks of the addresses it names, and not at all of us where a token has to be obtained first."""
    signals = read(URL, {}, b"", None, {"/license.xml": _document(_license(TRAIN), attributes)})
    assert verdicts(signals).train == train


def test_paying_for_the_crawl() -> None:
    """Where every license asks to be paid for crawling, fetching is refused too."""
    document = _document(_license(TRAIN, '<payment type="crawl"/>'))
    assert verdicts(read(URL, {}, b"", None, {"/license.xml": document})) == ("deny", "deny")


@pytest.mark.parametrize(
    ("headers", "body", "robots"),
    [
        ({}, b"", f"License: {ADDRESS}\nUser-agent: *\nAllow: /"),
        ({}, b"", f"User-agent: *\nLicense: {ADDRESS}\nAllow: /"),
        ({}, b"", "User-agent: *\nAllow: /\nLicense: /license.xml"),
        ({"Link": f'<{ADDRESS}>; rel="license"; type="application/rsl+xml"'}, b"", None),
        ({"Link": "</license.xml>;type=application/rsl+xml;rel=license"}, b"", None),
        ({}, f'<html><link rel="license" type="application/rsl+xml" href="{ADDRESS}"></html>'.encode(), None),
    ],
)
def test_announcements(headers: dict[str, str], body: bytes, robots: str | None) -> None:
    """An announced license is unknown until it is read, means what it says then, and is a no when it cannot be had."""
    for documents, train in (
        ({}, "unknown"),
        ({"/license.xml": _document(_license(TRAIN))}, "allow"),
        ({ADDRESS: _document(_license('<prohibits type="usage">all</prohibits>'))}, "deny"),
        ({ADDRESS: None}, "deny"),
    ):
        signals = [one for one in read(URL, headers, body, robots, documents) if one.mechanism == "rsl"]
        assert verdicts(signals).train == train
    assert read(URL, headers, body, robots)[-1].license == ADDRESS


def test_other_robots_have_other_licenses() -> None:
    """A license in another robot's group is not ours."""
    robots = f"User-agent: *\nAllow: /\n\nUser-agent: otherbot\nAllow: /\nLicense: {ADDRESS}\n"
    assert [one for one in read(URL, {}, b"", robots) if one.mechanism == "rsl"] == []


def test_inline() -> None:
    """A document in the page speaks of the element around it, in the head of the page."""
    document = _document(_license("<prohibits>all</prohibits>"), 'url=""').decode()
    script = f'<script type="application/rsl+xml">{document}</script>'
    (inside,) = read(URL, {}, f"<html><body><figure>{script}</figure></body></html>".encode())
    (whole,) = read(URL, {}, f"<html><head>{script}</head></html>".encode())
    assert (inside.scope, inside.train) == ("element", "deny")
    assert (whole.scope, whole.train) == ("page", "deny")


def test_feeds() -> None:
    """RSL elements inside the entries of a feed are read."""
    feed = (
        '<?xml version="1.0"?><rss version="2.0" xmlns:rsl="https://rslstandard.org/rsl"><channel><item><title>x</title>'
        '<rsl:content url="/news/a.html"><rsl:license><rsl:prohibits type="usage">ai-train</rsl:prohibits></rsl:license>'
        "</rsl:content></item></channel></rss>"
    )
    (signal,) = read("https://site.example/feed", {"Content-Type": "application/rss+xml"}, feed.encode())
    assert (signal.mechanism, signal.scope, signal.train) == ("rsl", "element", "deny")


def test_pictures() -> None:
    """A PNG text chunk that holds a document is read."""
    text = b"rsl\0\0\0\0\0" + _document(_license('<prohibits type="usage">ai-train</prohibits>'))
    png = b"\x89PNG\r\n\x1a\n" + len(text).to_bytes(4, "big") + b"iTXt" + text + b"\0\0\0\0"
    assert verdicts(read("https://site.example/a.png", {}, png)).train == "deny"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>rslstandard.org/rsl",
        b"<rsl xmlns='https://rslstandard.org/rsl'>",
        b"<rsl xmlns='https://rslstandard.org/rsl'/>",
        b"<!DOCTYPE rsl [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><rsl xmlns='https://rslstandard.org/rsl'>&a;</rsl>",
        b"<!DOCTYPE rsl>" + _document(_license(TRAIN)),
        b"<!DOCTYPE rsl [<!ENTITY a 'ai-train'>]>" + _document(_license('<permits type="usage">ai-train</permits>')),
        b"<?xml version='1.0'?><!DOCTYPE rsl [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><rsl>&b;</rsl>",
        b"<rsl xmlns='https://rslstandard.org/rsl'>" + b"<content>" * 10_000,
    ],
)
def test_hostile_documents(text: bytes) -> None:
    """What is no document, or one with entities or without end, is unknown and never a yes."""
    signals = read(URL, {}, b"", f"User-agent: *\nLicense: {ADDRESS}", {ADDRESS: text})
    assert verdicts(signals).train == "unknown"


@pytest.mark.parametrize("value", ["MIT", "CC BY 4.0", "'MIT',", "see the page", "https://", "none"])
def test_license_lines_without_an_address(value: str) -> None:
    """A line that names no address announces no document, so nobody is asked for one."""
    assert robots_licenses(f"License: {value}\n".encode(), "acquisition") == []


@pytest.mark.parametrize(
    "value", ["https://l.example/a", "HTTP://l.example/a.xml", "//l.example/a", "/l", "./l.xml", "l.xml", "a/b.rsl"]
)
def test_license_lines_with_an_address(value: str) -> None:
    """Absolute addresses, and relative ones as they occur, are followed."""
    assert robots_licenses(f"User-agent: *\nLicense: {value}\n".encode(), "acquisition") == [value]


def test_a_page_in_place_of_robots_txt_announces_nothing() -> None:
    """A script inside a page may have a line that begins with license."""
    page = b"<!doctype html>\n<script>\nlicense: https://l.example/x.xml\n</script>"
    assert robots_licenses(page, "acquisition") == []
