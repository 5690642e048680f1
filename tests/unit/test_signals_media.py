"""Signals inside media: XMP and C2PA in every container that is walked, made here byte by byte."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from acquisition.rights.signals import Signal, Word, embedded, read, verdicts
from acquisition.rights.signals.containers import find
from acquisition.rights.signals.jumbf import Malformed, cbor
from acquisition.rights.signals.media import from_store, from_xmp

VOCABULARY = "http://ns.useplus.org/ldf/vocab/DMI-"


# --- what is put into the files -----------------------------------------------------------------------------------------


def xmp(properties: str, attributes: str = "") -> bytes:
    """Return an XMP packet with these properties on its one description."""
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:cc="http://creativecommons.org/ns#" '
        'xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:tdm="http://www.w3.org/ns/tdmrep/" {attributes}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


FORBIDDEN = xmp(f'<plus:DataMining rdf:resource="{VOCABULARY}PROHIBITED-AIMLTRAINING"/>')


def box(kind: bytes, content: bytes) -> bytes:
    """Return a JUMBF or ISO box."""
    return struct.pack(">I4s", len(content) + 8, kind) + content


def encode(value: object) -> bytes:
    """Return a value as CBOR."""
    if isinstance(value, str):
        text = value.encode()
        return _head(3, len(text)) + text
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(encode(key) + encode(one) for key, one in value.items())
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(encode, value))
    raise TypeError(value)


def _head(major: int, length: int) -> bytes:
    return bytes([major << 5 | length]) if length < 24 else bytes([major << 5 | 25]) + struct.pack(">H", length)


def store(label: str, content: object, kind: bytes = b"cbor") -> bytes:
    """Return a manifest store with one assertion, nested as C2PA does it."""
    data = encode(content) if kind == b"cbor" else json.dumps(content).encode()
    assertion = _superbox(kind, label, box(kind, data))
    return _superbox(b"c2pa", "c2pa", _superbox(b"c2ma", "urn:uuid:1", _superbox(b"c2as", "c2pa.assertions", assertion)))


def _superbox(kind: bytes, label: str, content: bytes) -> bytes:
    description = kind + bytes.fromhex("00110010800000aa00389b71") + b"\x03" + label.encode() + b"\0"
    return box(b"jumb", box(b"jumd", description) + content)


def entries(**uses: str) -> dict[str, object]:
    """Return the content of a training-mining assertion."""
    return {"entries": {f"cawg.{name}": {"use": use} for name, use in uses.items()}}


SHUT = store("cawg.training-mining", entries(ai_generative_training="notAllowed"))


# --- the containers -----------------------------------------------------------------------------------------------------


def jpeg(packet: bytes, manifest: bytes) -> bytes:
    """Return a JPEG whose manifest is split over several segments, as large ones are."""
    parts = [manifest[8:][start : start + 100] for start in range(0, len(manifest) - 8, 100)]
    segments = [b"\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0", _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)]
    for number, part in enumerate(parts, start=1):
        segments.append(_segment(0xEB, b"JP" + struct.pack(">HI", 1, number) + manifest[:8] + part))
    return b"\xff\xd8" + b"".join(segments) + b"\xff\xda\x00\x02picture\xff\xd9"


def _segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def png(packet: bytes, manifest: bytes) -> bytes:
    """Return a PNG with compressed XMP."""
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", b"\0" * 13)
        + _chunk(b"iTXt", text)
        + _chunk(b"caBX", manifest)
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def gif(packet: bytes, manifest: bytes) -> bytes:
    """Return a GIF with a colour table, a picture, and both application extensions."""
    blocks = b"".join(bytes([len(part)]) + part for part in (manifest[at : at + 255] for at in range(0, len(manifest), 255)))
    picture = b",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    trailer = bytes([1]) + bytes(range(255, -1, -1)) + b"\0"
    return (
        b"GIF89a\1\0\1\0\x80\0\0" + b"\0" * 6 + picture
        + b"!\xff\x0bC2PA_GIF\1\0\0" + blocks + b"\0"
        + b"!\xff\x0bXMP DataXMP" + packet + trailer + b";"
    )  # fmt: skip


def webp(packet: bytes, manifest: bytes) -> bytes:
    """Return a WebP."""
    return _riff(b"WEBP", [(b"VP8L", b"x"), (b"XMP ", packet), (b"C2PA", manifest)])


def wave(packet: bytes, manifest: bytes) -> bytes:
    """Return a WAV."""
    return _riff(b"WAVE", [(b"fmt ", b"\0" * 16), (b"data", b"\0" * 7), (b"_PMX", packet), (b"C2PA", manifest)])


def _riff(form: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = form + b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(packet: bytes, manifest: bytes, order: str = "<") -> bytes:
    """Return a TIFF whose one directory names both by tag."""
    start = 8 + 2 + 24 + 4
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    tags = struct.pack(f"{order}HHII", 700, 1, len(packet), start)
    tags += struct.pack(f"{order}HHII", 0xCD41, 7, len(manifest), start + len(packet))
    return head + struct.pack(f"{order}H", 2) + tags + struct.pack(f"{order}I", 0) + packet + manifest


def mp4(packet: bytes, manifest: bytes) -> bytes:
    """Return an ISO media file with both `uuid` boxes, one of them with a 64-bit size."""
    c2pa = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"\0\0\0\0manifest\0" + b"\0" * 8 + manifest
    meta = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet
    large = struct.pack(">I4sQ", 1, b"uuid", len(meta) + 16) + meta
    return box(b"ftyp", b"avifmif1") + box(b"uuid", c2pa) + large + struct.pack(">I4s", 0, b"mdat") + b"rest"


def jxl(packet: bytes, manifest: bytes) -> bytes:
    """Return a JPEG XL container."""
    return box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"xml ", packet) + manifest


def mp3(packet: bytes, manifest: bytes) -> bytes:
    """Return an MP3 with both as ID3 frames."""
    geob = b"\0application/x-c2pa-manifest-store\0c2pa\0c2pa manifest store\0" + manifest
    frames = b"".join(
        kind + _syncsafe(len(data)) + b"\0\0" + data for kind, data in ((b"PRIV", b"XMP\0" + packet), (b"GEOB", geob))
    )
    return b"ID3\4\0\0" + _syncsafe(len(frames)) + frames + b"\xff\xfb"


def _syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def svg(packet: bytes, manifest: bytes) -> bytes:
    """Return an SVG."""
    body = packet[packet.index(b"<x:") : packet.rindex(b"<?xpacket")]
    return (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:c2pa="http://c2pa.org/manifest"><metadata><c2pa:manifest>'
        + b64encode(manifest) + b"</c2pa:manifest>" + body + b"</metadata></svg>"
    )  # fmt: skip


CONTAINERS: list[Callable[[bytes, bytes], bytes]] = [jpeg, png, gif, webp, wave, tiff, mp4, jxl, mp3, svg]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda make: make.__name__)
def test_containers(container: Callable[[bytes, bytes], bytes]) -> None:
    """Both carriers are found in every kind of file, and each by itself is a no."""
    signals = read("https://media.example/file", {}, container(FORBIDDEN, SHUT))
    assert sorted((one.mechanism, one.train) for one in signals) == [("cawg", "deny"), ("plus", "deny")]


@pytest.mark.parametrize("container", CONTAINERS[:-1], ids=lambda make: make.__name__)
def test_boxes_alone_say_as_much(container: Callable[[bytes, bytes], bytes]) -> None:
    """Of a sound file the places that its format has for metadata tell what a search of every byte tells."""
    body = container(FORBIDDEN, SHUT)
    assert sorted((one.mechanism, one.train) for one in embedded(body)) == [("cawg", "deny"), ("plus", "deny")]
    with mmap(-1, len(body)) as mapped:
        mapped.write(body)
        assert embedded(cast("bytes", mapped)) == embedded(body)


@given(st.binary(max_size=300), st.sampled_from(CONTAINERS[:-1]))
def test_boxes_of_anything(noise: bytes, container: Callable[[bytes, bytes], bytes]) -> None:
    """Whatever the bytes are, the walk ends and finds no permission."""
    whole = container(noise, noise)
    assert all(one.train != "allow" for body in (noise, whole, whole[: len(noise)]) for one in embedded(body))


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda make: make.__name__)
def test_damage_anywhere(container: Callable[[bytes, bytes], bytes]) -> None:
    """A file cut at any place is read without an error and never says yes."""
    whole = container(FORBIDDEN, SHUT)
    for end in range(0, len(whole), max(len(whole) // 97, 1)):
        signals = read("https://media.example/file", {"Content-Type": "image/jpeg"}, whole[:end])
        assert all(one.where != "error" and one.train != "allow" for one in signals), end


def test_a_big_endian_tiff() -> None:
    """Both byte orders of TIFF are read."""
    assert len(find(tiff(FORBIDDEN, SHUT, ">")).c2pa) == 1


def test_extended_xmp() -> None:
    """XMP that is too long for one segment comes in parts with their offsets, in any order."""
    packet = FORBIDDEN.replace(b"DataMining", b"Data" + b"Mining")
    half = len(packet) // 2
    parts = [
        _segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", len(packet), at) + part)
        for at, part in ((half, packet[half:]), (0, packet[:half]))
    ]
    assert verdicts(read("https://media.example/a.jpg", {}, b"\xff\xd8" + b"".join(parts) + b"\xff\xd9")).train == "deny"


def test_pillow_s_own_files() -> None:
    """Files that Pillow writes with XMP are read."""
    for kind, options in (("JPEG", {"xmp": FORBIDDEN}), ("WEBP", {"xmp": FORBIDDEN, "lossless": True})):
        stream = io.BytesIO()
        Image.new("RGB", (4, 4)).save(stream, kind, **options)
        assert verdicts(read("https://media.example/a", {}, stream.getvalue())).train == "deny", kind


# --- PLUS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "train"),
    [
        ("UNSPECIFIED", "none"),
        ("ALLOWED", "allow"),
        ("PROHIBITED", "deny"),
        ("PROHIBITED-AIMLTRAINING", "deny"),
        ("PROHIBITED-GENAIMLTRAINING", "deny"),
        ("PROHIBITED-EXCEPTSEARCHENGINEINDEXING", "deny"),
        ("PROHIBITED-SEECONSTRAINT", "deny"),
        ("PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", "deny"),
        ("PROHIBITED-SEELINKEDRIGHTSEXPR", "deny"),
        ("SOMETHING", "unknown"),
        ("ALLOWED-SOMETIMES", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_plus_vocabulary(value: str, train: Word) -> None:
    """Every value means the same as an address, as a bare key, as an attribute and as text."""
    forms = [
        xmp(f'<plus:DataMining rdf:resource="{VOCABULARY}{value}"/>'),
        xmp(f"<plus:DataMining>{VOCABULARY}{value}</plus:DataMining>"),
        xmp(f"<plus:DataMining>DMI-{value}</plus:DataMining>"),
        xmp(f"<plus:DataMining>{value}</plus:DataMining>"),
        xmp("", f'plus:DataMining="{VOCABULARY}{value}"'),
    ]
    assert [verdicts(from_xmp(form)).train for form in forms] == [train] * len(forms)


@pytest.mark.parametrize(
    ("label", "train"),
    [
        ("Prohibited for AI/ML training", "deny"),
        ("Prohibited except for search engine indexing", "deny"),
        ("Allowed", "allow"),
        ("Unspecified - no prohibition defined", "none"),
    ],
)
def test_labels_of_tools(label: str, train: Word) -> None:
    """What tools print for the values is understood as well."""
    assert verdicts(from_xmp(xmp(f"<plus:DataMining>{label}</plus:DataMining>"))).train == train


@pytest.mark.parametrize(
    "packet",
    [
        FORBIDDEN[:-60],
        FORBIDDEN.replace(b"</rdf:RDF>", b""),
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + FORBIDDEN,
        b"\xff\xfe plus:DataMining",
    ],
)
def test_broken_packets_are_unknown(packet: bytes) -> None:
    """A packet that names the property and cannot be read is unknown."""
    assert verdicts(from_xmp(packet)).train == "unknown"


def test_rights_are_evidence() -> None:
    """License statements in XMP name a license and decide nothing."""
    packet = xmp(
        '<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>'
        "<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>CC0-1.0</rdf:li></rdf:Alt></dc:rights>",
        'xmpRights:WebStatement="https://photos.example/rights"',
    )
    found = {one.parsed["property"]: one.license for one in from_xmp(packet)}
    assert found == {"license": "CC-BY-4.0", "rights": "CC0-1.0", "WebStatement": "NOASSERTION"}
    assert verdicts(from_xmp(packet)) == ("none", "none")


# --- C2PA and CAWG ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "content", "mechanism", "train"),
    [
        ("cawg.training-mining", entries(ai_training="notAllowed"), "cawg", "deny"),
        ("cawg.training-mining", entries(ai_generative_training="constrained"), "cawg", "deny"),
        ("cawg.training-mining", entries(data_mining="notAllowed", ai_training="allowed"), "cawg", "deny"),
        ("cawg.training-mining", entries(ai_training="allowed", ai_generative_training="allowed"), "cawg", "allow"),
        ("cawg.training-mining", entries(ai_inference="notAllowed"), "cawg", "none"),
        ("cawg.training-mining", entries(ai_training="perhaps"), "cawg", "unknown"),
        ("cawg.training-mining", entries(ai_training="Not_Allowed"), "cawg", "deny"),
        ("cawg.training-mining__1", entries(ai_training="notAllowed"), "cawg", "deny"),
        ("cawg.training-mining", {"entries": "none"}, "cawg", "unknown"),
        ("cawg.training-mining", ["entries"], "cawg", "unknown"),
        ("c2pa.training-mining", {"entries": {"c2pa.ai_training": {"use": "notAllowed"}}}, "c2pa", "deny"),
        ("c2pa.training-mining", {"entries": {"c2pa.ai_generative_training": {"use": "allowed"}}}, "c2pa", "allow"),
    ],
)
def test_assertions(label: str, content: object, mechanism: str, train: Word) -> None:
    """Both labels are read; not allowed and constrained are a no, inference is not training, the rest is unknown."""
    for kind in (b"cbor", b"json"):
        (signal,) = from_store(store(label, content, kind))
        assert (signal.mechanism, signal.train) == (mechanism, train)


def test_constraints_are_kept() -> None:
    """What a constraint says stands in the record."""
    content = {"entries": {"cawg.ai_training": {"use": "constrained", "constraint_info": "ask us"}}}
    (signal,) = from_store(store("cawg.training-mining", content))
    assert signal.parsed["cawg.ai_training constraint"] == "ask us"


def test_other_assertions_say_nothing() -> None:
    """A manifest without the assertion is no signal."""
    assert from_store(store("c2pa.actions", {"actions": ["c2pa.created"]})) == []


def test_compressed_manifests_are_unknown() -> None:
    """A manifest that is compressed may hold anything."""
    (signal,) = from_store(_superbox(b"c2pa", "c2pa", _superbox(b"c2cm", "urn:uuid:1", box(b"brob", b"x"))))
    assert (signal.train, signal.parsed["error"]) == ("unknown", "a compressed manifest")


@pytest.mark.parametrize("end", range(9, len(SHUT), 7))
def test_cut_stores(end: int) -> None:
    """A store that ends early is unknown, never a yes and never silence."""
    (signal,) = from_store(SHUT[:end])
    assert signal.train == "unknown"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("17", 23),
        ("3818", -25),
        ("1901f4", 500),
        ("6161", "a"),
        ("426869", b"hi"),
        ("7f61616162ff", "ab"),
        ("83010203", [1, 2, 3]),
        ("9f01ff", [1]),
        ("a1616101", {"a": 1}),
        ("bf6161f5ff", {"a": True}),
        ("c074323032362d30312d30315430303a30303a30305a", "2026-01-01T00:00:00Z"),
        ("f6", None),
        ("fb3ff8000000000000", None),
    ],
)
def test_cbor(data: str, value: object) -> None:
    """CBOR's kinds of items are read; tags are left out and floating numbers are not needed."""
    assert cbor(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    "data", ["", "ff", "1c", "5901", "82", "81" * 100, "9f" * 100, "9bffffffffffffffff", "7f01ff", "a1ff01"]
)
def test_malformed_cbor(data: str) -> None:
    """What ends early, nests without end or breaks off inside is refused."""
    with pytest.raises(Malformed):
        cbor(bytes.fromhex(data))


