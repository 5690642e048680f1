"""The license nearest to an element: its own markup first, then its figure, its article, the page. Two that differ mean none.

A statement speaks of the smallest part of the page that it stands in, so that a neighbour's license is never borrowed. What is
read as a statement: rel=license, itemprop and property naming a license, and JSON-LD (docs/signals.md lists them as evidence).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acquisition.crawl.discover.found import License
from acquisition.crawl.discover.jsonld import Thing
from acquisition.crawl.discover.page import Page, finding_elements, words

if TYPE_CHECKING:
    from lxml.etree import _Element

SCOPES: Final = frozenset({"figure", "li", "article", "section", "dd", "td", "picture", "main", "body"})
_STATEMENTS = finding_elements("descendant::*[(@rel and @href) or @itemprop or @property][position() <= 20000]")
_NAMES: Final = frozenset(
    {
        "license", "schema:license", "http://schema.org/license", "https://schema.org/license", "cc:license", "xhv:license",
        "dc:license", "dct:license", "dcterms:license", "http://creativecommons.org/ns#license",
        "http://purl.org/dc/terms/license", "http://www.w3.org/1999/xhtml/vocab#license",
    }
)  # fmt: skip
_DEEPEST: Final = 300


@dataclass(frozen=True, slots=True)
class _Statement:
    license: License
    scope: _Element | None
    about: str = ""


class Licenses:
    """The license statements of one page."""

    def __init__(self, page: Page, things: Iterable[Thing] = ()) -> None:
        self._page = page
        self._by_scope: dict[_Element | None, list[License]] = {}
        self._about: dict[str, list[License]] = {}
        for statement in self._read():
            if statement.about:
                self._about.setdefault(statement.about, []).append(statement.license)
            else:
                self._by_scope.setdefault(statement.scope, []).append(statement.license)
        for thing in things:
            self._add_thing(thing)
        self._whole = self._of_page()
        self._settled = {scope: agreed(found) for scope, found in self._by_scope.items()}
        self._named = {url: agreed(found) for url, found in self._about.items()}

    def near(self, element: _Element | None, url: str = "") -> License | None:
        """Return the license of the file at `url` that an element shows, None when nobody or everybody speaks."""
        if url in self._named:
            return self._named[url]
        for _, ancestor in zip(range(_DEEPEST), _upwards(element), strict=False):
            if ancestor.tag == "body":
                break
            if ancestor in self._settled:
                return self._settled[ancestor]
        return self._whole

    def of_page(self) -> License | None:
        """Return the page's own license; what stands inside figures, list entries and other parts speaks of these."""
        return self._whole

    def _of_page(self) -> License | None:
        whole = [*self._by_scope.get(None, ()), *self._about.get(self._page.url, ())]
        mains = [scope for scope in self._by_scope if scope is not None and scope.tag in ("body", "main")]
        return agreed([*whole, *(one for scope in mains for one in self._by_scope[scope])])

    def of_text(self) -> License | None:
        """Return the license of the page's text: the page's own, else that of its only article."""
        if (own := self.of_page()) is not None:
            return own
        if self._by_scope.get(None) or any(scope is not None and scope.tag in ("body", "main") for scope in self._by_scope):
            return None
        parts = [found for scope, found in self._by_scope.items() if scope is not None and scope.tag in ("article", "section")]
        return agreed([one for part in parts for one in part])

    def _add_thing(self, thing: Thing) -> None:
        if thing.license is None:
            return
        if thing.url:
            self._about.setdefault(thing.url, []).append(thing.license)
        elif thing.is_page:
            self._by_scope.setdefault(None, []).append(thing.license)

    def _read(self) -> Iterable[_Statement]:
        for element in _STATEMENTS(self._page.root) if self._page.says(b"licen") else ():
            rels = (element.get("rel") or "").lower().split()
            names = f"{element.get('itemprop') or ''} {element.get('property') or ''}".split()
            if ("license" in rels and element.get("href")) or any(name.lower() in _NAMES for name in names):
                if (element.get("type") or "").lower().startswith("application/rsl"):
                    continue
                if (license_ := self._license(element)) is not None:
                    yield _Statement(license_, _scope(element), self._subject(element))

    def _license(self, element: _Element) -> License | None:
        href = next((value for name in ("href", "resource", "content", "src") if (value := element.get(name))), "")
        url = self._page.absolute(href) if "/" in href else ""
        text = "" if element.tag in ("link", "meta") else words(element, 200)
        text = text or ("" if url else href.strip()[:200])
        return License(text, url) if text or url else None

    def _subject(self, element: _Element) -> str:
        """Return the file that a statement names: by `about`, or by the item that the element describes."""
        if about := element.get("about"):
            return self._page.absolute(about)
        if element.get("itemprop"):
            for _, ancestor in zip(range(_DEEPEST), element.iterancestors(), strict=False):
                if ancestor.get("itemscope") is not None:
                    return self._page.absolute(ancestor.get("itemid") or "") if ancestor.get("itemid") else ""
        return ""


def agreed(found: list[License]) -> License | None:
    """Return the one license that all statements name, None when they differ or there are none."""
    return next((one for one in found if one.text), found[0]) if len({one.key for one in found}) == 1 else None


def _upwards(element: _Element | None) -> Iterable[_Element]:
    if element is not None:
        yield element
        yield from element.iterancestors()


def _scope(element: _Element) -> _Element | None:
    """Return the smallest part of the page that a statement stands in, None for the page's head."""
    for _, ancestor in zip(range(_DEEPEST), element.iterancestors(), strict=False):
        if ancestor.tag in SCOPES or ancestor.get("itemscope") is not None or ancestor.get("typeof"):
            return ancestor
    return None
