"""`acquire check`: is the declaration right, and what does the policy say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acquisition.cli import output
from acquisition.cli.run import common, declared
from acquisition.errors import EXIT_DONE, EXIT_FINDINGS

if TYPE_CHECKING:  # Arrow is heavy; it is loaded when the command runs
    from acquisition.manifest import Open


@click.command("check")
@click.option("--release", is_flag=True, help="List what has to be provided or cleared before the set is published.")
@declared
@common
def command(*, release: bool, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Read the declaration, print every problem at once, or the sources, filters and policy in effect."""
    del debug
    from acquisition import pipeline

    session = pipeline.open_session(file, workspace)
    if release:
        return _release(pipeline.release_list(session), as_json=as_json)
    checked = pipeline.check(session)
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


def _release(found: Sequence[Open], *, as_json: bool) -> int:
    """Print what is open, with exit code 1 while anything is."""
    if as_json:
        output.emit_json("release", {"open": [asdict(one) for one in found]})
    else:
        rows = [(one.kind, one.where, one.what, one.wanted_by) for one in found]
        if rows:
            output.emit(output.table(rows, ("", "where", "what", "wanted by")))
        output.emit(f"{len(found):,} things are open before the set can be published" if found else "nothing is open")
    return EXIT_FINDINGS if found else EXIT_DONE
