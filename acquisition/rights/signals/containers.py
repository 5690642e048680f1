"""Where media files keep XMP and C2PA data: JPEG, PNG, GIF, RIFF, TIFF, ISO media, JPEG XL, MP3, SVG; others by XMP packet.

Only the boxes are walked, never the pictures; every walk moves forward and is bounded in steps and bytes. A damaged file
gives what was found before the damage, and every file is also searched for plain XMP packets.
Sources: XMP specification part 3, C2PA specification 2.2 appendix A, PNG 3rd edition, RFC 9649 (WebP), ISO 14496-12.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

MAX_STEPS: Final = 20_000
MAX_PACKET: Final = 2_000_000
"""Bytes of one XMP packet that are read."""
MAX_STORE: Final = 32_000_000
"""Bytes of one C2PA manifest store that are read."""
MAX_FOUND: Final = 32
_MAX_PACKETS: Final = 200

_XAP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_XAP_MORE: Final = b"http://ns.adobe.com/xmp/extension/\0"
_UUID_C2PA: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_UUID_XMP: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_TIFF_XMP: Final = 700
_FILL: Final = re.compile(rb"\xff{2,}")
_GIF_MARKS: Final = (b"XMP DataXMP", b"C2PA_GIF")
_MAX_BLOCKS: Final = 500_000
_TIFF_C2PA: Final = 0xCD41
_PACKETS: Final = ((b"<x:xmpmeta", b"</x:xmpmeta>"), (b"<rdf:RDF", b"</rdf:RDF>"), (b"<rsl", b"</rsl>"))


@dataclass(slots=True)
class Embedded:
    """What a file carries. `cut` says that a limit kept a part from being read."""

    xmp: list[bytes] = field(default_factory=list)
    c2pa: list[bytes] = field(default_factory=list)
    rsl: list[bytes] = field(default_factory=list)
    cut: bool = False

    def add(self, kind: list[bytes], data: bytes, limit: int) -> None:
        """Keep one find, unless it is empty or held already; what is over a limit is noted."""
        if len(data) > limit or len(kind) >= MAX_FOUND:
            self.cut = True
        elif data and data not in kind:
            kind.append(data)


def find(body: bytes) -> Embedded:
    """Return what a media file of any kind carries; never raises."""
    found = Embedded()
    _walk(body, found)
    _packets(body, found)
    return found


def find_in_boxes(body: bytes) -> Embedded:
    """Return what lies where the format has a place for it, and touch nothing else of the file; never raises.

    `body` may be a map of the file. XMP has no box of its own in GIF, and there the blocks are many and small.
    """
    if body[:3] == b"GIF":
        return find(body[:]) if any(body.find(mark, 0) >= 0 for mark in _GIF_MARKS) else Embedded()
    found = Embedded()
    _walk(body, found)
    return found


def _walk(body: bytes, found: Embedded) -> None:
    for recognised, walk in _WALKS:
        if recognised(body):
            with suppress(struct.error, IndexError, ValueError, zlib.error):  # what came before the damage counts
                walk(body, found)
            return


def is_media(body: bytes) -> bool:
    """Say whether the bytes begin like a file that is walked here."""
    return any(recognised(body) for recognised, _ in _WALKS) or body.startswith((b"%PDF", b"fLaC", b"OggS"))


def _steps(found: Embedded) -> Iterator[int]:
    yield from range(MAX_STEPS)
    found.cut = True


def _jpeg(body: bytes, found: Embedded) -> None:
    """Read the segments up to the picture; XMP may be in parts, JUMBF boxes are split over APP11 segments."""
    more: dict[bytes, dict[int, bytes]] = {}
    boxes: dict[bytes, bytearray] = {}
    try:
        for marker, segment in _segments(body, found):
            if marker == 0xE1 and segment.startswith(_XAP):
                found.add(found.xmp, segment[len(_XAP) :], MAX_PACKET)
            elif marker == 0xE1 and segment.startswith(_XAP_MORE):
                _extension(segment[len(_XAP_MORE) :], more, found)
            elif marker == 0xEB and segment[:2] == b"JP" and len(segment) > 16:
                _jumbf_segment(segment, boxes, found)
    finally:  # what came before a damage counts
        for parts in more.values():
            found.add(found.xmp, b"".join(parts[offset] for offset in sorted(parts)), MAX_PACKET)
        for store in boxes.values():
            found.add(found.c2pa, bytes(store), MAX_STORE)


def _segments(body: bytes, found: Embedded) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment before the picture; only segments that may matter are copied."""
    place = 2
    end = len(body) - 4
    for _ in _steps(found):
        if place <= end and body[place + 1] == 0xFF and (fill := _FILL.match(body, place)):
            place = fill.end() - 1
        if place > end or body[place] != 0xFF:
            return
        marker = body[place + 1]
        if marker in (0xD9, 0xDA):
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
            continue
        size = body[place + 2] << 8 | body[place + 3]
        if marker in (0xE1, 0xEB):
            yield marker, body[place + 4 : place + 2 + size]
        place += 2 + max(size, 2)


