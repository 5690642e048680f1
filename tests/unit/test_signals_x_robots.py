"""X-Robots-Tag and meta robots: the real grammar, scoped to robots, with dates in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.rights.signals import Signal, Word, may_follow, read, storage, verdicts
from acquisition.rights.signals.x_robots import Directive, from_meta, parse, read_date

PAGE = "https://site.example/page"
PICTURE = "https://site.example/p.jpg"


def test_a_value_with_a_colon_is_no_user_agent() -> None:
    """`max-snippet:-1` takes a value; the noai behind it is addressed to everybody."""
    assert parse("max-snippet:-1, noai") == [Directive("", "max-snippet", "-1"), Directive("", "noai")]


def test_a_date_is_one_value() -> None:
    """The comma and the colons of a date neither end the directive nor name a user agent."""
    line = "unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT, noai"
    assert parse(line) == [Directive("", "unavailable_after", "Wed, 25 Jun 2025 15:00:00 GMT"), Directive("", "noai")]


def test_a_user_agent_scopes_all_that_follows() -> None:
    """Both directives behind a robot's name are its own; the next name takes over."""
    assert parse("ourbot: noindex, noai, other: nofollow") == [
        Directive("ourbot", "noindex"),
        Directive("ourbot", "noai"),
        Directive("other", "nofollow"),
    ]


@pytest.mark.parametrize(
    ("value", "train", "store"),
    [
        ("noai", "deny", "none"),
        ("NoAI", "deny", "none"),
        ("noindex, noai", "deny", "deny"),
        ("noindex,noai", "deny", "deny"),
        ("max-snippet:-1, noai", "deny", "none"),
        ("max-image-preview: large, max-video-preview: -1, noai", "deny", "none"),
        ("unavailable_after: 25 Jun 2027 15:00:00 PST, noai", "deny", "none"),
        ("acquisition: noindex, noai", "deny", "deny"),
        ("acquisition/1.0: noai", "deny", "none"),
        ("googlebot: noai", "none", "none"),
        ("googlebot: noindex, noai", "none", "none"),
        ("all", "none", "none"),
        ("none", "none", "deny"),
        ("noarchive", "none", "deny"),
        ("noindex nofollow", "none", "deny"),
        ("noindex; noai", "deny", "deny"),
        ("nosnippet, max-snippet:0", "none", "none"),
        ("no-ai", "unknown", "none"),
        ("noaitraining", "unknown", "none"),
        ("notranslate, indexifembedded", "none", "none"),
        ("", "none", "none"),
        (",,: ;", "none", "none"),
    ],
)
def test_header_words(value: str, train: Word, store: Word) -> None:
    """Each header line means what its directives say, whatever their case and order."""
    signals = read(PAGE, {"x-robots-tag": value, "date": "Sat, 21 Nov 2026 07:00:00 GMT"}, b"<p>hello</p>")
    assert (verdicts(signals).train, storage(signals)) == (train, store)


def test_lines_are_apart() -> None:
    """A user agent scopes its own line only, and every line counts."""
    signals = read(PAGE, [("X-Robots-Tag", "googlebot: nofollow"), ("X-Robots-Tag", "noai")], b"")
    assert [one.train for one in signals] == ["none", "deny"]
    assert may_follow(signals)


@pytest.mark.parametrize("value", ["nofollow", "none", "index, nofollow", "acquisition: nofollow"])
def test_nofollow(value: str) -> None:
    """Links are not followed where nofollow or none speaks to us."""
    assert not may_follow(read(PAGE, {"X-Robots-Tag": value}, b""))


@pytest.mark.parametrize(
    ("url", "headers", "body", "train"),
    [
        (PICTURE, {"X-Robots-Tag": "noimageai"}, b"", "deny"),
        ("https://media.example/7", {"X-Robots-Tag": "noimageai", "Content-Type": "image/png"}, b"", "deny"),
        ("https://media.example/7", {"X-Robots-Tag": "noimageai"}, b"\xff\xd8\xff\xe0", "deny"),
        ("https://media.example/7.mp3", {"X-Robots-Tag": "noimageai", "Content-Type": "audio/mpeg"}, b"ID3", "none"),
    ],
)
def test_noimageai_on_the_file_itself(url: str, headers: dict[str, str], body: bytes, train: Word) -> None:
    """The image's own answer forbids training on it; a sound is not meant."""
    assert verdicts(read(url, headers, body)).train == train


def test_noimageai_on_a_page_is_about_its_images() -> None:
    """The page's text stays free while its images are forbidden; who does not say what it is about gets the stricter word."""
    signals = read(PAGE, {}, b'<html><head><meta name="robots" content="noimageai"></head></html>')
    assert verdicts(signals, modality="text").train == "none"
    assert verdicts(signals, modality="image").train == "deny"
    assert verdicts(signals).train == "deny"


