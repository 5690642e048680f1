"""Media files described by a table beside them: a CSV with a column of file names, or Common Voice's layout.

The item is the media file; its row gives text, label and the rest. Inside an archive the table may come before or after
the files, so a stream is walked twice: for tables, then for media.
"""

from __future__ import annotations

import hashlib
import posixpath
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, ClassVar, Final, Protocol

import pyarrow as pa

from acquisition.content import MemberBinary, Spool
from acquisition.content.archives import Archive, Member
from acquisition.content.limits import Unreadable
from acquisition.model import Rejection
from acquisition.plugins import reader
from acquisition.protocols import Binary, Found, ReadContext
from acquisition.read.companions import is_system_file
from acquisition.read.items import BATCH_ROWS, FileItems, canonical, found_batch, member_below, rejection
from acquisition.read.media import MEDIA_SUFFIXES, media_file, modality_of

_TABLE_SUFFIXES: Final[Mapping[str, str]] = {
    ".csv": "csv", ".tsv": "csv", ".data": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
}  # fmt: skip
_DESCRIBES: Final = ("text", "fields", "label", "group", "split", "title", "author", "url", "license_raw", "license_url")


class MediaLayout(Protocol):
    """Where tables and media files lie, and how a table is read."""

    @abstractmethod
    def is_table(self, path: str) -> bool:
        """Say whether this file's rows describe media."""

    @abstractmethod
    def is_split(self, path: str) -> str:
        """Return the split that a table's mere listing means ("train.tsv"), "" for none."""

    @abstractmethod
    def is_media(self, path: str) -> bool:
        """Say whether this is a media file that a row may describe."""

    @abstractmethod
    def media_path(self, table: str, value: str) -> str:
        """Return the path of the file that a row of `table` names."""

    @abstractmethod
    def rows(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Read a table; the media column's value stands in `referrer`."""


class DeclaredLayout(MediaLayout):
    """`items.media` names the column; its values are paths beside the table, or unique file names anywhere below it."""

    def is_table(self, path: str) -> bool:
        """Say whether this file's rows describe media."""
        return PurePosixPath(path.lower()).suffix in _TABLE_SUFFIXES and not _is_documentation(path)

    def is_split(self, path: str) -> str:
        """Return the split that a table's mere listing means."""
        del path
        return ""

    def is_media(self, path: str) -> bool:
        """Say whether a row may describe this file."""
        return PurePosixPath(path.lower()).suffix in MEDIA_SUFFIXES

    def media_path(self, table: str, value: str) -> str:
        """Return the path of the file that a row names."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(table), value.replace("\\", "/")))

    def rows(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Read a table; the media column's value stands in `referrer`."""
        name = context.read.format or _TABLE_SUFFIXES.get(PurePosixPath(binary.name.lower()).suffix, "csv")
        return reader(name).read(binary, context)


def _is_documentation(path: str) -> bool:
    return PurePosixPath(path).name.lower().startswith(("readme", "license", "licence", "notice", "changelog"))


@dataclass(frozen=True, slots=True)
class _Row:
    """What a table says of one file: FOUND columns, and where the row stands."""

    columns: Mapping[str, Any]
    place: str


class MediaTable:
    """Rows by the path of the file that they describe: about 300 bytes of memory each."""

    def __init__(self, layout: MediaLayout) -> None:
        self._layout = layout
        self._batches: list[pa.RecordBatch] = []
        self._starts: list[int] = []
        self._rows: dict[int, int] = {}
        self._paths: list[str] = []
        self._splits: dict[int, str] = {}
        self._taken: set[int] = set()
        self._count = 0
        self.tables = 0

    def add(self, table: str, batch: pa.RecordBatch) -> Iterator[tuple[str, str]]:
        """Take rows; yield (row's place, path) of rows whose file an earlier row describes."""
        self._batches.append(batch.select([*_DESCRIBES, "referrer", "locator"]))
        self._starts.append(self._count)
        self._paths.append(table)
        for index, (value, place) in enumerate(
            zip(batch.column("referrer").to_pylist(), batch.column("locator").to_pylist(), strict=True)
        ):
            path = self._layout.media_path(table, value or "")
            if self._rows.setdefault(hash(path), self._count + index) != self._count + index:
                yield place, path
        self._count += batch.num_rows

    def add_split(self, table: str, batch: pa.RecordBatch, split: str) -> None:
        """Take a table's listing as a split."""
        for value in batch.column("referrer").to_pylist():
            self._splits.setdefault(hash(self._layout.media_path(table, value or "")), split)

    def take(self, path: str) -> _Row | None:
        """Return what the tables say of a file, and note that it is there."""
        number = self._rows.get(hash(path))
        if number is None:
            return None
        row = self._row(number)
        if self._path(number, row) != path:
            return None
        self._taken.add(number)
        columns = {name: row[name] for name in _DESCRIBES if row[name] is not None}
        if "split" not in columns and hash(path) in self._splits:
            columns["split"] = self._splits[hash(path)]
        return _Row(columns, row["locator"])

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield (row's place, path) of every row whose file was not seen."""
        for number in sorted(set(self._rows.values()) - self._taken):
            row = self._row(number)
            yield row["locator"], self._path(number, row)

    def _row(self, number: int) -> dict[str, Any]:
        index = bisect_right(self._starts, number) - 1
        found: dict[str, Any] = self._batches[index].slice(number - self._starts[index], 1).to_pylist()[0]
        return found

    def _path(self, number: int, row: Mapping[str, Any]) -> str:
        return self._layout.media_path(self._paths[bisect_right(self._starts, number) - 1], row["referrer"] or "")


class JoinedFiles:
    """The items of an archive, or of one file of a folder, whose media files a table describes."""

    _remembered: ClassVar[list[tuple[Any, MediaTable]]] = []
    """The last release's table, so that it is read once and not for every file of a folder."""

    def __init__(self, layout: MediaLayout, context: ReadContext, found: Callable[[JoinedFiles], Iterator[Found]]) -> None:
        self._layout = layout
        self._context = context
        self._found = found

    @classmethod
    def for_archive(cls, archive: Archive, context: ReadContext) -> JoinedFiles | None:
        """Return the joined reading of an archive, None where nothing is declared that asks for it."""
        layout = _layout_of(context)
        return None if layout is None else cls(layout, context, lambda self: self._in_archive(archive))

    @classmethod
    def for_files(cls, reader_name: str, binary: Binary, context: ReadContext) -> JoinedFiles | None:
        """Return the joined reading of one file beside others, None where the reader's own is right."""
        layout = _layout_of(context)
        if layout is None or reader_name not in ("csv", "json", "jsonl", "media"):
            return None
        if reader_name == "media":
            return cls(layout, context, lambda self: self._one(binary, context, self._beside(), context.asset))
        return cls(layout, context, lambda self: self._table_alone(binary))

    def found(self) -> Iterator[Found]:
        """Yield items and rejections."""
        return self._found(self)

    # --- inside an archive

    def _in_archive(self, archive: Archive) -> Iterator[Found]:
        table = MediaTable(self._layout)
        spent = archive.budget.unpacked, archive.budget.members
        yield from self._tables_of(archive, table)
        archive.budget.unpacked, archive.budget.members = spent
        if not table.tables:
            detail = "no table describes the media files: see items.table and items.media"
            yield rejection(self._context, "table-missing", detail)
        unlisted = [0]
        rows: list[dict[str, Any]] = []
        try:
            for member in archive.walk():
                found = self._second_pass(member, table, unlisted)
                if isinstance(found, Rejection):
                    yield found
                elif found is not None:
                    rows.append(found)
                if len(rows) >= BATCH_ROWS:
                    yield found_batch(rows)
                    rows = []
        except Unreadable as error:
            yield rejection(self._context, error.code, error.detail)
        if rows:
            yield found_batch(rows)
        yield from self._closing(table, unlisted[0])

    def _tables_of(self, archive: Archive, table: MediaTable) -> Iterator[Found]:
        with suppress(Unreadable):  # the second pass meets the same damage and records it
            for member in archive.walk():
                if member.problem is None and not is_system_file(member.name):
                    yield from self._first_pass(member, table)

    def _first_pass(self, member: Member, table: MediaTable) -> Iterator[Found]:
        split = self._layout.is_split(member.name)
        if not split and not self._layout.is_table(member.name):
            return
        with member.open() as stream:
            spool = Spool(stream)
        try:
            context = replace(self._context, member=member_below(self._context, member.name))
            yield from self._take_table(MemberBinary(member.name, spool.size, spool.open), context, member.name, table)
        finally:
            spool.close()

    def _take_table(self, binary: Binary, context: ReadContext, path: str, table: MediaTable) -> Iterator[Found]:
        split = self._layout.is_split(path)
        described = self._layout.is_table(path)
        table.tables += described
        try:
            for found in self._layout.rows(binary, context):
                if isinstance(found, Rejection):
                    if described:
                        yield found
                    continue
                if split:
                    table.add_split(path, found, split)
                if described:
                    for place, repeated in table.add(path, found):
                        yield _at(context, "duplicate-row", f"an earlier row describes {repeated!r}", place)
        except Unreadable as error:
            if described:
                yield rejection(context, error.code, error.detail)

    def _second_pass(self, member: Member, table: MediaTable, unlisted: list[int]) -> dict[str, Any] | Rejection | None:
        context = replace(self._context, member=member_below(self._context, member.name))
        if member.problem is not None:
            return rejection(context, *member.problem)
        if is_system_file(member.name):
            return rejection(context, "system-file", "an operating system's or program's own file")
        if not self._layout.is_media(member.name):
            if self._layout.is_table(member.name):
                return None
            return rejection(context, "companion-file", "neither a described media file nor the table asked for")
        row = table.take(member.name)
        if row is None:
            unlisted[0] += 1
            return None
        return _item(MemberBinary(member.name, member.size, member.open), context, row)

    def _closing(self, table: MediaTable, unlisted: int) -> Iterator[Rejection]:
        if table.tables:
            for place, path in table.missing():
                yield _at(self._context, "media-missing", f"{path!r} is not there", place)
        if unlisted:
            yield rejection(self._context, "media-unlisted", f"{unlisted:,} media files that no row of the table describes")

    # --- files of a folder

    def _beside(self) -> MediaTable:
        siblings = self._context.siblings
        paths = [path for path in siblings if self._layout.is_table(path) or self._layout.is_split(path)]
        key = (self._context.source, self._context.items, tuple((path, _stamp(siblings[path])) for path in sorted(paths)))
        if not self._remembered or self._remembered[0][0] != key:
            table = MediaTable(self._layout)
            for path in sorted(paths):
                context = replace(self._context, asset=path, member="")
                for _ in self._take_table(siblings[path], context, path, table):
                    pass  # said when the table's own turn comes
            self._remembered[:] = [(key, table)]
        return self._remembered[0][1]

    def _one(self, binary: Binary, context: ReadContext, table: MediaTable, path: str) -> Iterator[Found]:
        row = table.take(path)
        if row is None:
            yield rejection(context, "media-unlisted", "no row of the table describes it")
            return
        found = _item(binary, context, row)
        yield found if isinstance(found, Rejection) else found_batch([found])

    def _table_alone(self, binary: Binary) -> Iterator[Found]:
        context = self._context
        if not self._layout.is_table(context.asset):
            yield rejection(context, "companion-file", "not the table asked for (items.table)")
            return
        table = MediaTable(self._layout)
        yield from self._take_table(binary, context, context.asset, table)
        for place, path in table.missing():
            if path not in context.siblings:
                yield _at(context, "media-missing", f"{path!r} is not there", place)


def _layout_of(context: ReadContext) -> MediaLayout | None:
    if "common-voice" in (context.read.format, context.reader):
        from acquisition.read.common_voice import CommonVoiceLayout  # it builds on this module

        return CommonVoiceLayout(context.items)
    return DeclaredLayout() if context.items.media is not None else None


def _stamp(binary: Binary) -> tuple[str, int, int]:
    return (str(binary.path), binary.size, binary.path.stat().st_mtime_ns if binary.path else 0)


def _at(context: ReadContext, code: str, detail: str, place: str) -> Rejection:
    return Rejection(code, context.source, context.release, context.asset, place, detail)


def _item(binary: Binary, context: ReadContext, row: _Row) -> dict[str, Any] | Rejection:
    try:
        file = media_file(binary)
    except Unreadable as error:
        return rejection(context, error.code, error.detail)
    named = MEDIA_SUFFIXES.get(PurePosixPath(binary.name.lower()).suffix)
    more: dict[str, Any] = {} if named == file.media_type else {"fields": canonical({"named_as": named}).decode()}
    more |= {"signals": file.signals} | dict(row.columns)
    return FileItems(context).row(modality_of(file.media_type), file.media_type, file.size, file.sha256, **more)


def pseudonym(value: str) -> str:
    """Return a stable stand-in for a person's identifier: a digest, so that groups hold and the identifier is not kept."""
    return hashlib.sha256(f"person\n{value}".encode()).hexdigest()[:32]
