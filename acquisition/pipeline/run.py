"""The whole line, in its order; each step finds what an earlier run has done."""

from __future__ import annotations

import errno
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from acquisition import plugins
from acquisition.engine.local import LocalEngine
from acquisition.errors import DiskFull, LimitReached, UsageError, WorkspaceDamaged
from acquisition.journal import Journal
from acquisition.model import Rejection
from acquisition.pipeline.finishing.ending import Finished, finish
from acquisition.pipeline.finishing.line import Line
from acquisition.pipeline.flagging import flag_all
from acquisition.pipeline.judging import judge_all
from acquisition.pipeline.letting_stand import left_standing
from acquisition.pipeline.looking.held_back import note_held_back
from acquisition.pipeline.looking.inspect import check_inputs
from acquisition.pipeline.moving import Moved, move
from acquisition.pipeline.pinning.promised import keep, read_promise, write_promise
from acquisition.pipeline.planning import demand_online, make_plan
from acquisition.pipeline.session import Session
from acquisition.pipeline.staging import stage_all
from acquisition.pipeline.summary import SourceSummary, Summary
from acquisition.pipeline.texts import license_texts
from acquisition.pipeline.withdrawal.sweeping import sweep_away
from acquisition.pipeline.withdrawal.withdrawing import Hits
from acquisition.plan import Plan
from acquisition.rights.licenses import release_conclusion
from acquisition.stage import Staged
from acquisition.workspace import utc_now

STEPS: Final = ("fetch", "stage", "filter", "curate", "manifest")


def plan(session: Session, *, locked: bool = False, update: Iterable[str] = (), out: Path | None = None) -> Plan:
    """Say what a fetch would do. New pins are written to the lock, unless it is locked or updates are only looked at.

    `out` is a file for the plan, which `fetch` then keeps to.
    """
    wanted = demand_online(session, session.known(update))
    try:
        made = make_plan(session, locked=locked, update=wanted)
    finally:
        session.close()
    if not locked and not wanted and not session.offline:
        session.save_lock(made.lock)
    if out is not None:
        write_promise(out, session, made, wanted)
    return made


def fetch(
    session: Session,
    *,
    until: str = "manifest",
    locked: bool = False,
    update: Iterable[str] = (),
    named: Iterable[str] | None = None,
    planned: Path | Mapping[str, Any] | None = None,
) -> Summary:
    """Do all of it up to `until` (one of STEPS). One source's failure is in the summary and stops no other.

    With `planned`, a file that `plan` wrote or what `promise` returns, exactly that is done, or PlanChanged says what is not
    as planned. Publishers of what has to be moved are looked at again, so that a license that has changed since it was pinned
    is an alarm. With `locked` the lock's file stays as it is; then, and where nobody is asked, a set that stands stays as well
    when a source is refused for not being what the lock holds. `named` are the sources of `update` that somebody named, None
    for all: of the others no release is taken that the policy holds for its changed license.
    Raises WorkspaceLocked, DiskFull, Interrupted and what ends a run as a whole; everything finished is kept.
    """
    told = read_promise(planned) if isinstance(planned, Path) else planned
    wanted = demand_online(session, session.known((*update, *(told or {}).get("update", ()))))
    check_inputs(session)

    def work(journal: Journal) -> Summary:
        made = make_plan(session, locked=locked, update=wanted, named=named, look="moving")
        if told is not None:
            keep(told, session, made, str(planned) if isinstance(planned, Path) else "")
        compared = (session.only or {*session.lock.pins}) if locked and not session.offline else ()
        note_held_back(session, journal, made.sources, {*wanted, *compared}, utc_now())
        strict = locked or session.offline
        moved, _ = move(session, made.sources, made.lock, journal, locked=strict)
        return _line(session, moved, until, journal, strict=strict)

    return _run(session, "fetch", work)


