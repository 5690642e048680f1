"""`kind: spider`: an ordinary Scrapy spider, run by the polite crawler.

The adapter only checks and names what is declared. It asks nobody: what a site holds is known when it has been crawled, so
the release has no assets and no revision until `acquisition.crawl` has filled them in.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from acquisition.errors import PluginError
from acquisition.model import Asset, Location, Release
from acquisition.network import literal_address
from acquisition.protocols import ResolveContext, Source, SourceAdapter
from acquisition.settings import ByteCount, Seconds, SourceSettings

SHORTEST_DELAY: Final = 0.25
"""Seconds; nobody's server but one's own (loopback) is asked more often."""

StartUrl = Annotated[str, Field(pattern=r"^https?://\S+$")]


class SpiderSettings(SourceSettings):
    """Which spider runs, where it starts, and how gently."""

    kind: Literal["spider"]
    spider: str = Field(min_length=1)
    """A registered spider, the name of a file in ./spiders/, or path/to/file.py:Class."""
    start: tuple[StartUrl, ...] = ()
    """Where it starts. Left out: the spider's own start_urls."""
    arguments: dict[str, str] = Field(default_factory=dict)
    """Passed to the spider, as scrapy's -a does."""
    delay: Seconds = 1.0
    """Seconds between two requests to one host; robots.txt can only make it longer. At least 0.25, or 0 on loopback."""
    max_response: ByteCount = 32_000_000
    """Bytes of one response; a longer one is cut off and recorded as a failure."""

    @model_validator(mode="after")
    def _delay_is_polite(self) -> SpiderSettings:
        if self.delay < SHORTEST_DELAY and not self._only_loopback():
            raise ValueError(f"delay must be at least {SHORTEST_DELAY} seconds; only loopback servers are asked faster")
        return self

    def _only_loopback(self) -> bool:
        urls = (self.base_url,) if self.base_url else self.start
        literals = [literal_address(urlsplit(url).hostname or "") for url in urls]
        return bool(literals) and all(literal is not None and literal.is_loopback for literal in literals)


class Spider(SourceAdapter):
    """The web as a source. The polite crawler moves the bytes."""

    kind: ClassVar[str] = "spider"
    Settings: ClassVar[type[SourceSettings]] = SpiderSettings
    title: ClassVar[str] = "a Scrapy spider on the open web, under robots.txt, archived as WARC"
    hosts: ClassVar[tuple[str, ...]] = ()
    mover: ClassVar[Literal["downloader", "crawler"]] = "crawler"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Return a release without revision and assets; the crawl's own release replaces it."""
        settings = source.settings
        if not isinstance(settings, SpiderSettings):
            raise PluginError(f"source {source.name} was declared with settings of another kind", where=source.where)
        return Release(
            source=source.name,
            kind=self.kind,
            revision="",
            assets=(),
            title=f"{settings.spider} spider",
            homepage=settings.start[0] if settings.start else "",
            reader="crawl",
            resolved_at=context.now(),
            notes=("what it holds is known when it has been crawled", "every page speaks for its own license"),
        )

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:  # noqa: ARG002  # contract
        """Raise PluginError: nothing of a crawl is downloaded, so nobody may ask where it is."""
        raise PluginError(f"source {source.name} is crawled, not downloaded: {asset.path} has no location", where=source.where)
