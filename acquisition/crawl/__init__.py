"""3' crawl: the open web, politely, into WARC. Scrapy is the engine of spiders and runs in a process of its own.

Importing this package imports nothing else: the crawling process begins with it. `acquisition.crawl.spider` is what authors of
spiders import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from acquisition.crawl.archive.site_files import site_files
    from acquisition.crawl.frontier.neighbours import rest_as_elsewhere
    from acquisition.crawl.inquiry import activity, skipped, story
    from acquisition.crawl.outcome import CrawlRun, find_run, load_run, release
    from acquisition.crawl.process import run
    from acquisition.crawl.tally import Missed, missed_in

__all__ = [
    "CrawlRun",
    "Missed",
    "activity",
    "find_run",
    "load_run",
    "missed_in",
    "release",
    "rest_as_elsewhere",
    "run",
    "site_files",
    "skipped",
    "story",
]

_HOMES: Final = {
    **dict.fromkeys(("activity", "skipped", "story"), "inquiry"),
    **dict.fromkeys(("CrawlRun", "find_run", "load_run", "release"), "outcome"),
    **dict.fromkeys(("Missed", "missed_in"), "tally"),
    "rest_as_elsewhere": "frontier.neighbours",
    "site_files": "archive.site_files",
    "run": "process",
}


def __getattr__(name: str) -> Any:  # PEP 562: a function or a class
    """Import what is asked for from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
