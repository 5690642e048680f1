"""Feeds and other XML: RSL in its own namespace, and the license elements of RSS, Atom, Creative Commons and Dublin Core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acquisition.rights.signals import rsl, xml
from acquisition.rights.signals.licenses import MAX_SIGNALS, expression, resolved
from acquisition.rights.signals.signal import Scope, Signal, clip

if TYPE_CHECKING:
    from lxml.etree import _Element

_ATOM: Final = "http://www.w3.org/2005/Atom"
_LICENSES: Final = frozenset(
    {
        ("http://creativecommons.org/ns#", "license"),
        ("http://web.resource.org/cc/", "license"),
        ("http://backend.userland.com/creativeCommonsRssModule", "license"),
        ("http://cyber.law.harvard.edu/rss/creativeCommonsRssModule.html", "license"),
        ("http://purl.org/dc/elements/1.1/", "rights"),
        ("http://purl.org/dc/terms/", "license"),
        ("http://purl.org/dc/terms/", "rights"),
    }
)
_ENTRIES: Final = frozenset({"item", "entry"})
_MARKS: Final = (b"licens", b"rights", b"rslstandard.org")


def read(body: bytes, url: str) -> list[Signal]:
    """Return the signals of an XML body; one that cannot be read is unknown when it names RSL, else nothing."""
    if not any(mark in body for mark in _MARKS):
        return []
    try:
        root = xml.parse(body)
    except xml.UnsafeXml as error:
        if b"rslstandard.org" not in body:
            return []
        return [Signal("rsl", "body feed", "", {"error": str(error)}, train="unknown")]
    if xml.name_of(root)[1] == "rsl":
        return rsl.document(body, "body", url)
    statements = (element for element in root.iter() if _names_license(element))
    found = [_statement(element, url) for _, element in zip(range(MAX_SIGNALS), statements, strict=False)]
    return rsl.feed(root, "body feed") + found


def _names_license(element: _Element) -> bool:
    space, name = xml.name_of(element)
    return (space, name) in _LICENSES or (space == _ATOM and name == "link" and element.get("rel") == "license")


def _statement(element: _Element, url: str) -> Signal:
    """Return one statement; inside an entry it speaks of that entry, else of the feed."""
    resource = next(
        (str(value) for key, value in element.attrib.items() if xml.split_name(str(key))[1] in ("href", "resource")), ""
    )
    text = resolved(url, resource) if resource else " ".join((element.text or "")[:3_000].split())
    inside = any(xml.name_of(one)[1] in _ENTRIES for _, one in zip(range(300), element.iterancestors(), strict=False))
    scope: Scope = "element" if inside else "page"
    mechanism = (
        "rel-license"
        if xml.name_of(element)[0] == _ATOM
        else "dublin-core"
        if "purl.org" in xml.name_of(element)[0]
        else "rdfa"
    )
    return Signal(mechanism, "body feed", clip(text), {"value": clip(text)}, scope=scope, license=expression(text))
