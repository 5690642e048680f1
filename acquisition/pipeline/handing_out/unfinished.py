"""Is a takedown finished: nothing that is to be gone may be handed out of a set that has not been written anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from acquisition.errors import Refused
from acquisition.manifest.kept import kept_batches
from acquisition.manifest.names import ITEMS
from acquisition.manifest.takedowns import read_takedowns
from acquisition.tombstones import read_tombstones
from acquisition.workspace import Workspace

_IN_LEDGER: Final = ("id", "content_sha256", "blob", "source", "url", "locator", "modality", "authors")


def demand_finished(workspace: Workspace, refused: type[Refused]) -> None:
    """Raise `refused` when tombstones speak of items that the set still holds, or that its manifest has not heard of.

    So it is after a takedown that was killed, and while a source that it concerns is not there to be read again.
    """
    stones = read_tombstones(workspace.tombstones)
    if not len(stones):
        return
    held = sum(int((stones.places(batch) >= 0).sum()) for batch in _rows(workspace.manifest / ITEMS))
    known = {entry.id for entry in read_takedowns(workspace.manifest)}
    unheard = {stone.item for stone in stones if stone.item and stone.source} - known
    if held or unheard:
        what = f"the set still holds {held:,} items" if held else f"its manifest does not name {len(unheard):,} items"
        raise refused(
            f"a takedown is not finished: {what} that are taken down",
            where=str(workspace.tombstones),
            hint="Run `acquire fetch`, with every source in its place; set and manifest are written anew without them.",
        )


def _rows(ledger: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows that stand in the set, with what tombstones look at; the ledger has no texts, only their ids."""
    for batch in kept_batches(ledger, _IN_LEDGER):
        more = [pc.binary_join(batch.column("authors"), "; "), pa.nulls(batch.num_rows, pa.large_string())]
        yield pa.RecordBatch.from_arrays([*batch.columns, *more], names=[*_IN_LEDGER, "author", "text"])
