"""What the parts of one crawl share, whichever engine drives it, and how they are put together and closed."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from acquisition import __version__
from acquisition.crawl.archive import ItemLog, RunArchive
from acquisition.crawl.contract import Answer, Failed, Outcome
from acquisition.crawl.frontier import FrontierDesk, ask_again, begin_run, open_desk
from acquisition.crawl.frontier.taken_down import taken_down
from acquisition.crawl.job import Job
from acquisition.crawl.tally import Tally
from acquisition.crawl.visit.clocks import SLACK, HostClocks
from acquisition.crawl.visit.guard import UrlGuard
from acquisition.crawl.visit.permissions import Permissions
from acquisition.crawl.visit.policies import Policies
from acquisition.crawl.visit.signals import Reading, judged, signals_of
from acquisition.crawl.visit.transport import CurlTransport
from acquisition.crawl.visit.visitor import Budget, Fetcher, Visitor
from acquisition.crawl.visit.watch import Watch
from acquisition.hosts import is_loopback, registrable
from acquisition.workspace import utc_now

if TYPE_CHECKING:
    from acquisition.crawl.engine.ledger import Ledger
    from acquisition.protocols import Seed

FRONTIER_FILE: Final = "frontier.sqlite"
TOMBSTONES_FILE: Final = "tombstones.jsonl"
"""In the workspace, two folders above a run's."""
STOPPED: Final = "stopped"
"""The reason of a Failed that says that the crawl is being stopped: the URL goes back to the frontier, untouched."""
AT_ONCE: Final = 96
"""URLs of one host of our own machine that are taken from the frontier at once, where its clock lets requests overlap."""
_HEAD: Final = 262_144
"""Bytes of a page in which a word against following its links is looked for first."""


class Patience:
    """Sleeping that ends when the crawl is stopped, so that nobody waits for a host's turn any more."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Sleep; Failed("stopped") when the crawl is stopped before or meanwhile."""
        if not self.stopped.is_set():
            try:
                await asyncio.wait_for(self.stopped.wait(), seconds)
            except TimeoutError:
                return
        raise Failed(STOPPED, "", "the crawl is being stopped")


@dataclass(slots=True)
class Session:
    """The shared parts. `ledger` is what Scrapy's parts keep besides; a list has none."""

    job: Job
    tally: Tally
    desk: FrontierDesk
    archive: RunArchive
    items: ItemLog
    clocks: HostClocks
    permissions: Permissions
    policies: Policies
    kept: Policies
    transport: CurlTransport
    visitor: Visitor
    location: Path | str
    run: str
    owner: str
    patience: Patience
    ledger: Ledger | None = None
    broken: Exception | None = None
    """What has made the run impossible to go on: a full disk, a lost frontier. It is raised when the engine has stopped."""
    halt: Callable[[str], None] = lambda _: None
    """Stops the engine for a reason; set by it."""
    seeds: Mapping[str, Seed] = field(default_factory=dict)
    closed: bool = False

    def heard(self, outcome: Outcome) -> None:
        """Count how an address of a list has ended."""
        if outcome.state == "refused":
            self.tally.refuse(outcome.reason)
        elif outcome.state == "failed":
            self.tally.fail(outcome.reason)

    def give_up(self, error: Exception) -> None:
        """Stop the engine because of an error that concerns the whole run."""
        if self.broken is None:
            self.broken = error
            self.stop()
            self.halt("broken")

    def stop(self) -> None:
        """Let nobody wait for a turn any more."""
        self.patience.stopped.set()

    async def reading(self, answer: Answer, body: bytes, page: Sequence[Mapping[str, Any]] = ()) -> Reading:
        """Return what an answer says of its use; license documents that only it announces are read for that.

        `page` is what the page says, of everything shown there, on which a media file was met.
        """
        policies = self.kept if answer.replayed else self.policies
        return await judged(answer, body, self.job.signals, policies, page=page)

    def forbids_following(self, answer: Answer, body: bytes) -> bool:
        """Say whether the page or its headers ask not to follow its links; looked at closely only where the word stands."""
        head = body[:_HEAD].lower()
        suspect = b"nofollow" in head or (b"robots" in head and b"none" in head)
        if not suspect and not any(name.lower() == "x-robots-tag" for name, _ in answer.wire.headers):
            return False
        return not signals_of(answer, body, self.job.signals).may_follow

    async def close(self) -> None:
        """Close everything, the frontier last: what is leased and has not ended goes back to it."""
        if self.closed:
            return
        self.closed = True
        await self.permissions.close()
        await self.transport.close()
        await self.clocks.close()
        await self._void_lost()
        self.items.sync()
        self.archive.sync()
        await self.desk.close()

    def close_files(self) -> None:
        """Close what needs no loop."""
        self.items.close()
        self.archive.close()
        self.tally.close()

    async def _void_lost(self) -> None:
        """Take back the items of pages whose lease had run out and that another process has finished, too.

        On a shared frontier the lease may have run out while this machine was down, so it is always asked.
        """
        if not self.desk.lost and isinstance(self.location, Path):
            return
        pages, lost = self.items.pages(), list[bytes]()
        while batch := list(islice(pages, 1_000)):
            settled = await self.desk.settled(batch)
            lost += [key for key, owner in settled.items() if owner != self.owner]
        self.items.void(lost)


