"""What the parts of one crawl share, and the Scrapy crawler that carries it to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from acquisition.crawl.archive import Archive, ItemLog
from acquisition.crawl.job import Job
from acquisition.crawl.tally import Tally
from acquisition.network import AddressGuard

PRODUCT_TOKEN: Final = "acquisition"  # noqa: S105  # the name that robots.txt files address us by

# Keys of a request's meta that belong to us; ScopeGuard removes them from what a spider sends.
ROBOTS: Final = "acquisition_robots"
PLACE: Final = "acquisition_place"
REFERRER: Final = "acquisition_referrer"
PERMISSION: Final = "acquisition_permission"


class Refusal(IgnoreRequest):  # type: ignore[misc, unused-ignore]  # Scrapy's exceptions are untyped in some releases
    """A rule or a limit keeps this request from being sent; it is already counted."""


class _RobotsFetch:
    """Marks the fetch of a robots.txt, which no robots.txt governs. Compared by identity, so no spider can write it."""


ROBOTS_FETCH: Final = _RobotsFetch()


@dataclass(slots=True)
class Session:
    """The shared parts: the job, the counters, the archive, the items, the guard of addresses.

    `unreachable` maps a host to the reason why its address was refused, as the resolver has met it.
    """

    job: Job
    tally: Tally
    archive: Archive
    items: ItemLog
    guard: AddressGuard
    unreachable: dict[str, str] = field(default_factory=dict)

    def refuse(self, reason: str, url: str, detail: str = "") -> Refusal:
        """Count a refusal and return it, to be raised."""
        self.tally.refuse(reason, url, detail)
        return Refusal(f"{reason}: {detail or url}")


class PoliteCrawler(Crawler):
    """A Scrapy crawler that its parts can ask for the session."""

    session: Session


def session_of(crawler: Any) -> Session:
    """Return the session of a crawler; TypeError when it is not one of ours."""
    if not isinstance(crawler, PoliteCrawler):
        raise TypeError("the parts of acquisition.crawl only work in a crawl that acquisition.crawl started")
    return crawler.session


def is_robots_fetch(meta: Any) -> bool:
    """Say whether a request's meta belongs to our own fetch of a robots.txt."""
    return meta.get(ROBOTS) is ROBOTS_FETCH
