"""What a declaration's selectors say of one page: its items, its files, and the words that belong to each.

    item      the parts of the page that hold one item each; left out: the page is one
    text      the item's text, parts on lines of their own
    media     the elements that show or contain the files (or their addresses, with ::attr())
    label, caption, title, author, group, name   words
    license   a link or words; several that differ mean none
    others    words, kept as fields; several as a list

Without `item`, the words of a file are looked for in the smallest part of the page around it that has any of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from acquisition.crawl.discover import jsonld
from acquisition.crawl.discover.found import License, Media, kind_of
from acquisition.crawl.discover.licenses import Licenses
from acquisition.crawl.discover.media import media, title_of
from acquisition.crawl.discover.nearest import Nearest
from acquisition.crawl.discover.page import Page
from acquisition.crawl.discover.select import Selectors, plain

if TYPE_CHECKING:
    from lxml.etree import _Element

WORDS: Final = ("label", "caption", "title", "author", "group", "name")
_STRUCTURE: Final = frozenset({"item", "media", "text", "license"})


class Selected:
    """One page under a declaration's selectors."""

    def __init__(self, select: Selectors, page: Page) -> None:
        self._select = select
        self._page = page
        self._others = [name for name in select.names if name not in _STRUCTURE]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the values of every item that has any, with the page's license and title where none is selected."""
        licenses = self._licenses()
        for scope in self._scopes():
            values = self._values(scope)
            if "text" in self._select:
                text = "\n".join(self._select.texts("text", scope))
                if not text:
                    continue
                values["text"] = text
            if values:
                yield self._of_markup(scope, licenses) | values

    def _of_markup(self, scope: _Element, licenses: Licenses) -> dict[str, Any]:
        """Return what the page's own markup says of an item."""
        whole = "item" not in self._select
        said = {"title": title_of(self._page)} if whole else {}
        license_ = None
        if "license" not in self._select:
            license_ = licenses.of_text() if whole else licenses.near(scope)
        if license_ is not None:
            said |= {"license": license_.text, "license_url": license_.url}
        return {name: text for name, text in said.items() if text}

    def of_page(self) -> dict[str, Any]:
        """Return the values of the whole page, its text left out."""
        return self._values(self._page.root)

    def license_of_text(self) -> License | None:
        """Return the license that the page's own markup gives its text, None where the declaration selects one itself."""
        return None if "license" in self._select else self._licenses().of_text()

    def _licenses(self) -> Licenses:
        return Licenses(self._page, jsonld.read(self._page)[1])

    def media(self) -> Iterator[tuple[Media, dict[str, Any]]]:
        """Yield every file with the values that the selectors find for it."""
        if not self._select.names:
            yield from ((one, {}) for one in media(self._page))
            return
        if "item" not in self._select:
            yield from self._each_with_its_words()
            return
        for scope in self._scopes():
            for one in self._media_in(scope):
                yield one, self._values(scope)

    def _each_with_its_words(self) -> Iterator[tuple[Media, dict[str, Any]]]:
        """Yield the page's files with what stands nearest to each."""
        files = [(one, self._element(one)) for one in self._media_in(self._page.root)]
        nearest = Nearest(self._select, self._page.root, [element for _, element in files if element is not None])
        for one, element in files:
            yield one, self._around(nearest, element)

    def _scopes(self) -> list[_Element]:
        return self._select.elements("item", self._page.root) if "item" in self._select else [self._page.root]

    def _media_in(self, scope: _Element) -> list[Media]:
        if "media" not in self._select:
            return media(self._page, [scope] if "item" in self._select else None)
        found = self._select.found("media", scope)
        elements = [one for one in found if not isinstance(one, str)]
        if elements:
            return media(self._page, elements)
        addresses = (self._page.absolute(one) for one in found if isinstance(one, str))
        return [Media(url, kind_of(url), "selected") for url in dict.fromkeys(addresses) if url]

    def _values(self, scope: _Element) -> dict[str, Any]:
        """Return what the selectors find inside a part of the page."""
        return self._made(
            {name: self._select.texts(name, scope) for name in self._others}, self._select.found("license", scope)
        )

    def _around(self, nearest: Nearest, element: _Element | None) -> dict[str, Any]:
        """Return what the selectors find nearest to a file, looking outward."""
        if element is None:
            return self._values(self._page.root)
        words = {name: plain(nearest.found(name, element)) for name in self._others}
        return self._made(words, nearest.found("license", element))

    def _element(self, one: Media) -> _Element | None:
        found = self._page.root.getroottree().xpath(one.element) if one.element else None
        return found[0] if isinstance(found, list) and found and not isinstance(found[0], (str, bytes, tuple)) else None

    def _made(self, words: dict[str, list[str]], license_: list[Any]) -> dict[str, Any]:
        values: dict[str, Any] = {name: found[0] for name, found in words.items() if found and name in WORDS}
        fields = {name: found[0] if len(found) == 1 else found for name, found in words.items() if found and name not in WORDS}
        if fields:
            values["fields"] = fields
        if (named := self._select.license(license_, self._page)) is not None:
            values |= {key: text for key, text in (("license", named.text), ("license_url", named.url)) if text}
        return values
