"""What a takedown knows of standing shards counts for the folder that was looked into, and for no other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.model import ITEM_SCHEMA, Shard
from acquisition.pipeline.withdrawal import withdrawing
from acquisition.pipeline.withdrawal.withdrawing import Hits
from acquisition.stage import Staged
from acquisition.tombstones import Tombstone, Tombstones

CONTENT = hashlib.sha256(b"x").hexdigest()


def staged(root: Path, name: str) -> Staged:
    """A folder with one shard of one item."""
    path = root / name / "items-00000.parquet"
    path.parent.mkdir()
    row = {"id": "1" * 32, "source": "kit", "content_sha256": CONTENT}
    plain = {
        column.name: pa.array([row.get(column.name)], pa.string()).cast(column.type)
        for column in ITEM_SCHEMA
        if column.name in row
    }
    columns = [plain.get(column.name, pa.nulls(1, column.type)) for column in ITEM_SCHEMA]
    pq.write_table(pa.table(columns, names=ITEM_SCHEMA.names), path)
    return Staged("kit", "1", "key", str(path.parent), (Shard("kit", name, 0, str(path), 1, "d"),), (), 1, capped=False)


@pytest.mark.parametrize(("looked_into", "found"), [("a", {0: [0]}), ("b", {})])
def test_what_is_known_of_one_folder_is_not_believed_of_another(
    tmp_path: Path, looked_into: str, found: dict[int, list[int]]
) -> None:
    """After a kill two folders may have met the same tombstones: the one that was not looked into is looked through."""
    stones = Tombstones([Tombstone("content", CONTENT)])
    one = staged(tmp_path, "b")
    hits = Hits({"kit": (looked_into, one.tombstones)}, stones.digest, {})
    places = withdrawing._Later(stones, hits).places(one, stones.digest)  # where the rows are decided
    assert {index: np.flatnonzero(rows >= 0).tolist() for index, rows in places.items()} == found
