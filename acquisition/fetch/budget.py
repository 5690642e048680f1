"""What may still be moved and written: byte ceilings of all and of each source, room on the disk, and the pace."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Final

from acquisition.errors import AcquisitionError, DiskFull, LimitReached
from acquisition.fetch.pace import Bucket
from acquisition.fetch.progress import Progress
from acquisition.fetch.transfer import Transfer

_MEASURE_BYTES: Final = 32 << 20
_MEASURE_SECONDS: Final = 0.5


class Ceiling:
    """A number of bytes that may be moved in one run; what was begun is claimed, so that two cannot take the same rest."""

    __slots__ = ("_claims", "claimed", "limit", "name", "spent")

    def __init__(self, limit: int, name: str) -> None:
        self.limit = limit
        self.name = name
        self.spent = 0
        self.claimed = 0
        self._claims: dict[Hashable, int] = {}

    def claim(self, owner: Hashable, size: int | None) -> None:
        """Set bytes aside for a file; LimitReached if they are more than is left (or nothing is left)."""
        if self.spent + self.claimed + (1 if size is None else size) > self.limit:
            raise self._reached(size)
        self._claims[owner] = size or 0
        self.claimed += size or 0

    def count(self, owner: Hashable, size: int) -> None:
        """Count bytes that came; LimitReached when they are more than was set aside and nothing is left."""
        self.spent += size
        covered = min(size, self._claims.get(owner, 0))
        if covered:
            self._claims[owner] -= covered
            self.claimed -= covered
        if covered < size and self.spent + self.claimed > self.limit:
            raise self._reached(None)

    def release(self, owner: Hashable) -> None:
        """Give back what was set aside and not used."""
        self.claimed -= self._claims.pop(owner, 0)

    def _reached(self, size: int | None) -> LimitReached:
        wanted = "" if size is None else f"; this file has {size:,} bytes"
        return LimitReached(
            f"{self.name} allows {self.limit:,} bytes in one run, {self.spent:,} have come{wanted}",
            hint="Raise limits.bytes, or take fewer files with `files`.",
        )


class Room:
    """Space on the workspace's disk: promised to files on their way, and measured while they are written."""

    def __init__(self, path: Path, reserve: int, free: Callable[[Path], int], clock: Callable[[], float]) -> None:
        self._path, self._reserve, self._free, self._clock = path, reserve, free, clock
        self._promised: dict[Hashable, int] = {}
        self._sum = 0
        self._since = 0
        self._known = 0
        self._measured_at = float("-inf")

    def _left(self) -> int:
        now = self._clock()
        if self._since >= _MEASURE_BYTES or not 0 <= now - self._measured_at < _MEASURE_SECONDS:
            self._known, self._measured_at, self._since = self._free(self._path), now, 0
        return self._known - self._since

    def promise(self, owner: Hashable, size: int) -> None:
        """Promise room for a file; DiskFull unless it fits beside everything promised and the reserve stays."""
        if self._left() - self._sum - size < self._reserve:
            raise self._full(size)
        self._promised[owner] = self._promised.get(owner, 0) + size
        self._sum += size

    def wrote(self, owner: Hashable, size: int) -> None:
        """Count bytes that are about to be written; DiskFull when they would touch the reserve."""
        kept = min(size, self._promised.get(owner, 0))
        if kept:
            self._promised[owner] -= kept
            self._sum -= kept
        if self._left() - size < self._reserve:
            raise self._full(size)
        self._since += size

    def release(self, owner: Hashable) -> None:
        """Give back what was promised and not written."""
        self._sum -= self._promised.pop(owner, 0)

    def _full(self, size: int) -> DiskFull:
        return DiskFull(
            f"{size:,} bytes are needed and {self._reserve:,} are kept in reserve, but only {max(0, self._left()):,} are free",
            where=str(self._path),
            hint="Free some space and run again (what has come is kept), or lower limits.disk_reserve.",
        )


class Allowance:
    """Everything that limits bytes, asked in one place. An owner is whoever set bytes aside and gives the rest back."""

    def __init__(self, total: int | None, room: Room, bucket: Bucket, progress: Progress) -> None:
        self._whole = None if total is None else Ceiling(total, "limits.bytes")
        self._own: dict[str, Ceiling] = {}
        self._room = room
        self.bucket = bucket
        self.progress = progress

    def _ceilings(self, transfer: Transfer) -> tuple[Ceiling, ...]:
        """Return the ceilings that a source's bytes count against, few as they are: most often none."""
        if self._whole is None and transfer.max_bytes is None:
            return ()
        own = self._own.get(transfer.source)
        if own is None and transfer.max_bytes is not None:
            own = self._own[transfer.source] = Ceiling(transfer.max_bytes, f"source {transfer.source}: limits.bytes")
        return tuple(ceiling for ceiling in (self._whole, own) if ceiling is not None)

    def claim(self, owner: Hashable, transfer: Transfer, missing: int | None) -> None:
        """Set the missing bytes of a file aside, and room for them; LimitReached or DiskFull if they are too many."""
        try:
            for ceiling in self._ceilings(transfer):
                ceiling.claim(owner, missing)
            self._room.promise(owner, missing or 0)
        except AcquisitionError:
            self.release(owner, transfer)
            raise

    def release(self, owner: Hashable, transfer: Transfer) -> None:
        """Give back what was set aside and not used."""
        for ceiling in self._ceilings(transfer):
            ceiling.release(owner)
        self._room.release(owner)

    def count(self, owner: Hashable, transfer: Transfer, size: int) -> None:
        """Count body bytes that came; LimitReached when they were not set aside and nothing is left."""
        self.bucket.take(size)
        self.progress.add(transfer, size)
        for ceiling in self._ceilings(transfer):
            ceiling.count(owner, size)

    def wrote(self, owner: Hashable, size: int) -> None:
        """Count bytes that are about to be written; DiskFull when they would touch the reserve."""
        self._room.wrote(owner, size)
