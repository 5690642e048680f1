"""Feeds: RSS 0.9x, 1.0 and 2.0, Atom, and JSON Feed, with enclosures, media:content and the license that each entry names.

One hardened XML stream reads sitemaps and feeds (docs/decisions/0017-content.md says why no feed library does).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from acquisition.crawl.discover.found import Caption, License, Media, kind_of
from acquisition.crawl.discover.page import resolved
from acquisition.crawl.discover.xml import BadXml, elements, local, space, text_of, unpacked

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_BYTES: Final = 20_000_000
MOST: Final = 10_000
_ATOM: Final = "http://www.w3.org/2005/Atom"
_MEDIA: Final = "search.yahoo.com/mrss"
_LICENSES: Final = frozenset(
    {
        "http://creativecommons.org/ns#",
        "http://web.resource.org/cc/",
        "http://backend.userland.com/creativecommonsrssmodule",
        "http://cyber.law.harvard.edu/rss/creativecommonsrssmodule.html",
        "http://purl.org/dc/terms/",
    }
)
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XML_BASE: Final = "{http://www.w3.org/XML/1998/namespace}base"
_TAGS: Final = re.compile(r"<[^<>]{0,2000}>")
_LOOKED_AT: Final = ("item", "entry", "title", "license", "link")
_DATES: Final = ("updated", "modified", "pubdate", "published", "issued", "date")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the address of its page ("" when it has none), what it says, and the files that come with it."""

    url: str
    title: str = ""
    updated: str = ""
    author: str = ""
    license: License | None = None
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as far as it could be read; `broken` says why it ends early, "" when it does not."""

    title: str
    license: License | None
    entries: tuple[Entry, ...]
    broken: str = ""


def read(body: bytes, url: str) -> Feed:
    """Return a feed; BadXml when it is none. At most MOST entries; an entry's own license beats the feed's."""
    text = unpacked(body, MAX_BYTES)
    if text.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return _from_json(text, url)
    return _Reader(url).read(text)


class _Reader:
    """One pass over one XML feed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._title = ""
        self._licenses: list[License] = []
        self._entries: list[Entry] = []

    def read(self, text: bytes) -> Feed:
        broken = ""
        try:
            for root, name, element in elements(text, _LOOKED_AT):
                if not name:
                    self._begin(root, element)
                elif name in ("item", "entry"):
                    self._entries.append(self._entry(element))
                    if len(self._entries) >= MOST:
                        broken = f"more than {MOST:,} entries"
                        break
                elif not self._inside_entry(element):
                    self._of_feed(name, element)
        except BadXml as error:
            if not self._entries:
                raise
            broken = str(error)
        whole = _one(self._licenses)
        entries = tuple(entry if entry.license is not None else replace(entry, license=whole) for entry in self._entries)
        return Feed(self._title, whole, entries, broken)

    def _begin(self, root: str, element: _Element) -> None:
        if root not in ("rss", "feed", "rdf", "channel"):
            raise BadXml(f"no feed: the root element is {root[:40]!r}")
        self._url = resolved(self._url, element.get(_XML_BASE) or "") or self._url

    def _inside_entry(self, element: _Element) -> bool:
        return any(local(above) in ("item", "entry", "image") for above in element.iterancestors())

    def _of_feed(self, name: str, element: _Element) -> None:
        if name == "title" and not self._title:
            self._title = _plain(element)
        elif license_ := _license(element, self._url):
            self._licenses.append(license_)

    def _entry(self, element: _Element) -> Entry:
        base = resolved(self._url, element.get(_XML_BASE) or "") or self._url
        said: dict[str, str] = {}
        licenses: list[License] = []
        for child in element.iterchildren():
            name = local(child)
            if license_ := _license(child, base):
                licenses.append(license_)
            if (
                _MEDIA not in space(child)
                and name not in said
                and (text := _author(child) if name in _AUTHORS else _plain(child))
            ):
                said[name] = text
        own = _one(licenses)
        title = said.get("title", "")
        author = next((said[name] for name in _AUTHORS if said.get(name)), "")
        media = tuple(_media(element, base, title))
        if own is not None:
            media = tuple(one if one.license is not None else replace(one, license=own) for one in media)
        updated = next((said[name] for name in _DATES if said.get(name)), "")
        return Entry(_address(element, base), title, updated[:64], author, own, media)


_AUTHORS: Final = ("author", "creator")


def _author(element: _Element) -> str:
    name = next((child for child in element.iterchildren() if local(child) == "name"), None)
    return _plain(name if name is not None else element)


def _plain(element: _Element) -> str:
    """Return an element's words: feeds write HTML into titles, escaped once or twice."""
    text = "".join(element.itertext())[:4_000] if len(element) else (element.text or "")[:4_000]  # type: ignore[arg-type]  # lxml-stubs: texts
    return " ".join(_TAGS.sub(" ", html.unescape(text)).split())[:1_000]


