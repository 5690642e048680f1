"""What earlier runs of a source have archived: validators, bodies that need not be kept twice, and answers for a replay.

A file of an earlier run that this run refers to is linked into this run's directory under a name of its own, before anything
refers to it, so that a run directory is complete by itself at every moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from acquisition.crawl.archive.index import Index, item_key
from acquisition.crawl.archive.rows import Row, row_of, worth_keeping
from acquisition.crawl.archive.scan import OPEN_SUFFIX, OWN, exchanges, mend
from acquisition.crawl.outcome import ITEMS_SUFFIX, WARC_SUFFIX, load_run
from acquisition.errors import WorkspaceDamaged
from acquisition.workspace import fsync_directory, link_file

LOCK_FILE: Final = ".archive.lock"
"""Held by the `RunArchive` that writes into a run directory."""
_LOOK_BACK: Final = 8
"""Earlier runs that are looked into; each costs a URL that nobody knows two questions."""


class EarlierRuns:
    """The runs before this one, oldest first as they are given; the newest that knows a URL answers for it."""

    def __init__(self, directory: Path, runs: Sequence[Path]) -> None:
        self._directory = directory
        newest = [run for run in reversed(runs) if run.is_dir() and run != directory][:_LOOK_BACK]
        self._runs = [(run, open_index(run)) for run in newest]
        finished = (index for run, index in self._runs if _is_finished(run))
        self._before = next(finished, self._runs[0][1] if self._runs else None)

    def find(self, url: str) -> Row | None:
        """Return the newest answer to a GET of a URL that settles its question, with file names as in this run."""
        for run, index in self._runs:
            for row in reversed(index.rows(url)):
                if worth_keeping(row) and (run / row.body.file).is_file():
                    return _renamed(row, run)
        return None

    def first(self, url: str) -> Row | None:
        """Return the answer that the newest run knowing the URL would itself give."""
        for run, index in self._runs:
            row = chosen(index.rows(url))
            if row is not None and (run / row.body.file).is_file():
                return _renamed(row, run)
        return None

    def adopt(self, *names: str) -> None:
        """Make files of earlier runs part of this run's directory; nothing happens to those that are."""
        for name in names:
            if OWN.fullmatch(name) or (self._directory / name).exists():
                continue
            for run, _ in self._runs:
                source = run / (name if (run / name).exists() else name.removeprefix(f"{run.name}-"))
                if source.is_file():
                    link_file(source, self._directory / name)
                    fsync_directory(self._directory)
                    break

    def change_of(self, key: bytes, url: str) -> str:
        """Say of an item (by its key and final URL) whether the run before had it: new, same, changed; "" without one.

        That is the newest one that came to its end; what an unfinished one lacks is not new.
        """
        if self._before is None:
            return ""
        if self._before.has_item(key):
            return "same"
        return "changed" if self._before.has_items_of(url) else "new"

    def close(self) -> None:
        """Close the indexes."""
        for _, index in self._runs:
            index.close()


def _is_finished(run: Path) -> bool:
    try:
        outcome = load_run(run)
    except WorkspaceDamaged:
        return False
    return outcome is not None and outcome.finished


def chosen(rows: Sequence[Row]) -> Row | None:
    """Return the answer of a run to a URL: its first one worth keeping; of a file about rights the newest."""
    kept = [row for row in rows if worth_keeping(row)]
    if not kept:
        return None
    return kept[-1] if kept[-1].kind == "policy" else kept[0]


def open_index(directory: Path) -> Index:
    """Open the index of a run that is not this one, with everything that its files hold."""
    index = Index(directory)
    with suppress(Timeout), FileLock(directory / LOCK_FILE, timeout=0):  # whoever still writes there mends it himself
        complete(directory, index)
        _take_items(directory, index)
    return index


def _take_items(directory: Path, index: Index) -> None:
    """Take in the lines of the item lists that an index which was lost or is behind does not know."""
    for path in sorted(directory.glob(f"*{ITEMS_SUFFIX}")):
        start, size = index.indexed(path.name), path.stat().st_size
        if start >= size:
            continue
        for record in item_lines(path, start):
            index.add_item(item_key(str(record["locator"])), str(record["final_url"]), page_key(record), path.name)
        index.reached(path.name, size)
    index.commit()


def item_lines(path: Path, start: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the whole lines of an item list from an offset on."""
    with path.open("rb") as stream:
        stream.seek(start)
        for line in stream:
            record = item_of(line)
            if record is not None:
                yield record


def item_of(line: bytes) -> Mapping[str, Any] | None:
    """Return what a line of an item list says, None when it is torn."""
    if not line.endswith(b"\n"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "locator" in found and "warc" in found else None


def page_key(record: Mapping[str, Any]) -> bytes:
    """Return the frontier's key of the page that an item was found on, b"" when it is not noted."""
    return bytes.fromhex(str(record.get("page", "")))


def complete(directory: Path, index: Index) -> list[str]:
    """Mend what a kill left behind, take in what the index lacks, and return the files that lost their end."""
    for path in sorted(directory.glob(f"crawl-*{OPEN_SUFFIX}")):
        known = index.synced(path.name.removesuffix(".open"))
        mend(path, known if known <= path.stat().st_size else 0)
    present = {path.name: path.stat().st_size for path in directory.glob(f"*{WARC_SUFFIX}")}
    cut = [name for name in index.files() if name.endswith(WARC_SUFFIX) and index.indexed(name) > present.get(name, 0)]
    if cut:
        index.forget(*cut, *(items_of(name) for name in cut))
    for name, size in sorted(present.items()):
        start = index.indexed(name)
        if OWN.fullmatch(name) and start < size:
            for exchange in exchanges(directory / name, start):
                index.add(row_of(exchange, name), exchange.end)
            index.is_synced(name, index.indexed(name))  # it has its final name, which it gets when it is on disk
    index.commit()
    return cut


def items_of(warc: str) -> str:
    """Return the name of the list of the items that lie in a WARC file."""
    return warc.removesuffix(WARC_SUFFIX) + ITEMS_SUFFIX


def _renamed(row: Row, run: Path) -> Row:
    """Return a row of an earlier run with its own files named as they are linked into this one."""
    place = replace(row.place, file=linked_name(run, row.place.file))
    return replace(row, place=place, body=replace(row.body, file=linked_name(run, row.body.file)))


def linked_name(run: Path, file: str) -> str:
    """Return the name under which a file of an earlier run is linked into a later one."""
    return f"{run.name}-{file}" if OWN.fullmatch(file) else file
