"""Scrapy's scheduler on the frontier: nothing waits in memory but a few leased requests, so nothing can be lost there.

A small store of leased requests is kept full by a task of its own; Scrapy, which asks for the next request without waiting, is
woken when leases have come by handing it a request that it already has (`engine.crawl`, the documented way in).
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Final

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.utils.defer import deferred_from_coro

from acquisition.crawl.contract import Outcome
from acquisition.crawl.engine.crawler import session_of
from acquisition.crawl.engine.keys import key_of
from acquisition.crawl.engine.ledger import Found, Work
from acquisition.crawl.engine.requests import WORK
from acquisition.crawl.session import Session

STORE: Final = 32
"""Leased requests that wait for Scrapy; more would keep hosts that another process could ask."""
LONGEST_NAP: Final = 1.0
"""Seconds between two looks at the frontier when nothing of our own has changed: other processes change it too."""


class FrontierScheduler(BaseScheduler):
    """Enters what Scrapy schedules, and hands out what the frontier leases."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._session: Session = session_of(crawler)
        self._ready: deque[Request] = deque()
        self._empty = self._over = False
        self._pump: asyncio.Task[None] | None = None
        self._wake = Request("about:blank", dont_filter=True)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> FrontierScheduler:
        """Make the scheduler of a crawl."""
        return cls(crawler)

    def open(self, spider: Spider) -> None:  # noqa: ARG002  # Scrapy's interface
        """Begin to lease."""
        assert self._session.ledger is not None  # made with the spider middlewares, before the engine opens
        self._ledger = self._session.ledger
        self._pump = asyncio.ensure_future(self._pumped())

    async def _stop(self) -> None:
        self._over = True  # a word, no cancelling: asyncio.wait_for of Python 3.11 may swallow that
        if self._pump is not None:
            self._ledger.changed.set()
            await asyncio.wait([self._pump])
        await self._session.close()

    def close(self, reason: str) -> Any:  # noqa: ARG002  # Scrapy's interface
        """Stop leasing; what is leased and has not ended goes back when the desk is closed."""
        return deferred_from_coro(self._stop())

    def has_pending_requests(self) -> bool:
        """Say whether anything is pending here or leased anywhere: another process's page may lead to more."""
        return bool(self._ready) or not self._empty

    def enqueue_request(self, request: Request) -> bool:
        """Enter a request; False when its page is known."""
        if request is self._wake:
            return True
        self._empty = False
        tag = request.meta.pop(WORK, None)
        if isinstance(tag, Work) and not tag.ended and request.meta.get("redirect_times", 0) == tag.hops + 1:
            return self._redirect(request, tag)
        if isinstance(tag, Found):
            return self._ledger.enter(request, tag)
        return self._ledger.enter(request, Found(None, 0, ""))

    def _redirect(self, request: Request, work: Work) -> bool:
        """Enter the address that an answer leads to, in the transaction that ends the first; the same page goes on at once."""
        entry = work.lease.entry
        work.hops += 1
        if key_of(request.url, request.method) == key_of(entry.url, request.method):
            request.meta[WORK] = work
            self._ready.append(request)
            return True
        new = self._ledger.enter(request, Found(work, entry.depth, entry.referrer))
        if not new and _is_circle(request):
            self._ledger.settle(work, Outcome("failed", "redirect-loop", request.url))
        else:
            self._ledger.settle(work, Outcome("done", "redirected", request.url))
        return new

    def next_request(self) -> Request | None:
        """Return a leased request, None when there is none at the moment."""
        if len(self._ready) <= STORE // 2 and not self._empty:
            self._ledger.changed.set()
        return self._ready.popleft() if self._ready else None

    async def _pumped(self) -> None:
        try:
            await self._fill()
        except Exception as error:  # noqa: BLE001  # a frontier that is lost ends the run; it is raised again at its end
            self._session.give_up(error)

    async def _fill(self) -> None:
        """Keep the store full for as long as the crawl runs."""
        desk, changed = self._session.desk, self._ledger.changed
        while not self._over:
            changed.clear()
            wanted = STORE - len(self._ready)
            leases = await desk.lease(wanted) if wanted > 0 else ()
            made = [request for lease in leases if (request := self._ledger.begin(lease)) is not None]
            if made:
                self._ready.extend(made)
                self._rouse()
            elif wanted <= 0:
                await changed.wait()
            else:
                await self._rest()

    async def _rest(self) -> None:
        """Wait until leasing again makes sense; tell Scrapy when nothing is left anywhere."""
        changed = self._ledger.changed
        rest = await self._session.desk.rest()
        if rest is None and not self._ready and not self._ledger.under_way:
            await self._session.desk.flush()
            rest = await self._session.desk.rest()
            if rest is None and not changed.is_set():
                self._empty = True
                self._rouse()
                await changed.wait()
                return
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), min(LONGEST_NAP, LONGEST_NAP if rest is None else rest))

    def _rouse(self) -> None:
        """Have Scrapy ask for the next request now, not at its next heartbeat."""
        engine = self._crawler.engine
        if engine is not None:
            engine.crawl(self._wake)


def _is_circle(request: Request) -> bool:
    """Say whether a redirect leads back to an address that it came through."""
    key = key_of(request.url, request.method)
    return any(key_of(url, request.method) == key for url in request.meta.get("redirect_urls") or ())
