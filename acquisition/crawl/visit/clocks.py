"""One clock per registrable host: who wants to ask it stands in line, and a turn begins a delay after the last answer.

The clock lives in the frontier (`HostStore`), so a restart and a second process keep it too. Only on this machine, with a
declared delay of 0 and a concurrency above 1, several turns of a host may overlap, and the store is not asked for each.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from acquisition.crawl.contract import Clocks, Failed, HostState, HostStore, Refused, Wire
from acquisition.crawl.visit.standing import Kind, Standing
from acquisition.hosts import registrable

if TYPE_CHECKING:
    from acquisition.settings import CrawlSettings

SLACK: Final = 0.02
"""Seconds that a crawl adds to every delay: who has sent the last byte may have to wait for a core before it notes the end. On
a loaded machine servers noted it up to 22 ms after the answer was here (docs/decisions/0014)."""
LEASE: Final = 90.0
"""Seconds for which a host is claimed: one request with everything that it may take."""
PATIENCE: Final = 30.0
"""Seconds that a turn waits for a host that is held; a longer hold gives the URL back."""
_NAP: Final = 30.0
"""Seconds after which a waiting turn looks at the store again: another process may have changed what holds."""
_LINES: Final = 4_096
_WRITE_EVERY: Final = 256
"""Overlapping turns after which the store is told."""


class HostClocks(Clocks):
    """The clocks of one process. `run` names the run that budgets and closings count for, `slack` is added to every delay."""

    def __init__(
        self,
        store: HostStore,
        settings: CrawlSettings,
        *,
        run: str = "",
        slack: float = 0.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._settings, self._run, self._slack = store, settings, run, slack
        self._clock, self._sleep = clock, sleep
        self._lines: dict[str, _Line] = {}
        self._giving: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[None]:
        """Wait for the host's turn and own it for the block, in which at most one request is sent and then settled.

        Turns of one host come in the order in which they were asked for. A block that is left by Refused without having been
        settled has sent nothing and costs nothing; one that is left by Failed settles itself; one that is cancelled counts as
        sent. Raises Refused("host-closed" | "budget-…"), and Failed("host-held") with `again` when the host rests for longer
        than PATIENCE.
        """
        line = self._line(registrable(url))
        task = asyncio.current_task()
        await line.enter()
        try:
            turn = _Turn(owned=await self._begin(line, url), begun=self._clock())
            line.turns[task] = turn
            try:
                yield
            except Failed as failure:
                if not turn.ended:
                    self.settle(url, failure=failure)
                raise
            except Refused:
                turn.unsent = not turn.ended
                raise
            finally:
                line.turns.pop(task, None)
                await self._over(line, turn)
        finally:
            line.leave()

    def settle(self, url: str, wire: Wire | None = None, failure: Failed | None = None, *, kind: Kind = "page") -> None:
        """Say, inside the turn and in its task, what came of the request, as soon as it has come: an answer or a failure."""
        line = self._line(registrable(url))
        now = self._clock()
        turn = line.turns.get(asyncio.current_task())
        if wire is not None:
            line.standing.answered(wire, kind, now)
        elif failure is not None:
            line.standing.failed(failure, now)
        if turn is not None:
            turn.ended = now  # and not the transport's moment: its clock may be another machine's

    def pace(self, url: str, delay: float) -> None:
        """Say how many seconds robots.txt of the URL's origin wants between two requests, 0 for none; it holds at once."""
        standing = self._line(registrable(url)).standing
        origin = url[: url.find("/", url.find("//") + 2)] if url.count("/") > 2 else url
        if standing.asked.get(origin, 0.0) != delay:
            standing.ask(origin, delay)

    def remember(self, url: str, name: str, value: Any) -> None:
        """Keep a small JSON value with the host's state (at most a few kilobytes); it is written at the end of a turn."""
        self._line(registrable(url)).standing.memory[name] = value

    def state(self, url: str) -> HostState:
        """Return what this process knows of the URL's host."""
        return self._line(registrable(url)).standing.state()

    async def close(self) -> None:
        """Write what has not been written yet."""
        for line in self._lines.values():
            if line.unwritten:
                await self._write(line)

    # --- one turn ---------------------------------------------------------------------------------------------------------

    async def _begin(self, line: _Line, url: str) -> bool:
        """Return when the host is due; True when it is ours in the store, False when turns may overlap."""
        standing = line.standing
        while not (line.loaded and standing.is_free()):
            if line.unwritten:
                await self._write(line)
            wait, state = await self._claim(standing.host)
            standing.load(state)
            line.loaded = True
            ours = wait <= 0
            wait = max(wait, standing.due() - self._clock())
            if ours and wait <= 0 and not standing.is_free() and standing.refusal(url) is None:
                return True
            if ours:
                standing.next_ok = standing.due()
                await self._write(line)
            self._demand(standing, url, wait)
            if wait > 0:
                await self._sleep(min(wait, _NAP))
        self._demand(standing, url, 0.0)
        return False

    @staticmethod
    def _demand(standing: Standing, url: str, wait: float) -> None:
        """Raise unless the host may be asked within our patience."""
        if refusal := standing.refusal(url):
            raise refusal
        if wait > PATIENCE and standing.hold:
            raise Failed("host-held", url, f"{standing.host}: {standing.hold}", again=wait)

    async def _over(self, line: _Line, turn: _Turn) -> None:
        if not turn.unsent:
            line.standing.over(turn.begun, turn.ended or self._clock())
        line.unwritten += 1
        if turn.owned or line.unwritten >= _WRITE_EVERY:
            await asyncio.shield(self._write(line))

    async def _claim(self, host: str) -> tuple[float, HostState]:
        """Claim the host; when we are cancelled meanwhile, what was granted is given back."""
        claiming = asyncio.ensure_future(self._store.claim(host, LEASE))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            claiming.add_done_callback(self._give_back)
            raise

    def _give_back(self, claiming: asyncio.Future[tuple[float, HostState]]) -> None:
        if claiming.cancelled() or claiming.exception() is not None:
            return
        wait, state = claiming.result()
        if wait <= 0:
            giving = asyncio.ensure_future(self._store.release(state))
            self._giving.add(giving)
            giving.add_done_callback(self._giving.discard)

    async def _write(self, line: _Line) -> None:
        line.unwritten = 0
        await self._store.release(line.standing.state())

    # --- all lines --------------------------------------------------------------------------------------------------------

    def _line(self, host: str) -> _Line:
        line = self._lines.get(host)
        if line is None:
            self._forget()
            line = self._lines[host] = _Line(Standing(host, self._settings, self._run, self._slack))
        return line

    def _forget(self) -> None:
        """Let go of hosts that nobody waits for and whose state is in the store, oldest first."""
        if len(self._lines) < _LINES:
            return
        for host in list(self._lines)[: _LINES // 2]:
            if self._lines[host].is_idle():
                del self._lines[host]


@dataclass(slots=True)
class _Turn:
    owned: bool
    begun: float
    ended: float = 0.0
    unsent: bool = False


@dataclass(slots=True)
class _Line:
    """Those who wait for one host, in order, and its account. `unwritten` counts turns that the store does not know of."""

    standing: Standing
    active: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    turns: dict[asyncio.Task[Any] | None, _Turn] = field(default_factory=dict)
    loaded: bool = False
    unwritten: int = 0

    def is_idle(self) -> bool:
        return self.loaded and not (self.active or self.waiting or self.unwritten)

    def has_room(self) -> bool:
        """Say whether one more may begin; near the end of the page budget turns come one by one, so that it is met exactly."""
        if not self.active:
            return True
        settings = self.standing.settings
        left = settings.concurrency
        if settings.per_host.pages is not None:
            left = min(left, settings.per_host.pages - self.standing.pages)
        return self.loaded and self.active < left and self.standing.is_free()

    async def enter(self) -> None:
        if not self.waiting and self.has_room():
            self.active += 1
            return
        place = asyncio.get_running_loop().create_future()
        self.waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            else:
                self.waiting.remove(place)
            raise

    def leave(self) -> None:
        self.active -= 1
        while self.waiting and self.has_room():
            place = self.waiting.popleft()
            if not place.done():
                self.active += 1
                place.set_result(None)
