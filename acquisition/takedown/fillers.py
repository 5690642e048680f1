"""WARC files without some of their records, and every other record where it was.

Offsets into a WARC file stand in item lists, in staged items, in the index and in the revisits of later runs. So what is taken
out is replaced by one record of exactly the same packed length that holds nothing but zeros and says that it stands for
something taken down: no other byte of the file changes. ISO 28500:2017 section 5.5 lets records be of types of one's own, and
asks readers to pass over those they do not know.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import IO, Final

from acquisition.content.limits import Unreadable

TYPE: Final = "taken-down"
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_BLOCK: Final = struct.Struct("<?HH")
_TAIL: Final = struct.Struct("<II")
_LONGEST: Final = 65_535
_CHUNK: Final = 1 << 20
_HEAD_BYTES: Final = 1 << 16
_RECORD: Final = (
    "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:acquisition:taken-down:{offset}>\r\nWARC-Date: {date}\r\n"
    "Content-Length: {size:>10}\r\n\r\n"
)


def gzip_filler(length: int, offset: int, date: str) -> bytes:
    """Return one gzip member of exactly `length` bytes that holds a whole WARC record of zeros; ValueError when too short.

    The deflate blocks are stored ones (RFC 1951 section 3.2.4): each adds five bytes, so every length can be met exactly.
    """
    room = length - len(_HEAD) - _TAIL.size
    blocks = max(1, -(-room // (_LONGEST + _BLOCK.size)))
    data = plain_filler(room - blocks * _BLOCK.size, offset, date)
    parts, at = [_HEAD], 0
    for index in range(blocks):
        last = index == blocks - 1
        size = len(data) - at if last else min(_LONGEST, len(data) - at)
        parts += (_BLOCK.pack(last, size, size ^ 0xFFFF), data[at : at + size])
        at += size
    parts.append(_TAIL.pack(zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


def plain_filler(length: int, offset: int, date: str) -> bytes:
    """Return a WARC record of exactly `length` bytes whose block is zeros."""
    empty = len(_RECORD.format(kind=TYPE, offset=offset, date=date, size=0)) + 4
    if length < empty:
        raise ValueError(f"a record of {length} bytes has no room for one that says it was taken down")
    head = _RECORD.format(kind=TYPE, offset=offset, date=date, size=length - empty).encode()
    return head + bytes(length - empty) + b"\r\n\r\n"


def is_packed(stream: IO[bytes]) -> bool:
    """Say whether a WARC file is made of gzip members."""
    stream.seek(0)
    return stream.read(2) == b"\x1f\x8b"


def records(stream: IO[bytes], start: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Yield start, end and the first 64 KB of every record of a WARC file; stop at the first that is torn."""
    return members(stream, start) if is_packed(stream) else _plain_records(stream, start)


def members(stream: IO[bytes], start: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Yield start, end and the first 64 KB of every gzip member of a file; stop at the first that is torn."""
    while True:
        decoder, head, taken = zlib.decompressobj(31), b"", 0
        stream.seek(start)
        while not decoder.eof:
            chunk = decoder.unconsumed_tail
            if not chunk:
                chunk = stream.read(_CHUNK)
                taken += len(chunk)
            if not chunk:
                return
            try:
                out = decoder.decompress(chunk, _CHUNK)
            except zlib.error:
                return
            head += out[: _HEAD_BYTES - len(head)]
        end = start + taken - len(decoder.unused_data)
        yield start, end, head
        start = end


def _plain_records(stream: IO[bytes], start: int) -> Iterator[tuple[int, int, bytes]]:
    size = stream.seek(0, 2)
    while start < size:
        stream.seek(start)
        head = stream.read(_HEAD_BYTES)
        fields, separator, _ = head.partition(b"\r\n\r\n")
        length = fields_of(head).get("content-length", "")
        if not separator or not length.isdecimal():
            return
        end = start + len(fields) + 4 + int(length) + 4
        if end > size:
            return
        yield start, end, head[: end - start]
        start = end


def fields_of(head: bytes) -> dict[str, str]:
    """Return the header fields of a record by their names in lower case."""
    lines = head.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def with_company(stream: IO[bytes], offsets: Collection[int]) -> list[tuple[int, int]]:
    """Return the stretches of the records at `offsets`, and of all that belong to them: requests, metadata, revisits.

    A record belongs to another when it names it (WARC-Concurrent-To, WARC-Refers-To), is named by it or has its payload digest.
    """
    told = [(start, end, fields_of(head)) for start, end, head in records(stream)]
    taken = [fields for start, _, fields in told if start in offsets]
    ids = {fields.get("warc-record-id", "") for fields in taken} | {fields.get("warc-concurrent-to", "") for fields in taken}
    digests = {fields.get("warc-payload-digest", "") for fields in taken}
    ids.discard("")
    digests.discard("")
    found = [
        (start, end)
        for start, end, fields in told
        if start in offsets
        or fields.get("warc-record-id") in ids
        or fields.get("warc-concurrent-to") in ids
        or fields.get("warc-refers-to") in ids
        or fields.get("warc-payload-digest") in digests
    ]
    if len(taken) < len(set(offsets)):
        raise Unreadable("warc-damaged", "a record that is to go cannot be read")
    return found


def warc_without(stream: IO[bytes], target: IO[bytes], stretches: Iterable[tuple[int, int]], date: str) -> None:
    """Write the WARC file in `stream` with each stretch (start, end) replaced by one record of the same length."""
    packed, at = is_packed(stream), 0
    make = gzip_filler if packed else plain_filler
    for start, end in merged(stretches):
        _through(stream, at, start, target)
        target.write(make(end - start, start, date))
        at = end
    _through(stream, at, None, target)


def merged(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return stretches in order, those that touch or overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _through(stream: IO[bytes], start: int, end: int | None, target: IO[bytes]) -> None:
    stream.seek(start)
    left = None if end is None else end - start
    while left is None or left:
        chunk = stream.read(_CHUNK if left is None else min(left, _CHUNK))
        if not chunk:
            return
        target.write(chunk)
        left = None if left is None else left - len(chunk)
