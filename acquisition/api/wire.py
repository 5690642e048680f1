"""Connections: one request, one answer, only to addresses that the guard has passed, within time limits and a cap."""

from __future__ import annotations

import http.cookiejar
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError as TransportError

from acquisition.api.answers import one_line
from acquisition.errors import ProtocolError, SourceUnavailable
from acquisition.network import AddressGuard, ca_file, literal_address, proxy_for, public_url, resolve_checked
from acquisition.protocols import Answer

_CHUNK: Final = 65_536


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


class Wire:
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
        """Close all connections."""
        self._session.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, cap: int) -> Answer:
        """Ask once; ProtocolError above `cap` bytes, what requests and urllib3 raise when nothing answers."""
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


def unreachable(failure: BaseException, url: str, limits: ApiLimits) -> SourceUnavailable:
    """Return what kept an answer from coming as an error of our tree."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    if isinstance(failure, requests.exceptions.ConnectTimeout):
        said = f"it does not accept the connection within {limits.connect:g} s"
    elif isinstance(failure, requests.exceptions.ReadTimeout) and not isinstance(failure.args[0], BaseException):
        said = f"its answer takes longer than {limits.total:g} s"
    elif isinstance(failure, (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        said = f"it sends nothing for {limits.read:g} s"
    else:
        said = one_line(_innermost(failure))
    return SourceUnavailable(f"{host} cannot be reached: {said}", where=public_url(url), hint="Try again later.")


def _innermost(failure: BaseException) -> str:
    """Return the words at the bottom: requests and urllib3 wrap an OSError three times."""
    for _ in range(8):
        inner = getattr(failure, "reason", None) or (failure.args[-1] if failure.args else None)
        if not isinstance(inner, BaseException):
            break
        failure = inner
    return str(failure) or type(failure).__name__
