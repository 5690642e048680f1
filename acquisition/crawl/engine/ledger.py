"""What the engine knows of every request under way, and how it ends in the frontier.

A request that is leased becomes `Work` and travels in the request's meta. It ends when the spider has said everything about the
response and all its items have passed the pipelines: then its end and the links it led to are written in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from scrapy import Request, Spider
from scrapy.exceptions import IgnoreRequest, NotSupported
from twisted.python.failure import Failure

from acquisition.crawl.contract import Answer, Entry, Failed, Lease, Outcome, Refused
from acquisition.crawl.engine.keys import key_of
from acquisition.crawl.engine.requests import WORK, Unwritable, read, write
from acquisition.crawl.session import Session
from acquisition.crawl.visit.signals import Reading
from acquisition.hosts import registrable

SEEN_ADDRESSES: Final = 200_000
"""Addresses remembered as they were written, so that a link seen before costs one look into a table."""
REFUSED_ADDRESSES: Final = 50_000
_MEMORY_PATIENCE: Final = 2.0
_MEMORY_TRIES: Final = 30

Errback = Callable[[Failure], Any]


@dataclass(slots=True, eq=False)
class Work:
    """One leased request on its way. `open` counts what has not ended: the spider's output and the items under way."""

    lease: Lease
    open: int = 1
    hops: int = 0
    again: bool = False
    ended: bool = False
    errback: Errback | None = None
    outcome: Outcome | None = None
    answer: Answer | None = None
    reading: Reading | None = None


@dataclass(slots=True, eq=False)
class Found:
    """Marks a request that a page led to, on its way from the spider to the scheduler."""

    parent: Work | None
    depth: int
    referrer: str


