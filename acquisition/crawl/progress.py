"""What a crawl is doing at the moment: told to the parent, and written where another terminal finds it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from acquisition.crawl.session import Session

PROGRESS_FILE: Final = "progress.json"
TOLD_EVERY: Final = 0.5
WRITTEN_EVERY: Final = 1.0
WINDOW: Final = 10.0
"""Seconds over which the rate is taken."""

Tell = Callable[..., None]


class Progress:
    """Looks at the session twice a second."""

    def __init__(self, session: Session, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._tell, self._clock = session, tell, clock
        self._path = Path(session.job.directory) / PROGRESS_FILE
        self._samples: deque[tuple[float, int]] = deque([(clock(), session.archive.pages)])
        self._written = 0.0
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look from now on, on the running loop, until `end`."""
        self._task = asyncio.ensure_future(self._run())

    async def end(self) -> None:
        """Look for the last time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
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
        }
