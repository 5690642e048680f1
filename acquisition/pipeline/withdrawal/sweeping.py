"""The bytes of a takedown. What staging listed as gone leaves every file of the workspace, and then the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from acquisition.blobs import BlobStore
from acquisition.journal import Journal
from acquisition.model import Modality
from acquisition.pipeline.moving import Moved, transfer_key
from acquisition.pipeline.session import Session
from acquisition.pipeline.withdrawal.shelf import Shelf
from acquisition.settings import ArchiveSettings
from acquisition.stage import Staged
from acquisition.stage.withdrawn import gone_files
from acquisition.takedown import Gone, GoneItem
from acquisition.tombstones import read_tombstones

_SWEPT: Final = "takedown-swept"
"""The journal's fact that names the tombstones (`Tombstones.digest`) that the workspace was last swept for."""
_IN_STAGING: Final = (Modality.TEXT.value, Modality.TABLE.value)
"""What lies in the staged shards as a whole; the bytes of all other items are read where they lie."""


def sweep_away(session: Session, journal: Journal, staged: Mapping[str, Staged], moved: Collection[Moved]) -> dict[str, Any]:
    """Take out of the workspace what the staged releases list as gone; return what was done, {} where nothing was to do.

    Tombstones that were not swept for yet are swept for, too: what they speak of may never have been an item here.
    """
    _let_go(session, journal, moved)
    lists = [path for source in staged.values() for path in gone_files(Path(source.directory))]
    stones = read_tombstones(session.workspace.tombstones)
    if not lists and (not len(stones) or journal.fact(_SWEPT) == stones.digest):
        return {}
    from acquisition.takedown.sweeping import Sweeping, sweep  # archives and web archives: nothing that an idle run needs

    session.reporter.event("step", text="taking bytes out of the workspace")
    items = tuple(_listed(lists))
    sources = session.declared.sources
    shared = {source.name: getattr(source.settings, "frontier", None) for source in sources}
    sweeping = Sweeping(
        workspace=session.workspace,
        journal=journal,
        stones=stones,
        frontiers={name: location for name, location in shared.items() if location},
        current=frozenset(_current(session, journal, moved)),
        limits=_widest([source.settings.read.archive for source in sources]),
        progress=lambda text: session.reporter.event("step", text=text),
    )
    report = sweep(sweeping, _gone(Shelf(session, stones), items))
    if report.failed:  # the lists stay, and every run tries again, until nothing holds it
        return asdict(report)
    for path in lists:
        path.unlink()
    journal.set_fact(_SWEPT, stones.digest)
    return asdict(report)


def _current(session: Session, journal: Journal, moved: Iterable[Moved]) -> Iterator[str]:
    """Yield the files that declared sources hold, were pinned with, or were fetching when a run ended."""
    for source in moved:
        yield from (file.sha256 for file in source.held.values())
        yield from source.planned.held.values()
    for declared in session.declared.sources:
        pin = session.lock.pins.get(declared.name)
        if pin is not None:
            yield from pin.held.values()
        key = transfer_key(declared, pin.release) if pin is not None else None  # without a pin nobody knows what is old
        yield from (record.sha256 for record in journal.blobs_of(declared.name, key))


def _let_go(session: Session, journal: Journal, moved: Iterable[Moved]) -> None:
    """Files that are known to hold nothing but what was taken down, and came all the same.

    One of the user's own stays where it is, and the journal does not tell of it; one that nobody could tell before its bytes
    were here goes again.
    """
    stones, store = read_tombstones(session.workspace.tombstones), BlobStore(session.workspace)
    gone = {file.sha256 for source in moved for file in source.held.values() if stones.file_gone(file.sha256)}
    if gone:
        with journal.transaction():
            for sha256 in sorted(gone):
                store.discard(sha256)
                journal.forget_content(sha256)


def _listed(lists: list[Path]) -> list[GoneItem]:
    found: dict[str, GoneItem] = {}
    for path in lists:
        with pq.ParquetFile(path) as file:
            for row in file.read().to_pylist():
                found[row["id"]] = GoneItem(**row | {"url": row["url"] or ""})
    return [found[item] for item in sorted(found)]


def _gone(shelf: Shelf, items: tuple[GoneItem, ...]) -> Gone:
    """Say of every file that held one of the items what stays in it."""
    blobs = {item.blob for item in items}
    remaining: Counter[str] = Counter()
    needed = dict.fromkeys(blobs, False)
    for at in range(len(shelf.shards)):
        table = shelf.read(at, ["blob", "modality"]).unify_dictionaries()  # each row group brings its own
        for row in table.group_by(["blob", "modality"]).aggregate([([], "count_all")]).to_pylist():
            if row["blob"] in blobs:
                remaining[row["blob"]] += row["count_all"]
                needed[row["blob"]] |= row["modality"] not in _IN_STAGING
    return Gone(items, needed, {blob: remaining[blob] for blob in sorted(blobs)})


def _widest(limits: list[ArchiveSettings]) -> ArchiveSettings:
    names = ArchiveSettings.model_fields
    return ArchiveSettings(**{name: max(getattr(limit, name) for limit in limits or [ArchiveSettings()]) for name in names})
