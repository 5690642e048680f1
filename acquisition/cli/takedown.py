"""`acquire takedown`: take somebody's work out, with its copies, from everything, for good."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acquisition.cli import output
from acquisition.cli.crawling import counted
from acquisition.cli.progress import reporter
from acquisition.cli.run import clean_stop, common, declared, watched
from acquisition.errors import EXIT_FINDINGS, UsageError

if TYPE_CHECKING:  # Arrow is heavy; it is loaded when the command runs
    from acquisition.pipeline.withdrawal.selecting import Selection
    from acquisition.pipeline.withdrawal.takedown import TakenDown

_SHOWN = 20
_NEXT = "mend what is said above (`acquire fetch` brings files that are missing) and run the same command again to finish it"


@click.command("takedown")
@click.option("--item", multiple=True, metavar="ID", help="An item, by its id or the first 8 or more digits of it.")
@click.option("--url", multiple=True, metavar="URL", help="Everything from this address.")
@click.option("--domain", multiple=True, metavar="HOST", help="Everything from this host and the hosts below it.")
@click.option("--author", multiple=True, metavar="NAME", help="Everything by this author, as items name him.")
@click.option("--source", multiple=True, metavar="NAME", help="Everything of this source.")
@click.option("--content", multiple=True, metavar="FILE|SHA256", help="This content, as a file or by its sha256.")
@click.option(
    "--copies",
    type=click.Choice(["all", "same", "none"]),
    default="all",
    show_default=True,
    help="Which copies leave as well: all near ones, those of the same content or text, none.",
)
@click.option("--ticket", default="", metavar="T", help="Your number for the request. It is published.")
@click.option("--by", default="", metavar="WHO", help="Who decided. It stands in the ledger.")
@click.option("--reason", default="", metavar="WHY", help="Why. It is published: name nobody.")
@click.option("--also-unseen", is_flag=True, help="Leave a tombstone even if nothing of it is here, so that it never enters.")
@click.option("--yes", is_flag=True, help="Do it. Without this it is only shown, or asked for on a terminal.")
@watched
@declared
@common
def command(
    *,
    copies: Any,
    ticket: str,
    by: str,
    reason: str,
    also_unseen: bool,
    yes: bool,
    quiet: bool,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
    **named: tuple[str, ...],
) -> int:
    """Show what a takedown would touch, and with --yes do it: it leaves the set, the manifest and all files, and stays out.

    What was begun and killed is finished by the same command, or by the next `acquire fetch`.
    """
    del debug
    from acquisition import pipeline
    from acquisition.pipeline.withdrawal.asking import Request, Wanted
    from acquisition.pipeline.withdrawal.selecting import select
    from acquisition.pipeline.withdrawal.takedown import Grounds, takedown

    wanted = tuple(Wanted(scope, value) for scope, values in named.items() for value in values)  # type: ignore[arg-type]  # the options are named like the scopes
    if not wanted:
        raise UsageError("nothing is named to take down", hint="Give --item, --url, --domain, --author, --source or --content.")
    with clean_stop() as stop, reporter(quiet=quiet) as listener:
        session = pipeline.open_session(file, workspace, reporter=listener, stop=stop)
        request = Request(wanted, copies)
        selection = select(session, request)
        if not (selection.items or selection.again or also_unseen):
            _show_nothing(selection, as_json=as_json)
            return EXIT_FINDINGS
        if not (yes or _agreed(selection, as_json=as_json)):
            if as_json or not sys.stdin.isatty():
                _show(selection, as_json=as_json)
            return 0
        done = takedown(session, request, Grounds(ticket, by, reason), shown=selection)
    _show_done(done, as_json=as_json)
    return done.exit_code


def _agreed(selection: Selection, *, as_json: bool) -> bool:
    """Ask whoever sits at a terminal; where nobody does, nothing is agreed to."""
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    output.talk(_text(selection))
    return click.prompt("Take it down? This cannot be undone. Type yes", default="no", err=True) == "yes"


def value(selection: Selection) -> dict[str, Any]:
    """Return a selection as plain values."""
    return {
        "items": [asdict(item) for item in selection.items],
        "files": [asdict(one) for one in selection.files],
        "clusters": list(selection.clusters),
        "in_the_set": selection.curated,
        "tombstones": len(selection.stones),
        "begun_before": selection.again,
        "notes": list(selection.notes),
    }


def _show(selection: Selection, *, as_json: bool) -> None:
    if as_json:
        output.emit_json("takedown", value(selection) | {"done": False})
        return
    output.emit(_text(selection) + "\n\nNothing was done. Run the same command with --yes to do it.")


def _show_nothing(selection: Selection, *, as_json: bool) -> None:
    hint = "Nothing that is staged matches. With --also-unseen --yes a tombstone is left, so that it never enters."
    if as_json:
        output.emit_json("takedown", value(selection) | {"done": False, "hint": hint})
        return
    output.emit("\n".join(["0 items match", *selection.notes]))
    output.talk(f"hint: {hint}")


def _text(selection: Selection) -> str:
    rows = [(item.id, item.source, item.locator, item.outcome or "not judged", item.why) for item in selection.items[:_SHOWN]]
    lines = [output.table(rows, ("item", "source", "locator", "outcome", "why"))] if rows else []
    if len(selection.items) > _SHOWN:
        lines.append(f"and {len(selection.items) - _SHOWN:,} more (--json names all)")
    said = [f"{counted(len(selection.items), 'item')}, {selection.curated:,} of them in the set"]
    if selection.clusters:
        said.append(counted(len(selection.clusters), "duplicate cluster"))
    whole = sum(not one.remaining and not one.own for one in selection.files)
    parts = sum(bool(one.remaining) and not one.own for one in selection.files)
    own = sum(one.own for one in selection.files)
    said += [f"{counted(whole, 'file')} deleted"] * bool(whole)
    said += [f"{counted(parts, 'file')} rewritten or deleted, as what stays in them needs"] * bool(parts)
    said += [f"{counted(own, 'file')} of your own never touched"] * bool(own)
    lines += ["", "; ".join(said), *(f"note: {note}" for note in selection.notes)]
    if selection.again:
        lines.append("This was taken down before; what is left of it is finished.")
    return "\n".join(lines).lstrip("\n")


def _show_done(done: TakenDown, *, as_json: bool) -> None:
    summary = done.summary
    if as_json:
        told = {
            "done": not done.unfinished,
            "unfinished": list(done.unfinished),
            "new_tombstones": done.tombstones,
            "swept": dict(summary.swept),
            "versioned": dict(summary.versioned),
        }
        output.emit_json("takedown", value(done.selection) | told | {"exit_code": done.exit_code})
        return
    lines = [_text(done.selection), ""]
    version = summary.versioned.get("version", "")
    said = "not finished" if done.unfinished else "taken down"
    lines.append(f"{said}: {counted(len(done.selection.items), 'item')}, {done.tombstones:,} new tombstones")
    lines += [f"not done: {sentence}" for sentence in done.unfinished]
    if version and summary.manifest:
        lines.append(f"the set is version {version} now; the notice for its users is {summary.manifest}/TAKEDOWNS.md")
    if old := summary.swept.get("superseded", 0):
        lines.append(f"{counted(old, 'file')} deleted that no declared source may hold any more")
    for name in summary.swept.get("idle", ()):
        lines.append(f"note: {name!r} takes no part in the set now (refused, not here, or not pinned); it was cut, too")
    lines += [f"note: {note}" for note in summary.swept.get("kept", ())]
    lines.append(_NEXT if done.unfinished else "`acquire verify` proves that it is gone from everything in the workspace")
    output.emit("\n".join(lines))
    for error in summary.errors:
        output.talk(output.error_text(error))
