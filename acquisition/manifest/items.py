"""Exporter `items`: the ledger in JSON Lines, for everything that does not read Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

import pyarrow.parquet as pq

from acquisition.manifest.columns import SCHEMA_FILE, items_schema
from acquisition.manifest.lines import json_lines
from acquisition.protocols import Exporter, Ledger
from acquisition.workspace import write_json

LINES: Final = "manifest.jsonl"
_ROWS: Final = 5_000


class Items(Exporter):
    """manifest.jsonl: one line per row of items.parquet, keys sorted, in the same order; and the JSON Schema of a line."""

    name: ClassVar[str] = "items"
    version: ClassVar[int] = 2
    files: ClassVar[tuple[str, ...]] = (LINES, SCHEMA_FILE)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the lines, a few thousand rows at a time."""
        with pq.ParquetFile(ledger.items) as items, (directory / LINES).open("xb") as stream:
            for batch in items.iter_batches(batch_size=_ROWS):
                stream.write(json_lines(batch))
        write_json(directory / SCHEMA_FILE, items_schema())
        return self.files
