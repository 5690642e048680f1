"""Writes items into Parquet shards that are bounded in rows and bytes and appear whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.model import ITEM_SCHEMA, Shard, item_id
from acquisition.workspace import atomic_file

MAX_ROWS: Final = 20_000
MAX_BYTES: Final = 16_000_000
"""Arrow bytes per shard: a filter that holds one shard and its flags stays far below 400 MB."""

_DICTIONARIES: Final = [
    "source",
    "release",
    "asset",
    "blob",
    "modality",
    "media_type",
    "label",
    "group",
    "split",
    "license_raw",
]


class _HashingSink:
    """A file that hashes what is written to it; Parquet writers only append."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._hash.update(view)
        self._stream.write(view)
        return view.nbytes

    def flush(self) -> None:
        self._stream.flush()

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self.closed = True

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def parquet_file(
    target: Path, schema: pa.Schema, *, dictionaries: list[str] | None = None
) -> Iterator[tuple[Any, _HashingSink]]:
    """Write a Parquet file that appears whole; yields the writer and the sink whose digest is final after the block."""
    with atomic_file(target) as stream:
        sink = _HashingSink(stream)
        columns = [name for name in (dictionaries or []) if name in schema.names]
        with pq.ParquetWriter(sink, schema, compression="zstd", compression_level=1, use_dictionary=columns) as writer:
            yield writer, sink


def write_shard(target: Path, batches: Iterable[pa.RecordBatch]) -> str:
    """Write batches of ITEM_SCHEMA as one shard and return its digest."""
    with ExitStack() as stack:
        writer, sink = stack.enter_context(parquet_file(target, ITEM_SCHEMA, dictionaries=_DICTIONARIES))
        for batch in batches:
            writer.write_batch(batch)
    return sink.hexdigest()


class ShardWriter:
    """Takes batches of found items and cuts them into shards `items-<first>…`; `close` returns what was written."""

    def __init__(self, directory: Path, *, source: str, release: str, directory_name: str, first: int) -> None:
        self._directory = directory
        self._source = source
        self._release = release
        self._directory_name = directory_name
        self._next = first
        self._pending: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0
        self.shards: list[Shard] = []

    def add(self, items: pa.RecordBatch) -> None:
        """Keep a batch of ITEM_SCHEMA for the next shard."""
        for start in range(0, items.num_rows, MAX_ROWS):
            batch = items.slice(start, MAX_ROWS)
            if self._rows and (self._rows + batch.num_rows > MAX_ROWS or self._bytes + batch.nbytes > MAX_BYTES):
                self._cut()
            self._pending.append(batch)
            self._rows += batch.num_rows
            self._bytes += batch.nbytes

    def close(self) -> tuple[Shard, ...]:
        """Write what is left and return all shards in order."""
        self._cut()
        return tuple(self.shards)

    def identified(self, found: pa.RecordBatch, *, asset: str, blob: str, fetched_at: Any) -> pa.RecordBatch:
        """Return what a reader found as items (ITEM_SCHEMA): with their identity, and the file's time where they have none."""
        count = found.num_rows
        locators = found.column("locator").to_pylist()
        identity = {
            "id": pa.array([item_id(self._source, self._release, locator) for locator in locators], pa.string()),
            **{
                name: pa.repeat(pa.scalar(value, pa.string()), count)
                for name, value in (("source", self._source), ("release", self._release), ("asset", asset), ("blob", blob))
            },
        }
        retrieved = found.column("retrieved_at")
        if retrieved.null_count:
            retrieved = retrieved.fill_null(fetched_at)
        columns = [
            identity.get(field.name)
            if field.name in identity
            else retrieved
            if field.name == "retrieved_at"
            else found.column(field.name)
            for field in ITEM_SCHEMA
        ]
        return pa.RecordBatch.from_arrays(columns, schema=ITEM_SCHEMA)

    def _cut(self) -> None:
        if not self._rows:
            return
        name = f"items-{self._next:05d}"
        path = self._directory / f"{name}.parquet"
        digest = write_shard(path, self._pending)
        self.shards.append(Shard(self._source, self._directory_name, self._next, str(path), rows=self._rows, digest=digest))
        self._next += 1
        self._pending, self._rows, self._bytes = [], 0, 0
