"""Media files: what they are by their first bytes, and whether there is anything in them. Nothing is decoded here."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping
from mmap import ACCESS_READ, mmap
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from acquisition.content.limits import Unreadable
from acquisition.model import Modality
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.items import FileItems, canonical, found_batch
from acquisition.read.spoken import inside

HEAD: Final = 65_536
STARTS: Final = 16_000_000
"""Bytes of a file inside an archive in which its metadata are looked for."""
MAX_PIXELS: Final = 500_000_000
"""Images that claim more are bombs to whoever decodes them."""
_CUT: Final = "it is cut: no end mark"
_TRAILING: Final = 4_096
"""Bytes behind an image's end mark that some programs leave."""
_PIPED: Final = 0x7FFF_F000
_PNG_END: Final = b"IEND\xaeB`\x82"
MEDIA_SUFFIXES: Final[Mapping[str, str]] = MappingProxyType({
    ".wav": "audio/wav", ".wave": "audio/wav", ".aif": "audio/aiff", ".aiff": "audio/aiff", ".aifc": "audio/aiff",
    ".flac": "audio/flac", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg",
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif",
})  # fmt: skip


def media_type_of(head: bytes, name: str = "") -> str:
    """Return the media type for the first bytes, "" for none of ours. A bare MP3 frame counts only under an MP3's name."""
    form = head[8:12]
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and form in (b"WAVE", b"WEBP"):
        return "audio/wav" if form == b"WAVE" else "image/webp"
    if head[:4] == b"FORM" and form in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[_after_tag(head) :].startswith(b"fLaC"):
        return "audio/flac"  # with an ID3 tag in front, as some programs write it
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    named = MEDIA_SUFFIXES.get(PurePosixPath(name.lower()).suffix) == "audio/mpeg"
    return "audio/mpeg" if named and _mp3_frame(head) else ""


