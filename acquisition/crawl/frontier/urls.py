"""The statements about URLs: entering, leasing, ending. All of them run inside a round's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import orjson

from acquisition.crawl.contract import Entry, Lease, Outcome
from acquisition.crawl.frontier.database import Database, Row

CLOSED: Final = "host-closed"
"""The reason of URLs that are never tried because their host is closed; the detail says why it is."""
CHUNK: Final = 2_000
"""How many rows one round moves at most for other reasons than the caller's, so that rounds stay short."""

_ENTER = """INSERT INTO url (run, key, url, host, request, priority, depth, seq, not_before, state, reason, detail, referrer,
 entered, ended) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (run, key) DO NOTHING RETURNING key"""
# A link that a rule refused in one place and nothing forbids in another is visited after all.
_REVIVE = """UPDATE url SET url=?, host=?, request=?, priority=?, depth=?, seq=?, not_before=?, state='pending', reason='',
 detail='', referrer=?, ended=0 WHERE run=? AND key=? AND state='refused' AND leases=0 RETURNING host"""
_LEASE = """UPDATE url SET state='leased', holder=?, until=?, leases=leases+1 WHERE id=(SELECT id FROM url
 WHERE run=? AND host=? AND state='pending' AND not_before=0 ORDER BY priority DESC, depth, seq LIMIT 1
 /*pg FOR UPDATE SKIP LOCKED*/) RETURNING id, key, url, host, request, priority, depth, referrer, tries, seq"""
_LEASE_MANY = """WITH best AS MATERIALIZED (SELECT id FROM url
 WHERE run=? AND host=? AND state='pending' AND not_before=0 ORDER BY priority DESC, depth, seq LIMIT ?
 /*pg FOR UPDATE SKIP LOCKED*/) UPDATE url SET state='leased', holder=?, until=?, leases=leases+1
 WHERE id IN (SELECT id FROM best) RETURNING id, key, url, host, request, priority, depth, referrer, tries, seq"""
# Also when the lease ran out and nobody has taken the URL yet, and once more after a commit that was not acknowledged.
_END = """UPDATE url SET state=?, reason=?, detail=?, not_before=?, again=?, facts=?, tries=tries+?, until=0, ended=?, holder=?
 WHERE id=? AND (holder=? OR state='pending') RETURNING id"""
_GIVE_BACK = """UPDATE url SET state='pending', holder=0, until=0, leases=leases-1
 WHERE id=? AND holder=? AND state='leased' RETURNING host"""
_RIPEN = """WITH ripe AS MATERIALIZED (SELECT id FROM url WHERE run=? AND state='pending' AND not_before>0 AND not_before<=?
 ORDER BY not_before LIMIT ? /*pg FOR UPDATE SKIP LOCKED*/)
 UPDATE url SET not_before=0 WHERE id IN (SELECT id FROM ripe) RETURNING host"""
_EXPIRE = """WITH late AS MATERIALIZED (SELECT id FROM url WHERE run=? AND state='leased' AND until<=?
 ORDER BY until LIMIT ? /*pg FOR UPDATE SKIP LOCKED*/)
 UPDATE url SET state='pending', holder=0, until=0 WHERE id IN (SELECT id FROM late) RETURNING host"""
_REFUSE_UNTRIED = """WITH untried AS MATERIALIZED (SELECT id FROM url WHERE run=? AND host=? AND state='pending'
 AND not_before=0 AND leases=0 LIMIT ? /*pg FOR UPDATE SKIP LOCKED*/)
 UPDATE url SET state='refused', reason=?, detail=?, ended=?, request='' WHERE id IN (SELECT id FROM untried) RETURNING id"""
_RENEW = "UPDATE url SET until=? WHERE id=? AND holder=? AND state='leased'"
_SETTLED = """SELECT url.key, process.owner FROM url JOIN process ON process.id=url.holder
 WHERE url.run=? AND url.key=? AND url.state NOT IN ('pending', 'leased')"""


