"""The robots gate: no request passes that no rule has allowed, and no rule means no.

Scrapy's own middleware lets everything through when robots.txt answers 5xx, times out or is cut off (crawl.md section 1.6,
measured on 2.19). Here only an answer opens the gate: 2xx is parsed, a 4xx other than 429 means that there are no rules
(RFC 9309 section 2.3.1.3), and everything else closes the host (2.3.1.4).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from acquisition.crawl import robots
from acquisition.crawl.session import PERMISSION, PRODUCT_TOKEN, ROBOTS, ROBOTS_FETCH, Session, is_robots_fetch, session_of

LIFETIME: Final = 86_400.0
"""Seconds; RFC 9309 section 2.4: a copy should not be used for longer than 24 hours."""
LONGEST_DELAY: Final = 300.0
"""A host that asks for more seconds than this between two requests is not visited at all (Heritrix waits as long)."""
_PRIORITY: Final = 1000


@dataclass(frozen=True, slots=True)
class Permission:
    """What one origin's robots.txt says, or why nothing may be fetched there. `rules` is None for "everything"."""

    url: str
    status: int
    sha256: str
    fetched: float
    rules: robots.Rules | None = None
    closed: str = ""

    @property
    def delay(self) -> float:
        """Seconds between two requests that the file asks for."""
        return self.rules.delay if self.rules else 0.0

    def decision(self) -> dict[str, Any]:
        """Return what the archive keeps of it."""
        return {"robots": self.url, "status": self.status, "sha256": self.sha256, "verdict": "allowed", "delay": self.delay}


class RobotsGate:
    """A downloader middleware (100) in the place of Scrapy's RobotsTxtMiddleware; rules are kept per scheme, host and port."""

    def __init__(self, crawler: Crawler, clock: Callable[[], float] = time.monotonic) -> None:
        self._crawler = crawler
        self._session: Session = session_of(crawler)
        self._clock = clock
        self._origins: dict[str, asyncio.Task[Permission]] = {}
        self._delays: dict[str, float] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RobotsGate:
        """Make the gate for a crawl."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Raise Refusal unless the rules of the URL's origin allow it."""
        if is_robots_fetch(request.meta):
            return
        permission = await self._permission(request.url)
        if permission.closed:
            raise self._session.refuse("robots-unreachable", request.url, permission.closed)
        if permission.delay > LONGEST_DELAY:
            raise self._session.refuse("crawl-delay", request.url, f"{permission.delay:g} s between two requests")
        if permission.rules is not None and not permission.rules.allow(request.url):
            raise self._session.refuse("robots", request.url, permission.url)
        request.meta[PERMISSION] = permission.decision()

    async def _permission(self, url: str) -> Permission:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        task = self._origins.get(origin)
        if task is None or (task.done() and self._clock() - task.result().fetched > LIFETIME):
            task = self._origins[origin] = asyncio.ensure_future(self._ask(origin))
        permission = await asyncio.shield(task)
        self._pace(parts.hostname or "", permission.delay)
        return permission

    async def _ask(self, origin: str) -> Permission:
        url = f"{origin}/robots.txt"
        meta = {ROBOTS: ROBOTS_FETCH, "allow_offsite": True}
        request = Request(url, priority=_PRIORITY, meta=meta, callback=NO_CALLBACK, dont_filter=True)
        try:
            response = await self._crawler.engine.download_async(request)
        except Exception as error:  # noqa: BLE001  # whatever goes wrong on the way to robots.txt closes the host
            return Permission(url, 0, "", self._clock(), closed=f"{type(error).__name__}: {error}"[:300])
        return self._judge(url, response)

    def _judge(self, url: str, response: Response) -> Permission:
        sha256 = hashlib.sha256(response.body).hexdigest()
        if 200 <= response.status < 300:
            rules = robots.parse(response.body, PRODUCT_TOKEN)
            return Permission(url, response.status, sha256, self._clock(), rules)
        if 400 <= response.status < 500 and response.status != 429:
            return Permission(url, response.status, sha256, self._clock())
        return Permission(url, response.status, sha256, self._clock(), closed=f"robots.txt answered {response.status}")

    def _pace(self, host: str, delay: float) -> None:
        """Slow a host's download slot down to what robots.txt asks; two origins of one host share the longer delay.

        Idle slots are dropped by Scrapy after a minute and rebuilt from `per_slot_settings`, so it is written there too.
        """
        wanted = max(delay, self._crawler.settings.getfloat("DOWNLOAD_DELAY"))
        if wanted <= self._delays.get(host, 0.0):
            return
        self._delays[host] = wanted
        downloader = self._crawler.engine.downloader
        downloader.per_slot_settings[host] = {"concurrency": 1, "delay": wanted, "jitter": 0.0}
        if host in downloader.slots:
            downloader.slots[host].delay = wanted
