"""Finds the items in one asset: through compression and archives, to the reader that knows the format."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Final

import pyarrow as pa

from acquisition.content import FileBinary, MemberBinary, Spool
from acquisition.content.archives import Archive, Member, ZipArchive, is_tar, is_zip, open_archive
from acquisition.content.compression import compression_of, unpacked, without_suffix
from acquisition.content.limits import Budget, Unreadable
from acquisition.errors import AcquisitionError
from acquisition.model import Modality, Rejection
from acquisition.plugins import READERS, reader, registered
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.companions import is_companion, is_system_file
from acquisition.read.items import BATCH_BYTES, UNPACKED, FileItems, found_batch, member_below, rejection
from acquisition.read.joined import JoinedFiles
from acquisition.read.media import digest

HEAD: Final = 4_096
ROWS: Final = 4_096
_TABLES: Final = ("parquet", "arrow", "jsonl", "json", "csv")
_ORDER: Final = ("parquet", "arrow", "warc", "idx", "media", "html", "jsonl", "json", "csv", "text")
_PAGES: Final = ("warc", "html")
_WHOLE: Final = ("media", "html", "text")
_DOCUMENTS: Final = (".xlsx", ".docx", ".pptx", ".ods", ".odt", ".epub", ".jar", ".apk", ".npz", ".xar", ".whl", ".wacz")
"""Zips that are one document to people; what lies inside them is nobody's sample."""


def read_asset(binary: Binary, context: ReadContext) -> Iterator[Found]:
    """Yield the items of one asset in batches of at most about 4,096 rows or 16 MB, and a rejection for all that is none.

    Nothing that the bytes hold makes this raise; only the machine (DiskFull) and broken plug-ins' absence (PluginError) do.
    """
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for found in _Asset(context).file(binary, context, 0):
        if isinstance(found, Rejection):
            yield found
            continue
        if found.num_rows == 0:
            continue
        fresh = found.get_total_buffer_size() if found.num_rows > 1 else 1_000 + _text_size(found)
        if held and (rows + found.num_rows > ROWS or size + fresh > BATCH_BYTES):
            yield _joined(held)
            held, rows, size = [], 0, 0
        held.append(found)
        rows, size = rows + found.num_rows, size + fresh
    if held:
        yield _joined(held)


def _text_size(batch: pa.RecordBatch) -> int:
    text = batch.column("text")[0].as_py()
    return len(text) if text else 0


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


class _Asset:
    """One walk through one asset, with one budget for everything that is unpacked on the way."""

    def __init__(self, context: ReadContext) -> None:
        self._budget = Budget(context.read.archive)
        self._limits = context.read.archive

    def file(self, binary: Binary, context: ReadContext, depth: int) -> Iterator[Found]:
        """Yield what is in a file or member; damage ends it with a rejection and what was read stays."""
        try:
            yield from self._file(binary, context, depth)
        except Unreadable as error:
            yield rejection(context, error.code, error.detail)
        except OSError as error:
            yield rejection(context, "damaged-file", f"{type(error).__name__}: {error}")

    def _file(self, binary: Binary, context: ReadContext, depth: int) -> Iterator[Found]:
        name = binary.name
        if is_system_file(name):
            yield rejection(context, "system-file", "an operating system's or program's own file")
            return
        head = _head(binary)
        if not head:
            yield rejection(context, "empty-file", "0 bytes")
            return
        if is_companion(name, context):
            yield rejection(context, "companion-file", "documentation or metadata beside the data")
            return
        kind = compression_of(head)
        if kind:
            yield from self._compressed(binary, context, kind, depth)
        elif _is_archive(head, name) and (context.items.as_ != "files" or _suffix(name) not in _DOCUMENTS):
            yield from self._archive(binary, context, depth)
        else:
            yield from self._read(_under_its_own_name(binary), context, head)

    def _compressed(self, binary: Binary, context: ReadContext, kind: str, depth: int) -> Iterator[Found]:
        inner = MemberBinary(without_suffix(binary.name), -1, lambda: unpacked(binary.open(), kind, Budget(self._limits)))
        head = _head(inner)
        if is_tar(head):
            yield from self._archive(binary, context, depth)
        elif head.startswith((b"WARC/", b"filedesc://")):
            yield from self._plugin("crawl" if context.reader == "crawl" else "warc", binary, context)
        elif not head:
            yield rejection(context, "empty-file", f"0 bytes inside {kind}")
        elif compression_of(head) or is_zip(head):
            yield rejection(context, "archive-too-deep", "compressed more than once")
        else:
            if is_companion(inner.name, context):
                yield rejection(context, "companion-file", "documentation or metadata beside the data")
                return
            yield from self._read(inner, replace(context, member=context.member + UNPACKED), head)

    def _archive(self, binary: Binary, context: ReadContext, depth: int) -> Iterator[Found]:
        if _suffix(binary.name) in _DOCUMENTS:
            yield rejection(context, "format-unknown", f"{_suffix(binary.name)} documents are not read")
            return
        if depth > self._limits.max_depth:
            yield rejection(context, "archive-too-deep", f"deeper than {self._limits.max_depth} (read.archive.max_depth)")
            return
        spool: Spool | None = None
        if binary.path is None:
            with binary.open() as stream:
                spool = Spool(stream)
        try:
            archive = open_archive(spool.open if spool else binary.open, self._budget)
            if archive is None:
                raise Unreadable("archive-damaged", "neither zip nor tar")
            yield from self._members(archive, context, depth)
        finally:
            if spool:
                spool.close()

    def _members(self, archive: Archive, context: ReadContext, depth: int) -> Iterator[Found]:
        try:
            joined = JoinedFiles.for_archive(archive, context)
            if joined is not None:
                yield from joined.found()
                return
            siblings = _ZipSiblings(archive, context) if isinstance(archive, ZipArchive) else {}
            empty = True
            for member in archive.walk():
                empty = False
                yield from self._member(member, replace(context, siblings=siblings), depth, archive.forward)
            if empty:
                yield rejection(context, "empty-file", "an archive without files")
        finally:
            archive.close()

    def _member(self, member: Member, context: ReadContext, depth: int, forward: bool) -> Iterator[Found]:
        inner = replace(context, member=member_below(context, member.name))
        if member.problem is not None:
            yield rejection(inner, *member.problem)
            return
        if not is_selected(member.name, inner):
            return
        if not forward:
            yield from self.file(MemberBinary(member.name, member.size, member.open), inner, depth + 1)
            return
        try:
            with member.open() as stream:
                spool = Spool(stream)
        except Unreadable as error:
            yield rejection(inner, error.code, error.detail)
            return
        try:
            yield from self.file(MemberBinary(member.name, spool.size, spool.open), inner, depth + 1)
        finally:
            spool.close()

    def _read(self, binary: Binary, context: ReadContext, head: bytes) -> Iterator[Found]:
        name = chosen_reader(binary.name, head, context)
        if name == "file":
            yield from _whole_file(binary, context)
        elif name:
            yield from self._plugin(name, binary, context)
        else:
            yield rejection(context, "format-unknown", f"no reader recognises it; it begins with {head[:8].hex(' ')}")

    def _plugin(self, name: str, binary: Binary, context: ReadContext) -> Iterator[Found]:
        joined = JoinedFiles.for_files(name, binary, context)
        try:
            yield from joined.found() if joined else reader(name).read(binary, context)
        except (Unreadable, OSError, AcquisitionError):
            raise
        except Exception as error:  # noqa: BLE001  # a plug-in met bytes that it did not expect; name it and go on
            yield rejection(context, "reader-failed", f"reader {name!r}: {type(error).__name__}: {error}"[:500])


