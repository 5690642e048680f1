"""Signals inside media: PLUS data mining and TDMRep in XMP, C2PA and CAWG assertions on training, RSL, and rights in XMP.

PLUS vocabulary: http://ns.useplus.org/LDF/ldf-XMPSpecification. Assertions: CAWG training and data mining 1.1; the label
`c2pa.training-mining` is the same assertion before C2PA 2.0.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from acquisition.rights.signals import containers, jumbf, rsl, tdmrep, xml
from acquisition.rights.signals.licenses import expression, text_of
from acquisition.rights.signals.signal import Signal, Word, clip

if TYPE_CHECKING:
    from lxml.etree import _Element

_PLUS: Final = "http://ns.useplus.org/ldf/xmp/1.0/"
_RIGHTS: Final = {
    ("http://creativecommons.org/ns#", "license"),
    ("http://ns.adobe.com/xap/1.0/rights/", "WebStatement"),
    ("http://ns.adobe.com/xap/1.0/rights/", "UsageTerms"),
    ("http://purl.org/dc/elements/1.1/", "rights"),
}
_USES: Final[Mapping[str, Word]] = {"allowed": "allow", "notallowed": "deny", "constrained": "deny"}
_TRAINING: Final = frozenset({"data_mining", "ai_training", "ai_generative_training"})
_MAX_STATEMENTS: Final = 200
_MAX_OPF: Final = 2_000_000
_MAX_MEMBERS: Final = 20_000
_EPUB: Final = b"mimetypeapplication/epub+zip"
"""What stands behind the first 30 bytes of every EPUB."""
_NOT_LETTERS: Final = re.compile(r"[^a-z]")


def read(body: bytes, url: str) -> list[Signal]:
    """Return every signal inside the bytes of a media file."""
    return _signals(body, containers.find(body), url)


def embedded(body: bytes) -> list[Signal]:
    """Return what a media file of one's own or of a hub says in the places that its format has for it; never raises.

    Costs a few steps per file instead of a look at every byte; `body` may be a map of the file.
    """
    try:
        return _signals(body, containers.find_in_boxes(body), "")
    except Exception as error:  # noqa: BLE001  # a fault of ours met by a hostile file costs a yes, never the run
        parsed = {"error": clip(f"{type(error).__name__}: {error}")[:300]}
        return [Signal("unread", "body", "", parsed, train="unknown", scope="item")]


def _signals(body: bytes, found: containers.Embedded, url: str) -> list[Signal]:
    signals: list[Signal] = []
    for packet in found.xmp:
        signals.extend(from_xmp(packet))
    for store in found.c2pa:
        signals.extend(from_store(store))
    for text in found.rsl:
        signals.extend(rsl.document(text, "body rsl", url, "item"))
    if body[30:58] == _EPUB:
        signals.extend(_epub(body))
    if found.cut:
        signals.append(Signal("unread", "body", "", {"what": "metadata beyond a limit"}, train="unknown", scope="item"))
    return signals


# --- XMP ------------------------------------------------------------------------------------------------------------------


def from_xmp(packet: bytes) -> list[Signal]:
    """Return the signals of one XMP packet; a packet that is no XML is unknown when it names a mechanism, else nothing."""
    try:
        root = xml.parse(_trimmed(packet))
    except xml.UnsafeXml as error:
        return _unreadable(packet, str(error))
    signals: list[Signal] = []
    reservations: list[str] = []
    policies: list[str] = []
    for _, (space, name, value) in zip(range(_MAX_STATEMENTS), _statements(root), strict=False):
        if space == _PLUS and name == "DataMining":
            signals.append(_data_mining(value))
        elif (space, name) in _RIGHTS and value:
            parsed = {"property": name, "value": clip(value)}
            signals.append(Signal("xmp-rights", "body xmp", clip(value), parsed, scope="item", license=expression(value)))
        elif space.rstrip("/") == tdmrep.NAMESPACE.rstrip("/"):
            (policies if name == "policy" else reservations if name == "reservation" else []).append(value)
    signals.extend(tdmrep.from_meta(reservations, policies, "body xmp"))
    return signals + rsl.feed(root, "body xmp", "item")


def _statements(root: _Element) -> Iterator[tuple[str, str, str]]:
    """Yield namespace, name and value of every property of interest, written as an attribute or as an element."""
    wanted = {_PLUS, tdmrep.NAMESPACE, tdmrep.NAMESPACE.rstrip("/")} | {space for space, _ in _RIGHTS}
    for element in root.iter():
        space, name = xml.name_of(element)
        if space in wanted:
            yield space, name, _value(element)
        for key, value in element.attrib.items():
            space, name = xml.split_name(str(key))
            if space in wanted:
                yield space, name, str(value)[:3_000].strip()


def _value(element: _Element) -> str:
    """Return an element's rdf:resource, or its text with that of a list below it."""
    for key, value in element.attrib.items():
        if str(key).endswith("}resource"):
            return str(value)[:3_000].strip()
    return text_of(element)


