"""Bytes that can be opened again and again, wherever they lie."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, cast

from acquisition.content.limits import DAMAGE, Budget, Unreadable
from acquisition.errors import DiskFull
from acquisition.protocols import Binary

IN_MEMORY: Final = 4_000_000
"""Members up to this many bytes are held in memory while they are read, larger ones in an unnamed file."""


class FileBinary(Binary):
    """A plain file on disk under the name it has in its release."""

    def __init__(self, path: Path, name: str) -> None:
        self.path: Path | None = path
        self.name = name
        self.size = path.stat().st_size

    def open(self) -> IO[bytes]:
        """Open for reading; seekable."""
        assert self.path is not None
        return self.path.open("rb")


class MemberBinary(Binary):
    """Bytes behind a function that opens them anew each time. `size` is what a header claims, -1 when nothing does."""

    def __init__(self, name: str, size: int, opener: Callable[[], IO[bytes]]) -> None:
        self.path: Path | None = None
        self.name = name
        self.size = size
        self._opener = opener

    def open(self) -> IO[bytes]:
        """Open for reading from the start."""
        return self._opener()


class RangeReader(io.RawIOBase):
    """A stretch of an open file with a position of its own, so that many readers can share one descriptor."""

    def __init__(self, stream: IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._stream = stream
        self._start = start
        self._size = size
        self._at = 0
        try:
            self._descriptor = stream.fileno()
        except (OSError, AttributeError):
            self._descriptor = -1

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position inside the stretch."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("seek before the start")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        """Fill a buffer."""
        view = memoryview(cast("bytearray", buffer)).cast("B")
        wanted = min(len(view), max(self._size - self._at, 0))
        data = self._taken(wanted) if wanted else b""
        view[: len(data)] = data
        self._at += len(data)
        if wanted and not data:
            raise Unreadable("archive-damaged", "the archive ends inside this member")
        return len(data)

    def _taken(self, wanted: int) -> bytes:
        if self._descriptor >= 0:
            return os.pread(self._descriptor, wanted, self._start + self._at)
        self._stream.seek(self._start + self._at)
        return self._stream.read(wanted)


def range_of(stream: IO[bytes], start: int, size: int) -> IO[bytes]:
    """Return a buffered reader of `size` bytes from `start` of an open file."""
    return cast("IO[bytes]", io.BufferedReader(RangeReader(stream, start, size), 1 << 17))


class Spool:
    """A copy of a forward-only stream, in memory or in an unnamed temporary file, that can be opened again and again."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._file: IO[bytes] = cast("IO[bytes]", tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115
        try:
            shutil.copyfileobj(stream, self._file, 1 << 18)
            self._file.flush()
        except OSError as error:
            self._file.close()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(f"an archive's member does not fit into {tempfile.gettempdir()}: {error}") from error
            raise
        except BaseException:
            self._file.close()
            raise
        self.size = self._file.tell()

    def open(self) -> IO[bytes]:
        """Open the copy from its start; seekable."""
        if self.size <= IN_MEMORY and not getattr(self._file, "_rolled", True):
            self._file.seek(0)
            return io.BytesIO(self._file.read())
        return range_of(self._file, 0, self.size)

    def close(self) -> None:
        """Let the copy go."""
        self._file.close()


class Checked(io.RawIOBase):
    """A stream whose real bytes are counted against a budget and whose errors become `Unreadable`."""

    def __init__(self, stream: IO[bytes], packed: Callable[[], int], budget: Budget, code: str) -> None:
        super().__init__()
        self._stream = stream
        # read1, where there is one, gives what was unpacked before the damage; read would lose it.
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._packed = packed
        self._budget = budget
        self._code = code
        self._unpacked = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer."""
        view = memoryview(cast("bytearray", buffer)).cast("B")
        try:
            data = self._read(len(view))
        except DAMAGE as error:
            if isinstance(error, RuntimeError) and "password" in str(error):
                raise Unreadable("archive-encrypted", "the member is encrypted") from error
            raise Unreadable(self._code, f"{error} (after {self._unpacked:,} bytes)") from error
        self._unpacked += len(data)
        self._budget.count(len(data), self._unpacked, self._packed())
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close what lies below."""
        if not self.closed:
            self._stream.close()
        super().close()


def checked(stream: IO[bytes], packed: Callable[[], int], budget: Budget, code: str) -> IO[bytes]:
    """Return a buffered, counted and guarded reader of a stream."""
    return cast("IO[bytes]", io.BufferedReader(Checked(stream, packed, budget, code), 1 << 17))
