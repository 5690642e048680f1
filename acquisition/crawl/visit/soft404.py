"""Which pages are the site's way of saying that there is nothing: 200 for any address, and always the same words. Pure.

One address per origin that nobody can have meant is asked for. What comes with status 200 is what the site says of nothing, and
pages that say the same are not taken. A page is compared by its title and by a 64-bit print of its words (Charikar 2002), from
which the words of its own address are left out, because such pages like to repeat it.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from urllib.parse import unquote

MAX_BYTES: Final = 262_144
"""Bytes of a page that are looked at."""
NEAR: Final = 3
"""Bits in which two prints of the same text may differ (Manku 2007: 3 of 64)."""
NEAR_WITH_TITLE: Final = 8
"""The same where the titles are equal, too."""
_WORDS: Final = 500
_TAG: Final = re.compile(r"<[^<>]*>")
_WORD: Final = re.compile(r"[^\W\d_]+")
_TITLE: Final = re.compile(r"<title[^<>]*>([^<]{0,500})", re.IGNORECASE)
_SILENT: Final = ("script", "style", "noscript", "template", "svg")
_LANES: Final = tuple(sum((byte >> bit & 1) << 16 * bit for bit in range(8)) for byte in range(256))
"""The bits of a byte, each in a lane of 16 of its own, so that one addition counts eight of them."""


@dataclass(frozen=True, slots=True)
class Print:
    """What two pages are compared by: title in lower case, 64 bits of the words, and their number."""

    title: str
    bits: int
    words: int

    def is_like(self, other: Print) -> bool:
        """Say whether two pages say the same, but for some words."""
        if not self.words or not other.words:
            return self.words == other.words and self.title == other.title
        if not 0.67 <= self.words / other.words <= 1.5:
            return False
        near = NEAR_WITH_TITLE if self.title and self.title == other.title else NEAR
        return (self.bits ^ other.bits).bit_count() <= near

    def record(self) -> list[Any]:
        """Return it as JSON."""
        return [self.title, f"{self.bits:016x}", self.words]

    @classmethod
    def read(cls, record: object) -> Print | None:
        """Return it from JSON, None when it is none."""
        match record:
            case [str(title), str(bits), int(words)] if re.fullmatch("[0-9a-f]{16}", bits):
                return cls(title, int(bits, 16), words)
        return None


def text_of(body: bytes) -> str:
    """Return the words that a reader of the page sees, tags and scripts left out, in time that grows with its length only."""
    text = body[:MAX_BYTES].decode("utf-8", "replace")
    for tag in _SILENT:
        text = _without(text, tag)
    return _TAG.sub(" ", text)


def print_of(url: str, body: bytes) -> Print:
    """Return the print of a page."""
    own = {"http", "https", *_WORD.findall(unquote(url).lower())}
    page = body[:MAX_BYTES].decode("utf-8", "replace")
    match = _TITLE.search(page)
    title = [word for word in _WORD.findall(html.unescape(match[1]).lower()) if word not in own] if match else []
    words = [word for word in _words(text_of(body)) if word not in own]
    return Print(" ".join(title)[:200], _bits(words), len(words))


def probe_path(origin: str) -> str:
    """Return a path that no page of the origin has, the same one every time."""
    return f"/{hashlib.blake2b(origin.encode(), digest_size=10, person=b'soft404').hexdigest()}"


def _words(text: str) -> Iterator[str]:
    for count, match in enumerate(_WORD.finditer(html.unescape(text).lower())):
        if count >= _WORDS:
            return
        yield match[0]


def _bits(words: list[str]) -> int:
    """Return the similarity hash of the words and of their pairs: each bit is what most of their hashes have there."""
    features = [*words, *(f"{one} {other}" for one, other in pairwise(words))]
    lanes = [0] * 8
    for feature in features:
        for place, byte in enumerate(hashlib.blake2b(feature.encode(), digest_size=8).digest()):
            lanes[place] += _LANES[byte]
    counts = (lane >> 16 * bit & 0xFFFF for lane in lanes for bit in range(8))
    return sum(1 << place for place, count in enumerate(counts) if 2 * count > len(features))


def _without(text: str, tag: str) -> str:
    """Return the text without the elements of one name; one that is not closed goes on to the end."""
    lower = text.lower()
    if len(lower) != len(text) or f"<{tag}" not in lower:  # a few letters change their number of characters
        return text
    parts: list[str] = []
    position = 0
    while (start := lower.find(f"<{tag}", position)) >= 0:
        parts.append(text[position:start])
        end = lower.find(f"</{tag}", start)
        if end < 0:
            return "".join(parts)
        position = end + len(tag) + 2
    return "".join([*parts, text[position:]])
