"""Saved web pages: text without scripts, title, and what the markup says of license and use."""

from __future__ import annotations

import codecs
import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Final

from acquisition.content.limits import Unreadable
from acquisition.model import Modality
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.encoding import decode_all, known_encoding, mostly_utf8
from acquisition.read.items import FileItems, found_batch
from acquisition.read.spoken import statements
from acquisition.read.text import whole
from acquisition.settings import ReadSettings

MAX_BYTES: Final = 16_000_000
_CHARSET: Final = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_START: Final = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_INVISIBLE: Final = ("script", "style", "noscript", "template", "svg")
_WEB: Final = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""Labels that the web uses for a larger encoding (WHATWG Encoding Standard, section 4.2)."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says: visible text and title, None where it has none."""

    text: str
    title: str | None


def page_text(data: bytes, settings: ReadSettings, charset: str = "") -> str:
    """Decode a page: byte order mark, the HTTP `charset`, the meta element, then as any text. Raises Unreadable."""
    declared = settings.encoding or charset
    if not declared and (found := _CHARSET.search(data[:4_096])):
        declared = found[1].decode("ascii")
    try:
        name = known_encoding(declared) if declared else ""
    except Unreadable:
        name = ""  # a label that no one knows says nothing
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or not name or name.startswith("utf-16"):
        return decode_all(data, settings)[0]
    return _as_labelled(data, _WEB.get(name, name), settings)


def _as_labelled(data: bytes, name: str, settings: ReadSettings) -> str:
    """Decode as a page's label says, unless nobody declared it and the bytes plainly say otherwise.

    Text of another encoding is UTF-8 by accident hardly ever, and text of which most lines are no UTF-8 is none.
    """
    if settings.encoding is None and not data.isascii():
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            if name == "utf-8" and not mostly_utf8(data):
                name = known_encoding(settings.encoding_fallback)
    return data.decode(name, "replace")


def parse_page(text: str) -> Page:
    """Return a page's visible text and title."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML says that it is XML
        soup = BeautifulSoup(text, "lxml")
    title = soup.title.get_text(" ", strip=True) if soup.title else None
    for node in soup(list(_INVISIBLE)):
        node.decompose()
    if soup.title:
        soup.title.decompose()
    lines = (line.strip() for line in soup.get_text("\n").splitlines())
    return Page("\n".join(line for line in lines if line), title or None)


class HtmlReader(Reader):
    """One saved page, one item."""

    name: ClassVar[str] = "html"
    version: ClassVar[int] = 2
    suffixes: ClassVar[tuple[str, ...]] = (".html", ".htm", ".xhtml")
    modality: ClassVar[Modality] = Modality.TEXT

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files by their ending, and files without one that begin as a page does."""
        suffix = PurePosixPath(name.lower()).suffix
        return suffix in self.suffixes or (suffix not in (".txt", ".csv", ".json", ".jsonl") and bool(_START.match(head)))

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the one item."""
        data = whole(binary, MAX_BYTES)
        page = parse_page(page_text(data, context.read))
        sha256 = hashlib.sha256(data).hexdigest()
        said = statements("", {"Content-Type": "text/html"}, data)
        row = FileItems(context).row(Modality.TEXT, "text/html", len(data), sha256, text=page.text, title=page.title, **said)
        yield found_batch([row])
