"""The process that crawls. Twisted's reactor lives here alone; the run's own process only reads what is told on a pipe.

    python -m acquisition.crawl JOB_FILE

Standard output carries one JSON object per line: {"event": "progress" | "error" | "done", …}. Standard input is the leash:
when it closes, the parent is gone and the crawl ends at once; the archive is made to survive that. SIGTERM ends it cleanly.
"""

from __future__ import annotations

import json
import os
import platform
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final

from filelock import FileLock, Timeout
from scrapy import Spider, signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import CloseSpider
from scrapy.settings import Settings
from twisted.internet import task

from acquisition import __version__
from acquisition.crawl.archive import Archive, ItemLog
from acquisition.crawl.finder import find_spider
from acquisition.crawl.job import Job, load_job, mapped
from acquisition.crawl.outcome import CrawlRun
from acquisition.crawl.politeness import settings_for, weakened
from acquisition.crawl.scope import RESERVED_ARGUMENTS, strip_spider
from acquisition.crawl.session import PoliteCrawler, Session
from acquisition.crawl.tally import Tally
from acquisition.errors import AcquisitionError, PluginError, WorkspaceLocked
from acquisition.network import AddressGuard

LOCK_WAIT: Final = 30.0
"""Seconds to wait for an earlier crawler of the same run, whose parent was killed, to notice it and end."""
PROGRESS_SECONDS: Final = 0.5
ENDED_BY_LIMIT: Final = frozenset({"finished", "item-limit", "closespider_timeout"})
"""Reasons after which the same command would not go on; everything else (a stop, no memory) is unfinished."""

Tell = Callable[..., None]


class PoliteProcess(AsyncCrawlerProcess):
    """Scrapy's process, which the resolver can ask for the session."""

    session: Session


def main(arguments: list[str]) -> int:
    """Run the job whose file is named, and return the exit code."""
    tell = _teller(_claim_stdout())
    threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    try:
        job = load_job(Path(arguments[0]))
        with FileLock(Path(job.directory) / ".lock", timeout=LOCK_WAIT):
            run = crawl(job, tell)
        tell("done", finished=run.finished, reason=run.finish_reason)
    except Timeout:
        locked = WorkspaceLocked("another crawler still works in this run's directory", where=job.directory)
        _tell_error(tell, locked)
        return 1
    except AcquisitionError as error:
        _tell_error(tell, error)
        return 1
    return 0


def crawl(job: Job, tell: Tell) -> CrawlRun:
    """Run the spider of a job to its end and return what came of it; PluginError when the spider cannot run."""
    started = _now()
    session = _open(job)
    try:
        spider = find_spider(job.spider, Path(job.base))
        settings, ignored = settings_for(job, spider)
        for name in (*ignored, *strip_spider(spider)):
            session.tally.refuse("setting", name)
        reason = _scrape(spider, settings, session, tell)
    finally:
        session.items.close()
        session.archive.close()
        session.tally.close()
    run = _outcome(session, started, reason)
    run.save()
    return run


def _open(job: Job) -> Session:
    directory = Path(job.directory)
    parts = [f"{name}/{version(name)}" for name in ("scrapy", "twisted", "protego", "warcio")]
    info = {
        "software": " ".join([f"acquisition/{__version__}", *parts, f"python/{platform.python_version()}"]),
        "format": "WARC File Format 1.1",
        "operator": job.user_agent,
        "robots": "obey",
        "isPartOf": f"{job.source}/{directory.name}",
        "description": "Header case and order, reason phrases and chunk framing are not as the server sent them.",
    }
    archive = Archive(directory, info)
    session = Session(job, Tally(directory, _now), archive, ItemLog(directory, archive), AddressGuard(job.declared))
    session.tally.pages, session.tally.bytes, session.tally.items = archive.pages, archive.bytes, session.items.count
    return session


def _scrape(spider: type[Spider], settings: Settings, session: Session, tell: Tell) -> str:
    """Start the reactor, run the spider, and return Scrapy's reason for its end."""
    ended: list[str] = []
    process = PoliteProcess(settings)
    process.session = session
    crawler = PoliteCrawler(spider, settings)
    crawler.session = session
    if names := weakened(crawler.settings, settings):
        raise _weakened(spider, names)

    def opened(spider: Spider) -> None:
        if names := weakened(crawler.settings, settings):
            raise CloseSpider(f"weakened: {', '.join(names)}")
        strip_spider(spider)
        if session.job.base_url and not session.job.start:
            spider.start_urls = [mapped(url, session.job.base_url) for url in spider.start_urls]
        _report(session, tell)

    def closed(reason: str) -> None:
        ended.append(reason)

    crawler.signals.connect(opened, signals.spider_opened)
    crawler.signals.connect(closed, signals.spider_closed)
    running = process.crawl(crawler, **_arguments(session.job))
    process.start()
    return _reason_of(running, ended, spider)


def _reason_of(running: Any, ended: list[str], spider: type[Spider]) -> str:
    error = running.exception() if running.done() and not running.cancelled() else None
    if error is not None:
        raise PluginError(f"spider {spider.__name__} cannot be started: {error!r}") from error
    reason = ended[0] if ended else "shutdown"
    if reason.startswith("weakened: "):
        raise _weakened(spider, reason.removeprefix("weakened: ").split(", "))
    if reason == "start_error":
        raise PluginError(f"start() of spider {spider.__name__} raised an exception; the crawl's log has it")
    return reason


def _weakened(spider: type[Spider], names: list[str]) -> PluginError:
    return PluginError(
        f"spider {spider.__name__} changes settings that no spider may change: {', '.join(names)}",
        hint="Remove them from its update_settings() or from_crawler(); custom_settings can only make a crawl gentler.",
    )


def _arguments(job: Job) -> dict[str, Any]:
    if taken := sorted(RESERVED_ARGUMENTS.intersection(job.arguments)):
        raise PluginError(f"the argument {taken[0]!r} would change how the crawl behaves", hint="Remove it from `arguments`.")
    start: dict[str, Any] = {"start_urls": list(job.start)} if job.start else {}
    return dict(job.arguments) | start


def _report(session: Session, tell: Tell) -> None:
    def progress() -> None:
        tally = session.tally
        refused, failed = sum(tally.refused.values()), sum(tally.failed.values())
        tell("progress", pages=tally.pages, items=tally.items, bytes=tally.bytes, refused=refused, failed=failed)

    task.LoopingCall(progress).start(PROGRESS_SECONDS, now=True)


def _outcome(session: Session, started: str, reason: str) -> CrawlRun:
    directory, tally = Path(session.job.directory), session.tally
    return CrawlRun(
        id=directory.name,
        directory=directory,
        started=started,
        ended=_now(),
        pages=session.archive.pages,
        items=session.items.count,
        bytes=session.archive.bytes,
        refused=dict(sorted(tally.refused.items())),
        failed=dict(sorted(tally.failed.items())),
        finished=reason in ENDED_BY_LIMIT,
        finish_reason=reason,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _claim_stdout() -> IO[bytes]:
    """Take standard output for the events; whatever a spider prints goes to the log."""
    stream = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return stream


def _teller(stream: IO[bytes]) -> Tell:
    def tell(event: str, **fields: Any) -> None:
        stream.write(json.dumps({"event": event, **fields}).encode() + b"\n")

    return tell


def _tell_error(tell: Tell, error: AcquisitionError) -> None:
    tell("error", code=error.code, message=error.message, where=error.where, hint=error.hint)


def _end_with_parent() -> None:
    """End at once when the parent is gone: the archive and the items are whole at every moment, and a new run may wait."""
    while os.read(0, 4096):
        pass
    os._exit(1)
