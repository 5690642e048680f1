"""Step 3: bytes. Hub assets through the strict downloader, the open web through the polite crawler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from acquisition import crawl
from acquisition.blobs import BlobStore
from acquisition.crawl.frontier.neighbours import rest_as_elsewhere
from acquisition.errors import AcquisitionError, Interrupted, PluginError, SourceUnavailable, UsageError
from acquisition.fetch import Arrived, Downloader, Failed, Transfer
from acquisition.journal import Journal
from acquisition.lock import Lock, Pin, identity, own_word, settled
from acquisition.model import Asset, Location, Rejection, Release
from acquisition.pipeline.pinning.hosts import host_files
from acquisition.pipeline.planning import pin_of
from acquisition.pipeline.session import Session
from acquisition.pipeline.texts import text_digests
from acquisition.pipeline.withdrawal.lacking import make_room
from acquisition.plan import PlannedSource
from acquisition.protocols import Source
from acquisition.sources.override import apply_override
from acquisition.stage import Held
from acquisition.takedown.swept import read_swept


@dataclass
class Moved:
    """What came of one source: its pinned release, the files held, the ones that failed, and bytes moved in this run."""

    planned: PlannedSource
    release: Release | None = None
    held: dict[str, Held] = field(default_factory=dict)
    failed: list[Rejection] = field(default_factory=list)
    errors: list[AcquisitionError] = field(default_factory=list)
    downloaded: int = 0
    crawl: Mapping[str, Any] = field(default_factory=dict)
    crawled: Path | None = None
    """Where a crawl of this run lies, whether it brought anything or not."""

    @property
    def name(self) -> str:
        """The source's name."""
        return self.planned.name


def move(
    session: Session,
    planned: tuple[PlannedSource, ...],
    lock: Lock,
    journal: Journal,
    *,
    replay: bool = False,
    locked: bool = False,
) -> tuple[dict[str, Moved], Lock]:
    """Bring every planned source's bytes here; return what came and the lock that pins it.

    With `replay`, spiders run over what their last runs have archived, and nothing is sent for them. With `locked` the lock's
    file stays as it is.

    The lock is written before bytes move (so that a run that is killed goes on with the same releases) and after.
    """
    write = (lambda _lock: None) if locked else session.save_lock
    write(lock)
    moved = {source.name: Moved(source, source.release, errors=_said(source)) for source in planned}
    for source in planned:
        if source.action == "reuse":
            _reuse(session, moved[source.name], journal)
    try:
        _download(session, [source for source in planned if source.action == "download"], moved, lock, journal)
        for source in planned:
            if source.action == "crawl":
                lock = _crawl(session, moved[source.name], lock, replay=replay)
    finally:
        for name, result in moved.items():
            lock = _pin(name, result, lock)
        write(lock)
    return moved, lock


def _said(planned: PlannedSource) -> list[AcquisitionError]:
    """What stands in the way of a source that was not asked for is remembered, but is no error of this run."""
    return [planned.error] if planned.error is not None and planned.action != "skip" else []


def _reuse(session: Session, moved: Moved, journal: Journal) -> None:
    """Every file is here already: name them, with the time when they came."""
    times = {record.sha256: record.fetched_at for record in journal.blobs_of(moved.name)}
    store, swept = BlobStore(session.workspace), read_swept(session.workspace)
    for asset in moved.planned.taken:
        sha256 = moved.planned.held[asset.path]
        path = Path(asset.local_path) if asset.local_path else store.path(sha256)
        fetched = times.get(sha256) or (moved.release.resolved_at if moved.release else "")
        was = swept.of(sha256) if not asset.local_path else None
        size = was.size if was is not None else path.stat().st_size
        moved.held[asset.path] = Held(asset.path, str(path), sha256, size, fetched)


def _download(session: Session, sources: list[PlannedSource], moved: dict[str, Moved], lock: Lock, journal: Journal) -> None:
    if not sources:
        return
    limits = session.declared.declaration.limits
    make_room(session, sources, lock)
    session.workspace.demand_space(sum(source.bytes_to_move for source in sources), limits.disk_reserve)
    downloader = Downloader(
        blobs=BlobStore(session.workspace),
        journal=journal,
        reporter=session.reporter,
        user_agent=session.user_agent,
        limits=replace(
            session.patience, total_bytes=limits.bytes, bandwidth=limits.bandwidth, disk_reserve=limits.disk_reserve
        ),
        stop=session.stop,
    )
    for source in sources:
        session.reporter.event("source-start", source=source.name, files=len(source.taken), bytes=source.bytes_to_move)
    for result in downloader.run(_in_turn([_transfers(session, source) for source in sources])):
        target = moved[result.transfer.source]
        if isinstance(result, Failed):
            _note_failure(target, result)
        else:
            _note_arrival(target, result)
    session.check_stop()


