"""3' crawl: the open web, politely, into WARC. Scrapy is the engine of spiders and runs in a process of its own.

Importing this package imports neither Scrapy nor libcurl; `acquisition.crawl.spider` is what authors of spiders import.
"""

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
    "skipped",
    "story",
]
