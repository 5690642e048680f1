"""Every answer of a run, as it came, in WARC files; the items found on them; and what changed since the run before."""

from acquisition.crawl.archive.cdxj import write_cdxj
from acquisition.crawl.archive.itemlog import ItemLog
from acquisition.crawl.archive.items import VISIT_FIELDS, NotPlain, Page, Rights, is_media, plain, record_of
from acquisition.crawl.archive.legacy import Archive, Exchange
from acquisition.crawl.archive.run import Recalled, RunArchive
from acquisition.crawl.archive.wacz import write_wacz
from acquisition.crawl.contract import Place

__all__ = [
    "VISIT_FIELDS",
    "Archive",
    "Exchange",
    "ItemLog",
    "NotPlain",
    "Page",
    "Place",
    "Recalled",
    "Rights",
    "RunArchive",
    "is_media",
    "plain",
    "record_of",
    "write_cdxj",
    "write_wacz",
]
