"""What the metadata of pictures and recordings tell of people: places, owners, serial numbers, and texts to look through.

Pictures: EXIF, XMP, IPTC and the text chunks of PNG, read by Pillow without decoding a pixel. Recordings: the tags that
libsndfile reads (RIFF INFO, ID3, Vorbis comments). Headers lie and files attack, so bytes, tags and characters are bounded, and
what cannot be read has no tags: the quality filter says that it cannot be read.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import regex

from acquisition.content import Contents
from acquisition.errors import AcquisitionError
from acquisition.model import Modality
from acquisition.protocols import FilterContext

_BYTES: Final = 64_000_000
"""Bytes of a picture or recording that are read for its tags; longer members of archives are not opened."""
_TAGS: Final = 200
_CHARACTERS: Final = 20_000

_GPS: Final = 0x8825
_EXIF: Final = 0x8769
_OWNERS: Final = {0x013B: "Artist", 0x9C9D: "XPAuthor", 0xA430: "CameraOwnerName"}
_SERIALS: Final = {0xA431: "BodySerialNumber", 0xA435: "LensSerialNumber", 0xC62F: "CameraSerialNumber"}
_TEXTS: Final = {0x010E: "ImageDescription", 0x9286: "UserComment", 0x9C9B: "Title", 0x9C9C: "Comment", 0x8298: "Copyright"}
"""Tags of EXIF 2.32 (CIPA DC-008), DNG's camera number, and those that Windows writes."""
_IPTC: Final = {
    (2, 80): "By-line",
    (2, 92): "Sublocation",
    (2, 116): "CopyrightNotice",
    (2, 118): "Contact",
    (2, 120): "Caption",
}
"""Datasets of the IPTC Information Interchange Model 4.2."""
_XMP_PLACE: Final = regex.compile(r"exif:GPSLatitude(?:=\"|>)\s*[\d.,]+")
_XMP_MARKUP: Final = regex.compile(r"<[^<>]{0,400}>|\s+")
_SOUND_TAGS: Final = ("title", "artist", "copyright", "comment", "album", "software", "license")
_PLACE_SCORE: Final = 0.9
_OWNER_SCORE: Final = 0.7
_MAKER_SCORE: Final = 0.5
"""Who made a picture or a piece stands there to be named; whose camera it was does not."""


class _TooLong(Exception):
    """A member of an archive that would have to be unpacked whole for its tags."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: its name and text; `entity` where the tag itself says what it is, with a score, "" for text to look through.

    `lost` says why a part of the metadata was not read: damaged, length, places (too many tags).
    """

    name: str
    value: str
    entity: str = ""
    score: float = 0.0
    lost: str = ""


class Metadata:
    """Reads the tags of media items; blobs are found by the filters' context."""

    def __init__(self, context: FilterContext) -> None:
        self._context = context

    def tags(self, items: pa.RecordBatch, rows: Sequence[int]) -> Iterator[tuple[int, Tag]]:
        """Yield row and tag for these rows, in the order of the rows. Never raises: what cannot be opened has no tags."""
        modality, blobs, members = (items.column(name) for name in ("modality", "blob", "member"))
        with Contents(self._path_of) as contents:
            for row in rows:
                read = image_tags if modality[row].as_py() == Modality.IMAGE else sound_tags
                try:
                    with contents.open(blobs[row].as_py(), members[row].as_py()) as stream:
                        found = read(stream)
                except _TooLong:
                    found = [Tag("", "", lost="length")]
                except (AcquisitionError, OSError, ValueError):
                    continue
                for tag in found[:_TAGS]:
                    yield row, tag
                if len(found) > _TAGS:
                    yield row, Tag("", "", lost="places")

    def _path_of(self, sha256: str) -> Path:
        outside = self._context.external.get(sha256)
        return Path(outside) if outside else Path(self._context.blob_root) / sha256[:2] / sha256[2:]


def image_tags(stream: IO[bytes]) -> list[Tag]:
    """Return the tags of a picture; no pixel is decoded, and of damaged ones it is said that they could not be read."""
    from PIL import Image

    found: list[Tag] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(_seekable(stream)) as image:
                for name, read in (("EXIF", _exif), ("XMP", _xmp), ("IPTC", _iptc), ("text", _chunks)):
                    found += _whole(name, read, image)
        except _TooLong:
            raise
        except Exception:  # noqa: BLE001 - plug-ins of Pillow raise anything on hostile bytes (struct.error, SyntaxError, KeyError)
            return found
    return found


