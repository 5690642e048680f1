"""Staging in parts: a release's files in bounded groups, each staged by one task that can be run again alone.

A part's shards are numbered from its own block of numbers, so parts can be staged side by side and the order of items is
the order of the files whatever ran first. A part is done when its small JSON record stands beside its shards.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from acquisition.errors import AcquisitionError
from acquisition.model import Rejection, Shard
from acquisition.protocols import Binary, Found, ReadContext
from acquisition.settings import SourceSettings
from acquisition.stage.shards import ShardWriter
from acquisition.stage.withdrawn import CODE, Sieve, gone_file
from acquisition.tombstones import Tombstones, read_tombstones
from acquisition.workspace import write_json

PART_BYTES: Final = 128_000_000
PART_FILES: Final = 2_000
SHARDS_PER_PART: Final = 100_000
"""Numbers reserved for the shards of one part."""

FindItems = Callable[[Binary, ReadContext], Iterator[Found]]
OpenFile = Callable[[Path, str], Binary]


@dataclass(frozen=True, slots=True)
class Held:
    """One file of a release whose bytes we hold: path in the release, where the bytes lie, digest, size, when got."""

    path: str
    file: str
    sha256: str
    size: int
    fetched_at: str


@dataclass(frozen=True, slots=True)
class Part:
    """A group of files to stage.

    `settings` is the source's model; `index` counts parts; `limit` caps the items; `tombstones` is the record of what has
    been taken down: it may have millions of lines, so each process reads it once and no task brings it along.
    """

    source: str
    release: str
    directory: str
    directory_name: str
    index: int
    held: tuple[Held, ...]
    settings: SourceSettings
    reader: str
    limit: int | None = None
    tombstones: Path | None = None

    @property
    def record(self) -> Path:
        """The file that says that the part is done."""
        return Path(self.directory) / f"part-{self.index:05d}.json"


@dataclass(frozen=True, slots=True)
class PartResult:
    """What came of a part: shards, rejections, and how many items and rejections of each code there are."""

    shards: tuple[Shard, ...]
    rejections: tuple[Rejection, ...]
    items: int
    capped: bool


def parts_of(held: Iterable[Held]) -> Iterator[tuple[Held, ...]]:
    """Cut files, sorted by path, into groups bounded in bytes and number. One big file is a group of its own."""
    group: list[Held] = []
    size = 0
    for file in sorted(held, key=lambda file: file.path):
        if group and (size + file.size > PART_BYTES or len(group) >= PART_FILES):
            yield tuple(group)
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield tuple(group)


def stage_part(part: Part, *, find: FindItems, open_file: OpenFile) -> PartResult:
    """Stage one part, or return what an earlier run staged. Runs in a worker process.

    Rejections of one part are kept in memory up to a bound and counted beyond it. What has been taken down is counted among
    them, and is listed in a file beside the shards until its bytes are out of the workspace (`withdrawn.Sieve`).
    """
    if (done := _done_before(part.record)) is not None:
        return done
    writer = ShardWriter(
        Path(part.directory),
        source=part.source,
        release=part.release,
        directory_name=part.directory_name,
        first=part.index * SHARDS_PER_PART,
    )
    rejections = _Rejections(part)
    stones = read_tombstones(part.tombstones) if part.tombstones is not None else Tombstones()
    sieve = Sieve(stones, rejections.add)
    siblings = _Siblings(Path(part.directory) / "files.json", open_file)
    staged = 0
    for file in part.held:
        left = None if part.limit is None else part.limit - staged
        if left is not None and left <= 0:
            break
        for found in _found_in(file, part, siblings, find, open_file):
            if isinstance(found, Rejection):
                rejections.add(found)
                continue
            batch = writer.identified(found, asset=file.path, blob=file.sha256, fetched_at=_timestamp(file.fetched_at))
            batch = sieve.keep(batch)
            batch = batch if left is None else batch.slice(0, left)
            writer.add(batch)
            staged += batch.num_rows
            if left is not None:
                left -= batch.num_rows
                if left <= 0:
                    break
    sieve.write(gone_file(Path(part.directory), f"{part.index:05d}"))
    result = PartResult(writer.close(), rejections.listed(), staged, capped=part.limit is not None and staged >= part.limit)
    write_json(part.record, asdict(result))
    return result


def _timestamp(text: str) -> pa.Scalar:
    moment = datetime.fromisoformat(text) if text else None
    return pa.scalar(moment, pa.timestamp("ms", tz="UTC"))


def _found_in(file: Held, part: Part, siblings: Mapping[str, Binary], find: FindItems, open_file: OpenFile) -> Iterator[Found]:
    context = ReadContext(
        source=part.source,
        release=part.release,
        asset=file.path,
        member="",
        items=part.settings.items,
        read=part.settings.read,
        files=part.settings.files,
        siblings=siblings,
        reader=part.reader,
    )
    try:
        yield from find(open_file(Path(file.file), file.path), context)
    except (AcquisitionError, OSError) as error:
        code = error.code if isinstance(error, AcquisitionError) else "unreadable"
        yield Rejection(code, part.source, part.release, file.path, file.path, str(error))


class _Siblings(Mapping[str, Binary]):
    """The other files of the release, opened when asked for; the list is read when first needed."""

    def __init__(self, listing: Path, open_file: OpenFile) -> None:
        self._listing = listing
        self._open_file = open_file
        self._files: dict[str, str] | None = None

    def _paths(self) -> dict[str, str]:
        if self._files is None:
            self._files = json.loads(self._listing.read_bytes()) if self._listing.exists() else {}
        return self._files

    def __getitem__(self, path: str) -> Binary:
        return self._open_file(Path(self._paths()[path]), path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths())

    def __len__(self) -> int:
        return len(self._paths())


class _Rejections:
    """Keeps each rejection up to a bound per code, and beyond it a count in one last record: nothing is lost unsaid.

    What was taken down is kept one by one: it may grow later, and its records are to be the same as if it had come at once.
    """

    BOUND: Final = 10_000

    def __init__(self, part: Part) -> None:
        self._part = part
        self._kept: list[Rejection] = []
        self._counts: Counter[str] = Counter()

    def add(self, rejection: Rejection) -> None:
        self._counts[rejection.code] += 1
        if self._counts[rejection.code] <= self.BOUND or rejection.code == CODE:
            self._kept.append(rejection)

    def listed(self) -> tuple[Rejection, ...]:
        more = [
            Rejection(code, self._part.source, self._part.release, "", "", f"and {count - self.BOUND:,} more of this code")
            for code, count in sorted(self._counts.items())
            if count > self.BOUND and code != CODE
        ]
        return (*self._kept, *more)


def _done_before(record: Path) -> PartResult | None:
    """Return what an earlier run staged, None when it is not here, or not all of it any more."""
    if not record.exists():
        return None
    raw: dict[str, Any] = json.loads(record.read_bytes())
    shards = shards_from(raw["shards"], record.parent)
    if not all(Path(shard.path).exists() for shard in shards):
        return None
    return PartResult(
        shards=shards,
        rejections=tuple(Rejection(**rejection) for rejection in raw["rejections"]),
        items=raw["items"],
        capped=raw["capped"],
    )


def shards_from(raw: Iterable[Mapping[str, Any]], directory: Path) -> tuple[Shard, ...]:
    """Read shards from a record; they lie beside it, wherever the workspace was moved to."""
    return tuple(Shard(**{**shard, "path": str(directory / Path(shard["path"]).name)}) for shard in raw)
