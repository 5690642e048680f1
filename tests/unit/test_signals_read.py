"""The one door: inputs of every shape, verdicts over all mechanisms, and hostile input in linear time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import Headers

from acquisition.rights.signals import (
    EVIDENCE,
    MECHANISMS,
    OPT_OUTS,
    Signal,
    Word,
    decisive,
    may_follow,
    read,
    storage,
    verdicts,
)
from acquisition.rights.signals.read import MAX_SIGNALS
from acquisition.rights.signals.signal import RAW_LIMIT

URL = "https://site.example/a"


# --- verdicts -----------------------------------------------------------------------------------------------------------


def _signal(fetch: Word = "none", train: Word = "none", mechanism: str = "tdmrep") -> Signal:
    return Signal(mechanism, "test", "", fetch=fetch, train=train)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "none"),
        (["none"], "none"),
        (["none", "allow"], "allow"),
        (["allow", "allow"], "allow"),
        (["allow", "unknown"], "unknown"),
        (["unknown", "deny"], "deny"),
        (["allow", "deny", "allow"], "deny"),
    ],
)
def test_the_most_restrictive_word_wins(words: list[Word], expected: Word) -> None:
    """In any order: no, then unknown, then yes; a yes never cancels a no."""
    for order in (words, words[::-1]):
        assert verdicts([_signal(train=word) for word in order]) == ("none", expected)
        assert verdicts([_signal(fetch=word) for word in order]) == (expected, "none")


@pytest.mark.parametrize(
    ("treatment", "expected"), [("honour", "deny"), ("record", "allow"), ("ignore", "allow"), (None, "deny")]
)
def test_policy_decides_what_counts(treatment: str | None, expected: Word) -> None:
    """A mechanism that is only recorded or ignored does not make the verdict; one that is not named is honoured."""
    policy = {} if treatment is None else {"trust-txt": treatment}
    assert verdicts([_signal(train="deny", mechanism="trust-txt"), _signal(train="allow")], policy).train == expected


def test_the_decisive_signal() -> None:
    """The first of the strictest signals is named, and none where nothing is said."""
    first, second = _signal(train="deny", mechanism="rsl"), _signal(train="deny")
    assert decisive([_signal(train="allow"), first, second], "train") is first
    assert decisive([first, second], "train", {"rsl": "record"}) is second
    assert decisive([_signal()], "train") is None
    assert decisive([_signal(train="deny")], "fetch") is None


@given(
    st.lists(
        st.builds(
            _signal,
            st.sampled_from(["allow", "deny", "unknown", "none"]),
            st.sampled_from(["allow", "deny", "unknown", "none"]),
        )
    )
)
def test_more_signals_never_loosen_a_no(signals: list[Signal]) -> None:
    """Adding any signals to a no leaves it a no."""
    assert verdicts([*signals, _signal("deny", "deny")]) == ("deny", "deny")


def test_mechanisms_are_named_once() -> None:
    """Every signal has one of the documented mechanisms, none of which stands in both lists."""
    assert set(OPT_OUTS).isdisjoint(EVIDENCE)
    assert len(MECHANISMS) == len(set(MECHANISMS))


def test_every_mechanism_is_documented() -> None:
    """docs/signals.md explains each mechanism in a row of its own or beside its twin."""
    page = (Path(__file__).parents[2] / "docs" / "signals.md").read_text()
    rows = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    assert [name for name in MECHANISMS if f"`{name}`" not in rows] == []


# --- shapes of input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Robots-Tag": "noai"},
        {"x-robots-tag": ["all", "noai"]},
        {b"X-ROBOTS-TAG": [b"noai"]},
        {b"X-Robots-Tag": b"noai"},
        [("X-Robots-Tag", "noai")],
        [(b"x-robots-tag", b"noai"), ("Server", "x")],
        [["X-Robots-Tag", "noai"]],
        Headers({"X-Robots-Tag": ["all", "noai"]}),
        "HTTP/1.1 200 OK\r\nX-Robots-Tag: noai\r\n",
        b"X-Robots-Tag: noai",
        iter([("X-Robots-Tag", "noai")]),
        {"X-Robots-Tag": ("all", "noai")},
        {"X-Robots-Tag": "noai", 7: None, "Link": 3},
    ],
)
def test_headers_in_any_shape(headers: object) -> None:
    """Mappings, pairs, Scrapy's own headers and raw blocks, in any case, as texts or bytes."""
    assert verdicts(read(URL, headers, b"")).train == "deny"


@pytest.mark.parametrize("headers", [None, {}, [], 7, object(), [1, "x", (1, 2, 3)], {"X-Robots-Tag": None}, {1: 2}])
def test_no_headers(headers: object) -> None:
    """What is no header says nothing."""
    assert read(URL, headers, b"") == []