def crawl(session: Session, *, replay: bool = False, resume: bool = False) -> Summary:
    """Run the named spiders anew, or go on with unfinished runs, and stage what they found.

    With `resume`, runs that have finished stay as they are. With `replay` they run over what their last runs have archived, and
    nothing is sent. UsageError when one of the named sources is not crawled, or was never crawled before a replay.
    """
    for source in session.declared.sources:
        if source.name in session.only and session.adapter(source).mover != "crawler":
            raise UsageError(
                f"{source.name!r} is no spider but of kind {source.settings.kind!r}",
                where=source.where,
                hint=f"Use `acquire fetch {source.name}`, with --update {source.name} to take its newest release.",
            )

    def work(journal: Journal) -> Summary:
        made = make_plan(session, update=frozenset() if resume else session.only)
        named = tuple(source for source in made.sources if source.name in session.only)
        moved, _ = move(session, named, made.lock, journal, replay=replay)
        return _line(session, moved, "stage", journal)

    return _run(session, "crawl", work)


def curate(session: Session, formats: Iterable[str] = (), *, anew: bool = False) -> Summary:
    """Judge what is here again, and write the set and the manifest. Asks nobody: what is not here is left out and said.

    `formats` are formats of the manifest beside the declared ones. With `anew` both are made although nothing has changed, and
    a manifest that was damaged makes room, with its history. UsageError when a format is not installed or nothing is here yet.
    """
    asked = tuple(formats)
    for name in asked:
        if name not in plugins.registered(plugins.EXPORTERS):
            known = ", ".join(plugins.registered(plugins.EXPORTERS))
            raise UsageError(f"no manifest format is called {name!r}", hint=f"Installed are: {known}.")

    def work(journal: Journal) -> Summary:
        made = make_plan(session, here_only=True)
        moved, _ = move(session, made.sources, made.lock, journal, locked=session.offline)
        summary = _line(session, moved, "manifest", journal, asked, anew=anew, strict=session.offline)
        if summary.reached != "manifest" and not summary.errors:
            what = "nothing is here; the set stays as it stood" if session.workspace.curated.is_dir() else "nothing is here yet"
            hint = "Run `acquire fetch` first, and read what it says of the sources."
            raise UsageError(what, where=str(session.workspace.root), hint=hint)
        return summary

    return _run(session, "curate", work)


def rebuild(session: Session, command: str, prepare: Callable[[], Hits | None]) -> Summary:
    """Prepare something that changes what is here, and make the set and the manifest anew from what is then here.

    Asks nobody. `prepare` runs while the workspace is held; what it returns is known of standing shards (`withdrawing.Hits`).
    """

    def work(journal: Journal) -> Summary:
        hits = prepare()
        made = make_plan(session, here_only=True)
        moved, _ = move(session, made.sources, made.lock, journal)
        return _line(session, moved, "manifest", journal, hits=hits, unpinned=True)

    return _run(session, command, work)


def _run(session: Session, command: str, work: Callable[[Journal], Summary]) -> Summary:
    """Hold the workspace for the whole run, time it, and note in the journal how it began and ended."""
    started = time.monotonic()
    with session.held(command), Journal(session.workspace.journal) as journal:
        run = journal.begin_run(f"acquire {command}", utc_now())
        with _named(session.workspace.root):
            summary = replace(work(journal), seconds=time.monotonic() - started)
        told = {"reached": summary.reached, "outcomes": dict(summary.outcomes), "exit_code": summary.exit_code}
        journal.end_run(run, utc_now(), json.dumps(told, sort_keys=True))
    return summary


@contextmanager
def _named(root: Path) -> Iterator[None]:
    """Name what the disk does to the workspace: a file that is damaged, or no room for another."""
    try:
        yield
    except pa.ArrowInvalid as error:
        if "Parquet" not in str(error):
            raise
        raise WorkspaceDamaged(
            f"a file of the workspace cannot be read: {error}",
            where=str(root),
            hint="Remove the folder below staging, flags or verdicts that it lies in; the next run makes it again.",
        ) from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise DiskFull(
            f"no room is left: {error}", where=str(root), hint="Free some space and run the same command again."
        ) from error


