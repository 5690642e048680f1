"""When another try makes sense, and how long a server asks us to stay away. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from acquisition.crawl.contract import Failed, HeaderLines, Wire

RETRIES: Final = 2
"""Tries after the first one."""
FIRST_PAUSE: Final = 5.0
"""Seconds before the first of them; each later one waits twice as long."""
LONGEST_PAUSE: Final = 3_600.0
"""Seconds that a Retry-After may keep us waiting; who asks for more is not asked again in this run."""

BUSY: Final = frozenset({429, 503})
"""Statuses that ask for fewer requests."""
_PASSING: Final = frozenset({408, 425, 500, 502, 504, 520, 521, 522, 523, 524})
_PASSING_FAILURES: Final = frozenset({"timeout", "truncated", "dns", "connect", "reset"})
_SECONDS: Final = re.compile(r"\d{1,12}(?:\.\d*)?", re.ASCII)


def retry_after(headers: HeaderLines, now: float) -> float | None:
    """Return for how many seconds from `now` Retry-After asks us to wait, None when it is absent or cannot be read.

    Understands seconds and all three forms of HTTP dates (RFC 9110 sections 5.6.7 and 10.2.3). A moment that is past gives 0;
    of several fields the longest wait counts, and of two clocks, ours and the Date field's, the one by which it is longer.
    """
    values = [value.strip() for name, value in headers if name.lower() == "retry-after"]
    if not values:
        return None
    date = moment(header(headers, "date"))
    since = now if date is None else min(now, date)
    return max((wait for value in values if (wait := _wait(value, since)) is not None), default=None)


def _wait(value: str, since: float) -> float | None:
    if _SECONDS.fullmatch(value):
        return float(value)
    named = moment(value)
    return None if named is None else max(0.0, named - since)


def moment(value: str) -> float | None:
    """Return the moment that an HTTP date names, None when it is none; all its forms mean UTC, also where none is said."""
    try:
        found = parsedate_to_datetime(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def again(what: Wire | Failed, tries: int, *, now: float) -> float | None:
    """Return after how many seconds another try of a URL makes sense, None when none does.

    `tries` counts those that were made, this one included. Worth another try are 408, 425, 5xx that may pass (not 501 and
    505) and failures of the connection, RETRIES times; 429 and 503 for as long as they ask, but no longer than LONGEST_PAUSE.
    """
    if tries > RETRIES:
        return None
    pause = FIRST_PAUSE * 2.0 ** (tries - 1)
    if isinstance(what, Failed):
        return what.again if what.again is not None else pause if what.reason in _PASSING_FAILURES else None
    if what.status not in BUSY and what.status not in _PASSING:
        return None
    asked = retry_after(what.headers, now)
    if asked is None:
        return pause
    return max(asked, pause) if asked <= LONGEST_PAUSE else None


def header(headers: Iterable[tuple[str, str]], name: str) -> str:
    """Return the value of a header field, several lines joined by ", ", "" when it is absent."""
    return ", ".join(value.strip() for key, value in headers if key.lower() == name)
