"""The bytes that a reader pointed to: a blob, a member of an archive, a sample inside a file (FOUND_SCHEMA, `member`)."""

from __future__ import annotations

import io
import shutil
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Generic, Self, TypeVar
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
        self._kept: OrderedDict[tuple[str, ...], _Held[Any]] = OrderedDict()

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
        def made() -> _Held[Archive]:
            spool = self._spooled(blob, chain) if chain else None
            archive = open_archive(spool.open if spool else lambda: self._path_of(blob).open("rb"), Budget(self._limits))
            if archive is None:
                raise KeyError("!/".join(chain))
            return _Held(archive, spool)

        return self._cached((blob, *chain, "archive"), made)

    def _spooled(self, blob: str, chain: tuple[str, ...]) -> Spool:
        with self._file(blob, chain) as stream:
            return Spool(stream)

    def _seekable(self, blob: str, chain: tuple[str, ...], *, plain: bool) -> IO[bytes]:
        def made() -> _Held[IO[bytes]]:
            with self._file(blob, chain) as stream:
                packed = plain and bool(compression_of(stream.read(8)))
            if not chain and not packed:
                return _Held(self._path_of(blob).open("rb"))
            with self._unpacked(blob, chain) if packed else self._file(blob, chain) as stream:
                spool = Spool(stream)
            return _Held(spool.open(), spool)

        return self._cached((blob, *chain, "plain" if plain else "raw"), made)

    def _cursor(self, blob: str, chain: tuple[str, ...], column: str) -> TableCursor:
        stream = self._seekable(blob, chain, plain=True)
        key = (blob, *chain, "cursor", column)
        cursor = self._cached(key, lambda: _Held(TableCursor(stream, column)))
        if cursor.stream is not stream:  # the stream was let go and opened anew
            self._kept.pop(key)
            cursor = self._cached(key, lambda: _Held(TableCursor(stream, column)))
        return cursor

    def _cached(self, key: tuple[str, ...], make: Callable[[], _Held[T]]) -> T:
        if key not in self._kept:
            self._kept[key] = make()
            while len(self._kept) > KEPT_OPEN:
                self._kept.popitem(last=False)[1].close()
        self._kept.move_to_end(key)
        found: T = self._kept[key].value
        return found


class _Held(Generic[T]):
    """Something kept open, with the unnamed file that it reads from."""

    def __init__(self, value: T, spool: Spool | None = None) -> None:
        self.value = value
        self._spool = spool

    def close(self) -> None:
        """Let both go."""
        close = getattr(self.value, "close", None)
        if close is not None:
            close()
        if self._spool is not None:
            self._spool.close()


def _guarded(act: Callable[[], T], blob: str, member: str) -> T:
    try:
        return act()
    except Unreadable as error:
        raise ArchiveRefused(f"{error.code}: {error.detail}", where=f"{blob}!/{member}") from error


__all__ = ["Contents", "FileBinary", "MemberBinary", "Spool", "is_inline", "join_member", "quote_name", "split_member"]
