"""robots.txt by RFC 9309: which group speaks to us is decided here, the matching of paths is Protego's.

Protego 0.7 chooses groups more loosely than the RFC (a token that is a prefix of ours takes the group away from `*`, an
unknown line between two user-agent lines ends the group, Unicode line separators inside a comment start a line), and most
of its deviations allow what a site forbids. So the group is chosen here and Protego sees only its rules, under `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from protego import Protego

MAX_BYTES: Final = 512_000
"""RFC 9309 section 2.5 asks for at least 500 KiB; what lies beyond is not read."""
MAX_LINE: Final = 16_663
"""Longer lines are cut, as Google's parser does."""

_TOKEN: Final = re.compile(r"[A-Za-z_-]+", re.ASCII)
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_SEPARATORS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_STRAY: Final = re.compile("[\udc80-\udcff]")
_RATE: Final = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})\s*([smhd]?)\b", re.ASCII | re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d{0,9}(?:\.\d{1,9})?(?<=\d)", re.ASCII)
_AGENT_KEYS: Final = frozenset({"user-agent", "useragent", "user agent"})
_DISALLOW_KEYS: Final = frozenset({"disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"})
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Rules:
    """What one robots.txt says to one crawler. `delay` is in seconds, 0 when the file asks for none."""

    matcher: Protego
    delay: float

    def allow(self, url: str) -> bool:
        """Say whether the URL may be fetched; /robots.txt itself always may (RFC 9309 section 2.2.2)."""
        return urlsplit(url).path == "/robots.txt" or bool(self.matcher.can_fetch(url, "*"))


def allowed(robots_txt: str | bytes, product_token: str, url: str) -> bool:
    """Say whether this robots.txt lets the crawler with this product token fetch the URL (RFC 9309)."""
    return parse(robots_txt, product_token).allow(url)


def parse(robots_txt: str | bytes, product_token: str) -> Rules:
    """Return the rules for one product token: its own groups merged, or those of `*` when it has none."""
    raw = robots_txt.encode("utf-8", "surrogatepass") if isinstance(robots_txt, str) else robots_txt
    own: list[tuple[str, str]] = []
    everyone: list[tuple[str, str]] = []
    named = False
    for tokens, key, value in _grouped(_lines(raw)):
        if product_token.lower() in tokens:
            named = True
            own.append((key, value))
        if "*" in tokens:
            everyone.append((key, value))
    return _rules(own if named else everyone)


def _rules(records: list[tuple[str, str]]) -> Rules:
    paths = [f"{key}: {value}" for key, value in records if key in ("allow", "disallow")]
    delays = [_seconds(key, value) for key, value in records]
    return Rules(Protego.parse("\n".join(["User-agent: *", *paths])), max(delays, default=0.0))


def _lines(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield (key in lower case, value) of every line that has both; a line that the size limit cuts is left out."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    lines = _LINE_END.split(raw[:MAX_BYTES])
    for line in lines[:-1] if len(raw) > MAX_BYTES else lines:
        text = _text(line[:MAX_LINE]).partition("#")[0].strip()
        key, colon, value = text.partition(":")
        if not colon:  # "Disallow /x" is common enough that Google reads it
            words = text.split()
            if len(words) != 2:
                continue
            key, value = words
        yield key.strip().lower(), value.strip()


def _text(line: bytes) -> str:
    """Decode a line; stray bytes become percent escapes, as they would in a URL, and separators stay inside the line."""
    text = _STRAY.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", line.decode("utf-8", "surrogateescape"))
    return _SEPARATORS.sub(lambda match: quote(match[0]), text)


def _grouped(lines: Iterator[tuple[str, str]]) -> Iterator[tuple[frozenset[str], str, str]]:
    """Yield every record with the tokens of its group, and ("", "") once per user-agent line so that empty groups count."""
    tokens: frozenset[str] = frozenset()
    open_for_agents = False
    for key, value in lines:
        if key in _AGENT_KEYS:
            tokens = (tokens if open_for_agents else frozenset()) | {_token(value)}
            open_for_agents = True
            yield tokens, "", ""
        elif key in _DISALLOW_KEYS or key == "allow":
            open_for_agents = False
            yield tokens, "allow" if key == "allow" else "disallow", value
        elif key in ("crawl-delay", "request-rate"):
            yield tokens, key, value


def _token(value: str) -> str:
    if value == "*" or value[:2] in ("* ", "*\t"):
        return "*"
    match = _TOKEN.match(value)
    return match[0].lower() if match else ""


def _seconds(key: str, value: str) -> float:
    """Return the seconds between two requests that a crawl-delay or request-rate asks for, 0 when it cannot be read."""
    if key == "crawl-delay" and (match := _NUMBER.match(value)):
        return float(match[0])
    if key == "request-rate" and (match := _RATE.match(value)) and int(match[1]):
        return int(match[2]) * _UNITS[match[3].lower()] / int(match[1])
    return 0.0
