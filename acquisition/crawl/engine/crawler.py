"""Runs one spider to its end: Scrapy's crawler, put together with settings that the spider cannot weaken."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any, Final

from scrapy import Spider, signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.exceptions import CloseSpider

from acquisition.crawl.engine.settings import settings_for, weakened
from acquisition.crawl.job import Job, mapped
from acquisition.crawl.progress import Progress
from acquisition.crawl.seeds import read_seeds
from acquisition.crawl.session import Session
from acquisition.errors import PluginError

_SPIDER_NEVER: Final = (
    "download_delay",
    "download_maxsize",
    "download_timeout",
    "download_warnsize",
    "max_concurrent_requests",
    "user_agent",
)
"""Attributes that Scrapy 2.19 still reads from a spider (deprecated) and that would seem to change what the job says."""
RESERVED_ARGUMENTS: Final = frozenset({*_SPIDER_NEVER, "crawler", "custom_settings", "settings"})


TIME_LIMIT: Final = "time-limit"


class PoliteCrawler(Crawler):
    """A Scrapy crawler that its parts can ask for the session."""

    session: Session


def session_of(crawler: Any) -> Session:
    """Return the session of a crawler; TypeError when it is not one of ours."""
    if not isinstance(crawler, PoliteCrawler):
        raise TypeError("the parts of acquisition.crawl only work in a crawl that acquisition.crawl started")
    return crawler.session


def run_spider(spider: type[Spider], session: Session, progress: Progress) -> str:
    """Run the spider until nothing is left, a limit is met or SIGTERM comes; return the reason in Scrapy's words.

    Raises PluginError when the spider cannot run.
    """
    ended: list[str] = []
    settings, ignored = settings_for(session.job, spider)
    for name in (*ignored, *strip_spider(spider)):
        session.tally.note("setting", name)
    process = AsyncCrawlerProcess(settings)
    crawler = PoliteCrawler(spider, settings)
    crawler.session = session
    if names := weakened(crawler.settings, settings):
        raise _weakened(spider, names)

    def on_opened(spider: Spider) -> None:
        if names := weakened(crawler.settings, settings):
            raise CloseSpider(f"weakened: {', '.join(names)}")
        strip_spider(spider)
        if session.job.base_url and not session.job.start:
            spider.start_urls = [mapped(url, session.job.base_url) for url in spider.start_urls]
        _stop_when_told(session, crawler, process)
        progress.begin()

    async def on_closed(reason: str) -> None:
        ended.append(reason)
        await progress.end()

    crawler.signals.connect(on_opened, signals.spider_opened)
    crawler.signals.connect(on_closed, signals.spider_closed)
    running = process.crawl(crawler, **_arguments(session))
    process.start(install_signal_handlers=False)
    if session.broken is not None:
        raise session.broken
    return _reason_of(running, ended, spider, session.job)


def strip_spider(spider: object) -> list[str]:
    """Take away the attributes of a spider (or its class) that would weaken the job; return the names that were there."""
    found = [name for name in _SPIDER_NEVER if hasattr(spider, name)]
    for owner in (spider, *(spider if isinstance(spider, type) else type(spider)).__mro__):
        for name in _SPIDER_NEVER:
            if name in vars(owner):
                delattr(owner, name)
    return found


def _stop_when_told(session: Session, crawler: Crawler, process: AsyncCrawlerProcess) -> None:
    """Let SIGTERM end the crawl at once: nobody waits for a turn any more, what is under way may still come."""
    stopping: list[asyncio.Future[None]] = []

    def stop() -> None:
        session.stop()
        stopping.append(asyncio.ensure_future(process.stop()))

    def halt(reason: str = "broken") -> None:
        session.stop()
        if crawler.engine is not None:
            stopping.append(asyncio.ensure_future(crawler.engine.close_spider_async(reason=reason)))

    session.halt = halt
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    if session.job.limits.seconds:
        loop.call_later(session.job.limits.seconds, halt, TIME_LIMIT)


def _reason_of(running: Any, ended: list[str], spider: type[Spider], job: Job) -> str:
    error = running.exception() if running.done() and not running.cancelled() else None
    if error is not None:
        raise PluginError(f"spider {spider.__name__} cannot be started: {error!r}") from error
    reason = ended[0] if ended else "shutdown"
    if reason.startswith("weakened: "):
        raise _weakened(spider, reason.removeprefix("weakened: ").split(", "))
    if reason == "start_error":
        log = Path(job.directory) / "crawl.log"
        raise PluginError(f"start() of spider {spider.__name__} raised an exception", hint=f"It stands in {log}.")
    return reason


def _weakened(spider: type[Spider], names: list[str]) -> PluginError:
    return PluginError(
        f"spider {spider.__name__} changes settings that no spider may change: {', '.join(names)}",
        hint="Remove them from its update_settings() or from_crawler(); custom_settings can only make a crawl gentler.",
    )


def _arguments(session: Session) -> dict[str, Any]:
    """Return the spider's arguments: the declared ones, and as start_urls the declared addresses and the seeds."""
    job = session.job
    if taken := sorted(RESERVED_ARGUMENTS.intersection(job.arguments)):
        raise PluginError(f"the argument {taken[0]!r} would change how the crawl behaves", hint="Remove it from `arguments`.")
    session.seeds = {seed.url: seed for seed in read_seeds(Path(job.directory))}
    start = list(dict.fromkeys((*job.start, *session.seeds)))
    return dict(job.arguments) | ({"start_urls": start} if start else {})
