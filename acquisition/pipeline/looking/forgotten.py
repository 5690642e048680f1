"""What the manifest tells of and the workspace's own records no longer do: a decision, a tombstone, the lock.

Decisions and tombstones are only ever added to, so what the set was made with has to stand in them still.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pyarrow.compute as pc

from acquisition import manifest
from acquisition.errors import AcquisitionError
from acquisition.manifest.formats import opened
from acquisition.manifest.names import ITEMS
from acquisition.manifest.takedowns import read_takedowns
from acquisition.pipeline.session import Session
from acquisition.tombstones import read_tombstones
from acquisition.workspace import Workspace

_COLUMNS = ("id", "outcome", "code", "by", "decided_at", "takedown")
_POLICY = "policy"


def forgotten(session: Session) -> Iterator[manifest.Finding]:
    """Yield one finding for each of them. Records that cannot be read are told elsewhere, and nothing is said of them here."""
    workspace = session.workspace
    if not session.lock_path.exists() and session.declared.sources:
        yield _finding(session.lock_path.name, "it is gone: nothing says which releases the set was made from")
    try:
        known = {stone.item for stone in read_tombstones(workspace.tombstones)}
        unknown = [entry.id for entry in read_takedowns(workspace.manifest) if entry.id not in known]
        missing = list(_undecided(workspace))
    except (AcquisitionError, KeyError, ValueError):
        return
    if unknown:
        told = f"{len(unknown):,} items that the manifest names as taken down have no tombstone: they could come back"
        yield _finding(workspace.tombstones.name, f"{told} ({unknown[0]})")
    for item, said in missing:
        yield _finding(workspace.decisions.name, f"the decision on item {item} that the set was made with is gone: {said}")


def _finding(name: str, detail: str) -> manifest.Finding:
    return manifest.Finding("verify.damaged-record", name, detail=detail)


def _undecided(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield the items that a person decided on by the ledger, with what was said, where the file does not say it any more."""
    said: set[tuple[str, ...]] = set()
    if workspace.decisions.exists():
        with workspace.decisions.open("rb") as lines:
            for line in lines:
                if line.strip():
                    raw = orjson.loads(line)
                    said.add((str(raw["item"]), str(raw["by"]), str(raw["at"]), str(raw["outcome"])))
    with opened(workspace.manifest / ITEMS) as ledger:
        for batch in ledger.iter_batches(columns=list(_COLUMNS)):
            decided = pc.and_(pc.not_equal(batch["by"], _POLICY), pc.equal(batch["code"], "decision"))
            for row in batch.filter(pc.and_(decided, pc.equal(batch["takedown"], ""))).to_pylist():
                if (row["id"], row["by"], row["decided_at"], row["outcome"]) not in said:
                    yield row["id"], f"{row['outcome']}, by {row['by']} at {row['decided_at']}"
