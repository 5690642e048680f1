"""Content-Signal: `search`, `ai-input` and `ai-train` with yes or no, in a robots.txt group or as a header.

Sources: contentsignals.org and draft-romm-aipref-contentsignals-00. A key that is not there says nothing.
"""

from __future__ import annotations

from typing import Final

from acquisition.rights.signals import robots_txt
from acquisition.rights.signals.signal import Signal, Word, clip, most_restrictive

_KEYS: Final = frozenset({"search", "ai-input", "ai-train"})
_MAX_PAIRS: Final = 200


def parse(text: str) -> tuple[Word, dict[str, str]]:
    """Return the word on training and every known key as read.

    Spaces, semicolons and capitals are forgiven; `ai_train` is taken for a no only, and any value but yes and no is unknown.
    """
    parsed: dict[str, str] = {}
    words: list[Word] = []
    pairs = text.replace(";", ",").split(",", _MAX_PAIRS)
    for pair in pairs[:_MAX_PAIRS]:
        written, equals, value = (part.strip().lower() for part in pair.partition("="))
        key = written.replace("_", "-")
        if key not in _KEYS:
            continue
        known = value if equals and value in ("yes", "no") else "unknown"
        parsed[key] = known if parsed.get(key, known) == known else "no" if "no" in (known, parsed[key]) else "unknown"
        if key == "ai-train":
            words.append("deny" if known == "no" else "allow" if known == "yes" and written == key else "unknown")
    if len(pairs) > _MAX_PAIRS or (not parsed and text.strip(" ,;")):
        words.append("unknown")
    return most_restrictive(words), parsed


def from_header(lines: tuple[str, ...]) -> list[Signal]:
    """Return one signal per line."""
    return [_signal("header content-signal", line, "page") for line in lines]


def from_robots(raw: bytes, agent: str) -> list[Signal]:
    """Return the signals in the groups that speak to us, and of lines in no group, which speak to everybody."""
    values = dict.fromkeys(robots_txt.parse(raw).notes_for(agent, "content-signal"))
    return [_signal("robots.txt", value, "site") for value in list(values)[:50]]


def _signal(where: str, text: str, scope: str) -> Signal:
    train, parsed = parse(text)
    return Signal("content-signal", where, clip(text), parsed, train=train, scope="site" if scope == "site" else "page")
