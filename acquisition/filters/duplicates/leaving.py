"""Whether what was found among all items still holds when a few of them leave.

Copies are found by links, and everything that is said of an item depends on the items that links reach from it, directly or
through others. So nothing changes for the rest when whole clusters leave, no link joins them to a cluster that stays, and the
search for links would not have gone another way: buckets of the bands are compared completely up to a size, and only in larger
ones does it matter who stands beside whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.filters.duplicates.links import HOW
from acquisition.filters.duplicates.samples import BANDS
from acquisition.filters.duplicates.tables import Signatures

_COMPLETE: Final = 16
"""The largest bucket that is compared completely; `grouping` takes one more."""
_MOST: Final = 200
"""More items than this that leave together are worth a new search."""
_FORMS: Final = (HOW["text"], HOW["row"])


def holds(tables: Signatures, joined: Path, leaving: np.ndarray) -> bool:
    """Say whether the links and flags in the folder `joined` hold for all others when the items at these positions leave."""
    if not len(leaving) or len(leaving) > _MOST:
        return not len(leaving)
    forms = tables.pick(leaving, "form")
    clusters = _clusters(tables, joined)
    gone = set(leaving.tolist())
    left = {clusters[position] for position in gone if position in clusters}
    if not np.isin(forms, _FORMS).all() or any(cluster in left and at not in gone for at, cluster in clusters.items()):
        return False
    reached = _reached(sorted((joined / "links").glob("*.parquet")), leaving)
    return not any(position in clusters for position in reached) and not _crowded(tables, leaving)


def _clusters(tables: Signatures, joined: Path) -> dict[int, str]:
    """Return the cluster of every position that is in one."""
    found: dict[int, str] = {}
    for index, key in enumerate(tables.keys):
        path = joined / f"{key}.parquet"
        if path.is_file():
            with pq.ParquetFile(path) as file:
                flags = file.read(columns=["row", "detail"])
            flags = flags.filter(pc.match_substring(flags.column("detail"), '"cluster"'))
            start = int(tables.starts[index])
            for row, detail in zip(flags.column("row").to_pylist(), flags.column("detail").to_pylist(), strict=True):
                found[start + row] = str(orjson.loads(detail).get("cluster", ""))
    return found


def _reached(links: Iterable[Path], leaving: np.ndarray) -> set[int]:
    """Return the positions that stay and that a link, or a candidate for one, joins to one that leaves."""
    found: set[int] = set()
    for path in links:
        with pq.ParquetFile(path) as file:
            table = file.read(columns=["a", "b"])
        a, b = table.column("a").to_numpy(), table.column("b").to_numpy()
        first, second = np.isin(a, leaving), np.isin(b, leaving)
        found |= set(b[first & ~second].tolist()) | set(a[second & ~first].tolist())
    return found


def _crowded(tables: Signatures, leaving: np.ndarray) -> bool:
    """Say whether one of the items stands in a bucket that was not compared completely."""
    for band in range(BANDS):
        (column,) = tables.columns([f"band_{band:02}"])
        wanted = np.unique(column[leaving])
        counts = np.bincount(np.searchsorted(wanted, column[np.isin(column, wanted[wanted > 0])]))
        if counts.max(initial=0) > _COMPLETE:
            return True
    return False


def counted(signatures: Mapping[str, Path], joined: Path) -> dict[str, tuple[int, dict[str, int]]]:
    """Return for each source how many items it has, and how often each code was said of them."""
    found: dict[str, tuple[int, dict[str, int]]] = {}
    for key, path in sorted(signatures.items()):
        source = key.partition("/")[0]
        items, codes = found.get(source, (0, {}))
        items += pq.read_metadata(path).num_rows
        flags = joined / f"{key}.parquet"
        if flags.is_file():
            with pq.ParquetFile(flags) as file:
                for count in pc.value_counts(file.read(columns=["code"]).column(0)).to_pylist():
                    codes[count["values"]] = codes.get(count["values"], 0) + count["counts"]
        found[source] = items, codes
    return found
