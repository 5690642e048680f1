"""The one door to the network: rules, politeness, transport and record, in the order in which they are asked.

    archive → address → run budget → robots.txt → site policies → traps and host budgets → the host's turn → wire → archive

Nothing here knows Scrapy. Whatever fetches (a spider, a list, robots.txt itself) comes through `Fetcher.fetch`, so no way
around the clocks, the guard or the archive exists.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from acquisition.crawl.contract import Answer, Archive, Ask, Clocks, Failed, Place, Refused, Ruling, Transport, Wire
from acquisition.crawl.visit.guard import UrlGuard

LONGEST_DELAY: Final = 300.0
"""A host that asks for more seconds than this between two requests is not visited at all (Heritrix waits as long)."""


class Permissions(Protocol):
    """What robots.txt says of a URL."""

    @abstractmethod
    async def ruling(self, url: str) -> Ruling:
        """Return it, asking the host when what is kept has run out."""


class Policies(Protocol):
    """The site's other files about rights."""

    @abstractmethod
    async def of(self, url: str, ruling: Ruling) -> Mapping[str, bytes | None]:
        """Return them as `rights.signals.read` takes them."""


class Watch(Protocol):
    """Budgets, traps and back-off."""

    @abstractmethod
    def before(self, ask: Ask) -> None:
        """Raise Refused when the address looks like a trap, or its host's budget is spent."""

    @abstractmethod
    def after(self, ask: Ask, wire: Wire) -> None:
        """Learn from an answer; Failed (with `again`) when it asks for another try later, Refused when it closes the path."""

    @abstractmethod
    def failed(self, ask: Ask, failure: Failed) -> Failed:
        """Learn from a failure and return it with `again` set where another try makes sense."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may cost in all; None where there is no limit."""

    pages: int | None = None
    bytes: int | None = None


class Fetcher:
    """Turn, wire and archive of one request; what may be asked has been decided before, except for files about rights."""

    def __init__(
        self,
        *,
        transport: Transport,
        clocks: Clocks,
        archive: Archive,
        watch: Watch | None,
        max_bytes: int,
        renew: bool = False,
    ) -> None:
        self._transport = transport
        self._clocks = clocks
        self._archive = archive
        self._watch = watch
        self._max_bytes = max_bytes
        self._renew = renew

    async def fetch_policy(self, url: str) -> Answer:
        """Fetch a file about rights, which no rule governs: same clock, same transport, same archive; nothing is followed."""
        ask = Ask(url, kind="policy")
        return await self.fetch(ask, {"policy": True})

    async def fetch(self, ask: Ask, decision: Mapping[str, Any]) -> Answer:
        """Wait for the host's turn, send, archive; raises what the contract's Transport and Clocks raise."""
        sent = ask
        if self._renew and ask.kind != "policy" and ask.method == "GET" and (known := self._archive.validators(ask.url)):
            sent = Ask(ask.url, ask.method, {**ask.headers, **known}, ask.referrer, ask.kind)
        async with self._clocks.turn(ask.url):
            wire = await self._transport.send(sent, max_bytes=self._max_bytes)
        place, unchanged = self._archive.write(sent, wire, decision)
        return Answer(sent, wire, decision, place, unchanged=unchanged)


class Visitor:
    """Visits addresses under all rules; raises Refused or Failed, and returns an answer for everything else, 404 included.

    With `replay`, only the archive answers and nothing is sent.
    """

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        archive: Archive,
        guard: UrlGuard,
        permissions: Permissions,
        policies: Policies | None = None,
        watch: Watch | None = None,
        budget: Budget | None = None,
        replay: bool = False,
    ) -> None:
        self._fetcher = fetcher
        self._archive = archive
        self._guard = guard
        self._permissions = permissions
        self._policies = policies
        self._watch = watch
        self._budget = budget or Budget()
        self._replay = replay
        self._under_way = 0

    async def visit(self, ask: Ask) -> Answer:
        """Return the answer to one ask.

        What this run has archived is answered from the archive, so a resumed run asks nobody twice. Raises Refused when a rule,
        a limit or a budget says no, and Failed when it was tried in vain.
        """
        place = self._archive.find(ask.url) if ask.method == "GET" else None
        if place is not None:
            return await self._from_archive(ask, place)
        if self._replay:
            raise Refused("not-archived", ask.url, "an earlier run did not visit it, and a replay sends nothing")
        self._guard.check(ask.url)
        self._demand_budget(ask.url)
        self._under_way += 1
        try:
            return await self._ask(ask)
        finally:
            self._under_way -= 1

    async def _ask(self, ask: Ask) -> Answer:
        ruling = await self._permissions.ruling(ask.url)
        demand(ruling, ask.url)
        files = await self._policies.of(ask.url, ruling) if self._policies is not None else {}
        if self._watch is not None:
            self._watch.before(ask)
        answer = await self._fetcher.fetch(ask, decision_of(ask, ruling, files))
        return replace(answer, robots_txt=ruling.body, well_known=files)

    async def _from_archive(self, ask: Ask, place: Place) -> Answer:
        headers, body = self._archive.read(place)
        wire = Wire(place.status, "", "HTTP/1.1", headers, body, "", (), 0.0, 0.0)
        return Answer(ask, wire, {}, place, replayed=True)

    def _demand_budget(self, url: str) -> None:
        pages, size = self._budget.pages, self._budget.bytes
        if pages is not None and self._archive.pages + self._under_way >= pages:
            raise Refused("page-limit", url, f"the run may ask for {pages} pages")
        if size is not None and self._archive.received >= size:
            raise Refused("byte-limit", url, f"the run may receive {size} bytes")


def demand(ruling: Ruling, url: str) -> None:
    """Raise Refused unless robots.txt allows the URL."""
    if ruling.closed:
        raise Refused("robots-unreachable", url, ruling.closed)
    if ruling.delay > LONGEST_DELAY:
        raise Refused("crawl-delay", url, f"{ruling.delay:g} s between two requests")
    if not ruling.allowed:
        raise Refused("robots", url, f"{ruling.url}: {ruling.rule}" if ruling.rule else ruling.url)


def decision_of(ask: Ask, ruling: Ruling, files: Mapping[str, bytes | None]) -> dict[str, Any]:
    """Return what the archive keeps beside an answer: by which rule it was fetched, and what else was looked at."""
    return {
        "robots": ruling.record(),
        "referrer": ask.referrer,
        "kind": ask.kind,
        "policies": {name: hashlib.sha256(body).hexdigest() for name, body in sorted(files.items()) if body is not None},
        "policies_absent": sorted(name for name, body in files.items() if body is None),
    }
