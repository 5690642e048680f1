"""Rows as JSON Lines, made in Arrow: the same values as any other writer of JSON gives, for whatever stands in them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.manifest.lines import json_lines

SCHEMA = pa.schema(
    [
        pa.field("text", pa.string()),
        pa.field("texts", pa.list_(pa.string()), nullable=False),
        pa.field("structs", pa.list_(pa.struct([pa.field("b", pa.string()), pa.field("a", pa.int32())]))),
        pa.field("number", pa.int64()),
        pa.field("real", pa.float64()),
        pa.field("truth", pa.bool_()),
        pa.field("at", pa.timestamp("ms", tz="UTC")),
    ]
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | TEXT,
        "texts": st.lists(TEXT, max_size=3),
        "structs": st.none() | st.lists(st.fixed_dictionaries({"a": st.integers(-9, 9), "b": st.none() | TEXT}), max_size=3),
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "real": st.none() | st.floats(width=64, allow_nan=False, allow_infinity=False),
        "truth": st.none() | st.booleans(),
        "at": st.none() | st.integers(0, 4_000_000_000).map(lambda second: dt.datetime.fromtimestamp(second, dt.UTC)),
    }
)


def parsed(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the lines as an independent parser reads them."""
    lines = json_lines(batch).to_pybytes().splitlines() if batch.num_rows else []
    assert all(list(orjson.loads(line)) == sorted(batch.schema.names) for line in lines)
    return [orjson.loads(line) for line in lines]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as JSON has it."""
    at = row["at"]
    return {**row, "at": at.strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else None}


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=8))
def test_lines_say_what_the_rows_say(rows: list[dict[str, Any]]) -> None:
    """Any text, with quotes, line ends and control characters, any list and any null comes out as it went in."""
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    assert parsed(batch) == [plain(row) for row in rows]


@settings(max_examples=30, deadline=None)
@given(ROW, st.integers(2, 6), st.integers(0, 3))
def test_columns_that_repeat_are_right_in_every_row(row: dict[str, Any], times: int, first: int) -> None:
    """What all rows have in common is written once and is in each; a slice of a batch has its own rows and no other."""
    rows = [{**row, "text": str(number)} for number in range(times + first)]
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA).slice(first)
    assert parsed(batch) == [plain(one) for one in rows[first:]]


@pytest.mark.parametrize(
    ("one", "other"), [(["a", "b"], ["b", "a"]), (["a"], ["a", "a"]), ([], ["a"]), (["a", "a"], ["a", "b"])]
)
def test_lists_that_nearly_repeat_are_told_apart(one: list[str], other: list[str]) -> None:
    """A column is only taken for constant when every row is."""
    batch = pa.RecordBatch.from_arrays([pa.array([one, one, other], pa.list_(pa.string()))], names=["texts"])
    assert [line["texts"] for line in parsed(batch)] == [one, one, other]
    turned = pa.RecordBatch.from_arrays([pa.array([one, other, one], pa.list_(pa.string()))], names=["texts"])
    assert [line["texts"] for line in parsed(turned)] == [one, other, one]


def test_what_is_no_number_is_null() -> None:
    """JSON has no word for not-a-number and infinity."""
    batch = pa.RecordBatch.from_arrays([pa.array([float("nan"), float("inf"), 0.5])], names=["real"])
    assert [line["real"] for line in parsed(batch)] == [None, None, 0.5]
