"""Bytes by their sha256: files in the workspace that are complete, verified, read-only, and stored once."""

# ruff: noqa: PTH105, PTH108, PTH116, PTH123  # paths stay strings here: this code runs once per small file
from __future__ import annotations

import errno
import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from acquisition.errors import DiskFull, WorkspaceDamaged
from acquisition.model import Blob
from acquisition.workspace import Workspace, fsync_directory

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_READ: Final = 1 << 20
_SYNC_DIRECTORY_FROM: Final = 8 << 20
"""From this size on the rename itself is made durable too. A smaller blob that a power cut takes back is fetched again."""


class BlobStore:
    """The blob folder of one workspace. Nothing appears in it under a digest before all its bytes were verified."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._root = os.fspath(workspace.blobs.absolute())
        self._made: set[str] = set()

    @property
    def workspace(self) -> Workspace:
        """The workspace that the blobs belong to."""
        return self._workspace

    def path(self, sha256: str) -> Path:
        """Return where the blob lies or would lie, absolute."""
        return Path(self._path(sha256))

    def _path(self, sha256: str) -> str:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a sha256 in lower-case hexadecimal")
        return f"{self._root}/{sha256[:2]}/{sha256[2:]}"

    def has(self, sha256: str, size: int | None = None) -> bool:
        """Say whether the blob is here (and has this size). Looks at the directory entry only; `verify` reads the bytes."""
        path = self._path(sha256)
        if not os.access(path, os.F_OK):  # most are not here, and this says so without raising
            return False
        try:
            found = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return size is None or found.st_size == size

    def get(self, sha256: str) -> Blob:
        """Return the blob; WorkspaceDamaged if it is missing."""
        path = self._path(sha256)
        try:
            size = os.stat(path, follow_symlinks=False).st_size
        except FileNotFoundError:
            raise WorkspaceDamaged(
                "a blob is missing from the workspace", where=path, hint="Run `acquire fetch` again."
            ) from None
        return Blob(sha256=sha256, size=size, path=path)

    def adopt(self, temporary: Path | str, sha256: str, size: int) -> Blob:
        """Take a finished, verified file over: fsync, read-only, rename. The temporary file must be in this workspace.

        The caller has compared size and digests. A blob of the same digest and size that is already here is kept and the
        temporary file removed. Raises DiskFull, and WorkspaceDamaged when the file is not `size` bytes long.
        """
        target = self._path(sha256)
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            found = os.fstat(descriptor).st_size
            if found != size:
                raise WorkspaceDamaged(f"a finished file has {found:,} bytes, not {size:,}", where=str(temporary))
            if self.has(sha256, size):
                os.unlink(temporary)
                return Blob(sha256=sha256, size=size, path=target)
            os.fchmod(descriptor, 0o444)
            _fsync(descriptor, temporary)
        finally:
            os.close(descriptor)
        self._make(sha256[:2])
        os.replace(temporary, target)
        if size >= _SYNC_DIRECTORY_FROM:
            fsync_directory(Path(target).parent)
        return Blob(sha256=sha256, size=size, path=target)

    def put(self, temporary: str, data: bytes, sha256: str, *, absent: bool = False) -> Blob:
        """Store bytes that the caller has verified: temporary file in this workspace, fsync, read-only, rename.

        A blob of the same digest and size that is already here is kept; `absent` says that the caller has looked just now,
        and one that came in between is replaced by its equal. Raises DiskFull.
        """
        target, size = self._path(sha256), len(data)
        if absent or not self.has(sha256, size):
            _write(temporary, data)
            self._make(sha256[:2])
            os.replace(temporary, target)
        return Blob(sha256=sha256, size=size, path=target)

    def _make(self, prefix: str) -> None:
        if prefix not in self._made:
            os.makedirs(f"{self._root}/{prefix}", exist_ok=True)  # noqa: PTH103  # strings all the way: this runs per small file
            self._made.add(prefix)

    def verify(self, sha256: str) -> Blob:
        """Read the whole blob and return it; WorkspaceDamaged if it is missing or its bytes are not what its name says."""
        blob = self.get(sha256)
        digest = hashlib.sha256()
        with open(blob.path, "rb", buffering=0) as stream:
            while block := stream.read(_READ):
                digest.update(block)
        if digest.hexdigest() != sha256:
            raise WorkspaceDamaged(
                f"a blob's bytes have changed: they are now sha256:{digest.hexdigest()}",
                where=blob.path,
                hint="Delete that file and run `acquire fetch` again.",
            )
        return blob

    def discard(self, sha256: str) -> None:
        """Remove a blob, if it is here (after `verify` found it damaged, or when nothing refers to it any more)."""
        with suppress(FileNotFoundError):
            os.unlink(self._path(sha256))


def _write(path: str, data: bytes) -> None:
    """Write a read-only file and flush it to disk; DiskFull leaves nothing behind."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, memoryview(data)[written:])
        os.fchmod(descriptor, 0o444)
        os.fsync(descriptor)
    except OSError as error:
        os.unlink(path)
        raise _as_disk_full(error, path) from error
    finally:
        os.close(descriptor)


def _fsync(descriptor: int, path: Path | str) -> None:
    """Flush to disk; delayed allocation reports a full disk here."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise _as_disk_full(error, path) from error


def _as_disk_full(error: OSError, path: Path | str) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("the disk is full", where=str(path), hint="Free some space and run the command again.")
    return error