def _address(element: _Element, base: str) -> str:
    """Return the address of an entry's page: a link, else a guid that is an address, else what rdf:about says."""
    permanent = ""
    for child in element.iterchildren():
        name = local(child)
        if name == "link" and _MEDIA not in space(child):
            href = child.get("href")
            if href is None and (child.text or "").strip():
                return resolved(base, text_of(child))
            if href and (child.get("rel") or "alternate").lower() == "alternate":
                return resolved(base, href)
        elif name == "guid":  # isPermaLink="false" only says that it need not be an address
            permanent = resolved("", text_of(child))
    return permanent or resolved(base, element.get(_RDF + "about") or "")


def _media(entry: _Element, base: str, title: str) -> Iterator[Media]:
    captions = (Caption(title, "title"),) if title else ()
    for element in entry.iterdescendants():
        name = local(element)
        if name == "enclosure" or (name == "link" and (element.get("rel") or "").lower() == "enclosure"):
            address = resolved(base, element.get("url") or element.get("href") or element.get(_RDF + "resource") or "")
            media_type = element.get("type") or ""
            if address:
                yield Media(address, kind_of(address, media_type), "enclosure", media_type, captions, title=title)
        elif name == "content" and _MEDIA in space(element) and (address := resolved(base, element.get("url") or "")):
            yield _media_content(element, address, captions, title)


def _media_content(element: _Element, address: str, captions: tuple[Caption, ...], title: str) -> Media:
    """Return a media:content element with what is said inside it, or inside its group (Media RSS 1.5.1)."""
    said: dict[str, str] = {}
    group = element.getparent()
    inner = [*element.iterchildren(), *(group.iterchildren() if group is not None and local(group) == "group" else ())]
    for child in inner:
        if _MEDIA in space(child):
            said.setdefault(local(child), child.get("href") or "" if local(child) == "license" else _plain(child))
    own = tuple(
        Caption(said[name], "feed" if name == "description" else "title") for name in ("description", "title") if said.get(name)
    )
    media_type, medium = element.get("type") or "", (element.get("medium") or "").lower()
    kind = kind_of(address, media_type or f"{medium}/")
    license_ = License(url=resolved(address, said["license"])) if said.get("license") else None
    return Media(
        address,
        kind,
        "media:content",
        media_type,
        tuple(dict.fromkeys(own + captions)),
        license_,
        author=said.get("credit", ""),
        title=said.get("title") or title,
        width=_number(element.get("width")),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 7 else 0


def _license(element: _Element, base: str) -> License | None:
    """Return the license that an element names: cc:license, creativeCommons:license, dcterms:license, a link (RFC 4946)."""
    name = local(element)
    namespace = space(element)
    if name == "license" and namespace.lower() in _LICENSES:
        href = element.get(_RDF + "resource") or text_of(element)
        url = resolved(base, href) if "://" in href else ""
        return License(url=url) if url else License(text=href) if href else None
    if name == "link" and (element.get("rel") or "").lower() == "license":
        url = resolved(base, element.get("href") or "")
        return License(url=url) if url else None
    return None


def _one(licenses: list[License]) -> License | None:
    return licenses[0] if len({one.key for one in licenses}) == 1 else None


# --- JSON Feed ------------------------------------------------------------------------------------------------------------


def _from_json(text: bytes, url: str) -> Feed:
    """Return a JSON Feed 1.1; BadXml when it is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadXml(f"no feed: {str(error)[:100]}") from None
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise BadXml("no feed: JSON without items")
    entries = tuple(_json_entry(item, url) for item in items[:MOST] if isinstance(item, dict))
    return Feed(_text(document.get("title")), None, entries, "" if len(items) <= MOST else f"more than {MOST:,} entries")


def _json_entry(item: dict[str, Any], url: str) -> Entry:
    title = _text(item.get("title"))
    captions = (Caption(title, "title"),) if title else ()
    attached = item.get("attachments")
    found = (
        [(one.get("url"), _text(one.get("mime_type"))) for one in attached[:100] if isinstance(one, dict)]
        if isinstance(attached, list)
        else []
    )
    found.append((item.get("image"), "image/"))
    media = tuple(
        Media(address, kind_of(address, media_type), "enclosure", media_type.rstrip("/"), captions, title=title)
        for href, media_type in found
        if (address := resolved(url, _text(href))) and href
    )
    authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    author = next((_text(one.get("name")) for one in authors or () if isinstance(one, dict)), "")
    updated = _text(item.get("date_modified")) or _text(item.get("date_published"))
    address = resolved(url, _text(item.get("url"))) if item.get("url") else ""
    return Entry(address, title, updated[:64], author, None, media)


def _text(value: object) -> str:
    return " ".join(value[:4_000].split()) if isinstance(value, str) else ""
