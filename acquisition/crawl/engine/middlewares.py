"""The downloader middlewares of a crawl. What may be asked, how often and how much is not decided here but by the visitor."""

from __future__ import annotations

from typing import Final

from scrapy import Request, Spider
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware
from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware, RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from acquisition.crawl.contract import Outcome, Refused
from acquisition.crawl.engine.crawler import session_of
from acquisition.crawl.engine.handler import Denied
from acquisition.crawl.engine.keys import key_of
from acquisition.crawl.engine.ledger import Found, work_of
from acquisition.crawl.engine.requests import NEVER_KEPT, WORK

LOOKED_AT: Final = 16_384
"""Bytes in which Scrapy looks for a tag that leads elsewhere (4,096 characters)."""


class Offsite(OffsiteMiddleware):
    """Scrapy's filter for `allowed_domains`, which drops requests in silence; here each is written down."""

    def request_scheduled(self, request: Request, spider: Spider) -> None:  # noqa: ARG002  # Scrapy's signal
        """Let a request be scheduled, or write it down as refused and keep it from being scheduled."""
        try:
            self.process_request(request)
        except IgnoreRequest:
            self._write_down(request)
            raise

    def _write_down(self, request: Request) -> None:
        ledger = session_of(self.crawler).ledger
        assert ledger is not None  # made with the spider middlewares
        tag = request.meta.get(WORK)
        if (work := work_of(request)) is not None:
            ledger.settle(work, Outcome("refused", "offsite", f"redirected to {request.url}"[:500]))
        else:
            ledger.refuse(Refused("offsite", request.url), tag if isinstance(tag, Found) else Found(None, 0, ""))


class Clean:
    """Takes what is not the spider's to decide out of a request's meta: proxies, cookies, limits, robots.txt."""

    def process_request(self, request: Request) -> None:
        """Clean the request; every one passes here, those of `engine.download_async` included."""
        if len(request.meta) > 2:
            for key in NEVER_KEPT - {WORK}:
                request.meta.pop(key, None)
        request.meta["download_slot"] = ""  # one for all: the visitor's clocks know the hosts


class _NoReferer:
    """Redirects send no Referer, so nobody who sets one is needed."""

    def handle_referer(self, request: Request, response: Response) -> None:  # noqa: ARG002  # Scrapy's interface
        """Send none."""
        request.headers.pop("Referer", None)

    def _engine_started(self) -> None:
        """Do without Scrapy's warning that nobody sets a Referer."""


class Redirects(_NoReferer, RedirectMiddleware):
    """Scrapy's redirects by status; a circle is a refusal with a name."""

    def process_response(self, request: Request, response: Response, spider: Spider | None = None) -> Request | Response:  # noqa: ARG002  # Scrapy's interface
        """Return the request that a redirect leads to, or the response."""
        if not 300 <= response.status < 400:
            return response
        try:
            found: Request | Response = super().process_response(request, response)
        except IgnoreRequest as error:
            raise Denied(Refused("redirects", request.url, str(error))) from None
        return found


class Refreshes(_NoReferer, MetaRefreshMiddleware):
    """Scrapy's redirects by `<meta http-equiv=refresh>`; a page that only reloads itself is taken as it is."""

    def process_response(self, request: Request, response: Response, spider: Spider | None = None) -> Request | Response:  # noqa: ARG002  # Scrapy's interface
        """Return the request that the page leads to, or the response."""
        if b"refresh" not in response.body[:LOOKED_AT].lower():
            return response
        try:
            found: Request | Response = super().process_response(request, response)
        except IgnoreRequest as error:
            raise Denied(Refused("redirects", request.url, str(error))) from None
        return response if isinstance(found, Request) and key_of(found.url) == key_of(request.url) else found
