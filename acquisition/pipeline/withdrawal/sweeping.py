"""The bytes of a takedown. What staging listed as gone leaves every file of the workspace, and then the list."""

from __future__ import annotations

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
from acquisition.pipeline.withdrawal.selecting import own_sources
from acquisition.pipeline.withdrawal.shelf import Shelf
from acquisition.pipeline.withdrawal.withdrawing import cut_idle
from acquisition.settings import ArchiveSettings
from acquisition.stage import Staged
from acquisition.stage.withdrawn import gone_files
from acquisition.takedown import Gone, GoneItem
from acquisition.tombstones import Tombstones, read_tombstones

_SWEPT: Final = "takedown-swept"
"""The journal's fact that names the tombstones (`Tombstones.digest`) that the workspace was last swept for."""
_IN_STAGING: Final = (Modality.TEXT.value, Modality.TABLE.value)
"""What lies in the staged shards as a whole; the bytes of all other items are read where they lie."""


def sweep_away(
    session: Session, journal: Journal, staged: Mapping[str, Staged], moved: Collection[Moved], *, again: bool = False
) -> dict[str, Any]:
    """Take out of the workspace what the staged releases list as gone; return what was done, {} where nothing was to do.

    Tombstones that were not swept for yet are swept for, too, and with `again` all of them: what they speak of may never have
    been an item here, or may have been put back. What stands of sources that take no part is cut first.
    """
    stones = read_tombstones(session.workspace.tombstones)
    _let_go(session, journal, moved, stones)
    if again:
        journal.set_fact(_SWEPT, "")
    done = _swept_away(session, journal, staged, moved, stones)
    if len(stones):  # also of files that their owner had deleted before: nothing held them, so nothing swept them
        journal.forget_contents(stones.file_gone)
    return done


def _swept_away(
    session: Session, journal: Journal, staged: Mapping[str, Staged], moved: Collection[Moved], stones: Tombstones
) -> dict[str, Any]:
    idle = cut_idle(session, {source.name for source in session.declared.sources} - staged.keys(), stones)
    lists = [path for source in (*staged.values(), *idle.values()) for path in gone_files(Path(source.directory))]
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
        current=frozenset(_current(session, journal, moved, stones)),
        own=own_sources(session),
        limits=_widest([source.settings.read.archive for source in sources]),
        progress=lambda text: session.reporter.event("step", text=text),
    )
    report = sweep(sweeping, _gone(Shelf(session, stones), items))
    report.idle += sorted(idle)
    if report.failed:  # the lists stay, and every run tries again, until nothing holds it
        return asdict(report)
    for path in lists:
        path.unlink()
    journal.set_fact(_SWEPT, stones.digest)
    return asdict(report)


def _current(session: Session, journal: Journal, moved: Iterable[Moved], stones: Tombstones) -> Iterator[str]:
    """Yield the files that declared sources hold, were pinned with, or were fetching when a run ended.

    Not those of a source, or from an address, that is taken down as a whole: they may hold what was never an item.
    """
    for source in moved:
        yield from (file.sha256 for file in source.held.values())
        yield from source.planned.held.values()
    for declared in session.declared.sources:
        pin = session.lock.pins.get(declared.name)
        assets = {asset.path: asset for asset in pin.release.assets} if pin is not None else {}
        key = transfer_key(declared, pin.release) if pin is not None else None  # without a pin nobody knows what is old
        held = [*(pin.held.items() if pin is not None else ())]
        held += [(record.path, record.sha256) for record in journal.blobs_of(declared.name, key)]
        yield from (sha256 for path, sha256 in held if not stones.keeps_away(declared.name, assets.get(path), ""))


def _let_go(session: Session, journal: Journal, moved: Iterable[Moved], stones: Tombstones) -> None:
    """Files that are known to hold nothing but what was taken down, and came all the same.

    One of the user's own stays where it is, and the journal does not tell of it; one that nobody could tell before its bytes
    were here goes again.
    """
    store = BlobStore(session.workspace)
    gone = {file.sha256 for source in moved for file in source.held.values() if stones.file_gone(file.sha256)}
    for sha256 in sorted(gone):
        store.discard(sha256)
    if gone:
        journal.forget_contents(gone.__contains__)


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
    remaining = dict.fromkeys(sorted(blobs), 0)
    needed = dict.fromkeys(blobs, False)
    for (blob, modality), count in shelf.lying_in(blobs).items():
        remaining[blob] += count
        needed[blob] |= modality not in _IN_STAGING
    return Gone(items, needed, remaining)


def _widest(limits: list[ArchiveSettings]) -> ArchiveSettings:
    names = ArchiveSettings.model_fields
    return ArchiveSettings(**{name: max(getattr(limit, name) for limit in limits or [ArchiveSettings()]) for name in names})
