"""Which file an image element stands for: srcset, sizes, picture and its sources, lazy loading, and pixels that count visits.

HTML section 4.8.4 (srcset grammar); the largest candidate within a limit is taken, where a browser takes what its window needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acquisition.crawl.discover.page import Page

if TYPE_CHECKING:
    from lxml.etree import _Element

WIDEST: Final = 4_096
"""Pixels; a wider candidate is only taken when there is no other."""
_LONGEST: Final = 50_000
_MOST: Final = 200
_URL: Final = re.compile(r"[\s,]*([^\s]+)")
_LAZY_SETS: Final = ("data-srcset", "data-lazy-srcset", "data-original-set")
_LAZY: Final = (
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-lazy",
    "data-url",
    "data-image",
    "data-hi-res-src",
    "data-full-src",
)
_UNREAD: Final = frozenset({"image/jxl", "image/heic", "image/heif", "image/vnd.ms-photo", "image/jp2"})
"""Types that the readers here do not open, when there is another."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file that an image element offers. `width` is in pixels, 0 unknown; `density` 1 where nothing is said."""

    url: str
    origin: str
    width: int = 0
    density: float = 1.0
    media_type: str = ""


def largest(element: _Element, page: Page) -> Candidate | None:
    """Return the file that an img stands for, None when it shows none, or only a pixel that counts visits."""
    if is_pixel(element):
        return None
    found = list(_candidates(element, page))
    if not found:
        return None
    readable = [one for one in found if one.media_type not in _UNREAD] or found
    fitting = [one for one in readable if one.width <= WIDEST]
    if not fitting:
        return min(readable, key=lambda one: one.width)
    return max(fitting, key=lambda one: (one.width, one.density))  # of equals the first, which is the element's own


def holder_of(element: _Element) -> _Element | None:
    """Return the picture, audio or video that an element belongs to: libxml2 nests what follows a source into it."""
    parent = element.getparent()
    for _ in range(_MOST):
        if parent is None or parent.tag not in ("source", "track"):
            break
        parent = parent.getparent()
    return parent


def is_pixel(element: _Element) -> bool:
    """Say whether an element is at most one pixel wide and high."""
    sizes = [_pixels(element.get(name)) for name in ("width", "height")]
    return all(size is not None and size <= 1 for size in sizes)


def _candidates(element: _Element, page: Page) -> Iterator[Candidate]:
    """Yield the element's own candidates, lazy ones before the placeholder in src, then those of its picture's sources."""
    declared = _pixels(element.get("width")) or 0
    lazy = [
        *(one for name in _LAZY_SETS for one in srcset(element.get(name), page, name)),
        *(Candidate(url, name, declared) for name in _LAZY if (url := _shown(element.get(name), page))),
    ]
    yield from lazy
    yield from srcset(element.get("srcset"), page, "srcset")
    if not lazy and (url := _shown(element.get("src"), page)):
        yield Candidate(url, "src", 0 if element.get("srcset") else declared)
    parent = holder_of(element)
    if parent is not None and parent.tag == "picture":
        for source in parent.iterdescendants("source"):
            media_type = (source.get("type") or "").partition(";")[0].strip().lower()
            for name in ("srcset", *_LAZY_SETS):
                yield from srcset(source.get(name), page, "picture", media_type)


def srcset(text: str | None, page: Page, origin: str, media_type: str = "") -> Iterator[Candidate]:
    """Yield the candidates of a srcset attribute; data: addresses are part of the page already and are left out."""
    text = (text or "")[:_LONGEST]
    place = 0
    for _ in range(_MOST):
        match = _URL.match(text, place)
        if match is None:
            return
        href, place = match[1], match.end()
        descriptor = ""
        if href.endswith(","):
            href = href.rstrip(",")
        else:
            end = _descriptor_end(text, place)
            descriptor, place = text[place:end].strip(), end + 1
        width, density = _described(descriptor)
        if url := _shown(href, page):
            yield Candidate(url, origin, width, density, media_type)


def _descriptor_end(text: str, place: int) -> int:
    """Return where a candidate's descriptors end: the next comma outside parentheses."""
    depth = 0
    for index in range(place, len(text)):
        letter = text[index]
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        elif letter == "," and depth <= 0:
            return index
    return len(text)


def _described(descriptor: str) -> tuple[int, float]:
    width, density = 0, 1.0
    for word in descriptor.split()[:5]:
        number, unit = word[:-1], word[-1:].lower()
        if unit == "w" and number.isdecimal() and len(number) < 7:
            width = int(number)
        elif unit == "x" and re.fullmatch(r"\d{1,3}(\.\d{1,4})?", number, re.ASCII):
            density = float(number)
    return width, density


def _shown(href: str | None, page: Page) -> str:
    return page.absolute(href) if href and href.strip() and href.lstrip()[:5].lower() != "data:" else ""


def _pixels(text: str | None) -> int | None:
    match = re.match(r"\s*(\d{1,6})(?:\.\d+)?\s*(?:px)?\s*$", text or "", re.ASCII)
    return int(match[1]) if match else None
