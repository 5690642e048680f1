"""The end of a file: all bytes are here and are judged, stored, journalled and answered for.

Small bodies never touched a part file: they are judged in memory and stored a batch at a time, with one commit. Large ones are
judged and renamed in a thread, and journalled just before the rename.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final

from acquisition.errors import AcquisitionError, DigestMismatch
from acquisition.fetch.body import SNIFF
from acquisition.fetch.download import Download
from acquisition.fetch.finish import Finished, finish, judge_bytes
from acquisition.fetch.jobs import Jobs
from acquisition.fetch.ledger import Ledger
from acquisition.fetch.means import Means
from acquisition.fetch.recovery import Recovery
from acquisition.journal import BlobRecord
from acquisition.model import Blob
from acquisition.network import public_url

_BATCH: Final = 128
_BATCH_BYTES: Final = 16 << 20
"""Small files, or their bytes, that are stored and journalled together."""
_PIECE: Final = 16
"""Small files that one thread stores, where threads do."""
_PATIENCE: Final = 0.05
"""Seconds that a small file may wait for others to be stored with."""
_SLOW_STORE: Final = 0.001
"""Seconds for the quickest of many small files from which fsync is worth threads; below, passing the interpreter to and fro
costs more than it brings."""


@dataclass(slots=True)
class _Small:
    """A small body that was judged and waits to be stored with others."""

    download: Download
    data: bytes
    sha256: str
    checked: tuple[str, ...]
    temporary: str
    blob: Blob | None = None
    error: AcquisitionError | None = None


class Completion:
    """Turns complete downloads into blobs, journal rows and answers."""

    def __init__(self, means: Means, ledger: Ledger, recovery: Recovery, jobs: Jobs) -> None:
        self._m = means
        self._ledger, self._recovery, self._jobs = ledger, recovery, jobs
        self._batch: list[_Small] = []
        self._batch_bytes = 0
        self._stored_at = means.clock()
        self._slow_disk = False
        self._numbers = count()
        self._partial = os.fspath(means.blobs.workspace.partial)

    @property
    def waiting(self) -> bool:
        """Whether small files wait to be stored."""
        return bool(self._batch)

    def complete(self, download: Download) -> None:
        """Judge and store a file whose bytes are all here; while a thread still hashes it, its turn comes later."""
        if download.hashing is not None or download.finishing:
            return
        try:
            if download.part is None:
                self._complete_small(download)
            else:
                self._complete_large(download)
        except AcquisitionError as error:
            self._ledger.fail(download, error)

    # --- large files: in a thread ---

    def _complete_large(self, download: Download) -> None:
        download.flush_all()
        assert download.part is not None
        download.part.truncate(download.segments[-1].flushed)
        download.sniff(os.pread(download.part.descriptor, SNIFF, 0), "")
        job = partial(
            finish,
            self._m.blobs,
            download.part,
            download.start_hashes(),
            download.delivery,
            room=partial(self._m.allowance.wrote, download.key),
            announce=partial(self._announce, download),
        )
        download.finishing = True
        self._jobs.work(job, partial(self._finished, download), kept=True)

    def _announce(self, download: Download, done: Finished) -> None:
        """Journal a large file just before its rename; called in the worker thread."""
        record = _record(download, done.blob, done.checked, done.unwrapped, self._m.now())
        self._m.journal.record_blobs([record])

    def _finished(self, download: Download, future: Future[Finished]) -> None:
        download.finishing = False
        try:
            done = future.result()
        except DigestMismatch as error:
            pieced = download.resumed or download.failures > 0 or len(download.segments) > 1
            if pieced and not download.restarted:
                self._recovery.start_over(download, error)
            else:
                self._ledger.fail(download, error)
            return
        except AcquisitionError as error:
            self._ledger.fail(download, error)
            return
        assert download.part is not None
        download.part.close()
        self._m.journal.drop_part(download.transfer.part_key)
        record = _record(download, done.blob, done.checked, done.unwrapped, self._m.now())
        self._ledger.arrive(download, record, done.blob)

    # --- small files: together ---

    def _complete_small(self, download: Download) -> None:
        waiting = download.segments[0].waiting
        data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        if download.encoding or (download.transfer.asset.packed and data[:2] == b"PK"):
            self._complete_wrapped(download)
            return
        download.sniff(data, "")
        sha256, checked = judge_bytes(download.delivery, data)
        if not download.transfer.asset.size:  # else its room was promised at the door
            self._m.allowance.wrote(download.key, len(data))
        temporary = f"{self._partial}/small-{next(self._numbers)}"
        self._batch.append(_Small(download, data, sha256, checked, temporary))
        self._batch_bytes += len(data)

    def _complete_wrapped(self, download: Download) -> None:
        """A small file with something to take off goes the way of the large ones, which can do that."""
        download.flush_all()
        if download.part is None:
            download.part = download.open_part()
        self._complete_large(download)

    def store_due(self, now: float) -> None:
        """Store the small files that wait if they are many or have waited long."""
        many = len(self._batch) >= _BATCH or self._batch_bytes >= _BATCH_BYTES
        if many or (self._batch and now - self._stored_at > _PATIENCE):
            self.store()

    def store(self) -> None:
        """Store all small files that wait: here where the disk is fast, else in threads."""
        self._stored_at = self._m.clock()
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if not self._slow_disk:
            quickest = self._store(batch)
            self._slow_disk = len(batch) >= _PIECE and quickest >= _SLOW_STORE
            self._settle(batch)
            return
        for index in range(0, len(batch), _PIECE):
            piece = batch[index : index + _PIECE]
            self._jobs.work(partial(self._store, piece), partial(self._stored, piece), kept=True)

    def _store(self, batch: list[_Small]) -> float:
        """Store some files and return the seconds that the quickest took: a busy machine delays many, a slow disk all."""
        quickest, began = math.inf, self._m.clock()
        for small in batch:
            published = any(digest.algorithm == "sha256" for digest in small.download.transfer.asset.digests)
            try:  # what was published by its sha256 was looked for when it was admitted
                small.blob = self._m.blobs.put(small.temporary, small.data, small.sha256, absent=published)
            except AcquisitionError as error:
                small.error = error
            ended = self._m.clock()
            quickest, began = min(quickest, ended - began), ended
        return quickest

    def _stored(self, batch: list[_Small], future: Future[float]) -> None:
        future.result()
        self._settle(batch)

    def _settle(self, batch: list[_Small]) -> None:
        """Journal a stored batch in one commit and answer for each of its files."""
        now = self._m.now()
        done = [(small, small.blob) for small in batch if small.blob is not None]
        records = [_record(small.download, blob, small.checked, "", now) for small, blob in done]
        self._m.journal.record_blobs(records)
        for (small, blob), record in zip(done, records, strict=True):
            self._ledger.arrive(small.download, record, blob)
        for small in batch:
            if small.error is not None:
                self._ledger.fail(small.download, small.error)


def _record(download: Download, blob: Blob, checked: tuple[str, ...], unwrapped: str, now: str) -> BlobRecord:
    """Return the journal row of a file that arrived."""
    return BlobRecord(
        *download.key,
        sha256=blob.sha256,
        size=blob.size,
        fetched_at=now,
        etag=download.etag,
        last_modified=download.last_modified,
        url=public_url(download.url),
        digests_checked=checked,
        unwrapped=unwrapped,
    )