@pytest.mark.parametrize(
    "files",
    [
        {"/.well-known/tdmrep.json": b'[{"location": "/", "tdm-reservation": 1}]'},
        {"https://site.example/.well-known/tdmrep.json": '[{"location": "/", "tdm-reservation": 1}]'},
        {".well-known/tdmrep.json": bytearray(b'[{"location": "/", "tdm-reservation": 1}]')},
        {"tdmrep.json": [{"location": "/", "tdm-reservation": 1}]},
        {"/trust.txt": b"datatrainingallowed=no", "/ai.txt": None, "/x": 7},
    ],
)
def test_files_in_any_shape(files: Mapping[str, object]) -> None:
    """Files are known by the last part of their name, as bytes, as text, or as JSON values."""
    assert verdicts(read(URL, {}, b"", None, files)).train == "deny"


def test_absent_input() -> None:
    """Nothing at all is no signal."""
    assert read("", None, None) == []
    assert read(URL, {}, b"", b"", {}) == []


def test_a_page_with_everything() -> None:
    """All mechanisms of one answer are found, in a fixed order, the site's files first."""
    signals = read(
        URL,
        {"X-Robots-Tag": "noai", "Content-Usage": "train-ai=n", "Content-Signal": "ai-train=no", "tdm-reservation": "1"},
        b'<html><meta name=robots content="noai"></html>',
        "User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nAllow: /\nContent-Signal: ai-train=no\nContent-Usage: train-ai=n\n",
        {"/.well-known/tdmrep.json": b'[{"location": "/", "tdm-reservation": 1}]', "/trust.txt": b"datatrainingallowed=no"},
    )
    assert [one.mechanism for one in signals] == [
        "robots", "ai-agents", "content-signal", "aipref", "tdmrep", "trust-txt", "x-robots-tag", "aipref", "content-signal",
        "tdmrep", "meta-robots",
    ]  # fmt: skip
    assert {one.train for one in signals[1:]} == {"deny"}


def test_answers_do_not_change() -> None:
    """The same input gives the same signals."""
    robots = b"User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n"
    page = b"<html><meta name=robots content='noai, noindex'><link rel=license href=https://creativecommons.org/licenses/by/4.0/></html>"
    assert read(URL, {"Link": "</l>;rel=license"}, page, robots) == read(URL, {"Link": "</l>;rel=license"}, page, robots)


def test_our_name_can_be_another() -> None:
    """Who crawls under another product token is addressed by that."""
    robots = "User-agent: otherbot\nDisallow: /\n"
    assert verdicts(read(URL, {"X-Robots-Tag": "otherbot: noai"}, b"", robots, agent="OtherBot")) == ("deny", "deny")
    assert verdicts(read(URL, {"X-Robots-Tag": "otherbot: noai"}, b"", robots)) == ("none", "none")


# --- hostile input ------------------------------------------------------------------------------------------------------

_headers = st.dictionaries(
    st.sampled_from(["X-Robots-Tag", "Link", "Content-Usage", "Content-Signal", "tdm-reservation", "Content-Type", "Date"]),
    st.text(max_size=60) | st.binary(max_size=60) | st.lists(st.text(max_size=20), max_size=3),
)


@given(
    st.text(max_size=40),
    _headers,
    st.binary(max_size=200),
    st.binary(max_size=100),
    st.dictionaries(st.text(max_size=12), st.binary(max_size=60)),
)
def test_anything_is_read(url: str, headers: dict[str, object], body: bytes, robots: bytes, files: dict[str, bytes]) -> None:
    """Nothing raises, nothing fails inside, and every signal is well formed."""
    for signal in read(url, headers, body, robots, files):
        assert signal.where != "error"
        assert signal.mechanism in MECHANISMS
        assert len(signal.raw) <= RAW_LIMIT
        assert {signal.fetch, signal.train, signal.store} <= {"allow", "deny", "unknown", "none"}
        assert Signal.from_record(signal.record()) == signal


MARKUP = st.sampled_from(
    [
        "<html>", "<meta name=robots content='", "noai'>", "<a rel=license href=", ">", "<script type=application/ld+json>",
        "{}", '"license":', "</script>", "<div itemscope itemprop=license>", "property=", "<figure>", "&lt;", "<!--", "\0",
        "'", '"', "<base href=//[>", "é",
    ]
)  # fmt: skip


@given(st.lists(MARKUP, max_size=25))
def test_any_page_is_read(parts: list[str]) -> None:
    """Pages put together from the pieces that matter are read without a fault."""
    signals = read(URL, {"Content-Type": "text/html"}, "".join(parts).encode())
    assert all(one.where != "error" for one in signals)


def test_limits_are_told() -> None:
    """Headers, signals and pages beyond a limit are read up to it, and what was not read is unknown."""
    many = read(URL, [("X-Robots-Tag", "all")] * 100, b"")
    assert (verdicts(many).train, many[-1].mechanism) == ("unknown", "unread")
    long = read(URL, {"Link": "<a>" * 10_000}, b"")
    assert [one.parsed for one in long] == [{"what": "header link beyond a limit"}]
    page = read(URL, {}, b"<html><p>license</p>" + b"<p>x</p>" * 600_000)
    assert [one.mechanism for one in page] == ["unread"]
    crowd = read(URL, {}, b"<html>" + b"<meta name=robots content=all>" * 5_000)
    assert len(crowd) <= MAX_SIGNALS + 1
    assert verdicts(crowd).train == "unknown"


