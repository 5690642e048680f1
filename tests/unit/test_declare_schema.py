"""The JSON Schema says what the models say, and the packaged copy is current."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from acquisition import declare, plugins
from acquisition.declare.schema import SCHEMA_PATH
from acquisition.errors import PluginError

ROOT = Path(__file__).parents[2]


def objections(value: object) -> list[str]:
    """Return what the schema has against a declaration."""
    return [error.message for error in jsonschema.Draft202012Validator(declare.schema()).iter_errors(value)]


def test_the_packaged_schema_is_current() -> None:
    """The checked-in file is what the models give; `acquire schema` renews it."""
    assert SCHEMA_PATH.read_text() == declare.schema_text()


def test_the_schema_is_a_schema() -> None:
    """It is valid JSON Schema 2020-12 and holds no definition that nothing uses."""
    made = declare.schema()
    jsonschema.Draft202012Validator.check_schema(made)
    text = declare.schema_text()
    assert all(f'"#/$defs/{name}"' in text for name in made["$defs"])


def test_every_plugin_is_in_it() -> None:
    """Each registered kind, filter, layout and exporter can be written."""
    made: dict[str, Any] = declare.schema()
    source = made["properties"]["sources"]["additionalProperties"]
    assert source["properties"]["kind"]["enum"] == sorted(plugins.registered(plugins.SOURCES))
    assert set(made["properties"]["filters"]["properties"]) == set(plugins.registered(plugins.FILTERS))
    assert made["properties"]["manifest"]["items"]["enum"] == sorted(plugins.registered(plugins.EXPORTERS))


def test_the_shipped_declaration_fits_the_schema() -> None:
    """Editors have nothing against our own file, whose first line points at the schema."""
    text = (ROOT / "sources.yaml").read_text()
    assert objections(yaml.safe_load(text)) == []
    pointed = text.splitlines()[0].partition("$schema=")[2]
    assert (ROOT / pointed) == SCHEMA_PATH


@pytest.mark.parametrize(
    "value",
    [
        {"sources": {"a": {"kind": "kagle"}}}, {"sources": {"a": {"kind": "uci", "idd": 3}}}, {"sources": {}}, {"x": 1},
        {"sources": {"a": {"kind": "uci", "id": 1}}, "filters": {"x": {}}}, {"sources": {"../a": {"kind": "uci", "id": 1}}},
        {"sources": {"a": {"kind": "uci", "id": 1}}, "curated": {"layout": "x"}},
    ],
)  # fmt: skip
def test_the_schema_objects_to_mistakes(value: object) -> None:
    """Unknown kinds, keys, filters and layouts are underlined in an editor, too."""
    assert objections(value)


def test_a_broken_plugin_does_not_break_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that cannot be imported stays in the schema by name."""

    def load(group: str, name: str) -> object:
        raise PluginError(f"{group} {name} is broken")

    monkeypatch.setattr(plugins, "load", load)
    assert objections({"sources": {"a": {"kind": "uci", "anything": 1}}}) == []
    assert objections({"sources": {"a": {"kind": "nope"}}})
