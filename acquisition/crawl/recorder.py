"""The innermost part of the download: every response is archived as it came, and an archived one is not fetched again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.utils.httpobj import urlparse_cached

from acquisition.crawl.archive import Exchange, Place
from acquisition.crawl.gate import LIFETIME
from acquisition.crawl.session import PERMISSION, PLACE, REFERRER, Refusal, Session, is_robots_fetch, session_of
from acquisition.errors import WorkspaceDamaged

ARCHIVED: Final = "archived"
_READABLE: Final = frozenset({"gzip", "deflate"})
"""Spelled like this; warcio undoes no other spelling."""
_BREAKS: Final = re.compile(r"[\r\n\x00]+")
_NOT_KEPT: Final = frozenset({"transfer-encoding", "connection", "keep-alive"})
"""Twisted has undone the chunks, so the header that announces them would be untrue of the archived body."""


class Recorder:
    """A downloader middleware (899): before redirects and decompression, after everything that may refuse.

    A resumed run asks the archive first: what an earlier attempt brought is answered from there, without a visit, and the
    spider runs over it again. robots.txt is answered from there for 24 hours.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._session: Session = session_of(crawler)
        self._taken = self._session.archive.pages

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Recorder:
        """Make the recorder of a crawl."""
        return cls(crawler)

    def process_request(self, request: Request) -> Response | None:
        """Answer from the archive, or let the request go on when the budgets allow it."""
        place = self._session.archive.find(request.url) if request.method == "GET" else None
        if place is not None and (not is_robots_fetch(request.meta) or _age(place) < LIFETIME):
            try:
                return self._replay(request, place)
            except WorkspaceDamaged as error:
                self._session.tally.fail("archive-damaged", request.url, error.message)
        if not is_robots_fetch(request.meta):
            self._spend(request)
        return None

    def process_response(self, request: Request, response: Response) -> Response:
        """Archive the response; raise Refusal when it came from where nothing may come from, or cannot be read back."""
        if ARCHIVED in response.flags:
            return response
        host = urlparse_cached(request).hostname or ""
        if response.ip_address is not None and (reason := self._session.guard.refusal(host, str(response.ip_address))):
            raise self._session.refuse("address", request.url, reason)
        request.meta[PLACE] = self._session.archive.write(_exchange(request, response))
        self._session.tally.pages = self._session.archive.pages
        self._session.tally.bytes = self._session.archive.bytes
        codings = [coding for coding in _codings(response.headers) if coding != "identity"]
        if len(codings) > 1 or not _READABLE.issuperset(codings):
            self._session.tally.fail("content-encoding", request.url, ", ".join(codings))
            raise Refusal("the body is encoded in a way that no archive reader undoes")
        return response

    def _replay(self, request: Request, place: Place) -> Response:
        pairs, body = self._session.archive.read(place)
        headers = Headers()
        for name, value in pairs:
            headers.appendlist(name, value)
        request.meta[PLACE] = place
        made = responsetypes.from_args(headers=headers, url=request.url, body=body)
        return made(url=request.url, status=place.status, headers=headers, body=body, flags=[ARCHIVED], request=request)

    def _spend(self, request: Request) -> None:
        limits = self._session.job.limits
        if limits.pages is not None and self._taken >= limits.pages:
            raise self._session.refuse("page-limit", request.url)
        if limits.bytes is not None and self._session.archive.bytes >= limits.bytes:
            raise self._session.refuse("byte-limit", request.url)
        self._taken += 1


def _age(place: Place) -> float:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(place.date)) / timedelta(seconds=1)
    except ValueError:
        return LIFETIME


def _codings(headers: Headers) -> list[str]:
    lines = (line.decode("latin-1") for line in headers.getlist("Content-Encoding"))
    return [coding.strip() for line in lines for coding in line.split(",") if coding.strip()]


def _exchange(request: Request, response: Response) -> Exchange:
    permission = request.meta.get(PERMISSION) or {}
    decision: dict[str, Any] = dict(permission) | {"referrer": request.meta.get(REFERRER, "")}
    if is_robots_fetch(request.meta):
        decision["robots_txt"] = True
    return Exchange(
        url=request.url,
        method=request.method,
        request_headers=[("Host", urlparse_cached(request).netloc), *_pairs(request.headers)],
        status=response.status,
        reason=_reason(response.status),
        headers=[pair for pair in _pairs(response.headers) if pair[0].lower() not in _NOT_KEPT],
        body=response.body,
        ip_address=str(response.ip_address or ""),
        protocol=response.protocol or "HTTP/1.1",
        decision=decision,
    )


def _pairs(headers: Headers) -> list[tuple[str, str]]:
    """Return names and values, each on one line: a line break in a spider's own header would forge lines of the archive."""
    return [(_one_line(name), _one_line(value)) for name, values in headers.items() for value in values]


def _one_line(raw: bytes) -> str:
    return _BREAKS.sub(" ", raw.decode("latin-1"))


def _reason(status: int) -> str:
    """Return the standard phrase: the server's own is lost before Scrapy sees the response."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
