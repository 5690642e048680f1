"""Do ledger and curated set say the same? Every kept item's own file has to stand in the list of the set's files.

Both lists may be of a million lines, so 8 bytes stand for each, and they are compared as sorted numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from acquisition.errors import ExportRefused
from acquisition.manifest.kept import kept_batches

_SHOWN: Final = 3


def demand_agreement(items: Path, files: Path) -> None:
    """Raise ExportRefused unless every kept item lies in the set as the ledger says: path, bytes and digest."""
    known = np.sort(np.fromiter((_key(one["path"], one["sha256"], one["size"]) for one in _listed(files)), np.uint64))
    names = np.sort(np.fromiter((_key(one["path"], "", 0) for one in _listed(files)), np.uint64))
    lost: list[str] = []
    count = 0
    for batch in kept_batches(items, ("path", "stored_sha256", "stored_size")):
        own = pc.replace_substring_regex(batch.column("path"), r"#.*$", "")
        alone = pc.and_(pc.equal(own, batch.column("path")), pc.not_equal(batch.column("stored_sha256"), "")).to_pylist()
        rows = zip(
            own.to_pylist(), batch.column("stored_sha256").to_pylist(), batch.column("stored_size").to_pylist(), strict=True
        )
        keys = np.array([_key(*row) if one else _shared(row[0]) for row, one in zip(rows, alone, strict=True)], np.uint64)
        missing = np.flatnonzero(~np.where(alone, _within(known, keys), _within(names, keys)))
        count += len(missing)
        lost += batch.column("path").take(pa.array(missing[: max(0, _SHOWN - len(lost))])).to_pylist()
    if count:
        raise ExportRefused(
            f"{count:,} kept items do not lie in the curated set as the ledger says, such as {', '.join(lost)}",
            where=str(files),
            hint="`acquire curate --anew` builds set and manifest anew.",
        )


def _listed(files: Path) -> Iterator[dict[str, Any]]:
    with files.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def _key(path: str, sha256: str, size: int) -> int:
    return xxhash.xxh3_64_intdigest(f"{path}\n{sha256}\n{size}".encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1_000)
def _shared(path: str) -> int:
    """Return the key of a file that many items share."""
    return _key(path, "", 0)


def _within(known: Any, keys: Any) -> Any:
    if not len(known):
        return np.zeros(len(keys), bool)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return known[places] == keys


def listing_digest(files: Path) -> str:
    """Return the sha256 of the sorted lines "path sha256" of a list of files: a digest of a directory (Croissant has none)."""
    digest = hashlib.sha256()
    for line in sorted(f"{one['path']} {one['sha256']}\n" for one in _listed(files)):
        digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
