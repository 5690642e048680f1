"""Arrow files and streams; and how a typed table, whatever its file format, becomes items."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import IO, Any, ClassVar
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.content import Spool
from acquisition.content.fragments import cell_bytes, table_batches
from acquisition.content.limits import Unreadable
from acquisition.model import FOUND_SCHEMA, Modality
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.items import BATCH_BYTES, BATCH_ROWS, UNPACKED, RowItems, file_name, rejection
from acquisition.read.media import checked_media, media_type_of, modality_of
from acquisition.read.spoken import inside


class ArrowReader(Reader):
    """Arrow IPC files and streams, batch by batch."""

    name: ClassVar[str] = "arrow"
    version: ClassVar[int] = 3
    suffixes: ClassVar[tuple[str, ...]] = (".arrow", ".feather", ".ipc", ".arrows")
    modality: ClassVar[Modality] = Modality.TABLE

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files that begin as Arrow files do, and streams by their ending too."""
        stream = head.startswith(b"\xff\xff\xff\xff") and PurePosixPath(name.lower()).suffix in self.suffixes
        return head.startswith(b"ARROW1") or stream

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the rows."""
        with seekable(binary) as stream:
            yield from typed_items(table_batches(stream), context)


@contextmanager
def seekable(binary: Binary) -> Iterator[IO[bytes]]:
    """Open for reading in any order: in place where the bytes lie in a file, else from an unnamed copy."""
    if binary.path is not None:
        with binary.open() as stream:
            yield stream
        return
    with binary.open() as packed:
        spool = Spool(packed)
    try:
        with spool.open() as stream:
            yield stream
    finally:
        spool.close()


def typed_items(batches: Iterator[pa.RecordBatch], context: ReadContext) -> Iterator[Found]:
    """Yield items for record batches of one schema; a file damaged midway keeps the rows before it."""
    table: _Typed | None = None
    number = 0
    try:
        for batch in batches:
            table = table or _Typed(context, batch.schema)
            for part in _parts(batch):
                yield from table.found(part, number)
                number += part.num_rows
    except Unreadable as error:
        raise Unreadable(error.code, f"{error.detail} (after {number:,} rows)" if number else error.detail) from error
    if number == 0:
        yield rejection(context, "empty-file", "no rows")


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows = batch.num_rows
    step = max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(batch.get_total_buffer_size(), 1))) if rows else 1
    for start in range(0, rows, step):
        yield batch.slice(start, step)


class _Typed:
    """Columns of known types on their way to items."""

    def __init__(self, context: ReadContext, schema: pa.Schema) -> None:
        features = hub_features(schema)
        self._class_names = {name: found for name in schema.names if (found := _class_names(features.get(name)))}
        self._media = _media_column(schema, context)
        if self._media and context.items.media is None:
            context = replace(context, items=context.items.model_copy(update={"media": self._media}))
        self._context = context
        self._names = schema.names
        self._items = RowItems(context, schema.names)

    def found(self, batch: pa.RecordBatch, first: int) -> Iterator[Found]:
        """Yield the items of a batch whose first row has number `first`."""
        numbers = range(first, first + batch.num_rows)
        cells: dict[int, Sequence[Any]] = {}

        def column(index: int) -> Sequence[Any]:
            if self._names[index] == self._media:
                return [None] * batch.num_rows
            if index not in cells:
                cells[index] = plain_values(batch.column(index), self._class_names.get(self._names[index]))
            return cells[index]

        rows = self._items.batch(numbers, column)
        if self._media is None:
            yield rows
        else:
            yield from self._with_media(rows, batch.column(self._names.index(self._media)), first)

    def _with_media(self, rows: pa.RecordBatch, media: pa.Array, first: int) -> Iterator[Found]:
        kept: list[int] = []
        facts: list[tuple[str, str, str, int, str, str, str | None]] = []
        declared_name = self._context.items.name is not None or self._context.items.id is not None
        for index, cell in enumerate(media):
            value = cell.as_py()
            fragment = f"row={first + index}"
            try:
                content = cell_bytes(value)
                path = str(value.get("path") or "") if isinstance(value, dict) else ""
                media_type = checked_media(path, content[:65_536], content[-65_536:], len(content))
            except KeyError:
                yield rejection(self._context, "media-missing", f"column {self._media!r} holds no bytes", fragment)
                continue
            except Unreadable as error:
                yield rejection(self._context, error.code, error.detail, fragment)
                continue
            stem = file_name(PurePosixPath(path).stem) if path and not declared_name else rows.column("name")[index].as_py()
            member = f"{self._context.member.removesuffix(UNPACKED)}#{fragment}&column={quote(str(self._media), safe='')}"
            digest = hashlib.sha256(content).hexdigest()
            facts.append((member, str(modality_of(media_type)), media_type, len(content), digest, stem, inside(content)))
            kept.append(index)
        if kept:
            yield _replaced(rows.take(pa.array(kept)), facts)


def _replaced(rows: pa.RecordBatch, facts: list[tuple[str, str, str, int, str, str, str | None]]) -> pa.RecordBatch:
    names = ("member", "modality", "media_type", "size", "content_sha256", "name", "signals")
    fresh: dict[str, tuple[Any, ...]] = dict(zip(names, zip(*facts, strict=True), strict=True))
    fresh["referrer"] = ()
    columns = []
    for field in FOUND_SCHEMA:
        values = fresh.get(field.name)
        empty = pa.nulls(rows.num_rows, field.type)
        columns.append(rows.column(field.name) if values is None else pa.array(values, field.type) if values else empty)
    return pa.RecordBatch.from_arrays(columns, schema=FOUND_SCHEMA)


def hub_features(schema: pa.Schema) -> Mapping[str, Any]:
    """Return what the Hugging Face metadata of a schema says of its columns, by name; {} when there is none."""
    try:
        features = orjson.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_names(feature: Any) -> list[str] | None:
    """Return the names of a column of classes, or of lists of classes (written as a list in one by older versions)."""
    if isinstance(feature, list) and len(feature) == 1:
        feature = feature[0]
    if isinstance(feature, dict) and feature.get("_type") in {"List", "LargeList", "Sequence"}:
        feature = feature.get("feature")
    names = feature.get("names") if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" else None
    return [str(name) for name in names] if isinstance(names, list) else None


def _media_column(schema: pa.Schema, context: ReadContext) -> str | None:
    """Return the column whose cells are media: the declared one, or the first struct of bytes and path."""
    declared = context.items.media
    if isinstance(declared, int):
        declared = schema.names[declared] if declared < len(schema.names) else None
    for field in schema:
        if declared in (None, field.name) and (_is_media(field.type) or (declared is not None and _is_binary(field.type))):
            return str(field.name)
    return None


def _is_media(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and {kind.field(index).name for index in range(kind.num_fields)} == {"bytes", "path"}


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def plain_values(array: pa.Array, class_names: Sequence[str] | None = None) -> list[Any]:
    """Return a column's values as JSON can hold them: times as ISO 8601, decimals as text, class numbers as names."""
    kind = array.type
    try:
        if pa.types.is_dictionary(kind):
            return plain_values(array.dictionary_decode(), class_names)
        if class_names and pa.types.is_integer(kind):
            return [_named(value, class_names) for value in array.to_pylist()]
        if class_names and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            return [None if row is None else [_named(one, class_names) for one in row] for row in array.to_pylist()]
        if pa.types.is_timestamp(kind):
            array = pc.replace_substring(array.cast(pa.string()), " ", "T")
        elif pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
            array = array if pa.types.is_duration(kind) or pa.types.is_interval(kind) else array.cast(pa.string())
        elif _is_media(kind):
            return [_described(value) for value in array.to_pylist()]
        values: list[Any] = array.to_pylist()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise Unreadable("damaged-file", f"a column of type {kind} cannot be read: {error}") from error
    return values


def _named(value: int | None, names: Sequence[str]) -> str | None:
    """Return the class's name; -1 is the Hub's mark for an unknown label."""
    if value is None or value == -1:
        return None
    return names[value] if 0 <= value < len(names) else str(value)


def _described(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a media cell that is not the item itself, without its bytes."""
    if value is None:
        return None
    content = value.get("bytes") or b""
    digest = hashlib.sha256(content).hexdigest() if content else None
    return {"path": value.get("path"), "sha256": digest, "size": len(content), "media_type": media_type_of(content[:64])}
