"""Runs the duplicates filter on small sources, for several test files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.filters.duplicates import Duplicates, DuplicatesSettings
from acquisition.model import LicenseClaim, Release, Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import items_of

Flags = dict[str, list[dict[str, Any]]]


def prepared(sources: Sequence[str], *, licenses: Mapping[str, str] | None = None, **settings: Any) -> Duplicates:
    """Return the filter for sources that are declared in this order."""
    releases = {name: Release(name, "local", "1", (), LicenseClaim((spdx,), "spdx")) for name, spdx in (licenses or {}).items()}
    return Duplicates(
        DuplicatesSettings.model_validate(settings, strict=False), FilterContext(Use(), releases, tuple(sources), "")
    )


def sign(made: Duplicates, shards: Mapping[str, Sequence[Any]], folder: Path) -> dict[str, Path]:
    """Write one signature table per source and return them by shard key."""
    signatures: dict[str, Path] = {}
    for name, rows in shards.items():
        signatures[f"{name}/1/items-00000"] = folder / f"{name}.parquet"
        pq.write_table(pa.Table.from_batches([made.sign(items_of(rows, source=name))]), folder / f"{name}.parquet")
    return signatures


def join(made: Duplicates, signatures: Mapping[str, Path], folder: Path) -> Flags:
    """Return flags per source."""
    links = []
    for partition in range(made.partitions):
        links.append(folder / f"links-{partition}.parquet")
        pq.write_table(made.group(signatures, partition), links[-1])
    return {key.split("/")[0]: flags.to_pylist() for key, flags in made.join(signatures, links)}


def run(
    shards: Mapping[str, Sequence[Any]], folder: Path, *, licenses: Mapping[str, str] | None = None, **settings: Any
) -> Flags:
    """Return flags per source; every source is one shard, declared in the given order."""
    made = prepared(tuple(shards), licenses=licenses, **settings)
    return join(made, sign(made, shards, folder), folder)


def codes(flags: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[tuple[int, str]]]:
    """Return (row, code without its family) per source."""
    return {name: [(flag["row"], flag["code"].removeprefix("duplicate.")) for flag in found] for name, found in flags.items()}
