"""The WARC files of a run: written record by record, repaired after a kill, and read again when a run is resumed.

Every exchange is three gzip members written at once: response, request, metadata (the decision under which it was made).
A file is called `crawl-00000.warc.gz.open` while it grows and loses the ending when it is complete. Kill -9 can only tear
the tail of the open file; `Archive` cuts it back to the last whole exchange and goes on in it, so that the number and names
of the files do not tell how often a run was interrupted. WARC 1.1 (ISO 28500:2017), written by warcio.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from acquisition.crawl.outcome import WARC_SUFFIX
from acquisition.errors import WorkspaceDamaged
from acquisition.workspace import fsync_directory

OPEN_SUFFIX: Final = WARC_SUFFIX + ".open"
ROTATE_BYTES: Final = 256_000_000
SYNC_EVERY: Final = 64
"""Exchanges between two fsyncs: a power cut costs at most these, a kill costs none."""
RETRIED: Final = frozenset({408, 425, 429})

_CHUNK: Final = 1 << 20
_HEAD: Final = 1 << 16
_STATUS: Final = re.compile(rb"HTTP/\S+ (\d{3})")

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an archived response lies: file name, offset of its gzip member, record id, time and status."""

    file: str
    offset: int
    record_id: str
    date: str
    status: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as they will be archived. `body` is as sent, still content-encoded.

    `decision` says under which rule it was fetched; it becomes the metadata record.
    """

    url: str
    method: str
    request_headers: Headers
    status: int
    reason: str
    headers: Headers
    body: bytes
    ip_address: str
    protocol: str
    decision: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Member:
    """One gzip member: where it starts and ends, the head of its record, its WARC header fields in lower case."""

    start: int
    end: int
    fields: Mapping[str, str]
    body: bytes


class Archive:
    """Writes and finds responses in one run directory.

    `pages` and `bytes` are what earlier attempts of the same run have archived. Opening repairs what a kill left behind.
    """

    def __init__(self, directory: Path, info: Mapping[str, str], rotate: int = ROTATE_BYTES) -> None:
        self.pages = 0
        self.bytes = 0
        self._directory = directory
        self._info = info
        self._rotate = rotate
        self._index: dict[str, Place] = {}
        self._sizes: dict[str, int] = {}
        self._stream: IO[bytes] | None = None
        self._name = ""
        self._unsynced = 0
        for path in sorted(directory.glob(f"*{OPEN_SUFFIX}")):
            _repair(path)
        for path in sorted(directory.glob(f"*{WARC_SUFFIX}")):
            self._read_index(path)

    def holds(self, file: str, offset: int) -> bool:
        """Say whether a place named by an item lies inside what is archived (a power cut may have lost the tail)."""
        return offset < self._sizes.get(file, 0)

    def find(self, url: str) -> Place | None:
        """Return an earlier attempt's answer to a GET of this URL, None when there is none worth keeping."""
        return self._index.get(url)

    def read(self, place: Place) -> tuple[Headers, bytes]:
        """Return the headers and the undecoded body of an archived response; WorkspaceDamaged unless its digest is right."""
        path = self._directory / place.file
        if place.file == self._name and self._stream is not None:
            path = path.with_name(path.name + ".open")
        with path.open("rb") as stream:
            stream.seek(place.offset)
            try:
                record = next(iter(ArchiveIterator(stream, check_digests=True)))
                body = record.raw_stream.read()
            except (ArchiveLoadFailed, StopIteration, OSError, zlib.error) as error:
                raise WorkspaceDamaged(f"the record at {place.offset} cannot be read", where=str(path)) from error
            if record.digest_checker.passed is not True:
                raise WorkspaceDamaged(f"the record at {place.offset} does not match its digest", where=str(path))
            return [(str(name), str(value)) for name, value in record.http_headers.headers], body

    def write(self, exchange: Exchange) -> Place:
        """Append an exchange and return where its response lies."""
        stream = self._stream or self._begin()
        offset = stream.tell()
        buffer = BytesIO()
        writer = WARCWriter(buffer, gzip=True, warc_version="1.1")
        place = _write_exchange(writer, exchange, self._name, offset)
        stream.write(buffer.getbuffer())
        stream.flush()
        self._count(exchange)
        self._unsynced += 1
        if self._unsynced >= SYNC_EVERY:
            os.fsync(stream.fileno())
            self._unsynced = 0
        if stream.tell() >= self._rotate:
            self.close()
        return place

    def close(self) -> None:
        """Finish the open file: fsync, then its final name."""
        if self._stream is None:
            return
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._stream = None
        _rename(self._directory / (self._name + ".open"))

    def _count(self, exchange: Exchange) -> None:
        if not exchange.decision.get("robots_txt"):
            self.pages += 1
            self.bytes += len(exchange.body)

    def _begin(self) -> IO[bytes]:
        """Open the last file again when it has room, else the next one."""
        last = max(self._directory.glob(f"crawl-*{WARC_SUFFIX}"), default=None)
        if last is not None and last.stat().st_size < self._rotate:
            self._name = last.name
            self._stream = last.replace(last.with_name(last.name + ".open")).open("ab")
            return self._stream
        number = -1 if last is None else int(last.name.removeprefix("crawl-").removesuffix(WARC_SUFFIX))
        self._name = f"crawl-{number + 1:05d}{WARC_SUFFIX}"
        self._stream = (self._directory / (self._name + ".open")).open("xb")
        writer = WARCWriter(self._stream, gzip=True, warc_version="1.1")
        writer.write_record(writer.create_warcinfo_record(self._name, dict(self._info)))
        return self._stream

    def _read_index(self, path: Path) -> None:
        self._sizes[path.name] = path.stat().st_size
        for response, decision in _exchanges(path):
            place, url = _place_of(path.name, response), response.fields["warc-target-uri"]
            keep = place.status < 500 and place.status not in RETRIED and decision.get("method") == "GET"
            if decision.get("robots_txt"):
                if keep:
                    self._index[url] = place  # the newest copy counts
                continue
            self.pages += 1
            self.bytes += int(decision.get("bytes", 0))
            if keep:
                self._index.setdefault(url, place)


