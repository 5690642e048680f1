"""The files about rights, per origin: the last answer, and the last good copy beside a failure."""

from __future__ import annotations

from acquisition.crawl.contract import PolicyFile
from acquisition.crawl.frontier.database import Database, Row
from acquisition.crawl.frontier.urls import clean

_KEEP = """INSERT INTO policy (origin, name, good, url, fetched, expires, status, body, closed) VALUES (?,?,?,?,?,?,?,?,?)
 ON CONFLICT (origin, name, good) DO UPDATE SET url=excluded.url, fetched=excluded.fetched, expires=excluded.expires,
 status=excluded.status, body=excluded.body, closed=excluded.closed WHERE excluded.fetched>=policy.fetched"""


def keep(database: Database, file: PolicyFile) -> None:
    """Keep a file; a good one replaces whatever failure came before it."""
    good = int(not file.closed and 200 <= file.status < 300)
    name = (clean(file.origin), clean(file.name))
    facts = (clean(file.url), file.fetched, file.expires, file.status, file.body, clean(file.closed))
    database.rows(_KEEP, (*name, good, *facts))
    if good:
        database.rows("DELETE FROM policy WHERE origin=? AND name=? AND good=0 AND fetched<=?", (*name, file.fetched))


def read(database: Database, origin: str, name: str) -> tuple[PolicyFile | None, PolicyFile | None]:
    """Return the last answer and the last good copy; the same file when the last answer was good."""
    sql = "SELECT good, url, fetched, expires, status, body, closed FROM policy WHERE origin=? AND name=?"
    files = {row[0]: _file(origin, name, row) for row in database.rows(sql, (clean(origin), clean(name)))}
    return files.get(0, files.get(1)), files.get(1)


def all_of(database: Database) -> list[PolicyFile]:
    """Return the last answer of every file, by origin and name."""
    names = database.rows("SELECT DISTINCT origin, name FROM policy ORDER BY origin, name")
    last = (read(database, str(origin), str(name))[0] for origin, name in names)
    return [file for file in last if file is not None]


def _file(origin: str, name: str, row: Row) -> PolicyFile:
    _, url, fetched, expires, status, body, closed = row
    return PolicyFile(origin, name, url, fetched, expires, status, None if body is None else bytes(body), closed)
