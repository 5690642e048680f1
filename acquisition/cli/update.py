"""`acquire update`: what is newer upstream, shown first, then moved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acquisition.cli import output, planned, present
from acquisition.cli.alarms import alarms_text, wrapped
from acquisition.cli.planned_value import changes_value, drift_value
from acquisition.cli.progress import reporter
from acquisition.cli.run import clean_stop, common, declared, working
from acquisition.errors import EXIT_REFUSED

if TYPE_CHECKING:  # planning is heavy; it is loaded when the command runs
    from acquisition.pipeline import News


@click.command("update")
@click.argument("sources", nargs=-1)
@click.option("--yes", is_flag=True, help="Take it without asking.")
@working
@declared
@common
def command(
    *,
    sources: tuple[str, ...],
    yes: bool,
    workers: int,
    quiet: bool,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Show what is newer upstream of all unpinned sources (or SOURCES), ask, take it, and say what that changed in the set.

    Licenses that have changed are shown first; a release whose license the policy does not allow any more is not taken.
    """
    del debug
    from acquisition import pipeline

    with clean_stop() as stop, reporter(quiet=quiet) as listener:
        session = pipeline.open_session(file, workspace, reporter=listener, stop=stop, workers=workers)
        news = pipeline.news(session, sources)
    if not as_json:
        output.emit(_text(news))
    errors = tuple(source.error for source in news.changed if source.error is not None)
    wanted = bool(news.names) or any(source.sign == "+" for source in news.changed)
    if not wanted or not (yes or _confirmed(as_json=as_json)):
        if as_json:
            output.emit_json("update", {**_value(news), "taken": False, "summary": None, "diff": None})
        elif wanted:
            output.talk("nothing was moved; `acquire update --yes` takes it")
        return EXIT_REFUSED if wanted else pipeline.exit_code_of(errors)
    with clean_stop() as stop, reporter(quiet=quiet) as listener:
        session = pipeline.open_session(file, workspace, reporter=listener, stop=stop, workers=workers)
        summary, difference = pipeline.update(session, news)
    if as_json:
        diff = difference.plain() if difference is not None else None
        output.emit_json("update", {**_value(news), "taken": True, "summary": present.summary_value(summary), "diff": diff})
    else:
        present.show_summary(summary, as_json=False)
        if difference is not None:
            from acquisition.cli.diff import diff_text

            output.emit(f"\nwhat it changed in the set:\n{diff_text(difference)}")
    return max(summary.exit_code, pipeline.exit_code_of(errors))


def _confirmed(*, as_json: bool) -> bool:
    """Ask on a terminal; where nobody can answer, nothing is taken."""
    return not as_json and sys.stdin.isatty() and click.confirm("Take it?", default=False, err=True)


def _text(news: News) -> str:
    if not news.changed:
        asked = f"{len(news.asked):,} sources were asked" if len(news.asked) != 1 else "1 source was asked"
        known = "nothing is known to be newer" if news.untold else "nothing is newer"
        return "\n".join([f"{known} upstream ({asked})", *_left(news)])
    lines = alarms_text(source.drift for source in news.changed if source.drift is not None)
    for source in news.changed:
        lines += planned.source_lines(source)
        if source.error is not None and source.drift is None:
            lines += ["", *planned.error_lines(source.error, f"source {source.name}"), ""]
    return "\n".join([*lines, *_left(news), planned.to_move(news.changed)])


def _left(news: News) -> list[str]:
    told = [*(f"{name} {why}" for name, why in news.left), *(f"{name}: {note}" for name, note in news.untold)]
    return [line for text in told for line in wrapped(text, "  ")]


def _value(news: News) -> dict[str, Any]:
    return {
        "drift": [drift_value(source.drift) for source in news.changed if source.drift is not None],
        "asked": list(news.asked),
        "changed": [
            {
                "name": source.name,
                "sign": source.sign,
                "action": source.action,
                "bytes_to_move": source.bytes_to_move,
                "changes": changes_value(source.changes) if source.changes is not None else None,
                "error": output.error_value(source.error) if source.error is not None else None,
            }
            for source in news.changed
        ],
        "not_asked": [{"name": name, "why": why} for name, why in news.left],
        "notes": [{"name": name, "note": note} for name, note in news.untold],
    }
