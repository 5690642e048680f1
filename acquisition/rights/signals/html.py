"""A page reduced to what may carry a signal: meta, link and rel elements, scripts, and properties.

lxml parses with its own limits (`huge_tree` off); pages that are certainly silent (`silence`) are not parsed at all.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from acquisition.rights.signals.silence import is_silent

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_BYTES: Final = 4_000_000
"""Bytes of a page that are parsed."""
MAX_FOUND: Final = 2_000
"""Elements of one kind that are kept."""
MAX_ATTRIBUTES: Final = 1_000
_SMALL: Final = 16_384
"""Bytes below which no element can have so many attributes that it matters."""
_SCRIPTS: Final = frozenset({"application/ld+json", "application/rsl+xml"})
_PROPERTY_WORDS: Final = (b"licen", b"rights", b"usageinfo", b"creditline", b"copyright", b"attribution")


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, in document order. `cut` says that a part was not read."""

    metas: tuple[tuple[str, str], ...]
    rels: tuple[_Element, ...]
    """link, a and area elements with a rel attribute."""
    scripts: tuple[_Element, ...]
    """script elements of type application/ld+json or application/rsl+xml."""
    properties: tuple[_Element, ...]
    """Elements with itemprop or property."""
    base: str
    nosnippet: int
    cut: bool


class Unparsable(Exception):
    """The bytes are no page that lxml can read."""


def parse(body: bytes, charset: str, url: str, agent: str = "", *, always: bool = False) -> Page | None:
    """Return the page, None when nothing in it can be a signal (never with `always`). Raises Unparsable."""
    body, encoding = _plain(body, charset)
    lower = body.lower()
    if not always and is_silent(lower, agent.lower().encode()):
        return None
    cut = len(body) > MAX_BYTES
    return _gather(tree(body[:MAX_BYTES], encoding), lower, url, cut)


def _gather(root: _Element, lower: bytes, url: str, cut: bool) -> Page:
    metas: list[tuple[str, str]] = []
    rels: list[_Element] = []
    scripts: list[_Element] = []
    base = ""
    for element in root.iter("meta", "link", "a", "area", "script", "base"):
        tag = element.tag
        if tag == "meta":
            if len(metas) <= MAX_FOUND:
                metas.extend(_meta(element))
        elif tag == "script":
            if len(scripts) <= MAX_FOUND and _script_type(element) in _SCRIPTS:
                scripts.append(element)
        elif tag == "base":
            base = base or (element.get("href") or "").strip()
        elif element.get("rel"):
            rels.append(element)
    marked = (b"itemprop" in lower or b"property" in lower) and any(word in lower for word in _PROPERTY_WORDS)
    elements = cast("list[_Element]", root.xpath("//*[@itemprop or @property]")) if marked else []
    nosnippet = int(cast("float", root.xpath("count(//*[@data-nosnippet])"))) if b"data-nosnippet" in lower else 0
    cut = cut or max(len(metas), len(scripts)) > MAX_FOUND
    return Page(
        tuple(metas[:MAX_FOUND]), tuple(rels), tuple(scripts[:MAX_FOUND]), tuple(elements), _joined(url, base), nosnippet, cut
    )


def _script_type(element: _Element) -> str:
    return (element.get("type") or "").partition(";")[0].strip().lower()


def _meta(element: _Element) -> list[tuple[str, str]]:
    content = element.get("content")
    names = [element.get(name) for name in ("name", "http-equiv", "property")]
    return [(name.strip().lower(), content) for name in names if name and content is not None]


def _joined(url: str, base: str) -> str:
    from urllib.parse import urljoin

    try:
        return urljoin(url, base) if base else url
    except ValueError:
        return url


def _plain(body: bytes, charset: str) -> tuple[bytes, str]:
    """Return the body in an encoding that keeps ASCII readable, and its name ("" to let lxml look for a declaration)."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if body.startswith(mark):
            return _recoded(body, name), "utf-8"
    try:
        name = codecs.lookup(charset).name if charset else ""
    except (LookupError, ValueError):
        name = ""
    if name.startswith(("utf-16", "utf-32", "utf-7")):
        return _recoded(body, name), "utf-8"
    text = body.replace(b"\0", b"") if b"\0" in body else body  # a NUL ends the text for the parser
    return text, name if name.startswith(("utf-8", "iso8859", "cp125", "koi8")) else ""


def _recoded(body: bytes, name: str) -> bytes:
    return (
        body[: 4 * MAX_BYTES].decode(name, "replace").replace("\0", "").encode("utf-8", "replace").removeprefix(codecs.BOM_UTF8)
    )


class _Attributes:
    """A parser target that only looks at how many attributes each element has."""

    def start(self, tag: str, attrs: Mapping[str, str]) -> None:  # noqa: ARG002  # lxml's signature
        if len(attrs) > MAX_ATTRIBUTES:
            raise Unparsable(f"an element with more than {MAX_ATTRIBUTES} attributes")

    def close(self) -> None:
        return None


def _check_attributes(body: bytes) -> None:
    """Raise Unparsable for an element with thousands of attributes, before a tree is built.

    libxml2 2.14 appends attributes to its tree in quadratic time: 40,000 on one element of a page of 350 kB took 26 s. Its
    events come in linear time, about 15 ms for 1 MB.
    """
    from lxml import etree

    target: Any = _Attributes()  # the stubs ask for methods that lxml does not need
    with suppress(etree.XMLSyntaxError, LookupError):
        etree.fromstring(body, etree.HTMLParser(target=target, recover=True, no_network=True))


def _parsed(body: bytes, encoding: str, *, deeper: bool) -> tuple[_Element | None, bool]:
    """Return the root element, and whether libxml2 stopped at its limit: 256 levels, or 2,048 when asked to go deeper.

    Pages of broken markup nest deeper than 256, and what follows that place would be lost without a word.
    """
    from lxml import etree

    parser = etree.HTMLParser(
        encoding=encoding or None, recover=True, no_network=True, huge_tree=deeper, remove_comments=True, collect_ids=False
    )  # nobody asks for an element by its id, and collecting ids costs a fifth of the time
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise Unparsable(str(error)[:200]) from error
    last = parser.error_log.last_error
    return root, last is not None and last.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT


def tree(body: bytes, encoding: str) -> _Element:
    """Return the root element of a page from strangers; every HTML parse in this project goes through here. Raises Unparsable.

    `body` must be capped and in an encoding that keeps ASCII readable; `encoding` is its name for libxml2, "" to let it look.
    """
    if len(body) > _SMALL:
        _check_attributes(body)
    root, deep = _parsed(body, encoding, deeper=False)
    if deep:
        root, deep = _parsed(body, encoding, deeper=True)
    if deep:
        raise Unparsable("elements are nested deeper than 2,048")
    if root is None:
        raise Unparsable("no element")
    return root
