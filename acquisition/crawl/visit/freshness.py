"""How long an answer may be used again, by Cache-Control and Expires. Pure."""

from __future__ import annotations

import re
from typing import Final

from acquisition.crawl.contract import Wire
from acquisition.crawl.visit.backoff import header, moment

_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE | re.ASCII)
_NO_CACHE: Final = re.compile(r"(?:^|[,\s])no-(?:store|cache)\b", re.IGNORECASE | re.ASCII)


def lifetime(wire: Wire, shortest: float, longest: float) -> float:
    """Return for how many seconds an answer counts (RFC 9111 section 4.2), within two limits; the longer if it says nothing."""
    control = header(wire.headers, "cache-control")
    if _NO_CACHE.search(control):
        return shortest
    if match := _MAX_AGE.search(control):
        age = header(wire.headers, "age")
        life = float(match[1]) - (float(age) if age.isascii() and age.isdigit() and len(age) < 12 else 0.0)
    elif expires := header(wire.headers, "expires"):
        life = _until(expires, header(wire.headers, "date"), wire.ended)
    else:
        return longest
    return min(max(life, shortest), longest)


def _until(expires: str, date: str, now: float) -> float:
    """Return the seconds from Date to Expires; a date that cannot be read is one that is past (RFC 9111 section 5.3)."""
    end, begin = moment(expires), moment(date)
    return 0.0 if end is None else end - (now if begin is None else begin)
