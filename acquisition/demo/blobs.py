"""The storage service that all faces share: files by path, ranges, validators, hashes and signed URLs that expire."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from acquisition.demo.faults import xml_error
from acquisition.demo.wire import Framing, Headers, Reply, Request, Slice, whole

_SECRET: Final = b"the demo world signs its own URLs"
_PUBLISHED: Final = 1_750_000_000.0  # the same Last-Modified on every run


def crc32c(data: bytes) -> int:
    """Return the Castagnoli checksum (RFC 3720, appendix B.4) of some bytes, as an unsigned 32-bit integer."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0x82F63B78 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored file and how it is served.

    `ranges` off: Range is ignored and Accept-Ranges not sent; `validators` off: neither ETag nor Last-Modified;
    `hashes` names what X-Goog-Hash carries; `private`: only signed URLs are answered. `tag` is the strong validator, made
    from the content when it is left out.
    """

    content: bytes | Path
    media_type: str = "application/octet-stream"
    ranges: bool = True
    validators: bool = True
    hashes: tuple[str, ...] = ()
    private: bool = False
    framing: Framing = "length"
    headers: Headers = ()
    tag: str = ""
    _made: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def etag(self) -> str:
        """The validator in quotes; computed once."""
        if not self.tag and "tag" not in self._made:
            self._made["tag"] = _md5(whole(self.content).read()).hex()
        return f'"{self.tag or self._made["tag"]}"'

    @property
    def hash_header(self) -> str:
        """The value of X-Goog-Hash; computed once."""
        if "hashes" not in self._made:
            content = whole(self.content).read()
            values = {"crc32c": lambda: crc32c(content).to_bytes(4, "big"), "md5": lambda: _md5(content)}
            self._made["hashes"] = ",".join(f"{name}={base64.b64encode(values[name]()).decode()}" for name in self.hashes)
        return self._made["hashes"]


class Storage:
    """The face of the storage service. Put files in, hand out plain or signed URLs, answer GET and HEAD with ranges."""

    def __init__(self, base_url: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._base_url = base_url
        self._clock = clock
        self._files: dict[str, Stored] = {}

    @property
    def base_url(self) -> str:
        """Where the service listens."""
        return self._base_url()

    def put(self, path: str, content: bytes | Path, **how: Any) -> str:
        """Store a file under a path (an existing one is replaced) and return its plain URL; `how` as in `Stored`."""
        self._files[path.strip("/")] = Stored(content, **how)
        return self.url(path)

    def remove(self, path: str) -> None:
        """Take a file away."""
        del self._files[path.strip("/")]

    def url(self, path: str) -> str:
        """Return the unsigned URL of a path."""
        return f"{self.base_url}/{quote(path.strip('/'))}"

    def signed_url(self, path: str, lifetime: float = 3600.0) -> str:
        """Return a URL that is answered for `lifetime` seconds, and with 403 and XML afterwards."""
        now = self._clock()
        query = {
            "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
            "X-Goog-Credential": "demo@acquisition.invalid/20260101/auto/storage/goog4_request",
            "X-Goog-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)),
            "X-Goog-Expires": str(max(0, int(lifetime))),
            "X-Goog-SignedHeaders": "host",
            "deadline": f"{now + lifetime:.3f}",
        }
        return f"{self.url(path)}?{urlencode({**query, 'X-Goog-Signature': _signature(path, query['deadline'])})}"

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        path = request.path.strip("/")
        stored = self._files.get(path)
        if request.method not in ("GET", "HEAD"):
            return xml_error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        if (refusal := self._refusal(request, path, stored)) is not None:
            return refusal
        if stored is None:
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")
        return serve(stored, request)

    def _refusal(self, request: Request, path: str, stored: Stored | None) -> Reply | None:
        query = request.query
        if "X-Goog-Signature" not in query:
            if stored is not None and stored.private:
                return xml_error(403, "AccessDenied", "Access denied.")
            return None
        if "authorization" in request.headers:  # as S3 does: a leaked credential shows itself
            return xml_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        if not hmac.compare_digest(query["X-Goog-Signature"], _signature(path, query.get("deadline", ""))):
            return xml_error(403, "SignatureDoesNotMatch", "The request signature does not match the signature you provided.")
        if self._clock() > float(query["deadline"]):
            return xml_error(403, "ExpiredToken", "The provided token has expired.")
        return None


def _signature(path: str, deadline: str) -> str:
    return hmac.new(_SECRET, f"{path.strip('/')}\n{deadline}".encode(), "sha256").hexdigest()


def serve(stored: Stored, request: Request) -> Reply:
    """Answer a GET or HEAD for a file: 200, 206 with Content-Range, 304 or 416 (RFC 9110, sections 13 and 14)."""
    body = whole(stored.content)
    headers: list[tuple[str, str]] = [("Content-Type", stored.media_type), *stored.headers]
    if stored.ranges:
        headers.append(("Accept-Ranges", "bytes"))
    if stored.validators:
        headers += [("ETag", stored.etag), ("Last-Modified", formatdate(_PUBLISHED, usegmt=True))]
    if stored.hashes:
        headers.append(("X-Goog-Hash", stored.hash_header))
    if stored.validators and request.headers.get("if-none-match") == stored.etag:
        return Reply(304, tuple(headers))
    asked = _asked_range(request, stored, body.size)
    if asked is None:
        return Reply(200, tuple(headers), body, stored.framing)
    if asked[0] >= asked[1]:
        return Reply(416, (("Content-Range", f"bytes */{body.size}"),))
    headers.append(("Content-Range", f"bytes {asked[0]}-{asked[1] - 1}/{body.size}"))
    return Reply(206, tuple(headers), Slice(stored.content, *asked), stored.framing)


def _asked_range(request: Request, stored: Stored, size: int) -> tuple[int, int] | None:
    """Return the half-open range to send, None for everything; an empty range cannot be satisfied."""
    asked = request.headers.get("range", "")
    if not stored.ranges or not asked.startswith("bytes=") or "," in asked:
        return None
    condition = request.headers.get("if-range")
    if condition is not None and (not stored.validators or condition not in (stored.etag, formatdate(_PUBLISHED, usegmt=True))):
        return None
    first, _, last = asked.removeprefix("bytes=").strip().partition("-")
    if not (first or last) or not (first + last).isdecimal():
        return None
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
