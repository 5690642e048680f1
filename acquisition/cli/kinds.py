"""`acquire kinds`: what is installed."""

from __future__ import annotations

import click

from acquisition.cli import output
from acquisition.cli.run import common


@click.command("kinds")
@common
def command(*, as_json: bool, debug: bool) -> int:
    """List the kinds of sources, readers, filters, layouts and formats that are installed."""
    del debug
    from acquisition.pipeline.looking.installed import installed

    found = installed()
    if as_json:
        output.emit_json("kinds", {group: list(entries) for group, entries in found.items()})
        return 0
    for group, entries in found.items():
        output.emit(f"{group}:")
        costs = ["cost"] if any("cost" in entry for entry in entries) else []
        rows = [(f"  {entry['name']}", entry["title"], *(entry[key] for key in costs)) for entry in entries]
        output.emit(output.table(rows, ("  name", "what it is", *(f"{key} (one core)" for key in costs))))
        output.emit("")
    return 0
