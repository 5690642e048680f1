"""Why a link was not followed: the declaration decides it without a note, so it is decided once more when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from acquisition.crawl.discover.scope import Scope, addresses_of
from acquisition.protocols import Source
from acquisition.sources.site import as_regex
from acquisition.sources.spider import GENERAL, SpiderSettings


def unfollowed(sources: Iterable[Source], url: str) -> Iterator[tuple[str, str]]:
    """Yield the crawled sources that would not follow a link to this address, and why. A spider of one's own decides itself."""
    for source in sources:
        settings = source.settings
        if isinstance(settings, SpiderSettings) and settings.spider == GENERAL and (why := scope_of(settings).against(url)):
            yield source.name, why


def scope_of(settings: SpiderSettings) -> Scope:
    """Return the scope that the general spider has by this declaration."""
    listed = (given if isinstance(given, tuple) else () for given in (settings.sitemaps, settings.feeds))
    declared = [*settings.start, *(url for urls in listed for url in urls)]
    declared += addresses_of(settings.hosts, declared)
    return Scope.of(declared, map(as_regex, settings.allow), map(as_regex, settings.deny))
