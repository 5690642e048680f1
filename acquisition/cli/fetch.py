"""`acquire fetch`: everything up to the manifest."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import present
from acquisition.cli.progress import reporter
from acquisition.cli.run import clean_stop, common, declared, working


@click.command("fetch")
@click.argument("sources", nargs=-1)
@click.option(
    "--until",
    type=click.Choice(["fetch", "stage", "filter", "curate", "manifest"]),
    default="manifest",
    help="Stop after this step.",
)
@click.option("--locked", is_flag=True, help="Refuse anything that sources.lock does not hold.")
@click.option("--update", multiple=True, metavar="NAME", help="Take the newest release of this source (may be repeated).")
@click.option("--offline", is_flag=True, help="Ask nobody: work from the lock and what is here, and say what is missing.")
@working
@declared
@common
def command(
    *,
    sources: tuple[str, ...],
    until: str,
    locked: bool,
    update: tuple[str, ...],
    offline: bool,
    workers: int,
    quiet: bool,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Download what is missing, stage, filter, curate, and write the manifest. SOURCES limits what is downloaded.

    A file that `acquire plan --out` wrote may stand in their place: exactly that is done, or nothing when the world has moved.
    Run it again after any interruption: only what is missing or changed moves.
    """
    del debug
    from acquisition import pipeline

    planned = Path(sources[0]) if len(sources) == 1 and (sources[0].endswith(".json") or "/" in sources[0]) else None
    only = pipeline.planned_only(planned) if planned is not None else sources
    with clean_stop() as stop, reporter(quiet=quiet) as listener:
        session = pipeline.open_session(
            file, workspace, only=only, reporter=listener, stop=stop, workers=workers, offline=offline
        )
        summary = pipeline.fetch(session, until=until, locked=locked, update=update, planned=planned)
    present.show_summary(summary, as_json=as_json)
    return summary.exit_code
