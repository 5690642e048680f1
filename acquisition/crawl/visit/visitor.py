"""The one door to the network: rules, politeness, transport and record, in the order in which they are asked.

    archive → address → run budget → robots.txt → traps and host budgets → site policies → the host's turn → wire → archive

Nothing here knows Scrapy. Whatever fetches (a spider, a list, robots.txt itself) comes through `Fetcher.fetch`, so no way
around the clocks, the guard or the archive exists.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from acquisition.crawl import robots
from acquisition.crawl.archive import Recalled, RunArchive, due
from acquisition.crawl.contract import (
    PRODUCT_TOKEN,
    Answer,
    Ask,
    Failed,
    HeaderLines,
    Place,
    PolicyStore,
    Refused,
    Ruling,
    Transport,
    Wire,
)
from acquisition.crawl.visit.backoff import again
from acquisition.crawl.visit.clocks import HostClocks
from acquisition.crawl.visit.decisions import Decisions
from acquisition.crawl.visit.decoding import decoded
from acquisition.crawl.visit.guard import UrlGuard
from acquisition.crawl.visit.permissions import LONGEST_DELAY, Permissions, origin_of
from acquisition.crawl.visit.policies import Policies
from acquisition.crawl.visit.watch import Watch

_NOT_ASKED: Final = frozenset({"host-held", "stopped", "cancelled"})
"""Failures that say nothing about the URL: it was not asked for."""
_ORIGINS: Final = 1_000
_CONTENT_HEADERS: Final = frozenset({"content-encoding", "content-length", "content-range", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may cost in all; None where there is no limit."""

    pages: int | None = None
    bytes: int | None = None


class Fetcher:
    """Turn, wire and archive of one request. What may be asked has been decided before; files about rights are always asked."""

    def __init__(
        self, *, transport: Transport, clocks: HostClocks, archive: RunArchive, max_bytes: int, renew: bool = False
    ) -> None:
        """With `renew`, what an earlier run has archived is asked for on condition that it has changed."""
        self._transport, self._clocks, self._archive = transport, clocks, archive
        self._max_bytes, self._renew = max_bytes, renew

    async def fetch_policy(self, url: str) -> Answer:
        """Fetch a file about rights: same clock, same transport, same archive; nothing is followed."""
        return await self.fetch(Ask(url, kind="policy"), {"kind": "policy"})

    async def fetch_robots(self, ask: Ask) -> tuple[Wire, bytes]:
        """Fetch a robots.txt and return it with its decoded body, of which no more than `ask.cut_at` bytes are read."""
        answer = await self.fetch(ask, {"kind": "policy"})
        limit = ask.cut_at if ask.cut_at is not None else self._max_bytes
        return answer.wire, decoded(answer.wire, limit, url=ask.url, cut=ask.cut_at is not None)

    async def fetch(self, ask: Ask, decision: Mapping[str, Any]) -> Answer:
        """Wait for the host's turn, send, archive; raises what the contract's Transport and Clocks raise.

        A 304 becomes the answer that it confirms: its status and body, with the headers that the 304 has not replaced.
        """
        sent = self._conditional(ask) if self._renew and ask.kind != "policy" and ask.method == "GET" else ask
        async with self._clocks.turn(ask.url):
            wire = await self._transport.send(sent, max_bytes=self._max_bytes)
            self._clocks.settle(ask.url, wire, kind=sent.kind)
        place, unchanged = self._archive.write(sent, wire, decision)
        return Answer(sent, self._whole(wire, place), decision, place, unchanged=unchanged)

    def _conditional(self, ask: Ask) -> Ask:
        known = self._archive.validators(ask.url)
        return replace(ask, headers={**ask.headers, **known}) if known else ask

    def _whole(self, wire: Wire, place: Place) -> Wire:
        if wire.status != 304 or place.status == 304:
            return wire
        headers, body = self._archive.read(place)
        return replace(wire, status=place.status, headers=freshened(wire.headers, headers), body=body)


