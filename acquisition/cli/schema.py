"""`acquire schema`: the JSON Schema of sources.yaml."""

from __future__ import annotations

import json

import click

from acquisition.cli import output
from acquisition.cli.run import common


@click.command("schema")
@common
def command(*, as_json: bool, debug: bool) -> int:
    """Print the JSON Schema of sources.yaml, for editors and checks (2020-12); with --json as `schema` in a document."""
    del debug
    from acquisition.declare import schema_text

    if as_json:
        output.emit_json("schema", {"schema": json.loads(schema_text())})
    else:
        output.emit(schema_text())
    return 0
