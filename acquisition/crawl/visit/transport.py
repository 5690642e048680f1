"""The only socket of the crawler: libcurl on the asyncio loop, one request in, one answer as it came out."""

from __future__ import annotations

import asyncio
import re
import select
import time
from collections.abc import Callable, Mapping
from typing import Final

import pycurl

from acquisition.crawl.contract import Ask, Failed, HeaderLines, Refused, Transport, Wire
from acquisition.crawl.visit.decoding import decoded
from acquisition.crawl.visit.guard import PORTS, Site, UrlGuard
from acquisition.crawl.visit.transport_certificate import Certificates
from acquisition.crawl.visit.transport_exchange import SWEEP, Caps, Exchange
from acquisition.crawl.visit.transport_failure import AGAIN, failure
from acquisition.crawl.visit.transport_idle import IdleConnections
from acquisition.crawl.visit.transport_multi import EpollMulti
from acquisition.crawl.visit.transport_names import NameNotFound, Names
from acquisition.network import ca_file

__all__ = ["PORTS", "Caps", "CurlTransport", "UrlGuard", "decoded"]

ACCEPTED_ENCODINGS: Final = "gzip, deflate"
"""One layer of what every WARC reader can undo; a server that sends anything else is not read."""

_ALLOWED: Final = {
    "accept": "Accept",
    "accept-language": "Accept-Language",
    "if-none-match": "If-None-Match",
    "if-modified-since": "If-Modified-Since",
}
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_IDLE: Final = 128
_KINDS: Final = 64
"""Sets of header fields that are remembered: what asks for media, pages and files about rights says."""
_CONNECTIONS: Final = 256


