"""Is it true of the whole workspace that nothing of what was taken down is in it? Every file is opened to find out.

Nothing is taken on trust: not the names of blobs (they are hashed), not the index of a crawl, not the record of what was swept.
Rows of tables are recognised only when they are read as the declaration reads them, so files of the workspace that readers read
are read again, and every item that comes out is asked about. What could not be looked into is listed, and is no proof.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from acquisition.content.names import quote_name, unquote_name
from acquisition.errors import AcquisitionError
from acquisition.manifest.verify import Code, Finding
from acquisition.model import TIMESTAMP, Rejection
from acquisition.protocols import Binary, Found, ReadContext
from acquisition.read import FileBinary, read_asset
from acquisition.settings import ArchiveSettings, SourceSettings
from acquisition.stage import Held
from acquisition.stage.shards import ShardWriter
from acquisition.takedown.lookers import TEXTS, Looked, Looker, Sight
from acquisition.takedown.swept import FILE
from acquisition.takedown.traces import Trace, Traces
from acquisition.tombstones import Tombstones

MOST: Final = 1_000
"""Findings that are listed; beyond these they are counted."""
_OWN: Final = frozenset({"tombstones.jsonl", FILE, ".lock", ".lock-owner.json"})
"""What is made of digests of what was taken down, and holds nothing else."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Files of one source as they would be staged: release, reader and settings as there."""

    source: str
    release: str
    reader: str
    settings: SourceSettings
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """How many tombstones were held against how many files, members of archives, rows and WARC records, and what was found.

    `findings` are the first MOST of `found`. `unread` are places that could not be looked into, each with the reason; nothing
    is claimed of them.
    """

    tombstones: int = 0
    files: int = 0
    bytes: int = 0
    members: int = 0
    rows: int = 0
    records: int = 0
    found: int = 0
    findings: tuple[Finding, ...] = ()
    unread: tuple[tuple[str, str], ...] = field(default_factory=tuple)


def prove(
    root: Path,
    stones: Tombstones,
    readings: Iterable[Reading] = (),
    *,
    limits: ArchiveSettings | None = None,
    progress: Callable[[int, int], None] = lambda _files, _bytes: None,
) -> Proof:
    """Hold every tombstone against every file below `root`; links are not followed, and nothing outside is opened.

    `readings` are files of the workspace as they would be staged: each is read once more. Without tombstones nothing is read.
    `progress` hears files and bytes so far.
    """
    if not len(stones):
        return Proof()
    looked = Looked()
    looker = Looker(Traces(stones), looked, limits or ArchiveSettings())
    found: dict[tuple[str, str, str], Finding] = {}
    for sight in _sights(root, looker, readings, stones, progress):
        finding = _finding(sight)
        found.setdefault((finding.code, finding.path, finding.got), finding)
    findings = tuple(sorted(found.values(), key=lambda one: (one.path, one.code)))
    unread = tuple(dict.fromkeys(looked.unread))
    return Proof(
        tombstones=len(stones),
        files=looked.files,
        bytes=looked.bytes,
        members=looked.members,
        rows=looked.rows,
        records=looked.records,
        found=len(findings),
        findings=findings[:MOST],
        unread=unread,
    )


def _sights(
    root: Path, looker: Looker, readings: Iterable[Reading], stones: Tombstones, progress: Callable[[int, int], None]
) -> Iterator[Sight | Finding]:
    for path in _files(root):
        place = path.relative_to(root).as_posix()
        if place in _OWN or place.endswith((".db-wal", "-wal", "-shm")):
            continue
        if place.startswith("partial/"):
            looker.looked.files += 1
            looker.looked.unread.append((place, "a file on its way: it is not known yet what it will be"))
            continue
        if path.parent.parent.parent == root / "staging" and path.name.startswith("gone-"):
            yield Finding("verify.takedown-unfinished", place)
            continue
        try:
            yield from looker.file(path, place)
        except OSError as error:
            looker.looked.unread.append((place, f"{error.strerror or error}"))
        progress(looker.looked.files, looker.looked.bytes)
    covered: set[str] = set()
    for reading in readings:
        yield from _read_again(reading, root, looker.looked, stones, covered)
    unknown = (place for place in looker.looked.unknown if place.removesuffix("#unpacked") not in covered)
    looker.looked.unread += [(place, _UNKNOWN) for place in unknown]


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not (Path(folder) / name).is_symlink())
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _read_again(reading: Reading, root: Path, looked: Looked, stones: Tombstones, covered: set[str]) -> Iterator[Sight]:
    """Read files as they are staged, and ask about every item; what items came from is `covered`."""
    every = tuple(stones)
    siblings = {file.path: FileBinary(Path(file.file), file.path) for file in reading.held if Path(file.file).is_file()}
    maker = ShardWriter(Path(), source=reading.source, release=reading.release, directory_name="", first=0)
    for file in reading.held:
        if file.path not in siblings or not Path(file.file).is_relative_to(root):
            continue
        place = Path(file.file).relative_to(root).as_posix()
        if file.path.lower().endswith(TEXTS):
            covered.add(place)  # it was compared as the text that it is
        for found in _items(reading, file, siblings):
            if isinstance(found, Rejection):
                if found.code in _BLIND:
                    looked.unread.append((f"{place}: {found.locator}", f"{found.code}: {found.detail}"[:200]))
                continue
            looked.rows += found.num_rows
            items = maker.identified(found, asset=file.path, blob=file.sha256, fetched_at=_NEVER)
            places, locators = stones.places(items), items.column("locator")
            covered.update(_origins(place, quote_name(file.path), locators.to_pylist()))
            for row in np.flatnonzero(places >= 0).tolist():
                yield Sight(f"{place}: {locators[row].as_py()}", Trace(every[places[row]], present=True))


def _origins(place: str, asset: str, locators: Iterable[str]) -> set[str]:
    """Return the places (as a Looker names them) of the files that items were read from."""
    names = {locator.partition("#")[0].removeprefix(asset) for locator in locators}
    return {place + "!/".join(unquote_name(part) for part in name.split("!/")) for name in names}


def _items(reading: Reading, file: Held, siblings: Mapping[str, Binary]) -> Iterator[Found]:
    settings = reading.settings
    context = ReadContext(
        source=reading.source,
        release=reading.release,
        asset=file.path,
        member="",
        items=settings.items,
        read=settings.read,
        files=settings.files,
        siblings=siblings,
        reader=reading.reader,
    )
    try:
        yield from read_asset(siblings[file.path], context)
    except (AcquisitionError, OSError) as error:
        yield Rejection("unreadable", reading.source, reading.release, file.path, file.path, str(error))


_UNKNOWN: Final = "no reader knows it; only its digest, and as a text its whole, was compared"
_NEVER: Final = pa.scalar(None, TIMESTAMP)
_BLIND: Final = frozenset(
    {"archive-damaged", "archive-encrypted", "archive-bomb", "archive-too-many", "damaged-file", "unreadable"}
)


def _finding(sight: Sight | Finding) -> Finding:
    if isinstance(sight, Finding):
        return sight
    stone = sight.trace.stone
    code: Code = "verify.taken-down-present" if sight.trace.present else "verify.taken-down-named"
    told = f"{stone.scope} {stone.digest}" + (f", ticket {stone.ticket}" if stone.ticket else "")
    return replace(Finding(code, sight.place), detail=told)
