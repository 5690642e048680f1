"""One run of the strict downloader: a loop over libcurl's multi interface, a few threads that hash and store, the journal.

Every asset goes through the same rooms:

  admission    reuse what is here, else begin
  addresses    ask where the bytes are
  connections  queues per host, waits, libcurl; leg and stream are one request on its way
  judge        read how a request ended; recovery tries again, stretches divides large files
  completion   compare, fsync, rename, journal
  ledger       one answer per asset

The loop runs inside the caller's iteration; while the caller holds a result, nothing moves and no stall clock runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from acquisition.errors import AcquisitionError, Interrupted
from acquisition.fetch.addresses import Addresses
from acquisition.fetch.admission import Admission
from acquisition.fetch.completion import Completion
from acquisition.fetch.connections import Connections
from acquisition.fetch.follower import Follower
from acquisition.fetch.jobs import Jobs
from acquisition.fetch.judge import Judge
from acquisition.fetch.ledger import Ledger
from acquisition.fetch.means import Means
from acquisition.fetch.recovery import Recovery
from acquisition.fetch.stretches import divide
from acquisition.fetch.transfer import Arrived, Failed, Transfer

_LONGEST_NAP: Final = 0.1
"""Seconds after which `stop` is looked at again, whatever else is waited for."""
_SHORT_NAP: Final = 0.005
"""Seconds to wait for the network while a thread may have an answer."""


class Run:
    """The state of one `Downloader.run`: the rooms, and the loop that leads through them."""

    def __init__(self, means: Means, transfers: Iterator[Transfer]) -> None:
        self._m = means
        limits = means.limits
        self._jobs = Jobs()
        self._connections = Connections(means.wire, per_host=limits.per_host, total=limits.total)
        self._follower = Follower(means.journal, self._jobs)
        self._ledger = Ledger(means, self._connections, self._follower)
        addresses = Addresses(means, self._ledger, self._connections, self._follower, self._jobs)
        recovery = Recovery(means, self._ledger, self._connections, self._follower, addresses)
        self._completion = Completion(means, self._ledger, recovery, self._jobs)
        self._judge = Judge(limits.max_redirects, self._ledger, self._connections, recovery, self._completion)
        self._admission = Admission(
            means, transfers, ledger=self._ledger, addresses=addresses, completion=self._completion, jobs=self._jobs
        )
        self._expired = addresses.expired
        self._flushed_at = means.clock()

    def results(self) -> Iterator[Arrived | Failed]:
        """Drive everything until nothing is left."""
        while True:
            if self._m.stop.is_set():
                yield from self._drain()
                raise Interrupted("stopped; what has come is saved", hint="Run the same command again to go on.")
            self._admission.fill()
            self._hear(0.0)
            self._connections.start(self._m.clock(), self._expired)
            if self._ledger.ready:
                before = self._m.clock()
                yield from self._answers()
                self._connections.shift(self._m.clock() - before)
            if self._admission.over and not self._ledger.open and not self._completion.waiting:
                self._m.allowance.progress.tell(final=True)
                return
            self._move()
            self._look_after()

    def _answers(self) -> Iterator[Arrived | Failed]:
        while self._ledger.ready:
            yield self._ledger.ready.popleft()

    def _hear(self, timeout: float) -> None:
        """Hear the threads; a file that had come before it was hashed is complete now."""
        self._jobs.hear(timeout)
        for download in self._follower.caught_up():
            self._completion.complete(download)

    # --- moving bytes ---

    def _move(self) -> None:
        """Let libcurl work, or wait for whatever comes first."""
        debt = self._m.allowance.bucket.debt(self._m.clock())
        if debt > 0.001:
            nap = min(debt, _LONGEST_NAP)
            self._m.sleep(nap)
            self._connections.shift(nap)
        elif self._connections.busy:
            self._connections.work()
            if not self._judge_ended() and not self._ledger.ready:
                self._connections.wait(_SHORT_NAP if self._jobs else self._nap())
        else:
            self._wait()

    def _judge_ended(self) -> bool:
        """Judge what libcurl has finished; True if there was anything."""
        found = False
        for ended in self._connections.ended():
            found = True
            self._judge.ended(ended)
        divide(self._connections, self._m.limits)
        return found

    def _wait(self) -> None:
        """Wait for a thread or a moment while no request is on its way."""
        if self._completion.waiting and not self._connections.waiting:
            self._completion.store()
        if self._jobs:
            self._hear(self._nap())
        elif self._ledger.open and not self._ledger.ready:
            self._m.sleep(self._nap())

    def _nap(self) -> float:
        """Return how long to wait at most: until the next delayed request, and never long enough to miss `stop`."""
        now = self._m.clock()
        moments = self._connections.moments(now)
        return max(0.001, min(_LONGEST_NAP, *(moment - now for moment in moments))) if moments else _LONGEST_NAP

    # --- looking after what is on its way ---

    def _look_after(self) -> None:
        """Keep the journal, the hashes and the clocks up with what came."""
        now = self._m.clock()
        self._completion.store_due(now)
        if now - self._flushed_at >= 1.0:
            self._flushed_at = now
            self._flush_slow()
        self._follower.save()
        limits = self._m.limits
        for leg, got in self._connections.stalled(now, limits.stall_timeout, limits.min_speed * limits.stall_timeout):
            self._judge.stalled(leg, got)
        self._m.allowance.progress.tell()

    def _flush_slow(self) -> None:
        """Write what slow connections have gathered, so that a kill costs them no more than a second."""
        for leg in self._connections.busy:
            if leg.segment.waiting and leg.download.resumable:
                try:
                    leg.download.flush(leg.segment)
                except AcquisitionError as error:
                    self._ledger.fail(leg.download, error)

    # --- ending ---

    def _drain(self) -> Iterator[Arrived | Failed]:
        """Finish what needs no more network, and yield it."""
        self._completion.store()
        self._connections.release_all()
        self._jobs.hear_kept()
        yield from self._answers()

    def close(self) -> None:
        """Save what was begun and let go of everything."""
        self._connections.release_all()
        self._jobs.close()
        self._ledger.close()
        self._connections.close()