class _ZipSiblings(Mapping[str, Binary]):
    """The other members of a zip by member path, opened when asked for."""

    def __init__(self, archive: ZipArchive, context: ReadContext) -> None:
        self._archive = archive
        self._context = context
        self._names: dict[str, str] | None = None

    def _paths(self) -> dict[str, str]:
        if self._names is None:
            self._names = {member_below(self._context, name): name for name in self._archive.names()}
        return self._names

    def __getitem__(self, path: str) -> Binary:
        name = self._paths()[path]
        return MemberBinary(name, -1, lambda: self._archive.open(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths())

    def __len__(self) -> int:
        return len(self._paths())


def _head(binary: Binary) -> bytes:
    with binary.open() as stream:
        return stream.read(HEAD)


def _under_its_own_name(binary: Binary) -> Binary:
    """Return plain bytes without the ending of a compression that they do not have."""
    name = without_suffix(binary.name)
    if name == binary.name:
        return binary
    return FileBinary(binary.path, name) if binary.path is not None else MemberBinary(name, binary.size, binary.open)


def _suffix(name: str) -> str:
    return PurePosixPath(name.lower()).suffix


def _is_archive(head: bytes, name: str) -> bool:
    return is_zip(head) or is_tar(head) or _suffix(name) in (".zip", ".tar")


def is_selected(name: str, context: ReadContext) -> bool:
    """Say whether `files` of the declaration takes a member: by its own path, or because it names the archive itself."""
    files = context.files
    return not files.excludes(name) and (not files.include or files.names(name) or files.names(context.asset))


def chosen_reader(name: str, head: bytes, context: ReadContext) -> str:
    """Return the reader for a file: the declared one, or by what `items.as` allows, by name and first bytes.

    "file" stands for a file taken as it is; "" for none.
    """
    declared = context.read.format or context.reader
    if declared and declared != "common-voice":
        return declared
    kind = context.items.as_
    if kind == "files":
        return _sniffed(_WHOLE, name, head) or "file"
    if kind == "pages":
        return _sniffed(_PAGES, name, head)
    if kind == "rows":
        return _sniffed(_TABLES, name, head) or ("" if _sniffed(_ORDER[:5], name, head) or b"\x00" in head else "csv")
    others = tuple(found for found in registered(READERS) if found not in _ORDER)
    declares_rows = context.read.delimiter is not None or context.read.columns is not None
    return _sniffed(_ORDER + others, name, head) or ("csv" if declares_rows and b"\x00" not in head else "")


def _sniffed(names: Sequence[str], name: str, head: bytes) -> str:
    return next((found for found in names if _instance(found).sniff(name, head)), "")


@cache
def _instance(name: str) -> Reader:
    return reader(name)


def _whole_file(binary: Binary, context: ReadContext) -> Iterator[Found]:
    _, _, size, sha256 = digest(binary)
    media_type = mimetypes.guess_type(binary.name)[0] or "application/octet-stream"
    row: dict[str, Any] = FileItems(context).row(Modality.OTHER, media_type, size, sha256)
    yield found_batch([row])
