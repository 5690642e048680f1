"""`acquire explain`: one item's lineage."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output, present
from acquisition.cli.run import common, declared


@click.command("explain")
@click.argument("item")
@declared
@common
def command(*, item: str, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Show where ITEM came from, every flag on it, and the flag that decided.

    ITEM is an id (or its start), a path in the curated set, a locator or a URL.
    """
    del debug
    from acquisition import pipeline

    entry = pipeline.explain(pipeline.open_session(file, workspace), item)
    if as_json:
        output.emit_json("explain", {"entry": entry})
    else:
        output.emit(present.entry_text(entry))
    return 0
