"""How long to wait: what servers ask for, back-off with jitter, and the bandwidth limit. The clock is always an argument."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from acquisition.fetch.answer import Answer, unix_time

_ASKED_TO_WAIT: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 509})
RETRYABLE: Final = _ASKED_TO_WAIT
_ALLOWANCE_HEADERS: Final = frozenset({"ratelimit", "ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining"})
_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_PAIR: Final = re.compile(r"([a-z-]+)\s*=\s*(\d{1,15}(?:\.\d{1,9})?)", re.ASCII | re.IGNORECASE)
_UNIX_FROM: Final = 1_000_000_000
_MILLIS_FROM: Final = 100_000_000_000


def asked_wait(answer: Answer, now: float) -> float | None:
    """Return the seconds for which the server asks not to be asked, None if it does not; `now` is Unix time.

    Reads Retry-After (seconds or date), RateLimit ("api";r=0;t=30 and limit=…, remaining=0, reset=30), RateLimit-Reset,
    X-RateLimit-Reset (seconds or Unix time) and X-RateLimit-Reset-After. A success asks for a wait only by saying that
    nothing remains. Dates are compared with the server's own Date, so that a wrong clock here does no harm.
    """
    refused = answer.status in _ASKED_TO_WAIT
    if not refused and answer.headers.keys().isdisjoint(_ALLOWANCE_HEADERS):
        return None
    date = unix_time(answer.get("date"))
    waits = [*_rate_limit(answer, refused), *_reset_headers(answer, refused, now if date is None else date)]
    if refused:
        waits += _retry_after(answer.get("retry-after"), now if date is None else date)
    return max((max(0.0, wait) for wait in waits), default=None)


def _retry_after(value: str, now: float) -> Iterator[float]:
    if _NUMBER.fullmatch(value):
        yield float(value)
    elif (moment := unix_time(value)) is not None:
        yield moment - now


def _rate_limit(answer: Answer, refused: bool) -> Iterator[float]:
    for value in answer.headers.get("ratelimit", ()):
        if ";" not in value:  # the older form: limit=…, remaining=…, reset=…
            pairs = {name.lower(): float(number) for name, number in _PAIR.findall(value)}
            if "reset" in pairs and (refused or pairs.get("remaining") == 0):
                yield pairs["reset"]
            continue
        policies = [{n.lower(): float(v) for n, v in _PAIR.findall(item)} for item in value.split(",")]
        empty = [policy for policy in policies if policy.get("r") == 0 and "t" in policy]
        yield from (policy["t"] for policy in empty)
        if refused and not empty:
            yield from (policy["t"] for policy in policies if "t" in policy)


def _reset_headers(answer: Answer, refused: bool, now: float) -> Iterator[float]:
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit"):
        if not refused and answer.get(f"{prefix}-remaining") != "0":
            continue
        after, reset = answer.get(f"{prefix}-reset-after"), answer.get(f"{prefix}-reset")
        if _NUMBER.fullmatch(after):
            yield float(after)
        elif _NUMBER.fullmatch(reset):
            yield _relative(float(reset), now)
        elif (moment := unix_time(reset)) is not None:
            yield moment - now


def _relative(value: float, now: float) -> float:
    """Read a reset value as servers mean it: small numbers are seconds from now, large ones Unix seconds or milliseconds."""
    if value >= _MILLIS_FROM:
        return value / 1000 - now
    return value - now if value >= _UNIX_FROM else value


def backoff(attempt: int, base: float, cap: float, random: float) -> float:
    """Return a wait by full jitter: uniform between 0 and base × 2^attempt, at most `cap`; `random` is in [0, 1)."""
    return float(random * min(cap, base * 2.0 ** min(attempt, 30)))


@dataclass(slots=True)
class Bucket:
    """A token bucket over bytes that have already come: `debt` says how long to stand still before reading on.

    Holds at most a quarter of a second of credit, so that a pause is not followed by a burst.
    """

    rate: int | None
    at: float
    tokens: float = 0.0

    def take(self, count: int) -> None:
        """Account for bytes received."""
        self.tokens -= count

    def debt(self, now: float) -> float:
        """Return the seconds to wait until the rate is kept again, 0.0 if it is."""
        if self.rate is None:
            return 0.0
        self.tokens = min(self.rate / 4, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return max(0.0, -self.tokens / self.rate)
