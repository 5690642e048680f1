"""What a file is by its own bytes, and whether it is what its list says. Pure; nothing is believed of the server's words.

An image's header and end mark are read, which finds what is cut or no image at all; `decode` reads all of it. The digest is
that of the bytes as the server has them, before anything is changed, as img2dataset computes it.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from acquisition.crawl.contract import Failed

_TRAILING: Final = 4_096
"""Bytes behind an image's end mark that some programs leave."""
_FORMATS: Final = MappingProxyType({
    "image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP", "image/bmp": "BMP",
    "image/tiff": "TIFF", "image/avif": "AVIF", "image/x-icon": "ICO",
})  # fmt: skip
_MAGIC: Final = (
    (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"), (b"MM\x00*", "image/tiff"), (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\xff\x0a", "image/jxl"), (b"\x00\x00\x00\x0cJXL ", "image/jxl"),
    (b"fLaC", "audio/flac"), (b"OggS", "audio/ogg"), (b"ID3", "audio/mpeg"), (b"FORM", "audio/aiff"),
    (b"\x1aE\xdf\xa3", "video/webm"), (b"%PDF-", "application/pdf"), (b"PK\x03\x04", "application/zip"),
)  # fmt: skip
_RIFF: Final = MappingProxyType({b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"})
_BRANDS: Final = MappingProxyType({
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic",
    b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every file of a list must be; the declaration's `expect` and `media_types`."""

    media_types: tuple[str, ...] = ("image/*",)
    min_side: int = 2
    min_pixels: int | None = None
    max_pixels: int = 50_000_000
    max_aspect_ratio: float | None = None
    decode: bool = False


class Size(NamedTuple):
    """Pixels of an image; 0 × 0 where they cannot be told (SVG, HEIC)."""

    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Media:
    """A file that passed; `sha256` is that of its bytes where the list wanted to know, else ""."""

    media_type: str
    size: Size = field(default=Size())
    sha256: str = ""


def media_type_of(body: bytes) -> str:
    """Return the media type that the first bytes tell, "" for none that is known."""
    head = body[:16]
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:2] == b"BM" and len(body) > 26 and int.from_bytes(body[14:18], "little") in (12, 40, 52, 56, 64, 108, 124):
        return "image/bmp"
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[2] & 0xF0 not in (0, 0xF0):
        return "audio/mpeg"
    return _text_type(body[:1_000])


def _text_type(start: bytes) -> str:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return "text/html"
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return "image/svg+xml"
    return ""


def check(body: bytes, expect: Mapping[str, Any], wanted: Wanted, *, url: str) -> Media:
    """Return what a file is; Failed says what it is not.

    Reasons: empty, size-mismatch, hash-mismatch, not-media, media-type, corrupt, too-many-pixels, too-small, too-few-pixels,
    aspect-ratio, dimensions-mismatch. `expect` are a row's own words: md5, sha1, sha256 (hex), size, width, height.
    """
    if not body:
        raise Failed("empty", url, "0 bytes")
    if (size := expect.get("size")) is not None and size != len(body):
        raise Failed("size-mismatch", url, f"{len(body):,} bytes, the list says {size:,}")
    media_type = media_type_of(body)
    if not media_type or media_type == "text/html":
        raise Failed("not-media", url, media_type or f"it begins with {body[:16]!r}")
    if not _accepted(media_type, wanted.media_types):
        raise Failed("media-type", url, f"{media_type}; the list wants {', '.join(wanted.media_types)}")
    sha256 = _check_digests(body, expect, url)
    size = _pixels(body, media_type, expect, wanted, url) if media_type in _FORMATS else Size()
    return Media(media_type, size, sha256)


def _accepted(media_type: str, wanted: tuple[str, ...]) -> bool:
    """Say whether a type is wanted. SVG is a document with scripts, and counts only when it is named."""
    family = media_type.partition("/")[0] + "/*"
    return media_type in wanted or (family in wanted and media_type != "image/svg+xml")


def _check_digests(body: bytes, expect: Mapping[str, Any], url: str) -> str:
    """Compare the digests that the list gives, and return the SHA-256 if it is among them, else ""."""
    for name, algorithm in _ALGORITHMS.items():
        if (digest := expect.get(name)) is not None and (found := algorithm(body)) != digest:
            raise Failed("hash-mismatch", url, f"{name} {found}, the list says {digest}")
    return str(expect.get("sha256") or "")


_ALGORITHMS: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType({
    "md5": lambda body: hashlib.md5(body, usedforsecurity=False).hexdigest(),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).hexdigest(),
    "sha256": lambda body: hashlib.sha256(body).hexdigest(),
})  # fmt: skip


def _pixels(body: bytes, media_type: str, expect: Mapping[str, Any], wanted: Wanted, url: str) -> Size:
    width, height = size = _opened(body, media_type, url)
    if width * height > wanted.max_pixels:
        raise Failed("too-many-pixels", url, f"{width} × {height} pixels, the limit is {wanted.max_pixels:,}")
    if problem := _cut(body, media_type):
        raise Failed("corrupt", url, f"{media_type}: {problem}")
    if min(size) < wanted.min_side:
        raise Failed("too-small", url, f"{width} × {height} pixels")
    if wanted.min_pixels is not None and width * height < wanted.min_pixels:
        raise Failed("too-few-pixels", url, f"{width} × {height} pixels, at least {wanted.min_pixels:,} are wanted")
    if wanted.max_aspect_ratio is not None and max(size) > wanted.max_aspect_ratio * min(size):
        raise Failed("aspect-ratio", url, f"{width} × {height} pixels")
    if expect.get("width", width) != width or expect.get("height", height) != height:
        listed = f"{expect.get('width', '?')} × {expect.get('height', '?')}"
        raise Failed("dimensions-mismatch", url, f"{width} × {height} pixels, the list says {listed}")
    if wanted.decode:
        _decode(body, media_type, url)
    return size


def _opened(body: bytes, media_type: str, url: str) -> Size:
    """Return the dimensions that the header says. Only the parser of this very format is let near the bytes."""
    try:
        parse = _HEADERS.get(media_type)
        found = parse(body) if parse is not None else Size(*_decoder(media_type)(io.BytesIO(body)).size)
    except _damage() as error:
        raise Failed("corrupt", url, f"{media_type}: {type(error).__name__}: {error}"[:300]) from None
    if min(found) < 1:
        raise Failed("corrupt", url, f"{media_type}: {found.width} × {found.height} pixels")
    return found


def _jpeg(body: bytes) -> Size:
    """Walk the segments to the frame header (ITU T.81, B.2.2)."""
    place = 2
    while body[place] == 0xFF:
        marker = body[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", body, place + 5)
            return Size(width, height)
        if marker == 0xFF or 0xD0 <= marker <= 0xD7 or marker == 0x01:
            place += 1 if marker == 0xFF else 2  # a byte that fills, or a marker that stands alone
        elif marker in (0xD9, 0xDA):
            break
        else:
            place += 2 + max(2, int.from_bytes(body[place + 2 : place + 4]))
    raise ValueError("there is no frame header")


def _png(body: bytes) -> Size:
    width, height, crc = struct.unpack_from(">II5xI", body, 16)
    if body[12:16] != b"IHDR" or zlib.crc32(body[12:29]) != crc:
        raise ValueError("the first chunk is no whole IHDR")
    return Size(width, height)


def _gif(body: bytes) -> Size:
    return Size(*struct.unpack_from("<HH", body, 6))


def _webp(body: bytes) -> Size:
    """Read the canvas of an extended file, or the frame of a simple one (RFC 9649)."""
    kind = body[12:16]
    if kind == b"VP8X":
        return Size(int.from_bytes(body[24:27], "little") + 1, int.from_bytes(body[27:30], "little") + 1)
    if kind == b"VP8L" and body[20] == 0x2F:
        bits = int.from_bytes(body[21:25], "little")
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and body[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    raise ValueError("the first chunk is no image")


_HEADERS: Final[Mapping[str, Callable[[bytes], Size]]] = MappingProxyType({
    "image/jpeg": _jpeg, "image/png": _png, "image/gif": _gif, "image/webp": _webp,
})  # fmt: skip
"""Formats whose headers are read here, at a thirtieth of Pillow's cost: they are nearly all of every list."""


@cache
def _damage() -> tuple[type[Exception], ...]:
    """Return what parsers raise on damaged input; asked for when something was raised, for it loads a lot."""
    from acquisition.content.limits import DAMAGE

    return (*DAMAGE, SyntaxError, TypeError, AttributeError, AssertionError, ArithmeticError, MemoryError, Warning)


@cache
def _decoder(media_type: str) -> Callable[..., Any]:
    """Return Pillow's parser of one format. It is called by itself: `Image.open` would warn of what is judged here."""
    from PIL import Image

    Image.init()
    return Image.OPEN[_FORMATS[media_type]][0]


def _decode(body: bytes, media_type: str, url: str) -> None:
    try:
        _decoder(media_type)(io.BytesIO(body)).load()
    except _damage() as error:
        raise Failed("corrupt", url, f"{media_type}: {type(error).__name__}: {error}"[:300]) from None


def _cut(body: bytes, media_type: str) -> str:
    """Say whether the end is missing, "" when it is there or the format has no mark for it."""
    tail = body[-_TRAILING:]
    whole = True
    if media_type == "image/jpeg":
        whole = b"\xff\xd9" in tail[2:]
    elif media_type == "image/png":
        whole = b"IEND\xaeB`\x82" in tail
    elif media_type == "image/gif":
        whole = tail.rstrip(b"\x00").endswith(b";") or b"\x00;" in tail
    elif media_type == "image/webp":
        whole = int.from_bytes(body[4:8], "little") + 8 <= len(body)
    return "" if whole else "it is cut: no end mark"
