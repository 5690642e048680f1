"""The frontier as an engine sees it: nothing waits for a disk unless it asks to."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from acquisition.crawl.contract import Desk, Entry, HostState, Lease, Outcome, PolicyFile
from acquisition.crawl.frontier.database import Database
from acquisition.crawl.frontier.store import Batch, Spans, Store, Taken
from acquisition.crawl.frontier.worker import Question, Worker

PATIENCE_SECONDS: Final = 120.0
"""How long a crawl goes on looking for a database that it has lost."""
_BATCH: Final = 1_000


@dataclass(slots=True)
class _Hold:
    """A host that is ours: what was known when it became so, and whether somebody is at it.

    `lease` is the URL that it came with (0 when it was claimed), `until` the moment after which it is not wanted any more.
    """

    state: HostState
    lease: int
    until: float
    busy: bool
    since: float


class FrontierDesk(Desk):
    """One run of a frontier, for one event loop. Open it with `open_desk`.

    Everything that is entered, ended or released waits a moment for company and is written in one transaction, at once when
    somebody asks for leases, hosts or `flush`. `enter`, `end` and `known` are not coroutines and may be called from any thread.
    """

    def __init__(
        self,
        database: Database,
        store_on: Callable[[Database], Store],
        connect: Callable[[], Database],
        *,
        spans: Spans,
        clock: Callable[[], float] | None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._spans = spans
        self._leases: dict[int, Lease] = {}
        self._children: dict[int, dict[bytes, Entry]] = {}
        self._holds: dict[str, _Hold] = {}
        self._unclocked: dict[str, int] = {}
        self._states: dict[str, HostState] = {}
        self._taken: dict[str, int] = {}
        self._worker = Worker(connect, store_on, tick=min(spans.lease, spans.host) / 3, patience=patience)
        self._known = self._worker.known
        self._clock = clock
        self._worker.start(database, self)

    # --- for the worker ---

    def leased(self) -> Collection[int]:
        """Return the ids of our leases."""
        return list(self._leases)

    def held(self) -> Mapping[str, float]:
        """Return the hosts that are ours, and until when each is wanted."""
        return {host: hold.until for host, hold in list(self._holds.items())}

    # --- entering and ending ---

    def now(self) -> float:
        """Return the moment by the frontier's clock: the database's for PostgreSQL, never behind it."""
        return self._clock() if self._clock is not None else time.monotonic() + self._worker.ahead

    @property
    def lost(self) -> int:
        """How many leases ran out and had gone to somebody else when they were ended here."""
        return self._worker.lost

    def known(self, key: bytes) -> bool:
        """Say whether the key has certainly been entered, and not only to be refused; False means "perhaps not"."""
        return key in self._known

    def enter(self, entries: Iterable[Entry], *, parent: Lease | None = None) -> None:
        """Enter URLs; those of a parent become durable together with the parent's end, others at the next writing.

        Great numbers go through `enter_all`, which never holds more than a thousand.
        """
        known, refused = self._known, self._worker.refused
        new = [e for e in entries if e.key not in known and not (e.refused and e.key in refused)]
        if parent is None or parent.id not in self._leases:
            self._worker.put(lambda batch: batch.entries.extend(new))
            return
        children = self._children.setdefault(parent.id, {})
        for entry in new:
            if entry.key not in children or children[entry.key].refused:
                children[entry.key] = entry

    async def enter_all(self, entries: Iterable[Entry]) -> int:
        """Enter as many URLs as there are, in batches that are durable one after the other; return how many were given."""
        total = 0
        batch: list[Entry] = []
        for entry in entries:
            batch.append(entry)
            if len(batch) == _BATCH:
                total += await self._enter_batch(batch)
                batch = []
        return total + await self._enter_batch(batch)

    async def _enter_batch(self, batch: list[Entry]) -> int:
        self.enter(batch)
        await self.flush()
        return len(batch)

    def end(self, lease: Lease, outcome: Outcome) -> None:
        """End a lease; a second end of it says nothing new. Its host is given free if nobody has claimed it."""
        host = lease.entry.host
        if self._leases.pop(lease.id, None) is None:
            return
        if host in self._taken:
            self._taken[host] -= 1
        children = self._children.pop(lease.id, {})
        hold = self._holds.get(host)
        unused = hold is not None and hold.lease == lease.id and not hold.busy
        if unused:
            del self._holds[host]

        def add(batch: Batch) -> None:
            batch.entries.extend(children.values())
            batch.ends.append((lease, outcome))
            if hold is not None and unused:
                batch.releases[host] = hold.state

        self._worker.put(add)

    # --- leasing ---

    async def lease(self, limit: int) -> Sequence[Lease]:
        """Return URLs whose hosts may be asked now, best first; their hosts are ours. [] when there is none at the moment."""
        if limit <= 0:
            return []
        many = {host: free for host, most in self._unclocked.items() if (free := most - self._taken.get(host, 0)) > 0}
        future = self._worker.ask(lambda store, now: store.lease(limit, dict.fromkeys(self._unclocked, 0) | many, now))
        future.add_done_callback(self._register)
        try:
            taken: Taken = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(self._unwanted)
            raise
        return taken.leases

    def _register(self, future: Future[Taken]) -> None:
        """Note what is ours; called by the worker right after the commit, whether or not anybody still waits for it."""
        if future.cancelled() or future.exception() is not None:
            return
        for lease in future.result().leases:
            self._leases[lease.id] = lease
            if lease.entry.host in self._unclocked:
                self._taken[lease.entry.host] = self._taken.get(lease.entry.host, 0) + 1
        for host, (lease_id, state) in future.result().hosts.items():
            self._holds[host] = _Hold(state, lease_id, math.inf, busy=False, since=self.now())

    def _unwanted(self, future: Future[Taken]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._give_back(future.result().leases)

    def _give_back(self, leases: Iterable[Lease]) -> None:
        """Put URLs back as if they had never been leased, with the hosts that came with them and were not asked."""
        ids = [lease.id for lease in leases if self._leases.pop(lease.id, None) is not None]
        idle = {host: hold.state for host, hold in self._holds.items() if not hold.busy and hold.lease in ids}
        for lease_id in ids:
            self._children.pop(lease_id, None)
        for host in idle:
            del self._holds[host]

        def add(batch: Batch) -> None:
            batch.given_back.extend(ids)
            batch.releases.update(idle)

        self._worker.put(add)

    async def rest(self) -> float | None:
        """Return how long to wait before leasing again makes sense, None when nothing is pending or leased anywhere."""
        waits: float | None = await self._answer(lambda store, now: store.rest(now))
        return waits

    # --- hosts ---

    def unclock(self, host: str, limit: int) -> None:
        """Let up to `limit` URLs of a host be leased at once; its state is then kept here and written with the next round.

        For loopback with a delay of 0: whoever asks the host counts for himself how many requests are under way. Several
        processes that do this at one host overwrite each other's tallies.
        """
        self._unclocked[host] = limit

    async def claim(self, host: str, seconds: float) -> tuple[float, HostState]:
        """Return (0, state) when the host is ours for that long; else how long to wait before claiming again, and its state."""
        if host in self._unclocked:
            return await self._claim_unclocked(host)
        now = self.now()
        hold = self._holds.get(host)
        if hold is not None and self._is_ours(hold, now):
            if hold.busy:
                return max(hold.state.delay, self._spans.delay), hold.state
            hold.busy, hold.until = True, now + seconds
            return 0.0, hold.state
        future = self._worker.ask(lambda store, now: store.claim(host, seconds, now))
        try:
            wait, state = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(self._unclaimed)
            raise
        if wait <= 0:
            self._holds[host] = _Hold(state, 0, self.now() + seconds, busy=True, since=self.now())
        return wait, state

    def _is_ours(self, hold: _Hold, now: float) -> bool:
        """Say whether the database still knows a host as ours: renewing may have failed while the process stood still."""
        return now < min(hold.until, max(hold.since, self._worker.confirmed) + self._spans.host)

    def _unclaimed(self, future: Future[tuple[float, HostState]]) -> None:
        if not future.cancelled() and future.exception() is None and future.result()[0] <= 0:
            state = future.result()[1]
            self._worker.put(lambda batch: batch.releases.update({state.host: state}))

    async def _claim_unclocked(self, host: str) -> tuple[float, HostState]:
        state = self._states.get(host)
        if state is None:
            state = self._states.setdefault(host, await self._answer(lambda store, _: store.state(host)))
        return max(0.0, state.next_ok - self.now()), state

    async def release(self, state: HostState) -> None:
        """Write the host's state and give it free; whoever claims it next waits for `next_ok`."""
        if state.host in self._unclocked:
            self._states[state.host] = state
        else:
            self._holds.pop(state.host, None)
        self._worker.put(lambda batch: batch.releases.update({state.host: state}))

    # --- files about rights, and what else is asked ---

    async def policy(self, origin: str, name: str) -> tuple[PolicyFile | None, PolicyFile | None]:
        """Return what was last asked, and the last good copy (2xx)."""
        last, good = await self._answer(lambda store, _: store.policy(origin, name))
        return last, good

    async def keep_policy(self, file: PolicyFile) -> None:
        """Keep it; a file without `closed` and with a 2xx status is also the last good copy from now on."""
        self._worker.put(lambda batch: batch.policies.append(file))

    async def settled(self, keys: Iterable[bytes]) -> dict[bytes, str]:
        """Return the owner who ended each of these URLs, of those that have been leased and have ended.

        An archive that holds items of a page under another owner's name here voids its own: its lease had run out.
        """
        wanted = list(keys)
        owners: dict[bytes, str] = await self._answer(lambda store, _: store.settled(wanted))
        return owners

    async def flush(self) -> None:
        """Return when everything entered and ended so far is durable."""
        await self._answer(lambda *_: None)

    async def close(self) -> None:
        """Flush, give all leases back that have not ended, and close."""
        try:
            self._give_back(list(self._leases.values()))
        finally:
            await asyncio.to_thread(self._worker.stop)

    async def _answer(self, question: Question) -> Any:
        return await asyncio.wrap_future(self._worker.ask(question))