def _lost_from(directory: Path) -> Callable[[Sequence[Any]], bool]:
    """Return what says of a place (file, offset…) that the archive, once mended, does not reach so far."""
    sizes = {path.name.removesuffix(".open"): path.stat().st_size for path in directory.glob("*.warc.gz*")}
    return lambda place: int(place[1]) >= sizes.get(str(place[0]), 0)


def _taken_down(directory: Path, location: Path | str) -> Callable[[str], str]:
    """Return by which ticket an address was taken down: tombstones of the run's workspace name it, or its row is marked."""
    path = directory.parents[2] / TOMBSTONES_FILE if len(directory.parents) > 2 else directory / TOMBSTONES_FILE
    if not path.is_file():
        return lambda _: ""
    from acquisition.crawl.engine.keys import key_of  # w3lib
    from acquisition.tombstones import read_tombstones  # it loads pyarrow

    stones, marked = read_tombstones(path), taken_down(location)

    def ticket(url: str) -> str:
        stone = stones.url_gone(url)
        if stone is None and marked and key_of(url) in marked:
            return "what it held was taken down"
        return "" if stone is None else f"ticket {stone.ticket}" if stone.ticket else "a tombstone"

    return ticket


def open_session(job: Job, shared: str = "", *, apart: bool = False) -> Session:
    """Open the frontier (`shared` is the URL of a PostgreSQL one), the archive and the door to the network for a job.

    With `apart`, a process of its own writes archive and items (`listing.far`).
    """
    directory = Path(job.directory)
    location: Path | str = shared if shared and not job.replay else directory.parent / FRONTIER_FILE
    run = directory.name if isinstance(location, Path) else begin_run(location, job.digest, source=job.source)
    owner = f"{platform.node()}:{directory}"
    earlier = tuple(Path(path) for path in job.earlier)
    archive, items = _files(job, earlier, apart=apart)
    if isinstance(location, str) or location.exists():
        ask_again(location, run, owner, _lost_from(directory))
    desk = open_desk(location, run, owner=owner)
    patience = Patience()
    settings = job.settings
    guard = UrlGuard(job.declared, ports=settings.ports)
    clocks = HostClocks(desk, settings, run=run, slack=SLACK, clock=desk.now, sleep=patience.sleep)
    transport = CurlTransport(user_agent=job.user_agent, email=job.email, guard=guard)
    fetcher = Fetcher(transport=transport, clocks=clocks, archive=archive, max_bytes=settings.max_response, renew=bool(earlier))
    permissions = Permissions(fetcher.fetch_robots, desk, clock=desk.now, pace=clocks.pace)
    policies = Policies(desk, fetcher.fetch_policy, permissions.ruling, policy=job.signals, now=desk.now)
    kept = Policies(desk, fetcher.fetch_policy, permissions.ruling, policy=job.signals, now=desk.now, offline=True)
    visitor = Visitor(
        fetcher=fetcher,
        archive=archive,
        guard=guard,
        permissions=permissions,
        policies=policies,
        kept=kept,
        store=desk,
        watch=Watch(wanted=job.declared, recall=lambda url: clocks.state(url).memory, remember=clocks.remember, now=desk.now),
        budget=Budget(job.limits.pages, job.limits.bytes),
        replay=job.replay,
        taken_down=_taken_down(directory, location),
        now=desk.now,
    )
    if settings.concurrency > 1 and settings.delay == 0:
        for host in {registrable(url) for url in job.declared}:
            if is_loopback(host):
                desk.unclock(host, AT_ONCE)
    return Session(
        job,
        Tally(directory, utc_now),
        desk,
        archive,
        items,
        clocks,
        permissions,
        policies,
        kept,
        transport,
        visitor,
        location,
        run,
        owner,
        patience,
    )


def _files(job: Job, earlier: tuple[Path, ...], *, apart: bool) -> tuple[RunArchive, ItemLog]:
    """Return what is written of a run."""
    if apart:
        from acquisition.crawl.listing.far import FarArchive, FarItems  # only lists need it

        far = FarArchive(job, _info(job))
        return far, FarItems(far)
    directory = Path(job.directory)
    archive = RunArchive(directory, _info(job), earlier=earlier, replay=earlier[-1] if job.replay and earlier else None)
    return archive, ItemLog(directory, archive)


def _info(job: Job) -> dict[str, str]:
    """Return what the warcinfo records say."""
    parts = [f"{name}/{version(name)}" for name in ("pycurl", "protego", *(("scrapy",) if job.spider else ()))]
    return {
        "software": " ".join([f"acquisition/{__version__}", *parts, f"python/{platform.python_version()}"]),
        "format": "WARC File Format 1.1",
        "operator": job.user_agent,
        "robots": "obey",
        "isPartOf": f"{job.source}/{Path(job.directory).name}",
    }
