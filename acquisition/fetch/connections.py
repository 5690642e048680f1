"""Who is asked, when, and over which connection: queues per host, waits, and libcurl's multi handle."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import pycurl

from acquisition.errors import AcquisitionError
from acquisition.fetch.leg import Leg
from acquisition.fetch.stream import Stream, Wire
from acquisition.network import literal_address, proxy_for

_PER_HOST: Final = 8
_PER_OWN_HOST: Final = 32
"""Connections to a server on this machine: there is nobody to be polite to, and small files come faster."""


@dataclass(slots=True, eq=False)
class Host:
    """One origin: who waits for it, who is served, when it may be asked again, and through what."""

    proxy: str | None
    limit: int
    queue: deque[Leg] = field(default_factory=deque)
    active: int = 0
    not_before: float = 0.0
    narrow: set[str] = field(default_factory=set)
    """Sources with a bandwidth of their own that are being served; each gets one connection."""


@dataclass(slots=True)
class Ended:
    """A request that has ended: libcurl's code and words, why an address was refused, and the receiver's own error."""

    leg: Leg
    code: int
    message: str
    refusal: str
    error: AcquisitionError | None


class Connections:
    """Carries legs: from a queue or a wait, over a stream, to their end. Holds at most `per_host` and `total` streams."""

    def __init__(self, wire: Wire, *, per_host: int | None, total: int) -> None:
        self._wire, self._per_host, self._total = wire, per_host, total
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, total)
        self._idle: list[Stream] = []
        self._busy: dict[Any, Leg] = {}
        self._hosts: dict[tuple[str, str, int], Host] = {}
        self._delayed: list[tuple[float, int, Leg]] = []
        self._order = count()
        self._rests: dict[str, float] = {}

    @property
    def busy(self) -> list[Leg]:
        """The legs whose requests are on their way."""
        return [*self._busy.values()]

    @property
    def waiting(self) -> bool:
        """Whether a request waits for a connection (and not only for a moment)."""
        return any(host.queue for host in self._hosts.values())

    def host(self, leg: Leg) -> Host:
        """Return the host that a leg asks."""
        host = self._hosts.get(leg.host)
        if host is None:
            literal = literal_address(leg.host[1])
            own = literal is not None and literal.is_loopback
            host = Host(proxy_for(leg.url), self._per_host or (_PER_OWN_HOST if own else _PER_HOST))
            self._hosts[leg.host] = host
        return host

    def enqueue(self, leg: Leg, *, first: bool = False) -> None:
        """Let a leg wait for a connection to its host."""
        leg.download.legs.add(leg)
        queue = self.host(leg).queue
        (queue.appendleft if first else queue.append)(leg)

    def delay(self, leg: Leg, moment: float) -> None:
        """Let a leg wait for a moment, and then for a connection."""
        leg.download.legs.add(leg)
        heapq.heappush(self._delayed, (moment, next(self._order), leg))

    def hold(self, leg: Leg, moment: float) -> None:
        """Let a leg's whole host rest until a moment."""
        host = self.host(leg)
        host.not_before = max(host.not_before, moment)

    def free(self, leg: Leg) -> int:
        """Return how many more connections a leg's host may have that nobody waits for."""
        host = self.host(leg)
        return min(host.limit - host.active, self._total - len(self._busy)) - len(host.queue)

    def moments(self, now: float) -> list[float]:
        """Return the moments for which something waits."""
        rests = [host.not_before for host in self._hosts.values() if host.queue and host.not_before > now]
        rests += [moment for moment in self._rests.values() if moment > now]
        return rests + ([self._delayed[0][0]] if self._delayed else [])

    def start(self, now: float, expired: Callable[[Leg], bool]) -> None:
        """Start every request whose time has come and whose host has a free connection.

        `expired` says that a leg's address is no longer good; whoever says so has taken the leg back.
        """
        while self._delayed and self._delayed[0][0] <= now:
            leg = heapq.heappop(self._delayed)[2]
            if leg in leg.download.legs:
                self.enqueue(leg)
        for host in list(self._hosts.values()):
            while host.queue and host.active < host.limit and len(self._busy) < self._total and host.not_before <= now:
                chosen = self._next(host, now)
                if chosen is None:
                    break
                if chosen in chosen.download.legs and not expired(chosen):
                    self._begin(host, chosen, now)

    def _next(self, host: Host, now: float) -> Leg | None:
        """Take the next leg from a host's queue, None if all of them wait for their source's own bandwidth."""
        for _ in range(len(host.queue)):
            leg = host.queue.popleft()
            transfer = leg.download.transfer
            if transfer.bandwidth is None:
                return leg
            if transfer.source not in host.narrow and self._rests.get(transfer.source, 0.0) <= now:
                return leg
            host.queue.append(leg)
        return None

    def _begin(self, host: Host, leg: Leg, now: float) -> None:
        transfer = leg.download.transfer
        stream = leg.stream = self._idle.pop() if self._idle else Stream(self._wire)
        stream.begin(leg.request(host.proxy), leg, now)
        if transfer.bandwidth is not None:
            host.narrow.add(transfer.source)
            self._rests[transfer.source] = now
        host.active += 1
        self._busy[stream.curl] = leg
        self._multi.add_handle(stream.curl)

    def work(self) -> None:
        """Let libcurl read and write what it can."""
        self._multi.perform()

    def wait(self, seconds: float) -> None:
        """Wait until a connection has something, at most so long."""
        self._multi.select(seconds)

    def ended(self) -> Iterator[Ended]:
        """Yield what has ended, one after the other; the consumer may take other legs back in between."""
        _, succeeded, failed = self._multi.info_read(1024)
        for handle in succeeded:
            if (leg := self._busy.get(handle)) is not None:
                yield self._end(leg, 0)
        for handle, code, _ in failed:
            if (leg := self._busy.get(handle)) is not None:
                yield self._end(leg, code)

    def _end(self, leg: Leg, code: int) -> Ended:
        stream = leg.stream
        assert stream is not None
        message, refusal = stream.message if code else "", stream.refusal
        final, error = stream.end(code)
        self.release(leg)
        leg.download.legs.discard(leg)
        return Ended(leg, final, message, refusal, error)

    def release(self, leg: Leg) -> None:
        """Take a leg's stream back, whether its request has ended or not."""
        stream = leg.stream
        if stream is None:
            return
        self._multi.remove_handle(stream.curl)
        del self._busy[stream.curl]
        host = self.host(leg)
        host.active -= 1
        transfer = leg.download.transfer
        if transfer.bandwidth is not None:  # libcurl lets the first buffers pass at once; the next request pays for them
            host.narrow.discard(transfer.source)
            self._rests[transfer.source] += stream.received / transfer.bandwidth
        leg.stream = None
        self._idle.append(stream)

    def abandon(self, legs: Iterable[Leg]) -> None:
        """Take many legs back; queued and delayed ones are forgotten when their turn comes."""
        for leg in list(legs):
            self.release(leg)
            leg.download.legs.discard(leg)

    def stalled(self, now: float, timeout: float, least: float) -> Iterator[tuple[Leg, int]]:
        """Yield the legs that received fewer bytes than `least` over a whole time-out, and how many they were."""
        for leg in self.busy:
            stream = leg.stream
            if stream is None or now - stream.window_start < timeout:
                continue
            if stream.window_bytes < least:
                yield leg, stream.window_bytes
            else:
                stream.window_start, stream.window_bytes = now, 0

    def shift(self, pause: float) -> None:
        """Move the stall clocks over a pause that was ours."""
        for leg in self._busy.values():
            if leg.stream is not None:
                leg.stream.window_start += pause

    def release_all(self) -> None:
        """Take every stream back; what has come is kept."""
        for leg in self.busy:
            self.release(leg)

    def close(self) -> None:
        """Let go of every connection."""
        self.release_all()
        for stream in self._idle:
            stream.close()
        self._multi.close()
