"""Layout `parquet`: tables of bounded size for each split, media inside, loadable with `datasets` and plain pyarrow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.curate.card import write_head
from acquisition.curate.listing import columns_of, content_of, core_values, extension_of, field_columns, field_values
from acquisition.curate.naming import PathNames
from acquisition.errors import DeclarationError
from acquisition.model import Modality
from acquisition.protocols import Layout, Outline, Placed
from acquisition.settings import CuratedSettings

MAX_FILE_BYTES: Final = 400_000_000
"""A file is closed when it has grown to this; 500 MB is the size that the Hub's own exports stay under."""
MAX_GROUP_BYTES: Final = 32_000_000
MAX_GROUP_ROWS: Final = 5_000
MAX_VALUE_BYTES: Final = 2**31 - 2**20
"""Of one value: what Arrow's binary columns take."""
MAX_WAITING_BYTES: Final = 128_000_000
"""Of all splits together: the fullest is written before its row group is full when more than this waits."""
_MEDIA: Final = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_TYPES: Final = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "string": pa.string()}
_LABELS: Final = pa.list_(pa.string())
_COLUMN_OF: Final = {Modality.AUDIO: "audio", Modality.IMAGE: "image", Modality.OTHER: "media"}
_FEATURES: Final[Mapping[str, Any]] = {
    "audio": {"_type": "Audio"},
    "image": {"_type": "Image"},
    "labels": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
    "media": {"bytes": {"dtype": "binary", "_type": "Value"}, "path": {"dtype": "string", "_type": "Value"}},
}
_DTYPES: Final = {"bool": "bool", "int64": "int64", "double": "float64", "string": "string", "large_string": "large_string"}


def schema_of(outline: Outline) -> pa.Schema:
    """Return the tables' schema: core columns, media as bytes and path, and `fields` expanded where all items agree.

    It carries the features under the key that `datasets` reads, so that audio and images are decoded as such.
    """
    core = [
        pa.field(name, {"text": pa.large_string(), "labels": _LABELS}.get(name, pa.string())) for name in columns_of(outline)
    ]
    media = [pa.field(_COLUMN_OF[modality], _MEDIA) for modality in _COLUMN_OF if modality in outline.modalities]
    expanded = field_columns(outline)
    types = outline.columns or {}
    rest = [pa.field(column, _TYPES[types[name]]) for column, name in expanded.items()]
    if not expanded and "fields" in outline.filled:
        rest = [pa.field("fields", pa.large_string())]
    schema = pa.schema([*core, *media, *rest])
    features = {
        field.name: _FEATURES.get(field.name) or {"dtype": _DTYPES[str(field.type)], "_type": "Value"} for field in schema
    }
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}}, sort_keys=True)})


class Parquet(Layout):
    """data/<split>-00000.parquet and on; the row of each item is named behind a "#"."""

    name: ClassVar[str] = "parquet"
    version: ClassVar[int] = 2

    def write(
        self,
        items: Iterator[Placed],
        directory: Path,
        settings: CuratedSettings,
        link: Callable[[Mapping[str, Any], Path], int],
    ) -> Iterator[tuple[str, str]]:
        """Write the tables; yield (id, "data/train-00000.parquet#row=17")."""
        schema, rows = schema_of(self.outline), _Rows(self.outline, directory, link, settings.path)
        (directory / "data").mkdir()
        tables = _Tables(directory, schema)
        try:
            for placed in items:
                yield str(placed.row["id"]), tables.add(placed.split, *rows.values(placed))
        finally:
            tables.close()
        files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in tables.splits]
        write_head(directory, [{"config_name": "default", "data_files": files}] if files else [])


class _Rows:
    """Turns kept items into rows of the tables."""

    def __init__(
        self, outline: Outline, directory: Path, link: Callable[[Mapping[str, Any], Path], int], template: str
    ) -> None:
        self._named = PathNames(template or "{name}", outline)
        self._core = columns_of(outline)
        self._types = outline.columns or {}
        self._expanded = field_columns(outline)
        self._whole = not self._expanded and "fields" in outline.filled
        self._passing = directory / ".content"
        self._link = link

    def values(self, placed: Placed) -> tuple[dict[str, Any], int]:
        """Return the row and about how many bytes it takes."""
        values = core_values(placed, self._core)
        size = 200 + len(placed.row["fields"] or "") + sum(len(one) for one in values.values() if isinstance(one, str))
        if column := _COLUMN_OF.get(placed.row["modality"]):
            if placed.row["size"] > MAX_VALUE_BYTES:
                raise _too_large(placed.row)
            content = content_of(placed.row, self._link, self._passing)
            values[column] = {"bytes": content, "path": self._named.plain(placed, extension_of(placed.row))}
            size += len(content)
        if self._expanded:
            values |= field_values(placed, self._expanded, self._types)
        elif self._whole:
            values["fields"] = placed.row["fields"]
        return values, size


def _too_large(row: Mapping[str, Any]) -> DeclarationError:
    return DeclarationError(
        f"{row['locator']} of {row['source']} has {row['size']:,} bytes; a value of a table has {MAX_VALUE_BYTES:,} at most",
        where="curated.layout",
        hint="Layouts folders, jsonl and webdataset take files of any size.",
    )


class _Tables:
    """The tables of all splits, which wait in memory for their row groups to be full."""

    def __init__(self, directory: Path, schema: pa.Schema) -> None:
        self._directory, self._schema = directory, schema
        self._tables: dict[str, _Table] = {}
        self._waiting = 0

    @property
    def splits(self) -> list[str]:
        """The splits that have rows, sorted."""
        return sorted(self._tables)

    def add(self, split: str, row: dict[str, Any], size: int) -> str:
        """Take one row and return its place."""
        table = self._tables.setdefault(split, _Table(self._directory, split, self._schema))
        before = table.waiting
        place = table.add(row, size)
        self._waiting += table.waiting - before
        if self._waiting > MAX_WAITING_BYTES:
            fullest = max(self._tables.values(), key=lambda one: one.waiting)
            self._waiting -= fullest.waiting
            fullest.flush()
        return place

    def close(self) -> None:
        """Write what is left and finish all files."""
        for table in self._tables.values():
            table.close()


@dataclass(slots=True)
class _Table:
    """The files of one split. Row groups and files are cut by what is in them, so equal items give equal files."""

    directory: Path
    split: str
    schema: pa.Schema
    _rows: list[dict[str, Any]] = field(default_factory=list)
    waiting: int = 0
    _bytes: int = 0
    _count: int = 0
    _index: int = 0
    _writer: Any = None

    def add(self, row: dict[str, Any], size: int) -> str:
        """Take one row and return its place."""
        if self._bytes >= MAX_FILE_BYTES:
            self.close()
            self._index, self._bytes, self._count = self._index + 1, 0, 0
        place = f"{self._name}#row={self._count}"
        self._rows.append(row)
        self._count += 1
        self.waiting += size
        self._bytes += size
        if self.waiting >= MAX_GROUP_BYTES or len(self._rows) >= MAX_GROUP_ROWS:
            self.flush()
        return place

    @property
    def _name(self) -> str:
        return f"data/{self.split}-{self._index:05d}.parquet"

    def flush(self) -> None:
        """Write the rows that wait as a row group."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.directory / self._name, self.schema, compression="zstd", use_dictionary=["label", "license", "source"]
            )
        columns = [pa.array([row.get(field.name) for row in self._rows], field.type) for field in self.schema]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self.schema))
        self._rows, self.waiting = [], 0

    def close(self) -> None:
        """Write what is left and finish the file."""
        if self._rows:
            self.flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
