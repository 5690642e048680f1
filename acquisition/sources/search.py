"""`kind: search`: words become start addresses, through a SearXNG of one's own or the Brave Search API.

Results are only addresses to begin with: titles and snippets are not samples, and every page is visited under its own host's
rules like any other. Each address carries as its reason which engine gave it, for which query and at which rank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, model_validator
from w3lib.url import canonicalize_url

from acquisition.errors import CredentialsMissing, PluginError, SourceNotFound
from acquisition.model import Asset, Location, Release
from acquisition.network import public_url
from acquisition.protocols import ResolveContext, Seed, Source, SourceAdapter
from acquisition.settings import SourceSettings
from acquisition.sources.search_engines import BRAVE, Brave, Engine, SearXNG, Wish
from acquisition.sources.site import Selector, SiteSettings
from acquisition.workspace import write_json

BRAVE_KEYS: Final = ("BRAVE_SEARCH_API_KEY", "BRAVE_API_KEY")
LONGEST_QUERY: Final = 400
_SHOWN: Final = 100
_TRACKING: Final = re.compile(
    r"(?:utm_.*|dclid|fbclid|gad_source|gbraid|gclid|gclsrc|igshid|mc_[ce]id|mkt_tok|msclkid|srsltid|ttclid|twclid|wbraid|yclid|_ga|_gl"
    r"|_hs(?:enc|mi))",
    re.IGNORECASE,
)


class SearchSettings(SiteSettings):
    """Which engine is asked what, how many results are visited, and what is taken from their pages."""

    kind: Literal["search"]
    engine: Literal["searxng", "brave"]
    """searxng: an instance of one's own at `base_url`, with JSON enabled; brave: the Brave Search API, with a key."""
    queries: tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_QUERY)], ...] = Field(min_length=1)
    """What is searched for, in the engine's own language (site:example.org, quotes)."""
    max_results: int = Field(default=50, ge=1, le=10_000)
    """Addresses per query, without repetitions."""
    language: str = Field(default="", pattern=r"^[A-Za-z-]{0,12}$")
    """Language of the results, as the engine writes it (en, de, pt-BR)."""
    safe: Literal["off", "moderate", "strict"] = "moderate"
    """How strictly the engine leaves out what is not for everybody."""
    follow: bool | tuple[Selector, ...] = False
    """Which links of a result's page are followed, on its own site: none, all, or those inside CSS selectors."""

    @property
    def spider(self) -> str:
        """The general spider visits the results."""
        return "site"

    @property
    def arguments(self) -> dict[str, str]:
        """What the spider is told."""
        return {"follow": "false"} | self.site_arguments

    @property
    def stand_in(self) -> str | None:
        """None: `base_url` is the engine's address, and says nothing of the pages that it finds."""
        return None

    @model_validator(mode="after")
    def _engine_can_be_asked(self) -> SearchSettings:
        if self.engine == "searxng" and not self.base_url:
            raise ValueError("engine: searxng needs `base_url`, the address of your own instance; public ones answer no JSON")
        if any(not query.strip() for query in self.queries):
            raise ValueError("a query is empty")
        return self


def _brave_key(settings: SearchSettings, context: ResolveContext, source: Source) -> tuple[str, str]:
    """Return the key and its place; a key that merely lies in the environment goes to Brave's own host only."""
    names = (settings.auth.env,) if settings.auth else BRAVE_KEYS if not settings.base_url else ()
    for name in names:
        if value := context.environment.get(name, "").strip():
            return value, name
    looked = ", ".join(names) or "nothing: with base_url the key must be named in `auth`"
    raise CredentialsMissing(
        f"the Brave Search API needs a key, and none was found (looked at {looked})",
        where=source.where,
        hint="Get one at https://api-dashboard.search.brave.com, and name its environment variable in `auth: {env: …}`.",
    )


@dataclass(slots=True)
class _Asked:
    """What became of one query, for the record beside the crawl."""

    query: str
    pages: int = 0
    results: int = 0
    taken: int = 0
    repeated: int = 0
    not_http: int = 0
    left_out: list[str] = field(default_factory=list)
    """Some of the addresses that no crawler visits."""


