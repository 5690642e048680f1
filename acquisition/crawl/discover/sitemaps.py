"""Sitemaps: urlset, index, text, and feeds that serve as sitemaps (sitemaps.org protocol 0.9, with Google's extensions).

What a sitemap may name is limited as the protocol says: addresses of its own host, and of hosts whose robots.txt named it.
The limits are the protocol's own: 50,000 entries and 50 MB, unpacked; an index may lead to sitemaps and, leniently, to
another index, at most `DEEPEST` levels in all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acquisition.crawl.discover import feeds
from acquisition.crawl.discover.found import Caption, License, Media, kind_of
from acquisition.crawl.discover.page import resolved
from acquisition.crawl.discover.scope import site_of
from acquisition.crawl.discover.xml import BadXml, elements, local, text_of, unpacked

if TYPE_CHECKING:
    from lxml.etree import _Element

MOST: Final = 50_000
DEEPEST: Final = 3
MOST_MEDIA: Final = 1_000
"""Images of one entry (Google's limit)."""
_FEEDS: Final = frozenset({"rss", "feed", "rdf"})
_LINE: Final = re.compile(r"https?://\S+", re.IGNORECASE)


class BadSitemap(ValueError):
    """The sitemap is not read, or not further; what it gave before stands."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One address that a sitemap names: a page, or with `is_sitemap` another sitemap. `lastmod` is text, as found.

    `media` is what the entry says of images and videos on the page.
    """

    url: str
    lastmod: str = ""
    is_sitemap: bool = False
    media: tuple[Media, ...] = ()


def read(body: bytes, url: str, *, sites: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """Yield what a sitemap names, in its order; alternates for other languages follow their page.

    `sites` (as `scope.site_of` names them) are hosts besides its own that it may speak for. Raises BadSitemap when it is
    none, or longer than the protocol allows; then everything up to there has been yielded.
    """
    may = sites | {site_of(url)}
    count = 0
    for entry in _entries(body, url):
        if site_of(entry.url) not in may:
            continue
        count += 1
        if count > MOST:
            raise BadSitemap(f"more than {MOST:,} entries; the rest was not read")
        yield entry


def from_robots(robots_txt: bytes, url: str) -> list[str]:
    """Return the sitemaps that a robots.txt names (any group, any case, in order); at most 1,000 of 500 KiB."""
    found = re.finditer(rb"(?:^|[\r\n])[ \t]*sitemap[ \t]*:[ \t]*([^\s#]+)", robots_txt[:512_000], re.IGNORECASE)
    urls = (resolved(url, match[1].decode("utf-8", "replace")) for match in found)
    return list(dict.fromkeys(filter(None, urls)))[:1_000]


def _entries(body: bytes, url: str) -> Iterator[Entry]:
    try:
        text = unpacked(body)
    except BadXml as error:
        raise BadSitemap(str(error)) from None
    if not text.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\0\xff\xfe").startswith(b"<"):
        yield from _from_text(text, url)
        return
    try:
        yield from _from_xml(text, url)
    except BadXml as error:
        raise BadSitemap(str(error)) from None


def _from_text(text: bytes, url: str) -> Iterator[Entry]:
    """Yield one address per line (UTF-8); a text of which no early line is one is no sitemap."""
    name = "utf-16" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    wrong, good = 0, 0
    for line in text.decode(name, "replace").splitlines():
        words = line.strip()
        if _LINE.fullmatch(words) and (found := resolved(url, words)):
            good += 1
            yield Entry(found)
        else:
            wrong += bool(words)
            if wrong > 100 and not good:
                break
    if not good:
        raise BadSitemap("neither XML nor a list of addresses")


def _from_xml(text: bytes, url: str) -> Iterator[Entry]:
    parts = elements(text, ("url", "sitemap"))
    for root, name, element in parts:
        if root in _FEEDS:
            parts.close()  # type: ignore[attr-defined]  # a generator; the protocol calls it an iterator
            for item in feeds.read(text, url).entries:
                if item.url:
                    yield Entry(item.url, item.updated)
            return
        if root not in ("urlset", "sitemapindex", "sitemap", "url"):
            raise BadSitemap(f"the root element is {root[:40]!r}")
        if name:
            yield from _entry(element, url, is_sitemap=name == "sitemap")


def _entry(element: _Element, url: str, *, is_sitemap: bool) -> Iterator[Entry]:
    location = lastmod = ""
    alternates: list[str] = []
    media: list[Media] = []
    for child in element.iterchildren():
        name = local(child)
        if name == "loc":
            location = location or resolved(url, text_of(child))
        elif name == "lastmod":
            lastmod = text_of(child, 64)
        elif name == "link":
            alternates.append(resolved(url, _alternate(child)))
        elif name in ("image", "video") and len(media) < MOST_MEDIA:
            media.extend(_media(child, url, name))
    location = location or resolved(url, text_of(element) if is_sitemap else "")  # some write it without <loc>
    if location:
        yield Entry(location, lastmod, is_sitemap, tuple(media))
    for alternate in dict.fromkeys(alternates):
        if alternate and alternate != location:
            yield Entry(alternate, lastmod)


def _alternate(child: _Element) -> str:
    """Return the address of a language's version (xhtml:link rel=alternate hreflang), "" for any other link."""
    is_language = "alternate" in (child.get("rel") or "").lower().split() and child.get("hreflang")
    return (child.get("href") or "") if is_language else ""


def _media(child: _Element, url: str, name: str) -> Iterator[Media]:
    said: dict[str, str] = {}
    for part in child.iterchildren():
        said.setdefault(local(part), text_of(part))
    address = resolved(url, said.get("loc") or said.get("content_loc") or "")
    if not address:
        return
    captions = tuple(
        Caption(said[key], "sitemap" if key != "title" else "title")
        for key in ("caption", "description", "title")
        if said.get(key)
    )
    license_ = License(url=resolved(url, said["license"])) if said.get("license") else None
    kind = "image" if name == "image" else "video"
    yield Media(
        address,
        kind_of(address) or kind,  # type: ignore[arg-type]  # both words are kinds
        f"sitemap {name}",
        captions=captions,
        license=license_,
        title=said.get("title", ""),
    )
