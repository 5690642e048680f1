"""How one exchange becomes bytes of a WARC 1.1 file (ISO 28500:2017): pure, no I/O.

An exchange is three gzip members: response (or revisit), request, metadata (the decision as JSON). The fields are formatted
here because warcio's record objects cost more than the whole rest of archiving a page (docs/decisions/0015-archive.md); what
comes out is what `warcio check` and FastWARC verify.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from acquisition.crawl.archive.members import LEAST, SMALLER, STORED, member
from acquisition.crawl.contract import Ask, HeaderLines, Place, Wire

RENAMED: Final = "X-Archive-Orig-"
"""Put before the names of fields that are true of the wire and untrue of the archived body."""
IDENTICAL: Final = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED: Final = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
REVISIT_MIME: Final = "warc/revisit"
"""What indexes of captures write in place of a revisit record's media type."""

_FRAMING: Final = re.compile(r"\r\n(transfer-encoding|trailer)(?=:)", re.IGNORECASE)
"""The chunks are undone and their trailers are gone, so these would be untrue of the archived body."""
_ODD: Final = ("\x00", "\r\n ", "\r\n\t", "\r\n:", " \r\n", "\t\r\n", " :", "\t:")
"""What is no plain header block: zero bytes, folded lines, and spaces that would be taken away when it is read."""
_CONTENT_TYPE: Final = re.compile(rb"\r\ncontent-type:(.*?)\r\n", re.IGNORECASE | re.DOTALL)
_MIME_END: Final = re.compile(r"[;\s]")
_BREAKS: Final = re.compile(r"[\r\n\x00]+")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f]")
_VERSION: Final = re.compile(r"(?:HTTP/|h)?(1\.[01]|2|3)(?:\.0)?", re.IGNORECASE)
_PACKED: Final = re.compile(r"(?:image|audio|video|font)/(?!svg|bmp|x-ms-bmp)|application/(?:zip|gzip|x-gzip|pdf)")
_SMALL: Final = 4_000
_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The first digit of a random UUID's fourth part."""
_BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS: Final = tuple(first + second for first in _BASE32 for second in _BASE32)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The response that a revisit speaks of: where its body lies now, its digests, and under which address it was had."""

    place: Place
    url: str
    sha256: str
    digest: str


@dataclass(frozen=True, slots=True)
class Composed:
    """The bytes of one exchange and what its index has to know. `digest` is the payload's as WARC spells it.

    `length` is that of the response's gzip member, `mime` what an index of captures calls it, None when nothing is declared.
    """

    data: bytes
    record_id: str
    date: str
    sha256: str
    digest: str
    length: int
    mime: str | None


def compose(ask: Ask, wire: Wire, decision: Mapping[str, Any], earlier: Earlier | None = None) -> Composed:
    """Return an exchange as three gzip members; with `earlier` its response becomes a revisit record without a body."""
    record_id, request_id, metadata_id = _new_ids(3)
    date = iso_date(wire.started)
    common = f"WARC-Target-URI: {target_uri(ask.url)}\r\nWARC-Date: {date}\r\n"
    network = _network(wire.ip_address, wire.protocol)
    head = _head(f"{_status_protocol(wire.protocol)} {wire.status} {_line(wire.reason)}", wire.headers)
    if earlier is None:
        kind, more = "response", ""
        body, sha256, digest = wire.body, hashlib.sha256(wire.body).hexdigest(), sha1_of(wire.body)
    else:
        kind, more = "revisit", _refers(earlier, NOT_MODIFIED if wire.status == 304 else IDENTICAL)
        body, sha256, digest = b"", earlier.sha256, earlier.digest
    answer = _record(
        f"WARC-Type: {kind}\r\nWARC-Record-ID: {record_id}\r\n{common}{network}{more}WARC-Payload-Digest: {digest}\r\n",
        "application/http;msgtype=response",
        head + body,
        _level_for(wire, len(body)),
    )
    request = _record(
        f"WARC-Type: request\r\nWARC-Record-ID: {request_id}\r\n{common}{network}WARC-Concurrent-To: {record_id}\r\n",
        "application/http;msgtype=request",
        _start_line(f"{ask.method} {request_target(ask.url)} HTTP/1.1") + _fields(wire.request_headers),
        LEAST,
    )
    metadata = _record(
        f"WARC-Type: metadata\r\nWARC-Record-ID: {metadata_id}\r\n{common}WARC-Concurrent-To: {record_id}\r\n",
        "application/json",
        _json(_facts(ask, wire, decision, sha256, earlier)),
        LEAST,
    )
    mime = REVISIT_MIME if earlier is not None else mime_of(head)
    return Composed(b"".join((answer, request, metadata)), record_id, date, sha256, digest, len(answer), mime)


def warcinfo(filename: str, info: Mapping[str, str], now: float) -> bytes:
    """Return the record that opens a file: who wrote it, how to reach them, by which rules, and what is not as on the wire."""
    fields = "".join(f"{_line(name)}: {_line(value)}\r\n" for name, value in info.items()).encode("utf-8", "replace")
    (record_id,) = _new_ids(1)
    head = f"WARC-Type: warcinfo\r\nWARC-Record-ID: {record_id}\r\nWARC-Date: {iso_date(now)}\r\nWARC-Filename: {filename}\r\n"
    return _record(head, "application/warc-fields", fields)


def target_uri(url: str) -> str:
    """Return a URL as WARC-Target-URI has it: what would end the field is escaped."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", url)


