"""Many transfers of libcurl at once on the asyncio loop that is running, with little work between libcurl and the kernel.

`pycurl.AsyncCurlMulti` hands every socket to asyncio by itself: a handle, a selector key and a turn of the loop for each event,
and a timer that is cancelled and set anew for each request. Here libcurl's sockets stand in an epoll of their own, which is one
descriptor to asyncio; what has come on all of them is worked off in one turn (docs/decisions/0012-transport.md).
"""

from __future__ import annotations

import asyncio
import select
from contextlib import suppress
from typing import Any, Final

import pycurl

_EVENTS: Final = 512
"""Sockets that are worked off in one turn of the loop."""


class EpollMulti:
    """A `pycurl.CurlMulti`, driven by an epoll; it belongs to the loop on which it first performs."""

    def __init__(self) -> None:
        self._multi = pycurl.CurlMulti()
        self._epoll = select.epoll()
        self._watched: dict[int, int] = {}
        self._waiting: dict[Any, asyncio.Future[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._soon = self._closing = False
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)

    def setopt(self, option: int, value: Any) -> None:
        """Set an option of the multi handle."""
        self._multi.setopt(option, value)

    @property
    def closed(self) -> bool:
        """Whether nothing can be performed any more."""
        return self._closing

    async def perform(self, curl: Any) -> None:
        """Perform a transfer; raises pycurl.error when it fails, CancelledError when its handle is removed."""
        if self._closing:
            raise RuntimeError("the transfers have been closed")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._epoll.fileno(), self._on_events)
        future = self._waiting[curl] = self._loop.create_future()
        try:
            self._multi.add_handle(curl)
            await future
        finally:
            if self._waiting.pop(curl, None) is not None:
                self._multi.remove_handle(curl)

    def remove_handle(self, curl: Any) -> None:
        """Give a transfer up; whoever waits for it is cancelled."""
        future = self._waiting.pop(curl)
        self._multi.remove_handle(curl)
        future.cancel()

    async def aclose(self) -> None:
        """Give all transfers up and close all connections."""
        if self._closing:
            return
        self._closing = True
        for curl in list(self._waiting):
            self.remove_handle(curl)
        if self._timer is not None:
            self._timer.cancel()
        if self._loop is not None:
            self._loop.remove_reader(self._epoll.fileno())
        self._multi.close()
        self._epoll.close()

    # --- called from inside libcurl, where an exception would be printed and lost ---

    def _on_socket(self, what: int, descriptor: int, _multi: Any, _data: Any) -> None:
        if self._epoll.closed:
            return
        if what in (pycurl.POLL_REMOVE, pycurl.POLL_NONE):
            if self._watched.pop(descriptor, 0):
                with suppress(OSError):  # it may be closed already
                    self._epoll.unregister(descriptor)
            return
        events = (select.EPOLLIN if what & pycurl.POLL_IN else 0) | (select.EPOLLOUT if what & pycurl.POLL_OUT else 0)
        known = self._watched.get(descriptor, 0)
        if known == events:
            return
        self._watched[descriptor] = events
        if known:
            self._epoll.modify(descriptor, events)
            return
        try:
            self._epoll.register(descriptor, events)
        except FileExistsError:  # a copy of a socket that had this number is still open somewhere
            self._epoll.modify(descriptor, events)

    def _on_timer(self, milliseconds: int) -> None:
        loop = self._loop
        if self._closing or loop is None:
            return
        if milliseconds <= 0:
            self._due = 0.0
            if milliseconds == 0 and not self._soon:  # not at once: this is called from inside libcurl
                self._soon = True
                loop.call_soon(self._on_soon)
            return
        self._due = loop.time() + milliseconds / 1_000
        if self._timer is None or self._timer.when() > self._due:
            self._set_timer(loop)

    # --- called by the loop ---

    def _on_events(self) -> None:
        for descriptor, events in self._epoll.poll(0, _EVENTS):
            if descriptor in self._watched:  # it may have been let go of while others were worked off
                self._act(descriptor, _mask(events))
        self._settle()

    def _on_soon(self) -> None:
        self._soon = False
        if not self._closing:
            self._act(pycurl.SOCKET_TIMEOUT, 0)
            self._settle()

    def _on_due(self) -> None:
        """Let libcurl look at its timers; a timer that was set for an earlier moment than counts by now is set anew."""
        self._timer = None
        loop = self._loop
        if not self._due or loop is None:
            return
        if loop.time() < self._due:
            self._set_timer(loop)
            return
        self._due = 0.0
        self._on_soon()

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._due, self._on_due)

    def _act(self, descriptor: int, mask: int) -> None:
        try:
            self._multi.socket_action(descriptor, mask)
        except pycurl.error as error:  # the multi handle is of no use any more, nothing will be told of its transfers
            for curl, future in list(self._waiting.items()):
                self._end(curl, future, error)

    def _settle(self) -> None:
        """Tell whoever waits how his transfer ended."""
        more = 1
        while more:
            more, well, badly = self._multi.info_read()
            for curl in well:
                self._end(curl, self._waiting.get(curl), None)
            for curl, code, words in badly:
                self._end(curl, self._waiting.get(curl), pycurl.error(code, words))

    def _end(self, curl: Any, future: asyncio.Future[None] | None, error: Exception | None) -> None:
        if future is None or self._waiting.pop(curl, None) is None:
            return
        self._multi.remove_handle(curl)
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _mask(events: int) -> int:
    """Return what libcurl is told of a socket's events; errors and ends are found by reading."""
    wrong = events & (select.EPOLLERR | select.EPOLLHUP)
    return (
        (pycurl.CSELECT_IN if wrong or events & select.EPOLLIN else 0)
        | (pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0)
        | (pycurl.CSELECT_ERR if events & select.EPOLLERR else 0)
    )
