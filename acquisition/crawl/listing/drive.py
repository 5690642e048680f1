"""The loop that drives a list: rows into the frontier, leases out of it, hundreds of hosts at once, and only those in memory.

A lease ends only when its item is written; so kill -9 at any moment loses no address and writes no item twice: what was leased
is leased again, and what is archived is answered from the archive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from acquisition.crawl.contract import Desk, Entry, Lease, Outcome
from acquisition.crawl.listing.rows import Cursor, batches, refused_entry
from acquisition.crawl.listing.visits import Taker

WIDEST: Final = 256
"""Addresses under way at once, each on a host of its own."""
ROUND: Final = 32
"""Places that have to be free before the frontier is asked again: one question for many addresses."""
MEMORY: Final = 4_000_000_000
"""Bytes that their bodies may take together if every host sends as much as is allowed."""
GRACE: Final = 8.0
"""Seconds that addresses under way may still take after a stop; what does not end in time is taken again by the next run."""
LONGEST_NAP: Final = 1.0
"""Seconds between two looks at the frontier when nothing of our own has changed: other processes change it too."""
TICK: Final = 0.5
LISTED_TWICE: Final = "listed-twice"

FINISHED: Final = "finished"
STOPPED: Final = "shutdown"
ITEM_LIMIT: Final = "item-limit"
TIME_LIMIT: Final = "time-limit"


@dataclass(frozen=True, slots=True)
class Means:
    """What a list is driven with. `seeds` is the file of its rows, `directory` the run's, `max_bytes` the longest answer.

    `heard` is told how every address ends and what is refused unvisited, `tick` comes every TICK seconds, for progress.
    """

    desk: Desk
    taker: Taker
    seeds: Path
    directory: Path
    max_bytes: int = 20_000_000
    max_items: int | None = None
    max_seconds: float | None = None
    heard: Callable[[Outcome], None] = lambda _: None
    tick: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.time


async def run_list(means: Means, stop: asyncio.Event) -> str:
    """Visit every address of the list once and return why it ended: finished, shutdown, item-limit or time-limit."""
    return await _Drive(means, stop).run()


@dataclass(slots=True)
class _Drive:
    """One process on one list."""

    means: Means
    stop: asyncio.Event
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    entered: bool = False
    broken: BaseException | None = None

    async def run(self) -> str:
        """Enter, lease and take until nothing is left; whatever goes wrong with the disk or the frontier is raised."""
        side = [asyncio.create_task(self._enter_all()), asyncio.create_task(self._tick()), asyncio.create_task(self._stopped())]
        try:
            reason = await self._lease_all()
            await self._wind_up(reason)
        finally:
            for task in (*side, *self.under_way):
                task.cancel()
            await asyncio.gather(*side, *self.under_way, return_exceptions=True)
        if self.broken is not None:
            raise self.broken
        await self.means.desk.flush()
        return reason

    # --- entering

    async def _enter_all(self) -> None:
        """Enter the rows batch by batch, each durable before the next is read.

        All of them, whatever is visited meanwhile: a list sorted by host would otherwise be visited one host after the other.
        """
        try:
            await self._enter()
        except Exception as error:  # noqa: BLE001  # raised again by run(), in its place
            self.broken = error
        self.changed.set()

    async def _enter(self) -> None:
        means, cursor = self.means, Cursor.load(self.means.directory)
        again = bool(cursor.rows)  # the first batch may have been entered before a kill, and is then no second listing
        for end, entries in batches(means.seeds, cursor.offset) if not cursor.done else ():
            fresh: set[bytes] = set()
            entering: list[Entry] = []
            for entry in entries:
                twice = not entry.refused and not again and (entry.key in fresh or means.desk.known(entry.key))
                entering.append(refused_entry(entry.url, entry.referrer, LISTED_TWICE) if twice else entry)
                fresh.add(entry.key)
                if entry.refused or twice:
                    means.heard(Outcome("refused", entry.refused or LISTED_TWICE))
            means.desk.enter(entering)
            await means.desk.flush()
            cursor.offset, cursor.rows = end, cursor.rows + len(entries)
            cursor.addresses += sum(not entry.refused for entry in entries)
            cursor.save(means.directory)
            again = False
            self.changed.set()
        cursor.done = True
        cursor.save(means.directory)
        self.entered = True

    # --- taking

    async def _lease_all(self) -> str:
        """Keep as many addresses under way as may be, until nothing is left or a limit is met."""
        began = time.monotonic()
        width = max(16, min(WIDEST, MEMORY // max(1, self.means.max_bytes)))
        while True:
            self.changed.clear()
            if reason := self._ended(began):
                return reason
            room = self._room(width)
            free = room - len(self.under_way)
            if self.under_way and free < max(1, min(room // 4, ROUND)):
                await self.changed.wait()
                continue
            leases = await self.means.desk.lease(free)
            for lease in leases:
                self._start(lease)
            if not leases and await self._is_over():
                return FINISHED

    def _room(self, width: int) -> int:
        """Return how many may be under way: near the limit of items no more than are left, so that it is met exactly."""
        limit = self.means.max_items
        return width if limit is None else min(width, limit - self.means.taker.clerk.count)

    def _ended(self, began: float) -> str:
        means = self.means
        if self.stop.is_set() or self.broken is not None:
            return STOPPED
        if means.max_items is not None and means.taker.clerk.count >= means.max_items:
            return ITEM_LIMIT
        return TIME_LIMIT if means.max_seconds and time.monotonic() - began >= means.max_seconds else ""

    async def _is_over(self) -> bool:
        """Wait until leasing again makes sense; True when nothing is left anywhere."""
        rest = await self.means.desk.rest()
        if rest is None and not self.under_way and self.entered:
            await self.means.desk.flush()
            return await self.means.desk.rest() is None
        with suppress(TimeoutError):
            await asyncio.wait_for(self.changed.wait(), LONGEST_NAP if rest is None else min(LONGEST_NAP, rest))
        return False

    def _start(self, lease: Lease) -> None:
        task = asyncio.create_task(self._take(lease))
        self.under_way.add(task)
        task.add_done_callback(self._over)

    async def _take(self, lease: Lease) -> None:
        outcome = await self.means.taker.take(lease, self.means.clock)
        if outcome is not None:
            self.means.desk.end(lease, outcome)
            self.means.heard(outcome)

    def _over(self, task: asyncio.Task[None]) -> None:
        self.under_way.discard(task)
        self.changed.set()
        if not task.cancelled() and (error := task.exception()) is not None and self.broken is None:
            self.broken = error

    async def _wind_up(self, reason: str) -> None:
        """Let what is under way come to its end; after a stop only for a while, then it goes back to the frontier."""
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=None if reason == FINISHED else GRACE)

    async def _tick(self) -> None:
        while True:
            self.means.tick()
            self.changed.set()
            await asyncio.sleep(TICK)

    async def _stopped(self) -> None:
        await self.stop.wait()
        self.changed.set()