def mime_of(head: bytes) -> str | None:
    """Return the media type that the first Content-Type of an archived head names, None without one."""
    found = _CONTENT_TYPE.search(head)
    return bare_mime(found[1].decode("latin-1").strip()) if found is not None else None


def bare_mime(declared: str) -> str:
    """Return a Content-Type without its parameters, as indexes of captures have it."""
    return _MIME_END.split(declared, maxsplit=1)[0]


def iso_date(moment: float) -> str:
    """Return a moment as WARC 1.1 dates it, in UTC with microseconds."""
    whole = math.floor(moment)
    parts = round((moment - whole) * 1e6)
    return f"{_second(whole + parts // 1_000_000)}.{parts % 1_000_000:06d}Z"


@lru_cache(maxsize=64)
def _second(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def request_target(url: str) -> str:
    """Return the path and query of a URL, as the request line has them."""
    path = url.split("#", 1)[0].partition("//")[2]
    slash = min((index for index in (path.find("/"), path.find("?")) if index >= 0), default=len(path))
    return _UNSAFE.sub("%20", path[slash:] if path[slash : slash + 1] == "/" else "/" + path[slash:])


def _record(fields: str, content_type: str, block: bytes, level: int = SMALLER) -> bytes:
    """Return one record as one gzip member; `fields` are whole lines."""
    head = (
        f"WARC/1.1\r\n{fields}WARC-Block-Digest: {sha1_of(block)}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    ).encode("utf-8", "replace")
    data = b"%b%b\r\n\r\n" % (head, block)
    return member(data, level)


def sha1_of(data: bytes) -> str:
    """Return a digest as WARC files have it by custom: SHA-1 in base 32, ten bits at a time."""
    number = int.from_bytes(hashlib.sha1(data, usedforsecurity=False).digest(), "big")
    return "sha1:" + "".join([_PAIRS[number >> shift & 1023] for shift in range(150, -1, -10)])


@lru_cache(maxsize=1_024)
def _network(address: str, protocol: str) -> str:
    """Return the lines that say where it came from. WARC-Protocol is the IIPC's extension of 2023."""
    found = f"WARC-IP-Address: {_field(address)}\r\n" if address else ""
    if version := _VERSION.fullmatch(protocol):
        found += f"WARC-Protocol: {'http/' if version[1].startswith('1') else 'h'}{version[1]}\r\n"
    return found


def _refers(earlier: Earlier, profile: str) -> str:
    found = f"WARC-Profile: {profile}\r\n"
    if earlier.place.record_id:
        found += f"WARC-Refers-To: {_field(earlier.place.record_id)}\r\n"
    found += f"WARC-Refers-To-Target-URI: {target_uri(earlier.url)}\r\n"
    if earlier.place.date:
        found += f"WARC-Refers-To-Date: {_field(earlier.place.date)}\r\n"
    return found


def _facts(ask: Ask, wire: Wire, decision: Mapping[str, Any], sha256: str, earlier: Earlier | None) -> dict[str, Any]:
    """Return the metadata: the decision and, under `exchange`, what has no field in WARC."""
    facts: dict[str, Any] = {
        "method": ask.method,
        "kind": ask.kind,
        "bytes": len(wire.body),
        "sha256": sha256,
        "started": wire.started,
        "ended": wire.ended,
    }
    if ask.referrer:
        facts["referrer"] = ask.referrer
    if wire.certificate:
        facts["tls"] = dict(wire.certificate)
    if _UNSAFE.search(ask.url):
        facts["url"] = ask.url
    if earlier is not None:
        place = earlier.place
        facts["body"] = [place.file, place.offset, place.record_id, place.date, place.status]
    return {**decision, "exchange": facts}


def _head(first: str, lines: HeaderLines) -> bytes:
    """Return a start line and header lines as on the wire; a line break inside one would forge records, so it is a space."""
    return _start_line(first) + _block(lines)


def _start_line(text: str) -> bytes:
    return f"{_line(text)}\r\n".encode("latin-1", "replace")


def _block(lines: HeaderLines) -> bytes:
    text = "\r\n".join(["", *[f"{name}: {value}" for name, value in lines], ""])
    breaks = len(lines) + 1
    if not (text.count("\r\n") == text.count("\r") == text.count("\n") == breaks) or _is_odd(text):
        text = "\r\n".join(["", *[f"{_line(name)}: {_line(value)}" for name, value in lines], ""])
    lowered = text.lower()
    if "\r\ntransfer-encoding:" in lowered or "\r\ntrailer:" in lowered:
        text = _FRAMING.sub(rf"\r\n{RENAMED}\1", text)
    return (text[2:] + "\r\n").encode("latin-1", "replace")


_fields = lru_cache(maxsize=64)(_block)
"""The header lines of requests: nearly always the same for one host."""


def _is_odd(text: str) -> bool:
    return any(odd in text for odd in _ODD)


def _json(facts: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(facts, default=str, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # halves of surrogate pairs, numbers beyond 64 bits, keys that are no texts
        return json.dumps(facts, sort_keys=True, default=str).encode()


def _status_protocol(protocol: str) -> str:
    """Return the version for the status line; HTTP/2 and 3 have none that readers of HTTP/1 messages take."""
    version = _VERSION.fullmatch(protocol)
    return f"HTTP/{version[1]}" if version and version[1].startswith("1") else "HTTP/1.1"


def _level_for(wire: Wire, size: int) -> int:
    """Return STORED for bodies that are packed already: a second packing costs time and saves nothing."""
    if size < _SMALL:
        return SMALLER
    for name, value in wire.headers:
        lowered = name.lower()
        if lowered == "content-encoding" and value.strip().lower() not in ("", "identity"):
            return STORED
        if lowered == "content-type" and _PACKED.match(value.strip().lower()):
            return STORED
    return SMALLER


def _line(text: str) -> str:
    return _BREAKS.sub(" ", text).strip()


def _field(text: str) -> str:
    return _BREAKS.sub(" ", text)


def _new_ids(count: int) -> list[str]:
    """Return random UUIDs (RFC 9562 section 5.4) as names of records; `uuid.uuid4` takes four times as long."""
    digits = os.urandom(16 * count).hex()
    ids = []
    for start in range(0, 32 * count, 32):
        one = digits[start : start + 32]
        variant = _VARIANTS[one[16]]
        ids.append(f"<urn:uuid:{one[:8]}-{one[8:12]}-4{one[13:16]}-{variant}{one[17:20]}-{one[20:]}>")
    return ids
