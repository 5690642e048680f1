"""X-Robots-Tag and `<meta name="robots">`: directives for all robots or for one, with noai and noimageai.

A text before a colon is a user agent unless it is a directive that takes a value; it scopes everything that follows it in
the same line. Dates hold commas and colons of their own. Grammar: Google's robots meta tag specification; noai and
noimageai: DeviantArt, 2022.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from acquisition.rights.signals.signal import Signal, Word, clip

BOTS: Final = frozenset({
    "googlebot", "googlebot-image", "googlebot-news", "googlebot-video", "google-extended", "googleother", "storebot-google",
    "adsbot-google", "bingbot", "msnbot", "slurp", "yandex", "yandexbot", "baiduspider", "duckduckbot", "applebot",
    "applebot-extended", "facebookexternalhit", "twitterbot", "linkedinbot", "gptbot", "oai-searchbot", "chatgpt-user",
    "ccbot", "claudebot", "anthropic-ai", "perplexitybot", "amazonbot", "bytespider", "meta-externalagent", "teoma",
    "ia_archiver", "otherbot", "pinterest", "petalbot", "seznambot", "naverbot", "yeti",
})  # fmt: skip
"""Robots whose name may stand in a meta element; other names there are no robots directives."""

_VALUED: Final = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_KNOWN: Final = frozenset({
    "all", "none", "index", "noindex", "follow", "nofollow", "archive", "noarchive", "nocache", "snippet", "nosnippet",
    "imageindex", "noimageindex", "indexifembedded", "noodp", "noydir", "noyaca", "notranslate", "nositelinkssearchbox",
    "noimageclick", "noai", "noimageai",
})  # fmt: skip
_NEAR: Final = re.compile(r"no[-_]?(?:gen|image|img|text)?[-_]?(?:ai|ml|llm|train|tdm)[a-z_-]*")
_MARK: Final = re.compile(r"[,:;]")
_STOP: Final = re.compile(r"[,;]")
_DATE: Final = re.compile(
    r"""\s*(
        (?:[A-Za-z]{3,9},?\s{1,3})?\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}
        (?:\s{1,3}\d{1,2}:\d{2}(?::\d{2})?)?(?:\s{1,3}(?:[A-Za-z]{1,5}|[+-]\d{4}))?
        |
        \d{4}-\d{2}-\d{2}(?:[T\ ]\d{2}:\d{2}(?::\d{2})?(?:\.\d{1,6})?(?:Z|[+-]\d{2}:?\d{2})?)?
    )\s*(?=[,;]|$)""",
    re.ASCII | re.VERBOSE,
)
_MAX_DIRECTIVES: Final = 500

Kind = Literal["page", "image", "other"]
"""What the answer is: a page that may show images, an image itself, or something else."""


class Directive(NamedTuple):
    """One directive, with the user agent that it is addressed to ("" for all)."""

    agent: str
    name: str
    value: str = ""


def parse(line: str) -> list[Directive]:
    """Return the directives of one line, names in lower case; at most 500."""
    found: list[Directive] = []
    for directive in _scan(line):
        found.append(directive)
        if len(found) >= _MAX_DIRECTIVES:
            break
    return found


def _scan(line: str) -> Iterator[Directive]:
    agent, place = "", 0
    while place < len(line):
        mark = _MARK.search(line, place)
        head = line[place : mark.start() if mark else len(line)].strip().lower()
        place = mark.end() if mark else len(line)
        if mark is None or mark[0] != ":":
            yield from (Directive(agent, name) for name in head.split())
            continue
        name = "unavailable_after" if head == "unavailable-after" else head.replace("_", "-") if "max" in head else head
        if name in _VALUED:
            value, place = _value(line, place, name)
            yield Directive(agent, name, value)
        elif head:
            agent = head


def _value(line: str, place: int, name: str) -> tuple[str, int]:
    """Return a directive's value and the place after it; a date is taken whole where it is one."""
    if name == "unavailable_after" and (date := _DATE.match(line, place)):
        return date[1], date.end() + 1
    stop = _STOP.search(line, place)
    return line[place : stop.start() if stop else len(line)].strip(), stop.end() if stop else len(line)


