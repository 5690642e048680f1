"""One run of a frontier as one process sees it: what a round writes, and the questions it answers, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from acquisition.crawl.contract import Entry, HostState, Lease, Outcome, PolicyFile
from acquisition.crawl.frontier import policies
from acquisition.crawl.frontier.database import Database, Row
from acquisition.crawl.frontier.owners import Owners, identity
from acquisition.crawl.frontier.turns import Turns, state_of
from acquisition.crawl.frontier.urls import CHUNK, Urls, lease_of

_SOON = 0.01
"""How long to wait at least before asking again, so that nobody asks in a circle."""
_KNOWN_HOSTS = 200_000


@dataclass(frozen=True, slots=True)
class Spans:
    """How long things last, in seconds: a lease, the ownership of a host, and the delay of a host that has none yet."""

    lease: float = 300.0
    host: float = 60.0
    delay: float = 0.25


@dataclass(slots=True)
class Batch:
    """What has come together since the last round."""

    entries: list[Entry] = field(default_factory=list)
    ends: list[tuple[Lease, Outcome]] = field(default_factory=list)
    releases: dict[str, HostState] = field(default_factory=dict)
    policies: list[PolicyFile] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.entries) + len(self.ends) + len(self.releases) + len(self.policies) + len(self.given_back)


@dataclass(frozen=True, slots=True)
class Taken:
    """Leases, best first, and the state of each host that became ours with one."""

    leases: list[Lease]
    hosts: dict[str, tuple[int, HostState]]


class Store:
    """Runs the statements of a round. Nothing in memory changes by a round that fails, so that it can be run again."""

    def __init__(self, database: Database, run: int, holder: int, spans: Spans) -> None:
        self._db, self._run, self.holder, self._spans = database, run, holder, spans
        self._owners = Owners(database, identity())
        self._urls = Urls(database, run, holder)
        self._turns = Turns(database, run, holder)
        self._made: set[str] = set()
        self._making: set[str] = set()

    # --- writing ---

    def write(self, batch: Batch, now: float) -> list[int]:
        """Write a batch; return the ids of leases that had run out and went to somebody else before they ended here."""
        self._making = set()
        touched = self._urls.enter(batch.entries, now) if batch.entries else set()
        ours = self._urls.end(batch.ends, now)
        touched |= {lease.entry.host for lease, outcome in batch.ends if outcome.state == "retry"}
        touched |= self._urls.give_back(batch.given_back) | self._urls.wake(now)
        for file in batch.policies:
            policies.keep(self._db, file)
        touched |= batch.releases.keys()
        self._make(touched)
        self._turns.lock(touched)
        self._turns.leave(list(batch.releases.values()))
        self._turns.refresh(touched)
        return [lease.id for lease, _ in batch.ends if lease.id not in ours]

    def _make(self, hosts: Iterable[str]) -> None:
        new = set(hosts) - self._made
        self._turns.make(new)
        self._making |= new

    def committed(self) -> None:
        """Remember, after the commit, for which hosts there are rows."""
        if len(self._made) > _KNOWN_HOSTS:
            self._made.clear()
        self._made |= self._making
        self._making = set()

    def renew(self, leases: Collection[int], hosts: Mapping[str, float], now: float) -> None:
        """Keep what is ours, and give free what belongs to processes that are gone; `hosts` says until when each is wanted."""
        self._owners.alive(self.holder, now)
        self._urls.renew(sorted(leases), now + self._spans.lease)
        self._turns.keep([(host, min(until, now + self._spans.host)) for host, until in sorted(hosts.items())])
        self._bury(now)

    # --- coming and going ---

    def recover(self, now: float) -> None:
        """Give free what processes that are gone had, and run again what asked for things that only they remembered."""
        self._bury(now)
        sql = """UPDATE url SET state='pending', ended=0, until=0 WHERE run=? AND again=1 AND state NOT IN ('pending', 'leased')
 AND holder NOT IN (SELECT id FROM process WHERE gone=0) RETURNING host"""
        self._look_again({host for (host,) in self._db.rows(sql, (self._run,))})

    def _bury(self, now: float) -> None:
        touched: set[str] = set()
        for gone in self._owners.bury(now - 2 * self._spans.lease):
            touched |= self._free(gone, now, keep=(), stay=())
        self._look_again(touched)

    def _free(self, holder: int, now: float, *, keep: Collection[int], stay: Collection[str]) -> set[str]:
        """Take from a process all leases but `keep` and all hosts but `stay`.

        Those hosts may have been asked until this moment, nobody has said when the answer ended: their delay counts from now.
        """
        leased = self._db.rows("SELECT id FROM url WHERE run=? AND state='leased' AND holder=?", (self._run, holder))
        late = [(id_, holder) for (id_,) in leased if id_ not in keep]
        back = "UPDATE url SET state='pending', holder=0, until=0 WHERE id=? AND holder=? AND state='leased' RETURNING host"
        hosts = {host for (host,) in self._db.each(back, late)}
        left = [row for row in self._turns.held(holder) if row[0] not in stay]
        self._turns.take_back([(host, now + max(delay, self._spans.delay)) for host, delay in left], holder)
        return hosts | {host for host, _ in left}

    def _look_again(self, hosts: set[str]) -> None:
        self._turns.lock(hosts)
        self._turns.refresh(hosts)

    def reconcile(self, leases: Collection[int], hosts: Collection[str], now: float) -> None:
        """After a lost connection: give back what a commit gave us that we never heard of."""
        self._look_again(self._free(self.holder, now, keep=leases, stay=hosts))

    def part(self, now: float) -> None:
        """Leave the frontier; nothing is ours any more."""
        self._look_again(self._free(self.holder, now, keep=(), stay=()))
        self._owners.part(self.holder)

    # --- leasing ---

    def lease(self, limit: int, many: Mapping[str, int], now: float) -> Taken:
        """Take up to `limit` URLs: the best of each host that may be asked now, then more of the hosts in `many`."""
        self._turns.sweep(now, max(CHUNK, 2 * limit))
        rows, states = self._pick(limit, many.keys(), now)
        for host, number in many.items():
            if (wanted := min(number, limit - len(rows))) > 0:
                rows += self._take_many(host, wanted, now)
        rows.sort(key=lambda row: (-row[5], row[6], row[9]))
        return Taken([lease_of(row) for row in rows], {row[3]: (row[0], states[row[3]]) for row in rows if row[3] in states})

    def _pick(self, limit: int, unclocked: Collection[str], now: float) -> tuple[list[Row], dict[str, HostState]]:
        """Take one URL each of the ready hosts; hosts that turn out not to be free are put to sleep and others looked at."""
        rows: list[Row] = []
        states: dict[str, HostState] = {}
        while (room := limit - len(rows)) > 0:
            found = [row for row in self._turns.ready(room + len(unclocked)) if row[0] not in unclocked]
            if not found:
                break
            rows += self._closed([row for row in found if row[4]], room, now)
            open_ = [row for row in found if not row[4]]
            moments = [(row, self._free_at(row)) for row in open_]
            self._turns.asleep([(row[0], moment) for row, moment in moments if moment > now])
            free = [row for row, moment in moments if moment <= now][: limit - len(rows)]
            states |= {row[0]: state_of(row) for row in free}
            rows += self._take(free, now)
        return rows, states

    def _take(self, free: Sequence[Row], now: float) -> list[Row]:
        self._turns.take([(row[0], now + max(row[2], self._spans.delay)) for row in free], now + self._spans.host)
        taken = self._urls.lease([row[0] for row in free], now + self._spans.lease)
        empty = {row[0] for row in free} - {row[3] for row in taken}
        self._turns.leave([state_of(row) for row in free if row[0] in empty])
        self._turns.refresh([row[0] for row in free])
        return taken

    def _closed(self, closed: Sequence[Row], room: int, now: float) -> list[Row]:
        """Refuse what was never tried on closed hosts; what was begun is taken, for the archive may have its answer."""
        rows: list[Row] = []
        for row in closed:
            if self._urls.refuse_untried(row[0], row[4], now) < CHUNK and len(rows) < room:
                rows += self._urls.lease_many(row[0], room - len(rows), now + self._spans.lease)
        self._turns.refresh([row[0] for row in closed])
        return rows

    def _take_many(self, host: str, number: int, now: float) -> list[Row]:
        row = self._turns.one(host)
        if row is None or row[1] > now:
            return []
        if row[4]:
            return self._closed([row], number, now)
        if taken := self._urls.lease_many(host, number, now + self._spans.lease):
            self._turns.refresh([host])
        return taken

    def _free_at(self, row: Row) -> float:
        """Return from when on a host may be taken: its clock's moment, or a delay after an ownership that runs out unsaid."""
        delay, next_ok, holder, held_until = row[2], row[1], row[11], row[12]
        return float(max(next_ok, held_until + max(delay, self._spans.delay)) if holder else next_ok)

    # --- questions ---

    def claim(self, host: str, seconds: float, now: float) -> tuple[float, HostState]:
        """Take a host, or say how long to wait before asking again."""
        self._make([host])
        free = self._turns.try_lock(host)
        row = self._turns.one(host)
        assert row is not None, "the row was made a moment ago"
        state = state_of(row)
        if free and (wait := self._free_at(row) - now) <= 0:
            held = [(state.host, now + max(state.delay, self._spans.delay))]
            self._turns.take(held, now + min(seconds, self._spans.host))
            return 0.0, state
        if row[11] and row[12] > now:
            return max(_SOON, min(row[1], row[12]) - now), state
        return (max(_SOON, wait) if free else _SOON), state

    def state(self, host: str) -> HostState:
        """Return what is kept of a host."""
        self._make([host])
        row = self._turns.one(host)
        assert row is not None, "the row was made a moment ago"
        return state_of(row)

    def rest(self, now: float) -> float | None:
        """Return how long nothing will be there to lease, None when nothing is pending or leased."""
        run = self._run
        moments = [
            ("SELECT 0 FROM host WHERE run=? AND ready=1 LIMIT 1", 0.0),
            ("SELECT min(due) FROM host WHERE run=? AND ready=0 AND seq IS NOT NULL", 0.0),
            ("SELECT min(not_before) FROM url WHERE run=? AND state='pending' AND not_before>0", 0.0),
            # Whoever has a lease may enter URLs at any moment.
            ("SELECT min(until) FROM url WHERE run=? AND state='leased'", now + 1.0),
        ]
        found = [(self._db.rows(sql, (run,)), bound) for sql, bound in moments]
        waits = [min(rows[0][0], bound or rows[0][0]) - now for rows, bound in found if rows and rows[0][0] is not None]
        return max(_SOON, min(waits)) if waits else None

    def policy(self, origin: str, name: str) -> tuple[PolicyFile | None, PolicyFile | None]:
        """Return the last answer and the last good copy of a file about rights."""
        return policies.read(self._db, origin, name)

    def settled(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """Return who ended each of these URLs, of those that have ended."""
        return self._urls.settled(sorted(keys))
