"""`acquire init`: a declaration to start from."""

from __future__ import annotations

from pathlib import Path

import click

from acquisition.cli import output
from acquisition.cli.run import common
from acquisition.errors import UsageError


@click.command("init")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--spider", metavar="NAME", help="Write DIRECTORY/spiders/NAME.py instead, a spider to start from.")
@common
def command(*, directory: Path, spider: str | None, as_json: bool, debug: bool) -> int:
    """Write a commented sources.yaml into DIRECTORY; an existing one is left alone."""
    del debug
    target, text, following = _spider(directory, spider) if spider is not None else _declaration(directory)
    if target.exists():
        raise UsageError("there is such a file already", where=str(target), hint="Edit it, or choose another place.")
    from acquisition.workspace import atomic_file

    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as stream:
        stream.write(text.encode())
    if as_json:
        output.emit_json("init", {"file": str(target)})
    else:
        output.emit(f"wrote {target}\nnext: {following}")
    return 0


def _declaration(directory: Path) -> tuple[Path, str, str]:
    """Return the path and the text of a first declaration, and what to do next."""
    from acquisition.declare import starter

    return directory / "sources.yaml", starter(directory.absolute().name), "edit it, then `acquire check` and `acquire plan`"


def _spider(directory: Path, name: str) -> tuple[Path, str, str]:
    """Return the path and the text of a first spider, and what to do next."""
    from acquisition.crawl.starter import spider_file

    text = spider_file(name)
    return directory / "spiders" / f"{name}.py", text, f"edit it, declare it in sources.yaml, then `acquire crawl {name}`"
