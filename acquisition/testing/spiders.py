"""For authors of spiders: run a spider over a saved page, without a network, and compare with an expected file.

from acquisition.testing.spiders import run_spider

def test_quotes():
    found = run_spider(QuotesSpider, Path("tests/quotes.html"), url="https://quotes.example/")
    found.assert_matches(Path("tests/quotes.expected.json"))

The page is a file whose bytes are given as a server would have sent them. Nothing is started: no engine, no reactor, no
middleware; what the spider yields is collected. Importing this module imports Scrapy.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import mimetypes
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from inspect import isasyncgen, isawaitable
from pathlib import Path
from typing import Any, Final

from itemadapter.adapter import ItemAdapter
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.responsetypes import responsetypes
from scrapy.settings import Settings

from acquisition.crawl.archive.items import plain

SHOWN: Final = ("embedded", "allow_offsite", "lastmod", "license_url", "home")
_TYPES: Final = {".html": "text/html", ".htm": "text/html", ".xml": "application/xml", ".rss": "application/rss+xml"}


@dataclass(frozen=True, slots=True)
class Found:
    """What a spider yielded for one page, in order, as plain values.

    An item is a dict without its empty values. A request is a dict with `url`, and where they are not the ordinary ones
    `callback`, `method`, `priority`, `cb_kwargs` and `meta`.
    """

    items: tuple[dict[str, Any], ...]
    requests: tuple[dict[str, Any], ...]

    @property
    def urls(self) -> list[str]:
        """The addresses asked for, in order."""
        return [str(request["url"]) for request in self.requests]

    def record(self) -> dict[str, Any]:
        """Return everything as JSON has it, as it stands in an expected file."""
        return {"items": list(self.items), "requests": list(self.requests)}

    def write(self, expected: Path) -> None:
        """Write the expected file; read it before you keep it."""
        expected.write_text(_json(self.record()), encoding="utf-8")

    def assert_matches(self, expected: Path) -> None:
        """Raise AssertionError with the difference unless the file holds exactly this (in the parts that it has)."""
        assert_matches(self, expected)


def assert_matches(found: Found, expected: Path) -> None:
    """Raise AssertionError, line by line, unless the file {"items": […], "requests": […]} holds what was found."""
    assert expected.is_file(), f"there is no {expected}; found.write({str(expected)!r}) makes it from what was found"
    wanted = json.loads(expected.read_text(encoding="utf-8"))
    assert isinstance(wanted, dict), f"{expected} is not an object with items and requests"
    assert set(wanted) <= {"items", "requests"}, f"{expected} has {', '.join(sorted(set(wanted) - {'items', 'requests'}))}"
    have = {part: value for part, value in found.record().items() if part in wanted}
    if have != wanted:
        lines = difflib.unified_diff(
            _json(wanted).splitlines(), _json(have).splitlines(), f"expected: {expected}", "found", lineterm="", n=2
        )
        raise AssertionError("the spider found something else\n" + "\n".join(lines))


def run_spider(
    spider: type[Spider] | Spider,
    saved_page: Path | bytes,
    *,
    url: str = "https://example.org/",
    callback: str = "parse",
    headers: Mapping[str, str] | None = None,
    status: int = 200,
    meta: Mapping[str, Any] | None = None,
    cb_kwargs: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Found:
    """Run one callback of a spider over a saved page and return what it yields.

    `arguments` are the spider's, as `arguments:` declares them; `start_urls` is `url` unless they say otherwise. Without a
    Content-Type among the headers the file's ending decides, and a page without one is HTML. What the spider raises is raised.
    """
    page = saved_page.read_bytes() if isinstance(saved_page, Path) else saved_page
    made = _made(spider, {"start_urls": [url], **(arguments or {})})
    request = Request(url, meta=dict(meta or {}), cb_kwargs=dict(cb_kwargs or {}))
    response = _response(request, page, {"Content-Type": _type_of(saved_page), **(headers or {})}, status)
    return _collected(getattr(made, callback)(response, **request.cb_kwargs))


def run_start(spider: type[Spider] | Spider, *, arguments: Mapping[str, Any] | None = None) -> Found:
    """Return what a spider begins with."""
    return _collected(_made(spider, dict(arguments or {})).start())


def _made(spider: type[Spider] | Spider, arguments: dict[str, Any]) -> Spider:
    """Return the spider as a crawl would make it, with settings but without an engine."""
    if isinstance(spider, Spider):
        return spider
    made: Spider = spider.from_crawler(Crawler(spider, Settings()), **arguments)
    return made


def _type_of(saved_page: Path | bytes) -> str:
    if isinstance(saved_page, bytes):
        return "text/html"
    suffix = saved_page.suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(saved_page.name)[0] or "text/html"


def _response(request: Request, body: bytes, headers: Mapping[str, str], status: int) -> Response:
    lines = {name.encode(): [value.encode("latin-1")] for name, value in headers.items()}
    made = responsetypes.from_args(headers={b"Content-Type": headers["Content-Type"].encode()}, url=request.url, body=body)
    response: Response = made(request.url, status=status, headers=lines, body=body, request=request)
    return response


def _collected(output: Any) -> Found:
    values = asyncio.run(_all_of(output)) if isasyncgen(output) or isawaitable(output) else output
    items: list[dict[str, Any]] = []
    requests: list[dict[str, Any]] = []
    for value in _listed(values):
        if isinstance(value, Request):
            requests.append(_request(value))
        elif value is not None:
            items.append(_item(value))
    return Found(tuple(items), tuple(requests))


async def _all_of(output: Any) -> list[Any]:
    if isinstance(output, AsyncIterator):
        return [value async for value in output]
    return _listed(await output)


def _listed(values: Any) -> list[Any]:
    """Return what a callback may give back (nothing, one thing, several) as a list."""
    if values is None or isinstance(values, Request) or ItemAdapter.is_item(values):
        return [values]
    assert isinstance(values, Iterable), f"the callback returned {values!r}, which is neither an item nor a request"
    return list(values)


def _item(value: Any) -> dict[str, Any]:
    fields = {str(name): plain(inner) for name, inner in ItemAdapter(value).asdict().items()}
    return {name: inner for name, inner in fields.items() if inner not in (None, {})}


def _request(request: Request) -> dict[str, Any]:
    callback = getattr(request.callback, "__name__", "") if request.callback is not None else ""
    said: dict[str, Any] = {
        "method": request.method if request.method != "GET" else "",
        "callback": callback if callback != "parse" else "",
        "priority": request.priority,
        "cb_kwargs": {name: _told(value) for name, value in request.cb_kwargs.items()},
        "meta": {name: plain(request.meta[name]) for name in SHOWN if name in request.meta},
    }
    return {"url": request.url} | {name: value for name, value in said.items() if value}


def _told(value: Any) -> Any:
    return _item(value) if ItemAdapter.is_item(value) else plain(value)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
