"""The list of the set's files: files.jsonl beside the placements, one JSON object a line with path, digest and size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import xxhash

from acquisition.curate.card import NAME
from acquisition.errors import WorkspaceDamaged

FILES: Final = "files.jsonl"


class FileList:
    """Grows while items are placed; of every path 8 bytes are remembered. `count` and `bytes` are those of all files so far."""

    def __init__(self, placements: Path, curated: Path) -> None:
        self._target = placements / FILES
        self._curated = curated
        self._paths: list[Any] = [np.zeros(0, np.uint64)]
        self.count = self.bytes = 0

    def add(self, files: Iterable[tuple[str, str, int]]) -> None:
        """Append path, sha256 and size of some files."""
        hashes = []
        with self._target.open("ab") as stream:
            for path, digest, size in files:
                hashes.append(xxhash.xxh3_64_intdigest(path.encode()))
                stream.write(orjson.dumps({"path": path, "sha256": digest, "size": size}) + b"\n")
                self.count += 1
                self.bytes += size
        self._paths.append(np.array(hashes, np.uint64))

    def add_rest(self) -> None:
        """List the files that belong to no single item: tables, metadata, the card."""
        known = np.sort(np.concatenate(self._paths))
        self.add((path, *digest_of(self._curated / path)) for path in _walk(self._curated) if not _holds(known, path))


def digest_of(path: Path) -> tuple[str, int]:
    """Return a file's sha256 and its size."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), path.stat().st_size


def demand_whole(curated: Path, placements: Path) -> None:
    """Raise WorkspaceDamaged unless every file of the set is there in its size; what it holds is for `acquire verify` to read.

    The card is left out: its version is written into it later.
    """
    with (placements / FILES).open("rb") as lines:
        for one in map(orjson.loads, lines):
            path = curated / one["path"]
            size = path.stat().st_size if path.is_file() else None
            if size != one["size"] and one["path"] != NAME:
                told = "it is missing" if size is None else f"{size:,} bytes instead of {one['size']:,}"
                raise WorkspaceDamaged(
                    f"a file of the curated set is not as it was made: {told}",
                    where=str(path),
                    hint="`acquire curate --anew` makes the set and the manifest anew from what is staged.",
                )


def _holds(known: Any, path: str) -> bool:
    value = np.uint64(xxhash.xxh3_64_intdigest(path.encode()))
    place = int(np.searchsorted(known, value))
    return place < len(known) and bool(known[place] == value)


def _walk(directory: Path) -> Iterator[str]:
    """Yield all files below a directory as relative paths, folder by folder, names sorted."""
    for folder, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            yield (Path(folder) / name).relative_to(directory).as_posix()
