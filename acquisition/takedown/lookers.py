"""How each kind of file is looked through for what was taken down: archives, WARC, Parquet, lines, JSON, CSV, SQLite, text.

A file's kind is told by its first bytes, and only among plain texts by its name. Whatever cannot be looked into is said.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from acquisition.content.archives import HEAD, open_archive
from acquisition.content.binaries import Spool
from acquisition.content.compression import compression_of, unpacked
from acquisition.content.limits import Budget, Unreadable
from acquisition.settings import ArchiveSettings
from acquisition.takedown.cells import in_row, in_table
from acquisition.takedown.rewriting import UNREADABLE
from acquisition.takedown.traces import Trace, Traces
from acquisition.takedown.zips import Opener

DEEPEST: Final = 6
_CHUNK: Final = 1 << 20
_TEXT_BYTES: Final = 64_000_000
_LINES: Final = (".jsonl", ".ndjson")
_TABLES: Final = (".csv", ".tsv")
STORE: Final = "blobs/"
_MEDIA: Final = (b"RIFF", b"fLaC", b"ID3", b"\xff\xfb", b"OggS", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
TEXTS: Final = (".txt", ".md", ".html", ".htm", ".rst", ".srt", ".text")
_BATCH_ROWS: Final = 8_192


@dataclass(frozen=True, slots=True)
class Sight:
    """One trace, with the place inside the workspace where it was found."""

    place: str
    trace: Trace


@dataclass(slots=True)
class Looked:
    """How much was looked at, and what could not be: (place, why).

    `unknown` are places of the blob store whose kind nothing tells: they count as looked into only if a reader reads them.
    """

    files: int = 0
    bytes: int = 0
    members: int = 0
    rows: int = 0
    records: int = 0
    unread: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks through files; `looked` counts. Archives are opened within `limits`, and to a depth of DEEPEST."""

    traces: Traces
    looked: Looked
    limits: ArchiveSettings = field(default_factory=ArchiveSettings)

    def file(self, path: Path, place: str) -> Iterator[Sight]:
        """Yield what a file of the workspace holds."""
        self.looked.files += 1
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            digest.update(head)
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
            self.looked.bytes += stream.tell()
        yield from self._sights(place, self.traces.bytes_(digest.hexdigest()))
        if head.startswith(b"SQLite format 3\x00"):
            yield from self._sqlite(path, place)
        else:
            yield from self._inside(lambda: path.open("rb"), place, path.name, 0)

    def _sights(self, place: str, traces: Iterator[Trace]) -> Iterator[Sight]:
        return (Sight(place, trace) for trace in traces)

    def _inside(self, reopen: Opener, place: str, name: str, depth: int) -> Iterator[Sight]:
        try:
            yield from self._opened(reopen, place, name, depth)
        except UNREADABLE as error:
            self.looked.unread.append((place, f"{type(error).__name__}: {error}"[:200]))

    def _opened(self, reopen: Opener, place: str, name: str, depth: int) -> Iterator[Sight]:
        with reopen() as stream:
            head = stream.read(HEAD)
        if head.startswith(b"WARC/") or (compression_of(head) == "gz" and self._holds_warc(reopen)):
            yield from self._warc(reopen, place)
        elif head.startswith(b"PAR1"):
            yield from self._parquet(reopen, place)
        elif depth >= DEEPEST:
            self.looked.unread.append((place, f"archives in archives are looked into {DEEPEST} deep"))
        elif (archive := open_archive(reopen, Budget(self.limits))) is not None:
            with closing(archive):
                yield from self._members(archive, place, depth)
        elif kind := compression_of(head):
            with unpacked(reopen(), kind, Budget(self.limits)) as stream:
                yield from self._member(stream, f"{place}#unpacked", PurePosixPath(name).stem, depth)
        else:
            yield from self._text(reopen, place, name)

    def _holds_warc(self, reopen: Opener) -> bool:
        with unpacked(reopen(), "gz", Budget(self.limits)) as stream:
            return stream.read(5) == b"WARC/"

    def _members(self, archive: Any, place: str, depth: int) -> Iterator[Sight]:
        for member in archive.walk():
            where = f"{place}!/{member.name}"
            if member.problem is not None:
                self.looked.unread.append((where, member.problem[1]))
                continue
            try:
                with member.open() as stream:
                    yield from self._member(stream, where, member.name, depth)
            except UNREADABLE as error:
                self.looked.unread.append((where, f"{type(error).__name__}: {error}"[:200]))

    def _member(self, stream: IO[bytes], place: str, name: str, depth: int) -> Iterator[Sight]:
        """Hash a member on its way into a spool, then look into it as into a file."""
        self.looked.members += 1
        tee = _Hashing(stream)
        with closing(Spool(tee)) as spool:  # type: ignore[arg-type]  # it is read, and nothing else
            yield from self._sights(place, self.traces.bytes_(tee.digest.hexdigest()))
            yield from self._inside(spool.open, place, name, depth + 1)

    # --- formats ---

    def _warc(self, reopen: Opener, place: str) -> Iterator[Sight]:
        from warcio.archiveiterator import ArchiveIterator
        from warcio.exceptions import ArchiveLoadFailed

        with reopen() as stream:
            records = ArchiveIterator(stream, arc2warc=False)
            try:
                for record in records:
                    self.looked.records += 1
                    found = [*self.traces.address(record.rec_headers.get_header("WARC-Target-URI") or "")]
                    found += self._payload(record, place)
                    where = f"{place}#warc={records.get_record_offset()}"  # it reads the record to its end
                    yield from (Sight(where, trace) for trace in found)
            except (ArchiveLoadFailed, Unreadable) as error:
                self.looked.unread.append((place, f"{type(error).__name__}: {error}"[:200]))

    def _payload(self, record: Any, place: str) -> Iterator[Trace]:
        """Look at what was answered, with its content codings undone; of records of other kinds at the block."""
        from acquisition.content.fragments import warc_payload

        digest = hashlib.sha256()
        if record.rec_type == "response":
            try:
                digest.update(warc_payload(record))
            except Unreadable as error:
                self.looked.unread.append((f"{place} ({record.rec_headers.get_header('WARC-Record-ID')})", error.detail))
                return
        else:
            stream = record.content_stream()
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        yield from self.traces.bytes_(digest.hexdigest())

    def _parquet(self, reopen: Opener, place: str) -> Iterator[Sight]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with reopen() as stream:
                file = pq.ParquetFile(stream)
                first = 0
                for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                    self.looked.rows += batch.num_rows
                    for row, name, trace in in_table(pa.Table.from_batches([batch]), self.traces):
                        yield Sight(f"{place}#row={first + row}&column={name}", trace)
                    first += batch.num_rows
        except pa.ArrowException as error:
            self.looked.unread.append((place, f"{type(error).__name__}: {error}"[:200]))

    def _text(self, reopen: Opener, place: str, name: str) -> Iterator[Sight]:
        suffix = PurePosixPath(name.lower()).suffix
        with reopen() as stream:
            if suffix in _LINES:
                for number, line in enumerate(stream):
                    self.looked.rows += 1
                    yield from self._json(line, f"{place}#line={number + 1}", listed=True)
            elif suffix in _TABLES:
                yield from self._csv(stream, place, "\t" if suffix == ".tsv" else ",")
            elif suffix in (".json", ".jsonld", *TEXTS):
                data = stream.read(_TEXT_BYTES + 1)
                if len(data) > _TEXT_BYTES:
                    self.looked.unread.append((place, f"texts are looked through up to {_TEXT_BYTES:,} bytes"))
                elif suffix in TEXTS:
                    yield from self._sights(place, self.traces.text(data.decode("utf-8", "replace")))
                else:
                    yield from self._json(data, place)
            elif place.startswith(STORE):
                yield from self._untold(stream, place)

    def _untold(self, stream: IO[bytes], place: str) -> Iterator[Sight]:
        """Look into a file whose name does not tell what it is, as all in the blob store: JSON, lines of it, or a text."""
        data = stream.read(HEAD)
        if data.startswith(_MEDIA):  # known by its digest, as a whole
            return
        self.looked.unknown.append(place)
        if b"\0" in data:
            return
        data += stream.read(_TEXT_BYTES - len(data) + 1)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return
        if len(data) > _TEXT_BYTES:
            return
        yield from self._sights(place, self.traces.text(text))
        for number, value in _values(text):
            self.looked.rows += bool(number)
            yield from self._sights(f"{place}#line={number}" if number else place, self.traces.value(value))

    def _json(self, data: bytes, place: str, *, listed: bool = False) -> Iterator[Sight]:
        """Look at every text of a JSON value; a line that lists a file or an item is asked for its digest and address, too."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            if data.strip():
                self.looked.unread.append((place, "it is no JSON"))
            return
        yield from self._sights(place, self.traces.value(value))
        if listed and isinstance(value, dict):
            told = {name: found for name, found in value.items() if isinstance(found, str)}
            if {"path", "sha256"} <= told.keys() or "final_url" in told:
                yield from self._sights(place, self.traces.digest(told.get("sha256", "")))
            if "final_url" in told:
                yield from self._sights(place, self.traces.address(told["final_url"]))

    def _csv(self, stream: IO[bytes], place: str, delimiter: str) -> Iterator[Sight]:
        try:
            with io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="") as lines:
                for number, row in enumerate(csv.reader(lines, delimiter=delimiter)):
                    self.looked.rows += 1
                    for cell in row:
                        yield from self._sights(f"{place}#line={number + 1}", self.traces.text(cell))
        except csv.Error as error:
            self.looked.unread.append((place, f"csv: {error}"))

    def _sqlite(self, path: Path, place: str) -> Iterator[Sight]:
        """Look at every value of every table; the write-ahead log is read with it."""
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
                tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
                for table in tables:
                    quoted = table.replace('"', '""')
                    rows = database.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608  # a quoted name of a table
                    names = [column[0] for column in rows.description]
                    for row in rows:
                        self.looked.rows += 1
                        found = in_row(dict(zip(names, row, strict=True)), self.traces)
                        yield from self._sights(f"{place}#table={table}", found)
        except sqlite3.DatabaseError as error:
            self.looked.unread.append((place, f"SQLite: {error}"))


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """Yield the JSON value that a text is (0), or those of its lines (from 1) as far as they are such."""
    if not text.lstrip().startswith(("{", "[")):
        return
    with suppress(ValueError, RecursionError):
        yield 0, json.loads(text)
        return
    with suppress(ValueError, RecursionError):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield number, json.loads(line)


class _Hashing:
    """A stream that is hashed as it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read."""
        data = self._stream.read(size)
        self.digest.update(data)
        return data
