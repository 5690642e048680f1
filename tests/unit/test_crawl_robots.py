"""robots.txt by RFC 9309: group choice, matching, delays, hostile files."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.crawl.robots import MAX_BYTES, allowed, parse, sitemaps

DISPUTED = {"ID_Encoding/L419", "ID_Encoding/L430", "ID_Encoding/L441"}
"""Where Google and the RFC disagree, and we side with the RFC (ORIGIN.md beside the cases)."""


def test_google_s_published_cases(shared_data: Path) -> None:
    """All decisions of google/robotstxt hold, except the three that the RFC decides otherwise."""
    cases = json.loads((shared_data / "robots_cases" / "google_cases.json").read_text())["decisions"]
    assert len(cases) == 145
    wrong = {case["id"] for case in cases if allowed(case["robots_txt"], case["user_agent"], case["url"]) != case["allowed"]}
    assert wrong == DISPUTED


@pytest.mark.parametrize(
    ("robots_txt", "path", "expected"),
    [
        ("User-agent: acq\nAllow: /\n\nUser-agent: *\nDisallow: /", "/", False),
        ("User-agent: acquisition-images\nAllow: /\n\nUser-agent: *\nDisallow: /", "/", False),
        ("User-agent: acquisition/2.0\nAllow: /a\nDisallow: /\n\nUser-agent: *\nAllow: /", "/b", False),
        ("User-agent: ACQUISITION\nDisallow: /\n\nUser-agent: *\nAllow: /", "/", False),
        ("User-agent: acquisition\n\nUser-agent: *\nDisallow: /", "/", False),
        ("User-agent: acquisition\nDisallow:\n\nUser-agent: *\nDisallow: /", "/", True),
        (
            "User-agent: x\nDisallow: /\nUser-agent: acquisition\nDisallow: /a\nUser-agent: acquisition\nDisallow: /b",
            "/b",
            False,
        ),
        ("User-agent: acquisition\nContent-Signal: ai-train=no\nUser-agent: *\nDisallow: /", "/", False),
        ("User-agent: *\nDisallow: /\n# \u2028Allow: /secret", "/secret", False),
        ("User-agent: *\x85Disallow: /\nDisallow: /a", "/b", True),
        ("User-agent: *\nDisallow: /a\rDisallow: /b", "/b", False),
        ("\ufeffUser-agent: *\nDisallow: /", "/", False),
        ("Disallow: /", "/", True),
        ("User-agent: *\nDisallow: /", "/robots.txt", True),
        ("User-agent: *\nDisallow /a", "/a", False),
        ("User-agent: *\nDisallow: /*.wav$", "/x.wav", False),
        ("User-agent: *\nDisallow: /*.wav$", "/x.wav?y", True),
        ("<html><title>404</title></html>", "/", True),
        ("", "/", True),
        ("User-agent: crawler\nDisallow: /\nUser-agent: *\nAllow: /", "/", True),
        ("User-agent: acquisition\nLicense: https://a.b/l\nUser-agent: other\nDisallow: /", "/", False),
        ("User-agent: acquisition\nCrawl-delay: 1\nUser-agent: other\nDisallow: /", "/", False),
        ("User-agent: *\nDisallow: /a\x0c\nDisallow: /b\x1cAllow: /c", "/c", True),
        ("User-agent: *\nDisallow: /?x=%26", "/?x=&", True),
        ("User-agent: *\nDisallow: /?x=&", "/?x=%26", True),
        ("User-agent: *\nDisallow: /?u=https://foo.bar", "/?u=https%3A%2F%2Ffoo.bar/x", False),
        ("User-agent: *\nDisallow: /a%2Fb", "/a/b", True),
        ("User-agent: *\nDisallow: /a%2fb", "/a%2Fb", False),
        ("User-agent: *\nDisallow: /%7Ejoe", "/~joe", False),
        ("User-agent: *\nDisallow: /a?b\nAllow: /abcd", "/a?b", False),
        ("User-agent: *\nDisallow: /*?\nAllow: /abc", "/abc?d", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),
        ("User-agent: *\nDisallow: /file-%2A.html", "/file-*.html", False),
        ("User-agent: *\nDisallow: /price-%24", "/price-$5", False),
        ("User-agent: *\nDisallow: /a$b", "/a$bc", False),
        ("User-agent: *\nAllow: /a\nDisallow: /a$", "/a", False),
        ("User-agent: *\nAllow: /ab\nDisallow: /a*$", "/ab", False),
        ("User-agent: *\nDisallow: /a$", "/a$b", True),
        ("User-agent: *\nDisallow: /robots.txt?x", "/robots.txt?x", False),
    ],
)
def test_decisions(robots_txt: str, path: str, expected: bool) -> None:
    """Tokens match whole, groups merge, other lines end no group, separators inside comments start no line."""
    assert allowed(robots_txt, "acquisition", f"https://example.org{path}") is expected
    assert allowed(robots_txt.encode(), "acquisition", f"https://example.org{path}") is expected


def test_stray_bytes_stay_in_the_path() -> None:
    """A Latin-1 byte in a rule is the octet that a URL escapes, not nothing."""
    rules = b"User-agent: *\nDisallow: /caf\xe9\n"
    assert not allowed(rules, "acquisition", "https://example.org/caf%E9/x")
    assert allowed(rules, "acquisition", "https://example.org/cafe")


@pytest.mark.parametrize(
    ("lines", "delay"),
    [
        ("Crawl-delay: 2", 2.0),
        ("Crawl-delay: .5", 0.5),
        ("Crawl-delay: 1\nCrawl-delay: 3", 3.0),
        ("Request-rate: 1/10", 10.0),
        ("Request-rate: 2/1m 0800-1200", 30.0),
        ("Crawl-delay: 1\nRequest-rate: 1/2s", 2.0),
        ("Crawl-delay: soon", 0.0),
        ("Crawl-delay: -4", 0.0),
        ("Crawl-delay: 1e9", 1e9),
        ("Request-rate: 0/5", 0.0),
        ("Request-rate: 1/2s", 2.0),
        ("Request-rate: 10/1m", 6.0),
        ("Request-rate: 1 / 3", 3.0),
        ("Request-rate: 1/1h 0600-0845", 3600.0),
        ("Request-rate: 60/1m\nRequest-rate: 1/4s 0600-0845", 4.0),
        ("Request-rate: often", 0.0),
        ("Crawl-delay: 10 # seconds", 10.0),
        ("Crawl-delay: 10s", 10.0),
        ("Crawl-delay: 500 ms", 0.5),
        ("Crawl-delay: 1,5", 1.5),
        ("crawl delay: 4", 4.0),
        ("Crawl-delay 4", 4.0),
        ("Crawl-delay: nan", 0.0),
        ("Crawl-delay: inf", 0.0),
        ("Crawl-delay:", 0.0),
        ("Crawl-delay: 1 2", 0.0),
    ],
)
def test_delays(lines: str, delay: float) -> None:
    """The longest delay that the file asks of us counts."""
    assert parse(f"User-agent: *\n{lines}\nDisallow: /x", "acquisition").delay == delay


def test_a_long_file_is_cut_without_halving_a_rule() -> None:
    """What lies beyond the limit is not read, and the line that the limit cuts is no rule."""
    filler = "# " + "x" * 97 + "\n"
    head = "User-agent: *\nDisallow: /\n"
    count = (MAX_BYTES - len(head)) // len(filler)
    text = head + filler * count
    text += " " * (MAX_BYTES - len(text) - len("Allow: /")) + "Allow: /public\n"
    assert not allowed(text, "acquisition", "https://example.org/other")


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("User-agent: acquisition\nDisallow: /a\n\nUser-agent: *\nCrawl-delay: 9", 0.0),
        ("User-agent: acquisition\nCrawl-delay: 2\n\nUser-agent: *\nCrawl-delay: 9", 2.0),
        ("User-agent: other\nCrawl-delay: 9\nUser-agent: acquisition\nDisallow: /a", 0.0),
        ("User-agent: acquisition\nCrawl-delay: 9\nUser-agent: other\nDisallow: /a", 9.0),
        ("User-agent: acquisition\nDisallow: /a\nCrawl-delay: 3\n\nUser-agent: ACQUISITION\nCrawl-delay: 5", 5.0),
        ("Crawl-delay: 9\nUser-agent: *\nDisallow: /a", 0.0),
        ("User-agent: other\nUser-agent: acquisition\nCrawl-delay: 9", 9.0),
        ("User-agent: acquisition\nUser-agent: other\nCrawl-delay: 9\nDisallow: /", 9.0),
        ("User-agent: acquisition\nHost: a.b\nUser-agent: other\nCrawl-delay: 9", 9.0),
        ("User-agent: *\nSitemap: https://a.b/s\nCrawl-delay: 4", 4.0),
    ],
)
def test_whom_a_delay_is_for(text: str, delay: float) -> None:
    """A delay is for those named right above it; who has a group of its own is not spoken to as `*`."""
    assert parse(text, "acquisition").delay == delay


def test_what_cannot_be_read_is_said() -> None:
    """Values of no meaning have no effect and are noted; so are a file that is a web page and one that was cut."""
    rules = parse("User-agent: *\nCrawl-delay: soon\nRequest-rate: 0/0\nVisit-time: whenever", "acquisition")
    assert (rules.delay, rules.visits) == (0.0, ())
    assert rules.notes == ("unread: Crawl-delay: soon", "unread: Request-rate: 0/0", "unread: Visit-time: whenever")
    assert parse(b"\n<!doctype html><p>404", "acquisition").notes == ("html",)
    assert parse(b"#" * (MAX_BYTES + 1), "acquisition").notes == ("cut",)


@pytest.mark.parametrize(
    ("text", "path", "group", "rule"),
    [
        ("User-agent: ACQUISITION\nDisallow: /a # no", "/a", "acquisition", "Disallow: /a"),
        ("User-agent: *\nAllow: /a/b\nDisallow: /a", "/a/b", "*", "Allow: /a/b"),
        ("User-agent: *\nAllow: /a/b\nDisallow: /a", "/c", "*", ""),
        ("User-agent: other\nDisallow: /", "/", "", ""),
        ("User-agent: acquisition", "/", "acquisition", ""),
    ],
)
def test_which_group_and_which_rule(text: str, path: str, group: str, rule: str) -> None:
    """The token of the group and the line that decided are told, "" where there is none."""
    rules = parse(text, "acquisition")
    assert (rules.group, rules.decide(f"https://example.org{path}").rule) == (group, rule)


@pytest.mark.parametrize(
    ("lines", "hour", "wait"),
    [
        ("Visit-time: 0600-0845", 7.0, 0.0),
        ("Visit-time: 0600-0845", 8.75, 0.0),
        ("Visit-time: 0600-0845", 9.0, 21 * 3600.0),
        ("Visit-time: 0600-0845", 0.0, 6 * 3600.0),
        ("Visit-time: 2200-0400", 23.0, 0.0),
        ("Visit-time: 2200-0400", 3.0, 0.0),
        ("Visit-time: 2200-0400", 12.0, 10 * 3600.0),
        ("Visit-time: 0600-0700\nVisit-time: 1200-1300", 8.0, 4 * 3600.0),
        ("Visit-time: never", 8.0, 0.0),
    ],
)
def test_visit_times(lines: str, hour: float, wait: float) -> None:
    """The times of day (UTC) at which visits are welcome are kept; one that cannot be read means nothing."""
    assert parse(f"User-agent: *\n{lines}", "acquisition").wait(19_000 * 86_400 + hour * 3600) == wait


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read(codec: str) -> None:
    """A file in the wrong encoding forbids what it says, if its byte order mark tells which one it is."""
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(codec, b"")
    raw = mark + "User-agent: *\r\nDisallow: /b\u00fccher".encode(codec)
    assert not allowed(raw, "acquisition", "https://example.org/b%C3%BCcher")
    assert allowed(raw, "acquisition", "https://example.org/a")


def test_sitemaps() -> None:
    """Sitemaps are found in any group, behind typos and without a colon, each once; separators do not forge others."""
    text = (
        "\ufeffSitemap: https://example.org/a.xml\nUser-agent: x\nDisallow: /\nsitemap:https://example.org/b.xml?c#d\r"
        "Site-map https://example.org/c.xml\nSitemap: /relative.xml\nSITEMAP: https://example.org/a.xml\n"
        "# Sitemap: https://example.org/no.xml\nSitemapping: x\nSitemap: https://example.org/e\u2028Sitemap: https://evil.example/\n"
    )
    found = ["https://example.org/a.xml", "https://example.org/b.xml?c", "https://example.org/c.xml", "/relative.xml"]
    assert sitemaps(text)[:4] == found
    assert sitemaps(text.encode())[:4] == found
    assert not any(address.startswith("https://evil") for address in sitemaps(text))


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: *\n" + "".join(f"Disallow: /*w{number % 977}/*x{number}y\n" for number in range(22_000)),
        "User-agent: *\n"
        + "".join(f"Disallow: /*{'a' * (number % 9)}b{'a' * (number % 11)}{number % 7}\n" for number in range(20_000)),
        "User-agent: *\nDisallow: /" + "*a" * 8_000 + "*b\n",
        "User-agent: *\n" + "Disallow: /*a*a*a*a*a*a*a*a*a*a*a*b\n" * 10_000,
    ],
    ids=["many", "alike", "stars", "the-same"],
)
def test_hostile_rules_take_no_time(text: str) -> None:
    """Twenty long addresses are decided in a second, whatever the rules; without an index, or with backtracking, in minutes."""
    rules = parse(text, "acquisition")
    begun = time.process_time()
    for number in range(20):
        rules.allow(f"https://example.org/{'a' * 2_000}{number}")
    assert time.process_time() - begun < 2.0


@settings(deadline=None)
@given(st.binary(max_size=400), st.text(max_size=60))
def test_any_bytes_give_an_answer(robots_txt: bytes, path: str) -> None:
    """No robots.txt and no path makes the decision raise."""
    assert allowed(robots_txt, "acquisition", f"https://example.org/{path}") in (True, False)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="\r\n#"), max_size=80))
def test_what_forbids_everything_forbids_everything(noise: str) -> None:
    """Any line between the two lines of `User-agent: * / Disallow: /` leaves the site closed, unless it is a rule itself."""
    key = noise.partition(":")[0].strip().lower()
    if "allow" in key or "agent" in key or len(noise.split()) == 2:
        return
    assert not allowed(f"User-agent: *\n{noise}\nDisallow: /", "acquisition", "https://example.org/a")
