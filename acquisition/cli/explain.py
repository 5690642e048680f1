"""`acquire explain`: one item's lineage, or everything that is known of a URL."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import crawling, output, present
from acquisition.cli.run import common, declared


@click.command("explain")
@click.argument("item")
@declared
@common
def command(*, item: str, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Show where ITEM came from, every flag on it, and the flag that decided.

    ITEM is an id (or its start), a path in the curated set, a locator or a URL. Of a URL that a crawl has met it also shows by
    which rule it was fetched or left alone, when, and what its site and its bytes say of their use.
    """
    del debug
    from acquisition import pipeline
    from acquisition.errors import UsageError

    session = pipeline.open_session(file, workspace)
    stories = pipeline.explain_url(session, item) if pipeline.is_url(item) else []
    try:
        entry = pipeline.explain(session, item)
    except UsageError:
        if not stories:
            raise
        entry = {}
    if as_json:
        output.emit_json("explain", {"entry": entry, "crawls": stories})
    else:
        told = [crawling.story_text(stories)] if stories else []
        output.emit("\n\n".join([*told, *([present.entry_text(entry)] if entry else [])]))
    return 0