def _line(
    session: Session,
    moved: Mapping[str, Moved],
    until: str,
    journal: Journal,
    formats: tuple[str, ...] = (),
    *,
    hits: Hits | None = None,
    anew: bool = False,
    unpinned: bool = False,
    strict: bool = False,
) -> Summary:
    result, stays = Finished(), tuple[str, ...]()
    staged: dict[str, Staged] = {}
    swept: dict[str, Any] = {}
    with LocalEngine(session.workers, session.stop) as engine:
        last = STEPS.index(until)
        if last >= STEPS.index("stage"):
            staged = stage_all(session, moved.values(), engine, hits=hits)
            # what crawls tell of themselves changes with it; a takedown sweeps again for what was taken down before
            swept = sweep_away(session, journal, staged, moved.values(), again=unpinned)
        left = (
            left_standing(session, moved, staged, unpinned=unpinned, strict=strict and last >= STEPS.index("curate"))
            if last >= STEPS.index("filter")
            else None
        )
        if left is not None:
            until, last, stays = "stage", STEPS.index("stage"), left
        if last >= STEPS.index("filter"):
            flagged, not_checked = flag_all(session, staged, moved, engine)
            observed = tuple(one for answer in flagged for one in answer.observations)
            result = Finished(not_checked=not_checked, observations=observed)
            if last >= STEPS.index("curate"):
                judged = judge_all(session, staged, flagged, engine)
                line = Line(session, moved, staged, flagged, judged, not_checked)
                wanted = tuple(dict.fromkeys((*session.declared.declaration.manifest, *formats)))
                result = finish(line, journal, formats=wanted, with_manifest=until == "manifest", anew=anew)
    return replace(_summary(moved, staged, result, until), swept=swept, staged=frozenset(staged), stays=stays)


def _summary(moved: Mapping[str, Moved], staged: Mapping[str, Staged], result: Finished, until: str) -> Summary:
    codes: Counter[tuple[str, str]] = Counter()
    for counts in result.counts.values():
        codes.update(counts)
    return Summary(
        reached=until,
        sources=tuple(_source(source, staged.get(name), result.counts.get(name, {})) for name, source in moved.items()),
        codes=dict(codes),
        not_checked=result.not_checked,
        observations=result.observations,
        changed=result.changed or any(source.downloaded for source in moved.values()),
        curated=result.curated,
        manifest=result.manifest,
        manifest_files=result.manifest_files,
        notes=(*(f"{name}: {note}" for name, source in moved.items() for note in source.planned.remarks), *result.notes),
        versioned=result.versioned,
        standing=result.standing,
    )


def _source(moved: Moved, staged: Staged | None, counts: Mapping[tuple[str, str], int]) -> SourceSummary:
    release, planned = moved.release, moved.planned
    conclusion = release_conclusion(release, license_texts(moved.held.values())) if release is not None else None
    outcomes: Counter[str] = Counter()
    for (outcome, _), count in counts.items():
        outcomes[outcome] += count
    rejections: tuple[Rejection, ...] = staged.rejections if staged is not None else tuple(moved.failed)
    return SourceSummary(
        name=moved.name,
        kind=planned.source.settings.kind,
        action=planned.action,
        revision=release.revision if release is not None else "",
        title=release.title if release is not None else "",
        license_declared=conclusion.declared if conclusion else "",
        license_concluded=conclusion.concluded if conclusion else "",
        files=len(moved.held),
        files_failed=len(moved.failed),
        bytes_downloaded=moved.downloaded,
        items=staged.items if staged is not None else 0,
        capped=staged.capped if staged is not None else False,
        outcomes=dict(outcomes),
        codes=dict(counts),
        rejections=dict(Counter(rejection.code for rejection in rejections)),
        crawl=moved.crawl,
        errors=(*moved.errors, *_cut_short(moved, staged)),
        notes=(*(release.notes if release is not None else ()), *planned.notes),
        drift=planned.drift,
    )


def _cut_short(moved: Moved, staged: Staged | None) -> tuple[LimitReached, ...]:
    """A limit on items that was met is said like any other limit: the set holds less than its sources do."""
    if staged is None or not staged.capped:
        return ()
    return (
        LimitReached(
            f"only {staged.items:,} items of {moved.name!r} are taken: a limit on items is reached",
            where=moved.planned.source.where,
            hint="Raise limits.items, of the source or of the whole run, to take more.",
        ),
    )