def _extension(segment: bytes, more: dict[bytes, dict[int, bytes]], found: Embedded) -> None:
    """Keep one part of extended XMP: 32 digits that name the packet, its size, the part's offset, the part."""
    (offset,) = struct.unpack_from(">I", segment, 36)
    parts = more.setdefault(segment[:32], {})
    if len(more) > MAX_FOUND or sum(map(len, parts.values())) > MAX_PACKET or len(parts) > 100:
        found.cut = True
    else:
        parts[offset] = segment[40:]


def _jumbf_segment(segment: bytes, boxes: dict[bytes, bytearray], found: Embedded) -> None:
    """Join the parts of a box: each repeats the box header after its instance number and its own number."""
    instance = segment[2:4]
    header = 16 if segment[8:12] == b"\0\0\0\1" else 8
    if instance not in boxes and len(boxes) < MAX_FOUND:
        boxes[instance] = bytearray(segment[8:])
    elif instance in boxes and len(boxes[instance]) < MAX_STORE:
        boxes[instance] += segment[8 + header :]
    else:
        found.cut = True


def _png(body: bytes, found: Embedded) -> None:
    place = 8
    for _ in _steps(found):
        if place + 8 > len(body):
            return
        size, kind = struct.unpack_from(">I4s", body, place)
        if kind == b"caBX":
            found.add(found.c2pa, body[place + 8 : place + 8 + min(size, MAX_STORE + 1)], MAX_STORE)
        elif kind == b"iTXt":
            _itxt(body[place + 8 : place + 8 + min(size, MAX_PACKET + 100)], found)
        elif kind == b"IEND":
            return
        place += 12 + size


def _itxt(chunk: bytes, found: Embedded) -> None:
    keyword, _, rest = chunk.partition(b"\0")
    compressed = rest[:1] == b"\1"
    text = rest[2:].split(b"\0", 2)[-1]
    if compressed:
        inflate = zlib.decompressobj()
        text = inflate.decompress(text, MAX_PACKET)
        found.cut = found.cut or bool(inflate.unconsumed_tail)
    if keyword == b"XML:com.adobe.xmp":
        found.add(found.xmp, text, MAX_PACKET)
    elif b"rslstandard.org/rsl" in text:
        found.add(found.rsl, text, MAX_PACKET)


def _gif(body: bytes, found: Embedded) -> None:
    """Walk the blocks: C2PA lies in sub-blocks of its application extension, XMP plainly in its own."""
    flags = body[10]
    place = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    for _ in _steps(found):
        if place > len(body):
            return
        kind = body[place : place + 1]
        if kind == b"!":
            c2pa = body[place + 1] == 0xFF and body[place + 3 : place + 11] == b"C2PA_GIF"
            place, data = _sub_blocks(body, place + 2, found, keep=c2pa)
            if c2pa:
                found.add(found.c2pa, data[11:], MAX_STORE)
        elif kind == b",":
            flags = body[place + 9]
            place += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
            place, _data = _sub_blocks(body, place, found, keep=False)
        else:
            return


def _sub_blocks(body: bytes, place: int, found: Embedded, *, keep: bool) -> tuple[int, bytes]:
    """Return the place after a chain of sub-blocks, and its content; a chain has at most as many blocks as bytes."""
    parts: list[bytes] = []
    for _ in range(_MAX_BLOCKS):
        if place >= len(body) or not body[place]:
            return place + 1, b"".join(parts)
        if keep:
            parts.append(body[place + 1 : place + 1 + body[place]])
        place += 1 + body[place]
    found.cut = True
    return len(body), b"".join(parts)


def _riff(body: bytes, found: Embedded) -> None:
    place = 12
    for _ in _steps(found):
        if place + 8 > len(body):
            return
        kind, size = struct.unpack_from("<4sI", body, place)
        if kind == b"C2PA":
            found.add(found.c2pa, body[place + 8 : place + 8 + min(size, MAX_STORE + 1)], MAX_STORE)
        elif kind in (b"XMP ", b"_PMX"):
            found.add(found.xmp, body[place + 8 : place + 8 + min(size, MAX_PACKET + 1)], MAX_PACKET)
        place += 8 + size + (size & 1)


def _tiff(body: bytes, found: Embedded) -> None:
    """Walk the directories; a directory that was seen ends the walk."""
    order = "<" if body[:2] == b"II" else ">"
    (place,) = struct.unpack_from(f"{order}I", body, 4)
    seen: set[int] = set()
    while place and place not in seen and len(seen) < 100:
        seen.add(place)
        (count,) = struct.unpack_from(f"{order}H", body, place)
        for number in range(min(count, 1_000)):
            tag, _kind, size, offset = struct.unpack_from(f"{order}HHII", body, place + 2 + 12 * number)
            if tag == _TIFF_XMP:
                found.add(found.xmp, body[offset : offset + min(size, MAX_PACKET + 1)], MAX_PACKET)
            elif tag == _TIFF_C2PA:
                found.add(found.c2pa, body[offset : offset + min(size, MAX_STORE + 1)], MAX_STORE)
        (place,) = struct.unpack_from(f"{order}I", body, place + 2 + 12 * count)


