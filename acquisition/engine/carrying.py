"""Takes what filters said of a shard along when rows leave it, so that nothing that stays is looked at again.

Flags and signatures match an item shard row by row. Where a filter's word on an item depends on that item alone
(`stands_alone`), the rows that leave take their flags with them and the rest is renumbered; any other filter looks at that one
shard again, and at no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition import plugins
from acquisition.engine.flags import write_answer
from acquisition.model import Shard
from acquisition.workspace import link_file

_SIGNATURES: Final = ".signatures"


Left = frozenset[tuple[str, bool]]
"""Of the rows that leave: their modalities, and whether they have `fields`."""


def carry(flags: Path, old: Shard, new: Shard, kept: np.ndarray | None = None, left: Left = frozenset()) -> None:
    """Put every filter's flags and signatures of `old` where those of `new` belong, below the folder of all flags.

    `kept` are the rows that stay, None for all. Doing it twice does it once.
    """
    for name, path, target in _answers(flags, old, new):
        if kept is None:
            link_file(path, target)
        elif all(plugins.filter_class(name).stands_alone(modality, with_fields=fields) for modality, fields in left):
            with pq.ParquetFile(path) as file:
                write_answer(target, without_rows(file.read(use_threads=False), kept), None)


def _answers(flags: Path, old: Shard, new: Shard) -> Iterator[tuple[str, Path, Path]]:
    """Yield (filter, file, its new place): plain flags, flags by their source's rights, and signatures."""
    for directory in sorted(flags.iterdir()) if flags.is_dir() else ():
        name = directory.name.rsplit("-", 2)[0]
        if name not in plugins.registered(plugins.FILTERS):
            continue
        for root in (directory, directory / _SIGNATURES):
            for place in (root / old.source / old.release, *(root / old.source).glob(f"{old.release}@*")):
                path = place / f"items-{old.index:05d}.parquet"
                if path.is_file():
                    renamed = new.release + place.name.removeprefix(old.release)
                    yield name, path, root / new.source / renamed / f"items-{new.index:05d}.parquet"


def without_rows(table: pa.Table, kept: np.ndarray) -> pa.Table:
    """Return flags or signatures for the rows that are kept (sorted), renumbered; `row` counts the rows of a shard."""
    rows = table.column("row").to_numpy()
    renumbered: Any = np.full(int(max(rows.max(initial=-1), kept.max(initial=-1))) + 1, -1, np.int32)
    renumbered[kept] = np.arange(len(kept), dtype=np.int32)
    now = renumbered[rows]
    numbered = table.set_column(table.schema.get_field_index("row"), table.schema.field("row"), pa.array(now, pa.int32()))
    return numbered.filter(pa.array(now >= 0))
