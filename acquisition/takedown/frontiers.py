"""Frontiers without what was taken down: a row keeps a digest in place of its address, and is not visited again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from acquisition.crawl.engine.keys import key_of
from acquisition.crawl.frontier.database import Database
from acquisition.crawl.frontier.opening import connect
from acquisition.crawl.frontier.taken_down import REASON

_MARK: Final = """UPDATE url SET url=?, request='', referrer='', detail='', facts='{}', state='refused', reason=?, not_before=0,
 again=0, holder=0, until=0, ended=CASE WHEN ended>0 THEN ended ELSE ? END WHERE id=?"""
_BATCH: Final = 500


def named(url: str) -> str:
    """Return what stands for an address that was taken down: its digest as a URN of our own."""
    return f"urn:taken-down:sha256:{hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()}"


def mark_in_frontier(location: Path | str, gone: Callable[[str], bool], urls: frozenset[str], *, every: bool = False) -> int:
    """Mark the rows of addresses that are gone in all runs, and forget where they were met; return how many there were.

    `location` is a SQLite file or a PostgreSQL address. With `every`, `gone` is asked of each address that the frontier knows;
    otherwise only `urls` are looked up by their keys. Rows that such an address led to lose it as their referrer.
    """
    if isinstance(location, Path) and not location.is_file():
        return 0
    with closing(connect(location)) as database:
        if isinstance(location, Path):
            database.rows("PRAGMA secure_delete=ON")
        found = list(_rows(database, gone, urls, every=every))
        for start in range(0, len(found), _BATCH):
            with database.transaction():
                moment = database.now()
                some = found[start : start + _BATCH]
                database.many(_MARK, [(named(url), REASON, moment, id_) for id_, url in some])
                marks = ",".join("?" * len(some))
                database.rows(f"UPDATE url SET referrer='' WHERE referrer IN ({marks})", [url for _, url in some])  # noqa: S608  # only marks
        if every:
            _forget_policies(database, gone)
    return len(found)


def _forget_policies(database: Database, gone: Callable[[str], bool]) -> None:
    """Forget what hosts that are gone said of their rights: nobody visits them again."""
    with database.transaction():
        urls = [str(url) for (url,) in database.rows("SELECT DISTINCT url FROM policy")]
        database.many("DELETE FROM policy WHERE url=?", [(url,) for url in urls if gone(url)])


def _rows(database: Database, gone: Callable[[str], bool], urls: frozenset[str], *, every: bool) -> Iterator[tuple[int, str]]:
    if every:
        with database.snapshot():
            for id_, url in database.stream("SELECT id, url FROM url"):
                if gone(url):
                    yield int(id_), str(url)
        return
    for url in sorted(urls):
        for id_, stored in database.rows("SELECT id, url FROM url WHERE key=?", (key_of(url),)):
            if not str(stored).startswith("urn:"):
                yield int(id_), str(stored)
