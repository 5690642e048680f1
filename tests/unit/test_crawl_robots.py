"""robots.txt by RFC 9309: group choice, matching, delays, hostile files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.crawl.robots import MAX_BYTES, allowed, parse

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


@given(st.binary(max_size=400), st.text(max_size=60))
def test_any_bytes_give_an_answer(robots_txt: bytes, path: str) -> None:
    """No robots.txt and no path makes the decision raise."""
    assert allowed(robots_txt, "acquisition", f"https://example.org/{path}") in (True, False)


@given(st.text(alphabet=st.characters(exclude_characters="\r\n#"), max_size=80))
def test_what_forbids_everything_forbids_everything(noise: str) -> None:
    """Any line between the two lines of `User-agent: * / Disallow: /` leaves the site closed, unless it is a rule itself."""
    key = noise.partition(":")[0].strip().lower()
    if "allow" in key or "agent" in key or len(noise.split()) == 2:
        return
    assert not allowed(f"User-agent: *\n{noise}\nDisallow: /", "acquisition", "https://example.org/a")
