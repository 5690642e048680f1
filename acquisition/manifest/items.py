"""Exporter `items`: the ledger in JSON Lines, for everything that does not read Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

import pyarrow.parquet as pq

from acquisition.manifest.ledger import json_lines
from acquisition.protocols import Exporter, Ledger

LINES: Final = "manifest.jsonl"
_ROWS: Final = 5_000


class Items(Exporter):
    """manifest.jsonl: one line per row of items.parquet, keys sorted, in the same order."""

    name: ClassVar[str] = "items"
    version: ClassVar[int] = 1
    files: ClassVar[tuple[str, ...]] = (LINES,)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the lines, a few thousand rows at a time."""
        with pq.ParquetFile(ledger.items) as items, (directory / LINES).open("xb") as stream:
            for batch in items.iter_batches(batch_size=_ROWS):
                stream.writelines(json_lines(batch))
        return self.files
