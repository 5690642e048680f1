"""WARC (and ARC): what the web answered, record by record, each checked against its own length and digest.

warcio and FastWARC both return a truncated record as if it were whole; the block's length and digest are therefore
compared here.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from datetime import UTC, datetime
from io import StringIO
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from acquisition.content.compression import compression_of
from acquisition.content.fragments import warc_payload
from acquisition.content.limits import Unreadable
from acquisition.model import Modality, Rejection
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.arrow import seekable
from acquisition.read.encoding import decode_all
from acquisition.read.html import page_text, parse_page
from acquisition.read.items import BATCH_BYTES, BATCH_ROWS, FileItems, file_name, found_batch, rejection
from acquisition.read.media import checked_media, media_type_of, modality_of
from acquisition.read.spoken import statements

_WITHOUT_SAMPLES: Final = frozenset({"warcinfo", "request", "metadata", "arc_header"})
_HTML: Final = ("text/html", "application/xhtml+xml")
_OK: Final = 200


class WarcReader(Reader):
    """Responses, resources and conversions (WET); requests and metadata speak of other records and are passed over."""

    name: ClassVar[str] = "warc"
    version: ClassVar[int] = 2
    suffixes: ClassVar[tuple[str, ...]] = (".warc", ".warc.gz", ".arc", ".arc.gz", ".wet", ".wet.gz")
    modality: ClassVar[Modality] = Modality.TEXT

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files that begin as WARC or ARC do (`head` is decompressed)."""
        return head.startswith((b"WARC/1.", b"WARC/0.", b"filedesc://")) or name.lower().endswith(self.suffixes)

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield one item per record that holds a sample."""
        rows: list[dict[str, Any]] = []
        size, seen = 0, False
        with seekable(binary) as stream:
            for found in _Records(context, is_arc=_is_arc(binary)).found(stream):
                seen = True
                if isinstance(found, Rejection):
                    yield found
                    continue
                rows.append(found)
                size += found["size"] + len(found.get("text") or "")
                if len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
                    yield found_batch(rows)
                    rows, size = [], 0
        if rows:
            yield found_batch(rows)
        if not seen:
            yield rejection(context, "empty-file", "no record holds a sample")


class _Records:
    """One pass over one file."""

    def __init__(self, context: ReadContext, *, is_arc: bool) -> None:
        self._context = context
        self._is_arc = is_arc
        self._items = FileItems(context)
        self._seen: set[int] = set()

    def found(self, stream: Any) -> Iterator[dict[str, Any] | Rejection]:
        """Yield a row or a rejection for every record; damage between records ends the file, and says so."""
        from warcio.archiveiterator import ArchiveIterator

        records = ArchiveIterator(stream, arc2warc=True, check_digests=True, verify_http=False)
        offset = 0
        while True:
            try:
                with redirect_stderr(StringIO()) as said:
                    record = next(records)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001  # warcio raises what it meets on hostile headers
                yield rejection(self._context, "warc-damaged", _short(error), f"warc={offset}")
                return
            finally:
                wrong_length = "Content-Length is invalid" in said.getvalue()
            if wrong_length:
                yield rejection(self._context, "warc-damaged", "the record's Content-Length is wrong", f"warc={offset}")
            offset = records.offset
            if record.rec_type not in _WITHOUT_SAMPLES:
                yield self._one(record, offset)

    def _one(self, record: Any, offset: int) -> dict[str, Any] | Rejection:
        place = self._place(record, offset)
        try:
            return self._row(record, offset, place)
        except Unreadable as error:
            return rejection(self._context, error.code, error.detail, place)

    def _place(self, record: Any, offset: int) -> str:
        """Return "record=<uuid>"; the offset where a record has no id of its own (ARC) or a repeated one."""
        name = (record.rec_headers.get_header("WARC-Record-ID") or "").strip("<>").removeprefix("urn:uuid:")
        key = hash(name)
        if self._is_arc or not name or key in self._seen or not name.replace("-", "").isalnum():
            return f"warc={offset}"  # warcio invents a random id for every ARC record
        self._seen.add(key)
        return f"record={name}"

    def _row(self, record: Any, offset: int, place: str) -> dict[str, Any]:
        status = _status(record)
        if record.rec_type == "revisit":
            raise Unreadable("warc-revisit", "a revisit holds no payload; its bytes are in an earlier capture")
        if record.rec_type not in ("response", "resource", "conversion"):
            raise Unreadable("warc-other", f"a record of type {record.rec_type}")
        if _header(record, "WARC-Target-URI").startswith(("dns:", "whois:")):
            raise Unreadable("warc-other", "an answer of a name service")
        if status is not None and status != _OK:
            raise Unreadable("warc-status", f"the server answered {status}")
        try:
            payload = warc_payload(record)
        finally:
            _demand_whole(record)  # "the record is cut" says more than "its gzip is"
        if not payload:
            raise Unreadable("empty-file", "the payload has 0 bytes")
        more = self._described(record, payload)
        sha256 = hashlib.sha256(payload).hexdigest()
        modality, media_type = more.pop("modality"), more.pop("media_type")
        return self._items.row(
            modality, media_type, len(payload), sha256, fragment=f"warc={offset}", place=place, **_origin(record), **more
        )

    def _described(self, record: Any, payload: bytes) -> dict[str, Any]:
        url = _header(record, "WARC-Target-URI").strip("<>")
        headers = record.http_headers.headers if record.http_headers else {}
        return self._content(record, payload) | statements(url, headers, payload)

    def _content(self, record: Any, payload: bytes) -> dict[str, Any]:
        declared, charset = _content_type(record)
        found = media_type_of(payload[:64], urlsplit(_header(record, "WARC-Target-URI")).path)
        if found:
            checked_media("", payload[:65_536], payload[-65_536:], len(payload))
            return {"modality": modality_of(found), "media_type": found}
        if declared in _HTML or (not declared and b"<html" in payload[:2_000].lower()):
            page = parse_page(page_text(payload, self._context.read, charset))
            kind = {"modality": Modality.TEXT, "media_type": "text/html"}
            return kind | {"text": page.text, "title": page.title}
        if declared.startswith("text/"):
            text = page_text(payload, self._context.read, charset) if charset else decode_all(payload, self._context.read)[0]
            return {"modality": Modality.TEXT, "media_type": declared, "text": text}
        return {"modality": Modality.OTHER, "media_type": declared or "application/octet-stream"}


def _is_arc(binary: Binary) -> bool:
    with binary.open() as stream:
        head = stream.read(4_096)
    if compression_of(head) == "gz":
        with suppress(zlib.error):
            head = zlib.decompressobj(31).decompress(head, 64)
    return head.startswith(b"filedesc://")


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "non-chunked gzip" in text:
        return (
            "several records in one gzip member: records behind the first cannot be addressed; recompress it record by record"
        )
    return f"{type(error).__name__}: {text[:200]}"


def _header(record: Any, name: str) -> str:
    return str(record.rec_headers.get_header(name) or "")


def _status(record: Any) -> int | None:
    if record.http_headers is None or record.rec_type != "response":
        return None
    code = record.http_headers.get_statuscode()
    return int(code) if code and code.isdecimal() else _OK


def _content_type(record: Any) -> tuple[str, str]:
    raw = record.http_headers.get_header("Content-Type") if record.http_headers else _header(record, "Content-Type")
    kind, _, parameters = str(raw or "").partition(";")
    charset = next((part.split("=", 1)[1] for part in parameters.split(";") if part.strip().lower().startswith("charset=")), "")
    return kind.strip().lower(), charset.strip(" \"'")


def _demand_whole(record: Any) -> None:
    """Raise Unreadable when the block is shorter than its length says, or is not what its digests say."""
    while record.raw_stream.read(1 << 16):
        pass  # content decoders may stop before the block's end
    missing = getattr(record.raw_stream, "limit", 0)
    if missing > 0:
        raise Unreadable("warc-truncated", f"{missing:,} bytes of the record are missing")
    if _header(record, "WARC-Truncated"):
        raise Unreadable("warc-truncated", f"the crawler cut it: {_header(record, 'WARC-Truncated')[:40]}")
    if record.digest_checker.passed is False:
        problems = "; ".join(str(problem) for problem in record.digest_checker.problems)
        raise Unreadable("warc-digest", f"not what its digest says: {problems[:200]}")


def _origin(record: Any) -> dict[str, Any]:
    url = _header(record, "WARC-Target-URI").strip("<>")
    stem = urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0] or urlsplit(url).netloc
    try:
        moment = datetime.fromisoformat(_header(record, "WARC-Date"))
    except ValueError:
        moment = None
    at = moment.astimezone(UTC) if moment and moment.tzinfo else None
    return {"url": url or None, "retrieved_at": at, "name": file_name(stem)}
