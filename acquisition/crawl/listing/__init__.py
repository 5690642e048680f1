"""Drives lists of addresses (`kind: url_list`): no Scrapy, a lean loop over the same frontier, visitor and archive.

rows ──▶ frontier ──▶ drive ──▶ visits ──▶ visitor           one process, which fetches
│
clerk ──▶ archive, items     the same process, or a scribe of its own
"""

from acquisition.crawl.listing.clerk import Clerk, NearClerk
from acquisition.crawl.listing.drive import Means, run_list
from acquisition.crawl.listing.media import Wanted
from acquisition.crawl.listing.report import STATS_FILE, write_stats
from acquisition.crawl.listing.visits import Taker

__all__ = ["STATS_FILE", "Clerk", "Means", "NearClerk", "Taker", "Wanted", "run_list", "write_stats"]