class Search(SourceAdapter):
    """Search results as a source. The polite crawler visits them."""

    kind: ClassVar[str] = "search"
    Settings: ClassVar[type[SourceSettings]] = SearchSettings
    title: ClassVar[str] = "pages that a search engine finds (SearXNG, Brave), each visited under its own host's rules"
    hosts: ClassVar[tuple[str, ...]] = ("api.search.brave.com",)
    mover: ClassVar[Literal["downloader", "crawler"]] = "crawler"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Return a release without revision and assets; nobody is asked before the crawl begins.

        Raises CredentialsMissing when the engine needs a key and there is none.
        """
        settings = _settings(source)
        _engine(settings, context, source)
        return Release(
            source=source.name,
            kind=self.kind,
            revision="",
            assets=(),
            title=f"{settings.engine} results for {', '.join(settings.queries)[:200]}",
            homepage=settings.base_url or "https://search.brave.com/",
            reader="crawl",
            resolved_at=context.now(),
            notes=(
                "results are only addresses to begin with; what they hold is known when they have been visited",
                "every page speaks for its own license",
            ),
        )

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:  # noqa: ARG002  # contract
        """Raise PluginError: nothing of a crawl is downloaded, so nobody may ask where it is."""
        raise PluginError(f"source {source.name} is crawled, not downloaded: {asset.path} has no location", where=source.where)

    def seeds(self, source: Source, context: ResolveContext) -> Iterator[Seed]:
        """Yield the results, query by query in rank order, each page once; SourceNotFound when there are none at all.

        Repetitions and addresses other than http and https are left out; how many is written to search.json in `context.cache`.
        """
        settings = _settings(source)
        engine = _engine(settings, context, source)
        known: set[str] = set()
        record = [_Asked(query) for query in settings.queries]
        for asked in record:
            yield from _results(engine, settings, asked, known)
        if context.cache is not None:
            write_json(
                context.cache / "search.json",
                {"at": context.now(), "engine": settings.engine, "queries": [asdict(asked) for asked in record]},
            )
        if not known:
            raise SourceNotFound(
                f"{settings.engine} finds nothing for {', '.join(map(repr, settings.queries))}",
                where=source.where,
                hint="Try the query in a browser; SearXNG names engines that did not answer under unresponsive_engines.",
            )


def _results(engine: Engine, settings: SearchSettings, asked: _Asked, known: set[str]) -> Iterator[Seed]:
    """Yield the results of one query until there are enough, the engine has no more, or it only repeats itself."""
    rank, number = 0, 0
    while True:
        page = engine.page(asked.query, number)
        number += 1
        asked.pages += 1
        fresh = 0
        for url in page.urls:
            rank += 1
            asked.results += 1
            key = canonical(url)
            if not key:
                asked.not_http += 1
                if len(asked.left_out) < _SHOWN:
                    asked.left_out.append(public_url(url))
            elif key in known:
                asked.repeated += 1
            else:
                known.add(key)
                fresh += 1
                asked.taken += 1
                yield Seed(url.partition("#")[0], f"search: {settings.engine} {asked.query!r} rank {rank}")
                if asked.taken >= settings.max_results:
                    return
        if not page.more or not fresh:
            return


def canonical(url: str) -> str:
    """Return one form for the addresses of one page, without fragment and tracking parameters; "" unless http or https."""
    try:
        parts = urlsplit(canonicalize_url(url))
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    query = "&".join(pair for pair in parts.query.split("&") if not _TRACKING.fullmatch(pair.partition("=")[0]))
    site = host if port in (None, 80 if parts.scheme == "http" else 443) else f"{host}:{port}"
    return urlunsplit((parts.scheme, site, parts.path or "/", query, ""))


def _settings(source: Source) -> SearchSettings:
    if not isinstance(source.settings, SearchSettings):
        raise PluginError(f"source {source.name} was declared with settings of another kind", where=source.where)
    return source.settings


def _engine(settings: SearchSettings, context: ResolveContext, source: Source) -> Engine:
    wish = Wish(settings.language, settings.safe)
    if settings.engine == "searxng":
        return SearXNG(settings.base_url or "", wish, context.api)
    return Brave(settings.base_url or BRAVE, wish, context.api, _brave_key(settings, context, source))