@pytest.mark.parametrize(
    ("value", "store"),
    [
        ("unavailable_after: 2020-01-01", "deny"),
        ("unavailable_after: 01 Jan 2020 00:00:00 GMT", "deny"),
        ("unavailable_after: Wednesday, 01-Jan-20 00:00:00 GMT", "deny"),
        ("unavailable_after: 2031-01-01T00:00:00+02:00", "none"),
        ("unavailable_after: some day", "unknown"),
    ],
)
def test_dates_are_compared_with_the_answer_s_own(value: str, store: Word) -> None:
    """A page whose date has passed may not be kept; a date that cannot be read leaves it open."""
    headers = {"X-Robots-Tag": value, "Date": "Sat, 21 Nov 2026 07:00:00 GMT"}
    assert storage(read(PAGE, headers, b"")) == store


def test_without_a_clock_a_date_is_unknown() -> None:
    """An answer without a Date header cannot tell whether the date has passed."""
    assert storage(read(PAGE, {"X-Robots-Tag": "unavailable_after: 2020-01-01"}, b"")) == "unknown"


@pytest.mark.parametrize(
    ("markup", "train"),
    [
        (b'<meta name="robots" content="noai, noimageai">', "deny"),
        (b"<META CONTENT=noai NAME=ROBOTS>", "deny"),
        (b'<meta name="robots" content="index"><meta name="robots" content="noai">', "deny"),
        (b'<meta name="acquisition" content="noai">', "deny"),
        (b'<meta name="googlebot" content="noai">', "none"),
        (b'<meta http-equiv="X-Robots-Tag" content="noai">', "deny"),
        (b'<meta name="description" content="noai robots">', "none"),
        (b'<!-- <meta name="robots" content="noai"> -->', "none"),
        (b'<noscript><meta name="robots" content="noai"></noscript>', "deny"),
    ],
)
def test_meta_words(markup: bytes, train: Word) -> None:
    """Meta elements add up, in any case, for all robots or for us; comments and other names say nothing."""
    page = b"<!doctype html><html><head>" + markup + b"</head><body>x</body></html>"
    assert verdicts(read(PAGE, {"Content-Type": "text/html"}, page)).train == train


def test_encodings_do_not_hide_a_word() -> None:
    """UTF-16 with a byte order mark or by header, and NUL bytes in between, are read all the same."""
    page = '<html><head><meta name="robots" content="noai"></head></html>'
    for body, kind in (
        (page.encode("utf-16"), "text/html"),
        (page.encode("utf-16-le"), "text/html; charset=utf-16le"),
        (b"\xef\xbb\xbf" + page.encode(), "text/html"),
        (b"<p>\0</p>" + page.encode(), "text/html; charset=klingon"),
    ):
        assert verdicts(read(PAGE, {"content-type": kind}, body)).train == "deny"


def test_what_is_recorded() -> None:
    """The raw line and what was read from it are both kept."""
    (signal,) = read(PAGE, {"X-Robots-Tag": "max-snippet:0, NOAI, sparkle"}, b"")
    assert signal == Signal(
        "x-robots-tag",
        "header x-robots-tag",
        "max-snippet:0, NOAI, sparkle",
        {"agent": "", "directives": "max-snippet:0 noai sparkle", "max-snippet": "0", "unknown": "sparkle"},
        train="deny",
    )


def test_snippets_are_recorded() -> None:
    """Parts marked data-nosnippet are counted and decide nothing."""
    signals = read(PAGE, {}, b"<html><p data-nosnippet>a</p><b data-nosnippet>c</b></html>")
    assert [(one.where, one.parsed, one.train) for one in signals] == [("body data-nosnippet", {"data-nosnippet": "2"}, "none")]


def test_dates() -> None:
    """Dates of RFC 1123, RFC 850 and ISO 8601 are read; what has no zone is UTC."""
    assert read_date("Wed, 25 Jun 2025 15:00:00 GMT") == datetime(2025, 6, 25, 15, tzinfo=UTC)
    assert read_date("2025-06-25") == datetime(2025, 6, 25, tzinfo=UTC)
    assert read_date("99 Foo 2025") is None


@given(st.text(max_size=300))
def test_any_line_is_read(line: str) -> None:
    """No line makes the parser raise, and an unscoped noai at its beginning is never lost."""
    assert all(one.name == one.name.lower() for one in parse(line))
    assert Directive("", "noai") in parse("noai," + line)
    assert from_meta("robots", line, "acquisition", None) is not None
