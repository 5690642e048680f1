"""What a crawl is doing at the moment: told to the parent, and written where another terminal finds it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

from acquisition.crawl.frontier.look import HostRow, Look
from acquisition.crawl.session import Session
from acquisition.errors import AcquisitionError

PROGRESS_FILE: Final = "progress.json"
TOLD_EVERY: Final = 0.5
WRITTEN_EVERY: Final = 1.0
WINDOW: Final = 10.0
"""Seconds over which the rate is taken."""

LOOKED_EVERY: Final = 2.0
HOSTS_LOOKED_AT: Final = 100_000
HOLDING_SHOWN: Final = 10
LONG_DELAY: Final = 5.0
"""Seconds that a host still rests from which on its delay is worth a word."""

Tell = Callable[..., None]


class Progress:
    """Looks at the session twice a second."""

    def __init__(self, session: Session, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._tell, self._clock = session, tell, clock
        self._path = Path(session.job.directory) / PROGRESS_FILE
        self._samples: deque[tuple[float, int]] = deque([(clock(), session.archive.pages)])
        self._written = 0.0
        self._seen: dict[str, Any] = {"pending": 0, "hosts": 0, "active": 0, "holding": []}
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Look from now on, on the running loop, until `end`."""
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._look())]

    async def end(self) -> None:
        """Look for the last time."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._written = 0.0
        self.tick()

    async def _run(self) -> None:
        while True:
            self.tick()
            await asyncio.sleep(TOLD_EVERY)

    def tick(self) -> None:
        """Look once."""
        now = self._clock()
        found = self.state(now)
        self._tell("progress", **found)
        if now - self._written >= WRITTEN_EVERY:
            self._written = now
            fresh = self._path.with_suffix(".tmp")
            fresh.write_text(json.dumps({"at": time.time(), **found}), encoding="utf-8")  # a look, not a record: no fsync
            fresh.replace(self._path)

    def state(self, now: float) -> dict[str, Any]:
        """Return counters, rate, hosts and what holds the crawl up."""
        session = self._session
        tally, archive = session.tally, session.archive
        self._samples.append((now, archive.pages))
        while len(self._samples) > 2 and now - self._samples[0][0] > WINDOW:
            self._samples.popleft()
        began, before = self._samples[0]
        span = now - began
        return {
            "pages": archive.pages,
            "items": session.items.count,
            "bytes": archive.received,
            "refused": sum(tally.refused.values()),
            "failed": sum(tally.failed.values()),
            "rate": round((archive.pages - before) / span, 2) if span > 0 else 0.0,
            **self._seen,
        }

    async def _look(self) -> None:
        """Look into the frontier from a thread, more seldom where it takes longer."""
        while True:
            began = self._clock()
            with suppress(AcquisitionError):  # a frontier that is lost is noticed by whoever crawls
                self._seen = await asyncio.to_thread(standing, self._session.location, self._session.run)
            await asyncio.sleep(max(LOOKED_EVERY, 20 * (self._clock() - began)))


def standing(location: Path | str, run: str) -> dict[str, Any]:
    """Return how much waits, on how many hosts, and which hosts rest longer than the crawl would have them, and why."""
    with Look(location) as look:
        now = look.now()
        hosts = list(islice(look.hosts(run), HOSTS_LOOKED_AT))
    waiting = [host for host in hosts if host.pending]
    resting = [found for host in waiting if (found := _resting(host, now)) is not None]
    resting.sort(key=lambda found: -int(found["pending"]))
    return {
        "pending": sum(host.pending for host in waiting),
        "hosts": len(waiting),
        "active": sum(host.held_until > now for host in hosts),
        "holding": resting[:HOLDING_SHOWN],
    }


def _resting(host: HostRow, now: float) -> dict[str, Any] | None:
    state = host.state
    rest = max(0.0, state.next_ok - now)
    reason = state.closed or state.hold or ("delay" if rest >= LONG_DELAY else "")
    if not reason or (not state.closed and rest <= 0):
        return None
    seconds = None if state.closed else round(rest, 1)
    return {"host": state.host, "reason": reason, "seconds": seconds, "pending": host.pending}
