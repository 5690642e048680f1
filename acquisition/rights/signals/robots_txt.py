"""robots.txt as a carrier: its groups with their rules and with the lines that RFC 9309 leaves to others.

The crawler's own gate decides about fetching; here the same file is read for what it says about use. Groups and matching
follow RFC 9309 sections 2.2.1 to 2.2.3, every pattern in time linear in the path.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from acquisition.rights.signals.remember import remembered
from acquisition.rights.signals.signal import Signal, clip

MAX_BYTES: Final = 512_000
MAX_LINE: Final = 16_663
MAX_PATH: Final = 20_000
NOTES: Final = frozenset({"content-signal", "content-usage", "license"})
"""Lines of a group that speak of use."""

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_PLAIN: Final = re.compile(r"https?://[A-Za-z0-9.:-]+(/[A-Za-z0-9/._~-]*)", re.ASCII)
"""Addresses whose path is in normal form as it stands: nearly all of media."""
_TOKEN: Final = re.compile(r"[A-Za-z_-]+", re.ASCII)
_AGENT_KEYS: Final = frozenset({"user-agent", "useragent", "user agent"})
_DISALLOW_KEYS: Final = frozenset({"disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"})
_NO: Final = re.compile(r"=\s*n", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Rule(NamedTuple):
    """One allow or disallow line, with its pattern in normal form."""

    allow: bool
    pattern: str


class Note(NamedTuple):
    """One line that is neither an agent nor a rule: key in lower case, value as written."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Group:
    """One group. `agents` are the user-agent values in lower case as written; `tokens` their product tokens."""

    agents: frozenset[str]
    tokens: frozenset[str]
    rules: tuple[Rule, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class RobotsFile:
    """All groups in order, and the notes that stand before the first or outside all of them."""

    groups: tuple[Group, ...]
    loose: tuple[Note, ...]

    @property
    def noted(self) -> bool:
        """Say whether any line but agents and rules was found."""
        return bool(self.loose or any(group.notes for group in self.groups))

    def groups_for(self, token: str) -> tuple[Group, ...]:
        """Return the groups that speak to a product token: its own, or those of `*` when it has none."""
        own = tuple(group for group in self.groups if token.lower() in group.tokens)
        return own or tuple(group for group in self.groups if "*" in group.tokens)

    def notes_for(self, token: str, key: str) -> list[str]:
        """Return the values of one kind of note that apply to a product token; loose ones apply to everybody."""
        groups = self.groups_for(token)
        return [note.value for note in (*self.loose, *(note for group in groups for note in group.notes)) if note.key == key]


@remembered
def rules_for(robots_txt: bytes, agent: str) -> tuple[Rule, ...] | None:
    """Return all rules that speak to a product token, None when no group does; the last answers are remembered."""
    groups = parse(robots_txt).groups_for(agent)
    return tuple(rule for group in groups for rule in group.rules) if groups else None


@remembered
def has_notes(robots_txt: bytes) -> bool:
    """Say whether a file says anything of use beside its rules."""
    return parse(robots_txt).noted


@remembered
def parse(robots_txt: bytes) -> RobotsFile:
    """Return the groups of a file, of which at most MAX_BYTES are read; the last answers are remembered."""
    builder = _Builder()
    for key, value in _lines(_decoded(robots_txt)):
        builder.add(key, value)
    return builder.done()


def read(robots_txt: bytes, url: str, agent: str) -> list[Signal]:
    """Return what the allow and disallow lines say about fetching the URL; nothing when there is no group for us."""
    rules = rules_for(robots_txt, agent)
    if rules is None:
        return []
    path = target(url)
    return [_said(None if path == "/robots.txt" else decide(rules, path))]


@lru_cache(maxsize=1_024)
def _said(rule: Rule | None) -> Signal:
    if rule is None:
        return Signal("robots", "robots.txt", "", {"rule": ""}, fetch="allow", scope="path")
    raw = clip(f"{'Allow' if rule.allow else 'Disallow'}: {rule.pattern}")
    return Signal("robots", "robots.txt", raw, {"rule": raw}, fetch="allow" if rule.allow else "deny", scope="path")


def decide(rules: Iterable[Rule], path: str) -> Rule | None:
    """Return the rule that wins for a path: the longest pattern that matches, an allow among equals."""
    fitting = [rule for rule in rules if matches(rule.pattern, path)]
    return longest(fitting) if fitting else None


def longest(rules: Collection[Rule]) -> Rule:
    """Return the rule that wins among rules that match: the longest pattern, an allow among equals, the first of equals."""
    return max(rules, key=lambda rule: (len(rule.pattern.encode()), rule.allow)) if len(rules) > 1 else next(iter(rules))


def matches(pattern: str, path: str) -> bool:
    """Say whether a pattern with `*` and a final `$` matches the beginning of a path (both in normal form)."""
    if "*" not in pattern and "$" not in pattern:
        return path.startswith(pattern)
    anchored = pattern.endswith("$")
    first, *parts = (pattern[:-1] if anchored else pattern).split("*")
    if not parts:
        return path == first if anchored else path.startswith(first)
    if not path.startswith(first):
        return False
    place, last = len(first), parts.pop()
    for part in parts:
        place = path.find(part, place)
        if place < 0:
            return False
        place += len(part)
    if anchored:
        return len(path) - len(last) >= place and path.endswith(last)
    return path.find(last, place) >= 0


@lru_cache(maxsize=64)
def target(url: str) -> str:
    """Return the path and query of a URL in normal form, at most MAX_PATH characters, "/" when there is none."""
    if plain := _PLAIN.fullmatch(url):
        return plain[1][:MAX_PATH]
    try:
        parts = urlsplit(url)
    except ValueError:
        return "/"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return normal(path[:MAX_PATH])


def normal(text: str) -> str:
    """Return a path with escaped unreserved characters decoded and others encoded alike (RFC 9309 section 2.2.2)."""
    if "%" in text:
        text = _ESCAPE.sub(_plain, text)
    return text if text.isascii() else quote(text, safe="!#$%&'()*+,/:;=?@[]~", errors="replace")


def _plain(match: re.Match[str]) -> str:
    character = chr(int(match[0][1:], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _decoded(raw: bytes) -> str:
    raw = raw[:MAX_BYTES]
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield key and value of each line that has both, and a pair of nothing for an empty line."""
    for line in _LINE_END.split(text):
        key, colon, value = line[:MAX_LINE].partition("#")[0].strip().partition(":")
        if not line.strip():
            yield "", ""
            continue
        if not colon:  # "Disallow /x" is common enough that Google reads it
            words = key.split()
            if len(words) != 2:
                continue
            key, value = words
        yield key.strip().lower(), value.strip()


def _rules(allow: bool, value: str) -> Iterator[Rule]:
    """Yield the rule of one line; an allowed index page allows its folder's own address too, as Google reads it."""
    pattern = normal(value if value[0] in "/*" else f"/{value}")
    yield Rule(allow, pattern)
    if allow and pattern.endswith(("/index.html", "/index.htm")):
        yield Rule(allow, f"{pattern.rpartition('/')[0]}/$")


class _Builder:
    """Collects lines into groups. A no in a note right before a user-agent line (no empty line between) is that group's too."""

    def __init__(self) -> None:
        self._groups: list[Group] = []
        self._loose: list[Note] = []
        self._agents: list[str] = []
        self._rules: list[Rule] = []
        self._notes: list[Note] = []
        self._waiting: list[Note] = []
        self._open_for_agents = False

    def add(self, key: str, value: str) -> None:
        if key in _AGENT_KEYS:
            self._agent(value)
        elif key in _DISALLOW_KEYS or key == "allow":
            self._waiting.clear()
            self._open_for_agents = False
            if self._agents and value:
                self._rules.extend(_rules(key == "allow", value))
        elif not key:
            self._waiting.clear()
        elif key in NOTES:
            note = Note(key, value)
            (self._notes if self._agents else self._loose).append(note)
            self._waiting.append(note)

    def done(self) -> RobotsFile:
        self._close()
        return RobotsFile(tuple(self._groups), tuple(self._loose))

    def _agent(self, value: str) -> None:
        if not self._open_for_agents:
            waiting = [note for note in self._waiting if _NO.search(note.value)] if self._agents else []
            self._close()
            self._notes = list(waiting)
            self._open_for_agents = True
        self._waiting = []
        self._agents.append(value.lower())

    def _close(self) -> None:
        if self._agents:
            agents = frozenset(self._agents)
            tokens = frozenset(_token(agent) for agent in agents)
            self._groups.append(Group(agents, tokens, tuple(self._rules), tuple(self._notes)))
        self._agents, self._rules, self._notes, self._waiting = [], [], [], []


def _token(value: str) -> str:
    if value == "*" or value[:2] in ("* ", "*\t"):
        return "*"
    match = _TOKEN.match(value)
    return match[0] if match else ""
