"""The first spider, as `acquire init --spider` writes it."""

from __future__ import annotations

import re
from typing import Final

from acquisition.errors import UsageError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,60}", re.ASCII)

_SPIDER: Final = '''\
"""What this spider collects, and from where.

Declare it in sources.yaml:

    {name}:
      kind: spider
      spider: {name}
      start: [https://example.org/]
      limits: {{pages: 50, depth: 2}}
"""

from acquisition.crawl.spider import Sample, SampleSpider


class {cls}Spider(SampleSpider):
    """One item per entry of a page. robots.txt, delays, limits and the archive are not its business."""

    name = "{name}"

    def parse(self, response):
        """Yield what the page holds, then the pages that it leads to."""
        for entry in response.css("article"):
            yield Sample(
                text=" ".join(entry.css("p ::text").getall()).strip() or None,
                title=entry.css("h1::text, h2::text").get(),
                author=entry.css("[rel~=author]::text").get(),
                license_url=entry.css("a[rel~=license]::attr(href)").get(),
            )
        yield from response.follow_all(css="a[rel~=next]")
'''


def spider_file(name: str) -> str:
    """Return the source of a small spider of this name; it runs as it stands.

    Raises UsageError when the name is not one that a module can have: lower-case letters, digits, underscores.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a spider", hint="Use lower-case letters, digits and underscores.")
    return _SPIDER.format(name=name, cls="".join(part.capitalize() for part in name.split("_")))
