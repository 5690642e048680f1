"""What an answer says: that it is accepted, what it refuses and in which words, how long to wait, and where to go."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import orjson

from acquisition.errors import (
    AcquisitionError,
    CredentialsRejected,
    ProtocolError,
    SourceForbidden,
    SourceNotFound,
    SourceRemoved,
    SourceUnavailable,
)
from acquisition.network import public_url
from acquisition.protocols import Answer

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass when the same is asked again."""
_SAID_CHARACTERS: Final = 400
_TOKENS: Final = re.compile(r"\b(?:hf_|KGAT_|Bearer\s+|Basic\s+)[A-Za-z0-9._~+/=-]{6,}")
_QUERY: Final = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+")
_REMAINING: Final = re.compile(r"(?:^|[;,\s])(?:r|remaining)\s*=\s*(\d+)", re.ASCII | re.IGNORECASE)
_RESET: Final = re.compile(r"(?:^|[;,\s])(?:t|reset)\s*=\s*(\d{1,12})", re.ASCII | re.IGNORECASE)
_LOOKED_AT: Final = 65_536


def accepted(answer: Answer, sent: Mapping[str, str]) -> Answer:
    """Return the answer when it is a 2xx; raise what it refuses otherwise. `sent` are the request's headers, to redact."""
    if 200 <= answer.status < 300:
        return answer
    raise refusal_of(answer, sent)


_REFUSALS: Final[Mapping[int, type[AcquisitionError]]] = {
    401: CredentialsRejected,
    402: SourceForbidden,
    403: SourceForbidden,
    404: SourceNotFound,
    410: SourceRemoved,
    451: SourceForbidden,
}


def refusal_of(answer: Answer, sent: Mapping[str, str]) -> AcquisitionError:
    """Return a refusal as an error of our tree, with the status and the server's own words."""
    passing = answer.status in PASSING or answer.status >= 500
    kind = _REFUSALS.get(answer.status, SourceUnavailable if passing else ProtocolError)
    said = redacted(words_of(answer), sent)
    error = kind(f"the server answers {answer.status}" + (f": {said}" if said else ""), where=public_url(answer.url))
    error.status, error.said = answer.status, said
    return error


def words_of(answer: Answer) -> str:
    """Return what the server says for people: a message field of its JSON, its X-Error-Message, a page's title, or text."""
    if header := answer.headers.get("x-error-message"):
        return one_line(header)
    try:
        value = orjson.loads(answer.body)
    except ValueError:
        text = answer.body[:_LOOKED_AT].decode("utf-8", errors="replace")
        title = re.search(r"<title[^<>]{0,200}>([^<]{1,400})", text, re.IGNORECASE)
        if title or text.lstrip()[:1] == "<":
            return one_line(title[1]) if title else ""
        return one_line(text)
    return one_line(_message(value))


def _message(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(filter(None, (_message(entry) for entry in value[:5])))
    if isinstance(value, dict):
        for key in ("message", "error_description", "error", "errors", "errorMessage", "detail", "title", "statusText"):
            if words := _message(value.get(key)):
                return words
    return ""


def one_line(text: str) -> str:
    """Return the text as one short line of what can be printed."""
    plain = "".join(character if character.isprintable() else " " for character in text[:4_000])
    short = " ".join(plain.split())
    return short if len(short) <= _SAID_CHARACTERS else short[: _SAID_CHARACTERS - 1] + "…"


def redacted(text: str, sent: Mapping[str, str]) -> str:
    """Return the text without the credentials that were sent, without anything that looks like one, and without queries."""
    for name, value in sent.items():
        if name.lower() in {"accept", "content-type", "user-agent"}:
            continue
        for secret in {value, value.partition(" ")[2], *_basic_parts(value)}:
            if len(secret) >= 4:
                text = text.replace(secret, "•••")
    return _QUERY.sub(r"\1?•••", _TOKENS.sub("•••", text))


def _basic_parts(value: str) -> tuple[str, ...]:
    if not value.startswith("Basic "):
        return ()
    try:
        return tuple(base64.b64decode(value[6:]).decode().split(":", 1))
    except ValueError:
        return ()


def wait_asked(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that an answer asks to wait, None when it does not say; header names are in lower case.

    Retry-After as seconds or as a date (RFC 9110, 10.2.3), RateLimit with `r=0` or, in older drafts, `remaining=0`
    (draft-ietf-httpapi-ratelimit-headers),
    RateLimit-Reset in seconds, X-RateLimit-Reset as Unix time or seconds; the first that is there decides.
    """
    if (after := headers.get("retry-after", "").strip()) and (seconds := _seconds(after, now)) is not None:
        return seconds
    limit = headers.get("ratelimit", "")
    left, reset_in = _REMAINING.search(limit), _RESET.search(limit)
    if left and reset_in and int(left[1]) == 0:
        return float(reset_in[1])
    for name in ("ratelimit-reset", "x-ratelimit-reset"):
        if re.fullmatch(r"\d{1,12}", reset := headers.get(name, "").strip(), re.ASCII):
            return max(0.0, float(reset) - now) if float(reset) > 1_000_000_000 else float(reset)
    return None


def _seconds(after: str, now: float) -> float | None:
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", after, re.ASCII):
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def parsed(answer: Answer) -> Any:
    """Return the JSON of an answer; ProtocolError when it is none."""
    try:
        return orjson.loads(answer.body)
    except ValueError as error:
        kind = answer.headers.get("content-type", "no content type")
        raise ProtocolError(
            f"the answer is not JSON ({kind}, {len(answer.body):,} bytes): {error}", where=public_url(answer.url)
        ) from error


def target_of(answer: Answer) -> str:
    """Return where a redirect leads, as an absolute URL of http or https; ProtocolError when it says nothing like it."""
    location = answer.headers.get("location", "").strip()
    if not location:
        raise ProtocolError(f"the server answers {answer.status} without a Location", where=public_url(answer.url))
    target = urljoin(answer.url, location)
    if urlsplit(target).scheme not in {"http", "https"}:
        raise ProtocolError("the server redirects to something that is not http or https", where=public_url(answer.url))
    return target
