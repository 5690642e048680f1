"""Runs a command: Ctrl-C stops cleanly, errors are shown once, and the exit code says how it ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from acquisition.cli import output
from acquisition.errors import EXIT_INTERRUPTED, EXIT_PARTIAL, EXIT_USAGE, AcquisitionError, Interrupted, UsageError

STOP: Final = threading.Event()
"""Set by the first Ctrl-C or SIGTERM; everything that takes long looks at it."""

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def common(function: Decorated) -> Decorated:
    """Add the options that every command has."""
    function = click.option("--debug", is_flag=True, help="Show tracebacks.")(function)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout instead of text.")(function)


def watched(function: Decorated) -> Decorated:
    """Add the option of commands that show how far they are."""
    return click.option("--quiet", is_flag=True, help="No progress.")(function)


def working(function: Decorated) -> Decorated:
    """Add the options of commands that go down the whole line."""
    return click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes; 0 is one per core.")(
        watched(function)
    )


def declared(function: Decorated) -> Decorated:
    """Add the options of commands that read a declaration."""
    function = click.option(
        "-w", "--workspace", type=click.Path(path_type=Path, file_okay=False), help="Default: data, beside the declaration."
    )(function)
    return click.option(
        "-f",
        "--file",
        type=click.Path(path_type=Path),
        default=Path("sources.yaml"),
        show_default=True,
        help="The declaration.",
    )(function)


@contextmanager
def clean_stop() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a clean stop and the second into an immediate one."""

    def handle(_signal: int, _frame: object) -> None:
        if STOP.is_set():
            raise KeyboardInterrupt
        STOP.set()
        output.talk("stopping; finishing what is under way (again to stop at once)")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield STOP
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(group: click.Group, arguments: list[str] | None) -> int:
    """Run one command line and return its exit code. No traceback is shown unless --debug was given."""
    given = sys.argv[1:] if arguments is None else arguments
    debug, as_json = "--debug" in given, "--json" in given
    try:
        code = group.main(args=given, prog_name="acquire", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        if as_json:
            output.show_error(UsageError(error.format_message()), as_json=True)
        else:
            error.show()
        return EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        output.show_error(
            Interrupted("stopped at once; what was saved is kept", hint="Run the same command again."), as_json=as_json
        )
        return EXIT_INTERRUPTED
    except AcquisitionError as error:
        if debug:
            traceback.print_exc()
        output.show_error(error, as_json=as_json)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; say nothing more to it
        return 0
    except Exception as error:  # noqa: BLE001 - the last net: a defect of ours is named, with the way to see more
        if debug:
            traceback.print_exc()
        output.show_defect(error, as_json=as_json)
        return EXIT_PARTIAL
