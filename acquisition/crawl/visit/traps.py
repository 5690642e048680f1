"""What an address alone tells of a trap: endless paths, endless calendars, endless combinations of parameters. Pure.

The numbers are those of crawl.md section 5.4 and of Heritrix's default profile. A page that an author wrote has none of these
addresses; where that cannot be said (a year among other numbers), nothing is said.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

MAX_SEGMENTS: Final = 20
"""Folders of a path (Heritrix: TooManyPathSegments)."""
REPEATS: Final = 3
"""Times that one run of folders may not follow itself (Heritrix: PathologicalPath)."""
NUMBERS: Final = 6
"""The same for a number: `/tiles/0/0/0` is a place on a map."""
ANYWHERE: Final = 5
"""Times that one folder may not stand in a path at all."""
MAX_LENGTH: Final = 2_083
"""Characters of a page's address."""
MAX_PARAMETERS: Final = 20
MAX_COMBINATIONS: Final = 64
"""Sets of parameter names that one path is asked for with; seven filters that can be set or not make more."""
MAX_FILTERED: Final = 2_000
"""Addresses of one path with FILTERS or more parameters at once; paging and ids need fewer parameters."""
FILTERS: Final = 3
YEARS_BACK: Final = 20
YEARS_AHEAD: Final = 1
_PATHS: Final = 256

Found = tuple[str, str]
"""A reason in kebab-case, and what was seen."""

_LONGEST_RUN: Final = 4
_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_YEAR: Final = r"(19\d\d|20\d\d|21\d\d)"
_LAST: Final = re.compile(rf"/{_YEAR}[/-](0[1-9]|1[0-2])(?:[/-](0[1-9]|[12]\d|3[01]))?(?:\.\w{{1,5}})?/?$", re.ASCII)
_INSIDE: Final = re.compile(rf"[/-]{_YEAR}[/-](\d{{1,2}})(?:[/-](\d{{1,2}}))?(?![\w])", re.ASCII)
_VALUE: Final = re.compile(rf"{_YEAR}[-/.]?(0[1-9]|1[0-2]|[1-9](?!\d))(?:[-/.]?(\d{{1,2}}))?(?!\d)", re.ASCII)
_CALENDARS: Final = frozenset(
    {"agenda", "cal", "calendar", "calendario", "calendrier", "day", "event", "events", "kalender", "month", "schedule", "week"}
)
_DATES: Final = frozenset(
    {"cal", "calendar", "cal_date", "d", "date", "datum", "day", "dt", "end", "end_date", "enddate", "event-date", "event_date"}
    | {"eventdate", "fecha", "from", "month", "since", "start", "start_date", "startdate", "to", "tribe-bar-date", "until"}
    | {"view_date", "when", "ym"}
)
_YEARS: Final = frozenset({"jahr", "y", "year", "yr"})
_MONTHS: Final = frozenset({"m", "mo", "mon", "monat", "month"})


def trap(url: str, now: float) -> Found | None:
    """Return why an address is a trap ("trap-length" | "trap-depth" | "trap-repeat" | "trap-calendar" | "trap-parameters")."""
    if len(url) > MAX_LENGTH:
        return "trap-length", f"{len(url):,} characters"
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=1_000)
    except ValueError:
        return "trap-parameters", "more than can be read"
    if len(query) > MAX_PARAMETERS:
        return "trap-parameters", f"{len(query)} parameters"
    segments = [segment for segment in parts.path.lower().split("/") if segment]
    if len(segments) > MAX_SEGMENTS:
        return "trap-depth", f"{len(segments)} folders"
    if repeated := _repeated(segments):
        return "trap-repeat", repeated
    if moment := _date(parts.path.lower(), segments, query, now):
        return "trap-calendar", moment
    return None


def _repeated(segments: Sequence[str]) -> str:
    """Return the folders that follow themselves too often, "" when none do."""
    for size in range(1, min(_LONGEST_RUN, len(segments) // REPEATS) + 1):
        for start in range(len(segments) - REPEATS * size + 1):
            run = segments[start : start + size]
            times = NUMBERS if all(segment.isdigit() for segment in run) else REPEATS
            if list(segments[start : start + times * size]) == list(run) * times:
                return "/".join(run)[:100]
    if len(segments) < ANYWHERE:
        return ""
    most, times = Counter(segment for segment in segments if not segment.isdigit()).most_common(1)[0] if segments else ("", 0)
    return most[:100] if times >= ANYWHERE else ""


def _date(path: str, segments: Sequence[str], query: Sequence[tuple[str, str]], now: float) -> str:
    """Return the date, outside of the time in which people write pages, that a calendar's address names; "" when none."""
    calendar = any(segment in _CALENDARS for segment in segments)
    found = [_LAST.search(path)]
    if calendar:
        found.append(_INSIDE.search(path))
    names = {name.lower(): value for name, value in query}
    found += [_VALUE.match(value.strip()) for name, value in names.items() if name in _DATES]
    dates = [(int(match[1]), int(match[2]), int(match[3] or 1)) for match in found if match]
    year = next((names[name] for name in _YEARS if name in names), "")
    if re.fullmatch(_YEAR, year) and (calendar or not _MONTHS.isdisjoint(names)):
        month = next((names[name] for name in _MONTHS if names.get(name, "").isascii() and names.get(name, "").isdigit()), "6")
        dates.append((int(year), int(month[:4]), 1))
    return next((f"{year}-{month:02}-{day:02}" for year, month, day in dates if _is_far(year, month, day, now)), "")


def _is_far(year: int, month: int, day: int, now: float) -> bool:
    today = datetime.fromtimestamp(now, UTC).date()
    try:
        moment = date(year, month, day)
    except ValueError:  # 30 February: a day that a counting machine made
        moment = date(year, min(max(month, 1), 12), 1)
    back = today - timedelta(days=366 * YEARS_BACK)
    return not back <= moment <= today + timedelta(days=366 * YEARS_AHEAD)


class Combinations:
    """The parameters that each path of one host was asked for with; bounded, the paths asked for longest ago are forgotten."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[set[int], list[int]]] = OrderedDict()

    def trap(self, url: str) -> Found | None:
        """Return why an address is one combination too many; numbers in path and names do not make a new one."""
        path, names = _shape(url)
        known = self._known.get(path)
        if not names or known is None:
            return None
        combinations, (filtered,) = known
        if hash(names) not in combinations and len(combinations) >= MAX_COMBINATIONS:
            return "trap-parameters", f"{len(combinations)} combinations of parameters at {path}"[:300]
        if len(names) >= FILTERS and filtered >= MAX_FILTERED:
            return "trap-parameters", f"{filtered:,} addresses with {len(names)} parameters at {path}"[:300]
        return None

    def visited(self, url: str) -> None:
        """Take note of an address that was asked for."""
        path, names = _shape(url)
        if not names:
            return
        combinations, filtered = self._known.setdefault(path, (set(), [0]))
        self._known.move_to_end(path)
        combinations.add(hash(names))
        filtered[0] += len(names) >= FILTERS
        if len(self._known) > _PATHS:
            self._known.popitem(last=False)


def _shape(url: str) -> tuple[str, tuple[str, ...]]:
    """Return the path of an address and the names of its parameters, sorted, with every number as N."""
    head, _, query = url.partition("#")[0].partition("?")
    path = head.partition("://")[2].partition("/")[2]
    names = {_DIGITS.sub("N", pair.partition("=")[0].lower()) for pair in query.split("&", 101)[:100] if pair}
    return _DIGITS.sub("N", path)[:300], tuple(sorted(names))
