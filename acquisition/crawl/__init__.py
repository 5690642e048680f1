"""3' crawl: the open web, politely, into WARC. Scrapy is the engine and runs in a process of its own.

Importing this package does not import Scrapy; `acquisition.crawl.spider` is what authors of spiders import.
"""

from acquisition.crawl.outcome import CrawlRun, find_run, load_run, release
from acquisition.crawl.process import run

__all__ = ["CrawlRun", "find_run", "load_run", "release", "run"]