_MAGIC: Final = (
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def modality_of(media_type: str) -> Modality:
    """Return the modality for a media type."""
    start = media_type.split("/")[0]
    return {"audio": Modality.AUDIO, "image": Modality.IMAGE, "text": Modality.TEXT}.get(start, Modality.OTHER)


def _mp3_frame(head: bytes) -> bool:
    """Say whether an MPEG audio frame starts in the first bytes, after any padding (ISO 11172-3, 2.4.1.3)."""
    body = head.lstrip(b"\x00")
    if len(body) < 4 or body[0] != 0xFF or body[1] & 0xE0 != 0xE0:
        return False
    return body[1] >> 3 & 3 != 1 and body[1] >> 1 & 3 != 0 and body[2] >> 4 != 15 and body[2] >> 2 & 3 != 3


class MediaReader(Reader):
    """One media file, one item."""

    name: ClassVar[str] = "media"
    version: ClassVar[int] = 2
    suffixes: ClassVar[tuple[str, ...]] = tuple(MEDIA_SUFFIXES)
    modality: ClassVar[Modality] = Modality.OTHER

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files that begin as media do, and files that are named so (which are then checked)."""
        return bool(media_type_of(head, name)) or PurePosixPath(name.lower()).suffix in self.suffixes

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the one item; Unreadable when the file is not what its name says or holds nothing."""
        file = media_file(binary)
        named = MEDIA_SUFFIXES.get(PurePosixPath(binary.name.lower()).suffix, "")
        more = {} if named == file.media_type else {"fields": canonical({"named_as": named or binary.name}).decode()}
        row = FileItems(context).row(
            modality_of(file.media_type), file.media_type, file.size, file.sha256, signals=file.signals, **more
        )
        yield found_batch([row])


class MediaFile(NamedTuple):
    """What one pass over a media file tells; `signals` is the column of that name, None where its metadata say nothing."""

    media_type: str
    size: int
    sha256: str
    signals: str | None


def media_file(binary: Binary) -> MediaFile:
    """Read a file once; Unreadable when it is not what its name says or holds nothing."""
    start: list[bytes] = []
    head, tail, size, sha256 = digest(binary, start, 1 if binary.path else STARTS)
    media_type = checked_media(binary.name, head, tail, size)
    return MediaFile(media_type, size, sha256, _said(binary, start, size))


def _said(binary: Binary, start: list[bytes], size: int) -> str | None:
    """Return what the file's metadata say; of a large file only the pages that hold them are touched."""
    if len(start[0]) == size or binary.path is None:
        return inside(start[0] if len(start) == 1 else b"".join(start))
    with binary.path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as mapped:
        return inside(mapped)


def digest(binary: Binary, start: list[bytes] | None = None, wanted: int = 0) -> tuple[bytes, bytes, int, str]:
    """Read everything once and return the first and last bytes (64 kB each), the size and the sha256.

    `start` receives what is read until that is at least `wanted` bytes.
    """
    sha256 = hashlib.sha256()
    head = tail = b""
    size = 0
    with binary.open() as stream:
        while data := stream.read(1 << 18):
            sha256.update(data)
            if start is not None and size < wanted:
                start.append(data)
            size += len(data)
            if len(head) < HEAD:
                head = (head + data)[:HEAD]
            tail = (tail + data)[-HEAD:]
    return head, tail, size, sha256.hexdigest()


def checked_media(name: str, head: bytes, tail: bytes, size: int) -> str:
    """Return the media type after cheap checks of the header; Unreadable (media-…) says what is wrong."""
    if size == 0:
        raise Unreadable("empty-file", "0 bytes")
    media_type = media_type_of(head, name)
    if not media_type:
        raise Unreadable("media-damaged", f"named {PurePosixPath(name).suffix}, but it does not begin as any media file does")
    check = _CHECKS.get(media_type)
    try:
        problem = check(head, tail, size) if check else ""
    except (struct.error, IndexError):
        problem = "the header is cut"
    if problem:
        code = "media-bomb" if problem.startswith("claims") else "media-damaged"
        raise Unreadable(code, f"{media_type}: {problem}")
    return media_type


def _wav(head: bytes, tail: bytes, size: int) -> str:
    del tail
    order = ">" if head[:4] == b"RIFX" else "<"
    at, described = 12, False
    while at + 8 <= len(head):
        name, length = head[at : at + 4], struct.unpack_from(order + "I", head, at + 4)[0]
        if name == b"fmt ":
            if length < 14 or at + 8 + 14 > size:
                return "the format chunk is cut"
            described = True
        if name == b"data":
            if not described:
                return "samples without a format"
            return _wav_samples(head, size - at - 8, length)
        at += 8 + length + length % 2
    return "" if at < size and size > HEAD else "no samples"


def _wav_samples(head: bytes, there: int, claimed: int) -> str:
    """Judge the data chunk; a program that writes to a pipe cannot know its length and claims 2 or 4 GB."""
    if claimed == 0 or there <= 0:
        return "a header without samples"
    open_ended = claimed >= _PIPED or head[:4] == b"RF64"
    return "" if claimed <= there or open_ended else f"it is cut: {claimed - there:,} bytes of samples are missing"


def _aiff(head: bytes, tail: bytes, size: int) -> str:
    del tail
    at = 12
    while at + 8 <= len(head):
        length = struct.unpack_from(">I", head, at + 4)[0]
        if head[at : at + 4] == b"SSND":
            return "" if length > 8 and size > at + 16 else "a header without samples"
        at += 8 + length + length % 2
    return "" if at < size and size > HEAD else "no samples"


def _ogg(head: bytes, tail: bytes, size: int) -> str:
    """Judge the last page: its lacing values say how long it is (RFC 3533, section 6)."""
    del head
    at = tail.rfind(b"OggS")
    if size < 28 or (at >= 0 and at + 27 > len(tail)):
        return _CUT
    if at < 0:
        return ""  # a page is at most 65,307 bytes long, so this is no last page of ours to judge
    segments = tail[at + 26]
    lacing = tail[at + 27 : at + 27 + segments]
    return "" if len(lacing) == segments and at + 27 + segments + sum(lacing) <= len(tail) else _CUT


def _flac(head: bytes, tail: bytes, size: int) -> str:
    del tail
    at, last = _after_tag(head) + 4, False
    while not last:
        if at + 4 > len(head):
            return "" if at < size and size > HEAD else "no audio frames"
        last = bool(head[at] & 0x80)
        at += 4 + int.from_bytes(head[at + 1 : at + 4])
    return "" if size > at else "a header without audio frames"


def _mp3(head: bytes, tail: bytes, size: int) -> str:
    del tail
    if not head.startswith(b"ID3"):
        return ""
    return "" if size > _after_tag(head) + 4 else "a tag without audio"


def _after_tag(head: bytes) -> int:
    """Return where an ID3v2 tag ends (its size is written in 7 bits per byte), 0 where there is none."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    return 10 + sum((head[6 + index] & 0x7F) << 7 * (3 - index) for index in range(4))


def _png(head: bytes, tail: bytes, size: int) -> str:
    del size
    width, height = struct.unpack_from(">II", head, 16)
    if head[12:16] != b"IHDR" or not width or not height:
        return "no image header"
    return _too_many(width, height) or ("" if _PNG_END in tail else _CUT)


def _jpeg(head: bytes, tail: bytes, size: int) -> str:
    del size
    width, height = _jpeg_size(head)
    return _too_many(width, height) or ("" if b"\xff\xd9" in tail[2:] else _CUT)


def _jpeg_size(head: bytes) -> tuple[int, int]:
    """Return the frame's size, (1, 1) when it lies beyond the head."""
    at = 2
    while at + 9 < len(head):
        if head[at] != 0xFF:
            at += 1
        elif head[at + 1] in (0xFF, 0x00, 0x01, *range(0xD0, 0xD9)):
            at += 1 if head[at + 1] == 0xFF else 2
        elif 0xC0 <= head[at + 1] <= 0xCF and head[at + 1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        else:
            at += 2 + struct.unpack_from(">H", head, at + 2)[0]
    return 1, 1


def _gif(head: bytes, tail: bytes, size: int) -> str:
    width, height = struct.unpack_from("<HH", head, 6)
    if size < 20:
        return "a header without an image"
    return _too_many(width, height) or ("" if tail.rstrip(b"\x00").endswith(b";") or b"\x00;" in tail[-_TRAILING:] else _CUT)


def _webp(head: bytes, tail: bytes, size: int) -> str:
    del tail
    if size < 20 or head[12:15] != b"VP8":
        return "a header without an image"
    missing = 8 + int.from_bytes(head[4:8], "little") - size
    return f"it is cut: {missing:,} bytes are missing" if missing > 0 else ""


def _too_many(width: int, height: int) -> str:
    return f"claims {width:,} × {height:,} pixels" if width * height > MAX_PIXELS else ""


_CHECKS: Final[Mapping[str, Callable[[bytes, bytes, int], str]]] = MappingProxyType({
    "audio/wav": _wav, "audio/aiff": _aiff, "audio/flac": _flac, "audio/mpeg": _mp3, "audio/ogg": _ogg,
    "image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif, "image/webp": _webp,
})  # fmt: skip
