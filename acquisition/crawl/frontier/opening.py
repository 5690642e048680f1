"""Opening a frontier, and the runs that it holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from acquisition.crawl.frontier.database import Database, SqliteDatabase
from acquisition.crawl.frontier.desk import PATIENCE_SECONDS, FrontierDesk
from acquisition.crawl.frontier.owners import Owners, identity
from acquisition.crawl.frontier.store import Spans, Store

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Run:
    """One crawl of a source. `ended` is 0 while it is unfinished; moments are seconds since 1970."""

    name: str
    source: str
    digest: str
    generation: int
    began: float
    ended: float


def connect(location: Path | str, *, now: Clock = time.time) -> Database:
    """Open a connection: a path is an SQLite file, a text the URL of a PostgreSQL database.

    Raises WorkspaceError for a file that cannot be used, SourceUnavailable, CredentialsRejected or UsageError for a database.
    """
    if isinstance(location, Path):
        location.parent.mkdir(parents=True, exist_ok=True)
        return SqliteDatabase(location, now=now)
    from acquisition.crawl.frontier.postgres import PostgresDatabase  # psycopg comes with an extra

    return PostgresDatabase(location)


@contextmanager
def _opened(location: Path | str, now: Clock) -> Iterator[Database]:
    database = connect(location, now=now)
    try:
        database.prepare()
        yield database
    finally:
        database.close()


def begin_run(location: Path | str, digest: str, *, source: str = "", now: Clock = time.time) -> str:
    """Return the name of the unfinished run of this digest, whoever began it; else begin its next generation.

    A run that was marked as finished while another process still entered URLs is unfinished.
    """
    with _opened(location, now) as database, database.transaction(exclusive=True):
        sql = "SELECT name, generation, ended FROM run WHERE source=? AND digest=? ORDER BY generation DESC LIMIT 1"
        last = database.rows(sql, (source, digest))
        if last and (not last[0][2] or _is_open(database, last[0][0])):
            database.rows("UPDATE run SET ended=0 WHERE name=?", (last[0][0],))
            return str(last[0][0])
        generation = last[0][1] + 1 if last else 1
        name = ".".join(part for part in (source, digest[:16], str(generation)) if part)
        _new_run(database, Run(name, source, digest, generation, database.now(), 0.0))
        return name


def _new_run(database: Database, run: Run) -> None:
    sql = "INSERT INTO run (name, source, digest, generation, began) VALUES (?,?,?,?,?) ON CONFLICT (name) DO NOTHING"
    database.rows(sql, (run.name, run.source, run.digest, run.generation, run.began))


def _is_open(database: Database, run: str) -> bool:
    """Say whether anything of a run is pending or leased; each kind is found by its own index."""
    kinds = ("state='pending' AND url.not_before=0", "state='pending' AND url.not_before>0", "state='leased'")
    sql = "SELECT 1 FROM run JOIN url ON url.run=run.id WHERE run.name=? AND url."
    return any(database.rows(f"{sql}{kind} LIMIT 1", (run,)) for kind in kinds)


def finish_run(location: Path | str, run: str, *, now: Clock = time.time) -> bool:
    """Mark a run as finished when nothing of it is pending or leased anywhere; say whether it is."""
    with _opened(location, now) as database, database.transaction(exclusive=True):
        if _is_open(database, run):
            return False
        database.rows("UPDATE run SET ended=? WHERE name=? AND ended=0", (database.now(), run))
        return True


def ask_again(location: Path | str, run: str, owner: str, is_lost: Callable[[Sequence[Any]], bool]) -> int:
    """Have what `owner` ended taken up again where its place in the archive is lost, and return how many URLs that are.

    A power cut may keep the frontier's last transactions and lose the end of the archive that they speak of. To be called
    before the desk is opened; `is_lost` is asked for every place ("place" among the facts) that is noted.
    """
    sql = """SELECT url.id, url.facts FROM url JOIN run ON run.id=url.run JOIN process ON process.id=url.holder
 WHERE run.name=? AND process.owner=? AND url.ended>0"""
    with _opened(location, time.time) as database:
        with database.snapshot():
            noted = ((id_, orjson.loads(facts).get("place")) for id_, facts in database.stream(sql, (run, owner)))
            lost = [(id_,) for id_, place in noted if place and is_lost(place)]
        if lost:
            with database.transaction(exclusive=True):
                database.many("UPDATE url SET again=1 WHERE id=?", lost)
                database.rows("UPDATE run SET ended=0 WHERE name=?", (run,))
    return len(lost)


def runs(location: Path | str, *, now: Clock = time.time) -> list[Run]:
    """Return all runs, oldest first."""
    with _opened(location, now) as database:
        return [
            Run(*row) for row in database.rows("SELECT name, source, digest, generation, began, ended FROM run ORDER BY id")
        ]


def open_desk(
    location: Path | str,
    run: str,
    *,
    owner: str,
    now: Clock = time.time,
    spans: Spans = Spans(),  # noqa: B008  # frozen
    patience: float = PATIENCE_SECONDS,
) -> FrontierDesk:
    """Open one run of a frontier for one process; a run that is not there yet is begun.

    `owner` is the name under which this process's pages stand as settled, usually the directory of its run. `now` is the
    clock of an SQLite file; a PostgreSQL frontier goes by the database's own. `patience` is how many seconds a database that
    was lost is looked for before everything raises SourceUnavailable. What processes that are gone had is given back first.
    """
    database = connect(location, now=now)
    try:
        database.prepare()
        with database.transaction(exclusive=True):
            moment = database.now()
            _new_run(database, Run(run, "", "", 1, moment, 0.0))
            run_id = int(database.rows("SELECT id FROM run WHERE name=?", (run,))[0][0])
            holder = Owners(database, identity()).join(owner, moment)
        with database.transaction():
            Store(database, run_id, holder, spans).recover(database.now())
    except BaseException:
        database.close()
        raise
    return FrontierDesk(
        database,
        lambda connection: Store(connection, run_id, holder, spans),
        lambda: connect(location, now=now),
        spans=spans,
        clock=now if isinstance(location, Path) else None,
        patience=patience,
    )
