"""`acquire status`: what the workspace holds."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output, present
from acquisition.cli.run import common, declared


@click.command("status")
@declared
@common
def command(*, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Show per source what is pinned, held and staged, and how the last run ended. Reads only."""
    del debug
    from acquisition import pipeline

    status = pipeline.status(pipeline.open_session(file, workspace))
    if as_json:
        output.emit_json("status", status.value())
    else:
        output.emit(present.status_text(status))
    return 0
