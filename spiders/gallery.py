"""Galleries of media: images and sounds with their captions, classes and licenses.

    my-gallery:
      kind: spider
      spider: gallery
      start: [https://example.org/drums/]
      limits: {pages: 500, depth: 3}

A model to read. Every file is asked for with a request of its own, so it passes robots.txt of the host that it lies on, is
archived, and is limited in size like a page. `embedded` says that it is part of its page, not a link that counts as depth.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from scrapy import Request
from scrapy.http import HtmlResponse, Response

from acquisition.crawl.spider import Sample, SampleSpider

FILES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".aif", ".jpg", ".jpeg", ".png", ".webp", ".gif")
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
SCOPES = ["figure", "li", "article", "section", "main", "body"]


class GallerySpider(SampleSpider):
    """One media item per file, from img, audio, video and source elements and from links to media files."""

    name = "gallery"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allowed_domains = sorted({urlsplit(url).hostname or "" for url in self.start_urls})
        self.origins = {urlsplit(url).netloc for url in self.start_urls}

    async def start(self) -> AsyncIterator[Any]:
        """Begin at the declared addresses."""
        for url in self.start_urls:
            yield Request(url)

    def parse(self, response: Response) -> Iterator[Any]:
        """Ask for every media file of the page, and for the pages that it links to."""
        if not isinstance(response, HtmlResponse):
            return
        soup = self.soup(response)
        for element, address in _media(soup):
            yield response.follow(
                address,
                callback=self.parse_media,
                cb_kwargs={"sample": describe(element, soup, response)},
                meta={"embedded": True, "allow_offsite": True},
            )
        for link in soup.find_all("a", href=True):
            url = response.urljoin(str(link["href"])).split("#")[0]
            invited = "nofollow" not in (link.get("rel") or [])
            if invited and urlsplit(url).netloc in self.origins and not url.lower().endswith(FILES):
                yield response.follow(url)

    def parse_media(self, response: Response, sample: Sample) -> Iterator[Any]:
        """Yield what the page said of the file; the file itself is the body of this response."""
        if response.body:
            yield sample


def describe(element: Tag, soup: BeautifulSoup, response: Response) -> Sample:
    """Return what the page says of a media element: caption, class, author and license, the nearest words first."""
    license_link = _license(element, soup)
    heading = soup.find("h1") or soup.find("title")
    return Sample(
        caption=_caption(element),
        label=_label(element),
        title=heading.get_text(" ", strip=True) or None if heading else None,
        author=_author(element),
        license=license_link.get_text(" ", strip=True) or None if license_link else None,
        license_url=response.urljoin(str(license_link["href"])) if license_link else None,
    )


def _media(soup: BeautifulSoup) -> Iterator[tuple[Tag, str]]:
    """Yield each element that shows a file, with the file's address; data: addresses are part of the page already."""
    for element in soup.find_all(["img", "audio", "video", "source"], src=True):
        if not str(element["src"]).startswith("data:"):
            yield element, str(element["src"])
    for link in soup.find_all("a", href=True):
        if urlsplit(str(link["href"])).path.lower().endswith(FILES):
            yield link, str(link["href"])


def _caption(element: Tag) -> str | None:
    figure = element.find_parent("figure")
    caption = figure.find("figcaption") if figure else None
    words = (
        caption.get_text(" ", strip=True) if caption else "",
        str(element.get("alt") or ""),
        str(element.get("title") or ""),
        element.get_text(" ", strip=True),
    )
    return next((text for text in words if text.strip()), None)


def _label(element: Tag) -> str | None:
    """Return the class: an explicit data-label or data-class around the file, else the heading of its section."""
    for scope in (element, *element.parents):
        explicit = scope.get("data-label") or scope.get("data-class")
        if explicit:
            return str(explicit).strip()
    section = element.find_parent(["section", "article"])
    heading = section.find(HEADINGS) if section else element.find_previous(["h2", "h3", "h4", "h5", "h6"])
    return heading.get_text(" ", strip=True) or None if heading else None


def _author(element: Tag) -> str | None:
    figure = element.find_parent(["figure", "li"])
    marked = figure.select_one('[rel~="author"], [itemprop~="author"]') if figure else None
    return marked.get_text(" ", strip=True) or None if marked else None


def _license(element: Tag, soup: BeautifulSoup) -> Tag | None:
    """Return the license link of the nearest element around the file, else the page's; two that differ mean neither.

    A link inside a smaller part beside the file speaks of that part, so every scope is asked for links of its own only.
    """
    for scope in element.find_parents(SCOPES):
        links = [link for link in scope.find_all("a", rel="license", href=True) if _scope(link) is scope]
        if links:
            return links[0] if len({str(link["href"]) for link in links}) == 1 else None
    return soup.find("link", rel="license", href=True)


def _scope(link: Tag) -> Tag | None:
    return link.find_parent(SCOPES)
