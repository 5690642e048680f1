"""robots.txt rules for AI crawlers, and robots.txt itself as a signal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from acquisition.rights.signals import Word, read, verdicts
from acquisition.rights.signals.ai_agents import tokens
from acquisition.rights.signals.robots_txt import decide, matches, parse, target

URL = "https://site.example/gallery/a.jpg"
PAGE = "https://site.example/some/page"


@pytest.mark.parametrize(
    ("robots", "train"),
    [
        ("User-agent: GPTBot\nDisallow: /", "deny"),
        ("User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nAllow: /", "deny"),
        ("User-agent: gptbot/1.2\nDisallow: /gallery/", "deny"),
        ("User-agent: CCBot\nUser-agent: ClaudeBot\nDisallow: /*.jpg$", "deny"),
        ("User-agent: AI2Bot\nDisallow: /", "deny"),
        ("User-agent: Kangaroo Bot\nDisallow: /", "deny"),
        ("User-agent: img2dataset\nDisallow: /", "deny"),
        ("User-agent: Scrapy\nDisallow: /", "deny"),
        ("User-agent: GPTBot\nDisallow: /news/", "none"),
        ("User-agent: GPTBot\nDisallow: /\nAllow: /gallery/", "none"),
        ("User-agent: GPTBot\nAllow: /", "none"),
        ("User-agent: GPTBot\nDisallow:", "none"),
        ("User-agent: ChatGPT-User\nDisallow: /", "none"),
        ("User-agent: PerplexityBot\nDisallow: /", "none"),
        ("User-agent: AhrefsBot\nDisallow: /", "none"),
        ("User-agent: GPTBot\nAllow: /gallery/\n\nUser-agent: GPTBot\nDisallow: /gallery/a", "deny"),
        ("User-agent: *\nDisallow: /other", "none"),
    ],
)
def test_tokens(robots: str, train: Word) -> None:
    """A rule that shuts out a crawler for training data from this very address is a no to training and to fetching."""
    signals = [one for one in read(URL, {}, b"", robots) if one.mechanism == "ai-agents"]
    assert verdicts(signals) == (train, train)


def test_what_is_recorded() -> None:
    """The record names who was shut out; being named without being blocked is recorded too."""
    robots = "User-agent: GPTBot\nUser-agent: ChatGPT-User\nDisallow: /\n\nUser-agent: CCBot\nAllow: /"
    (signal,) = [one for one in read(URL, {}, b"", robots) if one.mechanism == "ai-agents"]
    assert signal.parsed == {"named": "3", "blocked": "ChatGPT-User GPTBot", "training": "GPTBot"}


def test_policy_may_record_only() -> None:
    """A crawl that is not for training may take the mechanism out of the verdict."""
    signals = read(URL, {}, b"", "User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nAllow: /")
    assert verdicts(signals) == ("deny", "deny")
    assert verdicts(signals, {"ai-agents": "record"}) == ("allow", "none")


def test_the_list_holds_what_the_reference_names() -> None:
    """Every token that is commonly used to opt out is known as one for training."""
    named = (
        "GPTBot CCBot Google-Extended ClaudeBot anthropic-ai Applebot-Extended Bytespider Meta-ExternalAgent Amazonbot "
        "cohere-ai Diffbot ImagesiftBot img2dataset Scrapy"
    )
    assert {token: tokens()[token.lower()][1] for token in named.split()} == dict.fromkeys(named.split(), "training")


def test_the_published_block_list(shared_data: Path) -> None:
    """The list that many sites paste in is a no, and all that it names is known."""
    folder = shared_data / "robots_txt" / "ai.robots.txt"
    robots = (folder / "robots.txt").read_bytes()
    (signal,) = [one for one in read(URL, {}, b"", robots) if one.mechanism == "ai-agents"]
    assert signal.train == "deny"
    known = {name.partition("/")[0].strip().lower() for name in json.loads((folder / "robots.json").read_text())}
    assert known <= set(tokens())
    for old in sorted((folder / "history").iterdir()):
        assert verdicts(read(URL, {}, b"", old.read_bytes())).train == "deny", old.name


def test_files_of_2019_name_data_robots(shared_data: Path) -> None:
    """Real files are read without an error, and those that shut out CCBot from everything are found."""
    found: dict[str, set[str]] = {}
    by_protego = set()
    for path in sorted((shared_data / "robots_txt" / "sites_2019").iterdir()):
        raw = path.read_bytes()
        signals = read(PAGE, {}, b"", raw)
        assert all(one.where != "error" for one in signals), path.name
        if blocked := {one.parsed["training"] for one in signals if one.mechanism == "ai-agents" and one.train == "deny"}:
            found[path.name] = set(blocked.pop().split())
        if b"user-agent: ccbot" in raw.lower() and not Protego.parse(raw.decode("utf-8", "replace")).can_fetch(PAGE, "CCBot"):
            by_protego.add(path.name)
    assert len(found) == 32
    assert {name for name, blocked in found.items() if "CCBot" in blocked} == by_protego
    assert len(by_protego) == 19


def test_the_published_cases(shared_data: Path) -> None:
    """Groups and matching agree with the published decisions, but for the disputed three."""
    cases = json.loads((shared_data / "robots_cases" / "google_cases.json").read_text())["decisions"]
    wrong = []
    for case in cases:
        groups = parse(case["robots_txt"].encode()).groups_for(case["user_agent"])
        rule = decide((rule for group in groups for rule in group.rules), target(case["url"]))
        if (rule is None or rule.allow) != case["allowed"]:
            wrong.append(case["id"])
    assert wrong == DISPUTED


DISPUTED = ["ID_Encoding/L419", "ID_Encoding/L430", "ID_Encoding/L441"]


@pytest.mark.parametrize(
    ("robots", "fetch"),
    [
        ("User-agent: *\nDisallow: /gallery/", "deny"),
        ("User-agent: *\nDisallow: /gallery/\nAllow: /gallery/a.jpg", "allow"),
        ("User-agent: acquisition\nDisallow: /\n\nUser-agent: *\nAllow: /", "deny"),
        ("User-agent: acq\nDisallow: /\n\nUser-agent: *\nAllow: /", "allow"),
        ("User-agent: otherbot\nDisallow: /", "none"),
        ("", "none"),
        (b"\xff\xfe" + "User-agent: *\nDisallow: /".encode("utf-16-le"), "deny"),
        (b"\xef\xbb\xbfUser-agent: *\nDisallow: /", "deny"),
        ("<html>User-agent: *</html>", "none"),
    ],
)
def test_robots_txt_itself(robots: str | bytes, fetch: Word) -> None:
    """The groups that speak to us are a signal on fetching."""
    signals = [one for one in read(URL, {}, b"", robots) if one.mechanism == "robots"]
    assert verdicts(signals) == (fetch, "none")


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/a", "/ab", True),
        ("/a$", "/ab", False),
        ("/*b$", "/abab", True),
        ("/a*b*c", "/a-b-c-d", True),
        ("/a*b*c", "/a-c-b", False),
        ("*", "/", True),
        ("/*$", "/x", True),
        ("/a*a$", "/a", False),
        ("$", "/", False),
        ("", "/", True),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    """A star is any text, a final dollar the end."""
    assert matches(pattern, path) is expected


@given(st.text(alphabet="ab*$/", max_size=8), st.text(alphabet="ab/$", max_size=8))
def test_patterns_by_definition(pattern: str, path: str) -> None:
    """Matching is that of the regular expression that a pattern stands for."""
    import re

    body, end = (pattern[:-1], r"\Z") if pattern.endswith("$") else (pattern, "")
    expression = ".*".join(map(re.escape, body.split("*"))) + end
    assert matches(pattern, path) == (re.match(expression, path) is not None)


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_file_is_read(robots: bytes, path: str) -> None:
    """No robots.txt and no address makes a parser raise."""
    signals = read(f"https://site.example/{path}", {}, b"", robots)
    assert all(one.where != "error" for one in signals)
