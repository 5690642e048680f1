"""The images, sounds and videos of a page, each with every caption candidate, its class, its author and its license.

Looked at are img, picture, lazy sources, audio, video, source, track, poster, svg image, input, embed, links by ending or type,
link rel=image_src, og: and twitter: images, and JSON-LD. Nothing is merged into one caption here: origins are kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from acquisition.crawl.discover import jsonld
from acquisition.crawl.discover.captions import HEADINGS, Surroundings
from acquisition.crawl.discover.found import Caption, Kind, Media, file_caption, kind_of, merged
from acquisition.crawl.discover.images import holder_of, is_pixel, largest
from acquisition.crawl.discover.licenses import Licenses
from acquisition.crawl.discover.page import Page, finding_elements, finding_texts, words

if TYPE_CHECKING:
    from lxml.etree import _Element

MOST: Final = 5_000
"""Files of one page."""
_SHOWN: Final = ("img", "audio", "video", "source", "track", "image", "input", "embed", "object", "a", *HEADINGS)
_META = finding_elements("descendant::meta[@content and (@property or @name)] | descendant::link[@href and @rel]")
_STYLES = finding_texts("descendant::*[contains(@style,'url(')]/@style")
_STYLE_URL: Final = re.compile(r"url\(\s*[\"']?([^\"')\s]{1,2000})", re.IGNORECASE)
_SOCIAL: Final[dict[str, Kind]] = {
    **dict.fromkeys(("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"), "image"),
    **dict.fromkeys(("og:audio", "og:audio:url", "og:audio:secure_url"), "audio"),
    **dict.fromkeys(("og:video", "og:video:url", "og:video:secure_url"), "video"),
}
_HREF: Final = "{http://www.w3.org/1999/xlink}href"


def media(page: Page, within: list[_Element] | None = None) -> list[Media]:
    """Return every file that the page shows or links to, each once, in the order of the page.

    `within` are elements that show or contain the files that are wanted; then nothing of the page's head is taken.
    """
    described, things = jsonld.read(page)
    finder = _Finder(page, Licenses(page, things))
    found: list[Media] = []
    for scope in within if within is not None else [page.root]:
        found.extend(one for _, one in zip(range(MOST), finder.shown(scope), strict=False))
    if within is None:
        found.extend([*described, *finder.head()])
    else:
        shown = {one.url for one in found}
        found.extend(one for one in described if one.url in shown)
    itself = page.url.partition("#")[0]  # what an empty src leads to
    return merged(one for one in found if one.url != itself)[:MOST]


def backgrounds(page: Page) -> list[str]:
    """Return images that style attributes name as backgrounds: recorded, never fetched, for they are decoration."""
    found = (
        page.absolute(match[1])
        for style in (_STYLES(page.root)[:1_000] if page.says(b"url(") else ())
        for match in _STYLE_URL.finditer(style[:10_000])
    )
    return list(dict.fromkeys(filter(None, found)))[:100]


class _Finder:
    """One page."""

    def __init__(self, page: Page, licenses: Licenses) -> None:
        self._page = page
        self._licenses = licenses
        self._around = Surroundings(page)
        self._title = title_of(page)
        self._read: dict[str, Callable[[_Element], Iterator[Media]]] = {
            "img": self._image,
            "audio": self._player,
            "video": self._player,
            "source": self._source,
            "track": self._track,
            "image": self._drawing,
            "input": self._button,
            "embed": self._embedded,
            "object": self._embedded,
            "a": self._link,
        }

    def shown(self, scope: _Element) -> Iterator[Media]:
        """Yield the files that elements inside a scope show."""
        for _, element in zip(range(50_000), scope.iter(*_SHOWN), strict=False):
            if element.tag in HEADINGS:
                self._around.before = words(element, 300)
            else:
                yield from self._read[element.tag](element)

    def head(self) -> Iterator[Media]:
        """Yield the images (and sounds) that the page names for previews."""
        alts: dict[str, str] = {}
        named: list[tuple[str, str, Kind]] = []
        for element in _META(self._page.root) if self._page.says(b"og:", b"twitter:", b"image_src") else ():
            content = (element.get("content") or "").strip()
            name = (element.get("property") or element.get("name") or "").strip().lower()
            if element.tag == "link":
                if "image_src" in (element.get("rel") or "").lower().split():
                    named.append(("image_src", element.get("href") or "", "image"))
            elif name in _SOCIAL:
                named.append((name, content, _SOCIAL[name]))
            elif name in ("og:image:alt", "twitter:image:alt"):
                alts.setdefault(name, content)
        for origin, href, kind in named[:100]:
            url = self._page.absolute(href)
            if not url or (kind != "image" and not kind_of(url)):
                continue  # og:video is mostly a page with a player
            alt = alts.get(f"{origin.partition(':')[0]}:image:alt", "") if kind == "image" else ""
            captions = (
                (Caption(" ".join(alt.split())[:1_000], f"{origin.partition(':')[0]}:image:alt"),) if alt else ()
            ) + file_caption(url)
            yield Media(url, kind_of(url) or kind, origin, captions=captions, license=self._licenses.near(None, url))

    def _image(self, element: _Element) -> Iterator[Media]:
        best = largest(element, self._page)
        if best is not None:
            origin = "img" if best.origin == "src" else f"img {best.origin}"
            yield self._made(element, best.url, "image", origin, best.media_type, best.width)

    def _player(self, element: _Element) -> Iterator[Media]:
        kind: Kind = "audio" if element.tag == "audio" else "video"
        src = element.get("src") or element.get("data-src")
        if src and (url := self._address(src)):
            yield self._made(element, url, kind, element.tag)
        poster = element.get("poster")
        if poster and (url := self._address(poster)):
            yield self._made(element, url, "image", "poster")

    def _source(self, element: _Element) -> Iterator[Media]:
        """Yield a sound's or video's source; of several the first, which is the one its author prefers."""
        parent = holder_of(element)
        if parent is None or parent.tag not in ("audio", "video") or parent.get("src"):
            return
        first = next((one for one in parent.iterdescendants("source") if one.get("src") or one.get("data-src")), None)
        src = element.get("src") or element.get("data-src")
        if first is element and src and (url := self._address(src)):
            kind: Kind = "audio" if parent.tag == "audio" else "video"
            yield self._made(element, url, kind_of(url, element.get("type") or "") or kind, "source", element.get("type") or "")

    def _track(self, element: _Element) -> Iterator[Media]:
        url = self._address(element.get("src") or "")
        kind = (element.get("kind") or "subtitles").lower()
        if url and kind in ("captions", "subtitles", "descriptions"):
            label = " ".join((element.get("label") or "").split())[:200]
            captions = (Caption(label, "title"),) if label else ()
            license_ = self._licenses.near(element, url)
            language = (element.get("srclang") or "")[:40]
            yield Media(
                url, "track", f"track {kind}", captions=captions, license=license_, language=language, element=_path(element)
            )

    def _drawing(self, element: _Element) -> Iterator[Media]:
        href = element.get("href") or element.get(_HREF) or element.get("xlink:href") or ""
        if not is_pixel(element) and (url := self._address(href)):
            yield self._made(element, url, "image", "svg image")

    def _button(self, element: _Element) -> Iterator[Media]:
        url = self._address(element.get("src") or "") if (element.get("type") or "").lower() == "image" else ""
        if url and not is_pixel(element):
            yield self._made(element, url, "image", "input")

    def _embedded(self, element: _Element) -> Iterator[Media]:
        url = self._address(element.get("src") or element.get("data") or "")
        media_type = element.get("type") or ""
        if url and (kind := kind_of(url, media_type)):
            yield self._made(element, url, kind, element.tag, media_type)

    def _link(self, element: _Element) -> Iterator[Media]:
        media_type = element.get("type") or ""
        href = element.get("href") or ""
        if href and kind_of(href, media_type) and (url := self._address(href)):
            yield self._made(element, url, kind_of(url, media_type), "a", media_type)

    def _address(self, href: str) -> str:
        return self._page.absolute(href) if href.strip() and href.lstrip()[:5].lower() != "data:" else ""

    def _made(self, element: _Element, url: str, kind: Kind, origin: str, media_type: str = "", width: int = 0) -> Media:
        return Media(
            url,
            kind,
            origin,
            media_type,
            self._around.captions(element, url),
            self._licenses.near(element, url),
            author=self._around.author(element),
            title=self._title,
            label=self._around.label(element),
            element=_path(element),
            width=width,
        )


def title_of(page: Page) -> str:
    """Return the page's first heading, else its title."""
    for name in ("h1", "title"):
        element = next(iter(page.root.iter(name)), None)
        if element is not None and (text := words(element, 300)):
            return text
    return ""


def _path(element: _Element) -> str:
    return element.getroottree().getpath(element)[:500]
