"""Puts an item's bytes into the curated set: by reflink, by hard link, or as a copy that is hashed on its way."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from acquisition.content import Contents
from acquisition.errors import WorkspaceDamaged

_FICLONE: Final = 0x40049409
"""The ioctl number of FICLONE (Linux, include/uapi/linux/fs.h): share the blocks of another file."""
_UNSUPPORTED: Final = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EMLINK}
_CHUNK: Final = 1 << 20


class Linker:
    """Places content. `blob_path` finds a blob's file; only files below `blobs` (the workspace's own) may be hard-linked.

    A file of the user's own is never hard-linked: a later edit of it would change the curated set. Whatever is read on
    the way is hashed, and WorkspaceDamaged says that it is not what was staged.
    """

    def __init__(self, contents: Contents, blob_path: Callable[[str], Path], blobs: Path) -> None:
        self._contents = contents
        self._blob_path = blob_path
        self._blobs = blobs.absolute()
        self._reflinks = True

    def __call__(self, row: Mapping[str, Any], target: Path) -> int:
        """Put the item's bytes at `target`, which must not exist, and return their number."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if not row["member"]:
            origin = self._blob_path(row["blob"])
            ours = origin.absolute().is_relative_to(self._blobs)
            if ours and (self._reflink(origin, target) or _hard_link(origin, target)):
                return target.stat().st_size
        return self._copy(row, target)

    def _reflink(self, origin: Path, target: Path) -> bool:
        if not self._reflinks:
            return False
        with origin.open("rb") as source, target.open("xb") as copy:
            try:
                fcntl.ioctl(copy.fileno(), _FICLONE, source.fileno())
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
                self._reflinks = False  # the file system will not learn it during this run
        if not self._reflinks:
            target.unlink()
        return self._reflinks

    def _copy(self, row: Mapping[str, Any], target: Path) -> int:
        digest, size = hashlib.sha256(), 0
        with self._contents.open(row["blob"], row["member"]) as stream, target.open("xb") as copy:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += copy.write(chunk)
        if digest.hexdigest() != row["content_sha256"]:
            target.unlink()
            raise WorkspaceDamaged(
                f"{row['locator']} of {row['source']} is not what was staged: expected sha256:{row['content_sha256']}, "
                f"got sha256:{digest.hexdigest()}",
                where=str(self._blob_path(row["blob"])),
                hint="Fetch the source again; if it is a folder of your own, its files have changed since.",
            )
        return size


def _hard_link(origin: Path, target: Path) -> bool:
    try:
        os.link(origin, target)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return False
    return True
