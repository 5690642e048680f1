"""The outermost gate: what a spider may ask for at all, and what leaves with the request."""

from __future__ import annotations

from typing import Final

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware
from scrapy.http import Response
from scrapy.utils.httpobj import urlparse_cached

from acquisition.crawl.session import PERMISSION, PLACE, REFERRER, ROBOTS, Session, is_robots_fetch, session_of
from acquisition.errors import AddressRefused

ACCEPTED_ENCODINGS: Final = "gzip, deflate"
"""One layer of what every WARC reader can undo; a server that sends anything else is not read."""

_METHODS: Final = frozenset({"GET", "HEAD"})
_META_NEVER: Final = (
    "bindaddress",
    "cookiejar",
    "dont_obey_robotstxt",
    "download_fail_on_dataloss",
    "download_maxsize",
    "download_timeout",
    "download_warnsize",
    "max_retry_times",
    "proxy",
    "redirect_ttl",
    "_auth_proxy",
    "_scheme_proxy",
)
_HEADERS_NEVER: Final = (
    "Authorization",
    "Cookie",
    "Forwarded",
    "Host",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "X-Forwarded-For",
    "X-Forwarded-Host",
)
_SPIDER_NEVER: Final = (
    "download_delay",
    "download_maxsize",
    "download_timeout",
    "download_warnsize",
    "max_concurrent_requests",
    "user_agent",
)
"""Attributes that Scrapy 2.19 still reads from a spider (deprecated) and that would change what the job says."""

RESERVED_ARGUMENTS: Final = frozenset({*_SPIDER_NEVER, "crawler", "custom_settings", "settings"})


def strip_spider(spider: object) -> list[str]:
    """Take away the attributes of a spider (or its class) that would weaken the job; return the names that were there."""
    found = [name for name in _SPIDER_NEVER if hasattr(spider, name)]
    for owner in (spider, *(spider if isinstance(spider, type) else type(spider)).__mro__):
        for name in _SPIDER_NEVER:
            if name in vars(owner):
                delattr(owner, name)
    return found


class CountedOffsite(OffsiteMiddleware):
    """Scrapy's filter for `allowed_domains` (50), which drops requests in silence; here they are counted."""

    def should_follow(self, request: Request, spider: Spider) -> bool:
        """Say whether the spider's own allowed_domains let the request through."""
        follow: bool = super().should_follow(request, spider)
        if not follow:
            session_of(self.crawler).tally.refuse("offsite", request.url)
        return follow


class ScopeGuard:
    """A downloader middleware (20): http and https, GET and HEAD, allowed addresses, nothing sensitive in the headers.

    It overwrites rather than trusts: the keys of `meta` that would switch off robots.txt, use a proxy or lift a limit are
    removed from every request, redirected ones included, and the download slot is always the host.
    """

    def __init__(self, session: Session, crawler: Crawler) -> None:
        self._session = session
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ScopeGuard:
        """Make the gate for a crawl."""
        return cls(session_of(crawler), crawler)

    def process_request(self, request: Request) -> None:
        """Clean the request, or raise Refusal."""
        if request.method not in _METHODS:
            raise self._session.refuse("method", request.url, f"{request.method} may change something at the server")
        try:
            self._session.guard.check_url(request.url)
        except AddressRefused as error:
            raise self._session.refuse("address", request.url, error.message) from None
        strip_spider(self._crawler.spider)
        self._clean(request)

    def _clean(self, request: Request) -> None:
        ours = is_robots_fetch(request.meta)
        for key in (*_META_NEVER, PLACE, PERMISSION, *(() if ours else (ROBOTS,))):
            request.meta.pop(key, None)
        request.meta["download_slot"] = urlparse_cached(request).hostname or ""
        for name in _HEADERS_NEVER:
            request.headers.pop(name, None)
        request.headers["User-Agent"] = self._session.job.user_agent
        request.headers["From"] = self._session.job.email
        request.headers["Accept-Encoding"] = ACCEPTED_ENCODINGS

    def process_response(self, request: Request, response: Response) -> Response:
        """Count what the server refused, and redirects that lead nowhere, after redirects and retries."""
        if response.status >= 300 and not is_robots_fetch(request.meta):
            self._session.tally.fail(f"http-{response.status}", request.url, str(request.meta.get(REFERRER, "")))
        return response
