"""`acquire schema`: the JSON Schema of sources.yaml."""

from __future__ import annotations

import click

from acquisition.cli import output
from acquisition.cli.run import common


@click.command("schema")
@common
def command(*, as_json: bool, debug: bool) -> int:
    """Print the JSON Schema of sources.yaml, for editors and checks (2020-12)."""
    del as_json, debug  # it is JSON in any case
    from acquisition.declare import schema_text

    output.emit(schema_text())
    return 0
