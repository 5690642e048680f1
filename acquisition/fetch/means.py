"""What every room of the downloader works with: stores, limits, time and chance, handed in once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acquisition.blobs import BlobStore
from acquisition.fetch.budget import Allowance
from acquisition.fetch.stream import Wire
from acquisition.fetch.transfer import DownloadLimits
from acquisition.journal import Journal

if TYPE_CHECKING:
    from acquisition.protocols import Reporter  # loads every settings model, which nothing here needs


@dataclass(frozen=True, slots=True)
class Means:
    """The stores, the limits and the outside world of one downloader.

    `clock` gives seconds that only rise, `wall` Unix time (servers name dates), `sleep` waits, `jitter` gives [0, 1), `now`
    the time as ISO 8601 UTC. Setting `stop` ends a run.
    """

    blobs: BlobStore
    journal: Journal
    reporter: Reporter
    limits: DownloadLimits
    allowance: Allowance
    wire: Wire
    stop: threading.Event
    clock: Callable[[], float]
    wall: Callable[[], float]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    now: Callable[[], str]