def _note_arrival(moved: Moved, arrived: Arrived) -> None:
    asset = arrived.transfer.asset
    blob = arrived.blob
    moved.held[asset.path] = Held(asset.path, blob.path, blob.sha256, blob.size, arrived.fetched_at)
    moved.downloaded += arrived.downloaded


def _note_failure(moved: Moved, failed: Failed) -> None:
    """A file that did not come is a record, and its error is shown; the other files go on."""
    error, asset = failed.error, failed.transfer.asset
    moved.errors.append(error)
    moved.failed.append(Rejection(error.code, moved.name, "", asset.path, asset.path, str(error)))


def _in_turn(streams: list[Iterator[Transfer]]) -> Iterator[Transfer]:
    """Take one transfer of each source in turn, so that a slow host does not keep the others waiting."""
    for row in zip_longest(*streams):
        yield from (transfer for transfer in row if transfer is not None)


def transfer_key(source: Source, release: Release) -> str:
    """Return what names a release in the journal: its revision, or what will be pinned once the bytes have come."""
    return release.revision or f"unpinned-{identity(source.settings)}-{release.resolved_at}"


def _transfers(session: Session, planned: PlannedSource) -> Iterator[Transfer]:
    release, source = planned.release, planned.source
    assert release is not None
    adapter = session.adapter(source)
    context = session.context(source, release)
    guard = session.guard(source)
    key = transfer_key(source, release)

    def locate(asset: Asset) -> Location:
        try:
            return adapter.locate(source, release, asset, context)
        except AcquisitionError:
            raise
        except Exception as error:  # an adapter is a plug-in: name it
            raise PluginError(f"source kind {release.kind!r} failed to locate {asset.path!r}: {error!r}") from error

    for asset in planned.taken:
        yield Transfer(
            source=source.name,
            release=key,
            asset=asset,
            locate=lambda asset=asset: locate(asset),  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            guard=guard,
            max_bytes=source.settings.limits.bytes,
            bandwidth=source.settings.limits.bandwidth,
        )


def _pin(name: str, moved: Moved, lock: Lock) -> Lock:
    """Note the digests of what is held; pin the release by its bytes when nothing else does and all of them are here."""
    planned = moved.planned
    published = planned.published
    if published is None or moved.release is None or planned.action not in {"download", "reuse"}:
        return lock
    held = {path: file.sha256 for path, file in moved.held.items()}
    told = len(planned.taken) + len(planned.withdrawn) + planned.left_out
    partly = told < len(published.assets)  # the rest is not here, and nobody was asked for it
    complete = len(held) == len(planned.taken) and not partly
    held |= {path: sha256 for path, sha256 in planned.withdrawn.items() if sha256}
    if complete:
        published = settled(published, held)
        moved.release = replace(moved.release, revision=published.revision)
    elif not moved.release.revision:
        moved.release = settled(moved.release, held) if held else moved.release
    if partly:
        return lock  # it knows more than what is here
    old = lock.pins.get(name)
    pin = replace(pin_of(replace(planned, published=published), held, old), texts=text_digests(moved.held.values()))
    return lock.with_pin(name, pin)  # what was looked at again and is the same leaves no diff


_NO_ROBOTS: Final = "robots-unreachable"


# --- the open web --------------------------------------------------------------------------------------------------------


def _treatments(session: Session) -> dict[str, str]:
    """Return what is not honoured: where no model is trained, a site that shuts out only those who train is visited."""
    treatments = dict(session.declared.declaration.signals.changed)
    return treatments if session.use.training else {"ai-agents": "record"} | treatments


