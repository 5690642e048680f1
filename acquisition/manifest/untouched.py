"""Is the ledger that stands still the one that was written? An edit by hand would become history with the next version."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.damage import damage
from acquisition.manifest.formats import RESTORE
from acquisition.manifest.names import ITEMS, LINES, SUMMARY, SUMS, TAKEDOWNS, VERSIONS

_CARRIED: Final = (ITEMS, LINES, SUMMARY, VERSIONS, TAKEDOWNS)
"""Files that are read before a manifest is replaced, and the ledger in lines, which says the same."""


def demand_untouched(manifest: Path, names: Sequence[str] = _CARRIED) -> None:
    """Raise WorkspaceDamaged when files (the ledger, its summary, history and takedowns) are not as they were written.

    Without a list of digests there is nothing to compare with. Lines that are no younger than that list are not read again: in
    a set of a million items they are gigabytes, and `verify` reads them all.
    """
    listed = dict(_listed(manifest / SUMS))
    for name in names:
        path = manifest / name
        if name in listed and not _is_as_written(path, listed[name], manifest / SUMS):
            place = damage(path) if path.is_file() else "it is missing"
            raise WorkspaceDamaged(
                f"{name} is not as it was written{f': {place}' if place else ', and its digest is another'}",
                where=str(path),
                hint=RESTORE,
            )


def facts_of(manifest: Path) -> dict[str, list[int]]:
    """Return size and time of the last write (ns) of what `demand_untouched` looks at: while they stay, it need not look."""
    paths = {name: manifest / name for name in (*_CARRIED, SUMS)}
    return {name: [facts.st_size, facts.st_mtime_ns] for name, path in paths.items() if (facts := _facts(path)) is not None}


def _facts(path: Path) -> os.stat_result | None:
    with suppress(OSError):
        return path.stat()
    return None


def _listed(sums: Path) -> Iterator[tuple[str, str]]:
    """Yield name and digest of every file that is listed."""
    if sums.is_file():
        for line in sums.read_text(encoding="utf-8", errors="replace").splitlines():
            digest, _, name = line.partition("  ")
            yield name, digest


def _is_as_written(path: Path, digest: str, sums: Path) -> bool:
    if not path.is_file():
        return False
    if path.name == LINES and path.stat().st_mtime_ns <= sums.stat().st_mtime_ns:
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == digest
