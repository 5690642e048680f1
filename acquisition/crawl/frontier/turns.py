"""The statements about hosts: whose turn, from when on, and what is best there. All run inside a round's transaction.

Locks on host rows are taken in the order of their names, those on rows that somebody else may hold are skipped, never waited
for; so two processes on one PostgreSQL do not stand in each other's way for longer than one short transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import orjson

from acquisition.crawl.contract import HostState
from acquisition.crawl.frontier.database import Database, Row
from acquisition.crawl.frontier.urls import clean, written

_NEW_CLOCK = "INSERT INTO clock (host) VALUES (?) ON CONFLICT (host) DO NOTHING"
# What the watchers have learnt of a host in an earlier run goes on; what they count begins anew.
_NEW_HOST = """INSERT INTO host (run, host, memory) VALUES (?, ?, COALESCE(
 (SELECT memory FROM host WHERE host=? ORDER BY run DESC LIMIT 1), '{}')) ON CONFLICT (host, run) DO NOTHING"""
_LOCK = "/*pg SELECT host FROM host WHERE run=? AND host=ANY(?) ORDER BY host FOR UPDATE*/"
_BEST = """(priority, depth, seq)=(SELECT u.priority, u.depth, u.seq FROM url u WHERE u.run=host.run AND u.host=host.host
 AND u.state='pending' AND u.not_before=0 ORDER BY u.priority DESC, u.depth, u.seq LIMIT 1)"""
_REFRESH = f"""UPDATE host SET {_BEST}, ready=0, due=(SELECT CASE WHEN host.closed<>'' THEN 0
 WHEN c.holder<>0 AND c.held_until>c.next_ok THEN c.held_until ELSE c.next_ok END FROM clock c WHERE c.host=host.host)
 WHERE run=? AND host=?"""  # noqa: S608  # both parts are ours
_SWEEP = """WITH come AS MATERIALIZED (SELECT host FROM host WHERE run=? AND ready=0 AND seq IS NOT NULL AND due<=?
 ORDER BY due LIMIT ? /*pg FOR UPDATE SKIP LOCKED*/)
 UPDATE host SET ready=1 WHERE run=? AND host IN (SELECT host FROM come)"""
STATE: Final = """h.host, c.next_ok, c.delay, c.hold, h.closed, h.pages, h.bytes, h.seconds, h.errors, c.failures, h.memory,
 c.holder, c.held_until"""
"""The columns that `state_of` reads, of a host h and its clock c, and by whom and until when its turn is held."""
_READY = f"""SELECT {STATE} FROM host h JOIN clock c ON c.host=h.host WHERE h.run=? AND h.ready=1
 ORDER BY h.priority DESC, h.depth, h.seq LIMIT ? /*pg FOR UPDATE SKIP LOCKED*/"""  # noqa: S608  # the list of columns is ours
_ASLEEP = "UPDATE host SET ready=0, due=? WHERE run=? AND host=?"
_ONE = f"SELECT {STATE} FROM host h JOIN clock c ON c.host=h.host WHERE h.run=? AND h.host=?"  # noqa: S608  # see above
_TRY_LOCK = "SELECT host FROM clock WHERE host=? /*pg FOR UPDATE SKIP LOCKED*/"
# Its delay counts from here in case we die; who ends well writes the right moment.
_TAKE = "UPDATE clock SET holder=?, held_until=?, next_ok=? WHERE host=?"
_LEAVE = """UPDATE clock SET holder=0, held_until=0, delay=?, hold=?, failures=?,
 next_ok=CASE WHEN holder<>0 OR ?>next_ok THEN ? ELSE next_ok END WHERE host=? AND holder IN (0, ?)"""
# Somebody else has had the turn since: only what makes the host rest longer is said.
_LEAVE_LATE = "UPDATE clock SET next_ok=? WHERE host=? AND holder NOT IN (0, ?) AND next_ok<?"
_TALLY = "UPDATE host SET closed=?, pages=?, bytes=?, seconds=?, errors=?, memory=? WHERE run=? AND host=?"
_HELD = "SELECT host, delay FROM clock WHERE holder=?"
_TAKE_BACK = """UPDATE clock SET holder=0, held_until=0, next_ok=CASE WHEN next_ok<? THEN ? ELSE next_ok END
 WHERE host=? AND holder=?"""
_KEEP = "UPDATE clock SET held_until=? WHERE host=? AND holder=? AND held_until<?"


class Turns:
    """The rows of one run's hosts and of all runs' clocks, as one process writes them."""

    def __init__(self, database: Database, run: int, holder: int) -> None:
        self._db, self._run, self._holder = database, run, holder

    def make(self, hosts: Iterable[str]) -> None:
        """Make the rows of hosts that may be new."""
        names = sorted(clean(host) for host in hosts)
        self._db.many(_NEW_CLOCK, [(name,) for name in names])
        self._db.many(_NEW_HOST, [(self._run, name, name) for name in names])

    def lock(self, hosts: Collection[str]) -> None:
        """Wait until nobody else writes these rows."""
        if hosts:
            self._db.locked(_LOCK, (self._run, sorted(clean(host) for host in hosts)))

    def refresh(self, hosts: Iterable[str]) -> None:
        """Look anew at what is best on each host and when it may be asked."""
        self._db.many(_REFRESH, [(self._run, host) for host in sorted(clean(host) for host in hosts)])

    def sweep(self, now: float, limit: int) -> None:
        """Mark hosts whose moment has come."""
        self._db.rows(_SWEEP, (self._run, now, limit, self._run))

    def ready(self, limit: int) -> list[Row]:
        """Return the hosts with the best URLs among those that are marked."""
        return self._db.rows(_READY, (self._run, limit))

    def asleep(self, rows: Iterable[tuple[str, float]]) -> None:
        """Take the mark off hosts until a moment."""
        self._db.many(_ASLEEP, [(due, self._run, host) for host, due in rows])

    def try_lock(self, host: str) -> bool:
        """Say whether nobody else is at the host's clock at this moment; it is ours to read and write then."""
        return bool(self._db.rows(_TRY_LOCK, (clean(host),)))

    def one(self, host: str) -> Row | None:
        """Return a host's row, None before it was made."""
        return next(iter(self._db.rows(_ONE, (self._run, clean(host)))), None)

    def take(self, hosts: Sequence[tuple[str, float]], until: float) -> None:
        """Make hosts ours; with each goes its provisional `next_ok`."""
        self._db.many(_TAKE, [(self._holder, until, next_ok, host) for host, next_ok in hosts])

    def leave(self, states: Sequence[HostState]) -> None:
        """Write what the turns have brought and give the hosts free."""
        ordered = sorted(states, key=lambda state: state.host)
        self._db.many(_LEAVE, [self._left(state) for state in ordered])
        self._db.many(_LEAVE_LATE, [(s.next_ok, clean(s.host), self._holder, s.next_ok) for s in ordered])
        self._db.many(_TALLY, [self._tally(state) for state in ordered])

    def _left(self, s: HostState) -> tuple[object, ...]:
        return (s.delay, clean(s.hold), s.failures, s.next_ok, s.next_ok, clean(s.host), self._holder)

    def _tally(self, s: HostState) -> tuple[object, ...]:
        counts = (clean(s.closed), s.pages, s.bytes, s.seconds, s.errors, written(s.memory))
        return (*counts, self._run, clean(s.host))

    def held(self, holder: int) -> list[Row]:
        """Return the hosts of a process, with their delays."""
        return self._db.rows(_HELD, (holder,))

    def take_back(self, hosts: Iterable[tuple[str, float]], holder: int) -> None:
        """Give hosts of a process free, each not before a moment."""
        self._db.many(_TAKE_BACK, [(moment, moment, host, holder) for host, moment in sorted(hosts)])

    def keep(self, hosts: Iterable[tuple[str, float]]) -> None:
        """Stay the owner of hosts until a moment each."""
        self._db.many(_KEEP, [(until, host, self._holder, until) for host, until in hosts])


def state_of(row: Row) -> HostState:
    """Make the state of a host of its row."""
    host, next_ok, delay, hold, closed, pages, size, seconds, errors, failures, memory, *_ = row
    return HostState(host, next_ok, delay, hold, closed, pages, size, seconds, errors, failures, orjson.loads(memory))