def from_header(lines: tuple[str, ...], kind: Kind, agent: str, now: datetime | None) -> list[Signal]:
    """Return the signals of all X-Robots-Tag lines; `now` (the answer's own date) tells whether a date has passed."""
    return [
        signal
        for line in lines
        for signal in _signals("x-robots-tag", "header x-robots-tag", line, parse(line), _Reading(kind, agent, now))
    ]


def from_meta(name: str, content: str, agent: str, now: datetime | None) -> list[Signal]:
    """Return the signals of one meta element; `name` is robots, a robot's name, or something that is none of ours."""
    addressed = name.strip().lower()
    if addressed not in ("robots", "x-robots-tag", agent.lower()) and addressed not in BOTS:
        return []
    scope = "" if addressed in ("robots", "x-robots-tag") else addressed
    directives = [one._replace(agent=one.agent or scope) for one in parse(content)]
    return _signals("meta-robots", f"meta {addressed}", content, directives, _Reading("page", agent, now))


class _Reading(NamedTuple):
    kind: Kind
    agent: str
    now: datetime | None


def _signals(mechanism: str, where: str, raw: str, directives: list[Directive], reading: _Reading) -> list[Signal]:
    ours = [one for one in directives if one.agent.partition("/")[0] in ("", "*", "robots", reading.agent.lower())]
    others = [one for one in directives if one not in ours]
    found: list[Signal] = []
    if ours:
        found.append(_ours(mechanism, where, raw, ours, reading))
        if reading.kind == "page" and (images := _about_images(mechanism, where, raw, ours)):
            found.append(images)
    if others:
        agents = " ".join(dict.fromkeys(one.agent for one in others))
        parsed = {"agent": clip(agents), "directives": clip(_words(others))}
        found.append(Signal(mechanism, where, clip(raw), parsed))
    return found


def _ours(mechanism: str, where: str, raw: str, directives: list[Directive], reading: _Reading) -> Signal:
    names = {one.name for one in directives}
    image = reading.kind == "image"
    strange = sorted(name for name in names - _KNOWN - _VALUED if name)
    parsed = {"agent": directives[0].agent, "directives": clip(_words(directives))}
    parsed |= {one.name: one.value[:100] for one in directives if one.name in _VALUED}
    if strange:
        parsed["unknown"] = clip(" ".join(strange))
    if names & {"nofollow", "none"}:
        parsed["follow"] = "no"
    train: Word = "unknown" if any(_NEAR.fullmatch(name) for name in strange) else "none"
    if "noai" in names or (image and "noimageai" in names):
        train = "deny"
    store: Word = _expired(parsed.get("unavailable_after"), reading.now)
    if names & {"noindex", "none", "noarchive"} or (image and "noimageindex" in names):
        store = "deny"
    return Signal(mechanism, where, clip(raw), parsed, train=train, store=store, scope="item" if image else "page")


def _about_images(mechanism: str, where: str, raw: str, directives: list[Directive]) -> Signal | None:
    names = {one.name for one in directives}
    if not names & {"noimageai", "noimageindex"}:
        return None
    train: Word = "deny" if "noimageai" in names else "none"
    store: Word = "deny" if "noimageindex" in names else "none"
    return Signal(
        mechanism, where, clip(raw), {"directives": clip(_words(directives))}, train=train, store=store, scope="images"
    )


def _words(directives: list[Directive]) -> str:
    return " ".join(f"{one.name}:{one.value}" if one.value else one.name for one in directives)


def _expired(value: str | None, now: datetime | None) -> Word:
    """Say what a date after which a page is unavailable means: unknown when it, or the time of the answer, cannot be read."""
    if value is None:
        return "none"
    date = read_date(value)
    if date is None or now is None:
        return "unknown"
    return "deny" if date < now else "none"


@lru_cache(maxsize=256)
def read_date(value: str) -> datetime | None:
    """Return a date in one of the forms of HTTP or in ISO 8601, UTC where no zone is given; None when it is none."""
    try:
        date = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
