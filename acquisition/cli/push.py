"""`acquire push`: the curated set, its card and its manifest to the Hugging Face Hub."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from acquisition.cli import output
from acquisition.cli.output import size, table
from acquisition.cli.progress import reporter
from acquisition.cli.run import clean_stop, common, declared
from acquisition.errors import EXIT_DONE, EXIT_REFUSED, UsageError

if TYPE_CHECKING:  # the pipeline is heavy; it is imported when the command runs
    from acquisition.pipeline.handing_out.publishing import Pushing


@click.command("push")
@click.argument("target", required=False)
@click.option("--to", help="The same as the argument: OWNER/NAME.")
@click.option("--yes", is_flag=True, help="Do it. Without this nothing is created or sent.")
@click.option("--public", is_flag=True, help="Make a new repository public; private is the default.")
@click.option("--base-url", default="", help="Another Hub than the public one. Default: HF_ENDPOINT, else the public one.")
@declared
@common
def command(
    *,
    target: str | None,
    to: str | None,
    yes: bool,
    public: bool,
    base_url: str,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Show what a push to TARGET (hf://datasets/OWNER/NAME) would create and send, or do it with --yes.

    The token comes from HF_TOKEN and from nowhere else. Files that the repository holds already are not sent again.
    """
    del debug
    from acquisition import pipeline, publish
    from acquisition.pipeline.handing_out.publishing import push

    if bool(target) == bool(to):
        raise UsageError("one target is needed", hint="Write `acquire push hf://datasets/OWNER/NAME`.")
    where = publish.target_of(target or to or "", base_url or os.environ.get("HF_ENDPOINT", ""))
    with clean_stop() as stop, reporter(quiet=as_json) as listener:
        session = pipeline.open_session(file, workspace, reporter=listener, stop=stop)
        done = push(session, where, public=public, do=yes)
    if as_json:
        output.emit_json("push", done.value())
    else:
        output.emit(_text(done))
    return EXIT_REFUSED if done.is_refused else EXIT_DONE


def _text(done: Pushing) -> str:
    """Return what a push does or did: the repository, files, rights, and what stands against it."""
    created = {
        "new": "to be created",
        "there": "there already",
        "not asked": "not asked: HF_TOKEN is not set, or it is refused",
    }
    visibility = "private" if done.private else "public"
    head = "pushed" if done.commit else "push (nothing is sent without --yes)"
    lines = [
        f"{head}: {done.target.url}",
        f"  version {done.version or 'unknown'}, {visibility} repository"
        + (f", commit {done.commit}" if done.commit else f", {created[done.repository]}"),
    ]
    if done.stays_private:
        lines.append("  the repository is private and stays so: --public holds for new ones, settings on its page change it")
    for name, (count, many) in done.files.items():
        if count:
            lines.append(f"  {_FILES[name]}: {count:,} files ({size(many)}){_named(done.paths.get(name, ()))}")
    if others := done.paths.get("replaced", ()):
        lines.append(f"  {len(others):,} of the changed ones were put there by somebody else, and are replaced{_named(others)}")
    if done.commit and not any(done.files.get(name, (0, 0))[0] for name in ("new", "changed", "deleted")):
        lines.append("  nothing was missing there; nothing was sent")
    if done.strangers:
        lines.append(f"  {done.strangers:,} files there were put by somebody else, and stay")
    if done.files.get("deleted", (0, 0))[0]:
        lines.append("  earlier commits of the repository still hold what is deleted; only squashing its history takes it out")
    if done.contents.kept:
        rows = [(f"  {name}", f"{count:,}") for name, count in done.contents.licenses.items()]
        rows += [(f"  duty: {name}", f"{count:,}") for name, count in done.contents.duties.items()]
        lines += ["", table(rows, (f"  licenses and duties of {done.contents.kept:,} items", "items"), right=frozenset({1}))]
    if done.embargoes:
        closed = ", ".join(f"{split} (until {until})" for split, until in done.embargoes.items())
        lines.append(f"left out: {done.contents.withheld:,} items of splits under an embargo: {closed}")
    return "\n".join((*lines, *_refused(done)))


def _refused(done: Pushing) -> list[str]:
    """Return what stands against a push, and what to do about it."""
    if not done.is_refused:
        return []
    against = (*(one.sentence for one in done.contents.refusals), *done.findings, done.hint)
    return ["", "refused, and nothing can be sent:", *(f"  {one}" for one in against)]


def _named(paths: Sequence[str]) -> str:
    """Return the first paths behind a count."""
    more = f", and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
    return f": {', '.join(paths[:_SHOWN])}{more}" if paths else ""


_SHOWN: Final = 5
"""Paths that are named; --json has all of them."""
_FILES = {"all": "set and manifest", "new": "new", "changed": "changed", "same": "there already", "deleted": "to delete"}
