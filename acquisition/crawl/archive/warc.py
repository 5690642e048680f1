"""How one exchange becomes bytes of a WARC 1.1 file (ISO 28500:2017): pure, no I/O.

An exchange is three gzip members: response (or revisit), request, metadata (the decision as JSON). The fields are formatted
here because warcio's record objects cost more than the whole rest of archiving a page (docs/decisions/0015-archive.md); what
comes out is what `warcio check` and FastWARC verify.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from acquisition.crawl.contract import Ask, HeaderLines, Place, Wire

RENAMED: Final = "X-Archive-Orig-"
"""Put before the names of fields that are true of the wire and untrue of the archived body."""
IDENTICAL: Final = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED: Final = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"

_FRAMING: Final = frozenset({"transfer-encoding", "trailer"})
"""The chunks are undone and their trailers are gone, so these would be untrue of the archived body."""
_BREAKS: Final = re.compile(r"[\r\n\x00]+")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f]")
_VERSION: Final = re.compile(r"(?:HTTP/|h)?(1\.[01]|2|3)(?:\.0)?", re.IGNORECASE)
_LEVEL: Final = 3
"""5,550 bytes of a 10 KB page where level 6 makes 5,410, in 6 tenths of its time."""
_PACKED: Final = re.compile(r"(?:image|audio|video|font)/(?!svg|bmp|x-ms-bmp)|application/(?:zip|gzip|x-gzip|pdf)")
_SMALL: Final = 4_000


@dataclass(frozen=True, slots=True)
class Earlier:
    """The response that a revisit speaks of: where its body lies now, its digests, and under which address it was had."""

    place: Place
    url: str
    sha256: str
    digest: str


@dataclass(frozen=True, slots=True)
class Composed:
    """The bytes of one exchange and what its index has to know. `digest` is the payload's as WARC spells it."""

    data: bytes
    record_id: str
    date: str
    sha256: str
    digest: str


def compose(ask: Ask, wire: Wire, decision: Mapping[str, Any], earlier: Earlier | None = None) -> Composed:
    """Return an exchange as three gzip members; with `earlier` its response becomes a revisit record without a body."""
    record_id, date = _new_id(), iso_date(wire.started)
    target = _field(_UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", ask.url))
    common = [("WARC-Target-URI", target), ("WARC-Date", date), *_network(wire)]
    head = _head(f"{_status_protocol(wire.protocol)} {wire.status} {_line(wire.reason)}", wire.headers)
    payload = hashlib.sha1(wire.body, usedforsecurity=False).digest()
    sha256 = hashlib.sha256(wire.body).hexdigest()
    digest = f"sha1:{base64.b32encode(payload).decode()}"
    kind: Literal["response", "revisit"] = "response"
    more: list[tuple[str, str]] = []
    body = wire.body
    if earlier is not None:
        kind, body, sha256, digest = "revisit", b"", earlier.sha256, earlier.digest or digest
        more = _refers(earlier, NOT_MODIFIED if wire.status == 304 else IDENTICAL)
    answer = _record(
        [("WARC-Type", kind), ("WARC-Record-ID", record_id), *common, *more, ("WARC-Payload-Digest", digest)],
        "application/http;msgtype=response",
        (head, body),
        _level_for(wire, len(body)),
    )
    sent = _head(f"{ask.method} {request_target(ask.url)} HTTP/1.1", wire.request_headers)
    beside = [("WARC-Record-ID", _new_id()), *common, ("WARC-Concurrent-To", record_id)]
    request = _record([("WARC-Type", "request"), *beside], "application/http;msgtype=request", (sent,))
    why = json.dumps(_facts(ask, wire, decision, sha256, earlier), sort_keys=True, default=str).encode()
    beside = [("WARC-Record-ID", _new_id()), *common[:2], ("WARC-Concurrent-To", record_id)]
    metadata = _record([("WARC-Type", "metadata"), *beside], "application/json", (why,))
    return Composed(b"".join((answer, request, metadata)), record_id, date, sha256, digest)


def warcinfo(filename: str, info: Mapping[str, str], now: float) -> bytes:
    """Return the record that opens a file: who wrote it, how to reach them, by which rules, and what is not as on the wire."""
    fields = "".join(f"{_line(name)}: {_line(value)}\r\n" for name, value in info.items()).encode("utf-8", "replace")
    head = [("WARC-Type", "warcinfo"), ("WARC-Record-ID", _new_id()), ("WARC-Date", iso_date(now)), ("WARC-Filename", filename)]
    return _record(head, "application/warc-fields", (fields,))


def iso_date(moment: float) -> str:
    """Return a moment as WARC 1.1 dates it, in UTC with microseconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def request_target(url: str) -> str:
    """Return the path and query of a URL, as the request line has them."""
    path = url.split("#", 1)[0].partition("//")[2]
    slash = min((index for index in (path.find("/"), path.find("?")) if index >= 0), default=len(path))
    return _UNSAFE.sub("%20", path[slash:] if path[slash : slash + 1] == "/" else "/" + path[slash:])


def _record(fields: Iterable[tuple[str, str]], content_type: str, block: tuple[bytes, ...], level: int = _LEVEL) -> bytes:
    """Return one record as one gzip member. Small ones get a small window: making a large one costs more than using it."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    for part in block:
        sha1.update(part)
    size = sum(map(len, block))
    lines = [
        "WARC/1.1",
        *(f"{name}: {value}" for name, value in fields),
        f"WARC-Block-Digest: sha1:{base64.b32encode(sha1.digest()).decode()}",
        f"Content-Type: {content_type}",
        f"Content-Length: {size}",
        "\r\n",
    ]
    head = "\r\n".join(lines).encode("utf-8", "replace")
    window, memory = (26, 5) if size < _SMALL else (31, 8)
    packer = zlib.compressobj(level, zlib.DEFLATED, window, memory)
    return b"".join((*(packer.compress(part) for part in (head, *block, b"\r\n\r\n")), packer.flush()))


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
    found.append(("WARC-Refers-To-Target-URI", _field(_UNSAFE.sub(lambda one: f"%{ord(one[0]):02X}", earlier.url))))
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
    made = [_line(first)]
    for name, value in lines:
        name = _line(name)
        made.append(f"{RENAMED if name.lower() in _FRAMING else ''}{name}: {_line(value)}")
    return ("\r\n".join(made) + "\r\n\r\n").encode("latin-1", "replace")


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
    return f"<urn:uuid:{uuid.uuid4()}>"
