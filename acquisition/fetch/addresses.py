"""Where the bytes are: adapters are asked, their answers are checked, and fresh addresses are got when old ones expire."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Final

from acquisition.errors import AcquisitionError, AddressRefused, PluginError, SourceUnavailable
from acquisition.fetch.answer import wire_url
from acquisition.fetch.connections import Connections
from acquisition.fetch.download import Download
from acquisition.fetch.follower import Follower
from acquisition.fetch.jobs import Jobs
from acquisition.fetch.ledger import Ledger
from acquisition.fetch.leg import Leg
from acquisition.fetch.means import Means
from acquisition.fetch.transfer import Transfer
from acquisition.model import Location
from acquisition.network import origin, public_url

LOCATES: Final = 20
"""How often one file's address is asked for."""


class Addresses:
    """Finds the address of every download and queues a request for each stretch that is missing."""

    def __init__(self, means: Means, ledger: Ledger, connections: Connections, follower: Follower, jobs: Jobs) -> None:
        self._m = means
        self._ledger, self._connections = ledger, connections
        self._follower, self._jobs = follower, jobs

    def locate(self, download: Download) -> None:
        """Ask where the bytes are. An asset with a stable URL is asked here, the others in a thread: they ask a server."""
        download.locates += 1
        if download.transfer.asset.url and download.locates == 1:
            self._take(download, partial(_location, download.transfer))
        else:
            self._jobs.ask(partial(_location, download.transfer), partial(self._asked, download))

    def _asked(self, download: Download, future: Future[Location]) -> None:
        if not download.answered:
            self._take(download, future.result)

    def _take(self, download: Download, ask: Callable[[], Location]) -> None:
        try:
            location = ask()
            url = wire_url(location.url)
            host = origin(url)
            download.transfer.guard.check_url(url)
        except AcquisitionError as error:
            self._ledger.fail(download, error)
            return
        except ValueError as error:
            refused = AddressRefused(f"the address cannot be read: {error}", where=public_url(location.url))
            self._ledger.fail(download, refused)
            return
        download.location, download.located_at = location, self._m.clock()
        for segment in download.segments:
            if not segment.complete:
                self._connections.enqueue(Leg(download, segment, url, location.headers, host))

    def relocate(self, download: Download) -> None:
        """Ask for a fresh address and go on from there with every stretch."""
        self._connections.abandon(download.legs)
        if download.reached and not download.resumable:
            self._follower.stop(download)
            download.restart()
        self.locate(download)

    def expired(self, leg: Leg) -> bool:
        """Whether a leg's address is known to have expired; then a fresh one is asked for."""
        download = leg.download
        if download.location is None or not 0 < download.location.expires_at <= self._m.wall() + 1:
            return False
        if download.locates > LOCATES:
            where = public_url(leg.url)
            self._ledger.fail(download, SourceUnavailable("every address for this file had expired already", where=where))
        else:
            self.relocate(download)
        return True


def _location(transfer: Transfer) -> Location:
    try:
        return transfer.locate()
    except AcquisitionError:
        raise
    except Exception as error:  # an adapter is a plug-in and may raise anything; name it
        raise PluginError(
            f"source {transfer.source}: the adapter could not say where {transfer.asset.path} is: {error!r}"
        ) from error
