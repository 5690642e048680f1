"""The strict downloader's public face: what it is made of and how it is run; the work is done in `acquisition.fetch.run`."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from acquisition.blobs import BlobStore
from acquisition.fetch.budget import Allowance, Room
from acquisition.fetch.means import Means
from acquisition.fetch.pace import Bucket
from acquisition.fetch.progress import Progress
from acquisition.fetch.run import Run
from acquisition.fetch.stream import Wire
from acquisition.fetch.transfer import Arrived, DownloadLimits, Failed, Transfer
from acquisition.journal import Journal
from acquisition.network import ca_file
from acquisition.workspace import free_bytes, utc_now

if TYPE_CHECKING:
    from acquisition.protocols import Reporter  # loads every settings model, which nothing here needs

_PORTION: Final = 512 << 10
"""Bytes that libcurl reads at a time, and under a limit of bandwidth, which counts what was read."""
_YOUNG: Final = 20_000
"""Objects made between two looks of the garbage collector: a tenth less CPU for small files."""
_SLOW_PORTION: Final = 16 << 10


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
        limits = limits or DownloadLimits()
        room = Room(blobs.workspace.root, limits.disk_reserve, free, clock)
        self._means = Means(
            blobs=blobs,
            journal=journal,
            reporter=reporter,
            limits=limits,
            allowance=Allowance(limits.total_bytes, room, Bucket(limits.bandwidth, clock()), Progress(reporter, clock)),
            wire=Wire(user_agent, ca_file(), limits.connect_timeout, _SLOW_PORTION if limits.bandwidth else _PORTION),
            stop=stop or threading.Event(),
            clock=clock,
            wall=wall,
            sleep=sleep,
            jitter=jitter,
            now=now,
        )

    def run(self, transfers: Iterable[Transfer]) -> Generator[Arrived | Failed, None, None]:
        """Yield one result per transfer, as they come; the iterable is consumed as room for more appears.

        Raises Interrupted when `stop` is set: everything finished was yielded, everything begun is saved. Closing the
        iterator early saves the state in the same way.
        """
        partial = self._means.blobs.workspace.partial
        partial.mkdir(parents=True, exist_ok=True)
        sweep_parts(self._means.journal, partial)
        run = Run(self._means, iter(transfers))
        try:
            with _collecting_seldom():
                yield from run.results()
        finally:
            run.close()


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let the garbage collector look less often: what comes and goes here by the thousand holds no cycles."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _YOUNG), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
