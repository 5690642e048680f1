"""`acquire schema`: the JSON Schemas of what people write and machines read."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

import click

from acquisition.cli import output
from acquisition.cli.run import common

_FILES: Final = {"plan": ("acquisition.plan", "plan.schema.json"), "items": ("acquisition.manifest", "items.schema.json")}
"""Name → package and file, for schemas that are written by hand."""


@click.command("schema")
@click.argument("name", type=click.Choice(["sources", "lock", *_FILES]), default="sources")
@common
def command(*, name: str, as_json: bool, debug: bool) -> int:
    """Print a JSON Schema (2020-12), for editors and checks; with --json as `schema` in a document.

    Of sources.yaml (`sources`), sources.lock (`lock`), `acquire plan --json` (`plan`) or a row of the ledger (`items`).
    """
    del debug
    if as_json:
        output.emit_json("schema", {"name": name, "schema": _schema(name)})
    elif name == "sources":
        from acquisition.declare import schema_text

        output.emit(schema_text())
    else:
        output.emit(json.dumps(_schema(name), indent=1, ensure_ascii=False))
    return 0


def _schema(name: str) -> Any:
    if name == "sources":
        from acquisition.declare import schema_text

        return json.loads(schema_text())
    if name == "lock":
        from acquisition.lock import lock_schema

        return lock_schema()
    package, file = _FILES[name]
    return json.loads(files(package).joinpath(file).read_bytes())
