"""The same version is the same bytes: where nothing but times differs from the ledger that stands, its times stay.

A folder of one's own is read anew by every run, and whoever declares a license says it again with every run. When that was
first so is what the version tells; a later look that found the same is no change of it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson

from acquisition.manifest.evidence import INDEX
from acquisition.manifest.names import ITEMS, VERSIONS
from acquisition.manifest.side import Side


def keep_times(directory: Path, before: Path) -> None:
    """Put ledger and index of evidence of `before` in the place of those in `directory` where both are of one version.

    They are when the history has not grown, because a version rests on everything in a row but its times.
    """
    if not _is_same_version(directory, before):
        return
    shutil.copyfile(before / ITEMS, directory / ITEMS)
    if _index(directory) == _index(before) and (before / INDEX).is_file():
        shutil.copyfile(before / INDEX, directory / INDEX)


def _is_same_version(directory: Path, before: Path) -> bool:
    histories = [folder / VERSIONS for folder in (directory, before)]
    if not all(path.is_file() for path in histories) or histories[0].read_bytes() != histories[1].read_bytes():
        return False
    standing, written = (Side(folder / ITEMS, "") for folder in (before, directory))
    same_form = standing.schema.equals(written.schema, check_metadata=True)
    return bool(same_form and standing.taken_down == written.taken_down)


def _index(folder: Path) -> list[Any]:
    """Return what the pieces of evidence are, without times."""
    path = folder / INDEX
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [{key: value for key, value in orjson.loads(line).items() if key != "at"} for line in lines]
