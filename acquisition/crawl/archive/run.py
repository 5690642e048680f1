"""The archive of one run: written exchange by exchange, found and read again when a run is resumed or replayed.

A file is called `crawl-00000.warc.gz.open` while it grows and loses the ending when it is complete. An exchange is one write,
so kill -9 can only tear the tail of the open file; opening cuts it back to the last whole exchange and goes on in it, so that
number and names of the files do not tell how often a run was interrupted.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from acquisition.crawl.archive.append import append
from acquisition.crawl.archive.earlier import LOCK_FILE, EarlierRuns, chosen, complete
from acquisition.crawl.archive.index import Index
from acquisition.crawl.archive.recalled import Recalled, wire_of
from acquisition.crawl.archive.rows import Row, validators_of
from acquisition.crawl.archive.scan import (
    OPEN_SUFFIX,
    OWN,
    Damaged,
    Exchange,
    Member,
    checked,
    close_name,
    exchange_at,
    header_lines,
)
from acquisition.crawl.archive.warc import RENAMED, Earlier, compose, warcinfo
from acquisition.crawl.contract import Archive, Ask, HeaderLines, Place, Refused, Wire
from acquisition.crawl.outcome import WARC_SUFFIX
from acquisition.errors import WorkspaceDamaged, WorkspaceLocked

ROTATE_BYTES: Final = 256_000_000
DESCRIPTION: Final = (
    "Responses are as they were on the wire, content codings included, except for the chunk framing of HTTP/1.1 and the framing"
    f" of HTTP/2; header fields that speak of it are renamed to {RENAMED}*. The metadata record of an exchange is JSON: the"
    " decision under which it was made, and under `exchange` what has no field in WARC."
)
"""What every warcinfo record says unless the run says something else."""
SYNC_EVERY: Final = 64
"""Exchanges between two fsyncs: a power cut costs at most these, a kill costs none."""
LONGEST_VALIDATOR: Final = 1_024
"""Characters; a server's longer one is not sent back to it."""


