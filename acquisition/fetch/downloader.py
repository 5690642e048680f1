"""The strict downloader's public face: what it is made of and how it is run; the work is done in `acquisition.fetch.run`."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from acquisition.blobs import BlobStore
from acquisition.fetch.budget import Ceiling, Room
from acquisition.fetch.run import Run
from acquisition.fetch.stream import Wire
from acquisition.fetch.transfer import Arrived, DownloadLimits, Failed, Transfer
from acquisition.journal import Journal
from acquisition.network import ca_file
from acquisition.protocols import Reporter
from acquisition.workspace import free_bytes, utc_now

_PORTION: Final = 512 << 10


def sweep_parts(journal: Journal, directory: Path) -> int:
    """Delete part files that no journal row speaks of, and rows without a file; return how many were removed."""
    known, found = journal.part_keys(), set()
    removed = 0
    for path in sorted(directory.iterdir()) if directory.is_dir() else []:
        if path.name in known:
            found.add(path.name)
        elif path.is_file():
            path.unlink()
            removed += 1
    for key in known - found:
        journal.drop_part(key)
    return removed


class Downloader:
    """Moves the bytes of hub assets into the blob store, verified and journalled.

    `clock` gives seconds that only rise, `wall` Unix time (servers name dates), `sleep` waits, `jitter` gives [0, 1), `free`
    the bytes free for a path, `now` the time as ISO 8601 UTC. Setting `stop` ends the run cleanly with Interrupted.
    One instance may `run` again and again, but not twice at once; ceilings of bytes hold over all its runs.
    """

    def __init__(
        self,
        *,
        blobs: BlobStore,
        journal: Journal,
        reporter: Reporter,
        user_agent: str,
        limits: DownloadLimits | None = None,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        free: Callable[[Path], int] = free_bytes,
        now: Callable[[], str] = utc_now,
    ) -> None:
        self.blobs, self.journal, self.reporter = blobs, journal, reporter
        self.limits = limits or DownloadLimits()
        self.stop = stop or threading.Event()
        self.clock, self.wall, self.sleep, self.jitter, self.now = clock, wall, sleep, jitter, now
        self.wire = Wire(
            user_agent,
            ca_file(),
            self.limits.connect_timeout,
            16 << 10 if self.limits.bandwidth else _PORTION,
        )
        self.room = Room(blobs.workspace.root, self.limits.disk_reserve, free, clock)
        self.ceiling = Ceiling(self.limits.total_bytes, "limits.bytes")
        self.ceilings: dict[str, Ceiling] = {}

    def run(self, transfers: Iterable[Transfer]) -> Iterator[Arrived | Failed]:
        """Yield one result per transfer, as they come; the iterable is consumed as room for more appears.

        Raises Interrupted when `stop` is set: everything finished was yielded, everything begun is saved. Closing the
        iterator early saves the state in the same way.
        """
        self.blobs.workspace.partial.mkdir(parents=True, exist_ok=True)
        sweep_parts(self.journal, self.blobs.workspace.partial)
        run = Run(self, iter(transfers))
        try:
            yield from run.results()
        finally:
            run.close()

    def ceiling_of(self, transfer: Transfer) -> Ceiling:
        """Return the byte ceiling of a source."""
        if transfer.source not in self.ceilings:
            self.ceilings[transfer.source] = Ceiling(transfer.max_bytes, f"source {transfer.source}: limits.bytes")
        return self.ceilings[transfer.source]
