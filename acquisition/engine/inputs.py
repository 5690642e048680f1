"""Digests of the files that a filter's answers depend on beside the items: lists, models, calibrations."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from acquisition.errors import FilterUnavailable
from acquisition.settings import FilterSettings

_MOST: Final = 10_000
"""Files of one folder; a model has dozens, a benchmark's test split perhaps thousands."""


def input_digests(name: str, settings: FilterSettings, base: str) -> dict[str, str]:
    """Return path as declared → sha256 of the content, for a folder of all its files' paths and contents.

    FilterUnavailable names what is declared and not there: a filter that misses its list must not call anything clean.
    """
    return {path: _digest(name, path, Path(base) / Path(path).expanduser()) for path in settings.inputs()}


def _digest(name: str, declared: str, path: Path) -> str:
    try:
        if not path.is_dir():
            return _content(path)
        files = sorted(entry for entry in path.rglob("*") if entry.is_file())
        if len(files) > _MOST:
            raise FilterUnavailable(
                f"filters.{name} names a folder of {len(files):,} files; at most {_MOST:,} are read",
                where=str(path),
                hint="Name a smaller folder.",
            )
        told = "\n".join(f"{file.relative_to(path).as_posix()} {_content(file)}" for file in files)
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    except OSError as error:
        raise FilterUnavailable(
            f"filters.{name} names {declared!r}, which cannot be read: {error.strerror or error}",
            where=str(path),
            hint="Correct the path (relative paths count from the folder of sources.yaml), or take the key out.",
        ) from error


def _content(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
