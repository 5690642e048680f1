"""One answer taken apart once, for all parsers: what it is, which headers it has, and the files beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from acquisition.rights.signals import containers, licenses, tdmrep, x_robots
from acquisition.rights.signals.headers import Headers, collect

_IMAGE_NAMES: Final = frozenset({
    "jpg", "jpeg", "jpe", "jfif", "png", "gif", "webp", "avif", "heic", "heif", "svg", "svgz", "tif", "tiff", "bmp", "ico",
    "jxl", "psd", "apng",
})  # fmt: skip
_BY_NAME: Final = frozenset({tdmrep.WELL_KNOWN, "/ai.txt", "/trust.txt"})
_HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, taken apart once. `kind` is html, xml, media or other; `image` says that it is a picture."""

    url: str
    headers: Headers
    body: bytes
    media_type: str
    charset: str
    kind: str
    image: bool
    agent: str
    files: Mapping[str, bytes | None]
    announced: set[str] = field(default_factory=set)
    """Addresses of license documents that were met so far."""

    @property
    def now(self) -> datetime | None:
        """The moment of the answer by its own Date header, None when it does not say."""
        return x_robots.read_date(self.headers.first("date"))


def taken_apart(url: object, headers: object, body: object, well_known: object, agent: str) -> Answer:
    """Return an answer of whatever shape as one that all parsers can read; `agent` is our product token."""
    address = url if isinstance(url, str) else url.decode("utf-8", "replace") if isinstance(url, bytes) else ""
    content = (
        bytes(body) if isinstance(body, (bytes, bytearray, memoryview)) else body.encode() if isinstance(body, str) else b""
    )
    read_headers = collect(headers)
    media_type, charset = _content_type(read_headers.first("content-type"))
    kind = _kind(media_type, content)
    return Answer(
        address, read_headers, content, media_type, charset, kind, _is_image(media_type, address, content),
        agent, _files(well_known, address),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _content_type(value: str) -> tuple[str, str]:
    message = Message()
    message["content-type"] = value[:500].replace("\r", " ").replace("\n", " ")
    charset = message.get_param("charset", "")
    return value.partition(";")[0].strip().lower(), charset.strip()[:50] if isinstance(charset, str) else ""


def _kind(media_type: str, body: bytes) -> str:
    """Say how a body is read: by its first bytes where they are clear, else by its media type."""
    start = body[:1_000].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:200].lower()
    if start[:1] != b"<" and (containers.is_media(body) or body[:4] == b"PK\x03\x04"):
        return "media"
    if media_type in _HTML_TYPES or start.startswith((b"<!doctype html", b"<html")):
        return "html"
    if start.startswith((b"<?xml", b"<rss", b"<feed", b"<rsl", b"<svg", b"<rdf:rdf", b"<urlset")):
        return "html" if b"<html" in body[:2_000].lower() else "xml"
    if media_type.startswith(("image/", "audio/", "video/")) or media_type in ("application/pdf", "application/epub+zip"):
        return "media"
    return "html" if start[:1] == b"<" and not media_type.startswith("text/plain") else "other"


def _is_image(media_type: str, url: str, body: bytes) -> bool:
    if media_type:
        return media_type.startswith("image/")
    if body:
        return containers.is_image(body)
    return urlsplit_path(url).rpartition("/")[2].rpartition(".")[2].lower() in _IMAGE_NAMES


def urlsplit_path(url: str) -> str:
    """Return the path of a URL that may be nonsense."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _files(well_known: object, url: str) -> dict[str, bytes | None]:
    """Return the files as bytes by their address; JSON values are written as JSON."""
    if not isinstance(well_known, Mapping):
        return {}
    files = list(well_known.items())[:1_000]
    return {_address(url, str(name)): None if value is None else _written(value) for name, value in files}


def _address(url: str, name: str) -> str:
    """Return the address of a file; those that are read by the end of their name need none."""
    return name if "://" in name or name in _BY_NAME else licenses.resolved(url, name)


def _written(value: object) -> bytes:
    if isinstance(value, (list, dict)):
        return json.dumps(value).encode()
    return as_bytes(value) or b""


def as_bytes(value: object) -> bytes | None:
    """Return a text or any bytes as bytes, None for anything else."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else None
