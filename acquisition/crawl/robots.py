"""robots.txt by RFC 9309: which group speaks to us, what it forbids, and how long it wants us to wait.

The file is read here and not by Protego 0.7, which chooses groups more loosely than the RFC (a token that is a prefix of ours
takes the group away from `*`, an unknown line between two user-agent lines ends the group, Unicode line separators inside a
comment start a line), counts escaped octets three times when it looks for the longest rule, and tries every wildcard rule on
every URL. Protego reads the records outside the RFC: crawl-delay, request-rate, visit-time and sitemaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import Final

from protego import Protego

from acquisition.crawl.robots_paths import Matcher, Rule, Verdict

MAX_BYTES: Final = 512_000
"""RFC 9309 section 2.5 asks for at least 500 KiB; what lies beyond is not read."""
MAX_LINE: Final = 16_663
"""Bytes of a line; longer ones are cut, as Google's parser does."""

_TOKEN: Final = re.compile(r"[A-Za-z_-]+", re.ASCII)
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_STRAY: Final = re.compile("[\udc80-\udcff]")
_BREAKS: Final = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_BLANK: Final = " \t\v\f"
_AGENT_KEYS: Final = frozenset({"user-agent", "useragent", "user agent"})
_DISALLOW_KEYS: Final = frozenset({"disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"})
_PACE_KEYS: Final = {
    "crawl-delay": "crawl-delay",
    "crawl delay": "crawl-delay",
    "crawldelay": "crawl-delay",
    "request-rate": "request-rate",
    "request rate": "request-rate",
    "visit-time": "visit-time",
    "visit time": "visit-time",
}
_SITEMAP: Final = re.compile(r"sitemaps?\b|site-map\b", re.ASCII | re.IGNORECASE)
_NUMBER: Final = re.compile(r"(\d{0,9})(?:[.,](\d{1,9}))?\s*(ms|s|sec|secs|seconds?)?\.?", re.ASCII | re.IGNORECASE)
_RATE: Final = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})\s*([smhd]?)\b", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DAY: Final = 86_400.0
_MOST: Final = 100
"""Lines about pace that are read of one group."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one robots.txt says to one crawler.

    `group` is the token of the group that speaks to it: its own, "*", or "" when none does. `delay` is in seconds, 0 when the
    file asks for none. `visits` holds the times of day (UTC) at which visits are welcome, nothing when always. `notes` says
    what was unusual or could not be read.
    """

    matcher: Matcher
    delay: float = 0.0
    group: str = ""
    visits: tuple[tuple[time, time], ...] = ()
    notes: tuple[str, ...] = ()

    def allow(self, url: str) -> bool:
        """Say whether the URL may be fetched; /robots.txt itself always may (RFC 9309 section 2.2.2)."""
        return self.matcher.decide(url).allowed

    def decide(self, url: str) -> Verdict:
        """Return whether the URL may be fetched, and the line that decided."""
        return self.matcher.decide(url)

    def wait(self, now: float) -> float:
        """Return the seconds from the moment `now` until visits are welcome, 0 when they are."""
        if not self.visits:
            return 0.0
        moment = datetime.fromtimestamp(now, UTC)
        second = moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6
        return min((_until(second, _second(start), _second(end)) for start, end in self.visits), default=0.0)


def allowed(robots_txt: str | bytes, product_token: str, url: str) -> bool:
    """Say whether this robots.txt lets the crawler with this product token fetch the URL (RFC 9309)."""
    return parse(robots_txt, product_token).allow(url)


def sitemaps(robots_txt: str | bytes) -> list[str]:
    """Return the addresses of sitemaps that the file names, as written and each once; they belong to no group."""
    lines = [_BREAKS.sub(" ", line) for line in _lines(_octets(robots_txt)) if _SITEMAP.match(line)]
    return list(dict.fromkeys(Protego.parse("\n".join(lines)).sitemaps))


@lru_cache(maxsize=8)
def parse(robots_txt: str | bytes, product_token: str) -> Rules:
    """Return the rules for one product token: its own groups merged, or those of `*` when it has none.

    What a file asks of `*` does not count for a crawler that has a group of its own; that holds for delays too.
    """
    raw = _octets(robots_txt)
    token = product_token.lower()
    own: list[_Record] = []
    everyone: list[_Record] = []
    for tokens, record in _grouped(_records(raw)):
        if token and token in tokens:
            own.append(record)
        if "*" in tokens:
            everyone.append(record)
    records = own or everyone
    group = product_token if own else "*" if everyone else ""
    notes = [word for word, true in (("cut", len(raw) > MAX_BYTES), ("html", raw.lstrip()[:1] == b"<")) if true]
    return _rules(records, group, notes)


# --- from bytes to records --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Record:
    """One line that says something: its key in one spelling, its value, and the line as written."""

    key: str
    value: str
    line: str


def _octets(robots_txt: str | bytes) -> bytes:
    raw = robots_txt.encode("utf-8", "surrogatepass") if isinstance(robots_txt, str) else robots_txt
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):  # it should be UTF-8, but what it forbids is plain to read
        return raw[: MAX_BYTES + 1].decode("utf-16", "replace").encode("utf-8", "replace")
    return raw


