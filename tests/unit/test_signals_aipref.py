"""AIPREF: structured fields, the Content-Usage header and its rule in robots.txt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.rights.signals import Word, read, verdicts
from acquisition.rights.signals.aipref import preference
from acquisition.rights.signals.structured_fields import Item, MalformedField, parse_dictionary

URL = "https://site.example/a/page"


@pytest.mark.parametrize(
    ("text", "train", "search"),
    [
        ("train-ai=n", "deny", None),
        ("train-ai=y, search=n", "allow", "n"),
        ("search=y", "none", "y"),
        ('train-ai=y, train-ai, search=n, search="n"', "unknown", "unknown"),
        ("train-ai;x=n, train-ai=y", "allow", None),
        ("train-ai=n;exceptions=a;q=0.5", "deny", None),
        ("train-ai=n;exceptions=(a b)", "unknown", None),
        ("Train-AI=n", "unknown", None),
        ("train-ai=N", "unknown", None),
        ("train-ai=?0", "unknown", None),
        ("train-ai=0", "unknown", None),
        ("train-ai=no", "unknown", None),
        ("train-ai=(n)", "unknown", None),
        ("train-ai=n,", "unknown", None),
        ("train-ai=n search=y", "unknown", None),
        ("train-ai = n", "unknown", None),
        ("train-ai=é", "unknown", None),
        ("train-genai=n", "deny", None),
        ("bots=n, search=y", "deny", "y"),
        ("tdm=n", "deny", None),
        ("train-genai=y", "none", None),
        ("ai-output=n", "none", None),
        ("", "none", None),
    ],
)
def test_values(text: str, train: Word, search: str | None) -> None:
    """Only the tokens y and n say something; one error and the whole value is unknown; old labels count for a no only."""
    read_as = preference(text)
    assert (read_as.train, read_as.parsed.get("search")) == (train, search)


def test_near_misses_are_told() -> None:
    """A value that was probably meant is recorded as such."""
    assert preference("train-ai=N").parsed["near-miss"] == "N"


@pytest.mark.parametrize(
    ("lines", "train"),
    [
        (["train-ai=n"], "deny"),
        (["train-ai=y"], "allow"),
        (["train-ai=n", "train-ai=y"], "deny"),
        (["train-ai=y", "train-ai=n"], "deny"),
        (["train-ai=y", "search=n"], "allow"),
        (["train-ai=n", "!!"], "deny"),
        (["train-ai=y", "!!"], "unknown"),
        (["search=y"], "none"),
    ],
)
def test_header_lines(lines: list[str], train: Word) -> None:
    """Lines are joined as HTTP says, and a no in one of them stands."""
    (signal,) = read(URL, {"Content-Usage": lines}, b"")
    assert (signal.mechanism, signal.train) == ("aipref", train)


@pytest.mark.parametrize(
    ("robots", "train"),
    [
        ("User-agent: *\nContent-Usage: train-ai=n", "deny"),
        ("User-agent: *\ncontent-usage : train-ai=n # please", "deny"),
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /a/ train-ai=y", "allow"),
        ("User-agent: *\nContent-Usage: /a/ train-ai=y\nContent-Usage: train-ai=n", "allow"),
        ("User-agent: *\nContent-Usage: /b/ train-ai=n\nContent-Usage: train-ai=y", "allow"),
        ("User-agent: *\nContent-Usage: /a/ train-ai=y\nContent-Usage: /a/ train-ai=n", "deny"),
        ("User-agent: *\nContent-Usage: /*/page$\ttrain-ai=n\nContent-Usage: /a train-ai=y", "deny"),
        ("User-agent: *\nContent-Usage: /a/ train-ai=maybe", "unknown"),
        ("User-agent: *\nContent-Usage: /a/", "unknown"),
        (
            "User-agent: acquisition\nAllow: /\nContent-Usage: train-ai=y\n\nUser-agent: *\nContent-Usage: train-ai=n",
            "allow",
        ),
        ("User-agent: acquisition\nContent-Usage: train-ai=y\nUser-agent: *\nContent-Usage: train-ai=n", "deny"),
        ("User-agent: otherbot\nContent-Usage: train-ai=n", "none"),
        ("Content-Usage: train-ai=n", "deny"),
        ("User-agent: *\nDisallow: /a\nContent-Usage: train-ai=y", "none"),
        ("User-agent: *\nDisallow: /a\nContent-Usage: train-ai=n", "deny"),
    ],
)
def test_robots_rules(robots: str, train: Word) -> None:
    """The longest path wins, a no among equals; what may not be fetched gets no yes; lines in no group are for everybody."""
    signals = [one for one in read(URL, {}, b"", robots) if one.mechanism == "aipref"]
    assert verdicts(signals).train == train


def test_dictionaries() -> None:
    """All types of structured fields are read, and duplicates stay in order."""
    text = 'a=1, b=1.5;p, c="x\\"y", d=tok/en, e=:aGk=:, f, g=@17, h=%"f%c3%bc", i=(1 "b";q);r=?0, a=2'
    assert parse_dictionary(text) == [
        ("a", Item("integer", "1")),
        ("b", Item("decimal", "1.5")),
        ("c", Item("string", '"x\\"y"')),
        ("d", Item("token", "tok/en")),
        ("e", Item("bytes", ":aGk=:")),
        ("f", Item("boolean", "?1")),
        ("g", Item("date", "@17")),
        ("h", Item("display", '%"f%c3%bc"')),
        ("i", Item("list", '1 "b";q')),
        ("a", Item("integer", "2")),
    ]


@pytest.mark.parametrize(
    "text", ["=y", "A=y", "a=", "a=y;", "a=y b", "a=(y", "a=(y)z", "a=1.", "a=1.2345", 'a="', "a=:x", "a,", "é", "a=%x"]
)
def test_malformed_dictionaries(text: str) -> None:
    """What RFC 9651 does not allow is refused as a whole."""
    with pytest.raises(MalformedField):
        parse_dictionary(text)


@given(st.text(max_size=200))
def test_any_text_gives_a_word(text: str) -> None:
    """No value makes the parser raise, and none but a well-formed y allows."""
    read_as = preference(text)
    assert read_as.train in ("allow", "deny", "unknown", "none")
    if read_as.train == "allow":
        assert dict(parse_dictionary(text))["train-ai"] == Item("token", "y")


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_.*-]{0,8}", fullmatch=True), st.sampled_from(["y", "n"]), max_size=8))
def test_what_is_written_is_read(members: dict[str, str]) -> None:
    """A dictionary written by the grammar comes back."""
    text = ", ".join(f"{key}={value}" for key, value in members.items())
    assert dict(parse_dictionary(text)) == {key: Item("token", value) for key, value in members.items()}
