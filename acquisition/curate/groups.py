"""What stands for a speaker, author or page in the manifest: the id of the first item of theirs, never anything of the value.

A digest of the value could be turned back by trying names or addresses, and a key that prevents it would make the same set
differ from machine to machine. The first item's id is as public as the item, the same everywhere, and stays when others come.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.curate.hashing import hashes_of
from acquisition.model import JudgedShard

_DIGITS: Final = 16


class GroupNames:
    """The groups of all items, kept or not, by 16 bytes for each group: its hash, and the first half of its first item's id."""

    def __init__(self) -> None:
        self._hashes = [np.zeros(0, np.uint64)]
        self._ids = [np.zeros(0, np.uint64)]

    def add(self, judged: JudgedShard) -> None:
        """Take the groups of one shard; shards come in the order of the set."""
        hashes = _groups(judged)
        found, first = np.unique(hashes, return_index=True)
        new = found > 0
        if new.any():
            column = pq.read_table(judged.shard.path, columns=["id"], memory_map=False, partitioning=None)["id"]
            ids = column.take(pa.array(first[new])).to_pylist()
            self._hashes.append(found[new])
            self._ids.append(np.array([int(item[:_DIGITS], 16) for item in ids], np.uint64))

    def of(self, judged: JudgedShard) -> list[str]:
        """Return for each item of a shard what stands for its group, "" where it has none."""
        hashes = _groups(judged)
        named, first = self._settled()
        if not len(named):
            return [""] * len(hashes)
        places = np.minimum(np.searchsorted(named, hashes), len(named) - 1)
        pairs = zip(hashes.tolist(), first[places].tolist(), strict=True)
        return [f"{name:0{_DIGITS}x}" if group else "" for group, name in pairs]

    def _settled(self) -> tuple[Any, Any]:
        """Return the groups' hashes, ascending, and their names; of several the one that came first."""
        if len(self._hashes) > 1:
            named, first = np.unique(np.concatenate(self._hashes), return_index=True)
            self._hashes, self._ids = [named], [np.concatenate(self._ids)[first]]
        return self._hashes[0], self._ids[0]


def _groups(judged: JudgedShard) -> Any:
    """Return a hash of each item's group (uint64), 0 for none; the same speaker in two sources is two."""
    groups = pq.read_table(judged.shard.path, columns=["group"], memory_map=False, partitioning=None)["group"]
    return hashes_of(groups.combine_chunks(), f"{judged.shard.source}\n")
