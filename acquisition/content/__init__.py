"""The bytes that a reader pointed to: a blob, a member of an archive, a sample inside a file (FOUND_SCHEMA, `member`)."""

from __future__ import annotations

import io
import shutil
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Self, TypeVar, cast
from urllib.parse import unquote

from acquisition.content.archives import Archive, open_archive
from acquisition.content.binaries import FileBinary, MemberBinary, Spool
from acquisition.content.compression import compression_of, unpacked
from acquisition.content.fragments import TableCursor, idx_content, warc_content
from acquisition.content.limits import DAMAGE, Budget, Unreadable
from acquisition.content.names import join_member, quote_name, split_member
from acquisition.errors import ArchiveRefused, ReadError
from acquisition.settings import ArchiveSettings

KEPT_OPEN: Final = 8
T = TypeVar("T")


def is_inline(item: Mapping[str, Any]) -> bool:
    """Say whether an item's content is its `text` or `fields` (a row), not bytes inside its blob."""
    return not item["member"] and "#row=" in item["locator"]


class Contents:
    """Opens what readers pointed to. Keeps a few archives open; not for use by several threads at once.

    `path_of` gives the file of a blob. Raises ArchiveRefused for an archive that is damaged or attacks, ReadError for a
    member that is not there.
    """

    def __init__(self, path_of: Callable[[str], Path], limits: ArchiveSettings | None = None) -> None:
        self._path_of = path_of
        self._limits = limits or ArchiveSettings()
        self._kept: OrderedDict[tuple[str, ...], Any] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        """Open handles stay behind when a worker process gets a copy."""
        return (Contents, (self._path_of, self._limits))

    def close(self) -> None:
        """Let everything go."""
        while self._kept:
            self._kept.popitem()[1].close()

    def open(self, blob_sha256: str, member: str) -> IO[bytes]:
        """Open the bytes of `member` in a blob; "" is the blob itself."""
        chain, fragment = split_member(member)
        try:
            return self._fragment(blob_sha256, chain, fragment) if fragment else self._file(blob_sha256, chain)
        except Unreadable as error:
            raise ArchiveRefused(f"{error.code}: {error.detail}", where=f"{blob_sha256}!/{member}") from error
        except KeyError as error:
            raise ReadError(f"the blob holds no {member!r}", where=blob_sha256) from error
        except DAMAGE as error:
            raise ReadError(f"{error}", where=f"{blob_sha256}!/{member}") from error

    def read(self, blob_sha256: str, member: str, max_bytes: int) -> bytes:
        """Return the bytes of `member`; ReadError when there are more than `max_bytes`."""
        with self.open(blob_sha256, member) as stream:
            data = _guarded(lambda: stream.read(max_bytes + 1), blob_sha256, member)
        if len(data) > max_bytes:
            raise ReadError(f"{member!r} is larger than {max_bytes:,} bytes", where=blob_sha256)
        return data

    def copy(self, blob_sha256: str, member: str, target: Path) -> int:
        """Write the bytes of `member` to a new file and return their number."""
        with self.open(blob_sha256, member) as stream, target.open("wb") as file:
            _guarded(lambda: shutil.copyfileobj(stream, file, 1 << 20), blob_sha256, member)
            return file.tell()

    def _file(self, blob: str, chain: tuple[str, ...]) -> IO[bytes]:
        if not chain:
            return self._path_of(blob).open("rb")
        return self._archive(blob, chain[:-1]).open(chain[-1])

    def _fragment(self, blob: str, chain: tuple[str, ...], fragment: str) -> IO[bytes]:
        kind, _, value = fragment.partition("=")
        if kind == "unpacked":
            return self._unpacked(blob, chain)
        if kind == "warc" and value.isdecimal():
            return io.BytesIO(warc_content(self._seekable(blob, chain, plain=False), int(value)))
        if kind == "index" and value.isdecimal():
            return io.BytesIO(idx_content(self._seekable(blob, chain, plain=True), int(value)))
        if kind == "row":
            row, _, column = value.partition("&column=")
            if row.isdecimal():
                return io.BytesIO(self._cursor(blob, chain, unquote(column)).content(int(row)))
        raise KeyError(fragment)

    def _unpacked(self, blob: str, chain: tuple[str, ...]) -> IO[bytes]:
        stream = self._file(blob, chain)
        head = stream.read(8)
        stream.close()
        return unpacked(self._file(blob, chain), compression_of(head), Budget(self._limits))

    def _archive(self, blob: str, chain: tuple[str, ...]) -> Archive:
        def made() -> Archive:
            reopen = self._reopener(blob, chain)
            archive = open_archive(reopen, Budget(self._limits))
            if archive is None:
                raise KeyError("!/".join(chain))
            return archive

        return cast("Archive", self._cached((blob, *chain, "archive"), made))

    def _reopener(self, blob: str, chain: tuple[str, ...]) -> Callable[[], IO[bytes]]:
        if not chain:
            return lambda: self._path_of(blob).open("rb")
        with self._file(blob, chain) as stream:
            return Spool(stream).open

    def _seekable(self, blob: str, chain: tuple[str, ...], *, plain: bool) -> IO[bytes]:
        def made() -> IO[bytes]:
            stream = self._file(blob, chain)
            kind = compression_of(stream.read(8)) if plain else ""
            stream.close()
            if not chain and not kind:
                return self._path_of(blob).open("rb")
            with self._unpacked(blob, chain) if kind else self._file(blob, chain) as packed:
                return Spool(packed).open()

        return cast("IO[bytes]", self._cached((blob, *chain, "plain" if plain else "raw"), made))

    def _cursor(self, blob: str, chain: tuple[str, ...], column: str) -> TableCursor:
        stream = self._seekable(blob, chain, plain=True)
        key = (blob, *chain, "cursor", column)
        held = self._kept.get(key)
        if held is None or held.stream is not stream:
            self._kept.pop(key, None)
            held = self._cached(key, lambda: _HeldCursor(stream, column))
        return cast("TableCursor", held.cursor)

    def _cached(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        made = make()
        self._kept[key] = made
        while len(self._kept) > KEPT_OPEN:
            self._kept.popitem(last=False)[1].close()
        return made


class _HeldCursor:
    """A cursor in the cache, with the stream that it reads; the stream is closed by its own entry."""

    def __init__(self, stream: IO[bytes], column: str) -> None:
        self.stream = stream
        self.cursor = TableCursor(stream, column)

    def close(self) -> None:
        """Nothing to let go."""


def _guarded(act: Callable[[], T], blob: str, member: str) -> T:
    try:
        return act()
    except Unreadable as error:
        raise ArchiveRefused(f"{error.code}: {error.detail}", where=f"{blob}!/{member}") from error


__all__ = ["Contents", "FileBinary", "MemberBinary", "Spool", "is_inline", "join_member", "quote_name", "split_member"]
