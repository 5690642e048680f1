"""`acquire lock`: pins without moving anything, and whether the lock still holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acquisition.cli import output, planned
from acquisition.cli.alarms import alarms_text, wrapped
from acquisition.cli.planned_value import plan_value
from acquisition.cli.run import common, declared
from acquisition.errors import EXIT_DONE, EXIT_FINDINGS

if TYPE_CHECKING:  # planning is heavy; it is loaded when the command runs
    from acquisition.pipeline import Finding, Session
    from acquisition.plan import Plan


@click.command("lock")
@click.argument("sources", nargs=-1)
@click.option("--refresh", is_flag=True, help="Pin the newest release of sources that are pinned already, too.")
@click.option("--check", is_flag=True, help="Write nothing; say what is not right with the lock, and end with 1.")
@click.option("--offline", is_flag=True, help="Ask nobody.")
@declared
@common
def command(
    *,
    sources: tuple[str, ...],
    refresh: bool,
    check: bool,
    offline: bool,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Pin what is declared and not pinned, take out what is not declared any more. Moves nothing. SOURCES limits who is asked.

    With --check the lock is compared with the declaration, with itself and with what is published now.
    """
    del debug
    from acquisition import pipeline

    session = pipeline.open_session(file, workspace, only=sources, offline=offline)
    if check:
        return _check(session, pipeline.check_lock(session), as_json=as_json)
    plan, before = pipeline.lock(session, refresh=refresh)
    if as_json:
        output.emit_json("lock", {"path": str(session.lock_path), **plan_value(plan)})
    else:
        output.emit(_text(plan, had=len(before.pins), path=session.lock_path))
    errors = [source.error for source in plan.sources if source.error is not None and source.action != "skip"]
    return pipeline.exit_code_of(tuple(errors))


def _check(session: Session, found: tuple[Finding, ...], *, as_json: bool) -> int:
    if as_json:
        output.emit_json("lock-check", {"path": str(session.lock_path), "findings": [asdict(one) for one in found]})
    elif not found:
        output.emit(f"{session.lock_path}: nothing is wrong with it")
    for one in found if not as_json else ():
        told = [*f"{one.code}: {one.message}".split("\n"), f"  where: {one.where}", f"  hint: {one.hint}"]
        output.emit("\n".join(line for part in told for line in wrapped(part.strip(), part[: len(part) - len(part.lstrip())])))
    return EXIT_FINDINGS if any(one.fails for one in found) else EXIT_DONE


def _text(plan: Plan, *, had: int, path: Path) -> str:
    lines = alarms_text(plan.drifts)
    lines += [line for source in plan.sources if source.sign in {"+", "~"} for line in planned.source_lines(source)]
    lines += [f"- {name}: not declared any more" for name in plan.removed]
    lines += [line for source in plan.sources for note in source.notes for line in wrapped(f"{source.name}: {note}", "")]
    for source in plan.sources:
        if source.error is not None and source.drift is None and source.action != "skip":
            lines += ["", *planned.error_lines(source.error, f"source {source.name}"), ""]
    state = f"{len(plan.lock.pins) - len(plan.removed):,} sources pinned (before: {had:,})"
    return "\n".join([*lines, f"{path}: {state}"])
