"""Between spider and engine: what a page leads to is entered, what it holds is let through, and when all is said it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.utils.asyncgen import as_async_generator
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.spider import iterate_spider_output
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acquisition.crawl.contract import Failed, Outcome, Refused
from acquisition.crawl.engine.crawler import session_of
from acquisition.crawl.engine.ledger import Errback, Found, Ledger, Work, is_plain, outcome_of, work_of
from acquisition.crawl.engine.requests import EMBEDDED, SHOWN_ON, WORK
from acquisition.crawl.session import STOPPED, Session
from acquisition.crawl.visit.signals import signals_of
from acquisition.rights.signals import carried

LONGEST_URL: Final = 2_083
_STALE: Final = (
    "redirect_urls",
    "redirect_times",
    "redirect_ttl",
    "redirect_reasons",
    "is_start_request",
    "depth_reset",
    SHOWN_ON,
)
"""Keys that spiders pass on when they copy a response's meta, and that are untrue of the next request."""


class Output:
    """The spider middleware nearest to the engine; besides it only Scrapy's judge of statuses is on.

    Links are taken out of the stream and entered here, so that all of them are in the frontier when the page ends, and a link
    seen before costs one look into a table.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._session: Session = session_of(crawler)
        self._depth = self._session.job.limits.depth
        assert crawler.spider is not None  # it is made before the engine
        self._ledger = self._session.ledger = Ledger(self._session, crawler.spider, self.errback)
        crawler.signals.connect(self._spider_error, signals.spider_error)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Output:
        """Make the middleware of a crawl."""
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Mark what a spider starts with; depth counts from here."""
        async for found in start:
            if isinstance(found, Request):
                found.meta.setdefault("is_start_request", True)
                if (seed := self._session.seeds.get(found.url)) is not None:
                    found.meta.setdefault("seed", {"reason": seed.reason, "fields": dict(seed.fields)})
                found.meta[WORK] = Found(None, 0, "")
            yield found

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Enter the links, let the items through, and end the page when the spider has said everything about it."""
        work = work_of(response.request)
        follow = self._follower(response, work)
        try:
            async for found in result:
                if isinstance(found, Request):
                    follow(found)
                elif found is not None:
                    if work is not None:
                        work.open += 1
                    yield found
        except Exception as error:
            if work is not None:
                work.outcome = None if isinstance(error, CloseSpider) else self._spoilt(error)
                self._ledger.close_output(work)
            raise
        if work is not None:
            self._ledger.close_output(work)

    # --- links

    def _follower(self, response: Response, work: Work | None) -> Callable[[Request], None]:
        """Return what is done with each request of a page."""
        ledger = self._ledger
        depth = int(response.meta.get("depth", 0)) + 1
        found = Found(work, depth, response.url)
        seen, engine = ledger.seen, self._crawler.engine
        answer = work.answer if work is not None else None
        closed = answer is not None and self._session.forbids_following(answer, response.body)
        assert engine is not None  # a page has come, so it runs

        def follow(request: Request) -> None:
            if request.url in seen and is_plain(request) and request.method == "GET":
                return
            if (refused := self._refusal(request, depth, closed)) is not None:
                ledger.refuse(refused, found)
                return
            for key in _STALE:
                request.meta.pop(key, None)
            if request.meta.get(EMBEDDED) and work is not None:
                self._show(request, response, work)
            request.meta[WORK] = found
            engine.crawl(request)

        return follow

    def _refusal(self, request: Request, depth: int, closed: bool) -> Refused | None:
        """Return why a request is not even entered, None when it is."""
        embedded = bool(request.meta.get(EMBEDDED))
        if self._depth is not None and depth > self._depth + embedded:
            return Refused("depth-limit", request.url)
        if len(request.url) > LONGEST_URL:
            return Refused("url-length", request.url[:LONGEST_URL], f"{len(request.url)} characters")
        if not embedded and closed:
            return Refused("nofollow", request.url, "the page says so")
        return None

    def _show(self, request: Request, response: Response, work: Work) -> None:
        """Give a media file what its page says of everything shown there."""
        if work.reading is None and work.answer is not None:
            work.reading = signals_of(work.answer, response.body, self._session.job.signals)
        if work.reading is not None and (said := carried(work.reading.signals)):
            request.meta[SHOWN_ON] = [one.record() for one in said]

    # --- failures

    def errback(self, work: Work, failure: Failure) -> Any:
        """Stand in for a request's errback: write the failure down, then do what the spider's own would."""
        own = work.errback
        error = failure.value
        if isinstance(error, HttpError):
            work.outcome = Outcome("failed", f"http-{error.response.status}")
            return failure if own is None else own(failure)
        cause = getattr(error, "cause", error)
        if self._session.broken is not None or (isinstance(cause, Failed) and cause.reason == STOPPED):
            return None  # it stays leased, and goes back to the frontier when that is closed
        work.outcome = outcome_of(cause, self._session.desk.now())
        if own is None or work.outcome.state == "retry":
            self._ledger.close_output(work)
            return None
        return self._answered(own, work, failure)

    async def _answered(self, own: Errback, work: Work, failure: Failure) -> AsyncIterator[Any]:
        """Yield the items that a spider's errback has; its requests are entered. Scrapy asks no middleware about these."""
        output = own(failure)
        if isinstance(output, Failure):
            self._ledger.close_output(work)
            return
        found = iterate_spider_output(output)
        if isinstance(found, Deferred):
            found = await maybe_deferred_to_future(found)
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy puts it there
        nothing = Response(request.url, request=request)
        async for item in self.process_spider_output(nothing, as_async_generator(found)):
            yield item

    def _spoilt(self, error: BaseException | None) -> Outcome:
        assert self._crawler.spider is not None  # it has just raised
        return Outcome("failed", "spider-error", f"{self._crawler.spider.name}: {type(error).__name__}: {error}"[:500])

    def _spider_error(self, failure: Failure, response: Any, spider: Spider) -> None:  # noqa: ARG002  # Scrapy's signal
        """End a page whose callback raised before it gave anything back; what raised later has been noted in the stream."""
        work = work_of(getattr(response, "request", None))
        if work is not None and not work.ended and (work.outcome is None or work.outcome.reason != "spider-error"):
            work.outcome = self._spoilt(failure.value)
            self._ledger.close_output(work)
