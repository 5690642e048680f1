"""Behind the writers: how far part files have come goes into the journal, and threads hash what is on disk."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from typing import Final

from acquisition.fetch.download import Download
from acquisition.fetch.jobs import Jobs
from acquisition.journal import Journal

_FOLLOW: Final = 4 << 20
"""Bytes on disk that are worth handing to a hashing thread."""


class Follower:
    """Keeps the journal and the digests up with the part files. Downloads put themselves into `changed`."""

    def __init__(self, journal: Journal, jobs: Jobs) -> None:
        self._journal, self._jobs = journal, jobs
        self.changed: set[Download] = set()
        self._caught_up: list[Download] = []

    def save(self) -> None:
        """Journal how far the part files have come, in one commit, and let the hashes follow the writers."""
        if not self.changed:
            return
        downloads = [download for download in self.changed if not download.answered]
        self.changed.clear()
        self._journal.save_parts([download.record() for download in downloads if download.resumable])
        for download in downloads:
            self._follow(download)

    def _follow(self, download: Download) -> None:
        if download.hashing is not None or download.finishing or download.part is None:
            return
        hashes, upto = download.start_hashes(), download.frontier
        if upto - hashes.position >= _FOLLOW:
            action = partial(hashes.follow, download.part.descriptor, upto)
            download.hashing = self._jobs.work(action, partial(self._followed, download))

    def _followed(self, download: Download, future: Future[None]) -> None:
        download.hashing = None
        future.result()
        if download.complete and not download.legs:
            self._caught_up.append(download)
        else:
            self._follow(download)

    def caught_up(self) -> Iterator[Download]:
        """Yield the downloads that had come completely while they were hashed."""
        while self._caught_up:
            yield self._caught_up.pop()

    def stop(self, download: Download) -> None:
        """Take the reader off a part file that is about to be cleared or closed; it ends at its next block."""
        if download.hashing is not None and download.hashes is not None:
            download.hashes.cancelled = True
            self._jobs.call_off(download.hashing)
            download.hashing = download.hashes = None

    def drop(self, download: Download) -> None:
        """Stop reading a part file and forget what the journal had to hear of it."""
        self.stop(download)
        self.changed.discard(download)