def _whole(name: str, read: Callable[[Any], list[Tag]], image: Any) -> list[Tag]:
    try:
        found = read(image)
    except Exception:  # noqa: BLE001 - as above
        return [Tag(name, "", lost="damaged")]
    cut = any(len(tag.value) >= _CHARACTERS for tag in found)
    return [*found, Tag(name, "", lost="length")] if cut else found


def _exif(image: Any) -> list[Tag]:
    exif = image.getexif()
    found: list[Tag] = []
    place = exif.get_ifd(_GPS) if _GPS in exif else {}
    if any(place.get(key) for key in (2, 4)):
        found.append(Tag("GPSInfo", "", "GPS_LOCATION", _PLACE_SCORE))
    held = dict(exif) | (dict(exif.get_ifd(_EXIF)) if _EXIF in exif else {})
    for number, name in _OWNERS.items():
        if text := _text(held.get(number)):
            found += [Tag(name, text, "PERSON", _OWNER_SCORE if number == 0xA430 else _MAKER_SCORE), Tag(name, text)]
    found += [
        Tag(name, text, "DEVICE_ID", _MAKER_SCORE) for number, name in _SERIALS.items() if (text := _text(held.get(number)))
    ]
    found += [Tag(name, text) for number, name in _TEXTS.items() if (text := _text(held.get(number)))]
    return found


def _xmp(image: Any) -> list[Tag]:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    text = (
        packet[: 10 * _CHARACTERS] if isinstance(packet, str) else bytes(packet)[: 10 * _CHARACTERS].decode("utf-8", "replace")
    )
    place = [Tag("XMP GPSLatitude", "", "GPS_LOCATION", _PLACE_SCORE)] if _XMP_PLACE.search(text) else []
    # Attributes hold values too, so of a tag only the brackets go; names of namespaces are no personal data.
    plain = regex.sub(r"xmlns:\w+=\"[^\"]*\"", " ", text)
    plain = " ".join(_XMP_MARKUP.sub(lambda tag: " " + " ".join(regex.findall(r"\"([^\"]*)\"", tag[0])) + " ", plain).split())
    return [*place, Tag("XMP", plain[:_CHARACTERS])] if plain else place


def _iptc(image: Any) -> list[Tag]:
    from PIL import IptcImagePlugin

    held = IptcImagePlugin.getiptcinfo(image) if image.format in ("JPEG", "TIFF") else None
    found: list[Tag] = []
    for key, name in _IPTC.items():
        raw = (held or {}).get(key)
        text = _text(raw[0] if isinstance(raw, list) and raw else raw)
        if text and key == (2, 80):
            found.append(Tag(name, text, "PERSON", _MAKER_SCORE))
        if text:
            found.append(Tag(name, text))
    return found


def _chunks(image: Any) -> list[Tag]:
    """Return the text chunks of PNG and the comments of GIF and JPEG."""
    names = [
        name for name in image.info if name.lower() not in ("xmp", "xml:com.adobe.xmp", "exif", "icc_profile", "photoshop")
    ]
    held = ((name, _text(image.info[name])) for name in names[: _TAGS + 1])
    return [Tag(str(name)[:100], text) for name, text in held if text]


def sound_tags(stream: IO[bytes]) -> list[Tag]:
    """Return the tags of a recording as libsndfile reads them."""
    import soundfile

    try:
        with soundfile.SoundFile(_seekable(stream)) as sound:
            held = {name: _text(getattr(sound, name, "")) for name in _SOUND_TAGS}
    except (RuntimeError, OSError, ValueError, TypeError):  # it cannot be opened at all: a matter of quality
        return []
    found = [Tag("artist", held["artist"], "PERSON", _MAKER_SCORE)] if held["artist"] else []
    return found + [Tag(name, text) for name, text in held.items() if text]


def _text(value: object) -> str:
    """Return a tag's value as text: bytes of Windows' tags are UTF-16, comments begin with the name of their encoding."""
    if isinstance(value, bytes):
        value = value[:_CHARACTERS]
        if value[:8] in (b"ASCII\0\0\0", b"UNICODE\0", b"\0" * 8):
            value = value[8:]
        encoding = "utf-16-le" if value[1:2] == b"\0" else "utf-8"
        value = value.decode(encoding, "replace")
    return value[:_CHARACTERS].strip(" \0\n\t") if isinstance(value, str) else ""


def _seekable(stream: IO[bytes]) -> IO[bytes]:
    if stream.seekable():
        return stream
    data = stream.read(_BYTES + 1)
    if len(data) > _BYTES:
        raise _TooLong
    return io.BytesIO(data)