def _boxes(body: bytes, found: Embedded) -> None:
    """Walk the top boxes of ISO media files and JPEG XL; C2PA and XMP are `uuid` boxes, in JPEG XL `jumb` and `xml `."""
    place = 0
    for _ in _steps(found):
        if place + 8 > len(body):
            return
        size, kind = struct.unpack_from(">I4s", body, place)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", body, place + 8)
            header = 16
        size = size or len(body) - place
        if size < header:
            return
        if kind in (b"uuid", b"jumb", b"xml "):
            _box(kind, body[place : place + min(size, MAX_STORE + 100)], header, found)
        place += size


def _box(kind: bytes, box: bytes, header: int, found: Embedded) -> None:
    content = box[header:]
    if kind == b"jumb":
        found.add(found.c2pa, box, MAX_STORE)
    elif kind == b"xml ":
        found.add(found.xmp, content, MAX_PACKET)
    elif content[:16] == _UUID_XMP:
        found.add(found.xmp, content[16:], MAX_PACKET)
    elif content[:16] == _UUID_C2PA:
        purpose, _, rest = content[20:].partition(b"\0")  # four bytes of version and flags stand before the purpose
        if purpose == b"manifest":
            found.add(found.c2pa, rest[8:], MAX_STORE)


def _id3(body: bytes, found: Embedded) -> None:
    """Walk the ID3 frames; C2PA is a GEOB frame of its media type, XMP a PRIV frame of that owner."""
    version, place = body[3], 10
    end = 10 + _syncsafe(body[6:10])
    for _ in _steps(found):
        kind = body[place : place + 4]
        if place + 10 > min(end, len(body)) or not kind.strip(b"\0"):
            return
        size = _syncsafe(body[place + 4 : place + 8]) if version >= 4 else int.from_bytes(body[place + 4 : place + 8], "big")
        if kind == b"GEOB":
            frame = body[place + 10 : place + 10 + min(size, MAX_STORE)]
            if b"c2pa" in frame[:100] and (start := frame.find(b"jumb")) >= 4:
                found.add(found.c2pa, frame[start - 4 :], MAX_STORE)
        elif kind == b"PRIV" and body[place + 10 : place + 14] == b"XMP\0":
            found.add(found.xmp, body[place + 14 : place + 10 + min(size, MAX_PACKET + 5)], MAX_PACKET)
        place += 10 + size


def _syncsafe(four: bytes) -> int:
    value = 0
    for byte in four:
        value = value << 7 | byte & 0x7F
    return value


_SVG_STORE: Final = re.compile(rb"<c2pa:manifest[^>]{0,500}>([A-Za-z0-9+/=\s]{1,1000000})<")


def _svg(body: bytes, found: Embedded) -> None:
    """Find the store that an SVG keeps as base64 in its metadata."""
    start = body.find(b"<c2pa:manifest", 0)
    match = _SVG_STORE.match(body, start) if start >= 0 else None
    if match:
        try:
            found.add(found.c2pa, base64.b64decode(b"".join(match[1].split())), MAX_STORE)
        except binascii.Error:
            found.cut = True
    elif start >= 0:
        found.cut = True


def _packets(body: bytes, found: Embedded) -> None:
    """Find plain packets anywhere, in order."""
    for opening, closing in _PACKETS:
        kind = found.rsl if opening == b"<rsl" else found.xmp
        place = 0
        for _ in range(_MAX_PACKETS):
            start = body.find(opening, place)
            end = body.find(closing, start) if start >= 0 else -1
            if end < 0:
                break
            place = end + len(closing)
            if place - start > MAX_PACKET:
                found.cut = True
            elif not any(body[start:place] in one for one in kind):
                found.add(kind, body[start:place], MAX_PACKET)
        else:
            found.cut = True


def _is_svg(body: bytes) -> bool:
    return body[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" and b"<svg" in body[:2_000].lower()


_WALKS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[bytes, Embedded], None]], ...]] = (
    (lambda body: body[:3] == b"\xff\xd8\xff", _jpeg),
    (lambda body: body[:8] == b"\x89PNG\r\n\x1a\n", _png),
    (lambda body: body[:6] in (b"GIF87a", b"GIF89a"), _gif),
    (lambda body: body[:4] == b"RIFF", _riff),
    (lambda body: body[:4] in (b"II*\0", b"MM\0*"), _tiff),
    (lambda body: body[4:8] in (b"ftyp", b"JXL "), _boxes),
    (lambda body: body[:3] == b"ID3", _id3),
    (_is_svg, _svg),
)


def is_image(body: bytes) -> bool:
    """Say whether the bytes begin like a picture."""
    riff_picture = body[:4] == b"RIFF" and body[8:12] == b"WEBP"
    box_picture = body[4:8] == b"JXL " or (body[4:8] == b"ftyp" and body[8:12] in _IMAGE_BRANDS)
    return riff_picture or box_picture or body.startswith(_IMAGE_STARTS) or _is_svg(body)


_IMAGE_BRANDS: Final = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"hevc")
_IMAGE_STARTS: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"\xff\x0a")