def _write_exchange(writer: Any, exchange: Exchange, file: str, offset: int) -> Place:
    status = StatusAndHeaders(
        f"{exchange.status} {exchange.reason}".strip(), list(exchange.headers), protocol=exchange.protocol
    )
    extra = {"WARC-IP-Address": exchange.ip_address} if exchange.ip_address else {}
    body = BytesIO(exchange.body)
    response = writer.create_warc_record(
        exchange.url, "response", payload=body, length=len(exchange.body), http_headers=status, warc_headers_dict=extra
    )
    request_line = f"{exchange.method} {_target(exchange.url)} HTTP/1.1"
    sent = StatusAndHeaders(request_line, list(exchange.request_headers), is_http_request=True)
    request = writer.create_warc_record(exchange.url, "request", http_headers=sent, warc_headers_dict=dict(extra))
    writer.write_request_response_pair(request, response)
    record_id = response.rec_headers.get_header("WARC-Record-ID")
    date = response.rec_headers.get_header("WARC-Date")
    decision = dict(exchange.decision) | {"method": exchange.method, "bytes": len(exchange.body)}
    why = json.dumps(decision, sort_keys=True).encode()
    writer.write_record(
        writer.create_warc_record(
            exchange.url,
            "metadata",
            payload=BytesIO(why),
            length=len(why),
            warc_content_type="application/json",
            warc_headers_dict={"WARC-Concurrent-To": record_id, "WARC-Date": date},
        )
    )
    return Place(file, offset, record_id, date, exchange.status)


def _target(url: str) -> str:
    """Return the path and query of a URL, as the request line has them."""
    path = url.split("#", 1)[0].split("//", 1)[1]
    slash = min((index for index in (path.find("/"), path.find("?")) if index >= 0), default=len(path))
    return path[slash:] if path[slash : slash + 1] == "/" else "/" + path[slash:]


def _rename(path: Path) -> None:
    path.replace(path.with_name(path.name.removesuffix(".open")))
    fsync_directory(path.parent)


def _repair(path: Path) -> None:
    """Cut an open file back to its last whole exchange and give it its final name; drop it when it holds none."""
    end = max((member.end for member in _members(path) if member.fields.get("warc-type") == "metadata"), default=0)
    if not end:
        path.unlink()
        return
    with path.open("r+b") as stream:
        stream.truncate(end)
        os.fsync(stream.fileno())
    _rename(path)


def _exchanges(path: Path) -> Iterator[tuple[_Member, Mapping[str, Any]]]:
    """Yield every response with the decision that stands in its metadata record."""
    response: _Member | None = None
    for member in _members(path):
        kind = member.fields.get("warc-type")
        if kind == "response":
            response = member
        elif kind == "metadata" and response is not None:
            yield response, json.loads(member.body)
            response = None


def _place_of(file: str, response: _Member) -> Place:
    status = _STATUS.match(response.body)
    return Place(
        file=file,
        offset=response.start,
        record_id=response.fields.get("warc-record-id", ""),
        date=response.fields.get("warc-date", ""),
        status=int(status[1]) if status else 0,
    )


def _members(path: Path) -> Iterator[_Member]:
    """Yield the whole gzip members of a file in order and stop at the first torn one.

    warcio and FastWARC accept a truncated record without a word (crawl.md section 4), so the members are walked here, where
    zlib checks every length and CRC.
    """
    with path.open("rb") as stream:
        start = 0
        while True:
            stream.seek(start)
            found = _member(stream, start)
            if found is None:
                return
            yield found
            start = found.end


def _member(stream: IO[bytes], start: int) -> _Member | None:
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    head = bytearray()
    read = 0
    while not decoder.eof:
        chunk = decoder.unconsumed_tail or stream.read(_CHUNK)
        if not chunk:
            return None
        read += 0 if decoder.unconsumed_tail else len(chunk)
        try:
            out = decoder.decompress(chunk, _CHUNK)
        except zlib.error:
            return None
        head += out[: _HEAD - len(head)]
    fields, _, body = bytes(head).partition(b"\r\n\r\n")
    return _Member(start, start + read - len(decoder.unused_data), _fields(fields), body)


def _fields(head: bytes) -> Mapping[str, str]:
    lines = head.decode("utf-8", "replace").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
