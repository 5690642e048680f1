"""CSS selectors that a declaration writes, with Scrapy's ::text and ::attr(name), compiled once and asked of parsed pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from cssselect import SelectorError
from lxml import etree
from parsel.csstranslator import HTMLTranslator

from acquisition.crawl.discover.found import License
from acquisition.crawl.discover.licenses import agreed
from acquisition.crawl.discover.page import Page, words

if TYPE_CHECKING:
    from lxml.etree import _Element

MOST: Final = 10_000
LONGEST: Final = 2_000_000
"""Characters of one text."""


Selector: TypeAlias = "Callable[[_Element], list[_Element | str]]"
"""Finds elements, or texts where it ends with ::text or ::attr()."""


class BadSelector(ValueError):
    """The text is no CSS selector."""


def compiled(selector: str) -> Selector:
    """Return a CSS selector as a compiled XPath; BadSelector says what is wrong with it. Texts know where they stand."""
    try:
        return cast("Selector", etree.XPath(HTMLTranslator().css_to_xpath(selector)))
    except (etree.XPathError, SelectorError, ValueError) as error:
        raise BadSelector(f"{selector!r} is no CSS selector: {error}") from None


class Selectors:
    """Names and their selectors, in order of preference: the first that finds something counts."""

    def __init__(self, declared: Mapping[str, str | Iterable[str]]) -> None:
        self._compiled = {
            name: tuple(compiled(one) for one in ([given] if isinstance(given, str) else given))
            for name, given in declared.items()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._compiled

    @property
    def names(self) -> tuple[str, ...]:
        """The declared names, in order."""
        return tuple(self._compiled)

    def selectors(self, name: str) -> tuple[Selector, ...]:
        """Return the compiled selectors of a name."""
        return self._compiled.get(name, ())

    def found(self, name: str, scope: _Element) -> list[_Element | str]:
        """Return what a name finds inside an element (itself included): elements, or texts for ::text and ::attr()."""
        for selector in self._compiled.get(name, ()):
            if found := selector(scope):
                return found[:MOST]
        return []

    def elements(self, name: str, scope: _Element) -> list[_Element]:
        """Return the elements that a name finds."""
        return [one for one in self.found(name, scope) if not isinstance(one, str)]

    def texts(self, name: str, scope: _Element) -> list[str]:
        """Return the texts that a name finds, each on one line, empty ones left out."""
        plain = (" ".join(one.split()) if isinstance(one, str) else words(one, LONGEST) for one in self.found(name, scope))
        return [text for text in plain if text]

    def first(self, name: str, scope: _Element) -> str:
        """Return the first text that a name finds, "" when it finds none."""
        return next(iter(self.texts(name, scope)), "")

    def license(self, found: Iterable[_Element | str], page: Page) -> License | None:
        """Return the license that all that was found names: a link's address and words, or words alone."""
        statements = []
        for one in found:
            if isinstance(one, str):
                text = " ".join(one.split())
                url = page.absolute(text) if text.startswith(("http://", "https://", "/")) and " " not in text else ""
                statements.append(License("" if url else text[:500], url))
            else:
                link = one if one.get("href") else next(iter(one.iterdescendants("a")), None)
                href = link.get("href") if link is not None else None
                statements.append(License(words(one, 500), page.absolute(href) if href else ""))
        return agreed([one for one in statements if one.text or one.url])


def plain(found: Iterable[_Element | str]) -> list[str]:
    """Return what was found as texts on one line."""
    texts = (" ".join(one.split()) if isinstance(one, str) else words(one) for one in found)
    return [text for text in texts if text]
