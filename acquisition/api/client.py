"""The client: asks with patience, follows redirects with care, and takes nothing for an answer that is none."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self, TypeAlias
from urllib.parse import urlencode

import orjson
import requests
from urllib3.exceptions import HTTPError as TransportError

from acquisition.api.answers import PASSING, accepted, parsed, redacted, refusal_of, target_of, wait_asked
from acquisition.api.wire import ApiLimits, Wire, unreachable
from acquisition.errors import AcquisitionError, ProtocolError, SourceUnavailable
from acquisition.network import AddressGuard, origin, public_url
from acquisition.protocols import Answer, ApiClient

_USUAL: Final = ApiLimits()
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

Transport: TypeAlias = Callable[[str, str, Mapping[str, str], bytes | None, int], Answer]


class Client(ApiClient):
    """The API client over requests. One per source, because the guard knows what the source's declaration allows.

    Safe to share between threads. `sleep`, `clock` (Unix time), `jitter` (0..1) and `transport` are arguments for tests:
    a transport takes method, URL, headers, body and the cap in bytes, and asks exactly once.
    """

    def __init__(
        self,
        user_agent: str,
        guard: AddressGuard,
        *,
        limits: ApiLimits = _USUAL,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        transport: Transport | None = None,
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter
        self._wire = Wire(guard, limits, user_agent)
        self._transport: Transport = transport or self._wire.send

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def exchange(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Ask and return the answer whatever its status (see `ApiClient.exchange`)."""
        return self._patiently(method, url, headers or {}, body, self._limits.body)

    def get_json(self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """GET and parse JSON; redirects are followed, credentials stay with the origin that they were given for."""
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
        return parsed(self._followed(url, {"Accept": "application/json", **(headers or {})}, self._limits.body))

    def post_json(self, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """POST JSON (nothing at all when `body` is None) and parse the JSON answer; redirects are an error."""
        answer, sent = self._posted("POST", url, body, headers)
        return parsed(accepted(answer, sent))

    def redirect_of(self, method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> str:
        """Return the absolute Location of a 3xx answer without following it; ProtocolError when there is none."""
        answer, sent = self._posted(method, url, body, headers)
        if answer.status in _REDIRECTS:
            return target_of(answer)
        accepted(answer, sent)
        raise ProtocolError(f"the server answers {answer.status} where a redirect was promised", where=public_url(url))

    def get_text(self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = 2_000_000) -> str:
        """GET a small text; decoded as its Content-Type says or as UTF-8, what cannot be decoded is marked with U+FFFD."""
        answer = self._followed(url, headers or {}, max_bytes)
        charset = re.search(r"charset=\"?([\w.:-]+)", answer.headers.get("content-type", ""))
        try:
            return answer.body.decode(charset[1] if charset else "utf-8", errors="replace")
        except LookupError:
            return answer.body.decode("utf-8", errors="replace")

    def _posted(
        self, method: str, url: str, body: object, headers: Mapping[str, str] | None
    ) -> tuple[Answer, Mapping[str, str]]:
        sent = {"Accept": "application/json", **(headers or {})}
        data = None
        if body is not None:
            data, sent["Content-Type"] = orjson.dumps(body), "application/json"
        return self.exchange(method, url, headers=sent, body=data), sent

    def _followed(self, url: str, headers: Mapping[str, str], cap: int) -> Answer:
        sent = dict(headers)
        for _ in range(self._limits.hops + 1):
            answer = self._patiently("GET", url, sent, None, cap)
            if answer.status not in _REDIRECTS:
                return accepted(answer, sent)
            url, sent = _hop(url, answer, sent)
        raise ProtocolError(f"the server redirects more than {self._limits.hops} times", where=public_url(url))

    def _patiently(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, cap: int) -> Answer:
        """Ask up to `tries` times; raise SourceUnavailable when it does not pass or the server asks for too long a wait."""
        self._guard.check_url(url)
        for attempt in range(1, self._limits.tries + 1):
            error: AcquisitionError
            asked = None
            try:
                answer = self._transport(method, url, headers, body, cap)
            except SourceUnavailable as failure:
                error = failure
            except (requests.RequestException, TransportError, OSError) as failure:
                error = unreachable(failure, url, self._limits)
                error.message = redacted(error.message, headers)
                if isinstance(failure, (requests.exceptions.SSLError, ValueError)):
                    raise error from None  # a certificate or a URL does not get better by asking again
            else:
                if answer.status not in PASSING:
                    return answer
                asked = wait_asked(answer.headers, self._clock())
                error = refusal_of(answer, headers)
            self._pause(attempt, asked, error)
        raise AssertionError("unreachable: the last attempt raises")

    def _pause(self, attempt: int, asked: float | None, error: AcquisitionError) -> None:
        """Wait before the next attempt, or raise `error` when there is none or the wait would be too long."""
        if attempt == self._limits.tries:
            raise error
        if asked is not None and asked > self._limits.longest_wait:
            error.hint = f"Run again in {asked:.0f} s: the server asks to be left alone that long."
            raise error
        self._sleep(asked if asked is not None else 0.5 * 2 ** (attempt - 1) * (1 + self._jitter()))


def head_of(client: ApiClient, url: str, headers: Mapping[str, str], *, hops: int = _USUAL.hops) -> Answer:
    """HEAD an address and return the last answer, whatever its status; a credential stays with the origin it was given for.

    Raises ProtocolError where redirects do not end or lead from https to http, and what `exchange` raises.
    """
    sent = dict(headers)
    for _ in range(hops + 1):
        answer = client.exchange("HEAD", url, headers=sent)
        if answer.status not in _REDIRECTS:
            return answer
        url, sent = _hop(url, answer, sent)
    raise ProtocolError(f"the server redirects more than {hops} times", where=public_url(url))


def _hop(url: str, answer: Answer, sent: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return where a redirect leads, and the headers that may go there."""
    target = target_of(answer)
    if url.startswith("https:") and not target.startswith("https:"):
        raise ProtocolError("the server redirects from https to http", where=public_url(url))
    return target, sent if origin(target) == origin(url) else {key: sent[key] for key in sent if key.lower() == "accept"}
