"""Staged items without what has been taken down: sieved while they are staged, or cut out of shards that stand already.

Whatever leaves is listed in a file beside the shards (GONE_SCHEMA: places and digests, no content) until its bytes are out of
the workspace; so a kill at any moment leaves a note of what is still to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.model import ITEM_SCHEMA, Rejection, Shard
from acquisition.stage.shards import write_shard
from acquisition.tombstones import Tombstone, Tombstones
from acquisition.workspace import atomic_file, link_file

CODE: Final = "taken-down"
GONE_SCHEMA: Final = pa.schema(
    [
        ITEM_SCHEMA.field(name)
        for name in ("id", "source", "release", "asset", "blob", "member", "locator", "modality", "content_sha256", "url")
    ]
)
"""What is noted of an item that leaves, until its bytes have left as well."""


def gone_file(directory: Path, of: str) -> Path:
    """Return where a part ("00000"), or a cut (the digest of its tombstones), lists what has left."""
    return directory / f"gone-{of}.parquet"


def gone_files(directory: Path) -> list[Path]:
    """Return the lists of what left a staged release and may still have bytes here."""
    return sorted(directory.glob("gone-*.parquet"))


def rejection(source: str, release: str, locator: str, stone: Tombstone) -> Rejection:
    """Return the record that an item or a file leaves: its id or digest, and the ticket; no name, no address, no content."""
    ticket = f", ticket {stone.ticket}" if stone.ticket else ""
    return Rejection(CODE, source, release, "", locator, f"taken down by {stone.scope}{ticket}")


class Sieve:
    """Lets through what has not been taken down, counts the rest and lists it."""

    def __init__(self, stones: Tombstones, reject: Callable[[Rejection], None]) -> None:
        self._stones = tuple(stones)
        self._known = stones
        self._reject = reject
        self._gone: list[pa.RecordBatch] = []

    def keep(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return the items (ITEM_SCHEMA) that stay."""
        if not self._stones:
            return items
        places = self._known.places(items)
        if not (places >= 0).any():
            return items
        gone = items.filter(pa.array(places >= 0))
        self._gone.append(gone.select(GONE_SCHEMA.names))
        for item, source, release, place in zip(
            *(gone.column(name).to_pylist() for name in ("id", "source", "release")), places[places >= 0].tolist(), strict=True
        ):
            self._reject(rejection(source, release, item, self._stones[place]))
        return items.filter(pa.array(places < 0))

    def write(self, target: Path) -> None:
        """List what did not pass, if anything."""
        if self._gone:
            write_gone(target, self._gone)


def write_gone(target: Path, batches: Iterable[pa.RecordBatch | pa.Table]) -> None:
    """Write the list of what leaves."""
    with atomic_file(target) as stream, pq.ParquetWriter(stream, GONE_SCHEMA, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(pa.table(batch).select(GONE_SCHEMA.names).cast(GONE_SCHEMA))


# --- shards that stand ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """One shard before and after: `kept` are the rows that stay (int64), None where all do; `new` is None where none does.

    `left` says of the rows that leave which modalities they have, and whether with `fields`.
    """

    old: Shard
    new: Shard | None
    kept: np.ndarray | None = None
    left: frozenset[tuple[str, bool]] = frozenset()


def places_in(shard: Shard, stones: Tombstones) -> np.ndarray:
    """Return for each row of a staged shard the place of its tombstone, -1 for none; reads the columns it needs alone."""
    with pq.ParquetFile(shard.path) as file:
        return stones.places(file.read(columns=list(stones.columns)))


def cut(shards: Iterable[Shard], directory: Path, hits: Mapping[int, np.ndarray]) -> Iterator[tuple[Cut, pa.Table | None]]:
    """Put shards into another directory without some rows; yield each cut with the rows that left (GONE_SCHEMA).

    `hits` maps a shard's index to its rows that leave. Untouched shards become hard links; a file that is there already is of
    the same cut, begun and killed, and is made again.
    """
    for shard in shards:
        target = directory / Path(shard.path).name
        rows = hits.get(shard.index)
        if rows is None or not len(rows):
            link_file(Path(shard.path), target)
            yield Cut(shard, _moved(shard, target)), None
            continue
        with pq.ParquetFile(shard.path) as file:
            items = file.read()
        stays = np.ones(items.num_rows, dtype=bool)
        stays[rows] = False
        leaving = items.filter(pa.array(~stays))
        left = frozenset(zip(leaving["modality"].to_pylist(), leaving["fields"].is_valid().to_pylist(), strict=True))
        kept = np.flatnonzero(stays)
        new = None
        if len(kept):
            digest = write_shard(target, items.filter(pa.array(stays)).to_batches())
            new = Shard(shard.source, directory.name, shard.index, str(target), rows=len(kept), digest=digest)
        yield Cut(shard, new, kept, left), leaving.select(GONE_SCHEMA.names)


def _moved(shard: Shard, target: Path) -> Shard:
    return Shard(shard.source, target.parent.name, shard.index, str(target), rows=shard.rows, digest=shard.digest)
