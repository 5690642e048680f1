"""Content-Signal in robots.txt groups and as a header."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.rights.signals import Word, read, verdicts
from acquisition.rights.signals.content_signal import parse

URL = "https://site.example/page"


@pytest.mark.parametrize(
    ("text", "train"),
    [
        ("search=yes, ai-input=yes, ai-train=no", "deny"),
        ("search=yes,ai-train=no", "deny"),
        ("ai-train=yes", "allow"),
        ("search=yes", "none"),
        ("ai-train = yes", "allow"),
        ("ai-train= no ;", "deny"),
        ("AI-Train=NO", "deny"),
        ("ai_train=no", "deny"),
        ("ai_train=yes", "unknown"),
        ("ai-train=maybe", "unknown"),
        ("ai-train", "unknown"),
        ("ai-train=yes, ai-train=no", "deny"),
        ("sparkle", "unknown"),
        ("", "none"),
    ],
)
def test_values(text: str, train: Word) -> None:
    """Small misspellings do not hide a no, never make a yes, and an absent key says nothing."""
    assert parse(text)[0] == train


@pytest.mark.parametrize(
    ("robots", "train"),
    [
        ("User-agent: *\nContent-Signal: ai-train=no\nAllow: /", "deny"),
        ("User-agent: *\nAllow: /\nContent-signal: ai-train=no", "deny"),
        ("Content-Signal: ai-train=no\nUser-agent: *\nAllow: /", "deny"),
        ("Content-Signal: ai-train=no\n", "deny"),
        ("User-agent: a\nDisallow: /\n\nContent-Signal: ai-train=no\nUser-agent: *\nAllow: /", "deny"),
        ("User-agent: a\nContent-Signal: ai-train=no\nUser-agent: *\nAllow: /", "deny"),
        ("User-agent: a\nContent-Signal: ai-train=no\nDisallow: /\n\nUser-agent: *\nAllow: /", "none"),
        (
            "User-agent: acquisition\nContent-Signal: ai-train=yes\nDisallow:\n\nUser-agent: *\nContent-Signal: ai-train=no",
            "allow",
        ),
        ("User-agent: *\nContent-Signal: ai-train=yes\n\nUser-agent: *\nContent-Signal: ai-train=no", "deny"),
    ],
)
def test_groups(robots: str, train: Word) -> None:
    """A signal counts for its group, in no group for everybody, and right before a user-agent line for that group too."""
    signals = [one for one in read(URL, {}, b"", robots) if one.mechanism == "content-signal"]
    assert verdicts(signals).train == train


def test_a_yes_in_the_header_does_not_undo_a_no() -> None:
    """Generated answers come with ai-train=yes by default; the site's no stands."""
    signals = read(
        URL, {"Content-Signal": "ai-train=yes, search=yes"}, b"", "User-agent: *\nContent-Signal: ai-train=no\nAllow: /"
    )
    assert {one.where: one.train for one in signals if one.mechanism == "content-signal"} == {
        "robots.txt": "deny",
        "header content-signal": "allow",
    }
    assert verdicts(signals).train == "deny"


def test_a_real_file(shared_data: Path) -> None:
    """The published case of a signal before all groups is for every robot."""
    robots = (shared_data / "robots_txt" / "crawler-commons" / "extensions-group-merging.txt").read_bytes()
    (signal,) = [one for one in read(URL, {}, b"", robots) if one.mechanism == "content-signal"]
    assert signal.parsed == {"search": "yes", "ai-train": "yes", "ai-input": "yes"}


@given(st.text(max_size=200))
def test_any_text_gives_a_word(text: str) -> None:
    """No value makes the parser raise, and a no that follows is never lost."""
    assert parse(text)[0] in ("allow", "deny", "unknown", "none")
    assert parse(text + ", ai-train=no")[0] == "deny"
