"""The journal: what was transferred, what is on its way, and which runs there were. SQLite with a write-ahead log.

A commit survives the death of the process at once and the death of the machine at the next checkpoint (`synchronous=NORMAL`).
That is enough: a row that a power cut takes back is a file that is fetched or hashed again, and no row is ever trusted for
bytes that were not verified when it was written (see docs/decisions/0003-download-client.md).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final, Self

from acquisition.errors import WorkspaceDamaged

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS blobs (
  source TEXT NOT NULL, release TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  fetched_at TEXT NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL, url TEXT NOT NULL, checked TEXT NOT NULL,
  unwrapped TEXT NOT NULL, PRIMARY KEY (source, release, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
  key TEXT PRIMARY KEY, source TEXT NOT NULL, release TEXT NOT NULL, path TEXT NOT NULL, etag TEXT NOT NULL,
  last_modified TEXT NOT NULL, size INTEGER, segments TEXT NOT NULL, facts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS local_files (
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, digests TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY, command TEXT NOT NULL, began_at TEXT NOT NULL, ended_at TEXT, summary TEXT);
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """One asset that arrived: which, the digest and size of its content, when, and what the server said of it.

    `digests_checked` are "algorithm:value" texts that were compared and agreed; `url` is the final one without its query;
    `unwrapped` says what was taken off the delivered bytes ("zip:<member>", "gzip"), "" for nothing.
    """

    source: str
    release: str
    path: str
    sha256: str
    size: int
    fetched_at: str
    etag: str = ""
    last_modified: str = ""
    url: str = ""
    digests_checked: tuple[str, ...] = ()
    unwrapped: str = ""


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """One stretch of a part file: bytes [start, reached) are on disk and hash to `check` (xxh3-64); `end` may be unknown."""

    start: int
    reached: int
    end: int | None
    check: str


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A file on its way: the validator that its bytes belong to, its full size if known, and what of it is on disk.

    `facts` are what the server said when the first byte came and what the end needs to know (JSON object).
    """

    key: str
    source: str
    release: str
    path: str
    etag: str
    last_modified: str
    size: int | None
    segments: tuple[SegmentRecord, ...]
    facts: str = "{}"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of a command; `ended_at` and `summary` (JSON) are "" while it runs or when it was killed."""

    id: int
    command: str
    began_at: str
    ended_at: str
    summary: str


class Journal:
    """The journal of one workspace; may be used from several threads. Close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.RLock()
        self._depth = 0
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=64)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise WorkspaceDamaged(
                f"the journal has layout {version}, this version of acquisition writes layout {_VERSION}",
                where=str(self._path),
                hint="Use the version of acquisition that made the workspace, or another workspace.",
            )
        self._db.executescript(_SCHEMA + f"PRAGMA user_version={_VERSION};")

    def _damaged(self, error: Exception) -> WorkspaceDamaged:
        return WorkspaceDamaged(
            f"the journal cannot be read: {error}",
            where=str(self._path),
            hint="Move that file away and run `acquire fetch` again: what is complete is recognised by its digests.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; everything committed is on disk."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Group everything written inside into one commit. May be nested; the outermost one commits."""
        with self._lock:
            if self._depth == 0:
                self._execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._execute("COMMIT")

    def _execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                from acquisition.errors import DiskFull

                raise DiskFull("the disk is full", where=str(self._path), hint="Free some space and run again.") from error
            raise self._damaged(error) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    # --- assets that arrived ---

    def record_blob(
        self, source: str, release: str, path: str, *, sha256: str, size: int, fetched_at: str, **more: Any
    ) -> BlobRecord:
        """Remember that an asset arrived and return the record; `more` are the other fields of BlobRecord."""
        record = BlobRecord(source, release, path, sha256, size, fetched_at, **more)
        self.record_blobs([record])
        return record

    def record_blobs(self, records: Iterable[BlobRecord]) -> None:
        """Remember several assets in one commit."""
        rows = [_blob_row(record) for record in records]
        with self.transaction():
            try:
                self._db.executemany("INSERT OR REPLACE INTO blobs VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
            except sqlite3.DatabaseError as error:
                raise self._damaged(error) from error

    def blob_of(self, source: str, release: str, path: str) -> BlobRecord | None:
        """Return what arrived for an asset, None if nothing has."""
        with self._lock:
            row = self._execute(
                "SELECT * FROM blobs WHERE source=? AND release=? AND path=?", (source, release, path)
            ).fetchone()
        return None if row is None else _blob_record(row)

    def blobs_of(self, source: str, release: str | None = None) -> list[BlobRecord]:
        """Return everything that arrived for a source (and release), in order of release and path."""
        where, values = ("source=?", [source]) if release is None else ("source=? AND release=?", [source, release])
        with self._lock:
            rows = self._execute(f"SELECT * FROM blobs WHERE {where} ORDER BY release, path", values).fetchall()  # noqa: S608  # `where` is ours
        return [_blob_record(row) for row in rows]

    def has_blobs(self, source: str, release: str) -> bool:
        """Say whether anything has arrived for a source's release."""
        with self._lock:
            row = self._execute("SELECT 1 FROM blobs WHERE source=? AND release=? LIMIT 1", (source, release)).fetchone()
        return row is not None

    def forget_blob(self, source: str, release: str, path: str) -> None:
        """Forget that an asset arrived, so that it is fetched again."""
        with self.transaction():
            self._execute("DELETE FROM blobs WHERE source=? AND release=? AND path=?", (source, release, path))

    def forget_contents(self, gone: Callable[[str], bool]) -> None:
        """Forget every asset whose content is gone, and overwrite what the file of the journal held of it."""
        self._forget("DELETE FROM blobs", "sha256", gone)

    def forget_addresses(self, gone: Callable[[str], bool]) -> None:
        """Forget the addresses that are gone; what came from there is remembered without."""
        self._forget("UPDATE blobs SET url=''", "url", gone)

    def _forget(self, statement: str, column: str, gone: Callable[[str], bool]) -> None:
        """Do it to all rows at once: neither column has an index, and each statement reads the whole table."""
        with self.transaction():
            known = (value for (value,) in self._execute(f"SELECT DISTINCT {column} FROM blobs"))  # noqa: S608  # ours
            values = json.dumps([value for value in known if gone(value)])
            self._execute("PRAGMA secure_delete=ON")
            self._execute(f"{statement} WHERE {column} IN (SELECT value FROM json_each(?))", (values,))  # noqa: S608

    # --- files on their way ---

    def part(self, key: str) -> PartRecord | None:
        """Return what is known of a part file."""
        with self._lock:
            row = self._execute("SELECT * FROM parts WHERE key=?", (key,)).fetchone()
        if row is None:
            return None
        *head, segments, facts = row
        values: list[Any] = [*head, tuple(SegmentRecord(*segment) for segment in json.loads(segments)), facts]
        return PartRecord(*values)

    def save_parts(self, parts: Iterable[PartRecord]) -> None:
        """Remember how far part files have come, in one commit."""
        with self.transaction():
            for part in parts:
                segments = json.dumps([astuple(segment) for segment in part.segments], separators=(",", ":"))
                values = (part.key, part.source, part.release, part.path, part.etag, part.last_modified, part.size)
                self._execute("INSERT OR REPLACE INTO parts VALUES (?,?,?,?,?,?,?,?,?)", (*values, segments, part.facts))

    def drop_part(self, key: str) -> None:
        """Forget a part file."""
        with self.transaction():
            self._execute("DELETE FROM parts WHERE key=?", (key,))

    def part_keys(self) -> frozenset[str]:
        """Return the keys of all part files that can be resumed."""
        with self._lock:
            return frozenset(row[0] for row in self._execute("SELECT key FROM parts"))

    # --- the user's own files ---

    def local_digests(self, path: str, size: int, mtime_ns: int) -> dict[str, str]:
        """Return the digests (algorithm → value) of a local file if it was hashed at this size and time, else {}."""
        with self._lock:
            row = self._execute(
                "SELECT digests FROM local_files WHERE path=? AND size=? AND mtime_ns=?", (path, size, mtime_ns)
            ).fetchone()
        return {} if row is None else dict(json.loads(row[0]))

    def record_local(self, path: str, size: int, mtime_ns: int, digests: dict[str, str]) -> None:
        """Remember the digests of a local file as it was at this size and time."""
        with self.transaction():
            values = (path, size, mtime_ns, json.dumps(digests, sort_keys=True))
            self._execute("INSERT OR REPLACE INTO local_files VALUES (?,?,?,?)", values)

    # --- runs and facts ---

    def begin_run(self, command: str, at: str) -> int:
        """Remember that a run began (ISO 8601, UTC) and return its number."""
        with self.transaction():
            number = self._execute("INSERT INTO runs (command, began_at) VALUES (?,?)", (command, at)).lastrowid
        assert number is not None
        return number

    def end_run(self, run: int, at: str, summary_json: str) -> None:
        """Remember how a run ended."""
        with self.transaction():
            self._execute("UPDATE runs SET ended_at=?, summary=? WHERE id=?", (at, summary_json, run))

    def last_run(self) -> RunRecord | None:
        """Return the latest run, None before the first."""
        with self._lock:
            row = self._execute(
                "SELECT id, command, began_at, coalesce(ended_at,''), coalesce(summary,'') FROM runs ORDER BY id DESC LIMIT 1"
            ).fetchone()
        return None if row is None else RunRecord(*row)

    def fact(self, key: str) -> str | None:
        """Return a remembered text."""
        with self._lock:
            row = self._execute("SELECT value FROM facts WHERE key=?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, key: str, value: str | None) -> None:
        """Remember a text under a key; None forgets it."""
        with self.transaction():
            if value is None:
                self._execute("DELETE FROM facts WHERE key=?", (key,))
            else:
                self._execute("INSERT OR REPLACE INTO facts VALUES (?,?)", (key, value))


def _blob_row(r: BlobRecord) -> tuple[object, ...]:
    head = (r.source, r.release, r.path, r.sha256, r.size, r.fetched_at)
    return (*head, r.etag, r.last_modified, r.url, " ".join(r.digests_checked), r.unwrapped)


def _blob_record(row: Sequence[Any]) -> BlobRecord:
    values = [*row[:9], tuple(row[9].split()), row[10]]
    return BlobRecord(*values)
