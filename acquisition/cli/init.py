"""`acquire init`: a declaration to start from."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output
from acquisition.cli.run import common
from acquisition.errors import UsageError


@click.command("init")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=Path())
@common
def command(*, directory: Path, as_json: bool, debug: bool) -> int:
    """Write a commented sources.yaml into DIRECTORY; an existing one is left alone."""
    del debug
    from acquisition.declare import starter
    from acquisition.workspace import atomic_file

    target = directory / "sources.yaml"
    if target.exists():
        raise UsageError("there is a declaration here already", where=str(target), hint="Edit it, or choose another directory.")
    with atomic_file(target) as stream:
        stream.write(starter(directory.absolute().name).encode())
    if as_json:
        output.emit_json("init", {"file": str(target)})
    else:
        output.emit(f"wrote {target}\nnext: edit it, then `acquire check` and `acquire plan`")
    return 0
