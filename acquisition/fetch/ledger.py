"""The files of one run: which are on their way, how each leaves, and the answers that wait for the caller."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Final

from acquisition.errors import (
    AcquisitionError,
    ArchiveRefused,
    DigestMismatch,
    RangeIgnored,
    SizeMismatch,
    UnexpectedBody,
)
from acquisition.fetch.connections import Connections
from acquisition.fetch.download import Download
from acquisition.fetch.follower import Follower
from acquisition.fetch.means import Means
from acquisition.fetch.transfer import Arrived, Failed, Transfer
from acquisition.journal import BlobRecord
from acquisition.model import Blob

Key = tuple[str, str, str]
_DAMAGED: Final = (ArchiveRefused, DigestMismatch, SizeMismatch, UnexpectedBody, RangeIgnored)
"""Errors after which a part file is worth nothing."""


class Ledger:
    """Every asset enters once, and one answer is given for it. What was set aside for it is given back then."""

    def __init__(self, means: Means, connections: Connections, follower: Follower) -> None:
        self._m = means
        self._connections, self._follower = connections, follower
        self._directory = str(means.blobs.workspace.partial)
        self._open: dict[Key, Download | None] = {}
        self._waiting: dict[Key, list[Transfer]] = {}
        self.again: deque[Transfer] = deque()
        """Wishes for an asset that was on its way when they came; it has been answered now."""
        self.ready: deque[Arrived | Failed] = deque()

    def __len__(self) -> int:
        """How many assets have entered and were not handed to the caller yet."""
        return len(self._open) + len(self.ready)

    @property
    def open(self) -> bool:
        """Whether an answer is still to be found."""
        return bool(self._open or self.again)

    def enter(self, transfer: Transfer) -> bool:
        """Take an asset in; False when the same one is on its way already, and the wish then waits for its answer."""
        key = transfer.key
        if key in self._open:
            self._waiting.setdefault(key, []).append(transfer)
            return False
        self._open[key] = None
        return True

    def begin(self, transfer: Transfer, missing: int | None) -> Download:
        """Set bytes and room aside for an asset that has entered, and open its download; LimitReached or DiskFull."""
        key = transfer.key
        self._m.allowance.claim(key, transfer, missing)
        download = Download(transfer, key, self._m.allowance, self._directory, self._follower.changed)
        self._open[key] = download
        self._event("transfer-start", transfer, size=transfer.asset.size)
        return download

    # --- answers ---

    def arrive(self, download: Download, record: BlobRecord, blob: Blob) -> None:
        """Answer for a download whose blob is stored and journalled."""
        transfer = download.transfer
        download.answered = True
        self._m.allowance.release(download.key, transfer)
        self._event("transfer-done", transfer, size=blob.size, bytes=download.downloaded)
        self.answer(arrived(transfer, record, blob, download.downloaded))

    def fail(self, download: Download, error: AcquisitionError) -> None:
        """Give a download up. Its part stays when it is good for a later run."""
        if download.answered:
            return
        self._connections.abandon(download.legs)
        self._leave(download, keep=not isinstance(error, _DAMAGED))
        self._event("transfer-failed", download.transfer, code=error.code)
        self.refuse(download.transfer, error)

    def refuse(self, transfer: Transfer, error: AcquisitionError) -> None:
        """Answer with an error, which is given a place if it has none."""
        if not error.where:
            error.where = f"source {transfer.source}, {transfer.asset.path}"
        self.answer(Failed(transfer, error))

    def answer(self, result: Arrived | Failed) -> None:
        """Give the answer for an asset; the next wish for the same one may enter."""
        key = result.transfer.key
        self._open.pop(key, None)
        self.ready.append(result)
        if waiting := self._waiting.get(key):
            self.again.append(waiting.pop(0))
            if not waiting:
                del self._waiting[key]

    def note_retry(self, download: Download, code: str, delay: float) -> None:
        """Tell that a request is repeated."""
        self._event("transfer-retry", download.transfer, code=code, wait=round(delay, 3))

    def _event(self, name: str, transfer: Transfer, **fields: object) -> None:
        self._m.reporter.event(name, source=transfer.source, path=transfer.asset.path, **fields)

    # --- leaving ---

    def close(self) -> None:
        """Save every download that has no answer yet."""
        for download in list(self._open.values()):
            if download is not None:
                self._leave(download, keep=True)

    def _leave(self, download: Download, *, keep: bool) -> None:
        """Save a part for a later run, or remove it, and give back what was set aside."""
        download.answered = True
        self._follower.stop(download)
        if keep and download.resumable and download.reached:
            self._save_part(download)
        elif download.part is not None:
            self._m.journal.drop_part(download.transfer.part_key)
            with suppress(FileNotFoundError):
                download.part.path.unlink()
        if download.part is not None:
            download.part.close()
        self._follower.drop(download)
        self._m.allowance.release(download.key, download.transfer)

    def _save_part(self, download: Download) -> None:
        with suppress(AcquisitionError):  # no room for what was still in memory; what is on disk is journalled
            download.flush_all()
        if download.part is not None:
            self._m.journal.save_parts([download.record()])


def arrived(transfer: Transfer, record: BlobRecord, blob: Blob, downloaded: int = 0) -> Arrived:
    """Return the answer for a blob that is here, as its journal row tells."""
    return Arrived(
        transfer=transfer,
        blob=blob,
        digests_checked=record.digests_checked,
        downloaded=downloaded,
        etag=record.etag,
        last_modified=record.last_modified,
        fetched_at=record.fetched_at,
        final_url=record.url,
        unwrapped=record.unwrapped,
    )
