"""What a page says of its media elements: every candidate for a caption with its origin, the class, the author.

What many elements share (a figure's caption, a section's heading) is read once, so that a page of thousands of images costs
no more than its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from acquisition.crawl.discover.found import Caption, file_caption
from acquisition.crawl.discover.images import holder_of
from acquisition.crawl.discover.page import Page, finding_elements, words

if TYPE_CHECKING:
    from lxml.etree import _Element

HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_DEEPEST: Final = 300
_NEARBY: Final = 300
_BLOCKS: Final = frozenset({"p", "div", "span", "dd", "blockquote", "figcaption", "em", "small"})
_IDS = finding_elements("descendant::*[@id][position() <= 50000]")
_AUTHOR = finding_elements(
    "(descendant::*[contains(concat(' ',normalize-space(@rel),' '),' author ')]"
    " | descendant::*[contains(concat(' ',normalize-space(@itemprop),' '),' author ')]"
    " | descendant::*[contains(concat(' ',normalize-space(@itemprop),' '),' creator ')])[1]"
)


class Surroundings:
    """What stands around the elements of one page. `before` is the last heading met, kept by whoever walks through the page."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._headings: dict[_Element, str] = {}
        self._figcaptions: dict[_Element, tuple[str, ...]] = {}
        self._authors: dict[_Element, str] = {}
        self._ids: dict[str, _Element] | None = None
        self.before = ""

    def captions(self, element: _Element, url: str) -> tuple[Caption, ...]:
        """Return the candidates in the order in which they speak of the file, without repetitions."""
        return tuple(dict.fromkeys((*self._said(element), *file_caption(url))))

    def label(self, element: _Element) -> str:
        """Return the class: an explicit data-label or data-class around the element, else the heading of its section."""
        for _, one in zip(range(_DEEPEST), (element, *element.iterancestors()), strict=False):
            if explicit := (one.get("data-label") or one.get("data-class")):
                return " ".join(explicit[:300].split())
        return self.heading(element)

    def heading(self, element: _Element) -> str:
        """Return the first heading of the section or article around an element, else the last one before it."""
        part = _nearest(element, "section", "article")
        if part is None:
            return self.before
        if part not in self._headings:
            first = next(part.iter(*HEADINGS), None)
            self._headings[part] = words(first, 300) if first is not None else ""
        return self._headings[part]

    def author(self, element: _Element) -> str:
        """Return the author that the element's figure or list entry marks, "" when it marks none."""
        part = _nearest(element, "figure", "li")
        if part is None:
            return ""
        if part not in self._authors:
            found = _AUTHOR(part)
            self._authors[part] = words(found[0], 200) if found else ""
        return self._authors[part]

    def _said(self, element: _Element) -> Iterator[Caption]:
        figure = _nearest(element, "figure")
        if figure is not None:
            yield from _texts(self._figcaption(figure), "figcaption")
        for one in _speakers(element):
            yield from _texts(self._labelled(one), "aria-labelledby")
            for name in ("aria-label", "alt", "title"):
                yield from _texts([one.get(name) or ""], name)
        link = element if element.tag == "a" else _nearest(element, "a")
        if link is not None:
            if link is not element:
                yield from _texts([link.get("title") or ""], "title")
            yield from _texts([words(link, 300)], "link")
        if figure is None:
            yield from _texts(_nearby(element), "nearby")
        if heading := self.heading(element):
            yield Caption(heading, "heading")

    def _figcaption(self, figure: _Element) -> tuple[str, ...]:
        if figure not in self._figcaptions:
            self._figcaptions[figure] = tuple(words(one) for one in [*figure.iterdescendants("figcaption")][:5])
        return self._figcaptions[figure]

    def _labelled(self, element: _Element) -> Iterator[str]:
        """Yield what aria-labelledby, aria-describedby and a longdesc inside the page point to."""
        longdesc = element.get("longdesc") or ""
        names = f"{element.get('aria-labelledby') or ''} {element.get('aria-describedby') or ''}".split()
        for name in [*names, *([longdesc[1:]] if longdesc.startswith("#") else [])][:5]:
            if self._ids is None:
                self._ids = {one.get("id") or "": one for one in reversed(_IDS(self._page.root))}
            if (target := self._ids.get(name)) is not None:
                yield words(target)


def _speakers(element: _Element) -> list[_Element]:
    """Return the elements whose attributes speak of the file: a link's own and its picture's, a source's player's."""
    if element.tag == "a":
        return [element, *[*element.iterdescendants("img")][:4]]
    player = holder_of(element) if element.tag == "source" else None
    return [element, player] if player is not None else [element]


def _texts(found: Iterable[str], origin: str) -> Iterator[Caption]:
    for text in found:
        plain = " ".join(text[:4_000].split())[:1_000]
        if plain:
            yield Caption(plain, origin)


def _nearby(element: _Element) -> Iterator[str]:
    """Yield the text right behind the element, or else that of the block behind or before it."""
    behind = (element.tail or "").strip()
    if len(behind) > 2:
        yield behind[:_NEARBY]
        return
    holder, parent = element, element.getparent()
    while parent is not None and parent.tag in ("a", "picture", "span") and len(parent) == 1:
        holder, parent = parent, parent.getparent()
    for sibling in (holder.getnext(), holder.getprevious()):
        if sibling is not None and sibling.tag in _BLOCKS and (text := words(sibling, _NEARBY)):
            yield text
            return


def _nearest(element: _Element, *names: str) -> _Element | None:
    return next((one for _, one in zip(range(_DEEPEST), element.iterancestors(), strict=False) if one.tag in names), None)
