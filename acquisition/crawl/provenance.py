"""Between spider and engine: where every request and every item comes from, and how deep it lies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from itemadapter.adapter import ItemAdapter
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.spidermiddlewares.base import BaseSpiderMiddleware
from scrapy.utils.httpobj import urlparse_cached
from twisted.python.failure import Failure

from acquisition.crawl.archive import Page, record_of
from acquisition.crawl.session import PLACE, REFERRER, Refusal, Session, session_of

EMBEDDED: Final = "embedded"
"""meta key by which a spider says that a request is part of the page (an image, a sound), not a link to follow."""


class Provenance(BaseSpiderMiddleware):
    """A spider middleware (950, next to the spider), which also writes the items down when all pipelines are through.

    Depth counts links from a start page. A part of a page (meta `embedded`) may lie one deeper.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._session: Session = session_of(crawler)
        self._closing: asyncio.Future[None] | None = None
        crawler.signals.connect(self._item_scraped, signals.item_scraped)
        crawler.signals.connect(self._item_dropped, signals.item_dropped)
        crawler.signals.connect(self._spider_error, signals.spider_error)

    def get_processed_request(self, request: Request, response: Response | None) -> Request | None:
        """Give a request its depth and referrer, or drop it (counted) when it lies too deep."""
        limit = self._session.job.limits.depth
        depth = 0 if response is None else int(response.meta.get("depth", 0)) + 1
        if limit is not None and depth > limit + bool(request.meta.get(EMBEDDED)):
            self._session.tally.refuse("depth-limit", request.url)
            return None
        request.meta.pop("depth_reset", None)
        request.meta["depth"] = depth
        request.meta["download_slot"] = urlparse_cached(request).hostname or ""
        request.meta[REFERRER] = "" if response is None else response.url
        request.priority -= depth
        request.errback = self._watched(request.errback)
        return request

    def _watched(self, errback: Callable[[Failure], Any] | None) -> Callable[[Failure], Any]:
        """Return an errback that counts the failure and then does what the spider's own would."""

        def fail(failure: Failure) -> Any:
            self._failed(failure)
            return failure if errback is None else errback(failure)

        return fail

    def _failed(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy puts it there
        error = failure.value
        host = urlparse_cached(request).hostname or ""
        if isinstance(error, Refusal) or getattr(error, "response", None) is not None:
            return  # counted where it happened: by a gate, or by its status
        if host in self._session.unreachable:
            self._session.tally.refuse("address", request.url, f"{host} {self._session.unreachable[host]}")
        elif isinstance(error, IgnoreRequest):
            self._session.tally.refuse("ignored", request.url, str(error))
        else:
            self._session.tally.fail(_kebab(type(error).__name__), request.url, str(error))

    def _item_scraped(self, item: Any, response: Response | None) -> None:
        tally, limit = self._session.tally, self._session.job.limits.items
        place = response.meta.get(PLACE) if response is not None else None
        if response is None or place is None:
            tally.refuse("item-without-page", "", "an item must be yielded from the callback of a response")
            return
        if limit is not None and self._session.items.count >= limit:
            tally.refuse("item-limit", response.url)
            self._close("item-limit")
            return
        try:
            record = record_of(ItemAdapter(item).asdict(), _page(response, place))
        except (TypeError, ValueError) as error:  # NotPlain is one; halves of surrogate pairs and giant numbers are others
            tally.refuse("item-unreadable", response.url, str(error))
            return
        if not self._session.items.add(record):
            return
        tally.items = self._session.items.count

    def _close(self, reason: str) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=reason))

    def _item_dropped(self, response: Response | None, exception: Exception) -> None:
        self._session.tally.refuse("item-dropped", response.url if response is not None else "", str(exception))

    def _spider_error(self, failure: Failure, response: Response | None, spider: Spider) -> None:
        url = response.url if response is not None else ""
        detail = f"{spider.name}: {type(failure.value).__name__}: {failure.value}"
        self._session.tally.fail("spider-error", url, detail)


def _page(response: Response, place: Any) -> Page:
    asked = response.meta.get("redirect_urls") or [response.url]
    content_type = response.headers.get("Content-Type", b"") or b""
    return Page(
        url=asked[0],
        final_url=response.url,
        referrer=response.meta.get(REFERRER, ""),
        media_type=content_type.decode("latin-1").partition(";")[0].strip().lower(),
        body=response.body,
        place=place,
    )


def _kebab(name: str) -> str:
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return words.strip("-").removesuffix("-error")
