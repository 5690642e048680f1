"""One connection to a frontier, and what SQLite does its own way; PostgreSQL's way is in postgres.py.

The statements of the frontier are the same text for both. Places for values are written `?`; what only PostgreSQL has to read
stands in a comment, `/*pg FOR UPDATE SKIP LOCKED*/`, which SQLite skips: its writers come one after the other anyway.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from acquisition.crawl.frontier.schema import INDEXES, LAYOUT, TABLES
from acquisition.errors import AcquisitionError, DiskFull, WorkspaceDamaged, WorkspaceLocked

Row = tuple[Any, ...]
Values = Sequence[object]
BUSY_SECONDS: Final = 60.0
"""How long a process waits for other writers of the same SQLite file."""


class Lost(Exception):
    """The connection is gone; what was not committed has not happened."""


class Clash(Exception):
    """Another process was in the way (deadlock, serialisation); the transaction may be tried again."""


class Database(ABC):
    """One connection; one thread at a time uses it."""

    serial: ClassVar[str]
    """The type of an id that counts itself."""
    binary: ClassVar[str]
    """The type of a column of bytes."""

    @abstractmethod
    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        """Run one statement and return what it returns."""

    @abstractmethod
    def each(self, sql: str, many: Sequence[Values]) -> list[Row]:
        """Run one statement for each set of values and return all that they return, in order."""

    @abstractmethod
    def many(self, sql: str, many: Sequence[Values]) -> None:
        """Run one statement for each set of values."""

    def locked(self, sql: str, values: Values) -> None:  # noqa: B027  # one writer at a time needs no locks
        """Run a statement that does nothing but lock rows."""

    @abstractmethod
    def transaction(self, *, exclusive: bool = False) -> AbstractContextManager[None]:
        """Make what happens inside one commit, or nothing. `exclusive` keeps other processes out that ask for the same."""

    @abstractmethod
    def now(self) -> float:
        """Return the moment by the frontier's clock, in seconds since 1970."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """Make what is read inside one picture of one moment; nothing is written."""

    @abstractmethod
    def stream(self, sql: str, values: Values = ()) -> Iterator[Row]:
        """Return rows one after the other without holding them all; inside a snapshot."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def prepare(self) -> None:
        """Make the tables that are missing. Raises WorkspaceDamaged when another version made them."""
        with self.transaction(exclusive=True):
            for statement in (*TABLES, *INDEXES):
                self.rows(statement.format(serial=self.serial, binary=self.binary))
            if not (found := self.rows("SELECT version FROM layout")):
                self.rows("INSERT INTO layout (version) VALUES (?)", (LAYOUT,))
            elif found != [(LAYOUT,)]:
                raise WorkspaceDamaged(
                    f"the frontier has layout {found[0][0]}, this version of acquisition reads layout {LAYOUT}",
                    hint="Use the version of acquisition that made the frontier, or another workspace or database.",
                )


class SqliteDatabase(Database):
    """A frontier in one file. Several processes may work on it; a write-ahead log keeps readers and the writer apart."""

    serial = "INTEGER PRIMARY KEY"
    binary = "BLOB"

    def __init__(self, path: Path, *, now: Callable[[], float], readonly: bool = False) -> None:
        self._path, self._clock = path, now
        with self._translated():
            mode = "ro" if readonly else "rwc"
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=BUSY_SECONDS,
                cached_statements=128,
            )
        if not readonly:
            self._set_up()

    def _set_up(self) -> None:
        """A commit survives the death of the process at once, that of the machine from the next checkpoint on.

        What a power cut takes back is done again from the archive, which is synced on its own.
        """
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=4000", "cache_size=-16384"):
            self.rows(f"PRAGMA {pragma}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _told(error, self._path) from error

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        """Run one statement and return what it returns."""
        with self._translated():
            return self._db.execute(sql, values).fetchall()

    def each(self, sql: str, many: Sequence[Values]) -> list[Row]:
        """Run one statement for each set of values and return all that they return, in order."""
        with self._translated():
            run = self._db.execute
            return [row for values in many for row in run(sql, values).fetchall()]

    def many(self, sql: str, many: Sequence[Values]) -> None:
        """Run one statement for each set of values."""
        if many:
            with self._translated():
                self._db.executemany(sql, many)

    @contextmanager
    def transaction(self, *, exclusive: bool = False) -> Iterator[None]:  # noqa: ARG002  # a writer is alone in any case
        """Make what happens inside one commit, or nothing."""
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.rollback()
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Make what is read inside one picture of one moment."""
        if self._db.in_transaction:
            yield
            return
        self.rows("BEGIN")
        try:
            yield
        finally:
            self._db.rollback()

    def stream(self, sql: str, values: Values = ()) -> Iterator[Row]:
        """Return rows one after the other."""
        with self._translated():
            yield from self._db.execute(sql, values)

    def now(self) -> float:
        """Return the machine's clock: a file has no other, and its processes share this one."""
        return self._clock()

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _told(error: sqlite3.DatabaseError, path: Path) -> AcquisitionError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFull("the disk is full", where=str(path), hint="Free some space and run the same command again.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return WorkspaceLocked(
            f"another program has been writing the frontier for {BUSY_SECONDS:.0f} s",
            where=str(path),
            hint="Close what else has that file open, and run the same command again.",
        )
    return WorkspaceDamaged(
        f"the frontier cannot be used: {error}",
        where=str(path),
        hint="Move that file away and crawl again: pages that are archived are not fetched a second time.",
    )
