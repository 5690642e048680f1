"""The kept part of the ledger, for exporters: nothing that was held or dropped may appear in a published format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.rights.expressions import identifiers
from acquisition.rights.titles import url_of

_ROWS: Final = 5_000


def kept_batches(items: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the kept rows of items.parquet, a few thousand at a time, with these columns."""
    with pq.ParquetFile(items) as ledger:
        for batch in ledger.iter_batches(batch_size=_ROWS, columns=[*{*columns, "path"}]):
            found = batch.filter(pc.not_equal(batch.column("path"), ""))
            if found.num_rows:
                yield found.select(list(columns))


def kept_rows(items: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the kept rows as tuples of these columns."""
    for batch in kept_batches(items, columns):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


@cache
def license_urls(expression: str) -> tuple[str, ...]:
    """Return the address of each license in an expression: SPDX's own where it is listed there.

    A license of nobody's list is its own name; NOASSERTION is the term that SPDX has for it.
    """
    if expression == "NOASSERTION":
        return ("http://spdx.org/rdf/terms#noassertion",)
    return tuple(
        (url_of(name) or name) if name.startswith("LicenseRef-") else f"https://spdx.org/licenses/{name}"
        for name in identifiers(expression)
    )
