"""A page whose links cost next to nothing when they have been met before.

Of 60 links on a page perhaps one is new. Scrapy makes a request of each, joined, quoted and checked, before anybody can say
that it is known; that was half the time of a crawl. Here an address is looked up before a request is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import parsel
from parsel.csstranslator import css2xpath
from scrapy import Request
from scrapy.http import HtmlResponse
from scrapy.link import Link
from scrapy.utils.response import get_base_url

_SPACE: Final = " \t\n\r\x0c"
_ROOT_RELATIVE: Final = re.compile(r"/(?![/.])(?:(?!/\.)[\w/.~!$&'()*+,=:@%-])*(?:\?[\w/.~!$&'()*+,;=:@%?-]*)?", re.ASCII)
_FOLLOWED: Final = ("http://", "https://")
_LINKING: Final = frozenset({"a", "link"})


class KnowingPage(HtmlResponse):
    """Scrapy's page; `known` holds addresses that the frontier certainly has.

    `follow_all` passes over links of other kinds (mailto, javascript) and tells `unreadable` of links that no address can be
    made of; Scrapy's raises for both, and what the page says after them is lost. All else is as in Scrapy.
    """

    known: Container[object] = ()
    unreadable: Callable[[str], None] | None = None

    def urljoin(self, url: str) -> str:
        """Return an address of the page as an absolute one."""
        if _ROOT_RELATIVE.fullmatch(url) is None:
            return str(super().urljoin(url))
        return self._origin + url

    def follow_all(self, urls: Any = None, callback: Any = None, *args: Any, **kwargs: Any) -> Iterable[Request]:
        """Return requests for all links that are not known; the arguments are Scrapy's."""
        wanted = {name: kwargs[name] for name in ("css", "xpath") if kwargs.get(name) is not None}
        others = {name: value for name, value in kwargs.items() if name not in ("css", "xpath")}
        if args or len(wanted) + (urls is not None) != 1 or not _HARMLESS.issuperset(others):
            return super().follow_all(urls, callback, *args, **kwargs)
        if wanted:
            found: Iterable[str | Link] = self._addresses(wanted.get("xpath") or css2xpath(wanted["css"]))
        elif isinstance(urls, parsel.SelectorList):
            found = _hrefs(selector.root for selector in urls)
        else:
            found = urls
        return super().follow_all(self._unknown(found), callback, **others)

    @property
    def _origin(self) -> str:
        """Scheme, host and port that an address beginning with a slash is relative to."""
        origin = self.__dict__.get("origin")
        if origin is None:
            base = urlsplit(get_base_url(self))
            origin = self.__dict__["origin"] = f"{base.scheme}://{base.netloc}"
        return str(origin)

    def _addresses(self, query: str) -> Iterator[str]:
        """Yield what `follow_all` follows of the nodes that a query finds, without a Selector for each."""
        root = self.selector.root
        nodes = root.xpath(query, namespaces=self.selector.namespaces, smart_strings=False) if hasattr(root, "xpath") else ()
        return _hrefs(nodes)

    def _unknown(self, urls: Iterable[str | Link]) -> Iterator[str | Link]:
        for url in urls:
            address = url.url if isinstance(url, Link) else url
            try:
                joined = self.urljoin(address)
            except ValueError:
                if self.unreadable is not None:
                    self.unreadable(address)
                continue
            if joined not in self.known and joined.startswith(_FOLLOWED):
                yield url


_HARMLESS: Final = frozenset({"meta", "priority", "errback", "cb_kwargs", "flags", "encoding"})
"""Arguments of `follow_all` that do not make another request of a known address."""


def _hrefs(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node.strip(_SPACE)
        elif getattr(node, "tag", None) in _LINKING and (href := node.get("href")) is not None:
            yield href.strip(_SPACE)
