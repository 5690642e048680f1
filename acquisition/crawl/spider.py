"""For authors of spiders: typed items and BeautifulSoup. Both are optional; plain Scrapy spiders and dicts work too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from scrapy import Spider
from scrapy.http import Response, TextResponse

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

SOUP_LIMIT: Final = 2_000_000
"""Bytes of a page that are parsed; what lies beyond is markup, not text (crawl.md section 8.3)."""


@dataclass(slots=True)
class Sample:
    """One item. On a page of text `text` is the sample; on a response that is no text (an image) its body is.

    `label` is the class, `caption` what the page says of a media file, `group` what must stay together in one split (an
    author, a series). `license` and `license_url` are the page's own words and link, left empty when it says nothing.
    With `page` the page itself is the sample: its text is extracted from the archive at staging, `text` stays empty.
    `fields` holds anything else worth keeping.
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
    page: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


class SampleSpider(Spider):
    """A Scrapy spider that can make soup."""

    def soup(self, response: Response) -> BeautifulSoup:
        """Return the page as BeautifulSoup on lxml, in the encoding that Scrapy chose; TypeError when it is no text."""
        from bs4 import BeautifulSoup

        if not isinstance(response, TextResponse):
            raise TypeError(f"{response.url} is not a page of text")
        return BeautifulSoup(response.body[:SOUP_LIMIT], "lxml", from_encoding=response.encoding)
