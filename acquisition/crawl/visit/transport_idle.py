"""Looks at connections that wait for their next request: what comes on one unasked must not become the next page's answer.

libcurl 8.23 looks itself, but not at a connection that was used within the last second. A second answer to one request, or the
body behind an answer to HEAD, would then be read as the answer to whatever is asked next (seen, docs/decisions/0012).
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Iterator
from typing import Final

import pycurl

from acquisition.crawl.visit.guard import Site
from acquisition.crawl.visit.transport_exchange import Exchange

_REMEMBERED: Final = 4_096
_PIECE: Final = 65_536
_PIECES: Final = 64
_Key = tuple[str, str]
"""A site's scheme and Host header."""


class IdleConnections:
    """Remembers the connection that each site was last asked over.

    Only looked at while nothing else is under way to the site: that is how politeness asks, and elsewhere (several requests at
    once to a server on this machine) what has come may be somebody's answer.
    """

    __slots__ = ("_descriptors", "_last", "_under_way")

    def __init__(self) -> None:
        self._under_way: dict[_Key, int] = {}
        self._descriptors: dict[int, int] = {}
        self._last: dict[_Key, tuple[int, int]] = {}

    def used(self, site: Site, exchange: Exchange) -> None:
        """Remember the connection of a request that has ended well: its descriptor, and its local port to know it again."""
        port = exchange.curl.getinfo(pycurl.LOCAL_PORT)
        for descriptor in exchange.opened:
            if _local_port(descriptor) == port:
                self._descriptors[port] = descriptor
        if port not in self._descriptors:
            return
        key = site.scheme, site.header
        self._last.pop(key, None)
        if len(self._last) >= _REMEMBERED:
            del self._last[next(iter(self._last))]
        self._last[key] = self._descriptors[port], port

    def begin(self, site: Site) -> None:
        """Count a request, and shut the idle connection down if something has come on it; libcurl then takes a fresh one."""
        key = site.scheme, site.header
        others = self._under_way.get(key, 0)
        self._under_way[key] = others + 1
        known = self._last.pop(key, None)
        if known is None or others:
            return
        look = select.poll()
        look.register(known[0], select.POLLIN)
        if look.poll(0):
            _shut(*known)

    def end(self, site: Site) -> None:
        """Count a request that has ended, however."""
        key = site.scheme, site.header
        self._under_way[key] -= 1
        if not self._under_way[key]:
            del self._under_way[key]


def _local_port(descriptor: int) -> int:
    with _copy(descriptor) as copy:
        return _port_of(copy) if copy is not None else 0


def _shut(descriptor: int, port: int) -> None:
    """Empty a socket and shut it down, if it is still the one that was meant: its number may belong to another by now."""
    with _copy(descriptor) as copy:
        if copy is None or _port_of(copy) != port:
            return
        with contextlib.suppress(OSError):  # empty at last, or reset
            for _ in range(_PIECES):
                if not copy.recv(_PIECE, socket.MSG_DONTWAIT):
                    break
        with contextlib.suppress(OSError):
            copy.shutdown(socket.SHUT_RDWR)


def _port_of(copy: socket.socket) -> int:
    return int(copy.getsockname()[1]) if copy.family in (socket.AF_INET, socket.AF_INET6) else 0


@contextlib.contextmanager
def _copy(descriptor: int) -> Iterator[socket.socket | None]:
    """Yield a socket over a copy of a descriptor, None when it is closed or no socket any more."""
    try:
        number = os.dup(descriptor)
    except OSError:
        yield None
        return
    try:
        copy = socket.socket(fileno=number)
    except OSError:
        os.close(number)
        yield None
        return
    with copy:
        yield copy
