"""XML from strangers: no document type, no entities, no network, bounded size and depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_BYTES: Final = 4_000_000


class UnsafeXml(ValueError):
    """The text is no XML that is read here: malformed, too large, or with a document type declaration."""


def parse(text: bytes) -> _Element:
    """Return the root element; comments and processing instructions are left out. Raises UnsafeXml."""
    from lxml import etree

    if len(text) > MAX_BYTES:
        raise UnsafeXml(f"larger than {MAX_BYTES:,} bytes")
    start = text.lstrip(b"\xef\xbb\xbf\x00 \t\r\n")
    if b"<!DOCTYPE" in start or b"<!ENTITY" in start or b"<\x00!\x00" in start or b"\x00<\x00!" in start:
        raise UnsafeXml("a document type declaration")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(start, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnsafeXml(str(error)[:200]) from error


def name_of(element: _Element) -> tuple[str, str]:
    """Return an element's namespace and local name, ("", "") for what is no element."""
    tag: object = element.tag
    return split_name(tag) if isinstance(tag, str) else ("", "")


def split_name(name: str) -> tuple[str, str]:
    """Return a name in Clark notation as namespace and local name."""
    space, brace, local = name.rpartition("}")
    return (space[1:], local) if brace else ("", name)
