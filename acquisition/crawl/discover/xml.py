"""XML from strangers as a stream: no document type with declarations, no entities, no network, bounded in bytes and depth.

libxml2 reads on where the text is not well-formed, as real feeds and sitemaps often are not. Elements are let go as soon as
they have been looked at, so that memory does not grow with the document.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Collection, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_BYTES: Final = 50 * 1024 * 1024
"""sitemaps.org: 50 MB (52,428,800 bytes) uncompressed."""
MAX_ATTRIBUTES: Final = 1_000
_PROLOG: Final = 65_536
_ENCODING: Final = re.compile(rb"^(\s*<\?xml[^>]{0,200}?)\sencoding\s*=\s*[\"'][^\"'>]{0,40}[\"']", re.IGNORECASE)
_BARE: Final = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});)")
_CHUNK: Final = 65_536
_TAIL: Final = 4_096
_ENDS: Final = re.compile(rb"(?:</[^<>]{1,200}|/)>(?:\s|\0|<!--(?:[^-]|-[^-])*-->)*\Z")
"""A last tag that closes something. libxml2, told to recover, says nothing of a document that is cut."""


class BadXml(ValueError):
    """The text is not read: too large, with declarations of its own, or no XML at all."""


def unpacked(body: bytes, limit: int = MAX_BYTES) -> bytes:
    """Return the body with one layer of gzip undone; BadXml as soon as more than `limit` bytes come out.

    A stream that is cut or damaged gives what stood before the damage: a list of addresses is useful without its end.
    """
    if not body.startswith(b"\x1f\x8b"):
        if len(body) > limit:
            raise BadXml(f"larger than {limit:,} bytes")
        return body
    decoder = zlib.decompressobj(31)
    parts: list[bytes] = []
    room = limit
    try:
        for start in range(0, len(body), _CHUNK):
            part = decoder.decompress(body[start : start + _CHUNK], room + 1)
            room -= len(part)
            if room < 0 or decoder.unconsumed_tail:
                raise BadXml(f"unpacks to more than {limit:,} bytes")
            parts.append(part)
            if decoder.eof:
                break
    except zlib.error as error:
        if not parts:
            raise BadXml(f"damaged gzip: {error}") from None
    return b"".join(parts)


def elements(body: bytes, names: Collection[str]) -> Iterator[tuple[str, str, _Element]]:
    """Yield (root's local name, element's local name, element) for every whole element of the given local names.

    The root itself comes first, empty, whatever its name. Elements inside others of the given names are yielded before them
    and stay in them. Raises BadXml, at its end for a document that is cut off; what was yielded before stands.
    """
    text = _safe(body)
    parser = etree.iterparse(
        BytesIO(text),
        events=("start", "end"),
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    root: _Element | None = None
    root_name = ""
    open_names = 0
    try:
        for event, element in parser:
            name = local(element)
            if root is None:
                root, root_name = element, name
                yield root_name, "", element
            elif event == "start":
                open_names += name in names
            elif name in names:
                open_names -= 1
                yield root_name, name, element
                if not open_names:
                    _forget(element)
    except (etree.XMLSyntaxError, ValueError, LookupError, AssertionError) as error:
        raise BadXml(f"no XML: {str(error)[:200]}") from None
    if root is None:
        raise BadXml("no XML: no element")
    if not _ENDS.search(text[-_TAIL:]):
        raise BadXml(f"cut off: <{root_name}> is never closed")


def _forget(element: _Element) -> None:
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def local(element: _Element) -> str:
    """Return an element's name without namespace, lower case, "" for what is no element."""
    tag: object = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def space(element: _Element) -> str:
    """Return an element's namespace, "" when it has none."""
    tag: object = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


def text_of(element: _Element | None, limit: int = 4_000) -> str:
    """Return an element's own text on one line."""
    return " ".join((element.text or "")[:limit].split()) if element is not None else ""


def _safe(body: bytes) -> bytes:
    """Return UTF-8 (or what the declaration says) without a document type; BadXml when that declares anything."""
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in body[:4]:
        name = (
            "utf-16"
            if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            else ("utf-16-be" if body[:1] == b"\0" else "utf-16-le")
        )
        body = _ENCODING.sub(rb"\1", body.decode(name, "replace").encode("utf-8", "replace"))
    text = body.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n\0")
    if not text.startswith(b"<"):
        raise BadXml("no XML: it does not begin with <")
    start, end = _doctype(text)
    return _escaped(text[:start] + text[end:] if end else text)


def _escaped(text: bytes) -> bytes:
    """Return the text with every ampersand escaped that begins none of XML's own references: no entity is ever looked up.

    Bare ampersands are the commonest mistake in sitemaps; libxml2 would drop the word behind them.
    """
    if not _BARE.search(text):
        return text
    parts: list[bytes] = []
    place = 0
    while (start := text.find(b"<![CDATA[", place)) >= 0:
        end = text.find(b"]]>", start)
        end = len(text) if end < 0 else end + 3
        parts += [_BARE.sub(b"&amp;", text[place:start]), text[start:end]]
        place = end
    return b"".join([*parts, _BARE.sub(b"&amp;", text[place:])])


def _doctype(text: bytes) -> tuple[int, int]:
    """Return where the document type declaration stands, (0, 0) when there is none before the first element."""
    place = 0
    while place < min(len(text), _PROLOG):
        if text[place : place + 1].isspace():
            place += 1
        elif text.startswith(b"<!--", place):
            place = text.find(b"-->", place) + 3
            if place < 3:
                raise BadXml("no XML: a comment without end")
        elif text.startswith(b"<?", place):
            place = text.find(b"?>", place) + 2
            if place < 2:
                raise BadXml("no XML: an instruction without end")
        elif text[place : place + 9].upper() == b"<!DOCTYPE":
            end = text.find(b">", place) + 1
            if not end or b"[" in text[place:end]:
                raise BadXml("a document type with declarations of its own")
            return place, end
        else:
            return 0, 0
    raise BadXml("no XML: no element in the first 64 KiB")
