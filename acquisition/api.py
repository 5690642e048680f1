"""Asks hubs small questions: the one client behind every adapter and behind the official client libraries.

Every connection goes to an address that the guard has passed; every request has a connect, a read and a total time limit;
every body has a cap; TLS is verified. Failures that pass are asked again, as long as the server's own Retry-After or
RateLimit says and no longer than `ApiLimits` allows. What the server refuses becomes an error of our tree that repeats the
server's own words, without the secrets that were sent.
"""

from __future__ import annotations

import base64
import http.cookiejar
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, Self, TypeAlias
from urllib.parse import urlencode, urljoin, urlsplit

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError as TransportError

from acquisition.errors import (
    AcquisitionError,
    CredentialsRejected,
    ProtocolError,
    SourceForbidden,
    SourceNotFound,
    SourceRemoved,
    SourceUnavailable,
)
from acquisition.network import AddressGuard, ca_file, literal_address, origin, proxy_for, public_url, resolve_checked
from acquisition.protocols import Answer, ApiClient

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAID_CHARACTERS: Final = 400
_CHUNK: Final = 65_536
_TOKENS: Final = re.compile(r"\b(?:hf_|KGAT_|Bearer\s+|Basic\s+)[A-Za-z0-9._~+/=-]{6,}")
_QUERY: Final = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+")
_REMAINING: Final = re.compile(r"(?:^|[;,\s])(?:r|remaining)\s*=\s*(\d+)", re.ASCII | re.IGNORECASE)
_RESET: Final = re.compile(r"(?:^|[;,\s])(?:t|reset)\s*=\s*(\d{1,12})", re.ASCII | re.IGNORECASE)


Transport: TypeAlias = Callable[[str, str, Mapping[str, str], bytes | None, int], Answer]


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """How long and how much: seconds, except `body` (bytes, decoded), `tries` and `hops` (redirects followed)."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 90.0
    body: int = 64_000_000
    tries: int = 4
    longest_wait: float = 300.0
    hops: int = 5


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
        limits: ApiLimits = ApiLimits(),
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
        self._wire = _Wire(guard, limits, user_agent)
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
        return _parsed(self._followed(url, {"Accept": "application/json", **(headers or {})}, self._limits.body))

    def post_json(self, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """POST JSON (nothing at all when `body` is None) and parse the JSON answer; redirects are an error."""
        answer, sent = self._posted("POST", url, body, headers)
        return _parsed(accepted(answer, sent))

    def redirect_of(self, method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> str:
        """Return the absolute Location of a 3xx answer without following it; ProtocolError when there is none."""
        answer, sent = self._posted(method, url, body, headers)
        if answer.status in _REDIRECTS:
            return _target(answer)
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
            target = _target(answer)
            self._guard.check_url(target)
            if origin(target) != origin(url):
                sent = {name: value for name, value in sent.items() if name.lower() == "accept"}
            if url.startswith("https:") and not target.startswith("https:"):
                raise ProtocolError("the server redirects from https to http", where=public_url(url))
            url = target
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
                error = _unreachable(failure, url, self._limits)
                error.message = redacted(error.message, headers)
                if isinstance(failure, (requests.exceptions.SSLError, ValueError)):
                    raise error from None  # a certificate or a URL does not get better by asking again
            else:
                if answer.status not in _PASSING:
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


# --- what an answer says ------------------------------------------------------------------------------------------------


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
    passing = answer.status in _PASSING or answer.status >= 500
    kind = _REFUSALS.get(answer.status, SourceUnavailable if passing else ProtocolError)
    said = redacted(words_of(answer), sent)
    error = kind(f"the server answers {answer.status}" + (f": {said}" if said else ""), where=public_url(answer.url))
    error.status, error.said = answer.status, said
    return error


def words_of(answer: Answer) -> str:
    """Return what the server says for people: a message field of its JSON, its X-Error-Message, a page's title, or text."""
    if header := answer.headers.get("x-error-message"):
        return _one_line(header)
    try:
        value = orjson.loads(answer.body)
    except ValueError:
        text = answer.body[:_CHUNK].decode("utf-8", errors="replace")
        title = re.search(r"<title[^<>]{0,200}>([^<]{1,400})", text, re.IGNORECASE)
        if title or text.lstrip()[:1] == "<":
            return _one_line(title[1]) if title else ""
        return _one_line(text)
    return _one_line(_message(value))


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


def _one_line(text: str) -> str:
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


