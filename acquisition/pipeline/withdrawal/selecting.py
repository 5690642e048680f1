"""What a takedown would touch: the items that are named, their copies, and what lies in the same place. Writes nothing.

Named items are found by the very tombstones that would keep them away, so what is shown is what leaves. Copies are those that
the duplicates filter put into one cluster, and items of the same content or text; what is found looks for its own copies again
until nothing is added.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from acquisition.declare.nearest import did_you_mean, listed
from acquisition.pipeline.session import Session
from acquisition.pipeline.withdrawal.asking import Asked, Request, asked_for
from acquisition.pipeline.withdrawal.finding import Finding, Touched
from acquisition.pipeline.withdrawal.shelf import Shelf
from acquisition.pipeline.withdrawal.withdrawing import Hits
from acquisition.takedown.sweeping import blobs_of as stored
from acquisition.tombstones import Tombstone, Tombstones, author_name, read_tombstones


@dataclass(frozen=True, slots=True)
class TouchedFile:
    """One file that holds some of them: how many, how many others stay in it, and whether it is a file of one's own."""

    sha256: str
    source: str
    asset: str
    items: int
    remaining: int
    own: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What would be touched, and the tombstones that would be left.

    `again` says that something of the request is taken down already: what that began may have to be finished. `state` names
    everything that was looked at.
    """

    items: tuple[Touched, ...]
    files: tuple[TouchedFile, ...]
    clusters: tuple[str, ...]
    stones: tuple[Tombstone, ...]
    again: bool
    notes: tuple[str, ...] = ()
    rows: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    since: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    state: str = ""

    @property
    def curated(self) -> int:
        """How many of the items are in the curated set."""
        return sum(bool(item.path) for item in self.items)

    def hits(self, stones: Tombstones) -> Hits:
        """Return the rows for `stage_all`, once the tombstones are written."""
        return Hits(self.since, stones.digest, self.rows)


def select(session: Session, request: Request, shown: Selection | None = None) -> Selection:
    """Return what the request would touch: `shown` itself, where nothing that it was found in has changed since.

    UsageError where an id is nobody's, or a content is no file and no digest.
    """
    stones = read_tombstones(session.workspace.tombstones)
    shelf = Shelf(session, stones)
    state = hashlib.sha256(f"{request!r} {shelf.state}".encode()).hexdigest()
    if shown is not None and shown.state == state:
        return shown
    asked = asked_for(shelf, request, stones)
    finding = Finding(shelf, request.copies)
    crawled = {source.name for source in session.declared.sources if session.adapter(source).mover == "crawler"}
    assets = {name: pin.release.assets for name, pin in sorted(session.lock.pins.items())}
    unmatched = finding.seed(asked, assets)
    finding.spread()
    items, left = finding.items()
    plain = tuple(stone for one in asked for stone in one.stones)
    files = _files(shelf, items, own_sources(session))
    whole = tuple(Tombstone("file", file.sha256) for file in files if not file.remaining and file.source not in crawled)
    return Selection(
        items=items,
        files=files,
        clusters=tuple(sorted({item.cluster for item in items if item.cluster})),
        stones=_once((*(one for one in plain if not stones.covers(one)), *left, *whole), {one.id: one.source for one in items}),
        again=any(stones.covers(stone) for stone in plain),
        notes=tuple(_notes(session, shelf, request, [one for one in unmatched if not _covered(one, stones)])),
        rows=finding.rows(),
        since={
            staged.source: (Path(staged.directory).name, staged.tombstones)
            for staged in shelf.staged
            if staged.tombstones == stones.digest
        },
        state=state,
    )


def _covered(asked: Asked, stones: Tombstones) -> bool:
    return any(stones.covers(stone) for stone in asked.stones)


def _once(stones: tuple[Tombstone, ...], sources: Mapping[str, str]) -> tuple[Tombstone, ...]:
    """Return every tombstone once, with the source of the item that it names."""
    return tuple({stone.key: replace(stone, source=sources.get(stone.item, "")) for stone in stones}.values())


def _files(shelf: Shelf, items: tuple[Touched, ...], own: frozenset[str]) -> tuple[TouchedFile, ...]:
    """Return the files that the items lie in, in the order of sources and paths."""
    leaving: dict[str, int] = {}
    places: dict[tuple[str, str, str], int] = {}
    for item in items:
        leaving[item.blob] = leaving.get(item.blob, 0) + 1
        key = item.source, item.asset, item.blob
        places[key] = places.get(key, 0) + 1
    held: Counter[str] = Counter()
    for (blob, _), count in shelf.lying_in(leaving).items():
        held[blob] += count
    return tuple(
        TouchedFile(blob, source, asset, count, held[blob] - leaving[blob], source in own)
        for (source, asset, blob), count in sorted(places.items())
    )


def own_sources(session: Session) -> frozenset[str]:
    """Return the sources whose files are the user's own and lie outside the workspace."""
    return frozenset(one.name for one in session.declared.sources if getattr(one.settings, "path", None) is not None)


def _notes(session: Session, shelf: Shelf, request: Request, unmatched: Iterable[Asked]) -> Iterator[str]:
    declared = {source.name for source in session.declared.sources}
    for one in unmatched:
        named = f"--{one.wanted.scope} {one.wanted.value!r}"
        if one.wanted.scope == "source" and one.wanted.value.strip() not in declared:
            meant = did_you_mean(one.wanted.value.strip(), declared) or f"Declared are: {listed(sorted(declared))}."
            yield f"{named}: no source is called so. {meant}"
        elif len(request.wanted) > 1:
            yield f"{named}: nothing that is here matches; its tombstone keeps it away all the same"
    if old := _unheld(session):
        yield f"files of older releases, or of sources that are not declared any more, are deleted as well: {old:,}"
    if request.copies == "all" and shelf.shards and not shelf.compared:
        yield "the duplicates filter has not looked at what is staged: copies are items of the same content or text alone"
    for wanted in request.wanted:
        if wanted.scope == "author":
            name = author_name(wanted.value)
            for source, pin in sorted(session.lock.pins.items()):
                if any(author_name(author) == name for author in pin.release.authors):
                    yield f"the publisher names this author for {source} as a whole; `--source {source}` takes all of it"


def _unheld(session: Session) -> int:
    """Return how many files of the store no declared source holds, 0 where the lock does not say it of all of them."""
    pins = {source.name: session.lock.pins.get(source.name) for source in session.declared.sources}
    if None in pins.values():
        return 0
    held = {sha256 for pin in pins.values() if pin is not None for sha256 in pin.held.values()}
    return sum(name not in held for name in stored(session.workspace))