class Addresses:
    """A bounded memory of addresses: says "certainly seen" or "perhaps not". It forgets the older half when it is full."""

    def __init__(self, limit: int = SEEN_ADDRESSES) -> None:
        self._half = max(1, limit // 2)
        self._newer: set[str] = set()
        self._older: set[str] = set()

    def __contains__(self, url: object) -> bool:
        return url in self._newer or url in self._older

    def add(self, url: str) -> None:
        """Remember an address."""
        self._newer.add(url)
        if len(self._newer) >= self._half:
            self._older, self._newer = self._newer, set()


@dataclass(frozen=True, slots=True)
class _Watched:
    """The errback of every leased request; the spider's own is kept with the work."""

    failed: Callable[[Work, Failure], Any]
    work: Work

    def __call__(self, failure: Failure) -> Any:
        return self.failed(self.work, failure)


class Ledger:
    """Enters what is found, begins what is leased, ends what is finished."""

    def __init__(self, session: Session, spider: Spider, failed: Callable[[Work, Failure], Any]) -> None:
        self._session = session
        self._spider = spider
        self._failed = failed
        self._memory: dict[bytes, Request] = {}
        self.seen, self._refused = Addresses(), Addresses(REFUSED_ADDRESSES)
        self.under_way: set[Work] = set()
        self.changed = asyncio.Event()
        """Set whenever the frontier has changed through this process."""

    # --- entering

    def enter(self, request: Request, found: Found) -> bool:
        """Enter a request unless its page is known, and say whether it may be new."""
        if isinstance(request.errback, _Watched):
            request.errback = request.errback.work.errback
        plain = is_plain(request)
        key = key_of(request.url, request.method, "" if plain else _way(request))
        if plain:
            self.seen.add(request.url)
        if self._session.desk.known(key):
            return False
        entry = Entry(
            key=key,
            url=request.url,
            host=registrable(request.url),
            request=self._written(key, request, found.parent),
            priority=request.priority - found.depth,
            depth=found.depth,
            referrer=found.referrer,
        )
        self._session.desk.enter((entry,), parent=found.parent.lease if found.parent else None)
        self.changed.set()
        return True

    def refuse(self, refused: Refused, found: Found) -> None:
        """Write down an address that is not even entered; it stays free to be entered from elsewhere."""
        key = key_of(refused.url)
        if refused.url in self._refused or self._session.desk.known(key):
            return
        self._refused.add(refused.url)
        entry = Entry(
            key=key,
            url=refused.url,
            host=registrable(refused.url),
            depth=found.depth,
            referrer=found.referrer,
            refused=refused.reason,
            detail=refused.detail[:500],
        )
        self._session.tally.refuse(refused.reason)
        self._session.desk.enter((entry,), parent=found.parent.lease if found.parent else None)

    def _written(self, key: bytes, request: Request, parent: Work | None) -> str:
        try:
            return write(request, self._spider)
        except Unwritable:
            self._memory[key] = request
            if parent is not None:
                parent.again = True
            return ""

    # --- beginning

    def begin(self, lease: Lease) -> Request | None:
        """Return the request of a lease, ready to be sent; None when it ended at once because it cannot be made."""
        entry = lease.entry
        if (refused := self._session.visitor.spent(entry.url)) is not None:
            self.settle(Work(lease), Outcome("refused", refused.reason, refused.detail))
            return None
        try:
            request = read(entry.url, entry.request, self._spider) if entry.request else self._memory.pop(entry.key, None)
        except (ValueError, TypeError) as error:
            self.settle(Work(lease), Outcome("failed", "request-unreadable", str(error)[:500]))
            return None
        if request is None:
            self._postpone(lease)
            return None
        work = Work(lease, hops=int(request.meta.get("redirect_times", 0)), errback=request.errback)
        self.under_way.add(work)
        request.errback = _Watched(self._failed, work)
        request.meta[WORK] = work
        request.meta["depth"] = entry.depth
        return request

    def _postpone(self, lease: Lease) -> None:
        """A request that only a process knew that is gone waits until its page has been gone through again."""
        lost = lease.tries > _MEMORY_TRIES
        later = Outcome("retry", "in-memory", not_before=self._session.desk.now() + _MEMORY_PATIENCE)
        self.settle(Work(lease), Outcome("failed", "in-memory", "its page did not ask for it again") if lost else later)

    # --- ending

    def close_output(self, work: Work) -> None:
        """Note that one thing of a request has ended: its output, or one of its items."""
        work.open -= 1
        if work.open <= 0 and not work.ended:
            self.settle(work, work.outcome or Outcome("done"))

    def settle(self, work: Work, outcome: Outcome) -> None:
        """End a request in the frontier, whatever is still open."""
        if work.ended:
            return
        work.ended = True
        self.under_way.discard(work)
        if outcome.state == "refused":
            self._session.tally.refuse(outcome.reason)
        elif outcome.state == "failed":
            self._session.tally.fail(outcome.reason)
        facts = facts_of(work.answer) if work.answer is not None else {}
        self._session.desk.end(work.lease, replace(outcome, again=work.again, facts=facts))
        self.changed.set()


def work_of(request: Request | None) -> Work | None:
    """Return the work that travels with a request, None when it did not come from the frontier."""
    tag = request.meta.get(WORK) if request is not None else None
    return tag if isinstance(tag, Work) else None


def is_plain(request: Request) -> bool:
    """Say whether a request asks for a page in the ordinary way, so that its address alone tells whether it is known."""
    if not request.dont_filter:
        return True
    return request.callback is None and request.errback is None and not request.cb_kwargs


def _way(request: Request) -> str:
    """Return what tells two asks of one page apart: where the answer goes."""
    names = [getattr(function, "__qualname__", "") for function in (request.callback, request.errback)]
    return " ".join([*names, repr(sorted(request.cb_kwargs.items(), key=repr))])


def outcome_of(error: BaseException | None, now: float) -> Outcome:
    """Return how a request ends that brought no answer."""
    if isinstance(error, Refused):
        return Outcome("refused", error.reason, error.detail[:500])
    if isinstance(error, Failed):
        if error.again is not None:
            return Outcome("retry", error.reason, error.detail[:500], not_before=now + error.again)
        return Outcome("failed", error.reason, error.detail[:500])
    if isinstance(error, NotSupported):
        return Outcome("refused", "scheme", str(error)[:500])
    if isinstance(error, IgnoreRequest):
        return Outcome("refused", "ignored", str(error)[:500])
    return Outcome("failed", "engine-error", f"{type(error).__name__}: {error}"[:500])


def facts_of(answer: Answer) -> dict[str, Any]:
    """Return what the frontier keeps of an answer, for the next run and for whoever asks why."""
    headers = {name.lower(): value for name, value in answer.wire.headers}
    place = answer.place
    facts: dict[str, Any] = {
        "status": answer.wire.status,
        "place": [place.file, place.offset, place.record_id, place.date],
        "robots": answer.decision.get("robots"),
        "etag": headers.get("etag"),
        "last_modified": headers.get("last-modified"),
        "unchanged": answer.unchanged or None,
    }
    return {name: value for name, value in facts.items() if value is not None}