def _data_mining(value: str) -> Signal:
    """Return the signal of a PLUS value: an address of its vocabulary, the bare key, or the label that tools print."""
    key = _NOT_LETTERS.sub("", value.rpartition("/DMI-")[2].lower().removeprefix("dmi-"))
    train: Word = "unknown"
    if key.startswith("prohibited"):
        train = "deny"
    elif key == "allowed":
        train = "allow"
    elif key.startswith("unspecified"):
        train = "none"
    return Signal("plus", "body xmp", clip(value), {"data-mining": clip(value)}, train=train, scope="item")


def _trimmed(packet: bytes) -> bytes:
    start, end = packet.find(b"<"), packet.rfind(b">")
    return packet[start : end + 1] if 0 <= start < end else packet


def _unreadable(packet: bytes, error: str) -> list[Signal]:
    """Return unknown for each mechanism that a broken packet names."""
    raw = clip(packet[:2_000].decode("utf-8", "replace"))
    marks = (("plus", b"DataMining"), ("tdmrep", b"ns/tdmrep"), ("rsl", b"rslstandard.org"))
    return [
        Signal(mechanism, "body xmp", raw, {"error": error}, train="unknown", scope="item")
        for mechanism, mark in marks
        if mark in packet
    ]


# --- C2PA and CAWG --------------------------------------------------------------------------------------------------------


def from_store(store: bytes) -> list[Signal]:
    """Return the signals of every training-mining assertion in a manifest store."""
    signals: list[Signal] = []
    try:
        for _, (label, content) in zip(range(_MAX_STATEMENTS), jumbf.assertions(store), strict=False):
            signals.append(_assertion(label, content))  # what came before the damage counts
    except jumbf.Malformed as error:
        signals.append(_unknown_store(str(error)))
    return signals


def _assertion(label: str, content: object) -> Signal:
    entries = content.get("entries") if isinstance(content, dict) else None
    if label == "compressed" or not isinstance(entries, dict):
        return _unknown_store("a compressed manifest" if label == "compressed" else "an assertion without entries", label)
    words: list[Word] = []
    parsed = {"label": label}
    for name, entry in list(entries.items())[:50]:
        use = entry.get("use") if isinstance(entry, dict) else entry
        parsed[str(name)[:100]] = str(use)[:100]
        if isinstance(entry, dict) and entry.get("constraint_info"):
            parsed[f"{str(name)[:100]} constraint"] = clip(str(entry["constraint_info"]))
        if str(name).rpartition(".")[2] in _TRAINING:
            words.append(_USES.get(_NOT_LETTERS.sub("", str(use).lower()), "unknown"))
    train: Word = next((word for word in ("deny", "unknown", "allow") if word in words), "none")
    raw = " ".join(f"{key}={value}" for key, value in parsed.items())
    return Signal(label.partition(".")[0], "body c2pa", clip(raw), parsed, train=train, scope="item")


def _unknown_store(error: str, label: str = "c2pa") -> Signal:
    mechanism = "cawg" if label.startswith("cawg") else "c2pa"
    return Signal(mechanism, "body c2pa", "", {"error": error}, train="unknown", scope="item")


# --- EPUB -----------------------------------------------------------------------------------------------------------------


def _epub(body: bytes) -> list[Signal]:
    """Return the TDMRep signals of an EPUB's package document."""
    if body.count(b"PK\x01\x02") > _MAX_MEMBERS:
        return [Signal("unread", "body", "", {"what": "a book with too many files"}, train="unknown", scope="item")]
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = [info for info in archive.infolist() if info.filename.lower().endswith(".opf")]
            if not names or names[0].file_size > _MAX_OPF:
                return []
            with archive.open(names[0]) as file:
                text = file.read(_MAX_OPF)
        return _package(text)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return []


def _package(text: bytes) -> list[Signal]:
    """Read `meta name="tdm:reservation" content` (EPUB 2) and `meta property="tdm:reservation"` with text (EPUB 3)."""
    try:
        root = xml.parse(text)
    except xml.UnsafeXml as error:
        if b"tdm:" not in text:
            return []
        return [Signal("tdmrep", "body epub", "", {"error": str(error)}, train="unknown", scope="item")]
    found: dict[str, list[str]] = {"tdm:reservation": [], "tdm:policy": []}
    for element in root.iter():
        if xml.name_of(element)[1] == "meta":
            name = (element.get("name") or element.get("property") or "").strip().lower()
            if name in found:
                found[name].append((element.get("content") or element.text or "").strip())
    return tdmrep.from_meta(found["tdm:reservation"], found["tdm:policy"], "body epub")
