"""`acquire update`: what is newer upstream, shown before anything moves, then moved, and what it changed in the set."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from acquisition import manifest
from acquisition.errors import UsageError
from acquisition.pipeline.pinning.locking import unpinned
from acquisition.pipeline.pinning.promised import promise
from acquisition.pipeline.planning import demand_online, make_plan
from acquisition.pipeline.run import fetch
from acquisition.pipeline.session import Session
from acquisition.pipeline.summary import Summary
from acquisition.plan import Plan, PlannedSource
from acquisition.workspace import link_file

_BEFORE: Final = ".manifest-before-update.old-1"
"""Named like half a swap, so that a takedown sweeps what a killed update has left of it."""


@dataclass(frozen=True, slots=True)
class News:
    """What an update would take.

    `plan` is the plan of it; `changed` are the sources that have something newer or are not pinned yet, `asked` all that were
    asked about (`named` by somebody, or all), `left` those that an update does not ask about, with why.
    `untold` are names with what could not be learned.
    """

    plan: Plan
    asked: tuple[str, ...]
    changed: tuple[PlannedSource, ...]
    left: tuple[tuple[str, str], ...]
    untold: tuple[tuple[str, str], ...] = ()
    named: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The sources whose newest release is taken."""
        return tuple(source.name for source in self.changed if source.name in self.asked and source.error is None)


def news(session: Session, names: tuple[str, ...] = ()) -> News:
    """Ask about all unpinned sources (or those named) and return what is newer. Writes nothing.

    UsageError when a crawl is named: pages are visited anew by `acquire crawl`.
    """
    for source in session.declared.sources:
        if source.name in session.known(names) and session.adapter(source).mover == "crawler":
            hint = f"Run `acquire crawl {source.name}`."
            raise UsageError(f"{source.name!r} is crawled; an update asks hubs", where=source.where, hint=hint)
    asked = demand_online(session, unpinned(session, names))
    try:
        plan = make_plan(session, update=asked, named=names)
    finally:
        session.close()
    changed = tuple(source for source in plan.sources if _is_news(source, asked))
    untold = tuple((source.name, note) for source in plan.sources if source.name in asked for note in source.notes)
    return News(plan, tuple(sorted(asked)), changed, tuple(_left(session, asked)), untold, frozenset(names))


def _is_news(source: PlannedSource, asked: frozenset[str]) -> bool:
    if source.name not in asked:
        return source.state in {"new", "redeclared"} and source.published is not None
    differs = source.changes is not None and source.changes.any
    return differs or source.drift is not None or source.error is not None


def _left(session: Session, asked: frozenset[str]) -> Iterator[tuple[str, str]]:
    for source in session.declared.sources:
        if source.name in asked or source.name not in session.lock.pins:
            continue
        if session.adapter(source).mover == "crawler":
            yield source.name, f"is crawled: `acquire crawl {source.name}` visits it anew"
        elif session.adapter(source).fixed(source):
            yield source.name, "is declared with one version"


def update(session: Session, found: News) -> tuple[Summary, manifest.Difference | None]:
    """Move exactly what was shown, build the set, and return what that changed in it; None where there was no set before.

    PlanChanged when the world has moved since it was shown.
    """
    told, fresh = promised(session, found), replace(session)
    with _kept(session.workspace.manifest) as before:
        summary = fetch(fresh, update=told["update"], named=found.named, planned=told)
        after = session.workspace.manifest
        both = before is not None and before.is_dir() and after.is_dir()  # a takedown that was finished has swept what was kept
        difference = manifest.diff(before, after) if before is not None and both and summary.manifest else None
    return summary, difference


def promised(session: Session, found: News) -> Mapping[str, Any]:
    """Return what was shown as a promise. Who did not answer goes on with what is pinned, and is not asked again.

    A release that was refused for its license is looked at again, so that the alarm stands in the summary as well.
    """
    failed = {source.name for source in found.changed if source.error is not None and source.drift is None}
    sources = [
        replace(one, error=None) if one.name in failed and one.release is not None else one for one in found.plan.sources
    ]
    return promise(session, replace(found.plan, sources=tuple(sources)), _looked_at(found))


def _looked_at(found: News) -> tuple[str, ...]:
    drifted = {source.name for source in found.changed if source.drift is not None}
    return tuple(name for name in found.asked if name in drifted or name in found.names)


@contextmanager
def _kept(directory: Path) -> Iterator[Path | None]:
    """Keep a manifest beside the one that is written, by links where there are any: it is swapped, never changed."""
    kept = directory.with_name(_BEFORE)
    shutil.rmtree(kept, ignore_errors=True)
    try:
        if not directory.is_dir():
            yield None
            return
        shutil.copytree(directory, kept, copy_function=lambda path, target: link_file(Path(path), Path(target)))
        yield kept
    finally:
        shutil.rmtree(kept, ignore_errors=True)
