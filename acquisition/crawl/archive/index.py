"""index.sqlite of a run directory: which exchange lies where. Derived from the WARC files and the item lists, never the truth.

Rows are written after the bytes they speak of, many in one transaction. What a kill has kept from being written is read from
the end of the files when the run is opened again; a damaged or missing index is made anew. `file.indexed` is how far each
file has been taken in, in the same transaction as its rows.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from acquisition.crawl.archive.index_schema import COLUMNS, SCHEMA
from acquisition.crawl.archive.rows import Row
from acquisition.crawl.archive.seen import Seen
from acquisition.crawl.contract import Place
from acquisition.errors import DiskFull

INDEX_FILE: Final = "index.sqlite"

INDEX_VERSION: Final = 3
"""An index of another version is made anew from the files."""
_COMMIT_EVERY: Final = 256
_WRITE_EVERY: Final = 64
_COMMIT_SECONDS: Final = 1.0
"""So that whoever looks from another process sees a slow crawl, too."""
_INSERT_ITEM: Final = "INSERT OR IGNORE INTO item VALUES (?, ?, ?, ?, 0)"
_INSERT: Final = f"INSERT INTO exchange (url_key, {COLUMNS}) VALUES ({','.join('?' * 21)})"  # noqa: S608  # constant


def key_of(text: str) -> int:
    """Return 64 bits of a digest, as SQLite has integers."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def item_key(locator: str) -> bytes:
    """Return what tells an item from all others of a run."""
    return hashlib.sha256(locator.encode("utf-8", "surrogatepass")).digest()[:16]


