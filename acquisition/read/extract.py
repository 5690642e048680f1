"""The main text of a web page, with title, author, date, language, site name and figure captions. Pure: bytes in, values out.

resiliparse looks first, for a tenth of the cost: a page without main text ends there. What it keeps is read by trafilatura,
which finds less of the frame around the text (docs/decisions/0017-content.md has both measured). Its license field is never
used: it takes the first license link of the page, which may speak of a picture.

Pages come from strangers. Size, depth and attributes are limited before any library sees them; `acquisition.read.extractor`
runs this in a process of its own with a limit on time and memory, because the libraries are C.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from acquisition.content.limits import Unreadable

MAX_BYTES: Final = 4_000_000
"""Bytes of a page that are read; the longest articles have a tenth."""
DEEPEST: Final = 2_000
"""Levels of elements; resiliparse 2.0 takes quadratic time in them (100,000 take minutes)."""
DEEP: Final = 250
"""Beyond it libxml2 leaves the rest of a page out unless it is told otherwise, and trafilatura does not tell it."""
MOST_ATTRIBUTES: Final = 1_000
FEWEST_LETTERS: Final = 10
"""Fewer letters and digits are no text. Short texts are the filters' business, not the reader's."""
_TAGS_ONLY: Final = re.compile(r"[\W_]+")
_LONGEST_FACT: Final = 1_000
_MOST_FIGURES: Final = 200


@dataclass(frozen=True, slots=True)
class Extract:
    """What a page says. `date` is ISO 8601 (day), `language` as the page declares it; "" where nothing is said."""

    text: str
    title: str = ""
    author: str = ""
    date: str = ""
    language: str = ""
    site: str = ""
    figcaptions: tuple[str, ...] = ()
    extractor: str = "trafilatura"

    def fields(self) -> dict[str, Any]:
        """Return what has no column of its own."""
        found = {
            "date": self.date,
            "language": self.language,
            "site_name": self.site,
            "figcaptions": list(self.figcaptions),
            "extractor": "" if self.extractor == "trafilatura" else self.extractor,
        }
        return {name: value for name, value in found.items() if value}


def extract(body: bytes, charset: str, url: str = "") -> Extract:
    """Return the main text of an HTML page. Raises Unreadable: no-main-text, page-refused."""
    html = decoded(body[:MAX_BYTES], charset)
    depth = _depth_of(html)
    first = _first_pass(html)
    found = _second_pass(html, url) if depth <= DEEP else None
    text, used = _normal(found.text or "") if found is not None else "", "trafilatura"
    if letters(text) < FEWEST_LETTERS:
        if letters(first) < FEWEST_LETTERS:
            raise Unreadable("no-main-text", f"{letters(first)} letters of main text")
        text, used = first, "resiliparse"
    facts = _facts(found)
    figures = _figcaptions(html) if "<figcaption" in html.lower() else ()
    language = _language(html)
    return Extract(text, figcaptions=figures, language=language, extractor=used, **facts)


def decoded(body: bytes, charset: str) -> str:
    """Return the body as text in the encoding that the crawler recorded; what cannot be decoded becomes U+FFFD."""
    try:
        text = body.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        text = body.decode("utf-8", "replace")
    return text.removeprefix("\ufeff").replace("\0", "")


def letters(text: str) -> int:
    """Return how many letters and digits a text has."""
    return len(_TAGS_ONLY.sub("", text))


class _Shape:
    """A parser target that only looks at how deep a page is and how many attributes its elements have."""

    def __init__(self) -> None:
        self._depth = 0
        self.deepest = 0

    def start(self, tag: str, attrs: Mapping[str, str]) -> None:  # noqa: ARG002  # lxml's signature
        self._depth += 1
        if len(attrs) > MOST_ATTRIBUTES:
            raise Unreadable("page-refused", f"an element has more than {MOST_ATTRIBUTES:,} attributes")
        if self._depth > DEEPEST:
            raise Unreadable("page-refused", f"elements are nested deeper than {DEEPEST:,}")
        self.deepest = max(self.deepest, self._depth)

    def end(self, tag: str) -> None:  # noqa: ARG002  # lxml's signature
        self._depth -= 1

    def close(self) -> None:
        return None


def _depth_of(html: str) -> int:
    """Return how deep a page is nested; Unreadable when it was made to cost time."""
    from lxml import etree

    shape = _Shape()
    target: Any = shape  # the stubs ask for methods that lxml does not need
    with suppress(etree.XMLSyntaxError, LookupError):
        parser = etree.HTMLParser(target=target, recover=True, encoding="utf-8", huge_tree=True)
        etree.fromstring(html.encode("utf-8", "replace"), parser)
    return shape.deepest


def _first_pass(html: str) -> str:
    """Return resiliparse's main text, its whole text when it sees no main part; Unreadable when there are no words at all."""
    from resiliparse.extract.html2text import extract_plain_text

    for main in (True, False):
        text = extract_plain_text(html, main_content=main, alt_texts=False, list_bullets=False, comments=False)
        if letters(text) >= FEWEST_LETTERS:
            return _normal(text)
    raise Unreadable("no-main-text", "the page has no words outside its frame")


def _second_pass(html: str, url: str) -> Any:
    """Return trafilatura's document, None when it finds nothing. Comments under an article are not the article."""
    from trafilatura import bare_extraction

    try:
        return bare_extraction(html, url=url or None, fast=True, with_metadata=True, include_comments=False)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None  # what trafilatura stumbles over resiliparse has read


def _facts(found: Any) -> dict[str, str]:
    if found is None:
        return {}
    names = {"title": "title", "author": "author", "date": "date", "site": "sitename"}
    return {ours: " ".join(str(getattr(found, theirs) or "")[:_LONGEST_FACT].split()) for ours, theirs in names.items()}


def _figcaptions(html: str) -> tuple[str, ...]:
    """Return the captions of figures, which trafilatura leaves out of the text."""
    root = _root(html)
    found = (" ".join(" ".join(one.itertext()).split())[:_LONGEST_FACT] for one in root.iter("figcaption"))
    return tuple(dict.fromkeys(filter(None, found)))[:_MOST_FIGURES]


_LANGUAGE: Final = re.compile(r"<html\b[^>]{0,2000}?\s(?:xml:)?lang\s*=\s*[\"']?\s*([A-Za-z0-9-]{2,35})", re.IGNORECASE)


def _language(html: str) -> str:
    """Return the language that the page declares on its root element (HTML section 3.2.6.2)."""
    match = _LANGUAGE.search(html[:20_000])
    return match[1] if match else ""


def _root(html: str) -> Any:
    from lxml import etree

    return etree.fromstring(
        html.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8", recover=True, no_network=True, huge_tree=True)
    )


def _normal(text: str) -> str:
    """Return lines without space around them, and no empty ones: a paragraph is a line."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