@given(st.binary(max_size=200))
def test_any_cbor(data: bytes) -> None:
    """No bytes raise anything else."""
    with suppress(Malformed):
        cbor(data)


# --- hostile and real ---------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.sampled_from(CONTAINERS), st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_any_change_is_survived(container: Callable[[bytes, bytes], bytes], place: int, noise: bytes) -> None:
    """Bytes changed anywhere never raise, and never turn a no into a yes."""
    whole = bytearray(container(FORBIDDEN, SHUT))
    at = place % len(whole)
    whole[at : at + len(noise)] = noise
    signals = read("https://media.example/file", {}, bytes(whole))
    assert all(one.where != "error" for one in signals)
    assert verdicts(signals).train in ("deny", "unknown", "none")


def test_a_packed_bomb_is_noted() -> None:
    """Compressed XMP beyond the limit is not unpacked, and that is said."""
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 50_000_000)
    body = b"\x89PNG\r\n\x1a\n" + _chunk(b"iTXt", text)
    tracemalloc.start()
    signals = read("https://media.example/a.png", {}, body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    assert [(one.mechanism, one.train) for one in signals] == [("unread", "unknown")]


def test_real_pictures_and_sounds(shared_data: Path) -> None:
    """Real files, whole and damaged ones, are read without an error; none of them forbids training."""
    count = 0
    names = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".wav", ".aiff", ".flac", ".ogg", ".mp3", ".jxl"}
    for folder in ("images", "malicious", "audio_drums", "common_voice"):
        for path in sorted((shared_data / folder).rglob("*")):
            if path.suffix.lower() in names and path.stat().st_size < 3_000_000:
                signals = read(f"https://media.example/{path.name}", {}, path.read_bytes())
                assert [one for one in signals if one.where == "error" or one.train not in ("none", "unknown")] == [], path.name
                count += 1
    assert count > 150


def test_a_signal_can_be_told_from_its_record() -> None:
    """Signals written as JSON come back equal."""
    for signal in read("https://media.example/a.jpg", {}, jpeg(FORBIDDEN, SHUT)):
        assert Signal.from_record(json.loads(json.dumps(signal.record()))) == signal
