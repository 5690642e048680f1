"""`acquire diff`: what changed between two states of a set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from acquisition.cli import output
from acquisition.cli.run import common, declared
from acquisition.cli.tables import columns, hung

SHOWN: Final = 5
"""Items of each kind that are named."""

if TYPE_CHECKING:  # Arrow is heavy; it is loaded when the command runs
    from acquisition.manifest import Change, Difference
    from acquisition.pipeline.looking.comparing import Recorded


@click.command("diff")
@click.argument("old")
@click.argument("new", default="now")
@click.option("--changelog", is_flag=True, help="Print sections for the set's changelog instead.")
@declared
@common
def command(*, old: str, new: str, changelog: bool, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Compare OLD with NEW (left out: what stands): items added, removed, changed, re-licensed, newly flagged, per source.

    Each is a workspace, its folder `manifest`, a ledger (items.parquet), a bundle (directory or tar), a version of the set, or
    `now`. What changed between two versions is told from the history that the manifest carries along. Five items of each kind
    are named, with --json all of them.
    """
    del debug
    from acquisition import manifest, pipeline
    from acquisition.pipeline.looking.comparing import Recorded

    needed = pipeline.names_a_version(old, new) and file.exists()
    session = pipeline.open_session(file, workspace) if needed else None
    found = pipeline.compare(session, old, new, named=None if as_json else SHOWN)
    if as_json:
        output.emit_json("history" if isinstance(found, Recorded) else "diff", found.plain())
    elif isinstance(found, Recorded):
        output.emit(_recorded_text(found))
    else:
        output.emit(manifest.changelog(found) if changelog else diff_text(found))
    return 0


def _recorded_text(found: Recorded) -> str:
    from acquisition.manifest import section

    if not found.versions:
        return f"{found.old} is {found.new}: nothing changed"
    return "\n".join(section(one) for one in reversed(found.versions))


def diff_text(found: Difference) -> str:
    """Return what changed as a table: per source and kind of change, how many items, with examples."""
    items = f"{found.items_old:,} -> {found.items_new:,} items, {found.kept_old:,} -> {found.kept_new:,} kept"
    lines = [f"{found.old} -> {found.new}: {items}"]
    if not found.changes:
        lines.append("nothing changed")
    else:
        rows = [row for change in found.changes for row in _rows(change)]
        lines += ["", *hung(rows, ("source", "what", "items", "such as"), columns(), right=frozenset({"items"}))]
        lines += ["", f"by what changed this is a {found.step} step of the version"]
    if found.not_compared:
        lines.append(f"not compared, because one ledger is of another format: {', '.join(found.not_compared)}")
    return "\n".join(lines)


def _rows(change: Change) -> Iterator[tuple[str, str, str, str]]:
    head = (change.source, change.kind, f"{change.items:,}")
    for locator, before, after in change.examples:
        told = f"{before or '-'} -> {after or '-'}" if before else after
        yield (*head, f"{locator}: {told}" if told else locator)
        head = ("", "", "")
    if (rest := change.items - len(change.examples)) > 0:
        yield (*head, f"and {rest:,} more")
