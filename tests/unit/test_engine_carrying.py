"""Flags and signatures when rows leave their shard: what stays keeps its own, under its new number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.engine.carrying import carry, without_rows
from acquisition.model import FLAG_SCHEMA, Shard


def flags(*rows: int) -> pa.Table:
    """One flag for each row given, whose item is named by the row."""
    columns = [rows, [f"i{row}" for row in rows], ["x.y"] * len(rows), [1.0] * len(rows), *[[""] * len(rows)]]
    return pa.table([*columns, [-1] * len(rows), [-1] * len(rows), [""] * len(rows)], schema=FLAG_SCHEMA)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=40), st.sets(st.integers(0, 30), max_size=31))
def test_what_stays_keeps_its_flags(told: list[int], kept: set[int]) -> None:
    """Flags of rows that leave go; the others name the same item by its place among those that stay."""
    stays = sorted(kept)
    found = without_rows(flags(*sorted(told)), np.array(stays, np.int64))
    assert found.schema == FLAG_SCHEMA
    assert [
        (f"i{stays[row]}", item) for row, item in zip(*found.select(["row", "item"]).to_pydict().values(), strict=True)
    ] == [(f"i{row}", f"i{row}") for row in sorted(told) if row in kept]


def _shard(directory: str, rows: int) -> Shard:
    return Shard("s", directory, 0, "", rows, "")


def _written(root: Path, place: str) -> Path:
    path = root / place / "items-00000.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(flags(0, 2), path)
    return path


def test_filters_that_look_across_are_asked_again(tmp_path: Path) -> None:
    """A row without columns leaves what `pii` said of the rest; one with columns does not; a set by rights goes along."""
    _written(tmp_path, "pii-4-abc/s/old")
    _written(tmp_path, "license-3-abc/s/old@12345678")
    _written(tmp_path, "duplicates-7-abc/.signatures/s/old")
    _written(tmp_path, "nobody-1-abc/s/old")
    carry(tmp_path, _shard("old", 3), _shard("plain", 2), np.array([0, 2]), frozenset({("text", False)}))
    carry(tmp_path, _shard("old", 3), _shard("table", 2), np.array([0, 2]), frozenset({("table", True)}))
    found = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet") if "old" not in str(path)}
    assert found == {
        "pii-4-abc/s/plain",
        "license-3-abc/s/plain@12345678",
        "license-3-abc/s/table@12345678",
        "duplicates-7-abc/.signatures/s/plain",
        "duplicates-7-abc/.signatures/s/table",
    }
    moved = pq.read_table(tmp_path / "pii-4-abc/s/plain/items-00000.parquet", partitioning=None)
    assert moved.column("row").to_pylist() == [0, 1]


def test_untouched_shards_are_second_names(tmp_path: Path) -> None:
    """Where no row leaves, the same file stands in both places, and doing it again changes nothing."""
    path = _written(tmp_path, "adult-2-abc/s/old")
    for _ in range(2):
        carry(tmp_path, _shard("old", 3), _shard("new", 3))
    assert (tmp_path / "adult-2-abc/s/new/items-00000.parquet").samefile(path)
