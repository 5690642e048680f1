"""The strict downloader at work: one loop over libcurl's multi interface, a few threads that hash and store, and the journal.

Every asset goes the same way: reuse what is here, else ask where the bytes are, request them, judge the answer, write, hash
behind the writer, compare, fsync, rename, journal. The loop runs inside the caller's iteration; while the caller holds a
result, nothing moves and no stall clock runs.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pycurl

from acquisition.blobs import BlobStore
from acquisition.errors import (
    AcquisitionError,
    AddressRefused,
    ArchiveRefused,
    DigestMismatch,
    HttpStatus,
    Interrupted,
    PluginError,
    RangeIgnored,
    SizeMismatch,
    SourceUnavailable,
    TransferStalled,
    UnexpectedBody,
)
from acquisition.fetch.answer import Answer, redirect_target, wire_url
from acquisition.fetch.body import SNIFF
from acquisition.fetch.budget import Ceiling
from acquisition.fetch.connections import Connections, Ended
from acquisition.fetch.digests import STRONG
from acquisition.fetch.download import MIN_STRETCH, Download, Leg, StartOver
from acquisition.fetch.finish import Finished, digest_file, finish, judge_bytes, store_small
from acquisition.fetch.local import take_local
from acquisition.fetch.pace import RETRYABLE, Bucket, asked_wait, backoff
from acquisition.fetch.part import FLUSH, PartFile, Segment
from acquisition.fetch.progress import Progress
from acquisition.fetch.refusal import REASK, status_error, transport_error
from acquisition.fetch.transfer import Arrived, Failed, Transfer
from acquisition.journal import BlobRecord, PartRecord
from acquisition.model import Blob, Location
from acquisition.network import literal_address, origin, public_url

if TYPE_CHECKING:
    from acquisition.fetch.downloader import Downloader

_T = TypeVar("_T")

_AHEAD: Final = 256
"""Assets looked at beyond the one that is delivered next, so that a busy host does not hold up the others."""
_BATCH: Final = 64
"""Small files that are stored, fsynced and journalled together."""
_SLOW_STORE: Final = 0.001
"""Seconds per small file from which fsync is worth threads; below, handing the interpreter to and fro costs more."""
_FOLLOW: Final = 4 << 20
_PROGRESS: Final = 4096
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_AGED: Final = 5.0
"""Seconds after which an address that is refused may have expired rather than be wrong."""
_LOCATES: Final = 20
_FAILURES: Final = 1000
_WORK_THREADS: Final = 4
_ASK_THREADS: Final = 8
_DAMAGED: Final = (ArchiveRefused, DigestMismatch, SizeMismatch, UnexpectedBody, RangeIgnored)
"""Errors after which a part file is worth nothing."""


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


class Run:
    """The state of one `Downloader.run`."""

    def __init__(self, downloader: Downloader, transfers: Iterator[Transfer]) -> None:
        self._d = downloader
        self._limits = downloader.limits
        self._transfers: Iterator[Transfer] | None = transfers
        limits = downloader.limits
        self._wires = Connections(downloader.wire, per_host=limits.per_host, total=limits.total)
        self._active: dict[tuple[str, str, str], Download | None] = {}
        self._seen_twice: set[tuple[str, str, str]] = set()
        self._twice: dict[tuple[str, str, str], list[Transfer]] = {}
        self._ready: deque[Arrived | Failed] = deque()
        self._small: list[_Small] = []
        self._jobs: dict[Future[Any], Callable[[Future[Any]], None]] = {}
        self._work = ThreadPoolExecutor(_WORK_THREADS, thread_name_prefix="fetch-hash")
        self._ask = ThreadPoolExecutor(_ASK_THREADS, thread_name_prefix="fetch-locate")
        self._dirty: set[Download] = set()
        self._bucket = Bucket(downloader.limits.bandwidth, downloader.clock())
        self._progress = Progress(downloader.reporter, downloader.clock)
        self._checked_at = downloader.clock()
        self._stored_at = downloader.clock()
        self._slow_disk = False
        self._fresh: dict[tuple[str, str], bool] = {}
        self._parts = downloader.journal.part_keys()
        self._temporary = count()
        self._partial = os.fspath(downloader.blobs.workspace.partial)

    # --- the loop ---

    def results(self) -> Iterator[Arrived | Failed]:
        """Drive everything until nothing is left."""
        while True:
            if self._d.stop.is_set():
                yield from self._drain()
                raise Interrupted("stopped; what has come is saved", hint="Run the same command again to go on.")
            self._fill()
            self._finish_jobs(0.0)
            self._wires.start(self._d.clock(), self._expired)
            if self._ready:
                before = self._d.clock()
                while self._ready:
                    yield self._ready.popleft()
                self._wires.shift(self._d.clock() - before)
            if self._transfers is None and not self._active and not self._small:
                self._progress.tell(final=True)
                return
            self._pump()
            self._look_after()

    def _pump(self) -> None:
        """Let libcurl work, or wait for whatever comes first."""
        debt = self._bucket.debt(self._d.clock())
        if debt > 0.001:
            nap = min(debt, 0.1)
            self._d.sleep(nap)
            self._wires.shift(nap)
            return
        if self._wires.busy:
            self._wires.work()
            if not self._collect() and not self._ready:
                self._wires.wait(0.005 if self._jobs else self._nap())
            return
        if self._small and not self._wires.waiting:
            self._store_small()
        if self._jobs:
            self._finish_jobs(self._nap())
        elif self._active:
            self._d.sleep(self._nap())

    def _nap(self) -> float:
        """Return how long to wait at most: until the next delayed request, and never long enough to miss `stop`."""
        now = self._d.clock()
        moments = self._wires.moments(now)
        return max(0.001, min(0.1, *(moment - now for moment in moments))) if moments else 0.1

    def _look_after(self) -> None:
        """Keep the journal, the hashes and the clocks up with what came."""
        now = self._d.clock()
        if len(self._small) >= _BATCH or (self._small and now - self._stored_at > 0.05):
            self._store_small()
        if now - self._checked_at >= 1.0:
            self._checked_at = now
            for leg in self._wires.busy:
                if leg.segment.waiting and leg.download.resumable:
                    self._safely(leg.download, partial(leg.download.flush, leg.segment))
        if self._dirty:
            self._save()
        self._watch_stalls(now)
        self._progress.tell()

    def _safely(self, download: Download, action: Callable[[], None]) -> None:
        try:
            action()
        except AcquisitionError as error:
            self._fail(download, error)
        else:
            self._mark(download)

    def _mark(self, download: Download) -> None:
        if download.dirty:
            download.dirty = False
            self._dirty.add(download)

    def _save(self) -> None:
        """Journal how far the part files have come, in one commit, and let the hashes follow the writers."""
        downloads = [download for download in self._dirty if self._active.get(download.transfer.key) is download]
        self._dirty.clear()
        self._d.journal.save_parts([download.record() for download in downloads if download.resumable])
        for download in downloads:
            self._follow(download)

    def _follow(self, download: Download) -> None:
        if download.hashing is not None or download.finishing or download.part is None:
            return
        hashes, upto = download.start_hashes(), download.frontier
        if upto - hashes.position >= _FOLLOW:
            action = partial(hashes.follow, download.part.descriptor, upto)
            download.hashing = self._submit(self._work, action, partial(self._followed, download))

    def _followed(self, download: Download, future: Future[Any]) -> None:
        download.hashing = None
        future.result()
        if download.complete and not download.legs:
            self._complete(download)
        else:
            self._follow(download)

    # --- jobs in threads ---

    def _stop_hashing(self, download: Download) -> None:
        """Take the reader off a part file that is about to be cleared or closed; it ends at its next block."""
        if download.hashing is not None and download.hashes is not None:
            download.hashes.cancelled = True
            wait([download.hashing])
            self._jobs.pop(download.hashing, None)
            download.hashing = download.hashes = None

    def _submit(self, pool: ThreadPoolExecutor, action: Callable[[], _T], done: Callable[[Future[Any]], None]) -> Future[_T]:
        future = pool.submit(action)
        self._jobs[future] = done
        return future

    def _finish_jobs(self, timeout: float) -> None:
        if not self._jobs:
            return
        if timeout:
            wait(self._jobs, timeout, FIRST_COMPLETED)
        for future in [future for future in self._jobs if future.done()]:
            if (done := self._jobs.pop(future, None)) is not None:  # an earlier answer may have called it off
                done(future)

    # --- taking assets in ---

    def _fill(self) -> None:
        while self._transfers is not None and len(self._active) + len(self._ready) < _AHEAD:
            transfer = next(self._transfers, None)
            if transfer is None:
                self._transfers = None
                return
            self._admit(transfer)

    def _admit(self, transfer: Transfer) -> None:
        key = transfer.key
        if key in self._active:
            self._seen_twice.add(key)
            self._twice.setdefault(key, []).append(transfer)
            return
        self._active[key] = None
        try:
            if transfer.asset.local_path:
                self._submit(
                    self._work, partial(take_local, transfer.asset, self._d.journal), partial(self._took_local, transfer)
                )
            elif not self._reuse(transfer):
                self._begin(transfer)
        except AcquisitionError as error:
            self._answer(Failed(transfer, _placed(error, transfer)))

    def _took_local(self, transfer: Transfer, future: Future[Finished]) -> None:
        try:
            done = future.result()
        except AcquisitionError as error:
            self._answer(Failed(transfer, _placed(error, transfer)))
            return
        record = BlobRecord(*transfer.key, done.blob.sha256, done.blob.size, self._d.now(), digests_checked=done.checked)
        self._d.journal.record_blobs([record])
        self._answer(_arrived(transfer, record, done.blob))

    def _reuse(self, transfer: Transfer) -> bool:
        """Answer from what is here, without network and without reading it again, if it is what is wanted now."""
        asset, journal, blobs = transfer.asset, self._d.journal, self._d.blobs
        record = None if self._knows_nothing(transfer) else journal.blob_of(*transfer.key)
        if record is not None and blobs.has(record.sha256, record.size) and asset.size in (None, record.size):
            known = {"sha256": record.sha256} | dict(text.split(":", 1) for text in record.digests_checked)
            if any(known.get(digest.algorithm, digest.value) != digest.value for digest in asset.digests):
                return False
            new = [digest for digest in asset.digests if digest.algorithm not in known]
            if not new:
                self._answer(_arrived(transfer, record, blobs.get(record.sha256)))
                return True
            names = [digest.algorithm for digest in new]
            self._submit(
                self._work,
                partial(digest_file, blobs.path(record.sha256), names),
                partial(self._compared, transfer, record),
            )
            return True
        for digest in asset.digests:
            if digest.algorithm == "sha256" and blobs.has(digest.value, asset.size):
                blob = blobs.get(digest.value)
                fresh = BlobRecord(*transfer.key, blob.sha256, blob.size, self._d.now(), digests_checked=(str(digest),))
                journal.record_blobs([fresh])
                self._answer(_arrived(transfer, fresh, blob))
                return True
        return False

    def _knows_nothing(self, transfer: Transfer) -> bool:
        """Whether the journal held nothing of this release when it was first asked for, which spares a question per file."""
        release = (transfer.source, transfer.release)
        if release not in self._fresh:
            self._fresh[release] = not self._d.journal.has_blobs(*release)
        return self._fresh[release] and transfer.key not in self._seen_twice

    def _compared(self, transfer: Transfer, record: BlobRecord, future: Future[dict[str, str]]) -> None:
        """The publisher gives a digest that was not known when the blob came: reuse it only if that digest agrees."""
        try:
            values = future.result()
            if all(values.get(digest.algorithm, digest.value) == digest.value for digest in transfer.asset.digests):
                checked = tuple(dict.fromkeys((*record.digests_checked, *map(str, transfer.asset.digests))))
                more = BlobRecord(
                    *(record.source, record.release, record.path, record.sha256, record.size, record.fetched_at, record.etag),
                    *(record.last_modified, record.url, checked, record.unwrapped),
                )
                self._d.journal.record_blobs([more])
                self._answer(_arrived(transfer, more, self._d.blobs.get(record.sha256)))
                return
            self._begin(transfer)
        except OSError:
            self._begin(transfer)
        except AcquisitionError as error:
            self._answer(Failed(transfer, _placed(error, transfer)))

    def _begin(self, transfer: Transfer) -> None:
        """Set bytes and room aside and begin a download: from its part file if there is one."""
        part_key, size = transfer.part_key, transfer.asset.size
        record = self._d.journal.part(part_key) if part_key in self._parts else None
        missing = size
        if record is not None and size is not None:
            missing = max(0, size - sum(segment.reached - segment.start for segment in record.segments))
        ceiling, own = self._d.ceiling, self._d.ceiling_of(transfer)
        ceiling.claim(transfer.key, missing)
        try:
            own.claim(transfer.key, missing)
            self._d.room.promise(transfer.key, missing or 0)
        except AcquisitionError:
            self._give_back(transfer)
            raise
        download = Download(
            transfer,
            open_part=partial(_open_part, self._d.blobs.workspace.partial, part_key),
            part_key=part_key,
            wrote=partial(self._d.room.wrote, transfer.key),
            count=partial(self._count, transfer, ceiling, own),
        )
        self._active[transfer.key] = download
        self._d.reporter.event("transfer-start", source=transfer.source, path=transfer.asset.path, size=size)
        if record is None:
            self._locate(download)
        else:
            self._submit(self._work, partial(_reopen, download, record), partial(self._reopened, download))

    def _reopened(self, download: Download, future: Future[None]) -> None:
        try:
            future.result()
        except AcquisitionError as error:
            self._fail(download, error)
            return
        if download.complete:
            self._complete(download)
        else:
            self._locate(download)

    def _give_back(self, transfer: Transfer) -> None:
        key = transfer.key
        self._d.ceiling.release(key)
        self._d.ceiling_of(transfer).release(key)
        self._d.room.release(key)

    def _count(self, transfer: Transfer, whole: Ceiling, own: Ceiling, size: int) -> None:
        self._bucket.take(size)
        self._progress.add(transfer, size)
        whole.count(transfer.key, size)
        own.count(transfer.key, size)

    # --- where the bytes are ---

    def _locate(self, download: Download) -> None:
        """Ask where the bytes are. An asset with a stable URL is asked here, the others in a thread: they ask a server."""
        download.locates += 1
        if download.transfer.asset.url and download.locates == 1:
            self._located(download, partial(_located, download.transfer))
        else:
            self._submit(self._ask, partial(_located, download.transfer), partial(self._asked, download))

    def _asked(self, download: Download, future: Future[Location]) -> None:
        if self._active.get(download.transfer.key) is download:
            self._located(download, future.result)

    def _located(self, download: Download, ask: Callable[[], Location]) -> None:
        try:
            location = ask()
            url = wire_url(location.url)
            host = origin(url)
            download.transfer.guard.check_url(url)
        except AcquisitionError as error:
            self._fail(download, error)
            return
        except ValueError as error:
            self._fail(download, AddressRefused(f"the address cannot be read: {error}", where=public_url(location.url)))
            return
        download.location, download.located_at = location, self._d.clock()
        for segment in download.segments:
            if not segment.complete:
                self._wires.enqueue(Leg(download, segment, url, location.headers, host))

    def _collect(self) -> bool:
        """Take what libcurl has finished; True if there was anything."""
        found = False
        for ended in self._wires.ended():
            found = True
            self._ended(ended)
        self._split_new()
        for download in {leg.download for leg in self._wires.busy if leg.download.dirty}:
            self._mark(download)
        return found

    def _ended(self, ended: Ended) -> None:
        leg = ended.leg
        self._mark(leg.download)
        try:
            if ended.error is not None:
                raise ended.error
            if ended.refusal:
                raise AddressRefused(f"{leg.host[1]} {ended.refusal}", where=public_url(leg.url))
            self._judge(leg, ended.code, ended.message)
        except StartOver as again:
            self._start_over(leg.download, again, ranges=again.ranges)
        except AcquisitionError as final:
            self._fail(leg.download, final)

    def _judge(self, leg: Leg, code: int, message: str) -> None:
        """Decide what follows from a request that has ended."""
        answer = leg.answer
        if leg.taking and answer is not None:
            self._heed(leg, answer)
            self._judge_body(leg, code, message)
        elif answer is not None and answer.status >= 200 and (code == 0 or leg.words):
            self._judge_status(leg, answer)
        else:
            failure, hopeful = transport_error(code, message, leg.url)
            if not hopeful:
                raise failure
            self._retry(leg, failure)

    def _judge_body(self, leg: Leg, code: int, message: str) -> None:
        download, segment = leg.download, leg.segment
        if code == 0 and segment.end is None:
            segment.end = segment.position
        if segment.complete:
            if download.complete and not download.legs:
                self._complete(download)
            return
        failure, _ = transport_error(code or pycurl.E_PARTIAL_FILE, message or "the body is shorter than it should be", leg.url)
        self._retry(leg, failure)

    def _heed(self, leg: Leg, answer: Answer) -> None:
        """Stand back from a host that says, even in a success, that nothing of its allowance remains."""
        asked = asked_wait(answer, self._d.wall())
        if asked:
            self._wires.hold(leg, self._d.clock() + min(asked, self._limits.max_wait))

    def _judge_status(self, leg: Leg, answer: Answer) -> None:
        status, download = answer.status, leg.download
        if status in _REDIRECTS and answer.get("location"):
            self._redirect(leg, answer)
        elif status in RETRYABLE:
            self._wait_as_asked(leg, answer)
        elif status == 416 and leg.ranged:
            self._unsatisfied(leg, answer)
        elif status in REASK and self._may_reask(leg):
            self._note_retry(download, f"http-{status}", 0.0)
            self._relocate(download)
        else:
            raise status_error(answer, bytes(leg.words), leg.url, leg.credentials)

    def _may_reask(self, leg: Leg) -> bool:
        """Whether a refusal may mean that the address has expired: it is old, served before, signed, or was asked for."""
        download = leg.download
        if download.locates > _LOCATES or download.location is None:
            return False
        aged = self._d.clock() - download.located_at > _AGED
        fetched = download.downloaded > 0 or download.resumed
        once = download.locates == 1 and (not download.transfer.asset.url or leg.hops > 0 or "?" in leg.url)
        return once or ((aged or fetched) and self._counts(download))

    def _counts(self, download: Download, *, stalled: bool = False) -> bool:
        """Count a failure; False when there were too many without progress in between."""
        gained = download.reached - download.high
        if gained >= (FLUSH if stalled else _PROGRESS):
            download.attempts = 0
        download.high = max(download.high, download.reached)
        download.attempts += 1
        download.failures += 1
        return download.attempts <= self._limits.retries and download.failures <= _FAILURES

    def _unsatisfied(self, leg: Leg, answer: Answer) -> None:
        """A 416: the part is the whole file already, or it belongs to another file."""
        download, segment = leg.download, leg.segment
        told = answer.unsatisfied_total
        whole = told if told is not None else (download.total if download.total is not None else download.expected)
        if len(download.segments) == 1 and whole == segment.position > 0:
            segment.end = download.total = segment.position
            self._complete(download)
            return
        if download.restarted:
            raise status_error(answer, bytes(leg.words), leg.url, leg.credentials)
        raise StartOver("the server has no such part of the file", where=public_url(leg.url))

    def _redirect(self, leg: Leg, answer: Answer) -> None:
        """Follow one redirect: counted, checked, never from https to http, credentials only inside their origin."""
        download = leg.download
        if leg.hops >= self._limits.max_redirects:
            raise HttpStatus(f"more than {self._limits.max_redirects} redirects", where=public_url(leg.url))
        try:
            target = redirect_target(leg.url, answer.get("location"))
            new, old = origin(target), leg.host
        except ValueError as error:
            raise AddressRefused(f"the redirect cannot be followed: {error}", where=public_url(leg.url)) from None
        download.transfer.guard.check_url(target)
        literal = literal_address(new[1])
        if old[0] == "https" and new[0] == "http" and not (literal is not None and literal.is_loopback):
            raise AddressRefused("a redirect from https to http is not followed", where=public_url(target))
        if answer.linked_digest is not None:
            download.linked = (answer.linked_digest,)
        credentials = leg.credentials if new == old else {}
        self._wires.enqueue(Leg(download, leg.segment, target, credentials, new, hops=leg.hops + 1), first=True)

    # --- trying again ---

    def _wait_as_asked(self, leg: Leg, answer: Answer) -> None:
        failure = status_error(answer, bytes(leg.words), leg.url, leg.credentials)
        asked = asked_wait(answer, self._d.wall())
        if asked is not None and asked > self._limits.max_wait:
            raise SourceUnavailable(
                f"the server asks to wait {asked:,.0f} s, more than is waited here: {failure.message}",
                where=public_url(leg.url),
                hint="Run the same command again later: what has come is kept.",
            )
        if asked is not None:
            self._wires.hold(leg, self._d.clock() + asked)
        self._retry(leg, failure, asked)

    def _retry(self, leg: Leg, failure: AcquisitionError, asked: float | None = None) -> None:
        """Try the stretch again after a wait, from where it is; raise `failure` when the retries are used up."""
        download = leg.download
        if not self._counts(download, stalled=isinstance(failure, TransferStalled)):
            raise failure
        delay = backoff(download.attempts - 1, self._limits.backoff, self._limits.backoff_cap, self._d.jitter())
        if asked is not None:
            delay = asked + 0.1 * delay
        self._note_retry(download, failure.code, delay)
        if leg.segment.position and not download.resumable:
            if len(download.segments) > 1:
                raise StartOver("a stretch was lost that cannot be continued", ranges=False)
            self._stop_hashing(download)
            download.restart()
            self._mark(download)
        segment = leg.segment if leg.segment in download.segments else download.segments[0]
        location = download.location
        assert location is not None
        url = wire_url(location.url)
        again = Leg(download, segment, url, location.headers, origin(url))
        self._wires.delay(again, self._d.clock() + delay)

    def _note_retry(self, download: Download, code: str, delay: float) -> None:
        transfer = download.transfer
        self._d.reporter.event(
            "transfer-retry", source=transfer.source, path=transfer.asset.path, code=code, wait=round(delay, 3)
        )

    def _expired(self, leg: Leg) -> bool:
        """Whether a leg's address is known to have expired; then a fresh one is asked for."""
        download = leg.download
        if download.location is None or not 0 < download.location.expires_at <= self._d.wall() + 1:
            return False
        if download.locates > _LOCATES:
            where = public_url(leg.url)
            self._fail(download, SourceUnavailable("every address for this file had expired already", where=where))
        else:
            self._relocate(download)
        return True

    def _relocate(self, download: Download) -> None:
        """Ask for a fresh address and go on from there with every stretch."""
        self._wires.abandon(download.legs)
        if download.reached and not download.resumable:
            self._stop_hashing(download)
            download.restart()
            self._mark(download)
        self._locate(download)

    def _start_over(self, download: Download, why: AcquisitionError, *, ranges: bool = True) -> None:
        """Begin a file again from byte 0, once; the second time `why` is the result."""
        self._wires.abandon(download.legs)
        if download.restarted:
            self._fail(download, why)
            return
        download.restarted, download.divided = True, False
        download.ranges = download.ranges and ranges
        self._note_retry(download, why.code, 0.0)
        self._stop_hashing(download)
        download.restart()
        self._mark(download)
        self._locate(download)

    def _watch_stalls(self, now: float) -> None:
        """Give up connections that moved less than the minimum over a whole time-out."""
        timeout, least = self._limits.stall_timeout, self._limits.min_speed * self._limits.stall_timeout
        for leg in self._wires.busy:
            stream = leg.stream
            if stream is None or now - stream.window_start < timeout:
                continue
            if stream.window_bytes >= least:
                stream.window_start, stream.window_bytes = now, 0
                continue
            got = stream.window_bytes
            self._wires.abandon([leg])
            failure = TransferStalled(
                f"the server sent {got:,} bytes in {timeout:g} s", where=public_url(leg.url), hint="Try again later."
            )
            try:
                self._retry(leg, failure)
            except StartOver as again:
                self._start_over(leg.download, again, ranges=again.ranges)
            except AcquisitionError as error:
                self._fail(leg.download, error)

    # --- several stretches at once ---

    def _split_new(self) -> None:
        """Divide large files whose server serves ranges, as far as the host has connections that nobody else wants."""
        for leg in self._wires.busy:
            download, answer = leg.download, leg.answer
            if not (download.divided and leg.taking and answer is not None):
                continue
            download.divided = False
            if download.transfer.bandwidth is None and self._divisible(leg, answer):
                self._split(leg)

    def _divisible(self, leg: Leg, answer: Answer) -> bool:
        download = leg.download
        serves = answer.ranges or answer.status == 206
        large = download.total is not None and download.total >= self._limits.ranges_from
        return serves and large and bool(download.validator) and not download.encoding and len(download.segments) == 1

    def _split(self, leg: Leg) -> None:
        download, whole = leg.download, leg.segment
        assert whole.end is not None
        pieces = min(self._limits.ranges, self._wires.free(leg) + 1, (whole.end - whole.position) // MIN_STRETCH)
        if pieces < 2:
            return
        step = (whole.end - whole.position) // pieces
        cuts = [whole.position + step * index for index in range(1, pieces)]
        for start, end in zip(cuts, [*cuts[1:], whole.end], strict=True):
            segment = Segment.at(start, end)
            download.segments.append(segment)
            self._wires.enqueue(Leg(download, segment, leg.url, leg.credentials, leg.host, hops=leg.hops))
        whole.end = cuts[0]

    # --- the end of a file ---

    def _complete(self, download: Download) -> None:
        """All bytes are here: judge them, small ones now and together, large ones in a thread."""
        if download.hashing is not None or download.finishing:
            return  # `_followed` comes back here
        if download.part is None:
            self._complete_small(download)
            return
        try:
            download.flush_all()
            download.part.truncate(download.segments[-1].flushed)
            head = os.pread(download.part.descriptor, 1024, 0)
            download.sniff(head, "")
        except AcquisitionError as error:
            self._fail(download, error)
            return
        job = partial(
            finish,
            self._d.blobs,
            download.part,
            download.start_hashes(),
            download.delivery,
            room=download.wrote,
            announce=partial(self._announce, download),
        )
        download.finishing = True
        self._submit(self._work, job, partial(self._finished, download))

    def _complete_small(self, download: Download) -> None:
        data = b"".join(download.segments[0].waiting)
        wrapped = bool(download.encoding) or (download.transfer.asset.packed and data[:2] == b"PK")
        try:
            if wrapped:
                download.flush_all()
                if download.part is None:
                    download.part = download.open_part()
                self._complete(download)
                return
            download.sniff(data[:SNIFF], "")
            sha256, checked = judge_bytes(download.delivery, data)
            if not download.transfer.asset.size:
                download.wrote(len(data))
        except AcquisitionError as error:
            self._fail(download, error)
            return
        temporary = f"{self._partial}/small-{next(self._temporary)}"
        self._small.append(_Small(download, data, sha256, checked, temporary))

    def _store_small(self) -> None:
        self._stored_at = self._d.clock()
        batch, self._small = self._small, []
        if not self._slow_disk and batch:
            _store(self._d.blobs, batch)
            self._slow_disk = self._d.clock() - self._stored_at > _SLOW_STORE * len(batch)
            self._settle(batch)
            return
        for index in range(0, len(batch), _BATCH // 4):
            piece = batch[index : index + _BATCH // 4]
            self._submit(self._work, partial(_store, self._d.blobs, piece), partial(self._stored, piece))

    def _stored(self, batch: list[_Small], future: Future[None]) -> None:
        future.result()
        self._settle(batch)

    def _settle(self, batch: list[_Small]) -> None:
        """Journal a stored batch in one commit and answer for each of its files."""
        done = [(small, small.blob) for small in batch if small.blob is not None]
        records = [self._record(small.download, blob, small.checked, "") for small, blob in done]
        self._d.journal.record_blobs(records)
        for (small, blob), record in zip(done, records, strict=True):
            self._arrive(small.download, record, blob)
        for small in batch:
            if small.error is not None:
                self._fail(small.download, small.error)

    def _finished(self, download: Download, future: Future[Finished]) -> None:
        download.finishing = False
        try:
            done = future.result()
        except DigestMismatch as error:
            pieced = download.resumed or download.failures > 0 or len(download.segments) > 1
            if pieced and not download.restarted:
                self._start_over(download, error)
            else:
                self._fail(download, error)
            return
        except AcquisitionError as error:
            self._fail(download, error)
            return
        assert download.part is not None
        download.part.close()
        record = self._record(download, done.blob, done.checked, done.unwrapped)
        self._d.journal.drop_part(download.part_key)
        self._arrive(download, record, done.blob)

    def _announce(self, download: Download, done: Finished) -> None:
        """Journal a large file just before its rename; called in the worker thread."""
        self._d.journal.record_blobs([self._record(download, done.blob, done.checked, done.unwrapped)])

    def _record(self, download: Download, blob: Blob, checked: tuple[str, ...], unwrapped: str) -> BlobRecord:
        return BlobRecord(
            *download.transfer.key,
            sha256=blob.sha256,
            size=blob.size,
            fetched_at=self._d.now(),
            etag=download.etag,
            last_modified=download.last_modified,
            url=public_url(download.url),
            digests_checked=checked,
            unwrapped=unwrapped,
        )

    def _arrive(self, download: Download, record: BlobRecord, blob: Blob) -> None:
        transfer = download.transfer
        self._give_back(transfer)
        self._d.reporter.event(
            "transfer-done", source=transfer.source, path=transfer.asset.path, size=blob.size, bytes=download.downloaded
        )
        self._answer(_arrived(transfer, record, blob, download.downloaded))

    def _fail(self, download: Download, error: AcquisitionError) -> None:
        """Give a download up. Its part stays when it is good for a later run."""
        transfer = download.transfer
        if self._active.get(transfer.key) is not download:
            return
        self._wires.abandon(download.legs)
        self._leave(download, keep=not isinstance(error, _DAMAGED))
        self._give_back(transfer)
        self._d.reporter.event("transfer-failed", source=transfer.source, path=transfer.asset.path, code=error.code)
        self._answer(Failed(transfer, _placed(error, transfer)))

    def _leave(self, download: Download, *, keep: bool) -> None:
        """Save a part for a later run, or remove it."""
        self._dirty.discard(download)
        self._stop_hashing(download)
        if keep and download.resumable and download.reached:
            with suppress(AcquisitionError):  # no room for what was still in memory; what is on disk is journalled
                download.flush_all()
            if download.part is not None:
                self._d.journal.save_parts([download.record()])
                download.part.close()
                return
        if download.part is not None:
            self._d.journal.drop_part(download.part_key)
            with suppress(FileNotFoundError):
                download.part.path.unlink()
            download.part.close()

    def _answer(self, result: Arrived | Failed) -> None:
        key = result.transfer.key
        self._active.pop(key, None)
        self._ready.append(result)
        waiting = self._twice.get(key)
        if waiting:
            again = waiting.pop(0)
            if not waiting:
                del self._twice[key]
            self._admit(again)

    # --- ending early ---

    def _drain(self) -> Iterator[Arrived | Failed]:
        """Finish what needs no more network, and yield it."""
        self._store_small()
        for leg in self._wires.busy:
            self._wires.release(leg)
        storing = [f for f, done in self._jobs.items() if getattr(done, "func", None) in (self._stored, self._finished)]
        wait(storing)
        for future in storing:
            if (done := self._jobs.pop(future, None)) is not None:  # an earlier answer may have called it off
                done(future)
        yield from self._ready
        self._ready.clear()

    def close(self) -> None:
        """Save what was begun and let go of everything."""
        for leg in self._wires.busy:
            self._wires.release(leg)
        self._ask.shutdown(wait=False, cancel_futures=True)
        self._work.shutdown(wait=True, cancel_futures=True)
        for future, done in self._jobs.items():  # what a thread has just finished is kept, though nobody hears of it
            if (
                getattr(done, "func", None) in (self._stored, self._finished)
                and not future.cancelled()
                and not future.exception()
            ):
                done(future)
        for download in list(self._active.values()):
            if download is not None:
                self._leave(download, keep=True)
                self._give_back(download.transfer)
        self._wires.close()


def _reopen(download: Download, record: PartRecord) -> None:
    """Take a part file up again if what the journal says of it still holds; in a thread, because all of it is read."""
    part = download.open_part()
    asset = download.transfer.asset
    proven = any(digest.algorithm in STRONG for digest in asset.digests)
    usable = bool(record.segments) and (asset.packed or asset.size is None or record.size in (None, asset.size))
    segments = [part.reopen(segment) for segment in record.segments] if usable else []
    download.part = part
    if not segments:
        part.clear()
        return
    download.resume(record, part, segments)
    if not (download.validator or proven):
        download.restart()


def _open_part(directory: Path, key: str) -> PartFile:
    return PartFile(directory / key)


def _located(transfer: Transfer) -> Location:
    try:
        return transfer.locate()
    except AcquisitionError:
        raise
    except Exception as error:  # an adapter is a plug-in and may raise anything; name it
        raise PluginError(
            f"source {transfer.source}: the adapter could not say where {transfer.asset.path} is: {error!r}"
        ) from error


def _store(blobs: BlobStore, batch: list[_Small]) -> None:
    for small in batch:
        try:
            small.blob = store_small(blobs, small.temporary, small.data, small.sha256)
        except AcquisitionError as error:
            small.error = error


def _arrived(transfer: Transfer, record: BlobRecord, blob: Blob, downloaded: int = 0) -> Arrived:
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


def _placed(error: AcquisitionError, transfer: Transfer) -> AcquisitionError:
    """Give an error a place if it has none."""
    if not error.where:
        error.where = f"source {transfer.source}, {transfer.asset.path}"
    return error