class Index:
    """The index of one run directory. Calls come from one thread at a time."""

    def __init__(self, directory: Path, *, alone: bool = False) -> None:
        """With `alone`, whatever enters it from now on is told to this object (`add`, `add_item`, `met`)."""
        self._path = directory / INDEX_FILE
        self._waiting = 0
        self._lost = self._wrote = False
        self._reached: dict[str, int] = {}
        self._synced: dict[str, int] = {}
        self._committed = time.monotonic()
        self._pending: dict[str, list[tuple[object, ...]]] = {}
        self._unwritten = 0
        try:
            self._db = self._connect()
        except sqlite3.OperationalError:  # locked, full…: not a reason to make it anew
            raise
        except sqlite3.DatabaseError:  # damaged: it only repeats what the files say
            for name in (INDEX_FILE, f"{INDEX_FILE}-wal", f"{INDEX_FILE}-shm"):
                (directory / name).unlink(missing_ok=True)
            self._db = self._connect()
        self._seen = Seen() if alone and self._is_empty() else None
        """What an index that was empty has been given since: whatever is not among it need not be looked for."""

    def _is_empty(self) -> bool:
        tables = ("exchange", "item", "file")
        return not any(self._db.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in tables)  # noqa: S608  # constant

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != INDEX_VERSION:
                db.executescript("".join(f"DROP TABLE IF EXISTS {name};" for name in ("exchange", "item", "file")))
                db.executescript(SCHEMA + f"PRAGMA user_version={INDEX_VERSION};")
        except BaseException:
            db.close()
            raise
        return db

    def met(self, one: str | bytes) -> None:
        """Hear of an address or an item's key that it is given, here or by whoever writes it."""
        if self._seen is not None:
            self._seen.add(one)

    def add(self, row: Row, end: int) -> None:
        """Take in an exchange whose bytes have been written and reach to `end` of its file; DiskFull when there is no room."""
        values = (key_of(row.url), _text(row.url), row.kind, row.method, *_values(row.place), *_values(row.body))
        rest = (row.bytes, row.sha256, row.digest, row.etag, row.last_modified, row.length, row.mime)
        self.met(row.url)
        self._write(_INSERT, *values, *rest)
        self.reached(row.place.file, end)

    def reached(self, file: str, end: int) -> None:
        """Note how far a file has been taken in."""
        if self._lost:
            return  # rows are missing, so the file is taken in again when the run is opened again
        self._reached[file] = end
        self._waiting += 1
        if self._waiting >= _COMMIT_EVERY or time.monotonic() - self._committed > _COMMIT_SECONDS:
            self.commit()

    def is_synced(self, file: str, end: int) -> None:
        """Note up to where a file's bytes are certainly on disk."""
        self._synced[file] = end

    def indexed(self, file: str) -> int:
        """Return how far a file has been taken in."""
        return self._reached.get(file, self._of_file(file)[0])

    def synced(self, file: str) -> int:
        """Return up to where a file's bytes are certainly on disk, as far as they have been taken in."""
        return min(self._synced.get(file, self._of_file(file)[1]), self.indexed(file))

    def _of_file(self, file: str) -> tuple[int, int]:
        found = self._db.execute("SELECT indexed, synced FROM file WHERE name = ?", (file,)).fetchone()
        return (int(found[0]), int(found[1])) if found else (0, 0)

    def files(self) -> list[str]:
        """Return the names of all files that something is known of."""
        known = {str(name) for (name,) in self._db.execute("SELECT name FROM file")}
        return sorted(known.union(self._reached))

    def forget(self, *names: str) -> None:
        """Forget everything that was taken in from files: they are shorter than they were (a power cut)."""
        self._flush()
        for name in names:
            self._reached.pop(name, None)
            self._synced.pop(name, None)
            self._db.execute("DELETE FROM exchange WHERE file = ?", (name,))
            self._db.execute("DELETE FROM item WHERE list = ?", (name,))
            self._db.execute("DELETE FROM file WHERE name = ?", (name,))
        self.commit()

    def rows(self, url: str) -> list[Row]:
        """Return all exchanges about a URL, oldest first."""
        if self._seen is not None and url not in self._seen:
            return []
        self._flush()
        found = self._db.execute(f"SELECT {COLUMNS} FROM exchange WHERE url_key = ? ORDER BY id", (key_of(url),))  # noqa: S608  # constant
        return [row for row in map(_row, found) if row.url == _text(url)]

    def everything(self, kinds: tuple[str, ...] = ("page", "media")) -> Iterator[Row]:
        """Yield all exchanges of these kinds, ordered by URL key and then by age."""
        marks = ",".join("?" * len(kinds))
        self._flush()
        query = f"SELECT {COLUMNS} FROM exchange WHERE kind IN ({marks}) ORDER BY url_key, id"  # noqa: S608  # only marks
        yield from map(_row, self._db.execute(query, kinds))

    def totals(self) -> tuple[int, int]:
        """Return how many exchanges are no policy files, and the bytes of their bodies."""
        self._flush()
        count, size = self._db.execute("SELECT count(*), total(bytes) FROM exchange WHERE kind != 'policy'").fetchone()
        return int(count), int(size)

    def add_item(self, key: bytes, url: str, page: bytes, name: str) -> None:
        """Take in an item of a list; DiskFull when there is no room."""
        self.met(key)
        self._write(_INSERT_ITEM, key, key_of(url), page, name)

    def has_item(self, key: bytes) -> bool:
        """Say whether the run has this item."""
        if self._seen is not None and key not in self._seen:
            return False
        self._flush()
        return self._db.execute("SELECT 1 FROM item WHERE key = ?", (key,)).fetchone() is not None

    def has_items_of(self, url: str) -> bool:
        """Say whether the run has an item found under this final URL."""
        self._flush()
        found = self._db.execute("SELECT 1 FROM item WHERE url_key = ? AND void = 0 LIMIT 1", (key_of(url),))
        return found.fetchone() is not None

    def item_count(self) -> int:
        """Return how many items there are that are not void."""
        self._flush()
        return int(self._db.execute("SELECT count(*) FROM item WHERE void = 0").fetchone()[0])

    def item_pages(self) -> Iterator[bytes]:
        """Yield the keys of the pages that have items which are not void; more may be added meanwhile."""
        self._flush()
        last = b""
        query = "SELECT DISTINCT page FROM item WHERE page > ? AND void = 0 ORDER BY page LIMIT 1000"
        while found := self._db.execute(query, (last,)).fetchall():
            yield from (page for (page,) in found)
            last = found[-1][0]

    def void_items(self, pages: list[bytes]) -> int:
        """Mark the items of pages as void and return how many there were."""
        self._flush()
        self._begin()
        found = [self._db.execute("UPDATE item SET void = 1 WHERE page = ? AND void = 0", (page,)).rowcount for page in pages]
        return sum(found)

    def void_lists(self) -> list[str]:
        """Return the names of the lists that hold void items."""
        self._flush()
        return [str(name) for (name,) in self._db.execute("SELECT DISTINCT list FROM item WHERE void = 1 ORDER BY list")]

    def is_void(self, key: bytes) -> bool:
        """Say whether an item is void."""
        self._flush()
        return self._db.execute("SELECT 1 FROM item WHERE key = ? AND void = 1", (key,)).fetchone() is not None

    def drop_void(self, name: str) -> None:
        """Forget the void items of a list that has been written without them."""
        self._flush()
        self._begin()
        self._db.execute("DELETE FROM item WHERE list = ? AND void = 1", (name,))

    def remove(self, places: Iterable[tuple[str, int]], items: Iterable[bytes]) -> None:
        """Forget exchanges by file and offset and items by key, and overwrite what the file of the index held of them."""
        self._flush()
        self._db.execute("PRAGMA secure_delete=ON")
        self._begin()
        self._db.executemany("DELETE FROM exchange WHERE file = ? AND offset = ?", list(places))
        self._db.executemany("DELETE FROM item WHERE key = ?", [(key,) for key in items])

    def exchanges(self) -> Iterator[tuple[str, str, str, int, str, int, str]]:
        """Yield URL, kind, file, offset and the body's file, offset and sha256 of everything, in the order of its coming."""
        self._flush()
        yield from self._db.execute("SELECT url, kind, file, offset, body_file, body_offset, sha256 FROM exchange ORDER BY id")

    def commit(self) -> None:
        """Write what waits; DiskFull when there is no room."""
        if not self._reached and not self._unwritten and not self._db.in_transaction:
            return
        self._flush()
        try:
            self._begin()
            ends = [(name, end, self.synced(name)) for name, end in sorted(self._reached.items())]
            self._db.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", ends)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._failed(error)
        self._reached.clear()
        self._waiting, self._committed = 0, time.monotonic()

    def close(self) -> None:
        """Write what waits and close; who has written folds the write-ahead log in, so that one file remains."""
        self.commit()
        if not self._wrote:
            self._db.close()
            return
        with suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def _write(self, statement: str, *values: object) -> None:
        """Have a row written with the next ones; when that fails, nothing is noted as taken in any more."""
        self._pending.setdefault(statement, []).append(values)
        self._unwritten += 1
        if self._unwritten >= _WRITE_EVERY:
            self._flush()

    def _flush(self) -> None:
        """Write inside a transaction what waits, before anything is asked."""
        if not self._unwritten:
            return
        waiting, self._pending, self._unwritten = self._pending, {}, 0
        try:
            self._begin()
            for statement, rows in waiting.items():
                self._db.executemany(statement, rows)
        except sqlite3.OperationalError as error:
            self._failed(error)

    def _failed(self, error: sqlite3.OperationalError) -> NoReturn:
        self._lost = True
        self._reached.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull("the index of the archive cannot be written: the disk is full", where=str(self._path)) from error
        raise error

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
            self._wrote = True


def _row(found: tuple[object, ...]) -> Row:
    url, kind, method, *rest = found
    return Row(url, kind, method, Place(*rest[0:5]), Place(*rest[5:10]), *rest[10:])  # type: ignore[arg-type]  # as the schema has them


def _values(place: Place) -> tuple[str, int, str, str, int]:
    return place.file, place.offset, place.record_id, place.date, place.status


def _text(url: str) -> str:
    return url.encode("utf-8", "replace").decode()
