"""The protocols of search engines: one page of results for a query, and what helps when an engine refuses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from acquisition.errors import AcquisitionError, CredentialsRejected, ProtocolError, SourceForbidden, SourceUnavailable
from acquisition.network import public_url
from acquisition.protocols import ApiClient
from acquisition.sources.credentials import with_answer

BRAVE: Final = "https://api.search.brave.com"
BRAVE_PER_PAGE: Final = 20
BRAVE_PAGES: Final = 10
"""The API's own ends: `count` up to 20, `offset` 0 to 9, so 200 results of one query at most."""
SEARXNG_PAGES: Final = 50
"""SearXNG has no last page of its own; an engine that repeats itself ends sooner."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of results: their addresses in rank order, and whether the engine says that there are more."""

    urls: tuple[str, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """How results are wanted: their language ("" for any), and how strictly what is not for everybody is left out."""

    language: str = ""
    safe: Literal["off", "moderate", "strict"] = "moderate"


class Engine(Protocol):
    """One search engine's protocol."""

    @abstractmethod
    def page(self, query: str, number: int) -> Page:
        """Return a page of results, counted from 0."""


class SearXNG(Engine):
    """`GET /search?format=json` of a SearXNG instance (docs.searxng.org, Search API)."""

    def __init__(self, base_url: str, wish: Wish, api: ApiClient) -> None:
        self._url = f"{base_url.rstrip('/')}/search"
        self._wish = wish
        self._api = api

    def page(self, query: str, number: int) -> Page:
        """Return one page; the instance has no size of a page and no number of pages to ask for."""
        safe = {"off": "0", "moderate": "1", "strict": "2"}[self._wish.safe]
        params = {"q": query, "format": "json", "pageno": str(number + 1), "safesearch": safe}
        if self._wish.language:
            params["language"] = self._wish.language
        try:
            urls = _urls(_list(self._api.get_json(self._url, params=params), "results", self._url))
        except AcquisitionError as error:
            raise self._explained(error) from None
        return Page(urls, more=bool(urls) and number + 1 < SEARXNG_PAGES)

    def _explained(self, error: AcquisitionError) -> AcquisitionError:
        if isinstance(error, SourceForbidden) and error.status == 403:
            forbidden = SourceForbidden(
                f"the SearXNG instance answers 403 to format=json ({error.said or 'no reason given'})",
                where=error.where,
                hint="Add json to `search: formats:` in its settings.yml; public instances mostly have it switched off.",
            )
            return with_answer(forbidden, error)
        if isinstance(error, ProtocolError):
            error.hint = "Is base_url a SearXNG instance, with json among `search: formats:` of its settings.yml?"
        elif isinstance(error, SourceUnavailable) and error.status == 429:
            error.hint = "The instance limits its visitors: switch its limiter off for yourself, or run again later."
        return error


class Brave(Engine):
    """`GET /res/v1/web/search` of the Brave Search API, with the key in X-Subscription-Token."""

    def __init__(self, base_url: str, wish: Wish, api: ApiClient, key: tuple[str, str]) -> None:
        self._url = f"{base_url.rstrip('/')}/res/v1/web/search"
        self._wish = wish
        self._api = api
        self._key, self._place = key

    def page(self, query: str, number: int) -> Page:
        """Return one page of at most 20 results; the API ends at the tenth."""
        wanted = {"q": query, "count": str(BRAVE_PER_PAGE), "offset": str(number), "safesearch": self._wish.safe}
        if self._wish.language:
            wanted["search_lang"] = self._wish.language
        try:
            answer = self._api.get_json(self._url, params=wanted, headers={"X-Subscription-Token": self._key})
        except AcquisitionError as error:
            raise self._explained(error) from None
        web = answer.get("web") if isinstance(answer, dict) else None
        urls = _urls(_list(web, "results", self._url)) if web is not None else ()
        said = answer.get("query") if isinstance(answer, dict) else None
        more = said.get("more_results_available", True) is not False if isinstance(said, dict) else True
        return Page(urls, more=bool(urls) and more and number + 1 < BRAVE_PAGES)

    def _explained(self, error: AcquisitionError) -> AcquisitionError:
        said = error.said.lower()
        if isinstance(error, CredentialsRejected) or (
            error.status in (403, 422) and ("token" in said or "subscription" in said)
        ):
            refused = CredentialsRejected(
                f"{error.message} (the key came from {self._place})",
                where=error.where,
                hint="Look at the key in Brave's dashboard.",
            )
            return with_answer(refused, error)
        if error.status in (402, 429) and ("quota" in said or error.status == 402):
            error.hint = (
                "The plan's requests of this month are used up; nothing was visited. Run again when there are new ones."
            )
        elif error.status == 429:
            error.hint = "The plan's requests per second are used up; run again later, or ask fewer queries."
        return error


def _list(answer: Any, name: str, url: str) -> list[Any]:
    found = answer.get(name) if isinstance(answer, Mapping) else None
    if not isinstance(found, list):
        raise ProtocolError(f"the answer has no list of {name}", where=public_url(url))
    return found


def _urls(results: list[Any]) -> tuple[str, ...]:
    found = (one.get("url") for one in results if isinstance(one, Mapping))
    return tuple(url.strip() for url in found if isinstance(url, str) and url.strip())
