"""Drives lists of addresses (`kind: url_list`): no Scrapy, a lean loop over the same frontier, visitor and archive."""

from acquisition.crawl.listing.drive import Means, run_list
from acquisition.crawl.listing.media import Wanted
from acquisition.crawl.listing.report import STATS_FILE, write_stats
from acquisition.crawl.listing.visits import Taker

__all__ = ["STATS_FILE", "Means", "Taker", "Wanted", "run_list", "write_stats"]
