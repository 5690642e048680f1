"""Exporter `items`: the ledger in JSON Lines, for everything that does not read Parquet."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow.parquet as pq

from acquisition.manifest.columns import SCHEMA_FILE, items_schema
from acquisition.manifest.formats import demand_current
from acquisition.manifest.lines import json_lines
from acquisition.manifest.names import LINES
from acquisition.protocols import Exporter, Ledger
from acquisition.workspace import write_json

_ROWS: Final = 5_000
_THREADS: Final = 2
"""Arrow works outside the interpreter's lock; more would hold more rows at once for little."""


class Items(Exporter):
    """manifest.jsonl: one line per row of items.parquet, keys sorted, in the same order; and the JSON Schema of a line."""

    name: ClassVar[str] = "items"
    version: ClassVar[int] = 2
    standard: ClassVar[str] = "JSON Lines, JSON Schema 2020-12"
    files: ClassVar[tuple[str, ...]] = (LINES, SCHEMA_FILE)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the lines, a few thousand rows at a time."""
        with (
            pq.ParquetFile(ledger.items) as items,
            (directory / LINES).open("xb") as stream,
            ThreadPoolExecutor(_THREADS) as pool,
        ):
            demand_current(items.schema_arrow, ledger.items)
            waiting: deque[Future[Any]] = deque()
            for batch in items.iter_batches(batch_size=_ROWS):
                waiting.append(pool.submit(json_lines, batch))
                if len(waiting) > _THREADS:
                    stream.write(waiting.popleft().result())
            for future in waiting:
                stream.write(future.result())
        write_json(directory / SCHEMA_FILE, items_schema())
        return self.files
