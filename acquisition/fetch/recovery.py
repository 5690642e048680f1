"""Trying again: after a wait, with another address, or from byte 0; and never more often than may be hoped from."""

from __future__ import annotations

from typing import Final

from acquisition.errors import AcquisitionError, SourceUnavailable, TransferStalled
from acquisition.fetch.addresses import LOCATES, Addresses
from acquisition.fetch.answer import Answer, wire_url
from acquisition.fetch.connections import Connections
from acquisition.fetch.download import Download
from acquisition.fetch.follower import Follower
from acquisition.fetch.ledger import Ledger
from acquisition.fetch.leg import Leg, StartOver
from acquisition.fetch.means import Means
from acquisition.fetch.pace import asked_wait, backoff
from acquisition.fetch.part import FLUSH
from acquisition.fetch.refusal import status_error
from acquisition.network import origin, public_url

_PROGRESS: Final = 4096
"""Bytes after which an attempt counts as progress."""
_AGED: Final = 5.0
"""Seconds after which an address that is refused may have expired rather than be wrong."""
_FAILURES: Final = 1000


class Recovery:
    """Decides whether and how a download that met a failure goes on. What cannot go on is raised."""

    def __init__(
        self, means: Means, ledger: Ledger, connections: Connections, follower: Follower, addresses: Addresses
    ) -> None:
        self._m = means
        self._ledger, self._connections = ledger, connections
        self._follower, self._addresses = follower, addresses

    def _counts(self, download: Download, *, stalled: bool = False) -> bool:
        """Count a failure; False when there were too many without progress in between."""
        gained = download.reached - download.high
        if gained >= (FLUSH if stalled else _PROGRESS):
            download.attempts = 0
        download.high = max(download.high, download.reached)
        download.attempts += 1
        download.failures += 1
        return download.attempts <= self._m.limits.retries and download.failures <= _FAILURES

    def retry(self, leg: Leg, failure: AcquisitionError, asked: float | None = None) -> None:
        """Try the stretch again after a wait, from where it is; raise `failure` when the retries are used up."""
        download, limits = leg.download, self._m.limits
        if not self._counts(download, stalled=isinstance(failure, TransferStalled)):
            raise failure
        delay = backoff(download.attempts - 1, limits.backoff, limits.backoff_cap, self._m.jitter())
        if asked is not None:
            delay = asked + 0.1 * delay
        self._ledger.note_retry(download, failure.code, delay)
        if leg.segment.position and not download.resumable:
            if len(download.segments) > 1:
                raise StartOver("a stretch was lost that cannot be continued", ranges=False)
            self._follower.stop(download)
            download.restart()
        segment = leg.segment if leg.segment in download.segments else download.segments[0]
        location = download.location
        assert location is not None
        url = wire_url(location.url)
        self._connections.delay(Leg(download, segment, url, location.headers, origin(url)), self._m.clock() + delay)

    def heed(self, leg: Leg, answer: Answer) -> None:
        """Stand back from a host that says, even in a success, that nothing of its allowance remains."""
        asked = asked_wait(answer, self._m.wall())
        if asked:
            self._connections.hold(leg, self._m.clock() + min(asked, self._m.limits.max_wait))

    def wait_as_asked(self, leg: Leg, answer: Answer) -> None:
        """Let the whole host rest as long as it asks for, then try again; a wait that is too long fails the asset."""
        failure = status_error(answer, bytes(leg.words), leg.url, leg.credentials)
        asked = asked_wait(answer, self._m.wall())
        if asked is not None and asked > self._m.limits.max_wait:
            raise SourceUnavailable(
                f"the server asks to wait {asked:,.0f} s, more than is waited here: {failure.message}",
                where=public_url(leg.url),
                hint="Run the same command again later: what has come is kept.",
            )
        if asked is not None:
            self._connections.hold(leg, self._m.clock() + asked)
        self.retry(leg, failure, asked)

    def give_up_stalled(self, leg: Leg, got: int) -> None:
        """Close a connection that moved next to nothing over a whole time-out, and try its stretch again."""
        self._connections.abandon([leg])
        what = f"the server sent {got:,} bytes in {self._m.limits.stall_timeout:g} s"
        self.retry(leg, TransferStalled(what, where=public_url(leg.url), hint="Try again later."))

    def asks_anew(self, leg: Leg, status: int) -> bool:
        """Ask for a fresh address if a refusal may mean that the old one has expired; False when it cannot mean that.

        It may when the address is old, served before, is signed, or had to be asked for.
        """
        download = leg.download
        if download.locates > LOCATES or download.location is None:
            return False
        aged = self._m.clock() - download.located_at > _AGED
        fetched = download.downloaded > 0 or download.resumed
        once = download.locates == 1 and (not download.transfer.asset.url or leg.hops > 0 or "?" in leg.url)
        if not once and not ((aged or fetched) and self._counts(download)):
            return False
        self._ledger.note_retry(download, f"http-{status}", 0.0)
        self._addresses.relocate(download)
        return True

    def start_over(self, download: Download, why: AcquisitionError, *, ranges: bool = True) -> None:
        """Begin a file again from byte 0, once; the second time `why` is the result."""
        self._connections.abandon(download.legs)
        if download.restarted:
            self._ledger.fail(download, why)
            return
        download.restarted, download.divided = True, False
        download.ranges = download.ranges and ranges
        self._ledger.note_retry(download, why.code, 0.0)
        self._follower.stop(download)
        download.restart()
        self._addresses.locate(download)