def _lines(raw: bytes) -> Iterator[str]:
    """Yield the lines without comments and blanks; one that the limit cuts is left out, for half a rule is another rule."""
    lines = _LINE_END.split(raw[_mark(raw) : MAX_BYTES])
    if len(raw) > MAX_BYTES and raw[MAX_BYTES : MAX_BYTES + 1] not in (b"\r", b"\n"):
        lines.pop()
    for line in lines:
        text = _text(line[:MAX_LINE].partition(b"#")[0]).strip(_BLANK)
        if text:
            yield text


def _mark(raw: bytes) -> int:
    """Return the length of a byte order mark, also of one that was cut off behind its first or second byte."""
    return next((size for size in (3, 2, 1) if raw.startswith(b"\xef\xbb\xbf"[:size])), 0)


def _text(line: bytes) -> str:
    """Decode a line; stray bytes become percent escapes, as they would in a URL."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("utf-8", "surrogateescape")
        return _STRAY.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)


def _records(raw: bytes) -> Iterator[_Record]:
    for line in _lines(raw):
        key, colon, value = line.partition(":")
        if not colon:  # "Disallow /x" is common enough that Google reads it
            words = line.split(None, 2)
            if len(words) != 2:
                continue
            key, value = words
        yield _Record(key.strip(_BLANK).lower(), value.strip(_BLANK), line)


def _grouped(records: Iterable[_Record]) -> Iterator[tuple[frozenset[str], _Record]]:
    """Yield every record that belongs to a group with the tokens of the group; user-agent lines too, so that empty ones count.

    Only rules end the head of a group (section 2.2.1); whatever else stands between user-agent lines does not (2.2.4). Records
    about pace are older than that: they speak to the user-agent lines right above them.
    """
    tokens: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()
    in_head = in_run = False
    for record in records:
        if record.key in _AGENT_KEYS:
            token = frozenset({_token(record.value)})
            tokens, above = token | (tokens if in_head else frozenset()), token | (above if in_run else frozenset())
            in_head = in_run = True
            yield token, record
        elif record.key == "allow" or record.key in _DISALLOW_KEYS:
            in_head = in_run = False
            yield tokens, record
        elif record.key in _PACE_KEYS:
            in_run = False
            yield above, record


def _token(value: str) -> str:
    """Return the product token that a user-agent line names, in lower case; what follows it (a version) does not count."""
    if value == "*" or (value[:1] == "*" and value[1] in _BLANK):
        return "*"
    match = _TOKEN.match(value)
    return match[0].lower() if match else ""


# --- from records to rules --------------------------------------------------------------------------------------------------


def _rules(records: list[_Record], group: str, notes: list[str]) -> Rules:
    paths: list[Rule] = []
    pace: list[_Record] = []
    for record in records:
        if record.key in _PACE_KEYS:
            pace.append(record)
        elif record.value and record.key not in _AGENT_KEYS:  # an empty rule matches nothing (section 2.2.2)
            paths.append(Rule(record.key == "allow", record.value, record.line[:300]))
    delay, visits = 0.0, []
    for record in pace[:_MOST]:
        seconds, window = _pace(_PACE_KEYS[record.key], _BREAKS.sub(" ", record.value)[:100])
        delay = max(delay, seconds or 0.0)
        if window is not None:
            visits.append(window)
        elif seconds is None:
            notes.append(f"unread: {record.line[:80]}")
    return Rules(Matcher(paths), delay, group, tuple(visits), tuple(notes[:10]))


def _pace(key: str, value: str) -> tuple[float | None, tuple[time, time] | None]:
    """Return (seconds between two requests, times of day) as one line asks for them; both None when it cannot be read.

    A request rate that is meant for a part of the day is kept all day: that is never too fast.
    """
    known = Protego.parse(f"User-agent: *\n{key}: {value}")
    if key == "visit-time":
        visit = known.visit_time("*")
        return None, (visit.start_time, visit.end_time) if visit else None
    if key == "request-rate":
        if rate := known.request_rate("*"):
            return rate.seconds / rate.requests, None
        match = _RATE.match(value)
        return (int(match[2]) * _UNITS[match[3].lower()] / int(match[1]) if match and int(match[1]) else None), None
    delay = known.crawl_delay("*")
    return (float(delay) if delay is not None else _seconds(value)), None


def _seconds(value: str) -> float | None:
    """Return the seconds of "10s", "1,5" or "500 ms", which mean what they say; None for anything else."""
    match = _NUMBER.fullmatch(value)
    if not match or not (match[1] or match[2]):
        return None
    seconds = float(f"{match[1] or 0}.{match[2] or 0}")
    return seconds / 1000 if (match[3] or "").lower() == "ms" else seconds


def _second(moment: time) -> float:
    return moment.hour * 3600.0 + moment.minute * 60.0


def _until(now: float, start: float, end: float) -> float:
    """Return the seconds until the window that begins at `start` and ends at `end` is open; it may span midnight."""
    is_open = start <= now <= end if start <= end else now >= start or now <= end
    return 0.0 if is_open else (start - now) % _DAY