def clean(text: str) -> str:
    """Return a text that both databases store: no NUL, no lone surrogates."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def written(value: Mapping[str, object]) -> str:
    """Return small JSON; what JSON has no word for becomes its text."""
    return orjson.dumps(dict(value), default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class Urls:
    """The rows of one run's URLs, as one process writes them."""

    def __init__(self, database: Database, run: int, holder: int) -> None:
        self._db, self._run, self._holder = database, run, holder
        self._seq = 0

    def enter(self, entries: Sequence[Entry], now: float) -> set[str]:
        """Enter URLs that are new to the run, in their order; return the hosts that have something more to do.

        Rows are written in the order of their keys, so that two processes that enter the same links wait for each other in
        the same order; the order of entry is kept in `seq`.
        """
        first = max(self._seq + 1, int(now * 1e6))
        self._seq = first + len(entries)
        once: dict[bytes, tuple[Entry, int]] = {}
        for seq, entry in enumerate(entries, first):
            if entry.key not in once or (once[entry.key][0].refused and not entry.refused):
                once[entry.key] = entry, seq
        new = {bytes(key) for (key,) in self._db.each(_ENTER, [self._row(*once[key], now) for key in sorted(once)])}
        wanted = [(entry, seq) for entry, seq in once.values() if not entry.refused]
        touched = {entry.host for entry, _ in wanted if entry.key in new}
        known = sorted(((e, seq) for e, seq in wanted if e.key not in new), key=lambda pair: pair[0].key)
        touched.update(host for (host,) in self._db.each(_REVIVE, [self._revived(e, seq, now) for e, seq in known]))
        return touched

    def _row(self, e: Entry, seq: int, now: float) -> tuple[object, ...]:
        head = (self._run, e.key, clean(e.url), clean(e.host), "" if e.refused else clean(e.request), e.priority, e.depth, seq)
        how = (_later(e.not_before, now), "refused" if e.refused else "pending", clean(e.refused), clean(e.detail))
        return (*head, *how, clean(e.referrer), now, now if e.refused else 0.0)

    def _revived(self, e: Entry, seq: int, now: float) -> tuple[object, ...]:
        head = (clean(e.url), clean(e.host), clean(e.request), e.priority, e.depth, seq, _later(e.not_before, now))
        return (*head, clean(e.referrer), self._run, e.key)

    def end(self, ends: Iterable[tuple[Lease, Outcome]], now: float) -> set[int]:
        """End leases; return the ids that were ours to end (the others ran out and went to somebody else)."""
        return {id_ for (id_,) in self._db.each(_END, [self._end(lease, outcome, now) for lease, outcome in ends])}

    def _end(self, lease: Lease, o: Outcome, now: float) -> tuple[object, ...]:
        retry = o.state == "retry"
        head = ("pending" if retry else o.state, clean(o.reason), clean(o.detail), _later(o.not_before, now) if retry else 0.0)
        how = (int(o.again and not retry), written(o.facts), int(retry), 0.0 if retry else now, 0 if retry else self._holder)
        return (*head, *how, lease.id, self._holder)

    def lease(self, hosts: Sequence[str], until: float) -> list[Row]:
        """Take the best URL of each host."""
        return self._db.each(_LEASE, [(self._holder, until, self._run, host) for host in hosts])

    def lease_many(self, host: str, number: int, until: float) -> list[Row]:
        """Take the best URLs of one host."""
        return self._db.rows(_LEASE_MANY, (self._run, host, number, self._holder, until))

    def give_back(self, ids: Iterable[int]) -> set[str]:
        """Put leased URLs back as if they had never been taken; return their hosts."""
        return {host for (host,) in self._db.each(_GIVE_BACK, [(id_, self._holder) for id_ in ids])}

    def wake(self, now: float) -> set[str]:
        """Make pending again what waited for this moment and what somebody's lease ran out on; return the hosts."""
        ripe = self._db.rows(_RIPEN, (self._run, now, CHUNK))
        return {host for (host,) in (*ripe, *self._db.rows(_EXPIRE, (self._run, now, CHUNK)))}

    def refuse_untried(self, host: str, why: str, now: float) -> int:
        """Refuse what waits on a closed host and was never tried, a few thousand at once; return how many."""
        return len(self._db.rows(_REFUSE_UNTRIED, (self._run, host, CHUNK, CLOSED, clean(why), now)))

    def renew(self, ids: Iterable[int], until: float) -> None:
        """Keep leases longer."""
        self._db.many(_RENEW, [(until, id_, self._holder) for id_ in ids])

    def settled(self, keys: Iterable[bytes]) -> dict[bytes, str]:
        """Return who ended each URL that has ended by a lease."""
        return {bytes(key): owner for key, owner in self._db.each(_SETTLED, [(self._run, key) for key in keys])}


def _later(moment: float, now: float) -> float:
    return moment if moment > now else 0.0


def lease_of(row: Row) -> Lease:
    """Make a lease of a row that LEASE returned."""
    id_, key, url, host, request, priority, depth, referrer, tries, _ = row
    entry = Entry(bytes(key), url, host, request=request, priority=priority, depth=depth, referrer=referrer)
    return Lease(id_, entry, tries)
