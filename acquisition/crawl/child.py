"""The process that crawls. Its event loop lives here alone; the run's own process only reads what is told on a pipe.

    python -m acquisition.crawl JOB_FILE

Standard output carries one JSON object per line: {"event": "progress" | "error" | "done", …}. Standard input begins with one
line of JSON, what must not be written into files (the URL of a shared frontier); then it is the leash: when it closes, the
parent is gone and the crawl ends at once, which frontier and archive are made to survive. SIGTERM ends the crawl cleanly.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from filelock import FileLock, Timeout

from acquisition.crawl.ending import carry_over, conclude
from acquisition.crawl.frontier.look import Look
from acquisition.crawl.job import Job, load_job
from acquisition.crawl.listing.report import write_stats
from acquisition.crawl.outcome import CrawlRun
from acquisition.crawl.progress import Progress
from acquisition.crawl.seeds import SEEDS_FILE
from acquisition.crawl.session import Session, open_session
from acquisition.crawl.tally import Missed, write_missed
from acquisition.errors import AcquisitionError, WorkspaceLocked
from acquisition.workspace import utc_now

LOCK_WAIT: Final = 30.0
"""Seconds to wait for an earlier crawler of the same run, whose parent was killed, to notice it and end."""
ENDED_BY_LIMIT: Final = frozenset({"finished", "item-limit", "time-limit"})
"""Reasons after which the same command would not go on; everything else (a stop, no memory) is unfinished."""

Tell = Callable[..., None]


def main(arguments: list[str]) -> int:
    """Run the job whose file is named, and return the exit code."""
    tell = _teller(_claim_stdout())
    told = _first_line(0)
    if not told:
        return 1  # the parent is gone already
    secrets = json.loads(told)
    threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    try:
        job = load_job(Path(arguments[0]))
        with FileLock(Path(job.directory) / ".lock", timeout=LOCK_WAIT):
            run = crawl(job, tell, str(secrets.get("frontier") or ""))
        tell("done", finished=run.finished, reason=run.finish_reason)
    except Timeout:
        locked = WorkspaceLocked("another crawler still works in this run's directory", where=job.directory)
        _tell_error(tell, locked)
        return 1
    except AcquisitionError as error:
        _tell_error(tell, error)
        return 1
    return 0


def crawl(job: Job, tell: Tell, shared: str = "") -> CrawlRun:
    """Run the spider or the list of a job to its end and return what came of it; PluginError when the spider cannot run.

    `shared` is the URL of a frontier that several processes share, "" for the workspace's own.
    """
    started = utc_now()
    session, reason = _with_spider(job, tell, shared) if job.spider else _with_list(job, tell, shared)
    run = _outcome(session, started, reason)
    run.save()
    return run


def _with_spider(job: Job, tell: Tell, shared: str) -> tuple[Session, str]:
    from acquisition.crawl.engine.crawler import run_spider  # Scrapy is imported only where a spider runs
    from acquisition.crawl.engine.finder import find_spider
    from acquisition.crawl.engine.settings import gentler

    spider = find_spider(job.spider, Path(job.base))
    session = open_session(gentler(job, spider), shared)
    try:
        return session, _settled(session, run_spider(spider, session, Progress(session, tell)))
    finally:
        session.close_files()


def _with_list(job: Job, tell: Tell, shared: str) -> tuple[Session, str]:
    from acquisition.crawl.listing.far import worthwhile

    session = open_session(job, shared, apart=worthwhile(job))
    try:
        return session, _settled(session, asyncio.run(_drive(session, Progress(session, tell))))
    finally:
        session.close_files()


def _settled(session: Session, reason: str) -> str:
    """Do what a finished run needs while its files are open, and return the reason of its end."""
    if reason in ENDED_BY_LIMIT:
        carry_over(session)
    return reason


async def _drive(session: Session, progress: Progress) -> str:
    from acquisition.crawl.listing import Means, Taker, run_list
    from acquisition.crawl.listing.far import clerk_of
    from acquisition.crawl.listing.scribe import wanted_of

    job, limits = session.job, session.job.limits
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, session.stop)
    progress.begin()
    try:
        async with clerk_of(job, session.archive, session.items, session.reading) as clerk:
            means = Means(
                session.desk,
                Taker(session.visitor, clerk, images=wanted_of(job).media_types == ("image/*",)),
                Path(job.directory) / SEEDS_FILE,
                Path(job.directory),
                max_bytes=job.max_response,
                max_items=limits.items,
                max_seconds=limits.seconds or None,
                heard=session.heard,
                clock=session.desk.now,
            )
            return await run_list(means, session.patience.stopped)
    finally:
        await progress.end()
        await session.close()


def _outcome(session: Session, started: str, reason: str) -> CrawlRun:
    """Return what the run has brought, counted in the frontier, and write down by name what it has not."""
    directory = Path(session.job.directory)
    changes = conclude(session) if reason in ENDED_BY_LIMIT else {}
    counts: dict[str, Counter[str]] = {"refused": Counter(), "failed": Counter()}
    with Look(session.location) as look:
        write_missed(directory, _counted(_missed(session, look), counts))
        if not session.job.spider:
            write_stats(directory, look, session.run, items=session.items.count, received=session.archive.received)
    return CrawlRun(
        id=directory.name,
        directory=directory,
        started=started,
        ended=utc_now(),
        pages=session.archive.pages,
        items=session.items.count,
        bytes=session.archive.received,
        refused=dict(sorted(counts["refused"].items())),
        failed=dict(sorted(counts["failed"].items())),
        changes=changes,
        finished=reason in ENDED_BY_LIMIT,
        finish_reason=reason,
    )


def _missed(session: Session, look: Look) -> Iterator[Missed]:
    yield from session.tally.notes()
    for state in ("refused", "failed"):
        for row in look.ended(session.run, state=state):
            yield Missed(_iso(row.ended), state, row.reason, row.url, row.detail)


def _counted(missed: Iterator[Missed], counts: Mapping[str, Counter[str]]) -> Iterator[Missed]:
    for one in missed:
        counts[one.what][one.reason] += 1
        yield one


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _first_line(descriptor: int) -> bytes:
    """Read one line and nothing behind it, so that the leash can be held from there."""
    line = b""
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return line


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
    """End at once when the parent is gone: frontier, archive and items are whole at every moment, and a new run may wait."""
    while os.read(0, 4096):
        pass
    os._exit(1)
