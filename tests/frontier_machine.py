"""A model of the frontier, and a machine that compares it step by step with the store on any database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from acquisition.crawl.contract import Entry, HostState, Lease, Outcome
from acquisition.crawl.frontier.database import Database
from acquisition.crawl.frontier.owners import Owners, identity
from acquisition.crawl.frontier.store import Batch, Spans, Store, Taken

SPANS = Spans(lease=300.0, host=60.0, delay=0.5)
HOSTS = ("a.test", "b.test", "c.test")
PROCESSES = (0, 1)


def entry_of(number: int, *, priority: int = 0, depth: int = 0, not_before: float = 0.0, refused: str = "") -> Entry:
    """Return the entry of a numbered page; its host follows from the number."""
    url = f"http://{HOSTS[number % len(HOSTS)]}/{number}"
    key = hashlib.blake2b(url.encode(), digest_size=16).digest()
    host = HOSTS[number % len(HOSTS)]
    return Entry(key, url, host, "{}", priority=priority, depth=depth, not_before=not_before, refused=refused)


ENTRIES = st.builds(
    entry_of,
    st.integers(0, 40),
    priority=st.integers(-1, 1),
    depth=st.integers(0, 2),
    not_before=st.sampled_from((0.0, 0.0, 1_005.0)),
    refused=st.sampled_from(("", "", "", "nofollow")),
)


@dataclass
class Page:
    """What the model knows of one URL."""

    entry: Entry
    order: int
    state: str
    not_before: float = 0.0
    holder: int = -1
    until: float = 0.0
    leases: int = 0


@dataclass
class Host:
    """What the model knows of one host's clock."""

    next_ok: float = 0.0
    delay: float = 0.0
    holder: int = -1
    until: float = 0.0


@dataclass
class Model:
    """The frontier in the simplest words."""

    pages: dict[bytes, Page] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=lambda: {host: Host() for host in HOSTS})
    order: int = 0

    def enter(self, entries: Sequence[Entry], now: float) -> None:
        """Enter what is new, and what was only refused before."""
        for entry in entries:
            self.order += 1
            old = self.pages.get(entry.key)
            if old is None or (old.state == "refused" and not old.leases and not entry.refused):
                later = entry.not_before if entry.not_before > now else 0.0
                self.pages[entry.key] = Page(entry, self.order, "refused" if entry.refused else "pending", later)

    def wake(self, now: float) -> None:
        """Let moments come and leases run out."""
        for page in self.pages.values():
            if page.state == "pending" and 0 < page.not_before <= now:
                page.not_before = 0.0
            if page.state == "leased" and page.until <= now:
                page.state, page.holder = "pending", -1

    def free(self, host: Host, now: float) -> bool:
        """Say whether anybody may take the host."""
        return host.next_ok <= now and (host.holder < 0 or host.until + max(host.delay, SPANS.delay) <= now)

    def take(self, name: str, holder: int, now: float) -> None:
        """Make the host somebody's."""
        host = self.hosts[name]
        host.holder, host.until, host.next_ok = holder, now + SPANS.host, now + max(host.delay, SPANS.delay)

    def best(self, now: float, limit: int) -> list[bytes]:
        """Return what a lease has to bring."""
        tops: dict[str, Page] = {}
        for page in self.pages.values():
            host = page.entry.host
            if page.state == "pending" and not page.not_before and self.free(self.hosts[host], now):
                tops[host] = min(tops.get(host, page), page, key=_rank)
        return [page.entry.key for page in sorted(tops.values(), key=_rank)[:limit]]


def _rank(page: Page) -> tuple[int, int, int]:
    return -page.entry.priority, page.entry.depth, page.order


