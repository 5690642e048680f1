"""`acquire archive`: what a crawl has archived, as one file for any player of web archives."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output
from acquisition.cli.run import common, declared


@click.command("archive")
@click.argument("source")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@declared
@common
def command(*, source: str, target: Path, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Write the newest run of SOURCE as TARGET: a WACZ file (.wacz), or its CDXJ index (.cdxj).

    ReplayWeb.page opens WACZ in any browser. Asks nobody, changes nothing in the workspace.
    """
    del debug
    from acquisition import pipeline

    written = pipeline.archive(pipeline.open_session(file, workspace, only=(source,)), source, target)
    if as_json:
        output.emit_json("archive", {"file": str(written.file), "run": written.run, "bytes": written.bytes})
    else:
        output.emit(f"wrote {written.file}: {written.run} of {source}, {output.size(written.bytes)}")
    return 0
