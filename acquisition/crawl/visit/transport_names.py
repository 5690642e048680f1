"""From names to addresses, without letting the names that nobody answers for hold up the others.

libcurl resolves in a pool of twenty threads whose queue counts against the connect timeout, and joins them when it is closed:
twenty names that hang make every other name fail, and delay the end (measured, docs/decisions/0012). Here each question has a
thread that nobody waits for, and its time begins when it is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import Final

AT_ONCE: Final = 64
LIFETIME: Final = 60.0
"""Seconds; the system's resolver does not tell how long an answer holds, and every connection is guarded anyway."""
_REMEMBERED: Final = 8_192


class NameNotFound(Exception):
    """The name has no address, or nobody has said so in time."""


class Names:
    """Asks the system's resolver and remembers its answers for LIFETIME seconds. Belongs to one loop."""

    __slots__ = ("_asked", "_found", "_free", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._found: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._asked: dict[str, asyncio.Task[tuple[str, ...] | str]] = {}
        self._free = asyncio.Semaphore(AT_ONCE)

    def known(self, host: str) -> tuple[str, ...] | None:
        """Return the addresses of a host that was asked for lately, None when it has to be asked for."""
        found = self._found.get(host)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of a host, IPv4 and IPv6, in the order in which they should be tried; NameNotFound if none."""
        if (known := self.known(host)) is not None:
            return known
        task = self._asked.get(host)
        if task is None:
            task = self._asked[host] = asyncio.ensure_future(self._look_up(host))
            task.add_done_callback(lambda _: self._asked.pop(host, None))
        found = await asyncio.shield(task)
        if isinstance(found, str):
            raise NameNotFound(found)
        return found

    async def _look_up(self, host: str) -> tuple[str, ...] | str:
        """Return the addresses, or the words of the failure (nobody may be left who would catch it)."""
        await self._free.acquire()
        answer: asyncio.Future[tuple[str, ...] | str] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._free.release())
        threading.Thread(target=_ask, args=(host, answer), name=f"name-{host[:40]}", daemon=True).start()
        try:
            found = await asyncio.wait_for(asyncio.shield(answer), self._seconds)
        except TimeoutError:
            return f"no answer about {host!r} in {self._seconds:g} seconds"
        if isinstance(found, tuple):
            self._remember(host, found)
        return found

    def _remember(self, host: str, addresses: tuple[str, ...]) -> None:
        self._found.pop(host, None)
        if len(self._found) >= _REMEMBERED:
            del self._found[next(iter(self._found))]
        self._found[host] = time.monotonic() + LIFETIME, addresses

    async def close(self) -> None:
        """Forget who asks; threads that still wait for an answer end with it, and with the process at the latest."""
        for task in [*self._asked.values()]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _ask(host: str, answer: asyncio.Future[tuple[str, ...] | str]) -> None:
    found: tuple[str, ...] | str
    try:
        entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found = tuple(dict.fromkeys(str(entry[4][0]) for entry in entries)) or f"{host!r} has no address"
    except (OSError, UnicodeError) as error:
        found = f"{host!r}: {error}"
    with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
        answer.get_loop().call_soon_threadsafe(_settle, answer, found)


def _settle(answer: asyncio.Future[tuple[str, ...] | str], found: tuple[str, ...] | str) -> None:
    if not answer.done():
        answer.set_result(found)