class Visitor:
    """Visits addresses under all rules; raises Refused or Failed, and returns an answer for everything else, 404 included."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        archive: RunArchive,
        guard: UrlGuard,
        permissions: Permissions,
        policies: Policies,
        kept: Policies,
        store: PolicyStore,
        watch: Watch,
        budget: Budget | None = None,
        replay: bool = False,
        taken_down: Callable[[str], str] = lambda _: "",
        now: Callable[[], float] = time.time,
    ) -> None:
        """`kept` reads files about rights from the store alone, for what is answered from the archive.

        With `replay`, only the archive answers and nothing is sent. `taken_down` returns by which ticket an address was taken
        down, "" for those that were not.
        """
        self._taken_down = taken_down
        self._fetcher, self._archive, self._guard = fetcher, archive, guard
        self._permissions, self._policies, self._kept, self._store = permissions, policies, kept, store
        self._watch, self._budget, self._replay, self._now = watch, budget or Budget(), replay, now
        self._decisions = Decisions()
        self._under_way = 0
        self._rulings: OrderedDict[str, Ruling] = OrderedDict()

    async def visit(self, ask: Ask, *, tries: int = 1) -> Answer:
        """Return the answer to one ask; what this run has archived is answered from the archive, and nothing is sent.

        `tries` counts how often the URL is asked for, this time included: while another try makes sense, Failed with `again`
        is raised for answers such as 503, too. Raises Refused when a rule, a limit or a budget says no.
        """
        if ask.method == "GET" and (answer := await self._archived(ask)) is not None:
            await self._watch.prepare(answer, self._from_archive)
            self._watch.after(answer)
            return answer
        if self._replay:
            await self._demand_kept(ask.url)
            raise Refused("not-archived", ask.url, "no earlier run has an answer, and a replay sends nothing")
        self._guard.check(ask.url)
        if ticket := self._taken_down(ask.url):
            raise Refused("taken-down", ask.url, ticket)
        self._demand_budget(ask.url, self._under_way)
        self._under_way += 1
        try:
            return await self._ask(ask, tries)
        except Failed as failed:
            if failed.reason not in _NOT_ASKED:
                failed.again = again(failed, tries, now=self._now())
            raise
        finally:
            self._under_way -= 1

    async def _ask(self, ask: Ask, tries: int) -> Answer:
        ruling = await self._permissions.ruling(ask.url)
        demand(ruling, ask.url)
        self._watch.before(ask)
        files = await self._policies.of(ask.url, ruling)
        if (kept := self._still_good(ask)) is not None:
            return kept.beside(ruling.body, files)
        answer = await self._fetcher.fetch(ask, self._decisions.of(ask, ruling, files))
        if (pause := again(answer.wire, tries, now=self._now())) is not None:
            raise Failed(f"http-{answer.wire.status}", ask.url, "the server asks for another try", again=pause)
        answer = answer.beside(ruling.body, files)
        await self._watch.prepare(answer, self._probe)
        self._watch.after(answer)
        return answer

    def _still_good(self, ask: Ask) -> Answer | None:
        """Return an earlier run's answer where the sitemap says that the page has not changed since; today's rules allow it."""
        if not ask.lastmod or ask.method != "GET" or due(ask.url, ask.lastmod, self._archive):
            return None
        kept = self._archive.reuse(ask.url)
        if kept is None:
            return None
        return Answer(ask, self._confirmed(kept), kept.decision, kept.place, replayed=True, unchanged=True)

    def _confirmed(self, recalled: Recalled) -> Wire:
        """Return what was answered; for a 304 what it confirms."""
        wire = recalled.wire
        if wire.status != 304 or recalled.place.status == 304:
            return wire
        stored, _ = self._archive.read(recalled.place)
        return replace(wire, status=recalled.place.status, headers=freshened(wire.headers, stored))

    async def _probe(self, ask: Ask) -> Answer:
        """Ask for an address that does not exist, under the same rules as any other."""
        ruling = await self._permissions.ruling(ask.url)
        demand(ruling, ask.url)
        return await self._fetcher.fetch(ask, self._decisions.of(ask, ruling, {}))

    def spent(self, url: str) -> Refused | None:
        """Return the refusal of a URL that the archive does not hold when the run's budget is spent; None while it is not."""
        try:
            self._demand_budget(url, counting=0)
        except Refused as refused:
            return None if self._archive.find(url) is not None else refused
        return None

    def _demand_budget(self, url: str, counting: int) -> None:
        pages, size = self._budget.pages, self._budget.bytes
        if pages is not None and self._archive.pages + counting >= pages:
            raise Refused("page-limit", url, f"the run may ask for {pages} pages")
        if size is not None and self._archive.received >= size:
            raise Refused("byte-limit", url, f"the run may receive {size} bytes")

    # --- from the archive

    async def _from_archive(self, ask: Ask) -> Answer:
        """Return what the archive holds; Refused when it holds nothing."""
        answer = await self._archived(ask)
        if answer is None:
            raise Refused("not-archived", ask.url)
        return answer

    async def _archived(self, ask: Ask) -> Answer | None:
        recalled = self._archive.recall(ask.url)
        if recalled is None:
            return None
        ruling = await self._ruling_kept(ask.url)
        files = await self._kept.of(ask.url, ruling)
        wire, same = self._confirmed(recalled), recalled.unchanged
        return Answer(ask, wire, recalled.decision, recalled.place, ruling.body, files, replayed=True, unchanged=same)

    async def _demand_kept(self, url: str) -> None:
        """Raise Refused where robots.txt, as it is kept, is why the archive has no answer."""
        ruling = await self._ruling_kept(url)
        if ruling.body is not None:
            verdict = robots.parse(ruling.body, PRODUCT_TOKEN).decide(url)
            demand(replace(ruling, allowed=verdict.allowed, rule=verdict.rule), url)

    async def _ruling_kept(self, url: str) -> Ruling:
        """Return what the store holds of the origin's robots.txt, for its words about use; whether it allows is decided."""
        origin = origin_of(url)
        ruling = self._rulings.get(origin)
        if ruling is None:
            last, good = await self._store.policy(origin, "robots.txt")
            file = last if last is not None and not last.closed else good
            body = file.body if file is not None else None
            sha256 = hashlib.sha256(body).hexdigest() if body is not None else ""
            ruling = Ruling(
                True, f"{origin}/robots.txt", file.status if file else 0, sha256, file.fetched if file else 0.0, body=body
            )
            self._rulings[origin] = ruling
            if len(self._rulings) > _ORIGINS:
                self._rulings.popitem(last=False)
        return ruling


def demand(ruling: Ruling, url: str) -> None:
    """Raise Refused unless robots.txt allows the URL.

    A host whose robots.txt cannot be had is refused for the whole run: a crawl that waits for it would ask again and again at
    a host that is in trouble, and the next run asks anew.
    """
    if ruling.closed:
        raise Refused("robots-unreachable", url, ruling.closed)
    if ruling.delay > LONGEST_DELAY:
        raise Refused("crawl-delay", url, f"{ruling.delay:g} s between two requests")
    if not ruling.allowed:
        raise Refused("robots", url, f"{ruling.url}: {ruling.rule}" if ruling.rule else ruling.url)


def freshened(new: HeaderLines, stored: HeaderLines) -> HeaderLines:
    """Return the headers of a stored answer with those that a 304 repeats in its place (RFC 9111 section 3.2)."""
    fresh = tuple((name, value) for name, value in new if name.lower() not in _CONTENT_HEADERS)
    names = {name.lower() for name, _ in fresh}
    return (*fresh, *((name, value) for name, value in stored if name.lower() not in names))
