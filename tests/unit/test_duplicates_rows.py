"""The normal form of table rows, and what follows for whole tables."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.filters.duplicates.rows import row_digest
from tests.duplicate_runs import codes, run


def row(label: str | None = None, **cells: Any) -> dict[str, Any]:
    """Return an item that is a table row; its content differs with the way it is written."""
    fields = json.dumps(cells, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(fields.encode()).hexdigest()
    return {"modality": "table", "text": None, "fields": fields, "label": label, "content_sha256": digest, "size": len(fields)}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ('{"a":"1.50","b":"x"}', '{"b":"x","a":1.5}'),
        ('{"a":"1e3"}', '{"a":1000}'),
        ('{"a":-0.0}', '{"a":"0"}'),
        ('{"City ":"St. Gallen"}', '{"city":"  st gallen"}'),
        ('{"a":"TRUE","b":null}', '{"a":true}'),
        ('{"a":1,"b":"N/A","c":""}', '{"a":1}'),
        ('{"a":[1,{"c":2,"b":1}]}', '{"a":[1,{"b":1,"c":2}]}'),
    ],
)
def test_rows_that_say_the_same_have_one_digest(one: str, two: str) -> None:
    """How numbers are written, case, spaces, empty cells and the order of columns do not matter."""
    assert row_digest(one) == row_digest(two) != b""


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ('{"a":"007"}', '{"a":"7"}'),
        ('{"a":"1"}', '{"a":"2"}'),
        ('{"a":1,"b":2}', '{"a":2,"b":1}'),
        ('{"a":"+491701234"}', '{"a":"491701234.5"}'),
        ('{"a":true}', '{"a":"t"}'),
        ('{"a":"x","b":"y"}', '{"a":"x","c":"y"}'),
    ],
)
def test_rows_that_differ_keep_their_digests(one: str, two: str) -> None:
    """Codes with leading zeros are words, and a value belongs to its column."""
    assert row_digest(one) != row_digest(two)


@pytest.mark.parametrize("fields", ["", "[1,2]", "{", '"text"', "{}", '{"a":null}', '{"a":' + "[" * 2000 + "]" * 2000 + "}"])
def test_what_is_no_row_has_no_digest(fields: str) -> None:
    """Broken, empty and absurdly nested fields are compared by their bytes only."""
    assert row_digest(fields) == b""


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9)))
def test_any_row_can_be_looked_at(cells: dict[str, Any]) -> None:
    """Lone surrogates, huge numbers and infinities raise nothing, and the order of columns never matters."""
    turned = dict(reversed(cells.items()))
    assert row_digest(json.dumps(cells)) == row_digest(json.dumps(turned))


def test_lone_surrogates_are_letters_of_no_meaning() -> None:
    """JSON may hold half a character; the row still has a digest."""
    assert row_digest('{"a":"x\\ud800"}') != b""


def test_a_table_of_ten_thousand_columns_is_looked_at(tmp_path: Path) -> None:
    """A wide row costs what its cells cost."""
    wide: dict[str, Any] = {f"c{number}": number for number in range(10_000)}
    again: dict[str, Any] = {f"C{number}": f"{number}.0" for number in reversed(range(10_000))}
    assert codes(run({"one": [row(**wide), row(**again)]}, tmp_path))["one"][1] in [(1, "normalised"), (1, "representative")]


def test_equal_features_with_other_labels_conflict(tmp_path: Path) -> None:
    """Rows that agree in everything but the label are told on both."""
    found = run(
        {"one": [row("yes", age=31, town="Altenried"), row("no", town="ALTENRIED", age="31.0"), row("no", age=32)]}, tmp_path
    )
    conflicts = [flag["row"] for flag in found["one"] if flag["code"] == "duplicate.label-conflict"]
    assert conflicts == [0, 1]
