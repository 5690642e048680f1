"""AIPREF: `Content-Usage` as a header and as a rule in robots.txt (IETF drafts vocab-07 and attach-05, August 2026).

The value is a structured-field dictionary of labels to the tokens y and n. Labels of earlier drafts are taken for a no only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from acquisition.rights.signals import robots_txt
from acquisition.rights.signals.signal import Scope, Signal, Word, clip, most_restrictive
from acquisition.rights.signals.structured_fields import Item, MalformedField, parse_dictionary

TRAIN: Final = "train-ai"
_WORDS: Final[dict[Item, Word]] = {Item("token", "y"): "allow", Item("token", "n"): "deny"}
_EARLIER: Final = frozenset({"tdm", "ai", "genai", "all", "bots", "train-genai"})
"""Labels of vocab-01 to -04 whose no covers training."""
_BLANK: Final = re.compile(r"[ \t]+")


class Preference(NamedTuple):
    """What one value says about training, and every label as read."""

    train: Word
    parsed: dict[str, str]


def preference(text: str) -> Preference:
    """Read one value; unknown when it is no dictionary or when the label's value is neither y nor n."""
    try:
        members = dict(parse_dictionary(text))
    except MalformedField as error:
        return Preference("unknown", {"error": str(error)})
    parsed = {key[:100]: {"allow": "y", "deny": "n"}.get(_WORDS.get(item, ""), "unknown") for key, item in members.items()}
    train: Word = _WORDS.get(members[TRAIN], "unknown") if TRAIN in members else "none"
    if any(_WORDS.get(members[label]) == "deny" for label in _EARLIER & members.keys()):
        train = "deny"
    if near := [key for key, item in members.items() if item not in _WORDS and key == TRAIN]:
        parsed["near-miss"] = members[near[0]].text[:100]
    return Preference(train, dict(list(parsed.items())[:50]))


def from_header(lines: tuple[str, ...]) -> list[Signal]:
    """Return the signal of all lines together, as HTTP joins them; a no in one line is not undone by a later line."""
    if not lines:
        return []
    whole = preference(", ".join(line for line in lines if line))
    single = [preference(line).train for line in lines] if len(lines) > 1 else []
    train = "deny" if "deny" in single else whole.train
    parsed = whole.parsed | ({"superseded": "n"} if train != whole.train else {})
    return [Signal("aipref", "header content-usage", clip(", ".join(lines)), parsed, train=train)]


def from_robots(raw: bytes, url: str, agent: str) -> list[Signal]:
    """Return the rule for the URL in the groups that speak to us: the longest path wins, a no among equals."""
    file = robots_txt.parse(raw)
    path = robots_txt.target(url)
    rules = [_rule(value) for value in file.notes_for(agent, "content-usage")]
    fitting = [(pattern, value) for pattern, value in rules if robots_txt.matches(pattern, path)]
    if not fitting:
        return []
    longest = max(len(pattern.encode()) for pattern, _ in fitting)
    chosen = [(pattern, value) for pattern, value in fitting if len(pattern.encode()) == longest]
    read = [preference(value) for _, value in chosen]
    train = most_restrictive(one.train for one in read)
    if train == "allow" and _disallowed(file, path, agent):
        train = "none"  # no preference is expressed for what may not be fetched
    parsed = {"path": chosen[0][0][:500]} | _merged(one.parsed for one in read)
    scope: Scope = "path" if longest > 1 else "site"
    return [Signal("aipref", "robots.txt", clip("; ".join(value for _, value in chosen)), parsed, train=train, scope=scope)]


def _rule(value: str) -> tuple[str, str]:
    """Split a rule into path pattern and preference; a rule without a path is for everything."""
    if not value.startswith("/"):
        return "/", value
    path, *rest = _BLANK.split(value, maxsplit=1)
    return robots_txt.normal(path), rest[0] if rest else "!"  # a path without a preference is an error, not silence


def _disallowed(file: robots_txt.RobotsFile, path: str, agent: str) -> bool:
    rule = robots_txt.decide((rule for group in file.groups_for(agent) for rule in group.rules), path)
    return rule is not None and not rule.allow


def _merged(parsed: Iterable[dict[str, str]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for one in parsed:
        for key, value in one.items():
            merged[key] = value if merged.get(key, value) == value else "n" if "n" in (value, merged[key]) else "unknown"
    return merged
