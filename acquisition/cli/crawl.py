"""`acquire crawl`: run spiders anew."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import present
from acquisition.cli.progress import reporter
from acquisition.cli.run import clean_stop, common, declared, watched


@click.command("crawl")
@click.argument("sources", nargs=-1, required=True)
@click.option("--resume", is_flag=True, help="Only go on with runs that did not finish; begin none anew.")
@click.option("--replay", is_flag=True, help="Run over what the last runs have archived; send nothing.")
@watched
@declared
@common
def command(
    *,
    sources: tuple[str, ...],
    resume: bool,
    replay: bool,
    quiet: bool,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Run the spiders SOURCES anew, or go on with a run that was stopped, and stage what they found.

    Every answer is archived as WARC under the workspace's crawl folder. `acquire fetch` then filters and curates.
    """
    del debug
    if resume and replay:
        raise click.UsageError("--resume goes on with a visit, --replay makes none: give one of them")
    from acquisition import pipeline

    with clean_stop() as stop, reporter(quiet=quiet) as listener:
        session = pipeline.open_session(file, workspace, only=sources, reporter=listener, stop=stop)
        summary = pipeline.crawl(session, replay=replay, resume=resume)
    present.show_summary(summary, as_json=as_json)
    return summary.exit_code
