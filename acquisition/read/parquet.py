"""Parquet, in batches bounded by bytes; nested values become JSON, the Hub's media structs become media items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, ClassVar, Final

from acquisition.content.fragments import table_batches
from acquisition.content.limits import DAMAGE, Unreadable
from acquisition.model import Modality
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.arrow import seekable, typed_items
from acquisition.read.items import BATCH_BYTES, BATCH_ROWS, rejection

MAX_ROW: Final = 256_000_000
"""Bytes of one unpacked row, by the footer's own account."""


class ParquetReader(Reader):
    """Parquet files."""

    name: ClassVar[str] = "parquet"
    version: ClassVar[int] = 3
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")
    modality: ClassVar[Modality] = Modality.TABLE

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files that begin as Parquet does, and files named so (which are then found damaged)."""
        return head.startswith((b"PAR1", b"PARE")) or name.lower().endswith(self.suffixes)

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the rows; a file cut in half has no footer and is rejected whole."""
        with seekable(binary) as stream:
            rows = _rows_per_batch(stream)
            if rows == 0:
                yield rejection(context, "empty-file", "no rows")
                return
            yield from typed_items(table_batches(stream, rows=rows), context)


def _rows_per_batch(stream: IO[bytes]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if stream.read(4) != b"PAR1":
        raise Unreadable("damaged-file", "it does not begin as a Parquet file does (or is encrypted)")
    try:
        metadata: Any = pq.ParquetFile(stream).metadata
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        count = int(metadata.num_rows)
        largest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    except (pa.ArrowException, *DAMAGE) as error:
        raise Unreadable("damaged-file", f"{type(error).__name__}: {error}") from error
    if largest > MAX_ROW:
        raise Unreadable("too-large", f"rows of about {largest:,} bytes; at most {MAX_ROW:,} are read")
    stream.seek(0)
    return min(BATCH_ROWS, max(1, BATCH_BYTES * count // max(size, 1))) if count > 0 else 0
