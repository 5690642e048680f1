"""Which pages are the site's way of saying that there is nothing: 200 for any address, and always the same words. Pure.

One address per origin that nobody can have meant is asked for. What comes with status 200 is what the site says of nothing.
Pages with exactly its text are not taken. Where it says in words that something was not found, pages that say nearly the same
are not taken either; these are compared by title and by a 64-bit print of their words (Charikar 2002), from which those of the
own address are left out, because such pages like to repeat it. Without these words likeness is no sign: pages of one template
that differ in a number are alike, too.
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
_NOT_FOUND: Final = re.compile(
    r"\b404\b|not found|nothing (?:was )?found|no longer (?:exists?|available)|(?:do|does)(?: not|n.t) exist"
    r"|(?:can ?not|can.t|could not|couldn.t) (?:be found|find)|nicht gefunden|nicht mehr verf|existiert nicht|introuvable"
    r"|n.existe pas|pas trouv|no (?:se )?encontr|no existe|non (?:è stata )?trovat|não (?:foi )?encontrad|niet gevonden"
    r"|bestaat niet|hittades inte|ikke funnet|ikke fundet|nie znaleziono|не найден|не существует"
    r"|見つかりません|存在しません|找不到|未找到|不存在|찾을 수 없|bulunamad|غير موجود"
)
"""How pages say that there is nothing, in the languages of most of the web."""
_SILENT: Final = ("script", "style", "noscript", "template", "svg")
_LANES: Final = tuple(sum((byte >> bit & 1) << 16 * bit for bit in range(8)) for byte in range(256))
"""The bits of a byte, each in a lane of 16 of its own, so that one addition counts eight of them."""


@dataclass(frozen=True, slots=True)
class Print:
    """What two pages are compared by: title in lower case, digest of the text, 64 bits of the words, and their number.

    `not_found` says that the page itself says so.
    """

    title: str
    text: str
    bits: int
    words: int
    not_found: bool

    def is_like(self, nothing: Print) -> bool:
        """Say whether a page says what another one says of an address that does not exist."""
        if self.text == nothing.text:
            return True
        if not nothing.not_found or not nothing.words or not 0.67 <= self.words / nothing.words <= 1.5:
            return False
        near = NEAR_WITH_TITLE if self.title and self.title == nothing.title else NEAR
        return (self.bits ^ nothing.bits).bit_count() <= near

    def record(self) -> list[Any]:
        """Return it as JSON."""
        return [self.title, self.text, f"{self.bits:016x}", self.words, self.not_found]

    @classmethod
    def read(cls, record: object) -> Print | None:
        """Return it from JSON, None when it is none."""
        match record:
            case [str(title), str(text), str(bits), int(words), bool(not_found)] if re.fullmatch("[0-9a-f]{16}", bits):
                return cls(title, text, int(bits, 16), words, not_found)
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
    named = html.unescape(match[1]).lower() if match else ""
    title = " ".join(word for word in _WORD.findall(named) if word not in own)[:200]
    text = " ".join(text_of(body).split())
    words = [word for word in _words(text) if word not in own]
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return Print(title, digest, _bits(words), len(words), bool(_NOT_FOUND.search(f"{named} {text[:2_000].lower()}")))


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
