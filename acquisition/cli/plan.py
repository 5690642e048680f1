"""`acquire plan`: the dry run."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output, planned
from acquisition.cli.run import common, declared


@click.command("plan")
@click.argument("sources", nargs=-1)
@click.option("--locked", is_flag=True, help="Refuse anything that sources.lock does not hold.")
@click.option("--update", multiple=True, metavar="NAME", help="Show what changed upstream since the lock (may be repeated).")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan here; `acquire fetch` keeps to it."
)
@declared
@common
def command(
    *,
    sources: tuple[str, ...],
    locked: bool,
    update: tuple[str, ...],
    out: Path | None,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Say what a fetch would do, per source: version, files, bytes, license, refusals, disk after. Moves no data.

    New sources are pinned in sources.lock; with --update nothing is written.
    """
    del debug
    from acquisition import pipeline

    plan = pipeline.plan(pipeline.open_session(file, workspace, only=sources), locked=locked, update=update, out=out)
    if as_json:
        output.emit_json("plan", planned.plan_value(plan))
    else:
        output.emit(planned.plan_text(plan))
    asked = [source for source in plan.sources if source.action != "skip"]
    return pipeline.exit_code_of(tuple(source.error for source in asked if source.error is not None))
