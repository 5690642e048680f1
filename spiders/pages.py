"""Pages of text: follow the links of a site and keep what the pages say.

    my-site:
      kind: spider
      spider: pages
      start: [https://example.org/articles/]
      limits: {pages: 200, depth: 2}
      arguments: {follow: "/articles/"}       # optional: only links whose address contains this are followed

A model to read: an ordinary Scrapy spider that makes soup. robots.txt, delays, limits and the archive are not its business.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from scrapy.http import HtmlResponse, Response

from acquisition.crawl.spider import Sample, SampleSpider

NOT_TEXT = ["script", "style", "noscript", "template", "svg", "form", "nav", "header", "footer", "aside", "iframe", "button"]
BLOCKS = ["h1", "h2", "h3", "h4", "h5", "h6", "p", "li", "blockquote", "pre", "dt", "dd", "td", "th", "figcaption"]


class PagesSpider(SampleSpider):
    """One text item per page, with its title, author and license link; links inside the start hosts are followed."""

    name = "pages"

    def __init__(self, *args: Any, follow: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.follow = follow
        self.allowed_domains = sorted({urlsplit(url).hostname or "" for url in self.start_urls})
        self.origins = {urlsplit(url).netloc for url in self.start_urls}

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page's text and the pages that it links to."""
        if not isinstance(response, HtmlResponse):
            return
        soup = self.soup(response)
        links = list(self.links(soup, response))
        sample = self.sample(soup, response)
        if sample.text:
            yield sample
        for url in links:
            yield response.follow(url)

    def links(self, soup: BeautifulSoup, response: Response) -> Iterator[str]:
        """Yield the addresses of the page's links that stay on the start hosts and that the page invites to follow."""
        for link in soup.find_all("a", href=True):
            url = response.urljoin(str(link["href"])).split("#")[0]
            invited = "nofollow" not in (link.get("rel") or [])
            if invited and urlsplit(url).netloc in self.origins and self.follow in url:
                yield url

    def sample(self, soup: BeautifulSoup, response: Response) -> Sample:
        """Return what the page says, as an item. Takes the soup apart, so links are read before."""
        license_link = _license(soup)
        return Sample(
            title=_title(soup),
            author=_author(soup),
            license=license_link.get_text(" ", strip=True) or None if license_link else None,
            license_url=response.urljoin(str(license_link["href"])) if license_link else None,
            text=_text(soup),
        )


def _title(soup: BeautifulSoup) -> str | None:
    found = soup.find("h1") or soup.find("title")
    return found.get_text(" ", strip=True) or None if found else None


def _author(soup: BeautifulSoup) -> str | None:
    meta = soup.select_one('meta[name="author"][content]')
    if meta:
        return str(meta["content"]).strip() or None
    marked = soup.select_one('[rel~="author"], [itemprop~="author"]')
    return marked.get_text(" ", strip=True) or None if marked else None


def _license(soup: BeautifulSoup) -> Tag | None:
    """Return the page's license link; None when links disagree. One inside a figure speaks of the picture, not of the text."""
    links = [link for link in soup.find_all(["link", "a"], rel="license", href=True) if not link.find_parent("figure")]
    return links[0] if len({str(link["href"]) for link in links}) == 1 else None


def _text(soup: BeautifulSoup) -> str:
    """Return the paragraphs of the main part of the page, one per line."""
    body = soup.find("main") or soup.find("article") or soup.select_one('[role="main"]') or soup.body
    if not isinstance(body, Tag):
        return ""
    for unwanted in body.find_all(NOT_TEXT):
        unwanted.decompose()
    innermost = [block for block in body.find_all(BLOCKS) if not block.find(BLOCKS)]
    lines = [block.get_text(" ", strip=True) for block in innermost] or [body.get_text(" ", strip=True)]
    return "\n".join(line for line in lines if line)
