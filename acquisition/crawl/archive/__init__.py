"""Every answer of a run, as it came, in WARC files; the items found on them; and what changed since the run before."""

from acquisition.crawl.archive.cdxj import write_cdxj
from acquisition.crawl.archive.changes import Changes, Ended, carry, compare, due
from acquisition.crawl.archive.decisions import Explained, read_decisions
from acquisition.crawl.archive.itemlog import ItemLog
from acquisition.crawl.archive.items import NotPlain, Page, Rights, is_media, plain, record_of
from acquisition.crawl.archive.recalled import Recalled
from acquisition.crawl.archive.run import RunArchive
from acquisition.crawl.archive.wacz import write_wacz

__all__ = [
    "Changes",
    "Ended",
    "Explained",
    "ItemLog",
    "NotPlain",
    "Page",
    "Recalled",
    "Rights",
    "RunArchive",
    "carry",
    "compare",
    "due",
    "is_media",
    "plain",
    "read_decisions",
    "record_of",
    "write_cdxj",
    "write_wacz",
]
