"""`acquire check`: is the declaration right, and what does the policy say."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output
from acquisition.cli.run import common, declared


@click.command("check")
@declared
@common
def command(*, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Read the declaration, print every problem at once, or the sources, filters and policy in effect."""
    del debug
    from acquisition import pipeline

    checked = pipeline.check(pipeline.open_session(file, workspace))
    if as_json:
        output.emit_json("check", checked.value())
        return 0
    output.emit(f"{file}: {len(checked.sources)} {'source' if len(checked.sources) == 1 else 'sources'}, no problems")
    output.emit(
        output.table([(f"  {name}", kind, where) for name, kind, where in checked.sources], ("  source", "kind", "where"))
    )
    output.emit(f"\nuse: {checked.use}")
    output.emit(f"contact: {checked.contact or 'none: nothing is crawled'}")
    output.emit("\nfilters:")
    for name, state in checked.filters:
        output.emit(f"  {name}: {state}")
    others = [f"{name}: {word}" for name, word in checked.signals if word != "honour"]
    output.emit(f"\nsignals: {'all others are honoured; ' if others else 'all are honoured'}{', '.join(others)}")
    output.emit("\npolicy, for each flag the first rule that fits decides; the most severe outcome is the item's:")
    rows = [
        (
            f"  {row.position}",
            row.flag,
            "" if row.at_least is None else f">= {row.at_least:g}",
            row.outcome,
            row.origin,
            row.why,
        )
        for row in checked.policy
    ]
    output.emit(output.table(rows, ("  #", "flag", "score", "outcome", "from", "why")))
    return 0
