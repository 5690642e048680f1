"""A file on its way: stretches of bytes written at their offsets, and what the journal has to know to continue them."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import xxhash

from acquisition.errors import DiskFull, WorkspaceLocked
from acquisition.fetch.digests import BLOCK
from acquisition.journal import SegmentRecord

FLUSH: Final = 1 << 20
"""Bytes that a stretch gathers before it is written and journalled: what a kill may cost per connection."""


@dataclass(slots=True, eq=False)
class Segment:
    """One stretch of the file: [start, end), received up to `position`, on disk up to `flushed`. `end` None: not known yet.

    `check` runs over the bytes as they are written, so that a later run can tell whether the part still holds them.
    """

    start: int = 0
    end: int | None = None
    position: int = 0
    flushed: int = 0
    waiting: list[bytes] = field(default_factory=list)
    check: Any = field(default_factory=xxhash.xxh3_64)

    @classmethod
    def at(cls, start: int, end: int | None) -> Segment:
        """Return an empty stretch."""
        return cls(start=start, end=end, position=start, flushed=start)

    @property
    def complete(self) -> bool:
        """Whether all its bytes were received."""
        return self.end is not None and self.position >= self.end

    def take(self, data: bytes) -> bool:
        """Take received bytes; True when enough are waiting to be written."""
        self.waiting.append(data)
        self.position += len(data)
        return self.position - self.flushed >= FLUSH

    def record(self) -> SegmentRecord:
        """Return what the journal keeps: only what is on disk."""
        return SegmentRecord(self.start, self.flushed, self.end, self.check.hexdigest())


class PartFile:
    """One open part file. A lock on it keeps a second writer out, whoever that is."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self.descriptor)
            raise WorkspaceLocked(
                "another process writes this part file", where=str(path), hint="Wait until it ends, then run again."
            ) from None

    def flush(self, segment: Segment) -> None:
        """Write what a stretch has gathered, at its place. Raises DiskFull; what was written before stays valid."""
        if not segment.waiting:
            return
        data = segment.waiting[0] if len(segment.waiting) == 1 else b"".join(segment.waiting)
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self.descriptor, memoryview(data)[written:], segment.flushed + written)
        except OSError as error:
            raise _as_disk_full(error, self.path) from error
        segment.check.update(data)
        segment.flushed += len(data)
        segment.waiting.clear()

    def reopen(self, record: SegmentRecord) -> Segment:
        """Return a stretch as the journal knows it if the file still holds its bytes, else the same stretch, empty."""
        segment = Segment.at(record.start, record.end)
        while segment.flushed < record.reached:
            block = os.pread(self.descriptor, min(BLOCK, record.reached - segment.flushed), segment.flushed)
            if not block:
                break
            segment.check.update(block)
            segment.flushed += len(block)
        if segment.flushed != record.reached or segment.check.hexdigest() != record.check:
            return Segment.at(record.start, record.end)
        segment.position = segment.flushed
        return segment

    def clear(self) -> None:
        """Forget everything written."""
        os.ftruncate(self.descriptor, 0)

    def truncate(self, size: int) -> None:
        """Cut the file to its size (a stretch that is started again may leave bytes behind it)."""
        os.ftruncate(self.descriptor, size)

    def close(self) -> None:
        """Close the file and keep it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def remove(self) -> None:
        """Close the file and delete it."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.close()


def _as_disk_full(error: OSError, path: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("the disk is full", where=str(path), hint="Free some space and run again: what has come is kept.")
    return error
