"""ai.txt (Spawning, 2023): robots-like rules by file extension or media type, about training.

Other formats use the same name; a file that has no user-agent line with a rule below it is none of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from acquisition.rights.signals import robots_txt
from acquisition.rights.signals.signal import Signal, Word, clip

_TYPES: Final = ("image", "audio", "video", "text", "application", "model", "font")


def read(text: bytes, where: str, url: str, media_type: str, agent: str) -> list[Signal]:
    """Return what the file says about training on the URL; `media_type` is the answer's own, "" when it is not known."""
    file = robots_txt.parse(text)
    groups = file.groups_for(agent)
    if text.lstrip()[:1] == b"<" or not any(group.rules for group in file.groups):
        return []
    fitting = [rule for group in groups for rule in group.rules if _fits(rule.pattern, url, media_type)]
    if not fitting:
        return []
    longest = max(len(rule.pattern) for rule in fitting)
    chosen = [rule for rule in fitting if len(rule.pattern) == longest]
    train: Word = "allow" if all(rule.allow for rule in chosen) else "deny"
    raw = "; ".join(f"{'Allow' if rule.allow else 'Disallow'}: {rule.pattern}" for rule in chosen[:20])
    return [Signal("ai-txt", where, clip(raw), {"rule": clip(raw)}, train=train, scope="path")]


def _fits(pattern: str, url: str, media_type: str) -> bool:
    return any(_matches(one, url, media_type) for one in _forms(pattern))


def _forms(pattern: str) -> Iterator[str]:
    """Yield the pattern as it may be meant: a path, `*.jpg`, or `.jpg` and `image/*` (which got a slash when read)."""
    yield pattern
    bare = pattern.removeprefix("/")
    if bare.startswith("."):
        yield f"*{bare}"
    if bare.partition("/")[0] in _TYPES and "/" in bare:
        yield f"type:{bare}"


def _matches(pattern: str, url: str, media_type: str) -> bool:
    if pattern.startswith("type:"):
        return bool(media_type) and robots_txt.matches(f"{pattern[5:]}$", media_type)
    path = robots_txt.target(url)
    if robots_txt.matches(pattern, path):
        return True
    # extensions are meant whatever their case and whatever query follows
    return pattern.startswith("*.") and robots_txt.matches(f"{pattern.rstrip('$')}$".lower(), _path(url).lower())


def _path(url: str) -> str:
    try:
        return urlsplit(url).path[: robots_txt.MAX_PATH]
    except ValueError:
        return ""
