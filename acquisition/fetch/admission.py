"""Taking wishes in: what is here already is answered at once, the user's own files are hashed, the rest is begun."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Final

from acquisition.errors import AcquisitionError
from acquisition.fetch.addresses import Addresses
from acquisition.fetch.completion import Completion
from acquisition.fetch.download import Download
from acquisition.fetch.finish import Finished, digest_file
from acquisition.fetch.jobs import Jobs
from acquisition.fetch.ledger import Key, Ledger, arrived
from acquisition.fetch.local import take_local
from acquisition.fetch.means import Means
from acquisition.fetch.transfer import Transfer
from acquisition.journal import BlobRecord, PartRecord
from acquisition.model import Digest

_AHEAD: Final = 512
"""Assets looked at beyond the one that is delivered next, so that a busy host does not hold up the others."""


class Admission:
    """The door of a run: admits wishes as room for them appears."""

    def __init__(
        self,
        means: Means,
        transfers: Iterator[Transfer],
        *,
        ledger: Ledger,
        addresses: Addresses,
        completion: Completion,
        jobs: Jobs,
    ) -> None:
        self._m = means
        self._transfers: Iterator[Transfer] | None = transfers
        self._ledger, self._jobs = ledger, jobs
        self._addresses, self._completion = addresses, completion
        self._parts = means.journal.part_keys()
        self._fresh: dict[tuple[str, str], bool] = {}
        self._seen_twice: set[Key] = set()

    @property
    def over(self) -> bool:
        """Whether there are no more wishes."""
        return self._transfers is None

    def fill(self) -> None:
        """Admit wishes until enough are on their way."""
        while self._ledger.again:
            self._admit(self._ledger.again.popleft())
        while self._transfers is not None and len(self._ledger) < _AHEAD:
            transfer = next(self._transfers, None)
            if transfer is None:
                self._transfers = None
                return
            self._admit(transfer)

    def _admit(self, transfer: Transfer) -> None:
        if not self._ledger.enter(transfer):
            self._seen_twice.add(transfer.key)
            return
        try:
            if transfer.asset.local_path:
                take = partial(take_local, transfer.asset, self._m.journal)
                self._jobs.work(take, partial(self._took_local, transfer))
            elif not self._reuse(transfer):
                self._begin(transfer)
        except AcquisitionError as error:
            self._ledger.refuse(transfer, error)

    def _took_local(self, transfer: Transfer, future: Future[Finished]) -> None:
        try:
            done = future.result()
        except AcquisitionError as error:
            self._ledger.refuse(transfer, error)
            return
        record = BlobRecord(*transfer.key, done.blob.sha256, done.blob.size, self._m.now(), digests_checked=done.checked)
        self._m.journal.record_blobs([record])
        self._ledger.answer(arrived(transfer, record, done.blob))

    # --- what is here already ---

    def _reuse(self, transfer: Transfer) -> bool:
        """Answer from what is here, without network and without reading it again, if it is what is wanted now."""
        asset, blobs = transfer.asset, self._m.blobs
        record = None if self._knows_nothing(transfer) else self._m.journal.blob_of(*transfer.key)
        if record is not None and blobs.has(record.sha256, record.size) and asset.size in (None, record.size):
            return self._reuse_known(transfer, record)
        for digest in asset.digests:
            if digest.algorithm == "sha256" and blobs.has(digest.value, asset.size):
                self._reuse_equal(transfer, digest)
                return True
        return False

    def _reuse_known(self, transfer: Transfer, record: BlobRecord) -> bool:
        """Answer from the journal, unless the publisher names another digest now; one that is new is compared first."""
        known = {"sha256": record.sha256} | dict(text.split(":", 1) for text in record.digests_checked)
        digests = transfer.asset.digests
        if any(known.get(digest.algorithm, digest.value) != digest.value for digest in digests):
            return False
        new = [digest.algorithm for digest in digests if digest.algorithm not in known]
        if new:
            read = partial(digest_file, self._m.blobs.path(record.sha256), new)
            self._jobs.work(read, partial(self._compared, transfer, record))
        else:
            self._ledger.answer(arrived(transfer, record, self._m.blobs.get(record.sha256)))
        return True

    def _reuse_equal(self, transfer: Transfer, digest: Digest) -> None:
        """Answer with a blob that came for another asset and has the published digest."""
        blob = self._m.blobs.get(digest.value)
        record = BlobRecord(*transfer.key, blob.sha256, blob.size, self._m.now(), digests_checked=(str(digest),))
        self._m.journal.record_blobs([record])
        self._ledger.answer(arrived(transfer, record, blob))

    def _knows_nothing(self, transfer: Transfer) -> bool:
        """Whether the journal held nothing of this release when it was first asked for, which spares a question per file."""
        release = (transfer.source, transfer.release)
        fresh = self._fresh.get(release)
        if fresh is None:
            fresh = self._fresh[release] = not self._m.journal.has_blobs(*release)
        return fresh and not (self._seen_twice and transfer.key in self._seen_twice)

    def _compared(self, transfer: Transfer, record: BlobRecord, future: Future[dict[str, str]]) -> None:
        """The publisher gives a digest that was not known when the blob came: reuse it only if that digest agrees."""
        digests = transfer.asset.digests
        try:
            try:
                values = future.result()
            except OSError:
                values = None
            if values is None or any(values.get(digest.algorithm, digest.value) != digest.value for digest in digests):
                self._begin(transfer)
                return
            checked = tuple(dict.fromkeys((*record.digests_checked, *map(str, digests))))
            more = replace(record, digests_checked=checked)
            self._m.journal.record_blobs([more])
            self._ledger.answer(arrived(transfer, more, self._m.blobs.get(record.sha256)))
        except AcquisitionError as error:
            self._ledger.refuse(transfer, error)

    # --- what has to come ---

    def _begin(self, transfer: Transfer) -> None:
        """Begin a download: from its part file if there is one."""
        record = self._m.journal.part(transfer.part_key) if self._parts and transfer.part_key in self._parts else None
        missing = transfer.asset.size
        if record is not None and missing is not None:
            missing = max(0, missing - sum(segment.reached - segment.start for segment in record.segments))
        download = self._ledger.begin(transfer, missing)
        if record is None:
            self._addresses.locate(download)
        else:
            self._jobs.work(partial(_reopen, download, record), partial(self._reopened, download))

    def _reopened(self, download: Download, future: Future[bool]) -> None:
        try:
            if not future.result():
                download.restart()
        except AcquisitionError as error:
            self._ledger.fail(download, error)
            return
        if download.complete:
            self._completion.complete(download)
        else:
            self._addresses.locate(download)


def _reopen(download: Download, record: PartRecord) -> bool:
    """Take a part file up again if what the journal says of it still holds; in a thread, because all of it is read.

    False when it holds and yet nothing could tell, in the end, whether its bytes and the new ones belong together.
    """
    part = download.open_part()
    asset = download.transfer.asset
    usable = bool(record.segments) and (asset.packed or asset.size is None or record.size in (None, asset.size))
    segments = [part.reopen(segment) for segment in record.segments] if usable else []
    download.part = part
    if not segments:
        part.clear()
        return True
    download.resume(record, part, segments)
    return bool(download.validator) or download.proven
