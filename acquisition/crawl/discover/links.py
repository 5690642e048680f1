"""The addresses that a page invites to follow. What a site repeats on every page must cost next to nothing.

A page's links are taken out with one compiled XPath as plain strings, and each raw string is looked up before anything is
resolved: most links of a site are its menu, met thousands of times.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from acquisition.crawl.discover.page import Page, finding_elements, finding_texts
from acquisition.crawl.discover.scope import LONGEST_URL, Scope
from acquisition.crawl.discover.select import Selector

MOST: Final = 20_000
"""Links of one page that are looked at."""
REMEMBERED: Final = 100_000
"""Raw addresses of one generation; two are held, about 30 MB together."""

_ALL = finding_texts("descendant::a/@href | descendant::area/@href")
_NOFOLLOW: Final = "not(@rel) or not(contains(translate(@rel,'NOFLW','noflw'),'nofollow'))"
_INVITED = finding_texts(f"descendant::a[{_NOFOLLOW}]/@href | descendant::area[{_NOFOLLOW}]/@href")
_SELF = finding_texts(f"self::a[{_NOFOLLOW}]/@href | self::area[{_NOFOLLOW}]/@href")
_NEVER: Final = -1
_FEEDS = finding_elements("descendant::link[@href and @rel and @type]")
_METAS = finding_elements("descendant::meta[@name and @content]")
_ADDRESSED: Final = re.compile("bot|crawler|spider|acquisition", re.IGNORECASE)
_FEED_TYPES: Final = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"})
_OEMBED: Final = "application/json+oembed"


class Links:
    """Finds the links of one crawl's pages that are in scope and that it has not handed out before.

    A link that was handed out on a deeper page is handed out again: the way from here is shorter, and the depth limit may
    have stopped the other one. What is forgotten is handed out again too; the frontier knows every address for ever.
    """

    def __init__(self, scope: Scope, *, remembered: int = REMEMBERED) -> None:
        self._scope = scope
        self._remembered = remembered
        self._fresh: dict[str, int] = {}
        self._stale: dict[str, int] = {}

    def of(
        self, page: Page, depth: int = 0, home: str = "", within: tuple[Selector, ...] = (), *, remember: bool = True
    ) -> Iterator[str]:
        """Yield addresses in the order of the page. `within` are compiled selectors of the parts whose links count.

        Without `remember` all of the page's links are yielded and none counts as handed out: for a page whose links the crawler
        may refuse to follow, while the next page that has them invites it to.
        """
        hrefs: list[str] = _parts(page, within) if within else (_INVITED if page.says(b"nofollow") else _ALL)(page.root)
        if len(hrefs) > MOST:
            logging.getLogger(__name__).warning("links-cut url=%s links=%d", page.url, len(hrefs))
        if not remember:
            found = (page.absolute(href) for href in dict.fromkeys(hrefs[:MOST]))
            yield from dict.fromkeys(url for url in found if url and self._scope.takes(url, home))
            return
        parts = urlsplit(page.base)
        origin = f"{parts.scheme}://{parts.netloc}"
        here = origin + parts.path.rpartition("/")[0] + "/"
        home_key = f"{home} " if home else ""
        fresh, stale = self._fresh, self._stale
        for href in hrefs[:MOST]:
            if href[:1] in ("", "#"):
                continue
            key = home_key + (origin + href if href[0] == "/" else _key(href, page.base, here))
            known = fresh.get(key)
            if known is None and (known := stale.get(key)) is not None:
                fresh[key] = known
            if known is not None and known <= depth:
                continue
            if url := self._new(page, href, key, depth, home):
                yield url

    def _new(self, page: Page, href: str, key: str, depth: int, home: str) -> str:
        """Return the address when it is to be handed out, and remember the decision under its raw and its whole form."""
        url = page.absolute(href)
        taken = bool(url) and self._scope.takes(url, home)
        if len(key) <= LONGEST_URL:
            self._remember(key, depth if taken else _NEVER)
        if not taken:
            return ""
        whole = f"= {url}"
        known = self._fresh.get(whole, self._stale.get(whole))
        self._remember(whole, depth)
        return "" if known is not None and known <= depth else url

    def _remember(self, key: str, depth: int) -> None:
        if len(self._fresh) >= self._remembered:
            self._stale, self._fresh = self._fresh, {}
        self._fresh[key] = depth


def _key(href: str, base: str, here: str) -> str:
    """Return under what a raw address that does not begin with a slash is remembered: two folders may mean two pages by it."""
    if href.startswith(("http://", "https://")):
        return href
    return base + href if href[0] == "?" else here + href


def _parts(page: Page, within: tuple[Selector, ...]) -> list[str]:
    found: dict[str, None] = {}
    for selector in within:
        for element in selector(page.root):
            if not isinstance(element, str):
                found.update(dict.fromkeys(_SELF(element)))
                found.update(dict.fromkeys(_INVITED(element)))
            elif element:
                found[element] = None
    return list(found)


def may_close(page: Page, headers: Iterable[str]) -> bool:
    """Say whether a page as a whole may ask not to follow its links; whether it does is the crawler's to decide.

    `headers` are the values of X-Robots-Tag.
    """
    if any(_closes(value) for value in headers):
        return True
    if not page.says(b"nofollow", b"none"):
        return False
    metas = _METAS(page.root)
    return any(_closes(meta.get("content") or "") for meta in metas if _ADDRESSED.search(meta.get("name") or ""))


def _closes(directives: str) -> bool:
    lower = directives.lower()
    return "nofollow" in lower or "none" in lower


def feeds_of(page: Page) -> list[str]:
    """Return the feeds that a page links to as its alternates."""
    return _alternates(page, _FEED_TYPES)


def oembeds_of(page: Page) -> list[str]:
    """Return the addresses at which the page's oEmbed description (JSON) can be asked for (oembed.com section 4)."""
    return _alternates(page, frozenset({_OEMBED}))


def _alternates(page: Page, types: frozenset[str]) -> list[str]:
    links = (
        page.absolute(link.get("href") or "")
        for link in _FEEDS(page.root)
        if "alternate" in (link.get("rel") or "").lower().split()
        and (link.get("type") or "").partition(";")[0].strip().lower() in types
    )
    return list(dict.fromkeys(filter(None, links)))
