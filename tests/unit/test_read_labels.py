"""Several labels of one item: from lists, from one cell with a separator, from several columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from acquisition.model import joined_labels, labels_of
from acquisition.protocols import ReadContext
from acquisition.read import FileBinary, read_asset
from acquisition.settings import ItemSettings, ReadSettings


def labels(path: Path, items: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the labels of each item that is read from a file."""
    context = ReadContext("s", "r", path.name, "", ItemSettings.model_validate(items), ReadSettings())
    found = [found for found in read_asset(FileBinary(path, path.name), context) if isinstance(found, pa.RecordBatch)]
    return [labels_of(label) for batch in found for label in batch.column("label").to_pylist()]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a CSV table of comments with tags in one column, and with a column for each tag."""
    path = tmp_path / "comments.csv"
    path.write_text("text,tags,first,second,rude,loud\na,x; y;x;,x,y,1,0\nb,,y,,0,0\nc,z,,z,yes,True\n")
    return path


def test_a_separator_stands_between_labels(table: Path) -> None:
    """Labels are cut at the declared separator, trimmed, each once; an empty cell is no label; each is renamed by itself."""
    label = {"column": "tags", "separator": ";", "rename": {"y": "why"}}
    assert labels(table, {"text": "text", "label": label}) == [("x", "why"), (), ("z",)]


def test_several_columns_give_labels(table: Path) -> None:
    """Labels of several columns come together; where the columns are the labels, those that say yes count."""
    assert labels(table, {"text": "text", "label": {"columns": ("first", "second")}}) == [("x", "y"), ("y",), ("z",)]
    flags = {"columns": ("rude", "loud"), "cells": "yes-no", "rename": {"loud": "shouting"}}
    assert labels(table, {"text": "text", "label": flags}) == [("rude",), (), ("rude", "shouting")]


def test_columns_that_are_labels_are_not_kept(table: Path) -> None:
    """A column that was used for the label is not kept beside it."""
    context_items = {"label": {"columns": ("rude", "loud"), "cells": "yes-no"}}
    context = ReadContext("s", "r", table.name, "", ItemSettings.model_validate(context_items), ReadSettings())
    batch = next(found for found in read_asset(FileBinary(table, table.name), context) if isinstance(found, pa.RecordBatch))
    assert set(json.loads(batch.column("fields")[0].as_py())) == {"text", "tags", "first", "second"}


def test_lists_are_several_labels(tmp_path: Path) -> None:
    """A list in a JSON line or a table is several labels; numbers of classes become their names (-1 is nothing)."""
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"text": "a", "label": ["x", "y"]}\n{"text": "b", "label": []}\n{"text": "c", "label": ["x"]}\n')
    assert labels(lines, {"text": "text", "label": "label"}) == [("x", "y"), (), ("x",)]
    feature = {"_type": "List", "feature": {"_type": "ClassLabel", "names": ["joy", "fear"]}}
    meta = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    schema = pa.schema([("text", pa.string()), ("label", pa.list_(pa.int64()))], meta)
    pq.write_table(pa.table({"text": ["a", "b"], "label": [[1, 0], [-1]]}, schema), tmp_path / "classes.parquet")
    assert labels(tmp_path / "classes.parquet", {"text": "text", "label": "label"}) == [("fear", "joy"), ()]


def test_folders_may_name_several_labels(tmp_path: Path) -> None:
    """A folder's name is cut like a cell."""
    path = tmp_path / "a.txt"
    path.write_text("some text that is long enough")
    context = ReadContext(
        "s",
        "r",
        "kick+snare/a.txt",
        "",
        ItemSettings.model_validate({"label": {"from": "folder", "separator": "+"}}),
        ReadSettings(),
    )
    batch = next(found for found in read_asset(FileBinary(path, "a.txt"), context) if isinstance(found, pa.RecordBatch))
    assert labels_of(batch.column("label")[0].as_py()) == ("kick", "snare")


@pytest.mark.parametrize(
    "items",
    [
        {"group": {"columns": ("a", "b")}},
        {"split": {"column": "a", "separator": ";"}},
        {"label": {"column": "a", "columns": ("b",)}},
        {"label": {"from": "folder", "columns": ("b",)}},
        {"label": {"column": "a", "cells": "yes-no"}},
        {"label": {"columns": ("a",), "cells": "yes-no", "separator": ";"}},
    ],
)
def test_what_cannot_be_meant_is_refused(items: dict[str, Any]) -> None:
    """An item has one group and one split, and `columns` does not go with what would contradict it."""
    with pytest.raises(ValidationError, match="columns"):
        ItemSettings.model_validate(items)


@given(st.lists(st.text(min_size=1), max_size=5, unique=True))
def test_labels_survive_their_one_text(found: list[str]) -> None:
    """Whatever the labels, what holds them gives them back, in their order."""
    assert labels_of(joined_labels(found)) == tuple(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('["\\ud800", "a"]', ("?", "a")),
        ("[" * 100_000, ("[" * 100_000,)),
        ("[" * 50_000 + "]" * 50_000, ("[" * 50_000 + "]" * 50_000,)),
        ('[{"a": 1}]', ('[{"a": 1}]',)),
        ("[1, true, null, 0.5]", ("[1, true, null, 0.5]",)),
        ("[1, true, null]", ("1", "true")),
        ("[" + "9" * 10_000 + "]", ("[" + "9" * 10_000 + "]",)),
        ("[x]", ("[x]",)),
    ],
)
def test_hostile_lists_are_labels_like_others(text: str, found: tuple[str, ...]) -> None:
    """What is no list of plain values is one label; what no file can hold is replaced."""
    assert labels_of(text) == found


@given(st.text())
def test_any_text_is_some_label(text: str) -> None:
    """No text is too odd to be read as labels."""
    assert all(labels_of(text)) or not text
