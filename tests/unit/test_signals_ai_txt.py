"""ai.txt by Spawning: rules by file extension, about training."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.rights.signals import Word, read, verdicts

RULES = "User-Agent: *\nDisallow: *.jpg\nDisallow: *.PNG\nAllow: *.txt\n"


@pytest.mark.parametrize(
    ("text", "url", "train"),
    [
        (RULES, "https://media.example/a/b.jpg", "deny"),
        (RULES, "https://media.example/a/b.JPG", "deny"),
        (RULES, "https://media.example/a/b.jpg?width=3", "deny"),
        (RULES, "https://media.example/a/b.png", "deny"),
        (RULES, "https://media.example/a/b.txt", "allow"),
        (RULES, "https://media.example/a/b.wav", "none"),
        (RULES, "https://media.example/a.jpg.html", "deny"),
        ("User-Agent: *\nDisallow: /\nAllow: *.txt\n", "https://media.example/a.wav", "deny"),
        ("User-Agent: *\nDisallow: *\n", "https://media.example/a.wav", "deny"),
        ("User-Agent: *\nDisallow: .jpg\n", "https://media.example/a.jpg", "deny"),
        ("User-Agent: *\nDisallow: *.jpg\nAllow: *.jpg\n", "https://media.example/a.jpg", "deny"),
        ("User-Agent: otherbot\nDisallow: *.jpg\n", "https://media.example/a.jpg", "none"),
        ("User-Agent: *\nDisallow:\n", "https://media.example/a.jpg", "none"),
        ("# ai.txt\nname: Some Company\nDisallow: *.jpg", "https://media.example/a.jpg", "none"),
        ("<!doctype html>User-Agent: *\nDisallow: *.jpg", "https://media.example/a.jpg", "none"),
        ("# Welcome\nThis site likes robots.", "https://media.example/a.jpg", "none"),
        ("", "https://media.example/a.jpg", "none"),
    ],
)
def test_rules(text: str, url: str, train: Word) -> None:
    """The longest pattern wins, a no among equals, by extension in any case; what is not robots-shaped says nothing."""
    assert verdicts(read(url, {}, b"", None, {"/ai.txt": text})).train == train


def test_media_types() -> None:
    """A rule by media type is for what the answer says it is."""
    files = {"/ai.txt": b"User-Agent: *\nDisallow: image/*\n"}
    assert verdicts(read("https://media.example/7", {"Content-Type": "image/png"}, b"", None, files)).train == "deny"
    assert verdicts(read("https://media.example/7", {"Content-Type": "audio/ogg"}, b"", None, files)).train == "none"
    assert verdicts(read("https://media.example/7", {}, b"", None, files)).train == "none"


def test_it_says_nothing_on_fetching() -> None:
    """The file is about use."""
    assert verdicts(read("https://media.example/a.jpg", {}, b"", None, {"/ai.txt": RULES})).fetch == "none"


@given(st.binary(max_size=200), st.text(max_size=30))
def test_any_file_is_read(text: bytes, path: str) -> None:
    """No file and no path makes the parser raise."""
    signals = read(f"https://media.example/{path}", {}, b"", None, {"/ai.txt": text})
    assert all(one.where != "error" for one in signals)
