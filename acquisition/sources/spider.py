"""`kind: spider`: a site by declaration alone, or an ordinary Scrapy spider, run by the polite crawler.

The adapter only checks and names what is declared. It asks nobody: what a site holds is known when it has been crawled, so
the release has no assets and no revision until `acquisition.crawl` has filled them in.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from acquisition.errors import PluginError
from acquisition.model import Asset, Location, Release
from acquisition.network import literal_address
from acquisition.protocols import ResolveContext, Source, SourceAdapter
from acquisition.settings import SourceSettings
from acquisition.sources.site import SiteSettings, WebUrl

GENERAL: Final = "site"
"""The spider that needs no code."""
SHORTEST_DELAY: Final = 0.25
"""Seconds; nobody's server but one's own (loopback) is asked more often."""


class SpiderSettings(SiteSettings):
    """Where a crawl starts, what is visited and taken, how gently, and with `spider` whose code decides that."""

    kind: Literal["spider"]
    spider: str = Field(default=GENERAL, min_length=1)
    """A registered spider, the name of a file in ./spiders/, or path/to/file.py:Class. Left out: the general spider."""
    start: tuple[WebUrl, ...] = ()
    """Where it starts. Left out: the spider's own start_urls."""
    own_arguments: dict[str, str] = Field(default_factory=dict, alias="arguments")
    """Passed to the spider, as scrapy's -a does."""

    @property
    def arguments(self) -> dict[str, str]:
        """What the spider is told: what is declared of the site, and its own arguments, which win."""
        return self.site_arguments | self.own_arguments

    @model_validator(mode="after")
    def _delay_is_polite(self) -> SpiderSettings:
        if self.delay < SHORTEST_DELAY and not self._only_loopback():
            raise ValueError(f"delay must be at least {SHORTEST_DELAY} seconds; only loopback servers are asked faster")
        return self

    @model_validator(mode="after")
    def _starts_somewhere(self) -> SpiderSettings:
        listed = [*_addresses(self.sitemaps), *_addresses(self.feeds)]
        if self.spider == GENERAL and not self.start and not listed:
            raise ValueError("nothing says where to begin; declare `start`, or addresses of `sitemaps` or `feeds`")
        return self

    def _only_loopback(self) -> bool:
        urls = (self.base_url,) if self.base_url else (*self.start, *_addresses(self.sitemaps), *_addresses(self.feeds))
        literals = [literal_address(urlsplit(url).hostname or "") for url in urls]
        return bool(literals) and all(literal is not None and literal.is_loopback for literal in literals)


def _addresses(given: bool | tuple[str, ...]) -> tuple[str, ...]:
    return given if isinstance(given, tuple) else ()


class Spider(SourceAdapter):
    """The web as a source. The polite crawler moves the bytes."""

    kind: ClassVar[str] = "spider"
    Settings: ClassVar[type[SourceSettings]] = SpiderSettings
    title: ClassVar[str] = "a site on the open web, or a Scrapy spider of one's own, under robots.txt, archived as WARC"
    hosts: ClassVar[tuple[str, ...]] = ()
    mover: ClassVar[Literal["downloader", "crawler"]] = "crawler"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Return a release without revision and assets; the crawl's own release replaces it."""
        settings = source.settings
        if not isinstance(settings, SpiderSettings):
            raise PluginError(f"source {source.name} was declared with settings of another kind", where=source.where)
        began = [*settings.start, *_addresses(settings.sitemaps), *_addresses(settings.feeds)]
        return Release(
            source=source.name,
            kind=self.kind,
            revision="",
            assets=(),
            title=f"{settings.spider} spider",
            homepage=began[0] if began else "",
            reader="crawl",
            resolved_at=context.now(),
            notes=("what it holds is known when it has been crawled", "every page speaks for its own license"),
        )

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:  # noqa: ARG002  # contract
        """Raise PluginError: nothing of a crawl is downloaded, so nobody may ask where it is."""
        raise PluginError(f"source {source.name} is crawled, not downloaded: {asset.path} has no location", where=source.where)
