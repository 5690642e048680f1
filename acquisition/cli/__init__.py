"""The command line: `acquire`. One file per command; parse, one call into the pipeline, one call into `output`.

Nothing heavy is imported here: `acquire --help` knows the commands' names and one line about each.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from acquisition import __version__

COMMANDS: Final = {
    "init": "Write a sources.yaml to start from.",
    "check": "Read the declaration and print every problem, or the policy in effect.",
    "plan": "Say what a fetch would do: versions, bytes, licenses, refusals. Moves nothing.",
    "fetch": "Do all of it: download, stage, filter, curate, write the manifest.",
    "update": "Show what is newer upstream, ask, take it, and say what that changed in the set.",
    "lock": "Pin what is declared without moving anything, or check what is pinned.",
    "crawl": "Run a spider anew and pin what it found.",
    "archive": "Write what a crawl has archived as WACZ or CDXJ.",
    "curate": "Judge what is staged by the policy as it is now, and write the set and the manifest.",
    "explain": "Show where one item came from and why it was kept, held or dropped; or all about a URL.",
    "status": "Show what the workspace holds.",
    "manifest": "Write the manifest in one of its formats.",
    "diff": "Compare two manifests: what came, went, changed, was re-licensed or newly flagged.",
    "push": "Send the set, its card and its manifest to the Hugging Face Hub; shows first what would go.",
    "bundle": "Write the set with all its papers as one directory or tar, to be passed on.",
    "takedown": "Take items out of everything, for good: by item, address, domain, author, source or content.",
    "verify": "Hash the curated set again and compare it with the manifest.",
    "calibrate": "Set the threshold of a filter by labelled texts of your own.",
    "evaluate": "Say how right a filter is on a labelled file: precision, recall, false alarms, throughput.",
    "kinds": "List the kinds of sources, readers, filters, layouts and formats that are installed.",
    "schema": "Print the JSON Schema of sources.yaml, of sources.lock, or of what a command prints.",
    "demo": "Run the main job on a small world made on the spot.",
}


class _Commands(click.Group):
    """Imports a command's module when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"acquisition.cli.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for; of one that is not there, name the nearest."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


_HELP: Final = """Build a data set from declared sources, with a license and provenance record of every item.

Declare sources in sources.yaml, look with `acquire plan`, and run `acquire fetch`.

\b
Exit codes: 0 done · 1 a check found something · 2 declaration or usage · 3 partial, run again to resume
4 credentials or terms needed · 5 refused or limit reached · 130 interrupted, state saved
"""


@click.group(cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="acquire")
def cli() -> None:
    """Stand for the whole command line."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit with its code."""
    from acquisition.cli.run import run

    raise SystemExit(run(cli, arguments))
