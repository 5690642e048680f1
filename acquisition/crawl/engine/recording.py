"""Writes down what a spider yields, when all pipelines have passed it, and lets the page end."""

from __future__ import annotations

from typing import Any, Literal

from itemadapter.adapter import ItemAdapter
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response, TextResponse

from acquisition.crawl.archive import Page, Rights, record_of
from acquisition.crawl.discover.charset import decide
from acquisition.crawl.engine.crawler import session_of
from acquisition.crawl.engine.ledger import Work, work_of
from acquisition.crawl.engine.requests import SHOWN_ON
from acquisition.crawl.session import Session
from acquisition.crawl.spider import Sample
from acquisition.errors import AcquisitionError


class Recorder:
    """A Scrapy extension: item signals in, lines of the run's item lists out."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._session: Session = session_of(crawler)
        self._full = False
        crawler.signals.connect(self._scraped, signals.item_scraped)
        crawler.signals.connect(self._dropped, signals.item_dropped)
        crawler.signals.connect(self._failed, signals.item_error)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Recorder:
        """Make the recorder of a crawl."""
        return cls(crawler)

    async def _scraped(self, item: Any, response: Any) -> None:
        work = work_of(getattr(response, "request", None))
        try:
            if work is None or work.answer is None or not isinstance(response, Response):
                self._session.tally.note("item-without-page", "", "an item must be yielded from the callback of a response")
            else:
                await self._record(item, response, work)
        except AcquisitionError as error:
            self._session.give_up(error)
            return
        except Exception as error:
            self._session.tally.note("item-error", getattr(response, "url", ""), repr(error), what="failed")
            self._close_item(work)
            raise
        self._close_item(work)

    async def _record(self, item: Any, response: Response, work: Work) -> None:
        session, limit = self._session, self._session.job.limits.items
        if limit is not None and session.items.count >= limit:
            session.tally.note("item-limit", response.url)
            if not self._full:
                self._full = True
                session.halt("item-limit")
            return
        try:
            fields, sample = _fields(item)
            record = record_of(fields, _page(response, work), await self._rights(response, work), sample=sample)
        except (TypeError, ValueError) as error:  # NotPlain is one; halves of surrogate pairs and giant numbers are others
            session.tally.note("item-unreadable", response.url, str(error))
            return
        session.items.add(record, work.lease.entry.key)

    async def _rights(self, response: Response, work: Work) -> Rights:
        assert work.answer is not None  # the page has come
        if work.reading is None:
            shown_on = response.meta.get(SHOWN_ON) or ()
            work.reading = await self._session.reading(work.answer, response.body, shown_on)
        reading = work.reading
        return Rights(reading.records(), reading.verdicts(), work.answer.decision.get("robots") or {})

    def _dropped(self, response: Any, exception: Exception) -> None:
        self._session.tally.note("item-dropped", getattr(response, "url", ""), str(exception))
        self._close_item(work_of(getattr(response, "request", None)))

    def _failed(self, response: Any, failure: Any) -> None:
        detail = f"{type(failure.value).__name__}: {failure.value}"
        self._session.tally.note("item-error", getattr(response, "url", ""), detail, what="failed")
        self._close_item(work_of(getattr(response, "request", None)))

    def _close_item(self, work: Work | None) -> None:
        if work is not None and self._session.ledger is not None:
            self._session.ledger.close_output(work)


def _fields(item: Any) -> tuple[dict[str, Any], Literal["", "page"]]:
    """Return what an item holds, and whether the page itself is the sample."""
    fields = ItemAdapter(item).asdict()
    if not isinstance(item, Sample):
        return fields, ""
    return fields, "page" if fields.pop("extract", None) else ""


def _page(response: Response, work: Work) -> Page:
    assert work.answer is not None  # the page has come
    meta = response.meta
    passed = list(zip(meta.get("redirect_urls", ()), meta.get("redirect_reasons", ()), strict=False))
    seed = meta.get("seed")
    content_type = response.headers.get("Content-Type") or b""
    return Page(
        url=passed[0][0] if passed else response.url,
        final_url=response.url,
        referrer=work.lease.entry.referrer,
        media_type=content_type.decode("latin-1").partition(";")[0].strip().lower(),
        body=response.body,
        place=work.answer.place,
        redirects=[(url, reason if isinstance(reason, int) else 200) for url, reason in passed],
        reason=str(seed.get("reason", "")) if isinstance(seed, dict) else "",
        charset=charset_of(response),
    )


def charset_of(response: Response) -> tuple[str, str]:
    """Return the charset that server or page declares and the one that the text was read in; "" where there is none."""
    if not isinstance(response, TextResponse):
        return "", ""
    content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
    return decide(response.body, content_type).declared, str(response.encoding).lower()
