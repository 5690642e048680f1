"""Questions about a frontier that change nothing, for status, skip report, explain and comparing runs.

They may be asked while any number of processes crawl: each sees one picture of one moment and keeps nobody waiting.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import orjson

from acquisition.crawl.contract import HostState, PolicyFile
from acquisition.crawl.frontier import policies
from acquisition.crawl.frontier.database import Database, Row, SqliteDatabase
from acquisition.crawl.frontier.opening import Run
from acquisition.crawl.frontier.turns import STATE, state_of
from acquisition.errors import WorkspaceError

_OPEN: Final = ("pending", "leased")


@dataclass(frozen=True, slots=True)
class Count:
    """How many URLs are in a state for a reason, and the first few of them as (URL, detail)."""

    state: str
    reason: str
    number: int
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HostRow:
    """One host of a run: its state, how much waits there, and who has its turn until when ("" for nobody)."""

    state: HostState
    pending: int
    owner: str
    held_until: float


@dataclass(frozen=True, slots=True)
class UrlRow:
    """Everything that is known of one URL in one run. Moments are seconds since 1970, 0 for "not yet" and "at once".

    `owner` has the lease or ended it, `tries` counts attempts that were to be repeated, `leases` how often it was taken.
    """

    run: str
    key: bytes
    url: str
    host: str
    state: str
    reason: str
    detail: str
    referrer: str
    priority: int
    depth: int
    tries: int
    leases: int
    not_before: float
    owner: str
    until: float
    again: bool
    entered: float
    ended: float
    facts: Mapping[str, Any] = field(default_factory=dict)


_URL = """run.name, url.key, url.url, url.host, url.state, url.reason, url.detail, url.referrer, url.priority, url.depth,
 url.tries, url.leases, url.not_before, COALESCE(process.owner, ''), url.until, url.again, url.entered, url.ended, url.facts
 FROM run JOIN url ON url.run=run.id LEFT JOIN process ON process.id=url.holder"""


class Look:
    """A frontier to be read. Close it, or use it as a context manager."""

    def __init__(self, location: Path | str) -> None:
        """Open a frontier. Raises WorkspaceError when there is none at a path, and what `connect` raises."""
        self._db = _opened(location)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""
        return [
            Run(*row) for row in self._db.rows("SELECT name, source, digest, generation, began, ended FROM run ORDER BY id")
        ]

    def now(self) -> float:
        """Return the moment by the frontier's clock, to which `next_ok` and the like compare."""
        return self._db.now()

    def counts(self, run: str, *, examples: int = 3) -> list[Count]:
        """Count a run's URLs by state and reason, with the first few of each kind that has ended."""
        with self._picture(run) as id_:
            waiting = [(state, self._open(id_, state)) for state in _OPEN]
            sql = (
                "SELECT state, reason, count(*) FROM url WHERE run=? AND ended>0 GROUP BY state, reason ORDER BY state, reason"
            )
            ended = self._db.rows(sql, (id_,))
            return [
                *(Count(state, "", number) for state, number in waiting if number),
                *(Count(state, why, number, self._examples(id_, state, why, examples)) for state, why, number in ended),
            ]

    def _open(self, run: int, state: str) -> int:
        ripe = f"SELECT count(*) FROM url WHERE run=? AND state='{state}'"  # noqa: S608  # one of two words of ours
        if state == "leased":
            return int(self._db.rows(ripe, (run,))[0][0])
        return sum(int(self._db.rows(f"{ripe} AND not_before{when}0", (run,))[0][0]) for when in ("=", ">"))

    def _examples(self, run: int, state: str, reason: str, number: int) -> tuple[tuple[str, str], ...]:
        sql = "SELECT url, detail FROM url WHERE run=? AND state=? AND reason=? AND ended>0 ORDER BY id LIMIT ?"
        return tuple((url, detail) for url, detail in self._db.rows(sql, (run, state, reason, number)))

    def hosts(self, run: str) -> Iterator[HostRow]:
        """Return a run's hosts in the order of their names, one after the other."""
        sql = f"""SELECT {STATE}, COALESCE(process.owner, '') FROM host h JOIN clock c ON c.host=h.host
 LEFT JOIN process ON process.id=c.holder WHERE h.run=? ORDER BY h.host"""  # noqa: S608  # the list of columns is ours
        with self._picture(run) as id_:
            pending: dict[str, int] = {}
            for when in ("=", ">"):
                waiting = f"SELECT host, count(*) FROM url WHERE run=? AND state='pending' AND not_before{when}0 GROUP BY host"  # noqa: S608  # ours
                for host, number in self._db.stream(waiting, (id_,)):
                    pending[host] = pending.get(host, 0) + int(number)
            for row in self._db.stream(sql, (id_,)):
                yield HostRow(state_of(row), pending.get(row[0], 0), row[13], row[12])

    def url(self, url: str, *, key: bytes | None = None) -> list[UrlRow]:
        """Return what is known of a URL in all runs, oldest run first; found at once by its key, else by reading all rows."""
        where, value = ("url.url=?", url) if key is None else ("url.key=?", key)
        return [_url_row(row) for row in self._db.rows(f"SELECT {_URL} WHERE {where} ORDER BY run.id", (value,))]

    def ended(self, run: str, *, state: str = "done") -> Iterator[UrlRow]:
        """Return a run's URLs that ended in a state, one after the other, however many."""
        sql = f"SELECT {_URL} WHERE url.run=? AND url.state=? AND url.ended>0 ORDER BY url.reason, url.id"
        with self._picture(run) as id_:
            for row in self._db.stream(sql, (id_, state)):
                yield _url_row(row)

    def policy(self, origin: str, name: str) -> tuple[PolicyFile | None, PolicyFile | None]:
        """Return a file about rights as last asked for, and its last good copy."""
        return policies.read(self._db, origin, name)

    def policies(self) -> list[PolicyFile]:
        """Return every file about rights as last asked for, by origin and name; a failure stands before its last good copy."""
        return policies.all_of(self._db)

    @contextmanager
    def _picture(self, run: str) -> Iterator[int]:
        with self._db.snapshot():
            found = self._db.rows("SELECT id FROM run WHERE name=?", (run,))
            yield int(found[0][0]) if found else -1


def _opened(location: Path | str) -> Database:
    if isinstance(location, Path):
        if not location.is_file():
            raise WorkspaceError(
                f"there is no frontier at {location}",
                where=str(location),
                hint="Run `acquire crawl` first, or name another source.",
            )
        return SqliteDatabase(location, now=time.time, readonly=True)
    from acquisition.crawl.frontier.postgres import PostgresDatabase  # psycopg comes with an extra

    return PostgresDatabase(location, readonly=True)


def _url_row(row: Row) -> UrlRow:
    run, key, *middle, again, entered, ended, facts = row
    values: list[Any] = [run, bytes(key), *middle, bool(again), entered, ended, orjson.loads(facts)]
    return UrlRow(*values)
