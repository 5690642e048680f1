"""`acquire plan`: the dry run."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output, planned
from acquisition.cli.planned_value import plan_value
from acquisition.cli.run import common, declared


@click.command("plan")
@click.argument("sources", nargs=-1)
@click.option("--locked", is_flag=True, help="Refuse anything that sources.lock does not hold.")
@click.option("--update", multiple=True, metavar="NAME", help="Show what changed upstream since the lock (may be repeated).")
@click.option("--offline", is_flag=True, help="Ask nobody: work from the lock and what is here, and say what is missing.")
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
    offline: bool,
    out: Path | None,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Say what a fetch would do: versions, files, bytes, licenses with their evidence, duties, refusals, conflicts, disk.

    Moves nothing but listings, cards and license texts. New sources are pinned in sources.lock; with --update nothing is
    written. With --locked the world and the declaration must be what the lock says.
    """
    del debug
    from acquisition import pipeline

    plan = pipeline.plan(
        pipeline.open_session(file, workspace, only=sources, offline=offline), locked=locked, update=update, out=out
    )
    if as_json:
        output.emit_json("plan", plan_value(plan))
    else:
        output.emit(planned.plan_text(plan) + (f"\nwritten: {out}; `acquire fetch {_named(out)}` keeps to it" if out else ""))
    asked = [source for source in plan.sources if source.action != "skip"]
    return pipeline.exit_code_of(tuple(source.error for source in asked if source.error is not None))


def _named(out: Path) -> str:
    """Return a file as `acquire fetch` tells it from the name of a source."""
    return str(out) if out.suffix == ".json" or "/" in str(out) else f"./{out}"
