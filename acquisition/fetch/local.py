"""Files of the user's own: read where they lie, hashed once, never copied."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from acquisition.errors import FileChanged, SourceNotFound
from acquisition.fetch.digests import Hashes
from acquisition.fetch.finish import Delivery, Finished, judge
from acquisition.journal import Journal
from acquisition.model import Asset, Blob


def take_local(asset: Asset, journal: Journal) -> Finished:
    """Return the user's own file as a blob that lies where it lies.

    Hashed when the journal has no digests for its path, size and modification time. Raises FileChanged when it is not as
    it was planned or changes under the eyes of the reader, SourceNotFound, SizeMismatch and DigestMismatch.
    """
    path = Path(asset.local_path).absolute()
    before = _stat(path)
    if asset.size is not None and before.st_size != asset.size:
        raise _changed(path, f"it has {before.st_size:,} bytes now, {asset.size:,} when it was planned")
    if asset.modified_ns and before.st_mtime_ns != asset.modified_ns and not asset.digests:
        raise _changed(path, "its modification time is another one than when it was planned")
    delivery = Delivery(asset=asset)
    wanted = {"sha256", *delivery.algorithms}
    values = journal.local_digests(str(path), before.st_size, before.st_mtime_ns)
    if not wanted <= values.keys():
        values = _hash(path, before, wanted | values.keys())
        journal.record_local(str(path), before.st_size, before.st_mtime_ns, values)
    known = asset if asset.size is not None else _sized(asset, before.st_size)
    checked = judge(Delivery(asset=known), before.st_size, values)
    return Finished(Blob(sha256=values["sha256"], size=before.st_size, path=str(path)), checked)


def _sized(asset: Asset, size: int) -> Asset:
    """An empty file of the user's own is what it is; only a server's empty answer is suspicious."""
    return Asset(path=asset.path, size=size, digests=asset.digests, local_path=asset.local_path)


def _stat(path: Path) -> os.stat_result:
    try:
        found = path.stat()
    except OSError as error:
        raise SourceNotFound(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    if not stat.S_ISREG(found.st_mode):
        raise SourceNotFound("this is no ordinary file", where=str(path))
    return found


def _hash(path: Path, before: os.stat_result, algorithms: set[str]) -> dict[str, str]:
    hashes = Hashes(algorithms, before.st_size)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SourceNotFound(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    try:
        hashes.follow(descriptor, before.st_size)
        after = os.fstat(descriptor)
    except OSError as error:
        raise _changed(path, str(error)) from error
    finally:
        os.close(descriptor)
    if (after.st_size, after.st_mtime_ns, after.st_ino) != (before.st_size, before.st_mtime_ns, before.st_ino):
        raise _changed(path, "it was written to while it was read")
    return hashes.values()


def _changed(path: Path, what: str) -> FileChanged:
    return FileChanged(f"the file changed: {what}", where=str(path), hint="Run `acquire plan --update` for this source.")
