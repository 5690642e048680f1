"""Where a bundle's files go, one after the other: into a directory, or into one tar. Each is hashed while it is written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from acquisition.bundle import tar
from acquisition.errors import WorkspaceDamaged

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the bundle: a file on disk or bytes; `sha256` is what it has to be, "" where nobody has said."""

    name: str
    path: Path | None = None
    content: bytes = b""
    sha256: str = ""


def not_as_told(path: Path) -> WorkspaceDamaged:
    """Return the error for a file that is missing, or is not the one that was written."""
    return WorkspaceDamaged(
        "a file is not the one that the manifest lists",
        where=str(path),
        hint="Look with `acquire verify`, and run `acquire curate --anew` to make set and manifest anew.",
    )


class Sink:
    """Takes one file after the other; `put` returns the digest of what was written."""

    def __init__(self) -> None:
        self.files = self.bytes = 0
        self.progress: Callable[[int, int], None] = lambda _files, _bytes: None
        """Hears files and bytes so far."""

    def put(self, entry: Entry) -> str:
        """Write a file. WorkspaceDamaged when it is not what it has to be."""
        size = len(entry.content) if entry.path is None else _size(entry.path)
        digest, written = hashlib.sha256(), 0
        with self.opened(entry.name, size) as stream:
            for some in [entry.content] if entry.path is None else _chunks(entry.path):
                digest.update(some)
                written += len(some)
                self.progress(self.files, self.bytes + written)
                stream.write(some)
        found = digest.hexdigest()
        if written != size or (entry.sha256 and found != entry.sha256):
            raise not_as_told(entry.path or Path(entry.name))
        self.files += 1
        self.bytes += size
        return found

    def opened(self, name: str, size: int) -> AbstractContextManager[IO[bytes]]:
        """Begin a file of this name and size."""
        raise NotImplementedError


class _Directory(Sink):
    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        root.mkdir()

    def opened(self, name: str, size: int) -> AbstractContextManager[IO[bytes]]:  # noqa: ARG002 - a file needs no size
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("xb")


class _Tar(Sink):
    def __init__(self, stream: IO[bytes], root: str) -> None:
        super().__init__()
        self._stream, self._root = stream, root

    @contextmanager
    def opened(self, name: str, size: int) -> Iterator[IO[bytes]]:
        self._stream.write(tar.header(f"{self._root}/{name}", size))
        yield self._stream
        self._stream.write(tar.padding(size))


@contextmanager
def opened_sink(fresh: Path, root: str, *, as_tar: bool) -> Iterator[Sink]:
    """Open a new bundle at `fresh`; in a tar everything lies in a folder `root`."""
    if not as_tar:
        yield _Directory(fresh)
        return
    with fresh.open("xb") as stream:
        yield _Tar(stream, root)
        stream.write(tar.END)
        stream.flush()
        os.fsync(stream.fileno())


def _size(path: Path) -> int:
    if path.is_symlink() or not path.is_file():
        raise not_as_told(path)
    return path.stat().st_size


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while some := stream.read(_CHUNK):
            yield some