class CurlTransport(Transport):
    """Sends requests with libcurl, many at a time, on the loop that is running; who may be asked how often is not its matter.

    It speaks HTTP/1.1 to the address itself (no proxy), says who we are, takes no cookies, follows no redirects, sends no
    credentials and no referrer, and keeps the body as sent. Connections and handles are used again.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        email: str,
        guard: UrlGuard,
        caps: Caps | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._identity = (("User-Agent", _checked("User-Agent", user_agent, "")), ("From", _checked("From", email, "")))
        self._guard, self._caps, self._clock = guard, caps or Caps(), clock
        self._ca_file = ca_file()
        self._multi = EpollMulti() if hasattr(select, "epoll") else pycurl.AsyncCurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, _CONNECTIONS)
        self._idle: list[Exchange] = []
        self._busy: set[Exchange] = set()
        self._names = Names(self._caps.connect)
        self._idle_connections = IdleConnections()
        self._certificates = Certificates()
        self._sweeping: asyncio.TimerHandle | None = None
        self._known_lines: dict[tuple[tuple[str, str], ...], tuple[HeaderLines, tuple[bytes, ...]]] = {}

    async def send(self, ask: Ask, *, max_bytes: int) -> Wire:
        """Send one request and return its answer, at most `max_bytes` of body as sent; see `Transport` for what is raised."""
        if ask.method not in ("GET", "HEAD"):
            raise Refused("method", ask.url, f"{ask.method} may change something at the server")
        target = self._guard.check(ask.url)
        headers, lines = self._said(ask)
        addresses = () if target.site.literal else await self._addresses(target.site, ask.url)
        exchange = self._idle.pop() if self._idle else Exchange(self._caps, self._guard, self._ca_file)
        exchange.begin(target, addresses, headers=lines, ask=ask, max_bytes=max_bytes)
        self._idle_connections.begin(target.site)
        started = self._clock()
        self._busy.add(exchange)
        try:
            code, words = await self._perform(exchange)
            if wrong := failure(exchange, code, words, ask.url):
                raise wrong
            return self._wire(exchange, target.site, headers, started=started, url=ask.url)
        finally:
            self._busy.discard(exchange)
            self._idle_connections.end(target.site)
            self._put_back(exchange)

    def _wire(self, exchange: Exchange, site: Site, headers: HeaderLines, *, started: float, url: str) -> Wire:
        """Return what a whole answer has brought; its connection may be used again."""
        ended = self._clock()
        address = self._verified(exchange, site, url)
        self._idle_connections.used(site, exchange)
        head = exchange.head
        assert head is not None  # without one it would have failed
        return Wire(
            status=head.status,
            reason=head.reason,
            protocol=head.protocol,
            headers=head.headers,
            body=exchange.take_body(),
            ip_address=address,
            request_headers=(("Host", site.header), *headers),
            started=started,
            ended=ended,
            certificate=self._certificates.of(exchange.curl, site) if site.scheme == "https" else {},
            cut=exchange.cut,
        )

    async def _addresses(self, site: Site, url: str) -> tuple[str, ...]:
        """Return the addresses of a host with a name that may be connected to; Failed("dns") or Refused("address") if none."""
        try:
            found = await self._names.addresses(site.host)
        except NameNotFound as error:
            raise Failed("dns", url, str(error), again=AGAIN) from None
        refusals = {address: self._guard.refusal(site, address, site.port) for address in found}
        allowed = tuple(address for address in found if refusals[address] is None)
        if not allowed:
            raise Refused("address", url, f"{site.host} {next(iter(refusals.values()))}")
        return allowed

    async def _perform(self, exchange: Exchange) -> tuple[int, str]:
        """Let libcurl do it; return its code, 0 for success, and what it says."""
        self._sweep_later()
        try:
            await self._multi.perform(exchange.curl)
        except pycurl.error as error:
            return int(error.args[0]), str(error.args[1])
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if exchange.problem is None or (task is not None and task.cancelling()):
                raise
            return int(pycurl.E_OPERATION_TIMEDOUT), ""
        return 0, ""

    def _verified(self, exchange: Exchange, site: Site, url: str) -> str:
        """Return the address that was connected to, judged once more."""
        address = str(exchange.curl.getinfo(pycurl.PRIMARY_IP) or "")
        if reason := self._guard.refusal(site, address, site.port):
            raise Refused("address", url, reason)
        return address

    def _put_back(self, exchange: Exchange) -> None:
        if self._multi.closed or len(self._idle) >= _IDLE:
            exchange.close()
        else:
            exchange.rest()
            self._idle.append(exchange)

    # --- what leaves ---

    def _said(self, ask: Ask) -> tuple[HeaderLines, tuple[bytes, ...]]:
        """Return the header fields of an ask; most asks say the same."""
        key = tuple(ask.headers.items())
        known = self._known_lines.get(key)
        if known is None:
            known = self._lines(ask.headers, ask.url)
            if len(self._known_lines) < _KINDS:
                self._known_lines[key] = known
        return known

    def _lines(self, wanted: Mapping[str, str], url: str) -> tuple[HeaderLines, tuple[bytes, ...]]:
        """Return the header fields of a request as pairs and as lines: who we are, and what of the ask's may be said."""
        found = {"Accept": "*/*"}
        for name, value in wanted.items():
            if name.lower() not in _ALLOWED:
                raise Refused("header", url, f"{name[:40]!r} is not sent")
            if value:
                found[_ALLOWED[name.lower()]] = _checked(name, value, url)
        pairs = (*self._identity, *found.items(), ("Accept-Encoding", ACCEPTED_ENCODINGS))
        return pairs, tuple(f"{name}: {value}".encode("latin-1") for name, value in pairs)

    # --- who is too slow ---

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        for exchange in [*self._busy]:
            if exchange.too_slow():
                self._multi.remove_handle(exchange.curl)
        if self._busy:
            self._sweep_later()

    async def close(self) -> None:
        """Close all connections; requests under way are cancelled."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        await self._names.close()
        await self._multi.aclose()
        while self._idle:
            self._idle.pop().close()


def _checked(name: str, value: str, url: str) -> str:
    """Return the value when one line of a head can carry it, else raise Refused("header")."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise Refused("header", url, f"the value of {name} cannot be written") from None
    if _CONTROLS.search(value):
        raise Refused("header", url, f"the value of {name} holds control characters")
    return value.strip()