def _parsed(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except ValueError as error:
        kind = answer.headers.get("content-type", "no content type")
        raise ProtocolError(
            f"the answer is not JSON ({kind}, {len(answer.body):,} bytes): {error}", where=public_url(answer.url)
        ) from error


def _target(answer: Answer) -> str:
    location = answer.headers.get("location", "").strip()
    if not location:
        raise ProtocolError(f"the server answers {answer.status} without a Location", where=public_url(answer.url))
    target = urljoin(answer.url, location)
    if urlsplit(target).scheme not in {"http", "https"}:
        raise ProtocolError("the server redirects to something that is not http or https", where=public_url(answer.url))
    return target


def _unreachable(failure: BaseException, url: str, limits: ApiLimits) -> SourceUnavailable:
    host = urlsplit(url).netloc.rpartition("@")[2]
    if isinstance(failure, requests.exceptions.ConnectTimeout):
        said = f"it does not accept the connection within {limits.connect:g} s"
    elif isinstance(failure, requests.exceptions.ReadTimeout) and not isinstance(failure.args[0], BaseException):
        said = f"its answer takes longer than {limits.total:g} s"
    elif isinstance(failure, (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        said = f"it sends nothing for {limits.read:g} s"
    else:
        said = _one_line(_innermost(failure))
    return SourceUnavailable(f"{host} cannot be reached: {said}", where=public_url(url), hint="Try again later.")


def _innermost(failure: BaseException) -> str:
    """Return the words at the bottom: requests and urllib3 wrap an OSError three times."""
    for _ in range(8):
        inner = getattr(failure, "reason", None) or (failure.args[-1] if failure.args else None)
        if not isinstance(inner, BaseException):
            break
        failure = inner
    return str(failure) or type(failure).__name__


# --- connections --------------------------------------------------------------------------------------------------------


class _Wire:
    """The transport over the network: one request, one answer, nothing followed and nothing asked twice."""

    def __init__(self, guard: AddressGuard, limits: ApiLimits, user_agent: str) -> None:
        self._limits = limits
        self._user_agent = user_agent
        self._session = requests.Session()
        self._session.headers.clear()
        self._session.trust_env = False  # ~/.netrc would add credentials that no adapter chose
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        adapter = _GuardedAdapter(guard, limits)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        self._session.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, cap: int) -> Answer:
        sent = {**headers, "User-Agent": self._user_agent, "Accept-Encoding": "identity"}
        request = self._session.prepare_request(requests.Request(method, url, headers=sent, data=body))
        give_up = time.monotonic() + self._limits.total
        with self._session.send(
            request,
            stream=True,
            allow_redirects=False,
            timeout=(self._limits.connect, self._limits.read),
            verify=ca_file(),
            proxies=_proxies(url),
        ) as response:
            content = b"" if method == "HEAD" else _capped(response, cap, give_up)
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, names, content, url)


def _proxies(url: str) -> dict[str, str]:
    """Return the environment's proxy for a URL; addresses written as numbers and localhost are always asked directly."""
    parts = urlsplit(url)
    proxy = None if literal_address(parts.hostname or "") else proxy_for(url)
    return {parts.scheme: proxy} if proxy else {}


class _GuardedAdapter(HTTPAdapter):
    """Makes direct connections only to addresses that the guard passes. A proxy of the environment resolves by itself."""

    def __init__(self, guard: AddressGuard, limits: ApiLimits) -> None:
        self._guard = guard
        self._total = limits.total
        super().__init__(pool_maxsize=8)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_pool, urllib3.HTTPConnectionPool, _GuardedHTTP, self._guard, self._total),
            "https": partial(_pool, urllib3.HTTPSConnectionPool, _GuardedHTTPS, self._guard, self._total),
        }


def _pool(
    pool: type[urllib3.HTTPConnectionPool], connection: type, guard: AddressGuard, total: float, *args: Any, **options: Any
) -> urllib3.HTTPConnectionPool:
    made = pool(*args, **options)
    made.ConnectionCls = partial(connection, guard=guard, total=total)  # type: ignore[assignment]  # a factory is what it calls
    return made


class _Guarded(HTTPConnection):
    """Resolves once, checks every address, connects to a checked one; cuts an answer whose headers take too long."""

    def __init__(self, *args: Any, guard: AddressGuard, total: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = guard
        self._total = total

    def _new_conn(self) -> socket.socket:
        host = self._dns_host
        failure: TransportError | None = None
        for address in resolve_checked(host, self.port or 0, self._guard):
            self._dns_host = address
            try:
                return super()._new_conn()
            except TransportError as error:
                failure = error
            finally:
                self._dns_host = host
        raise failure or urllib3.exceptions.NewConnectionError(self, f"{host} has no address")

    def getresponse(self) -> Any:
        with _cut_after(self._total, self.sock):
            return super().getresponse()


class _GuardedHTTP(_Guarded):
    """Plain HTTP."""


class _GuardedHTTPS(_Guarded, HTTPSConnection):
    """HTTP over TLS; the certificate is checked against the name, not against the address that was dialled."""


@contextmanager
def _cut_after(seconds: float, connection: socket.socket | None) -> Iterator[None]:
    """Shut a socket down after some seconds: a read time-out alone never ends when single bytes keep dripping."""

    def cut() -> None:
        try:
            if connection is not None:
                connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed already

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _capped(response: requests.Response, cap: int, give_up: float) -> bytes:
    """Read a body piece by piece; ProtocolError above `cap` bytes, a time-out after `give_up` (monotonic seconds)."""
    pieces: list[bytes] = []
    size = 0
    while time.monotonic() <= give_up:  # asked first, because headers that were cut look like an empty answer
        piece = response.raw.read1(_CHUNK, decode_content=True)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > cap:
            raise ProtocolError(f"the answer is larger than {cap:,} bytes", where=public_url(str(response.url)))
    raise requests.exceptions.ReadTimeout("the answer takes too long")
