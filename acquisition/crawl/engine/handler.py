"""Where Scrapy's requests meet the visitor: the download handler for http and https. Scrapy opens no socket of its own."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, Literal, cast

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.http import Headers, Response, TextResponse
from scrapy.responsetypes import responsetypes

from acquisition.crawl.contract import Answer, Ask, Failed, Refused
from acquisition.crawl.discover.charset import decide
from acquisition.crawl.engine.crawler import session_of
from acquisition.crawl.engine.ledger import work_of
from acquisition.crawl.engine.page import KnowingPage
from acquisition.crawl.engine.requests import EMBEDDED, sent_headers
from acquisition.crawl.session import Session
from acquisition.crawl.visit.decoding import decoded
from acquisition.errors import AcquisitionError

ARCHIVED: Final = "archived"
"""Flag of a response that the archive answered."""
UNCHANGED: Final = "unchanged"
"""Flag of a response whose content is what an earlier run of the source has archived."""
MANY: Final = 1_000
"""The tries of a request that is not in the frontier and so cannot be tried again: its answer counts as it is."""
_HTML: Final = frozenset({b"text/html", b"application/xhtml+xml"})
_UNTOLD: Final = frozenset({b"application/octet-stream", b"binary/octet-stream", b"application/unknown", b"unknown/unknown"})
_METHODS: Final = frozenset({"GET", "HEAD"})
_CONTENT: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class Denied(IgnoreRequest):  # type: ignore[misc, unused-ignore]  # Scrapy's exceptions are untyped in some releases
    """A rule or a limit says no; `cause` says which."""

    def __init__(self, cause: Refused) -> None:
        super().__init__(str(cause))
        self.cause = cause


_KINDS: Final[dict[str, type[Exception]]] = {
    "connect": DownloadConnectionRefusedError,
    "content-encoding": DownloadCancelledError,
    "dns": CannotResolveHostError,
    "headers": DownloadCancelledError,
    "slow": DownloadTimeoutError,
    "timeout": DownloadTimeoutError,
    "too-large": DownloadCancelledError,
}


def as_scrapy(failed: Failed) -> Exception:
    """Return a failure as the exception that errbacks of Scrapy spiders know; its `cause` is the failure."""
    error = _KINDS.get(failed.reason, DownloadFailedError)(str(failed))
    error.cause = failed  # type: ignore[attr-defined]  # carried through Scrapy to the errback
    return error


class VisitHandler(BaseDownloadHandler):
    """Answers every request through the visitor, so nothing that a spider does can go around it."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._session: Session = session_of(crawler)
        self._max_bytes = self._session.job.settings.max_response

    async def download_request(self, request: Request) -> Response:
        """Return the answer as a Scrapy response, decoded; Denied or one of Scrapy's download errors when there is none."""
        try:
            work = work_of(request)
            answer = await self._session.visitor.visit(_ask(request), tries=work.lease.tries + 1 if work is not None else MANY)
            if work is not None:
                work.answer = answer
            body = decoded(answer.wire, self._max_bytes, url=request.url)
        except Refused as refused:
            raise Denied(refused) from None
        except AcquisitionError as error:  # a full disk, a damaged archive, a lost frontier: no matter of this page
            self._session.give_up(error)
            raise
        except Failed as failed:
            raise as_scrapy(failed) from None
        response = _response(request, answer, body)
        if isinstance(response, KnowingPage) and (ledger := self._session.ledger) is not None:
            response.known = ledger.seen
            response.unreadable = partial(self._session.tally.note, "link-unreadable", request.url)
        return response


def _ask(request: Request) -> Ask:
    """Return what is sent of a request: no cookies, credentials or referrer, whatever the spider wrote into it."""
    if request.method not in _METHODS:
        raise Refused("method", request.url, f"{request.method} may change something at the server")
    if request.body:
        raise Refused("body", request.url, "a request with a body may change something at the server")
    work = work_of(request)
    return Ask(
        request.url,
        cast("Literal['GET', 'HEAD']", request.method),
        sent_headers(request),
        work.lease.entry.referrer if work is not None else "",
        "media" if request.meta.get(EMBEDDED) else "page",
        lastmod=str(request.meta.get("lastmod") or ""),
    )


def _response(request: Request, answer: Answer, body: bytes) -> Response:
    """Return the answer with the headers that are true of the decoded body."""
    lines: dict[str, list[str]] = {}
    for name, value in answer.wire.headers:
        if name.lower() not in _CONTENT:
            lines.setdefault(name, []).append(value)
    headers = Headers(lines, encoding="latin-1")
    made = _class_of(headers, request.url, body)
    flags = [flag for flag, is_so in ((ARCHIVED, answer.replayed), (UNCHANGED, answer.unchanged)) if is_so]
    known: dict[str, Any] = {"url": request.url, "headers": headers, "body": body, "flags": flags, "request": request}
    if issubclass(made, TextResponse):  # one decision for the spider, the record and the text that is taken at staging
        known["encoding"] = decide(body, (headers.get("Content-Type") or b"").decode("latin-1")).used
    return made(status=answer.wire.status, **known)


def _class_of(headers: Headers, url: str, body: bytes) -> type[Response]:
    """Return Scrapy's class for an answer.

    What is declared to be no text is none: Scrapy's look at the bytes would call a small picture text.
    """
    kind = (headers.get("Content-Type") or b"").partition(b";")[0].strip().lower()
    if kind in _HTML:
        return KnowingPage
    if kind and kind not in _UNTOLD:
        return responsetypes.from_headers(headers)
    return responsetypes.from_args(headers=headers, url=url, body=body)
