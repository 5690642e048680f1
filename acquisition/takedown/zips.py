"""A zip without some of its members: what stays is copied as it is packed, so nothing is unpacked but to be looked at."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import IO, Final, TypeAlias

from acquisition.content.archives import overlaps, zip_name
from acquisition.content.binaries import Spool, checked
from acquisition.content.limits import DAMAGE, Budget, Unreadable

Opener: TypeAlias = Callable[[], IO[bytes]]
Fate: TypeAlias = Callable[[str, Opener], "Spool | bool"]
"""Says of a member, by its safe name, whether it stays (True), goes (False), or what stands in its place."""

_CHUNK: Final = 1 << 20
_LOCAL: Final = b"PK\x03\x04"
_DESCRIPTOR: Final = 0x08
_UTF8: Final = 0x800
_ZIP64: Final = 1


def zip_without(stream: IO[bytes], target: IO[bytes], fate: Fate, budget: Budget) -> None:
    """Write the zip in `stream` (seekable) without what `fate` sends away; Unreadable when it is damaged.

    Entries whose bytes overlap are left out: no reader of ours opens them, and copying them could write petabytes. Whatever lay
    between the entries (members that were deleted earlier) does not come along.
    """
    try:
        with zipfile.ZipFile(stream) as old, zipfile.ZipFile(target, "w", allowZip64=True) as new:
            new.comment = old.comment
            lying = overlaps(old)
            for info in old.infolist():
                if info.header_offset not in lying:
                    _place(stream, info, new, partial(_judged, fate, partial(_opened, old, info, budget)))
    except DAMAGE as error:
        raise Unreadable("archive-damaged", f"zip: {error}") from error


def _place(stream: IO[bytes], info: zipfile.ZipInfo, new: zipfile.ZipFile, fate: Callable[[str], Spool | bool]) -> None:
    found = True if info.is_dir() and not info.file_size else fate(_named(info))
    if found is True:
        _copy(stream, info, new)
    elif isinstance(found, Spool):
        made = _entry(info)
        made.file_size = found.size
        with found.open() as replacement, new.open(made, "w") as member:
            while chunk := replacement.read(_CHUNK):
                member.write(chunk)
        found.close()


def _judged(fate: Fate, opener: Opener, name: str) -> Spool | bool:
    return fate(name, opener)


def _opened(old: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> IO[bytes]:
    return checked(old.open(info), lambda: info.compress_size, budget, "archive-damaged")


def _named(info: zipfile.ZipInfo) -> str:
    try:
        return zip_name(info)
    except Unreadable:
        return ""


def _entry(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return an entry of the same name; one that was UTF-8 without saying so now says so, and means the same to readers."""
    entry = copy(info)
    if not info.flag_bits & _UTF8:
        try:
            entry.filename = info.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            entry.filename = info.filename
    entry.flag_bits &= ~_DESCRIPTOR
    entry.extra = _without_zip64(info.extra)
    return entry


def _copy(stream: IO[bytes], info: zipfile.ZipInfo, new: zipfile.ZipFile) -> None:
    """Copy one entry's packed bytes under a header with its sizes; its data descriptor, if it had one, is not needed then."""
    stream.seek(info.header_offset)
    head = stream.read(30)
    if len(head) < 30 or head[:4] != _LOCAL:
        raise Unreadable("archive-damaged", f"no entry begins where the directory says: {info.filename[:100]!a}")
    name, extra = struct.unpack("<HH", head[26:30])
    stream.seek(info.header_offset + 30 + name + extra)
    out, entry = new.fp, _entry(info)
    assert out is not None
    entry.header_offset = out.tell()
    out.write(entry.FileHeader())
    left = info.compress_size
    while left:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise Unreadable("archive-damaged", f"the archive ends inside {info.filename[:100]!a}")
        out.write(chunk)
        left -= len(chunk)
    new.filelist.append(entry)
    new.NameToInfo[entry.filename] = entry
    new.start_dir = out.tell()


def _without_zip64(extra: bytes) -> bytes:
    """Return the extra fields (APPNOTE 4.5.1) without the sizes of ZIP64, which are written anew where they are needed."""
    kept, at = b"", 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind != _ZIP64:
            kept += extra[at : at + 4 + size]
        at += 4 + size
    return kept
