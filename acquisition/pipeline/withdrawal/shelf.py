"""All staged items, looked at column by column: what stands, what was found to be a copy of what, and what became of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from acquisition.filters.duplicates.links import HOW
from acquisition.model import Modality, Shard
from acquisition.pipeline.session import Session
from acquisition.pipeline.withdrawal.withdrawing import newest
from acquisition.sameness.texts import normal_form
from acquisition.stage import Staged
from acquisition.stage.staged import RECORD
from acquisition.tombstones import Tombstones

Place = tuple[int, int]
"""A shard's number on the shelf, and a row of it."""
_CODED: Final = ["blob", "asset", "source", "modality"]
_LOW: Final = (1 << 64) - 1


class Shelf:
    """The shards of all sources, as the newest run has left them. Nothing is written.

    Sources that are declared no more are among them while they stand: the set may still hold what is in them.
    """

    def __init__(self, session: Session, stones: Tombstones) -> None:
        self._workspace, self._stones = session.workspace, stones.digest
        declared = [session.workspace.staging / source.name for source in session.declared.sources]
        roots = (*declared, *sorted(set(session.workspace.staging.glob("*")) - set(declared)))
        self.staged: list[Staged] = [found for root in roots if (found := newest(root, stones)) is not None]
        self.shards: list[Shard] = [shard for staged in self.staged for shard in staged.shards]

    @property
    def state(self) -> str:
        """Names what stands on the shelf and was found of it: what was looked up stays true while this does."""
        told = [self._stones, str(self._joined)]
        for staged in self.staged:
            status = (Path(staged.directory) / RECORD).stat()  # written last, and anew with every change
            told.append(f"{staged.directory} {staged.tombstones} {status.st_ino} {status.st_mtime_ns}")
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def read(self, at: int, columns: list[str]) -> pa.Table:
        """Return some columns of a shard."""
        with pq.ParquetFile(self.shards[at].path, read_dictionary=_CODED) as file:
            return file.read(columns=columns).unify_dictionaries()  # each row group has its own

    def with_values(self, column: str, values: set[str], source: str = "") -> Iterator[Place]:
        """Yield the rows that hold one of some values in a column; of one source, or of all."""
        wanted = pa.array(sorted(values), pa.string())
        for at, shard in enumerate(self.shards if values else ()):
            if source and shard.source != source:
                continue
            found = self.read(at, [column]).column(0)
            plain = found.cast(pa.string()) if pa.types.is_dictionary(found.type) else found
            for row in np.flatnonzero(pc.is_in(plain, value_set=wanted).to_numpy()).tolist():
                yield at, row

    def with_texts(self, forms: Mapping[int, bytes]) -> Iterator[Place]:
        """Yield the texts with one of some normal forms (`text_key` → form), by their signatures where these are here."""
        high = np.array([key >> 64 for key in forms], np.uint64)
        for at, shard in enumerate(self.shards if forms else ()):
            signed = self._signatures(shard)
            if signed is None:
                yield from ((at, row) for row, text in self.texts_of(at) if text_key(normal_form(text)) in forms)
                continue
            highs, lows = (signed.column(name).to_numpy() for name in ("normal_high", "normal_low"))
            is_text = signed.column("form").to_numpy() == HOW["text"]
            for row in np.flatnonzero(np.isin(highs, high) & is_text).tolist():
                if (int(highs[row]) << 64 | int(lows[row])) in forms:
                    yield at, row

    def _signatures(self, shard: Shard) -> pa.Table | None:
        for root in self._signed:
            path = root / f"{shard.key}.parquet"
            if path.is_file():
                with pq.ParquetFile(path) as file:
                    found = file.read(columns=["normal_high", "normal_low", "form"])
                return found if found.num_rows == shard.rows else None
        return None

    @cached_property
    def _signed(self) -> list[Path]:
        return sorted(self._workspace.flags.glob("duplicates-*/.signatures"))

    def texts_of(self, at: int, rows: Collection[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield the texts of a shard, or of some of its rows; transcripts and captions belong to their media."""
        table = self.read(at, ["modality", "text"])
        texts = table.column("text").combine_chunks()
        is_text = pc.and_(pc.equal(table.column("modality").cast(pa.string()), Modality.TEXT.value), texts.is_valid())
        found = np.flatnonzero(is_text.to_numpy(zero_copy_only=False))
        for row in (found if rows is None else found[np.isin(found, list(rows))]).tolist():
            yield row, texts[row].as_buffer().to_pybytes()

    @cached_property
    def compared(self) -> bool:
        """Say whether the duplicates filter has looked at what is staged."""
        return self._joined is not None

    @cached_property
    def _joined(self) -> Path | None:
        found = [path.parent for path in self._workspace.flags.glob("duplicates-*/.set-*/done.json")]
        return max(found, key=lambda path: (path / "done.json").stat().st_mtime_ns, default=None)

    @cached_property
    def cluster_of(self) -> Mapping[Place, str]:
        """The duplicate cluster of every row that has copies."""
        found: dict[Place, str] = {}
        for at, shard in enumerate(self.shards if self._joined is not None else ()):
            path = Path(str(self._joined)) / f"{shard.key}.parquet"
            if path.is_file():
                found |= {(at, row): cluster for row, cluster in _clusters_in(path)}
        return found

    @cached_property
    def members(self) -> Mapping[str, list[Place]]:
        """The rows of every duplicate cluster."""
        found: dict[str, list[Place]] = {}
        for place, cluster in self.cluster_of.items():
            found.setdefault(cluster, []).append(place)
        return found

    def placed(self, at: int) -> pa.Table | None:
        """Return what became of a shard's items, None where they were not judged yet."""
        path = self._workspace.placements / f"{self.shards[at].key}.parquet"
        if not path.is_file():
            return None
        with pq.ParquetFile(path) as file:
            found = file.read(columns=["outcome", "path"])
        return found if found.num_rows == self.shards[at].rows else None

    def lying_in(self, blobs: Collection[str]) -> Counter[tuple[str, str]]:
        """Return how many staged items of each (blob, modality) lie in some blobs."""
        wanted = pa.array(sorted(blobs), pa.string())
        found: Counter[tuple[str, str]] = Counter()
        for at in range(len(self.shards) if blobs else 0):
            table = self.read(at, ["blob", "modality"])
            here = table.filter(pc.is_in(table.column("blob").cast(pa.string()), value_set=wanted))
            for row in here.group_by(["blob", "modality"]).aggregate([([], "count_all")]).to_pylist():
                found[row["blob"], row["modality"]] += row["count_all"]
        return found


def text_key(form: bytes) -> int:
    """Return the 128 bits under which signatures know a normal form."""
    return xxhash.xxh3_128_intdigest(form)


def _clusters_in(path: Path) -> Iterator[tuple[int, str]]:
    with pq.ParquetFile(path) as file:
        flags = file.read(columns=["row", "detail"])
    flags = flags.filter(pc.match_substring(flags.column("detail"), '"cluster"'))
    for row, detail in zip(flags.column("row").to_pylist(), flags.column("detail").to_pylist(), strict=True):
        if cluster := str(orjson.loads(detail).get("cluster", "")):
            yield row, cluster
