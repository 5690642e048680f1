"""Reads WARC files member by member, so that a torn or damaged one is noticed, and mends what a kill has left.

warcio and FastWARC accept a truncated record without a word (crawl.md section 4); here zlib checks every length and CRC, and
digests are compared where a body is handed out.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from acquisition.crawl.archive.warc import sha1_of
from acquisition.crawl.contract import HeaderLines, Place
from acquisition.crawl.outcome import WARC_SUFFIX
from acquisition.workspace import fsync_directory

OPEN_SUFFIX: Final = WARC_SUFFIX + ".open"
OWN: Final = re.compile(r"crawl-\d{5,}\.warc\.gz")
"""The files that a run writes itself; others in its directory are linked from earlier runs."""

_CHUNK: Final = 1 << 20
_HEAD: Final = 1 << 20
_WHOLE: Final = 1 << 31
_STATUS: Final = re.compile(r"HTTP/\S+ +(\d{3})")


class Damaged(ValueError):
    """A record cannot be read, or is not what its digests say."""


@dataclass(frozen=True, slots=True)
class Member:
    """One gzip member: where it starts and ends, its WARC header fields in lower case, its block (cut when scanning)."""

    start: int
    end: int
    fields: Mapping[str, str]
    block: bytes

    @property
    def kind(self) -> str:
        """The WARC-Type."""
        return self.fields.get("warc-type", "")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One archived exchange: response or revisit, request, the decision and what else its metadata record says.

    The first archives of this crawler have these facts among the decision's.
    """

    response: Member
    request: Member | None
    decision: Mapping[str, Any]
    facts: Mapping[str, Any]
    end: int

    @property
    def url(self) -> str:
        """The address that was asked for."""
        return str(self.facts.get("url") or self.response.fields.get("warc-target-uri", ""))

    @property
    def kind(self) -> str:
        """What was hoped for: page, media or policy."""
        return "policy" if self.decision.get("robots_txt") else str(self.facts.get("kind", "page"))

    def body_place(self, file: str) -> Place:
        """Return where the body lies: in this record of `file`, or in the one that a revisit names."""
        body = self.facts.get("body")
        return Place(*body) if body else place_of(file, self.response)


def place_of(file: str, response: Member) -> Place:
    """Return the place of a response record."""
    fields = response.fields
    return Place(file, response.start, fields.get("warc-record-id", ""), fields.get("warc-date", ""), status_of(response))


def status_of(response: Member) -> int:
    """Return the HTTP status of a response or revisit record, 0 when it has none."""
    found = _STATUS.match(response.block[:64].decode("latin-1"))
    return int(found[1]) if found else 0


def reason_of(response: Member) -> str:
    """Return the reason phrase of a response or revisit record."""
    first = response.block.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    return first[2] if len(first) > 2 else ""


def header_lines(member: Member) -> HeaderLines:
    """Return the HTTP header lines of a request, response or revisit record."""
    lines = member.block.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))


def exchanges(path: Path, start: int = 0) -> Iterator[Exchange]:
    """Yield the whole exchanges of a file from an offset on; stop at the first torn member."""
    response: Member | None = None
    request: Member | None = None
    for member in members(path, start):
        if member.kind in ("response", "revisit"):
            response, request = member, None
        elif member.kind == "request":
            request = member
        elif member.kind == "metadata" and response is not None:
            yield Exchange(response, request, *_facts(member.block), member.end)
            response = None


def exchange_at(stream: IO[bytes], start: int) -> Exchange:
    """Return the exchange whose response begins at `start`, whole and with its digests checked; Damaged otherwise."""
    response = checked(stream, start)
    if response.kind not in ("response", "revisit"):
        raise Damaged(f"a record of type {response.kind or 'none'}")
    request = checked(stream, response.end)
    metadata = checked(stream, request.end)
    if (request.kind, metadata.kind) != ("request", "metadata"):
        raise Damaged("the exchange is not complete")
    return Exchange(response, request, *_facts(metadata.block), metadata.end)


def checked(stream: IO[bytes], start: int) -> Member:
    """Return the whole record at `start`; Damaged unless its length and its digests are right."""
    found = _member(stream, start, _WHOLE)
    if found is None:
        raise Damaged("cannot be read")
    block = found.block[:-4] if found.block.endswith(b"\r\n\r\n") else b""
    if str(len(block)) != found.fields.get("content-length"):
        raise Damaged("is shorter or longer than its length says")
    if found.fields.get("warc-block-digest") != sha1_of(block):
        raise Damaged("does not match its digest")
    if found.kind == "response" and found.fields.get("warc-payload-digest") != sha1_of(block.partition(b"\r\n\r\n")[2]):
        raise Damaged("has a body that does not match its digest")
    return Member(found.start, found.end, found.fields, block)


def members(path: Path, start: int = 0) -> Iterator[Member]:
    """Yield the whole gzip members of a file in order and stop at the first torn one; of long blocks only the beginning."""
    with path.open("rb") as stream:
        while True:
            found = _member(stream, start, _HEAD)
            if found is None:
                return
            yield found
            start = found.end


def mend(path: Path, start: int = 0) -> None:
    """Cut an open file back to its last whole exchange and give it its final name; drop it when it holds none.

    `start` is the end of an exchange that is known to be whole, 0 when none is.
    """
    end = max((found.end for found in exchanges(path, start)), default=start)
    if not end:
        path.unlink()
        return
    with path.open("r+b") as stream:
        stream.truncate(end)
        os.fsync(stream.fileno())
    close_name(path)


def close_name(path: Path) -> None:
    """Give an open file its final name."""
    path.replace(path.with_name(path.name.removesuffix(".open")))
    fsync_directory(path.parent)


def _member(stream: IO[bytes], start: int, keep: int) -> Member | None:
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    stream.seek(start)
    parts: list[bytes] = []
    held, read, step = 0, 0, 1 << 14
    while not decoder.eof:
        chunk = decoder.unconsumed_tail
        if not chunk:
            chunk = stream.read(step)
            read += len(chunk)
            step = min(2 * step, _CHUNK)
        if not chunk:
            return None
        try:
            out = decoder.decompress(chunk, _CHUNK)
        except zlib.error:
            return None
        parts.append(out[: keep - held])
        held += len(parts[-1])
    head, _, block = b"".join(parts).partition(b"\r\n\r\n")
    return Member(start, start + read - len(decoder.unused_data), _fields(head), block)


def _fields(head: bytes) -> Mapping[str, str]:
    lines = head.decode("utf-8", "replace").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _facts(block: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the decision and the archive's own facts about an exchange."""
    try:
        decision = json.loads(block)
    except ValueError:
        decision = {}
    if not isinstance(decision, dict):
        return {}, {}
    if not isinstance(decision.get("exchange"), dict):
        return decision, {name: decision[name] for name in ("method", "bytes") if name in decision}
    return decision, decision.pop("exchange")