def test_an_element_with_countless_attributes() -> None:
    """The parser's quadratic case is met before a tree is built, and is unknown."""
    body = b"<p " + b" ".join(b"a%d=1" % number for number in range(100_000)) + b"><meta name=robots content=all>"
    (signal,) = read(URL, {}, body)
    assert (signal.mechanism, signal.train) == ("meta-robots", "unknown")


RSL = b"<rsl xmlns='https://rslstandard.org/rsl'>"
ATTACKS: dict[str, tuple[dict[str, object], bytes, bytes, dict[str, object]]] = {
    "directives": ({"X-Robots-Tag": ["a:b,c;" * 2_000] * 50}, b"", b"", {}),
    "spaces before a date": ({"X-Robots-Tag": ["unavailable_after:" + " " * 8_000] * 50}, b"", b"", {}),
    "members": ({"Content-Usage": ["a=y," * 2_000] * 50}, b"", b"", {}),
    "escapes": ({"Content-Usage": ['a="' + '\\"' * 4_000] * 50}, b"", b"", {}),
    "links": ({"Link": ['<a>;x="\\\\' * 1_000] * 50}, b"", b"", {}),
    "wildcards": ({}, b"", b"User-agent: *\n" + b"Disallow: /*a*a*a*b\n" * 25_000, {}),
    "wildcards for others": ({}, b"", b"User-agent: GPTBot\n" + b"Disallow: /*a*a*a*b\n" * 25_000, {}),
    "one long pattern": ({}, b"", b"User-agent: *\nDisallow: /" + b"*a" * 8_000 + b"b\n", {}),
    "groups": ({}, b"", b"User-agent: GPTBot\nDisallow: /*z\n" * 15_000, {}),
    "preferences": ({}, b"", b"Content-Usage: /a train-ai=n\n" * 15_000, {}),
    "nested json": ({}, b"", b"", {"tdmrep.json": b"[" * 900_000}),
    "digits": ({}, b"", b"", {"tdmrep.json": b'[{"location":"/","tdm-reservation":' + b"9" * 900_000 + b"}]"}),
    "contents": ({}, b"", b"", {"l.xml": RSL + b"<content url='/*a*b'/>" * 80_000 + b"</rsl>"}),
    "nested elements": ({}, b"<meta name=robots content=all>" + b"<div>" * 400_000, b"", {}),
    "nested figures": ({}, b"<figure>" * 200 + b"<a rel=license href=x>" * 50_000, b"", {}),
    "siblings": ({}, b"<i></i><a rel=license href=x></a>" * 60_000, b"", {}),
    "properties": ({}, b"<div itemscope>" * 250 + b"<link itemprop=license href=x>" * 60_000, b"", {}),
    "scripts": ({}, b'<script type="application/ld+json">{"license":"x"}</script>' * 30_000, b"", {}),
    "nested objects": ({}, b'<script type="application/ld+json">' + b'{"license":' * 200_000 + b"</script>", b"", {}),
    "comments": ({}, b"robots<!--" * 200_000, b"", {}),
    "fill bytes": ({}, b"\xff\xd8\xff" + b"\xff" * 5_000_000, b"", {}),
    "packets": ({}, b"\xff\xd8\xff<x:xmpmeta></x:xmpmeta>" * 200_000, b"", {}),
    "packet starts": ({}, b"\xff\xd8\xff" + b"<x:xmpmeta" * 500_000, b"", {}),
    "sub-blocks": ({}, b"GIF89a" + b"\0" * 7 + b"!\xff\x0bC2PA_GIF123" + b"\1a" * 3_000_000, b"", {}),
    "chunks": ({}, b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0tEXt\0\0\0\0" * 500_000, b"", {}),
    "entries": ({}, b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 5_000_000, b"", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_cost_little(name: str) -> None:
    """Each shape that could take quadratic time is over well within a bound that any machine keeps."""
    headers, body, robots, files = ATTACKS[name]
    started = time.process_time()
    signals = read("https://site.example/" + "a" * 8_000, headers, body, robots, files)
    assert time.process_time() - started < 3
    assert all(one.where != "error" for one in signals)


# --- real pages ---------------------------------------------------------------------------------------------------------


def test_real_pages(shared_data: Path) -> None:
    """Real pages are read without a fault; those that forbid keeping a copy are known by name."""
    kept_out: set[str] = set()
    count = 0
    for path in sorted((shared_data / "web_pages" / "readability").rglob("source.html")):
        signals = read(URL, {"Content-Type": "text/html"}, path.read_bytes())
        assert all(one.where != "error" for one in signals), path
        assert verdicts(signals).train in ("none", "unknown"), path
        count += 1
        assert may_follow(signals)
        if storage(signals) == "deny":
            kept_out.add(path.parent.name)
    assert count == 35
    assert kept_out == {"herald-sun-1", "iab-1", "lemonde-1"}
