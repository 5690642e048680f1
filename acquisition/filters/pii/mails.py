"""E-mail addresses: as they are, and as people write them out so that machines do not read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import regex

from acquisition.filters.pii.judges import Reading

WRITTEN_OUT: Final = (
    r"(?<![\w.+-])[A-Za-z0-9][A-Za-z0-9._+-]{0,40} ?(?:\[at\]|\(at\)|<at>| AT ) ?[A-Za-z0-9-]{1,40}"
    r"(?: ?(?:\[dot\]|\(dot\)|<dot>| DOT |\.) ?[A-Za-z0-9-]{2,40}){1,3}(?![\w-])"
)

SPELLED_OUT: Final = (
    r"(?i)(?<![\w.+@-])[a-z0-9](?:[a-z0-9_+-]|\.(?=[a-z0-9])){1,40}(?: dot [a-z0-9_-]{1,40}){0,2} at "
    r"[a-z0-9-]{2,40}(?:(?: dot |\.)[a-z0-9-]{2,20}){0,2}(?: dot |\.)[a-z]{2,6}(?![\w@-]|\.\w)"
)
"""An address in plain words, which sentences can look like too ("he works at example dot com")."""
_PROVIDER: Final = regex.compile(
    r"(?i)(?:gmail|googlemail|hotmail|outlook|live|msn|yahoo|ymail|icloud|me|aol|protonmail|proton|gmx|web|mail|yandex|zoho|fastmail"
    r"|tutanota|qq|163|126|naver|t-online|orange|free|libero|seznam|wp|comcast|verizon)(?: dot |\.)"
)
_PERSONAL: Final = regex.compile(r"(?i).*(?:[\d_+.]| dot ).*")
_NOBODY: Final = regex.compile(r"me|us|him|her|them|it|is|are|was|were|look(?:ing)?|found|t?here|back|live|work(?:s|ing)")
_MESSAGE_BEFORE: Final = regex.compile(
    r"(?im)^[ \t>]*(?:(?:resent-)?message-id|content-id|in-reply-to|references)[ \t]*:\s{0,3}"
    r"(?:<[^<>\s]{0,300}>[ \t]{0,3}){0,9}<\Z"
)
"""What names a message to other messages, not to people (RFC 5322, 3.6.4)."""
_LOGIN_BEFORE: Final = regex.compile(r"://[^\s/@:]{0,64}:[^\s/@]{0,120}\Z")
_PLACE_AFTER: Final = regex.compile(r":[/~]\S")


def plain(text: str, start: int, end: int) -> Iterator[Reading]:
    """An address whose domain is public; accounts of hosts and repositories, and the names of messages, are nobody's."""
    if text[start:end].startswith("git@") and text[end : end + 1] in (":", "/"):
        return
    if _PLACE_AFTER.match(text, end) or _LOGIN_BEFORE.search(text[max(0, start - 190) : start]):
        return
    if text[start - 1 : start] == "<" and _MESSAGE_BEFORE.search(text[max(0, start - 2000) : start]):
        return
    yield Reading(start, end, 0.95, 1.0, checked=True)


def spelled(text: str, start: int, end: int) -> Iterator[Reading]:
    """An address in plain words: spelled with "dot" or at a mail provider, and with a name that is none of a sentence's words.

    Without a word for mail the name has to be of a form that words do not have ("j.smith", "jo dot smith").
    """
    name, _, domain = text[start:end].lower().partition(" at ")
    if _NOBODY.fullmatch(name) or not any(map(str.isalpha, name)) or regex.match(r"(?:the|an?|my|our|your|this|that) ", domain):
        return
    if " dot " in domain or _PROVIDER.match(domain):
        yield Reading(start, end, 0.65 if _PERSONAL.fullmatch(name) else 0.0, 0.75)
