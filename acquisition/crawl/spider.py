"""For authors of spiders: typed items, BeautifulSoup, and media with all that a page says of them.

All of it is optional; plain Scrapy spiders, dicts, dataclasses, scrapy.Item, attrs and pydantic objects work too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from scrapy import Request, Spider
from scrapy.http import Response, TextResponse

from acquisition.crawl.discover import charset, page
from acquisition.crawl.discover.found import Kind, Media, ending_of
from acquisition.crawl.discover.media import media as media_on

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

SOUP_LIMIT: Final = 2_000_000
"""Bytes of a page that are parsed; what lies beyond is markup, not text (crawl.md section 8.3)."""
PLAYED: Final[tuple[Kind, ...]] = ("image", "audio", "video")
EMBEDDED: Final = {"embedded": True, "allow_offsite": True}
"""Meta of a request for a part of a page: it may lie on another host (whose robots.txt is asked) and one deeper."""
_DRAWN: Final = frozenset({"svg", "svgz"})
"""Drawings are markup, not samples that the readers open."""


@dataclass(slots=True)
class Sample:
    """One item. On a page of text `text` is the sample; on a response that is no text (an image) its body is.

    With `extract` the text is taken from the archived page when it is staged, and with it title, author, date and language
    where nothing is given here. `label` is the class, `caption` what the page says of a media file, `captions` all
    candidates as {"text", "origin"}, `group` what must stay together in one split (an author, a series). `license` and
    `license_url` are the page's own words and link, left empty when it says nothing. `fields` holds anything else.
    """

    text: str | None = None
    label: str | None = None
    caption: str | None = None
    title: str | None = None
    author: str | None = None
    license: str | None = None
    license_url: str | None = None
    group: str | None = None
    name: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    captions: list[dict[str, str]] | None = None
    extract: bool | None = None


class NotMedia(ValueError):
    """A file was promised where a page of text came: a log-in, or an error that does not say so by its status."""


class SampleSpider(Spider):
    """A Scrapy spider that can make soup and find media."""

    def soup(self, response: Response) -> BeautifulSoup:
        """Return the page as BeautifulSoup on lxml, in the encoding that Scrapy chose; TypeError when it is no text."""
        from bs4 import BeautifulSoup

        if not isinstance(response, TextResponse):
            raise TypeError(f"{response.url} is not a page of text")
        return BeautifulSoup(response.body[:SOUP_LIMIT], "lxml", from_encoding=response.encoding)

    def page(self, response: Response) -> page.Page:
        """Return the page for `acquisition.crawl.discover`, parsed once under limits; `Unparsable` when it makes none."""
        return page.parse(response.body, response.url, charset.decide(response.body, type_of(response)).used)

    def media_requests(self, response: Response, kinds: Sequence[Kind] = PLAYED) -> Iterator[Request]:
        """Yield a request for every image, sound and video of a page; `parse_media` gets it, with what the page says of it."""
        for one in media_on(self.page(response)):
            if is_wanted(one, kinds):
                yield self.request_media(one)

    def request_media(self, one: Media, sample: Sample | None = None) -> Request:
        """Return the request for one file. It passes its own host's robots.txt and limits, and is archived like a page."""
        told = {"sample": sample or sample_of(one)}
        return Request(one.url, callback=self.parse_media, cb_kwargs=told, meta=dict(EMBEDDED))

    def parse_media(self, response: Response, sample: Sample) -> Iterator[Any]:
        """Yield what the page said of a file; the file itself is the body of this response."""
        if isinstance(response, TextResponse) and not is_media(response):
            if not _is_track(response):
                raise NotMedia(f"{response.url} answers {type_of(response) or 'text'} where a media file was promised")
            sample.text = response.text
        if response.body:
            yield sample


def is_wanted(one: Media, kinds: Sequence[Kind]) -> bool:
    """Say whether a file is of a wanted kind; one of unknown kind is fetched to see."""
    return (one.kind in kinds or one.kind == "") and ending_of(one.url) not in _DRAWN


def sample_of(one: Media) -> Sample:
    """Return what is said of a file as an item."""
    facts = {"found_as": one.origin, "element": one.element, "language": one.language, "width": one.width}
    return Sample(
        caption=one.caption or None,
        captions=[caption.record() for caption in one.captions] or None,
        label=one.label or None,
        title=one.title or None,
        author=one.author or None,
        license=(one.license.text or None) if one.license else None,
        license_url=(one.license.url or None) if one.license else None,
        fields={name: value for name, value in facts.items() if value},
    )


def type_of(response: Response) -> str:
    """Return the Content-Type as it came, "" when there is none."""
    return (response.headers.get("Content-Type") or b"").decode("latin-1").strip()


def is_media(response: Response) -> bool:
    """Say whether the server calls a response media; Scrapy may take a short image for text by its bytes."""
    kind = type_of(response).lower()
    return kind.startswith(("image/", "audio/", "video/")) and not kind.startswith("image/svg")


def _is_track(response: TextResponse) -> bool:
    kind = type_of(response).lower()
    return kind.startswith(("text/vtt", "application/x-subrip")) or ending_of(response.url) in ("vtt", "srt")
