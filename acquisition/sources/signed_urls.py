"""When a signed URL ends, read from its own query; storage services write it there in three ways."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

_STARTS_AND_LENGTHS: Final = (("X-Goog-Date", "X-Goog-Expires"), ("X-Amz-Date", "X-Amz-Expires"))


def expiry_of(url: str) -> float:
    """Return the Unix time (seconds) at which a signed URL ends, 0.0 when it does not say.

    Google and Amazon version 4 signatures carry a start (ISO 8601 basic) and a length in seconds; older ones `Expires`.
    """
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        for start, length in _STARTS_AND_LENGTHS:
            if start in query and length in query:
                begun = datetime.strptime(query[start], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                return begun.timestamp() + min(int(query[length]), 10**9)
        expires = int(query.get("Expires", "0"))
    except (ValueError, OverflowError):
        return 0.0
    return float(expires) if 0 < expires < 10**11 else 0.0


def moment(text: object) -> float:
    """Return the Unix time of an ISO 8601 text ("2026-11-21T18:00:00Z"), 0.0 when it is none."""
    try:
        parsed = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return 0.0
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() if parsed else 0.0
