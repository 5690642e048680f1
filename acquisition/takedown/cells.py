"""Rows of tables and databases, asked cell by cell: what each column means is told by its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from acquisition.crawl.frontier.taken_down import REASON
from acquisition.takedown.traces import Trace, Traces

_AUTHORS: Final = ("author", "authors", "creator", "credit")
_DIGESTS: Final = ("content_sha256", "stored_sha256", "blob", "sha256")
_IDS: Final = ("id", "item")
_ADDRESSES: Final = ("url", "locator")
_LEDGER: Final = {"takedown", "outcome", "id"}
_CODE: Final = "takedown"
_TOLD: Final = ("text", "fields", "title", "author", "authors", "url", "locator", "path")


def in_table(table: Any, traces: Traces) -> Iterator[tuple[int, str, Trace]]:
    """Yield row, column and trace of an Arrow table. In a ledger, rows that stand for what was taken down must be empty."""
    stays = list(range(table.num_rows))
    if set(table.column_names) >= _LEDGER:
        tickets = table.column("takedown").to_pylist()
        codes = table.column("code").to_pylist() if "code" in table.column_names else [""] * table.num_rows
        stays = [row for row in stays if not tickets[row] and codes[row] != _CODE]  # a takedown need not have a ticket
        for row in sorted(set(range(table.num_rows)) - set(stays)):
            yield from ((row, name, trace) for name, trace in _emptied(table, row, traces))
    for name in table.column_names:
        values = table.column(name).to_pylist()
        seen: dict[Any, tuple[Trace, ...]] = {}
        for row in stays:
            for value in leaves(values[row]):
                if value not in seen:
                    seen[value] = tuple(_cell(value, name, traces))
                yield from ((row, name, trace) for trace in seen[value])


def _emptied(table: Any, row: int, traces: Traces) -> Iterator[tuple[str, Trace]]:
    for name in _TOLD:
        value = table.column(name)[row].as_py() if name in table.column_names else None
        if value:
            stone = traces.items.get(table.column("id")[row].as_py()) or next(iter(traces.stones))
            yield name, Trace(stone, present=True)


def in_row(row: Mapping[str, Any], traces: Traces) -> Iterator[Trace]:
    """Yield what a row of a database holds; one that says that its address was taken down keeps it from being visited again."""
    if row.get("reason") == REASON:
        return
    for name, value in row.items():
        for one in leaves(value):
            yield from _cell(one, name, traces)


def _cell(value: Any, name: str, traces: Traces) -> Iterator[Trace]:
    if isinstance(value, bytes):
        yield from traces.bytes_(hashlib.sha256(value).hexdigest())
        return
    if name in _AUTHORS:
        yield from traces.author(value)
    if name == "source":
        yield from traces.source(value)
    if name in _DIGESTS:
        yield from traces.digest(value)
    if name in _IDS:
        yield from traces.item(value)
    if name in _ADDRESSES:
        yield from traces.address(value)
    yield from traces.text(value)
    if value.startswith(("{", "[")):
        try:
            yield from traces.value(json.loads(value))
        except (ValueError, RecursionError):
            return


def leaves(value: Any) -> Iterator[Any]:
    """Yield the texts and bytes of a cell, those of lists and structs too."""
    if isinstance(value, (str, bytes)):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from leaves(inner)
