"""Appends bytes to a file whole or not at all: what a full disk has cut short is taken back."""

from __future__ import annotations

import errno
import io
from pathlib import Path

from acquisition.errors import DiskFull


def append(stream: io.FileIO, data: bytes, end: int) -> int:
    """Append to a file that is `end` bytes long and return its new length; DiskFull when there is no room.

    The stream is unbuffered and was opened for appending, so that one call is one write.
    """
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[stream.write(rest) :]
    except OSError as error:
        stream.truncate(end)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = str(Path(str(stream.name)))
            raise DiskFull(f"{len(data):,} bytes cannot be written: the disk is full", where=where) from error
        raise
    return end + len(data)
