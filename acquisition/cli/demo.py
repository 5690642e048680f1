"""`acquire demo`: the main job on a small world made on the spot."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acquisition.cli import output, present
from acquisition.cli.diff import diff_text
from acquisition.cli.progress import reporter
from acquisition.cli.run import clean_stop, common
from acquisition.errors import EXIT_DONE, EXIT_FINDINGS

if TYPE_CHECKING:
    from acquisition.pipeline.demonstrate import Leaving


@click.command("demo")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Leave the declaration and the workspace here.")
@click.option("--layout", type=click.Choice(["folders", "parquet"]), default="folders", show_default=True)
@common
def command(*, keep: Path | None, layout: str, as_json: bool, debug: bool) -> int:
    """Start servers on loopback that speak the hubs' protocols, fetch from them, and compare what was planted and caught.

    Nothing leaves the machine. Exit code 1 when something planted was missed.
    """
    del debug
    from acquisition.pipeline.demonstrate import demonstrate

    with (
        tempfile.TemporaryDirectory(prefix="acquire-demo-") as temporary,
        clean_stop() as stop,
        reporter(quiet=as_json) as told,
    ):
        done = demonstrate(keep or Path(temporary), told, stop, layout=layout)
        missed = [check for check in done.checks if not check.right]
        if as_json:
            checks = [{"what": check.what, "planted": check.planted, "caught": check.caught} for check in done.checks]
            output.emit_json("demo", {"checks": checks, "missed": len(missed), "summary": present.summary_value(done.summary)})
        else:
            output.emit(present.summary_text(done.summary))
            output.emit("\n" + _leaving_text(done.leaving))
            output.emit("\n" + present.demo_text(done))
            output.emit(f"everything is in {keep}" if keep else "run `acquire demo --keep DIRECTORY` to look at all of it")
    return EXIT_FINDINGS if missed else EXIT_DONE


def _leaving_text(leaving: Leaving) -> str:
    """Return what became of the item that had to leave, as the commands would say it."""
    rows = [(item.source, item.locator, item.outcome, item.why) for item in leaving.done.selection.items]
    looked = leaving.verified.looked
    held = f"{looked['files']:,} files, {looked['members']:,} members of archives and {looked['rows']:,} rows"
    return "\n".join(
        [
            f"afterwards somebody asks for {leaving.name} to leave: acquire takedown --content {leaving.name} --yes",
            output.table([("  " + source, *rest) for source, *rest in rows], ("  source", "locator", "outcome", "why")),
            "",
            f"acquire diff: {diff_text(leaving.difference)}",
            "",
            f"acquire fetch: {leaving.returned:,} of them come back",
            f"acquire verify: {looked['tombstones']:,} tombstones held against {held}",
        ]
    )
