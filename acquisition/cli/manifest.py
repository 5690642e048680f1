"""`acquire manifest`: one more format."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output, present
from acquisition.cli.run import common, declared


@click.command("manifest")
@click.option(
    "--format", "formats", multiple=True, metavar="NAME", help="A format that `acquire kinds` lists (may be repeated)."
)
@declared
@common
def command(*, formats: tuple[str, ...], file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Write the manifest of the curated set in the formats that the declaration lists, and in those named."""
    del debug
    from acquisition import pipeline

    summary = pipeline.curate(pipeline.open_session(file, workspace), formats)
    written = [str(Path(summary.manifest) / name) for name in summary.manifest_files]
    if as_json:
        output.emit_json("manifest", {"files": written, "errors": [output.error_value(error) for error in summary.errors]})
    else:
        output.emit("\n".join(written))
        present.show_errors(summary)
    return summary.exit_code
