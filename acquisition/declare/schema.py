"""The JSON Schema (2020-12) of sources.yaml, for editors: generated from the models that read the file.

Every registered kind of source and every registered filter is in it, with its own keys.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from acquisition import plugins
from acquisition.errors import PluginError
from acquisition.settings import Declaration

SCHEMA_PATH: Final = Path(__file__).with_name("sources.schema.json")
"""The packaged copy that the first line of sources.yaml points at; a test keeps it current."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAME: Final = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def schema() -> dict[str, Any]:
    """Return the schema. A plug-in that cannot be imported is in it by name and accepts anything."""
    sources, filters = _settings_of(plugins.SOURCES), _settings_of(plugins.FILTERS)
    models: list[type[BaseModel]] = [Declaration]
    models += [model for model in (*sources.values(), *filters.values()) if model is not None]
    references, definitions = models_json_schema([(model, "validation") for model in models], ref_template="#/$defs/{model}")
    shared: dict[str, Any] = definitions.get("$defs", {})
    ref = {model: references[(model, "validation")] for model in models}
    root = shared.pop(ref[Declaration]["$ref"].rpartition("/")[2])
    properties = root["properties"]
    properties["sources"] = _sources({kind: ref[model] if model else None for kind, model in sources.items()})
    properties["filters"] = _filters({name: ref[model] if model else None for name, model in filters.items()})
    for kind, model in sources.items():
        if model is not None:
            shared[ref[model]["$ref"].rpartition("/")[2]]["properties"]["kind"] = {"const": kind}
    shared["CuratedSettings"]["properties"]["layout"]["enum"] = sorted(plugins.registered(plugins.LAYOUTS))
    properties["manifest"]["items"] = {"enum": sorted(plugins.registered(plugins.EXPORTERS))}
    head = {"$schema": _DIALECT, "title": "sources.yaml", "description": " ".join((root.pop("description")).split())}
    return {**head, **{key: value for key, value in root.items() if key not in head}, "$defs": _used(root, shared)}


def schema_text() -> str:
    """Return the schema as the text of a file: the same for the same models, with a final newline."""
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _settings_of(group: str) -> dict[str, type[BaseModel] | None]:
    found: dict[str, type[BaseModel] | None] = {}
    for name in plugins.registered(group):
        try:
            found[name] = plugins.load(group, name).Settings
        except PluginError:
            found[name] = None
    return found


def _sources(kinds: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of `sources`: the kind decides which keys there are."""
    by_kind = [
        {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": reference}
        for kind, reference in kinds.items()
        if reference is not None
    ]
    source = {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": sorted(kinds)}}, "allOf": by_kind}
    return {
        "type": "object",
        "description": "Name of a source → its kind and options.",
        "minProperties": 1,
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": source,
    }


def _filters(names: dict[str, Any]) -> dict[str, Any]:
    off = {"const": False, "description": "Not run, and said wherever results are shown."}
    return {
        "type": "object",
        "description": "Name of a filter → its settings, or false. Left out: it runs with its defaults.",
        "additionalProperties": False,
        "properties": {name: {"anyOf": [reference or {"type": "object"}, off]} for name, reference in names.items()},
    }


def _used(root: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions that are reached from the root, so that none is left over."""
    reached: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        for name in _references(waiting.pop()):
            if name not in reached:
                reached[name] = shared[name]
                waiting.append(shared[name])
    return reached


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].rpartition("/")[2]] if isinstance(value.get("$ref"), str) else []
        return own + [name for inner in value.values() for name in _references(inner)]
    return [name for inner in value for name in _references(inner)] if isinstance(value, list) else []
