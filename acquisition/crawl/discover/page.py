"""A page from strangers, parsed once, with what everything else here asks of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urljoin

from lxml import etree

from acquisition.rights.signals.html import MAX_BYTES, Unparsable, tree

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["MAX_BYTES", "Page", "Unparsable", "finding_elements", "finding_texts", "parse", "resolved", "words"]


def finding_elements(xpath: str) -> Callable[[_Element], list[_Element]]:
    """Return a compiled XPath that finds elements below one."""
    return cast("Callable[[_Element], list[_Element]]", etree.XPath(xpath))


def finding_texts(xpath: str) -> Callable[[_Element], list[str]]:
    """Return a compiled XPath that finds plain texts or attributes below an element."""
    return cast("Callable[[_Element], list[str]]", etree.XPath(xpath, smart_strings=False))


_KNOWN_TO_LIBXML: Final = ("utf-8", "ascii", "iso8859", "cp125", "koi8")
_SPACE: Final = re.compile(r"[\t\n\r]+")
_BASES = finding_texts("descendant::base/@href")
_TEXTS = finding_texts("descendant::text()[not(parent::script or parent::style or parent::template)][position() <= 2000]")
_LINKS = finding_elements("descendant::link[@href and @rel]")


class Page:
    """A parsed page. `url` is where it was found, `base` what its addresses are relative to, `cut` that not all was read."""

    __slots__ = ("_lower", "base", "cut", "root", "url")

    def __init__(self, url: str, root: _Element, base: str, lower: bytes, *, cut: bool = False) -> None:
        self.url, self.root, self.base, self.cut = url, root, base, cut
        self._lower = lower

    def says(self, *marks: bytes) -> bool:
        """Say whether one of some words (lower case, ASCII) stands anywhere in the page: cheaper than looking for elements."""
        return any(mark in self._lower for mark in marks)

    def absolute(self, href: str) -> str:
        """Return an address of the page as an absolute http or https URL without its fragment, "" when it is none."""
        return resolved(self.base, href)

    @property
    def canonical(self) -> str:
        """The address that the page gives as its own (rel=canonical), "" when it gives none."""
        for link in _LINKS(self.root) if self.says(b"canonical") else ():
            if "canonical" in (link.get("rel") or "").lower().split():
                return self.absolute(link.get("href") or "")
        return ""


def parse(body: bytes, url: str, charset: str = "utf-8") -> Page:
    """Return the page. Reads at most MAX_BYTES; Unparsable for bytes that make no page or were made to cost time."""
    cut = len(body) > MAX_BYTES
    text, encoding = _readable(body[:MAX_BYTES], charset)
    root = tree(text, encoding)
    lower = text.lower()
    base = next(iter(_BASES(root)), "").strip() if b"<base" in lower else ""
    return Page(url, root, (resolved(url, base) or url) if base else url, lower, cut=cut)


def _readable(body: bytes, charset: str) -> tuple[bytes, str]:
    """Return the body in an encoding that libxml2 reads, and its name; anything rare is decoded here."""
    name = _codec(charset)
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = "utf-16"
    if name.startswith(_KNOWN_TO_LIBXML):
        body = body.removeprefix(codecs.BOM_UTF8)
        return (body.replace(b"\0", b"") if b"\0" in body else body), name  # a NUL ends the text for the parser
    text = body.decode(name, "replace").removeprefix("\ufeff").replace("\0", "")
    return text.encode("utf-8", "replace"), "utf-8"


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    try:
        info = codecs.lookup(charset or "utf-8")
    except (LookupError, ValueError):
        return "utf-8"
    return info.name if getattr(info, "_is_text_encoding", True) else "utf-8"


def resolved(base: str, href: str) -> str:
    """Return an address resolved as browsers do (no tabs or line ends inside), without fragment; "" unless http or https."""
    href = _SPACE.sub("", href.strip())
    try:
        url = urljoin(base, href).partition("#")[0] if href else ""
    except ValueError:
        return ""
    scheme, _, rest = url.partition("://")
    return url if scheme.lower() in ("http", "https") and rest[:1] not in ("", "/") else ""


def words(element: _Element, limit: int = 1_000) -> str:
    """Return an element's text on one line, without scripts, at most `limit` characters."""
    return " ".join(" ".join(_TEXTS(element)).split())[:limit]
