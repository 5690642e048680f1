"""One of two manifests that are compared: its version, its ledger's schema, and its columns as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.errors import UsageError, WorkspaceDamaged
from acquisition.manifest.columns import LEDGER_VERSION, VERSION_KEY
from acquisition.manifest.formats import RESTORE
from acquisition.manifest.names import ITEMS, SUMMARY

KEY: Final = ("source", "locator")
COMPARED: Final = ("id", "content_sha256", "concluded_spdx", "outcome", "code", "class", "split", "path", "asset")
_CODES: Final = "flags"
_MIGRATED: Final[Mapping[str, str]] = {"changes": "", "stored_sha256": "", "flags": "", "takedown": ""}
"""Columns that a ledger may lack: of items that were judged before they were thought of, they say nothing."""


def open_side(path: Path) -> Side:
    """Open a manifest directory, one that holds it (a workspace, what holds a workspace, a bundle), or a ledger by itself.

    UsageError when there is none. A ledger that lies alone is called by its file's name.
    """
    if path.is_file():
        summary = path.with_name(SUMMARY)
        return Side(path, _version(summary) if path.name == ITEMS and summary.is_file() else path.name)
    for directory in (path, path / "manifest", path / "data" / "manifest"):
        if (directory / ITEMS).is_file():
            return Side(directory / ITEMS, _version(directory / SUMMARY))
    raise UsageError(
        f"there is no manifest in {path}",
        where=str(path),
        hint=f"Give a workspace, its folder `manifest`, {ITEMS}, or a bundle.",
    )


def _version(summary: Path) -> str:
    try:
        return str(orjson.loads(summary.read_bytes())["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceDamaged(
            f"the manifest's {SUMMARY} cannot be read: {error}",
            where=str(summary),
            hint=RESTORE,
        ) from error


class Side:
    """A ledger and the version of the set that it is of.

    WorkspaceDamaged when it cannot be read, UsageError when it is of a format that is not known here.
    """

    def __init__(self, ledger: Path, version: str) -> None:
        self.ledger, self.version = ledger, version
        try:
            self._file = pq.ParquetFile(ledger, memory_map=False)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        self._check_format()

    def _damaged(self, error: Exception) -> WorkspaceDamaged:
        return WorkspaceDamaged(f"the ledger cannot be read: {error}", where=str(self.ledger), hint=RESTORE)

    def _check_format(self) -> None:
        told = (self._file.schema_arrow.metadata or {}).get(VERSION_KEY, b"1").decode(errors="replace")
        where, hint = str(self.ledger), "Write the manifest anew with this version of acquisition."
        if not told.isdecimal() or int(told) > LEDGER_VERSION:
            raise UsageError(
                f"the ledger is of format {told!r}, this program reads 1 to {LEDGER_VERSION}",
                where=where,
                hint="Compare them with the version of acquisition that wrote the newer one.",
            )
        missing = {*KEY, *COMPARED}.difference(self._file.schema_arrow.names)
        if missing:
            raise UsageError(
                f"the ledger is of another version: it has no {', '.join(sorted(missing))}", where=where, hint=hint
            )
        odd = [name for name in (*KEY, *COMPARED, *_MIGRATED) if not self._is_ours(name)]
        if odd:
            raise UsageError(f"the ledger's columns are of other types: {', '.join(odd)}", where=where, hint=hint)

    def _is_ours(self, name: str) -> bool:
        """Say whether a column is text, a list of texts, or a list of flags, as it should be; one that is not there is."""
        if name not in self.schema.names:
            return True
        kind = self.schema.field(name).type
        if name == _CODES:
            structs = pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)
            return bool(structs and kind.value_type.get_field_index("code") >= 0)
        return bool(pa.types.is_string(kind.value_type if name == "changes" and pa.types.is_list(kind) else kind))

    @property
    def schema(self) -> pa.Schema:
        """The ledger's columns."""
        return self._file.schema_arrow

    def stream(self, names: list[str], rows: Any) -> Iterator[pa.Table]:
        """Yield some columns of some rows (ascending), a row group at a time, which is a shard."""
        start = 0
        for number in range(self._file.num_row_groups):
            table = self._standing(self._file.read_row_group(number, columns=[*names, *self._marks]), names)
            here = rows[(rows >= start) & (rows < start + len(table))] - start
            start += len(table)
            if len(here):
                yield table if len(here) == len(table) else table.take(pa.array(here))

    def rows(self, names: list[str], rows: Any) -> pa.Table:
        """Return some columns of some rows, in that order."""
        order = np.argsort(rows)
        found = pa.concat_tables(self.stream(names, rows[order]))
        return found.take(pa.array(np.argsort(order)))

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column as text, without the items that were taken down; one that the ledger lacks is empty."""
        if name not in self.schema.names:
            return pa.chunked_array([pa.repeat(_MIGRATED[name], len(self))])
        read = "flags.list.element.code" if name == _CODES else name
        try:
            table = self._standing(self._file.read(columns=[read, *self._marks]), [name])
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        return _as_text(table.column(name), name)

    def __len__(self) -> int:
        """Return the number of items, without those that were taken down."""
        return int(self._file.metadata.num_rows) - len(self.taken_down)

    @property
    def kept(self) -> int:
        """How many items are in the set."""
        return int(pc.sum(pc.not_equal(self.column("path"), "")).as_py() or 0)

    @property
    def _marks(self) -> list[str]:
        return ["takedown"] if self.taken_down else []

    def _standing(self, table: pa.Table, names: list[str]) -> pa.Table:
        return table.filter(pc.equal(table["takedown"], "")).select(names) if self._marks else table.select(names)

    @cached_property
    def taken_down(self) -> Mapping[str, tuple[str, str]]:
        """Item → source and ticket of those that were taken down."""
        if "takedown" not in self.schema.names:
            return {}
        table = self._file.read(columns=["id", "source", "takedown"])
        table = table.filter(pc.not_equal(table["takedown"], ""))
        return {row["id"]: (row["source"], row["takedown"]) for row in table.to_pylist()}


def _as_text(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return a column as one text a row: digests by their first half, lists joined, flags as their codes, nulls as nothing."""
    if name in {"content_sha256", "stored_sha256"}:
        column = pc.utf8_slice_codeunits(column, 0, 32)
    elif name == _CODES:
        column = pa.chunked_array([_joined(chunk, chunk.flatten().field("code")) for chunk in column.chunks], pa.string())
    elif pa.types.is_list(column.type):
        column = pc.binary_join(column, "\n")
    return pc.fill_null(column, "")


def _joined(lists: Any, codes: Any) -> Any:
    counts = pc.fill_null(pc.list_value_length(lists), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(counts).cast(pa.int32())])
    return pc.binary_join(pa.ListArray.from_arrays(offsets, codes), " ")
