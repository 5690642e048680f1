"""What filters found among all items, taken along when a few items leave: not searched for again where it still holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.engine.carrying import without_rows
from acquisition.engine.flags import Run, prepared, write_answer
from acquisition.model import Shard
from acquisition.pipeline.withdrawal.withdrawing import ORIGIN
from acquisition.protocols import SetFilter
from acquisition.workspace import link_file, write_json

_DONE: Final = "done.json"


@dataclass(frozen=True, slots=True)
class _Before:
    """A shard as it was: its key and digest, what it is now (None where nothing stays), and the rows that left it."""

    key: str
    digest: str
    now: Shard | None
    left: np.ndarray


def rejoined(run: Run, shards: Sequence[Shard], target: Path, key_of: Callable[[Sequence[tuple[str, str]]], str]) -> bool:
    """Fill `target` with what the filter joined before some rows left, if that still holds for all others; say whether it did.

    `key_of` names a set by the keys and digests of its shards.
    """
    before = _before(shards)
    if before is None:
        return False
    joined = Path(run.directory) / f".set-{key_of([(one.key, one.digest) for one in before])}"
    signatures = {one.key: Path(run.directory) / ".signatures" / f"{one.key}.parquet" for one in before}
    if not (joined / _DONE).exists() or not all(path.exists() for path in signatures.values()):
        return False
    filter_ = cast("SetFilter", prepared(run))
    leaving = {one.key: one.left for one in before if len(one.left)}
    if not filter_.still_holds(signatures, joined, leaving):
        return False
    for one in before:
        _take_along(joined / f"{one.key}.parquet", one, target)
    _renumber(joined / "links", target / "links", signatures, leaving)
    filter_.recall({shard.key: run.signatures_of(shard) for shard in shards}, target)
    write_json(target / _DONE, {"shards": len(shards)})
    return True


def _before(shards: Sequence[Shard]) -> list[_Before] | None:
    """Return the shards as they were before their releases were cut; None where none was, or it is not known how."""
    found: list[_Before] = []
    known: dict[Path, dict[str, Any]] = {}
    for shard in shards:
        known.setdefault(Path(shard.path).parent, _origin(Path(shard.path).parent))
    if not any(known.values()) or any("unknown" in origin for origin in known.values()):
        return None
    for directory, origin in known.items():
        own = {shard.index: shard for shard in shards if Path(shard.path).parent == directory}
        changed = {int(index): told for index, told in origin.get("shards", {}).items()}
        for index in sorted({*own, *changed}):
            now = own.get(index)
            source = directory.parent.name
            digest, left = changed.get(index, (now.digest if now else "", []))
            key = Shard(source, origin.get("directory", directory.name), index, "", 0, "").key
            found.append(_Before(key, digest, now, np.array(left, np.int64)))
    return found


def _origin(directory: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((directory / ORIGIN).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return {"unknown": True}
    return found


def _take_along(path: Path, one: _Before, target: Path) -> None:
    if one.now is None or not path.is_file():
        return
    place = target / f"{one.now.key}.parquet"
    if not len(one.left):
        link_file(path, place)
        return
    stays = np.ones(one.now.rows + len(one.left), dtype=bool)
    stays[one.left] = False
    with pq.ParquetFile(path) as file:
        flags = without_rows(file.read(use_threads=False), np.flatnonzero(stays))
    if flags.num_rows:
        write_answer(place, flags, None)


def _renumber(links: Path, target: Path, signatures: Mapping[str, Path], leaving: Mapping[str, np.ndarray]) -> None:
    """Links name items by their position among all: bring them to where the items stand now."""
    paths = sorted(links.glob("*.parquet"))
    if not paths:
        return
    start, gone = 0, []
    for key in sorted(signatures):
        gone.append(leaving.get(key, np.zeros(0, np.int64)) + start)
        start += pq.read_metadata(signatures[key]).num_rows
    left = np.sort(np.concatenate(gone))
    for path in paths:
        with pq.ParquetFile(path) as file:
            table = file.read(use_threads=False)
        ends = {name: table.column(name).to_numpy().astype(np.int64) for name in ("a", "b")}
        stays = ~(np.isin(ends["a"], left) | np.isin(ends["b"], left))
        for name, positions in ends.items():
            moved = (positions - np.searchsorted(left, positions)).astype(np.uint32)
            table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), pa.array(moved))
        write_answer(target / path.name, table.filter(pa.array(stays)), None)
