"""`acquire curate`: judge again without fetching."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import present
from acquisition.cli.progress import reporter
from acquisition.cli.run import clean_stop, common, declared, watched


@click.command("curate")
@click.option("--offline", is_flag=True, help="Asks nobody, as always; what is missing here is an error.")
@click.option("--anew", is_flag=True, help="Make both although nothing has changed: what was damaged or edited is replaced.")
@watched
@declared
@common
def command(*, offline: bool, anew: bool, quiet: bool, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Judge what is here by the policy as it is now, and write the curated set and the manifest. Asks nobody."""
    del debug
    from acquisition import pipeline

    with clean_stop() as stop, reporter(quiet=quiet) as listener:
        session = pipeline.open_session(file, workspace, reporter=listener, stop=stop, offline=offline)
        summary = pipeline.curate(session, anew=anew)
    present.show_summary(summary, as_json=as_json)
    return summary.exit_code
