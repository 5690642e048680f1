"""The general spider: pages and media of a site, by declaration alone.

    my-site:
      kind: spider
      start: [https://example.org/articles/]
      sitemaps: true
      allow: ["/articles/*"]
      media: [image]
      limits: {pages: 500, depth: 3}

Every option comes from `sources.yaml` (docs/write-a-spider.md) as an argument of the same name, structured ones as JSON text.
What is permitted, how fast and how much is not its business.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import HtmlResponse, Response, TextResponse, XmlResponse

from acquisition.crawl.discover import feeds, oembed, sitemaps
from acquisition.crawl.discover.found import Kind, Media, kind_of
from acquisition.crawl.discover.links import Links, feeds_of, may_close, oembeds_of
from acquisition.crawl.discover.media import backgrounds
from acquisition.crawl.discover.page import Page
from acquisition.crawl.discover.scope import Scope, addresses_of, host_of, site_of
from acquisition.crawl.discover.select import Selectors
from acquisition.crawl.discover.selecting import Selected
from acquisition.crawl.spider import EMBEDDED, PLAYED, Sample, SampleSpider, is_media, is_wanted, sample_of, type_of

HOME: Final = "home"
"""Meta of requests on a site that is not declared: where a start address was redirected to, or a search result."""
FIRST, LISTED, QUERY = 20, 10, -1
"""Priorities: start pages (so that robots.txt is there when its sitemaps are looked for), lists, and pages with a query."""

_ABSENT: Final = [400, 401, 403, 404, 405, 410]


class BadFeed(ValueError):
    """A feed was not read to its end; what stood before counts."""


class SiteSpider(SampleSpider):
    """Text, media or rows of a site's pages; follows links, sitemaps and feeds inside the sites that it was sent to."""

    name = "site"
    media_default: bool | list[str] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        told = {
            name: _told(kwargs.pop(name, "")) for name in ("sitemaps", "feeds", "hosts", "allow", "deny", "follow", "select")
        }
        extract, kinds = _told(kwargs.pop("extract", "")), _told(kwargs.pop("media", ""))
        super().__init__(*args, **kwargs)
        self.sitemaps = told["sitemaps"] or False
        self.feeds = told["feeds"] or False
        self.select = Selectors(told["select"] or {})
        self.kinds = _kinds(self.media_default if kinds is None else kinds, chosen="media" in self.select)
        chosen = bool(self.kinds) or "text" in self.select or "item" in self.select
        self.extract = not chosen if extract is None else bool(extract)
        follow = told["follow"]
        self.follow = follow if isinstance(follow, bool) else True
        within = Selectors({"links": follow if isinstance(follow, (str, list)) else []})
        self.within = within.selectors("links")
        declared = [
            *self.start_urls,
            *_listed(self.sitemaps),
            *_listed(self.feeds),
        ]
        declared += addresses_of(_listed(told["hosts"]), declared)
        self.scope = Scope.of(declared, told["allow"] or (), told["deny"] or ())
        self.allowed_domains = sorted({host_of(site) for site in self.scope.sites})
        self.links = Links(self.scope)
        self._sites_asked: set[str] = set()

    async def start(self) -> AsyncIterator[Any]:
        """Begin at the declared addresses, and where the sites list their pages."""
        for url in self.start_urls:
            yield Request(url, priority=FIRST, meta={"allow_offsite": True})
        for url in _listed(self.sitemaps):
            yield self._sitemap(url, sites=sorted({site_of(one) for one in self.start_urls}))
        for url in _listed(self.feeds):
            yield Request(url, self.parse_feed, priority=LISTED)
        for url in self.start_urls:
            for request in self._robots(url):
                yield request

    # --- pages

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield what a page holds and leads to; a file that came where a page was expected is taken if it is wanted."""
        if self._strayed(response):
            self.logger.info("strayed url=%s", response.url)
        elif isinstance(response, HtmlResponse):
            yield from self.parse_page(response)
        elif isinstance(response, TextResponse) and not is_media(response):
            if self.extract and not isinstance(response, XmlResponse) and type_of(response).lower().startswith("text/plain"):
                yield Sample(extract=True)
        elif response.body and kind_of(response.url, type_of(response)) in self.kinds:
            yield Sample()

    def parse_page(self, response: HtmlResponse) -> Iterator[Any]:
        """Yield a page's items, its files, and the pages it leads to."""
        page = self.page(response)
        home = self._home(response)
        yield from self.items(page, response)
        yield from self.files(page)
        if self.follow:
            meta = {HOME: home, "allow_offsite": True} if home else {}
            open_ = not may_close(page, (line.decode("latin-1") for line in response.headers.getlist("X-Robots-Tag")))
            for url in self.links.of(page, response.meta.get("depth", 0), home, self.within, remember=open_):
                yield Request(url, priority=QUERY if "?" in url else 0, meta=dict(meta))
        if self.feeds is True:
            yield from (Request(url, self.parse_feed, priority=LISTED) for url in feeds_of(page) if self._is_ours(url, home))
        if response.meta.get("depth", 0) == 0:
            yield from self._robots(response.url)

    def items(self, page: Page, response: Response) -> Iterator[Sample]:
        """Yield the text items or rows of a page, as `select` and `extract` say."""
        selected = Selected(self.select, page)
        if "text" in self.select or ("item" in self.select and not self.kinds):
            for values in selected.rows():
                yield _sample(values, page)
        if self.extract:
            sample = _sample(selected.of_page(), page)
            if (license_ := selected.license_of_text()) is not None:
                sample.license, sample.license_url = license_.text or None, license_.url or None
            elif "license" not in self.select and not page.says(b"licen"):
                sample.license_url = response.meta.get("license_url") or None
            sample.extract = True
            if self.kinds and (urls := backgrounds(page)):
                sample.fields["background_images"] = urls
            yield sample

    def files(self, page: Page) -> Iterator[Request]:
        """Yield a request for every wanted file of a page."""
        if not self.kinds:
            return
        asked = 0
        for one, values in Selected(self.select, page).media():
            if is_wanted(one, self.kinds):
                asked += 1
                yield self.request_media(one, _overlaid(sample_of(one), values))
        if not asked and "media" not in self.select:
            for url in oembeds_of(page)[:1]:  # a request for every page only where the page itself shows nothing
                yield Request(url, self.parse_oembed, meta=dict(EMBEDDED), headers={"Accept": "application/json"})

    def parse_oembed(self, response: Response) -> Iterator[Request]:
        """Ask for the photo that a page's oEmbed description names."""
        one = oembed.photo(response.body, response.url)
        if one is not None and is_wanted(one, self.kinds):
            yield self.request_media(one)

    # --- what sites list themselves

    def parse_robots(self, response: Response) -> Iterator[Request]:
        """Ask for the sitemaps that a robots.txt names, else for /sitemap.xml."""
        response.meta["depth"] = -1
        return self._from_robots(response)

    def _from_robots(self, response: Response) -> Iterator[Request]:
        found = sitemaps.from_robots(response.body, response.url) if response.status == 200 else []
        site = site_of(response.url)
        for url in found:
            yield self._sitemap(url, sites=[site])
        if not found:
            yield self._sitemap(response.urljoin("/sitemap.xml"), sites=[site], guessed=True)

    def parse_sitemap(self, response: Response, level: int, sites: list[str], guessed: bool = False) -> Iterator[Request]:
        """Ask for the pages and sitemaps that a sitemap names. What a site lists is a start, not a link of some depth."""
        response.meta["depth"] = -1
        return self._from_sitemap(response, level, frozenset(sites), guessed=guessed)

    def _from_sitemap(self, response: Response, level: int, sites: frozenset[str], *, guessed: bool) -> Iterator[Request]:
        try:
            for entry in sitemaps.read(response.body, response.url, sites=sites):
                if entry.is_sitemap:
                    if level < sitemaps.DEEPEST:
                        yield self._sitemap(entry.url, sites=sorted(sites), level=level + 1)
                    continue
                yield from self._listed_page(entry.url, {"lastmod": entry.lastmod}, sites)
                yield from self._listed_media(entry.media)
        except sitemaps.BadSitemap:
            if not guessed:
                raise  # what nobody promised need not be there

    def parse_feed(self, response: Response) -> Iterator[Request]:
        """Ask for the pages and files of a feed's entries."""
        response.meta["depth"] = -1
        return self._from_feed(response)

    def _from_feed(self, response: Response) -> Iterator[Request]:
        feed = feeds.read(response.body, response.url)
        for entry in feed.entries:
            license_url = entry.license.url if entry.license else ""
            if entry.url:
                yield from self._listed_page(entry.url, {"lastmod": entry.updated, "license_url": license_url}, frozenset())
            yield from self._listed_media(entry.media)
        if feed.broken:
            raise BadFeed(f"the feed was not read to its end: {feed.broken}")

    def _listed_page(self, url: str, hints: dict[str, str], sites: frozenset[str]) -> Iterator[Request]:
        site = site_of(url)
        if (site in self.scope.sites or site in sites) and self.scope.wants(url):
            home = {} if site in self.scope.sites else {HOME: site, "allow_offsite": True}
            yield Request(url, meta={name: value for name, value in hints.items() if value} | home)

    def _listed_media(self, found: tuple[Media, ...]) -> Iterator[Request]:
        yield from (self.request_media(one) for one in found if self.kinds and is_wanted(one, self.kinds))

    def _sitemap(self, url: str, *, sites: list[str], level: int = 1, guessed: bool = False) -> Request:
        told = {"level": level, "sites": sites} | ({"guessed": True} if guessed else {})
        absence = {"handle_httpstatus_list": _ABSENT} if guessed else {}
        return Request(url, self.parse_sitemap, cb_kwargs=told, priority=LISTED, meta={"allow_offsite": True} | absence)

    def _robots(self, url: str) -> Iterator[Request]:
        """Yield the request for a site's list of sitemaps, once; the crawler has robots.txt in its archive by then."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if self.sitemaps is True and origin not in self._sites_asked:
            self._sites_asked.add(origin)
            meta = {"handle_httpstatus_list": _ABSENT, "allow_offsite": True}
            yield Request(f"{origin}/robots.txt", self.parse_robots, priority=LISTED, meta=meta)

    # --- which sites

    def _home(self, response: Response) -> str:
        """Return the undeclared site that this page may lead further into, "" for declared ones."""
        site = site_of(response.url)
        if site in self.scope.sites:
            return ""
        return site if response.meta.get("depth", 0) == 0 else str(response.meta.get(HOME, ""))

    def _strayed(self, response: Response) -> bool:
        """Say whether a page of an undeclared site was redirected away from it; from declared ones nothing gets so far."""
        home, site = response.meta.get(HOME), site_of(response.url)
        return bool(home) and site != home and site not in self.scope.sites

    def _is_ours(self, url: str, home: str) -> bool:
        site = site_of(url)
        return site in self.scope.sites or (home != "" and site == home)


def _told(text: Any) -> Any:
    """Return a structured argument: JSON text, or the value itself where a test or another spider passes one."""
    if not isinstance(text, str):
        return text
    return json.loads(text) if text else None


def _listed(given: Any) -> list[str]:
    return [str(one) for one in given] if isinstance(given, (list, tuple)) else []


def _kinds(given: Any, *, chosen: bool) -> tuple[Kind, ...]:
    if isinstance(given, (list, tuple)):
        return tuple(given)
    return PLAYED if given or chosen else ()


def _sample(values: dict[str, Any], page: Page) -> Sample:
    sample = _overlaid(Sample(), values)
    if page.canonical and page.canonical != page.url:
        sample.fields["canonical"] = page.canonical
    return sample


def _overlaid(sample: Sample, values: dict[str, Any]) -> Sample:
    """Return the sample with what the declaration's selectors have found; names of no column of ours become fields."""
    for name, value in values.items():
        if name == "fields":
            sample.fields.update(value)
        elif name == "caption":
            sample.caption = value
            sample.captions = [{"text": value, "origin": "selected"}, *(sample.captions or [])]
        else:
            setattr(sample, name, value)
    return sample
