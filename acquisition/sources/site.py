"""What the general spider is told by declaration alone: where a site lists its pages, which are visited, what is taken.

`kind: spider` and `kind: search` share these settings. Patterns and selectors are checked when they are declared; they reach
the spider as arguments, structured ones as JSON text.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from acquisition.settings import CrawlSettings

REGEX: Final = "regex:"
_COLUMN: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_RESERVED: Final = frozenset({"fields", "captions", "extract", "license_url", "split", "signals"})


def _is_pattern(text: str) -> str:
    as_regex(text)
    return text


def _is_selector(text: str) -> str:
    from cssselect import SelectorError
    from lxml import etree
    from parsel.csstranslator import HTMLTranslator

    try:
        etree.XPath(HTMLTranslator().css_to_xpath(text))
    except (etree.XPathError, SelectorError, ValueError) as error:
        raise ValueError(f"{text!r} is no CSS selector: {error}") from None
    return text


def _is_column(text: str) -> str:
    if not _COLUMN.fullmatch(text) or text in _RESERVED:
        raise ValueError(f"{text!r} cannot be the name of a column; write a lower-case word such as label or price")
    return text


WebUrl = Annotated[str, Field(pattern=r"^https?://\S+$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:\[\]_-]+$")]
UrlPattern = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_is_pattern)]
"""`/articles/*` is matched against path and query, `https://example.org/*` and `*.html` against the whole address; `*` stands
for any characters, everything else for itself. `regex:` begins a regular expression, searched in the whole address."""
Selector = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_is_selector)]
"""A CSS selector; `::text` and `::attr(name)` may end it."""
SelectName = Annotated[str, AfterValidator(_is_column)]
MediaKind = Literal["image", "audio", "video", "track"]


class SiteSettings(CrawlSettings):
    """Which pages of a site are visited and what is taken from them, without a spider of one's own."""

    sitemaps: bool | tuple[WebUrl, ...] = False
    """true: those that robots.txt names, else /sitemap.xml; or a list of addresses. Index, gzip, text and feeds are read."""
    feeds: bool | tuple[WebUrl, ...] = False
    """RSS, Atom or JSON feeds, whose entries are visited; true: those that pages link to."""
    hosts: tuple[HostName, ...] = ()
    """More hosts whose pages are visited. Left out: only those of start, sitemaps and feeds (with and without www.)."""
    allow: tuple[UrlPattern, ...] = ()
    """Only addresses that one of these fits. /path/* fits path and query, https://… and *… the whole address; * stands for any
    characters; regex: begins a regular expression, searched in the whole address. Start addresses are always visited."""
    deny: tuple[UrlPattern, ...] = ()
    """Addresses that are left out, whatever `allow` says."""
    follow: bool | tuple[Selector, ...] = True
    """Which links are followed: all, none, or those inside elements that CSS selectors name."""
    select: dict[SelectName, Selector | tuple[Selector, ...]] = Field(default_factory=dict)
    """CSS selectors for item, text, media, label, caption, license, title, author, group, name; any other name becomes a field.
    Of several selectors the first that finds something counts."""
    extract: bool | None = None
    """Take each page's main text when it is staged. Left out: yes, unless media or text or item are selected."""
    media: bool | tuple[MediaKind, ...] | None = None
    """Take media: true for images, sounds and videos, or a list of kinds. Left out: only where `select` has media."""

    @property
    def site_arguments(self) -> dict[str, str]:
        """What is declared of all this, as arguments of the spider: JSON texts, globs as regular expressions."""
        said: dict[str, Any] = {}
        for name in ("sitemaps", "feeds", "hosts", "allow", "deny", "follow", "select", "extract", "media"):
            value = getattr(self, name)
            if value != type(self).model_fields[name].get_default(call_default_factory=True):
                said[name] = [as_regex(one) for one in value] if name in ("allow", "deny") else value
        return {name: json.dumps(value, ensure_ascii=False, sort_keys=True) for name, value in said.items()}


def as_regex(pattern: str) -> str:
    """Return a URL pattern as a regular expression for the whole address; ValueError when it is none."""
    if pattern.startswith(REGEX):
        return _checked(pattern.removeprefix(REGEX).strip())
    if not pattern.startswith(("/", "*", "http://", "https://")):
        raise ValueError(
            f"{pattern!r} is no pattern for addresses; write /path/*, https://host/path/*, *.html or regex:… "
            "(a star stands for any characters)"
        )
    head = r"^[a-z]+://[^/?#]+" if pattern.startswith("/") else "^"
    first, *middle = pattern.split("*")
    last = middle.pop() if middle else None
    # Between two stars the first place that fits is as good as any: with an atomic group nothing is tried twice.
    body = re.escape(first) + "".join(f"(?>.*?{re.escape(part)})" for part in middle if part)
    return head + body + ("" if last is None else f".*{re.escape(last)}") + "$"


def _checked(text: str) -> str:
    import regex

    try:
        regex.compile(text)
    except regex.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    if not text:
        raise ValueError(f"nothing follows {REGEX}")
    return text
