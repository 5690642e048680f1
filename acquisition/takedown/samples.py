"""Files in which samples lie by number, without some of them: rows of Parquet and Arrow, pictures of IDX.

Numbers are part of the names of all the others, so nothing moves up: a row becomes a row of nulls, a picture becomes black.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import IO, Any

from acquisition.content.fragments import idx_header, is_idx_image
from acquisition.content.limits import DAMAGE, Unreadable

_CHUNK = 1 << 20


def table_without(stream: IO[bytes], target: IO[bytes], rows: Collection[int]) -> None:
    """Write the Parquet or Arrow file in `stream` (seekable) with nulls in all columns of the given rows; Unreadable on damage.

    Row groups, batches, field metadata and compression stay; columns that were declared never to be null may be null now.
    """
    import pyarrow as pa

    try:
        head = stream.read(8)
        stream.seek(0)
        if head.startswith(b"PAR1"):
            _parquet(stream, target, rows)
        else:
            _arrow(stream, target, rows, file=head.startswith(b"ARROW1"))
    except (pa.ArrowException, *DAMAGE) as error:
        raise Unreadable("damaged-file", f"{type(error).__name__}: {error}") from error


def _parquet(stream: IO[bytes], target: IO[bytes], rows: Collection[int]) -> None:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(stream, coerce_int96_timestamp_unit="us")
    schema = _nullable(file.schema_arrow)
    groups = file.metadata.num_row_groups
    packing = file.metadata.row_group(0).column(0).compression.lower() if groups else "snappy"
    with pq.ParquetWriter(target, schema, compression="none" if packing == "uncompressed" else packing) as writer:
        first = 0
        for group in range(groups):
            table = file.read_row_group(group)
            writer.write_table(_blanked(table, first, rows).cast(schema), row_group_size=max(table.num_rows, 1))
            first += table.num_rows


def _arrow(stream: IO[bytes], target: IO[bytes], rows: Collection[int], *, file: bool) -> None:
    import pyarrow as pa

    opened: Any = pa.ipc.open_file(stream) if file else pa.ipc.open_stream(stream)
    schema = _plain(_nullable(opened.schema))
    batches: Iterator[Any] = map(opened.get_batch, range(opened.num_record_batches)) if file else iter(opened)
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(target, schema) as writer:
        first = 0
        for batch in batches:
            table = _blanked(pa.Table.from_batches([batch]), first, rows)
            writer.write_table(table.cast(schema), max_chunksize=max(batch.num_rows, 1))
            first += batch.num_rows


def _nullable(schema: Any) -> Any:
    import pyarrow as pa

    return pa.schema([field.with_nullable(True) for field in schema], schema.metadata)


def _plain(schema: Any) -> Any:
    """Return a schema without dictionaries: an Arrow file has one for all its batches, which would go on naming what left."""
    import pyarrow as pa

    fields = (field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in schema)
    return pa.schema(list(fields), schema.metadata)


def _blanked(table: Any, first: int, rows: Collection[int]) -> Any:
    """Return the table with nulls in those of the rows that lie in it; taking no row at an index gives one of nulls."""
    import pyarrow as pa

    here = {row - first for row in rows if first <= row < first + table.num_rows}
    if not here:
        return table
    indices = pa.array([None if row in here else row for row in range(table.num_rows)], pa.int64())
    columns = [_taken(column, indices) for column in table.columns]
    return pa.table(columns, names=table.column_names).cast(_nullable(table.schema))


def _taken(column: Any, indices: Any) -> Any:
    """Take rows of a column; a dictionary is made anew, or it would go on holding the values that nothing points to."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return column.take(indices)
    return column.cast(column.type.value_type).take(indices).dictionary_encode()


def idx_without(stream: IO[bytes], target: IO[bytes], indices: Collection[int]) -> None:
    """Write the IDX image file in `stream` (seekable) with zeros in place of the given entries."""
    header = idx_header(stream)
    if not is_idx_image(header):
        raise Unreadable("damaged-file", "not a file of pictures")
    blank = bytes(header.item_bytes)
    stream.seek(0)
    target.write(stream.read(header.start))
    for index in range(header.shape[0]):
        entry = stream.read(header.item_bytes)
        target.write(blank[: len(entry)] if index in indices else entry)
    while rest := stream.read(_CHUNK):
        target.write(rest)
