"""`acquire diff`: what changed between two manifests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from acquisition.cli import output
from acquisition.cli.run import common

if TYPE_CHECKING:  # Arrow is heavy; it is loaded when the command runs
    from acquisition.manifest import Difference


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("new", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--changelog", is_flag=True, help="Print a section for the set's changelog instead.")
@common
def command(*, old: Path, new: Path, changelog: bool, as_json: bool, debug: bool) -> int:
    """Compare the manifests OLD and NEW: items added, removed, changed, re-licensed, newly flagged, per source.

    Both are workspaces, or their folders `manifest`; keep a copy of the old one before the set is built anew.
    """
    del debug
    from acquisition import manifest

    found = manifest.diff(old, new)
    if as_json:
        output.emit_json("diff", found.plain())
    else:
        output.emit(manifest.changelog(found) if changelog else diff_text(found))
    return 0


def diff_text(found: Difference) -> str:
    """Return what changed as a table: per source and kind of change, how many items, with examples."""
    items = f"{found.items_old:,} -> {found.items_new:,} items, {found.kept_old:,} -> {found.kept_new:,} kept"
    lines = [f"{found.old} -> {found.new}: {items}"]
    if not found.changes:
        return lines[0] + "\nnothing changed"
    rows = []
    for change in found.changes:
        for index, (locator, before, after) in enumerate(change.examples):
            head = (change.source, change.kind, f"{change.items:,}") if index == 0 else ("", "", "")
            rows.append((*head, locator, f"{before or '-'} -> {after or '-'}"))
    lines += ["", output.table(rows, ("source", "what", "items", "such as", "before -> after"), right=frozenset({2}))]
    return "\n".join([*lines, "", f"by what changed this is a {found.step} step of the version"])
