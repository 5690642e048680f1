"""Step 2: the plan of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from acquisition import crawl
from acquisition.blobs import BlobStore
from acquisition.filters.license import release_codes
from acquisition.lock import Lock, Pin, identity
from acquisition.model import SEVERITY, Outcome, Release
from acquisition.pipeline.session import Session
from acquisition.plan import Plan, PlannedSource, Planner, Rights
from acquisition.protocols import Source
from acquisition.rights.licenses import release_conclusion
from acquisition.sources.override import apply_override
from acquisition.workspace import free_bytes


def make_plan(session: Session, *, locked: bool = False, update: Iterable[str] = (), here_only: bool = False) -> Plan:
    """Resolve what the lock does not pin, and say what a fetch would do. Writes nothing.

    With `here_only` nobody is asked: sources take part with what the lock pins and the workspace holds.
    """
    planner = Planner(
        lock=session.lock,
        adapter=session.adapter,
        context=session.context,
        override=lambda source, release, context: apply_override(release, source.settings, context),
        judge=rights_of(session),
        holds=_holds(session),
        crawled=lambda source, pin: crawled_release(session, source, pin),
        locked=locked,
        update=frozenset(update),
        only=frozenset(session.only) if session.only or here_only else None,
        check=session.check_stop,
    )
    sources = planner.plan(session.declared.sources)
    free = free_bytes(session.workspace.root)
    to_move = sum(source.bytes_to_move for source in sources if source.action == "download")
    return Plan(sources, free, free - to_move, pinned(session.lock, sources))


def rights_of(session: Session) -> Callable[[Source, Release], Rights]:
    """Return the license gate: codes that the release's own claim earns, and what the policy makes of them."""

    def judge(source: Source, release: Release) -> Rights:
        codes = release_codes(release, session.use)
        worst, rule = Outcome.KEEP, ""
        for code, _ in codes:
            outcome, decisive = session.policy.outcome_for(code, 1.0, source.name)
            if SEVERITY[outcome] > SEVERITY[worst]:
                worst, rule = outcome, str(decisive)
        return Rights(
            conclusion=release_conclusion(release),
            codes=tuple(code for code, _ in codes),
            outcome=worst,
            rule=rule,
            reasons=tuple(reason for _, reason in codes),
        )

    return judge


def _holds(session: Session) -> Callable[[str], bool]:
    store = BlobStore(session.workspace)
    return lambda sha256: store.has(sha256)


def crawled_release(session: Session, source: Source, pin: Pin | None) -> Release | None:
    """Return the release of the newest finished crawl of a spider as it is declared now, None when it has to run."""
    if pin is None or not pin.release.revision:
        return None
    directory = crawl_directory(session, source, pin)
    if not directory.exists():
        return None
    found = crawl.release(source, directory, resolved_at=pin.release.resolved_at)
    return replace(found, version_label=directory.name)


def crawl_directory(session: Session, source: Source, pin: Pin) -> Path:
    """Return the directory of the crawl that the lock pins."""
    return session.workspace.crawl / source.name / pin.release.version_label


def pinned(lock: Lock, sources: Iterable[PlannedSource]) -> Lock:
    """Return the lock with the releases that were resolved.

    What failed keeps the pin it had; what is refused is pinned when it is new, so that nobody is asked about it again; a
    folder of one's own is pinned once its files have been hashed.
    """
    for planned in sources:
        old = lock.pins.get(planned.name)
        named = identity(planned.source.settings)
        fresh = old is None or old.identity != named
        if planned.published is None or not (planned.action in {"download", "reuse"} or (planned.action == "refuse" and fresh)):
            continue
        if planned.state == "local" and not fresh:
            continue
        same = old is not None and old.release == planned.published
        held = old.held if old is not None and same else {}
        lock = lock.with_pin(planned.name, Pin(named, planned.published, held))
    return lock
