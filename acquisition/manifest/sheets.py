"""Tables in CSV (RFC 4180), written in Arrow: texts stand in quotes, so no comma and no line feed of theirs is one of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

_FORMULA = r"^[=+\-@\t\r]"


@contextmanager
def sheet(target: Path, schema: pa.Schema) -> Iterator[pyarrow.csv.CSVWriter]:
    """Open a new table for writing, with the names of its columns in the first line. FileExistsError when it is there."""
    with target.open("xb") as stream:
        options = pyarrow.csv.WriteOptions(quoting_style="needed")
        with pyarrow.csv.CSVWriter(stream, schema, write_options=options) as writer:
            yield writer


def texts(names: Sequence[str]) -> pa.Schema:
    """Return the schema of a table of texts."""
    return pa.schema([pa.field(name, pa.string()) for name in names])


def defused(text: str) -> str:
    """Return a text that does not begin like a formula, also for a spreadsheet."""
    return f"'{text}" if re.match(_FORMULA, text) else text


def harmless(column: pa.StringArray) -> pa.StringArray:
    """Return texts of which none begins like a formula, also for a spreadsheet (OWASP, CSV injection)."""
    risky = pc.fill_null(pc.match_substring_regex(column, _FORMULA), fill_value=False)
    return pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
