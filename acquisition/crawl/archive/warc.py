"""How one exchange becomes bytes of a WARC 1.1 file (ISO 28500:2017): pure, no I/O.

An exchange is three gzip members: response (or revisit), request, metadata (the decision as JSON). The fields are formatted
here because warcio's record objects cost more than the whole rest of archiving a page (docs/decisions/0015-archive.md); what
comes out is what `warcio check` and FastWARC verify.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson
from isal import isal_zlib

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
_LEVEL: Final = 1
"""igzip's: a 10 KB page in 25 us and 5,130 bytes, where zlib's level 3 takes 114 us for 5,550 (0015-archive.md)."""
_PACKED: Final = re.compile(r"(?:image|audio|video|font)/(?!svg|bmp|x-ms-bmp)|application/(?:zip|gzip|x-gzip|pdf)")
_SMALL: Final = 4_000
_FREE: Final = ~(0xF << 76 | 0x3 << 62)
_FOURTH: Final = 0x4 << 76 | 0x2 << 62
"""Version and variant of a random UUID."""
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
    record_id, date = _new_id(), iso_date(wire.started)
    target = target_uri(ask.url)
    common = [("WARC-Target-URI", target), ("WARC-Date", date), *_network(wire)]
    head = _head(f"{_status_protocol(wire.protocol)} {wire.status} {_line(wire.reason)}", wire.headers)
    kind: Literal["response", "revisit"] = "response"
    more: list[tuple[str, str]] = []
    if earlier is None:
        body, sha256, digest = wire.body, hashlib.sha256(wire.body).hexdigest(), sha1_of(wire.body)
    else:
        kind, body, sha256, digest = "revisit", b"", earlier.sha256, earlier.digest
        more = _refers(earlier, NOT_MODIFIED if wire.status == 304 else IDENTICAL)
    answer = _record(
        [("WARC-Type", kind), ("WARC-Record-ID", record_id), *common, *more, ("WARC-Payload-Digest", digest)],
        "application/http;msgtype=response",
        head + body,
        _level_for(wire, len(body)),
    )
    sent = _head(f"{ask.method} {request_target(ask.url)} HTTP/1.1", wire.request_headers)
    beside = [("WARC-Record-ID", _new_id()), *common, ("WARC-Concurrent-To", record_id)]
    request = _record([("WARC-Type", "request"), *beside], "application/http;msgtype=request", sent)
    why = _json(_facts(ask, wire, decision, sha256, earlier))
    beside = [("WARC-Record-ID", _new_id()), *common[:2], ("WARC-Concurrent-To", record_id)]
    metadata = _record([("WARC-Type", "metadata"), *beside], "application/json", why)
    mime = REVISIT_MIME if earlier is not None else mime_of(head)
    return Composed(b"".join((answer, request, metadata)), record_id, date, sha256, digest, len(answer), mime)


def warcinfo(filename: str, info: Mapping[str, str], now: float) -> bytes:
    """Return the record that opens a file: who wrote it, how to reach them, by which rules, and what is not as on the wire."""
    fields = "".join(f"{_line(name)}: {_line(value)}\r\n" for name, value in info.items()).encode("utf-8", "replace")
    head = [("WARC-Type", "warcinfo"), ("WARC-Record-ID", _new_id()), ("WARC-Date", iso_date(now)), ("WARC-Filename", filename)]
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
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def request_target(url: str) -> str:
    """Return the path and query of a URL, as the request line has them."""
    path = url.split("#", 1)[0].partition("//")[2]
    slash = min((index for index in (path.find("/"), path.find("?")) if index >= 0), default=len(path))
    return _UNSAFE.sub("%20", path[slash:] if path[slash : slash + 1] == "/" else "/" + path[slash:])


def _record(fields: Iterable[tuple[str, str]], content_type: str, block: bytes, level: int = _LEVEL) -> bytes:
    """Return one record as one gzip member."""
    lines = [f"{name}: {value}\r\n" for name, value in fields]
    head = (
        f"WARC/1.1\r\n{''.join(lines)}WARC-Block-Digest: {sha1_of(block)}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    ).encode("utf-8", "replace")
    packer = isal_zlib.compressobj(level, zlib.DEFLATED, 31) if level else zlib.compressobj(0, zlib.DEFLATED, 31)
    return b"".join((packer.compress(b"%b%b\r\n\r\n" % (head, block)), packer.flush()))


def sha1_of(data: bytes) -> str:
    """Return a digest as WARC files have it by custom: SHA-1 in base 32, ten bits at a time."""
    number = int.from_bytes(hashlib.sha1(data, usedforsecurity=False).digest(), "big")
    return "sha1:" + "".join([_PAIRS[number >> shift & 1023] for shift in range(150, -1, -10)])


def _network(wire: Wire) -> list[tuple[str, str]]:
    """Return where it came from. WARC-Protocol is the IIPC's extension of 2023."""
    found = [("WARC-IP-Address", _field(wire.ip_address))] if wire.ip_address else []
    version = _VERSION.fullmatch(wire.protocol)
    if version:
        found.append(("WARC-Protocol", f"http/{version[1]}" if version[1].startswith("1") else f"h{version[1]}"))
    return found


def _refers(earlier: Earlier, profile: str) -> list[tuple[str, str]]:
    found = [("WARC-Profile", profile)]
    if earlier.place.record_id:
        found.append(("WARC-Refers-To", _field(earlier.place.record_id)))
    found.append(("WARC-Refers-To-Target-URI", target_uri(earlier.url)))
    if earlier.place.date:
        found.append(("WARC-Refers-To-Date", _field(earlier.place.date)))
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
    text = "\r\n".join([first, *[f"{name}: {value}" for name, value in lines], ""])
    if not (text.count("\r") == text.count("\n") == text.count("\r\n") == len(lines) + 1) or any(odd in text for odd in _ODD):
        text = "\r\n".join([_line(first), *[f"{_line(name)}: {_line(value)}" for name, value in lines], ""])
    lowered = text.lower()
    if "\r\ntransfer-encoding:" in lowered or "\r\ntrailer:" in lowered:
        text = _FRAMING.sub(rf"\r\n{RENAMED}\1", text)
    return (text + "\r\n").encode("latin-1", "replace")


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
    """Return 0 for bodies that are packed already: a second packing costs time and saves nothing."""
    if size < _SMALL:
        return _LEVEL
    for name, value in wire.headers:
        lowered = name.lower()
        if lowered == "content-encoding" and value.strip().lower() not in ("", "identity"):
            return 0
        if lowered == "content-type" and _PACKED.match(value.strip().lower()):
            return 0
    return _LEVEL


def _line(text: str) -> str:
    return _BREAKS.sub(" ", text).strip()


def _field(text: str) -> str:
    return _BREAKS.sub(" ", text)


def _new_id() -> str:
    """Return a random UUID (RFC 9562 section 5.4) as a record's name; `uuid.uuid4` takes four times as long."""
    number = int.from_bytes(os.urandom(16), "big") & _FREE | _FOURTH
    digits = f"{number:032x}"
    return f"<urn:uuid:{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}>"