class RunArchive(Archive):
    """Writes and finds the exchanges of one run directory; calls come from one thread at a time.

    `info` is what the warcinfo records say. `earlier` are the directories of earlier runs of the source, oldest first: the
    basis of revisits. With `replay` another run's archive answers every `find`, and nothing is written.
    `pages` and `received` count earlier attempts of the same run, too. Opening repairs what a kill left behind; it raises
    WorkspaceLocked while another process writes here.
    """

    def __init__(
        self,
        directory: Path,
        info: Mapping[str, str],
        *,
        earlier: Sequence[Path] = (),
        replay: Path | None = None,
        rotate: int = ROTATE_BYTES,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(directory)
        self._directory = directory
        self._info = dict(info)
        self._rotate = rotate
        self._stream: io.FileIO | None = None
        self._name = ""
        self._position = self._unsynced = 0
        self.index = Index(directory, alone=True)
        complete(directory, self.index)
        self.pages, self.received = self.index.totals()
        self.earlier = EarlierRuns(directory, earlier)
        self._replay = EarlierRuns(directory, [replay]) if replay is not None else None

    def holds(self, file: str, offset: int) -> bool:
        """Say whether a place named by an item lies inside what is archived (a power cut may have lost the tail)."""
        try:
            return offset < self._path(file).stat().st_size
        except FileNotFoundError:
            return False

    def find(self, url: str) -> Place | None:
        """Return this run's answer to a GET of the URL, None when there is none worth keeping (5xx, 408, 425, 429)."""
        row = self._row(url)
        return row.body if row is not None else None

    def unchanged(self, url: str) -> bool:
        """Say whether this run's answer to a GET of the URL was what an earlier answer had been."""
        row = self._row(url)
        return row is not None and row.unchanged

    def recall(self, url: str) -> Recalled | None:
        """Return this run's answer to a GET of the URL as it came, None as `find` does; WorkspaceDamaged when unreadable."""
        row = self._row(url)
        return self._recalled(row) if row is not None else None

    def reuse(self, url: str) -> Recalled | None:
        """Return an earlier run's answer in place of asking, for what is not due (`changes.due`); None when there is none.

        Its file becomes part of this run's directory; nothing is written. WorkspaceDamaged when it cannot be read.
        """
        row = self.earlier.find(url)
        if row is None:
            return None
        self.earlier.adopt(row.place.file, row.body.file)
        return replace(self._recalled(row), unchanged=True)

    def _recalled(self, row: Row) -> Recalled:
        exchange = self._exchange(row.place)
        body = self.read(row.body)[1]
        return Recalled(wire_of(exchange, body), exchange.decision, row.body, row.unchanged)

    def validators(self, url: str) -> Mapping[str, str]:
        """Return If-None-Match and If-Modified-Since from what an earlier run archived of the URL; {} when nothing."""
        row = self.earlier.find(url)
        if row is None or row.body.status != 200:
            return {}
        named = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
        return {name: value for name, value in named.items() if value and len(value) <= LONGEST_VALIDATOR}

    def write(self, ask: Ask, wire: Wire, decision: Mapping[str, Any]) -> tuple[Place, bool]:
        """Append request, response (or revisit) and decision; return where the body lies and whether it is unchanged.

        Raises DiskFull when the exchange does not fit; what had been written stays whole. A replay writes nothing: Refused.
        """
        if self._replay is not None:
            raise Refused("not-archived", ask.url, "a replay asks nobody")
        before = self._before(ask, wire)
        stream = self._stream or self._begin()
        earlier = Earlier(before.body, before.url, before.sha256, before.digest) if before is not None else None
        made = compose(ask, wire, decision, earlier)
        offset = self._position
        self._position = append(stream, made.data, offset)
        place = Place(self._name, offset, made.record_id, made.date, wire.status)
        etag, last_modified = validators_of(wire.headers)
        row = Row(
            url=ask.url,
            kind=ask.kind,
            method=ask.method,
            place=place,
            body=place if before is None else before.body,
            bytes=len(wire.body),
            sha256=made.sha256,
            digest=made.digest,
            etag=etag or (before.etag if before is not None else ""),
            last_modified=last_modified or (before.last_modified if before is not None else ""),
            length=made.length,
            mime=made.mime,
        )
        self.index.add(row, self._position)
        if ask.kind != "policy":
            self.pages += 1
            self.received += len(wire.body)
        self._settle(stream)
        return row.body, row.unchanged

    def read(self, place: Place) -> tuple[HeaderLines, bytes]:
        """Return headers and undecoded body; WorkspaceDamaged unless the digest is right. Revisits are followed."""
        record = self._record(place)
        if record.kind == "revisit":
            record = self._record(self._exchange(place).body_place(place.file))
        if record.kind != "response":
            raise _damaged(self._path(place.file), place.offset, f"is of type {record.kind or 'none'}")
        return header_lines(record), record.block.partition(b"\r\n\r\n")[2]

    def sync(self) -> None:
        """Return when everything written so far is durable."""
        if self._stream is not None and self._unsynced:
            self._sync(self._stream)
        self.index.commit()

    def close(self) -> None:
        """Finish the open file (fsync, then its final name) and close the index; a second time does nothing."""
        if not self._lock.is_locked:
            return
        self._finish()
        self.index.close()
        self.earlier.close()
        if self._replay is not None:
            self._replay.close()
        self._lock.release()

    def _row(self, url: str) -> Row | None:
        if self._replay is None:
            return chosen(self.index.rows(url))
        row = self._replay.first(url)
        if row is not None:
            self._replay.adopt(row.place.file, row.body.file)
        return row

    def _before(self, ask: Ask, wire: Wire) -> Row | None:
        """Return the earlier answer of the same URL whose body this answer repeats, with its file in this directory."""
        if ask.method != "GET" or wire.status not in (200, 304):
            return None
        own = [row for row in self.index.rows(ask.url) if row.method == "GET"]
        for row in (*reversed(own), self.earlier.find(ask.url)):
            if row is None or row.body.status != 200 or not row.sha256:
                continue
            if wire.status == 200 and row.sha256 != hashlib.sha256(wire.body).hexdigest():
                return None  # the newest answer decides: content that comes back is a change, too
            self.earlier.adopt(row.body.file)
            return row if self.holds(row.body.file, row.body.offset) else None
        return None

    def _begin(self) -> io.FileIO:
        """Open the last file again when it has room, else the next one."""
        own = sorted(path for path in self._directory.glob(f"crawl-*{WARC_SUFFIX}") if OWN.fullmatch(path.name))
        if own and own[-1].stat().st_size < self._rotate:
            self._name = own[-1].name
            self._stream = own[-1].replace(own[-1].with_name(self._name + ".open")).open("ab", buffering=0)
            self._position = self._stream.seek(0, io.SEEK_END)
            return self._stream
        number = int(own[-1].name.removeprefix("crawl-").removesuffix(WARC_SUFFIX)) + 1 if own else 0
        self._name = f"crawl-{number:05d}{WARC_SUFFIX}"
        self._stream = (self._directory / (self._name + ".open")).open("xb", buffering=0)
        opening = warcinfo(self._name, {"description": DESCRIPTION, **self._info}, time.time())
        self._position = append(self._stream, opening, 0)
        return self._stream

    def _settle(self, stream: io.FileIO) -> None:
        self._unsynced += 1
        if self._unsynced >= SYNC_EVERY:
            self._sync(stream)
        if self._position >= self._rotate:
            self._finish()

    def _sync(self, stream: io.FileIO) -> None:
        os.fsync(stream.fileno())
        self._unsynced = 0
        self.index.is_synced(self._name, self._position)

    def _finish(self) -> None:
        if self._stream is None:
            return
        self._sync(self._stream)
        self._stream.close()
        self._stream = None
        close_name(self._directory / (self._name + ".open"))

    def _path(self, file: str) -> Path:
        is_open = self._stream is not None and file == self._name
        return self._directory / (file.removesuffix(WARC_SUFFIX) + OPEN_SUFFIX if is_open else file)

    def _record(self, place: Place) -> Member:
        path = self._path(place.file)
        try:
            with path.open("rb") as stream:
                return checked(stream, place.offset)
        except (OSError, Damaged) as error:
            raise _damaged(path, place.offset, str(error)) from error

    def _exchange(self, place: Place) -> Exchange:
        path = self._path(place.file)
        try:
            with path.open("rb") as stream:
                return exchange_at(stream, place.offset)
        except (OSError, Damaged) as error:
            raise _damaged(path, place.offset, str(error)) from error


def _locked(directory: Path) -> FileLock:
    lock = FileLock(directory / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkspaceLocked("another process writes into this run's archive", where=str(directory)) from None
    return lock


def _damaged(path: Path, offset: int, why: str) -> WorkspaceDamaged:
    return WorkspaceDamaged(f"the record at {offset} cannot be used: it {why}", where=str(path))