def _crawl(session: Session, moved: Moved, lock: Lock, *, replay: bool) -> Lock:
    """Run the spider, or go on with a run that did not finish; its release is pinned by what it found."""
    source = moved.planned.source
    where: _Where | None = None
    try:
        where = _where(session, source, anew=moved.planned.state == "updated", replay=replay)
        if not replay and not getattr(source.settings, "frontier", None):  # a shared one has the clocks of all its sources
            rest_as_elsewhere(session.workspace.crawl / source.name)
        run = crawl.run(
            source,
            directory=where.directory,
            contact=session.declared.declaration.contact,
            environment=session.environment,
            base=session.declared.path.parent,
            reporter=session.reporter,
            stop=session.stop,
            resume=where.resume,
            seeds=session.adapter(source).seeds(source, session.context(source)),
            signals=_treatments(session),
            earlier=where.earlier,
            replay=replay,
        )
    except Interrupted:
        raise
    except AcquisitionError as error:
        moved.errors.append(error)
        if where is not None:
            with suppress(OSError):  # it holds something: a run that has begun
                where.directory.rmdir()
        return lock
    moved.crawl, moved.crawled = _told(run), where.directory
    moved.downloaded += run.bytes
    if not run.finished:
        session.check_stop()
        hint = "Run the same command again to go on."
        moved.errors.append(SourceUnavailable(f"the crawl ended early: {run.finish_reason}", where=source.where, hint=hint))
        return lock
    if run.pages == 0 and not replay and (run.failed or _NO_ROBOTS in run.refused):
        moved.errors.append(_nothing_came(source, run))
        return lock
    published = replace(crawl.release(source, where.directory, resolved_at=run.ended), version_label=where.directory.name)
    _take_crawl(session, moved, published)
    held = {path: file.sha256 for path, file in moved.held.items()}
    own = own_word(moved.release.license) if moved.release is not None else None
    hosts = host_files(source, where.directory)
    return lock.with_pin(source.name, Pin(identity(source.settings), published, held, own, hosts=hosts))


def _nothing_came(source: Source, run: crawl.CrawlRun) -> SourceUnavailable:
    """Say that nobody answered. The pin stays as it was: what an earlier run brought is not given up for an outage."""
    why = ", ".join(f"{count:,} {reason}" for reason, count in sorted({**run.refused, **run.failed}.items()))
    hint = f"Look with `acquire explain URL`; `acquire crawl {source.name}` asks again."
    return SourceUnavailable(f"the crawl brought no page: {why}", where=source.where, hint=hint)


def _told(run: crawl.CrawlRun) -> dict[str, Any]:
    counts: dict[str, Any] = {"pages": run.pages, "items": run.items, "refused": dict(run.refused), "failed": dict(run.failed)}
    counts["stopped_by"] = run.finish_reason if run.finished and run.finish_reason != "finished" else ""
    return counts | {"changes": dict(run.changes), "examples": crawl.skipped(run.directory)}


def _take_crawl(session: Session, moved: Moved, published: Release) -> None:
    context = session.context(moved.planned.source)
    moved.release = apply_override(published, moved.planned.source.settings, context)
    for asset in published.assets:
        sha256 = next(digest.value for digest in asset.digests if digest.algorithm == "sha256")
        size = asset.size if asset.size is not None else Path(asset.local_path).stat().st_size
        moved.held[asset.path] = Held(asset.path, asset.local_path, sha256, size, published.resolved_at)


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a crawl runs, whether it goes on with what lies there, and the runs before it, oldest first."""

    directory: Path
    resume: bool
    earlier: tuple[Path, ...]


def _where(session: Session, source: Source, *, anew: bool, replay: bool) -> _Where:
    """Return the run to go on with, or a fresh one.

    A run that ended before the lock could pin it is taken as it is, unless the spider is to run anew. UsageError when nothing
    is archived that could be replayed.
    """
    root = session.workspace.crawl / source.name
    runs = sorted(path for path in root.glob("run-*") if path.name[4:].isdecimal())
    found = crawl.find_run(root, source, replay=replay)
    if found is not None:
        outcome = crawl.load_run(found)
        if not anew or outcome is None or not outcome.finished:
            return _Where(found, True, tuple(path for path in runs if path < found))
    if replay and not runs:
        raise UsageError(
            f"{source.name!r} has never been crawled, so there is nothing to replay",
            where=source.where,
            hint=f"Run `acquire crawl {source.name}` without --replay first.",
        )
    directory = root / f"run-{max((int(path.name[4:]) for path in runs), default=0) + 1:04d}"
    directory.mkdir(parents=True)
    return _Where(directory, False, tuple(runs))
