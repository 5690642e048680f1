"""Galleries of media: images and sounds with their captions, classes and licenses.

    my-gallery:
      kind: spider
      spider: gallery
      start: [https://example.org/drums/]
      limits: {pages: 500, depth: 3}

A model to read. `media_requests` finds the files of a page with everything that is said of them; every file is asked for with a
request of its own, so it passes robots.txt of the host that it lies on, is archived, and is limited in size like a page.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from scrapy.http import HtmlResponse, Response

from acquisition.crawl.discover.found import kind_of
from acquisition.crawl.spider import SampleSpider


class GallerySpider(SampleSpider):
    """One media item per file, from whatever shows or links to files; links inside the start hosts are followed."""

    name = "gallery"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allowed_domains = sorted({urlsplit(url).hostname or "" for url in self.start_urls})
        self.origins = {urlsplit(url).netloc for url in self.start_urls}

    def parse(self, response: Response) -> Iterator[Any]:
        """Ask for every media file of the page, and for the pages that it links to."""
        if not isinstance(response, HtmlResponse):
            return
        yield from self.media_requests(response)
        for link in self.soup(response).find_all("a", href=True):
            url = response.urljoin(str(link["href"])).split("#")[0]
            invited = "nofollow" not in (link.get("rel") or [])
            if invited and urlsplit(url).netloc in self.origins and not kind_of(url):
                yield response.follow(url)