class FrontierMachine(RuleBasedStateMachine):
    """Two processes work on one run; whatever they do, the store answers as the model does."""

    connect: Callable[[], Database]

    @initialize()
    def begin(self) -> None:
        """Open the frontier twice."""
        self.model, self.now = Model(), 1_000.0
        self.databases = [self.connect() for _ in PROCESSES]
        self.stores = [self._join(database) for database in self.databases]
        self.leases: list[list[Lease]] = [[] for _ in PROCESSES]
        self.finished: set[bytes] = set()

    def _join(self, database: Database) -> Store:
        with database.transaction():
            holder = Owners(database, identity()).join("somebody", self.now)
        store = Store(database, 1, holder, SPANS)
        with database.transaction():
            store.recover(self.now)
        return store

    def _write(self, process: int, batch: Batch) -> list[int]:
        self.now += 0.001  # the order of entry of two processes is that of their clocks
        self.model.wake(self.now)
        with self.databases[process].transaction():
            lost = self.stores[process].write(batch, self.now)
        self.stores[process].committed()
        return lost

    @rule(process=st.sampled_from(PROCESSES), entries=st.lists(ENTRIES, max_size=8))
    def enter(self, process: int, entries: list[Entry]) -> None:
        """What is entered is entered once."""
        self.model.enter(entries, self.now)
        self._write(process, Batch(entries=entries))

    @rule(process=st.sampled_from(PROCESSES), limit=st.integers(1, 4))
    def lease(self, process: int, limit: int) -> None:
        """A lease brings the best of each free host, best first, and nothing that somebody else has."""
        self._write(process, Batch())
        expected = self.model.best(self.now, limit)
        with self.databases[process].transaction():
            taken: Taken = self.stores[process].lease(limit, {}, self.now)
        assert [lease.entry.key for lease in taken.leases] == expected
        assert set(taken.hosts) == {lease.entry.host for lease in taken.leases}
        for lease in taken.leases:
            page = self.model.pages[lease.entry.key]
            page.state, page.holder, page.until = "leased", process, self.now + SPANS.lease
            page.leases += 1
            self.model.take(lease.entry.host, process, self.now)
        again = {lease.id for lease in taken.leases}
        self.leases[process] = [lease for lease in self.leases[process] if lease.id not in again] + taken.leases

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data(), state=st.sampled_from(("done", "failed", "refused", "retry")), children=st.lists(ENTRIES, max_size=4))
    def end(self, data: st.DataObject, state: str, children: list[Entry]) -> None:
        """An end is written with its children, and not at all when somebody else has the URL by then."""
        process = data.draw(st.sampled_from([p for p in PROCESSES if self.leases[p]]))
        lease = self.leases[process].pop(data.draw(st.integers(0, len(self.leases[process]) - 1)))
        page = self.model.pages[lease.entry.key]
        self.model.wake(self.now)
        self.model.enter(children, self.now)
        ours = page.state == "pending" or (page.state == "leased" and page.holder == process)
        again = self.now + 3.0 if state == "retry" else 0.0
        outcome = Outcome(state, not_before=again)  # type: ignore[arg-type]  # drawn from the words that it takes
        # Before others wake up: an end that comes with the expiry still counts.
        lost = self._write(process, Batch(entries=children, ends=[(lease, outcome)]))
        assert bool(lost) is not ours
        if ours:
            page.state, page.holder, page.not_before = ("pending" if state == "retry" else state), -1, again
            assert lease.entry.key not in self.finished
            self.finished |= {lease.entry.key} if state != "retry" else set()

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """What is given back is as if it had never been taken."""
        process = data.draw(st.sampled_from([p for p in PROCESSES if self.leases[p]]))
        lease = self.leases[process].pop()
        page = self.model.pages[lease.entry.key]
        if page.state == "leased" and page.holder == process:
            page.state, page.holder, page.leases = "pending", -1, page.leases - 1
        self._write(process, Batch(given_back=[lease.id]))

    @rule(process=st.sampled_from(PROCESSES), host=st.sampled_from(HOSTS), delay=st.sampled_from((0.0, 1.0, 20.0)))
    def release(self, process: int, host: str, delay: float) -> None:
        """Who has a host says when it may be asked next; who does not have it cannot make that earlier."""
        clock = self.model.hosts[host]
        next_ok = self.now + delay
        state = HostState(host, next_ok=next_ok, delay=delay, pages=1, memory={"x": [1]})
        self._write(process, Batch(releases={host: state}))
        if clock.holder in (-1, process):
            clock.next_ok = next_ok if clock.holder == process else max(clock.next_ok, next_ok)
            clock.delay, clock.holder, clock.until = delay, -1, 0.0
        else:
            clock.next_ok = max(clock.next_ok, next_ok)

    @rule(process=st.sampled_from(PROCESSES), host=st.sampled_from(HOSTS))
    def claim(self, process: int, host: str) -> None:
        """A host is granted when nobody has it and its moment has come; else there is something to wait for."""
        free = self.model.free(self.model.hosts[host], self.now)
        with self.databases[process].transaction():
            wait, _ = self.stores[process].claim(host, 90.0, self.now)
        assert (wait == 0.0) is free
        if free:
            self.model.take(host, process, self.now)

    @rule(seconds=st.sampled_from((0.3, 2.0, 30.0, 400.0)))
    def pass_time(self, seconds: float) -> None:
        """Time passes, and both processes say that they live."""
        self.now += seconds
        for database, store in zip(self.databases, self.stores, strict=True):
            Owners(database, identity()).alive(store.holder, self.now)

    @rule(process=st.sampled_from(PROCESSES))
    def die(self, process: int) -> None:
        """A process is killed and another is started: what it had is free again, its hosts a delay from now."""
        database = self.databases[process]
        with database.transaction():
            database.rows("UPDATE process SET born='another' WHERE id=?", (self.stores[process].holder,))
        self.stores[process] = self._join(database)
        self.leases[process] = []
        for page in self.model.pages.values():
            if page.state == "leased" and page.holder == process:
                page.state, page.holder = "pending", -1
        for clock in self.model.hosts.values():
            if clock.holder == process:
                clock.holder, clock.until = -1, 0.0
                clock.next_ok = max(clock.next_ok, self.now + max(clock.delay, SPANS.delay))

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every URL that was entered is there, in the state that it should be in, and every host's clock is right."""
        if not hasattr(self, "stores"):
            return
        database = self.databases[0]
        rows = {
            bytes(key): (state, not_before)
            for key, state, not_before in database.rows("SELECT key, state, not_before FROM url")
        }
        assert rows == {key: (page.state, page.not_before) for key, page in self.model.pages.items()}
        clocks = {host: float(next_ok) for host, next_ok in database.rows("SELECT host, next_ok FROM clock")}
        assert {host: self.model.hosts[host].next_ok for host in clocks} == clocks
        open_ = any(page.state in ("pending", "leased") for page in self.model.pages.values())
        assert (self.stores[0].rest(self.now) is not None) is open_

    def teardown(self) -> None:
        """Close the connections."""
        for database in getattr(self, "databases", ()):
            database.close()
