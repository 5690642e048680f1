"""The set's files as they go into a bundle: as they are, without the rows of items that stay, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from acquisition.bundle.form import CURATED, unsafe
from acquisition.bundle.leaving import SHARED, Sorted, files_named, reduce
from acquisition.bundle.sinks import Entry, not_as_told
from acquisition.manifest.names import FILES


@dataclass(slots=True)
class Parted:
    """The set's files as they go along, and those that do not or not as they were, as lines of not-included.jsonl."""

    entries: list[Entry] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)


def part(manifest: Path, curated: Path, items: Sorted, passing: Path) -> Parted:
    """Sort the set's files into those that go along as they are, without some rows, or not at all."""
    listed = list(_listed(manifest / FILES))
    rows = Counter(one.file for one in items.left.values() if "#" in one.path)
    behind = _behind(curated, listed, items) if items.left else frozenset[str]()
    parted = Parted()
    for path, digest in listed:
        entry = Entry(f"{CURATED}/{path}", curated / path, sha256=digest)
        if path in behind:
            parted.files.append(_line(path, digest, "", "it belongs to an item that is not included"))
        elif items.left and path not in items.own_files and (rows[path] or path.endswith(SHARED)):
            _reduce_into(parted, entry, passing / path, frozenset(items.left), rows[path])
        else:
            parted.entries.append(entry)
    return parted


def _behind(curated: Path, listed: list[tuple[str, str]], items: Sorted) -> frozenset[str]:
    """Return the files that belong to items that stay: their own, those that a listing names, and their content."""
    left = frozenset(items.left)
    found = {one.path for one in items.left.values() if "#" not in one.path}
    others = items.own_files - found
    found |= {path for path, digest in listed if digest in items.digests} - others
    for path, _ in listed:
        if path.endswith(".jsonl") and path not in items.own_files:
            folder = path.rpartition("/")[0]
            for name in files_named(curated / path, left):
                found |= {name, f"{folder}/{name}" if folder else name} - others
    return frozenset(found)


def _reduce_into(parted: Parted, entry: Entry, target: Path, left: frozenset[str], rows: int) -> None:
    assert entry.path is not None
    path = entry.name.removeprefix(f"{CURATED}/")
    reduced = reduce(entry.path, target, left, rows)
    if reduced.untouched:
        parted.entries.append(entry)
    elif reduced.path is None:
        parted.files.append(_line(path, entry.sha256, "", "items that are not included cannot be taken out of it"))
    else:
        parted.files.append(_line(path, entry.sha256, reduced.sha256, "items that are not included were taken out of it"))
        parted.entries.append(Entry(entry.name, reduced.path, sha256=reduced.sha256))


def _line(path: str, digest: str, became: str, why: str) -> dict[str, Any]:
    return {"what": "file", "path": path, "sha256": digest, "became": became, "why": why}


def _listed(files: Path) -> Iterator[tuple[str, str]]:
    with files.open("rb") as lines:
        for line in lines:
            entry = orjson.loads(line)
            if unsafe(entry["path"]):
                raise not_as_told(files)
            yield entry["path"], entry["sha256"]
