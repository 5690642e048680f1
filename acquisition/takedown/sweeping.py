"""Everything of the workspace beside the staged shards, their flags and what is made of them: rid of what was taken down.

The order is that of a kill at any moment: whatever is not done is found again from the same list of items, and doing it
twice changes nothing. Files outside the workspace are never opened for writing; what lies there is counted and said.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from acquisition.blobs import BlobStore
from acquisition.journal import Journal
from acquisition.settings import ArchiveSettings
from acquisition.takedown import Gone, GoneItem
from acquisition.takedown.crawls import Leaving, Left, named_in, take_from_crawl
from acquisition.takedown.cutting import TEMPORARY, Cut, Cutter, cuts_of, mentions, tables_beside
from acquisition.takedown.rewriting import Rewriter
from acquisition.takedown.swept import Blob, Swept, read_swept, write_swept
from acquisition.tombstones import Tombstones
from acquisition.workspace import Workspace, utc_now

EXPORTS: Final = ("*.wacz", "*.cdxj")
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MEDIA: Final = {"audio", "image"}


@dataclass(frozen=True, slots=True)
class Sweeping:
    """What sweeping works with.

    `frontiers` maps each crawled source that is declared to its frontier where that is no file of the workspace. `limits` are
    the widest within which archives were read. `current` are the files (sha256) that a declared source holds or may need; all
    others leave the store, None for leaving none. `own` are the sources whose files lie outside the workspace. `progress` hears
    what is being done.
    """

    workspace: Workspace
    journal: Journal
    stones: Tombstones
    frontiers: Mapping[str, str] = field(default_factory=dict)
    current: frozenset[str] | None = None
    own: frozenset[str] = frozenset()
    limits: ArchiveSettings = field(default_factory=ArchiveSettings)
    now: Callable[[], str] = utc_now
    progress: Callable[[str], None] = lambda _: None


@dataclass(slots=True)
class Report:
    """What sweeping did: files deleted and rewritten, bytes that went, WARC records, frontier rows, and what it left alone.

    `kept` are sentences on what could not go, `failed` of them on files that hold something and could not be rewritten;
    `outside` counts files of the user's own that hold something taken down, `superseded` files deleted that nothing holds now.
    `idle` are sources that are staged and take no part in the set.
    """

    deleted: int = 0
    rewritten: int = 0
    bytes: int = 0
    records: int = 0
    lines: int = 0
    addresses: int = 0
    partial: int = 0
    caches: int = 0
    outside: int = 0
    superseded: int = 0
    failed: int = 0
    kept: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)


def sweep(sweeping: Sweeping, gone: Gone) -> Report:
    """Delete or rewrite every file of the workspace that holds what leaves, and forget it in the journal and the frontiers."""
    report = Report()
    _drop_partial(sweeping, report)
    crawled = {path.name for path in sweeping.workspace.crawl.glob("*") if path.is_dir()}
    _sweep_blobs(sweeping, gone, crawled, report)
    _drop_superseded(sweeping, report)
    if _by_address(sweeping.stones):
        sweeping.journal.forget_addresses(lambda url: sweeping.stones.url_gone(url) is not None)
    _sweep_crawls(sweeping, gone.items, crawled, report)
    _drop_caches(sweeping, report)
    return report


def _drop_partial(sweeping: Sweeping, report: Report) -> None:
    """Half-finished downloads are nobody's yet, and what they hold cannot be told: they begin anew."""
    partial = sweeping.workspace.partial
    for path in sorted(partial.glob("*")) if partial.is_dir() else ():
        report.bytes += path.stat().st_size
        report.partial += not path.name.startswith(TEMPORARY)
        path.unlink()
    for key in sweeping.journal.part_keys():
        sweeping.journal.drop_part(key)


def _drop_superseded(sweeping: Sweeping, report: Report) -> None:
    """Files of older releases, of sources declared no more, or from what is taken down as a whole may hold it: they go.

    They are not noted as swept: whoever takes up such a release again fetches them again, and they are sieved then.
    """
    if sweeping.current is None:
        return
    store, journal = BlobStore(sweeping.workspace), sweeping.journal
    old = [blob for blob in blobs_of(sweeping.workspace) if blob not in sweeping.current]
    for blob in old:
        report.bytes += store.path(blob).stat().st_size
        store.discard(blob)
    journal.forget_contents(frozenset(old).__contains__)
    swept = read_swept(sweeping.workspace)
    unheld = [blob.blob for blob in swept if blob.blob not in sweeping.current and not blob.absent]
    if unheld:
        write_swept(sweeping.workspace, swept.without(unheld))
    report.superseded += len(old)


def blobs_of(workspace: Workspace) -> list[str]:
    """Return the digests under which files lie in the blob store."""
    found = (f"{Path(folder).name}{name}" for folder, _, names in os.walk(workspace.blobs) for name in names)
    return sorted(name for name in found if _SHA256.fullmatch(name))


def _sweep_blobs(sweeping: Sweeping, gone: Gone, crawled: set[str], report: Report) -> None:
    workspace, journal = sweeping.workspace, sweeping.journal
    store, swept = BlobStore(workspace), read_swept(workspace)
    # A source may have been crawled once and be fetched now: what lies in the store is no part of a crawl.
    cuts = cuts_of(item for item in gone.items if item.source not in crawled or store.has(item.blob))
    digests = frozenset(stone.digest for stone in sweeping.stones if stone.scope in {"content", "file"})
    cutter = Cutter(workspace, gone, Rewriter(digests, sweeping.now(), sweeping.limits))
    told = _sizes_told(journal, [cut for cut in cuts.values() if _size_of(cut.blob, swept, store) is None])
    for cut in cuts.values():
        size = _size_of(cut.blob, swept, store)
        if size is None and all(source in sweeping.own for source, _ in cut.holders):
            report.outside += 1
            continue
        sweeping.progress(f"taking {len(cut.members) + len(cut.tables) + cut.whole} out of {cut.blob[:12]}")
        cutter.cut(cut, size if size is not None else told.get(cut.blob, 0))
    _sweep_tables(sweeping, cutter, cuts)
    _sweep_strays(sweeping, cutter, digests - cuts.keys())
    swept = read_swept(workspace)
    done = {blob.blob: _merged(blob, swept.of(blob.blob)) for blob in cutter.done.blobs}
    if done:
        write_swept(workspace, swept.with_blobs(done.values()))
    cutter.delete()
    journal.forget_contents({one.blob for one in done.values() if one.state == "gone"}.__contains__)
    report.deleted += sum(blob.absent for blob in done.values())
    report.rewritten += sum(not blob.absent for blob in done.values())
    report.bytes += cutter.done.bytes
    report.failed += cutter.done.failed
    report.kept += cutter.done.kept


def _sweep_strays(sweeping: Sweeping, cutter: Cutter, digests: frozenset[str]) -> None:
    """Delete files that are taken down as they are and were no item here: the declaration leaves them out."""
    store = BlobStore(sweeping.workspace)
    for digest in sorted(digests):
        if store.has(digest):
            cutter.cut(Cut(digest, whole=True), store.path(digest).stat().st_size)


def _size_of(blob: str, swept: Swept, store: BlobStore) -> int | None:
    """Return the size that a file of the workspace had when it was fetched, None for one that is not here."""
    if (known := swept.of(blob)) is not None:
        return known.size
    return store.path(blob).stat().st_size if store.has(blob) else None


def _sizes_told(journal: Journal, cuts: Iterable[Cut]) -> dict[str, int]:
    """Return the sizes of what came once for the holders, by digest: files may have been lost since."""
    sources = sorted({source for cut in cuts for source, _ in cut.holders})
    return {record.sha256: record.size for source in sources for record in journal.blobs_of(source)}


def _merged(blob: Blob, known: Blob | None) -> Blob:
    """Keep what was lacking lacking, and who held it: a file that is rewritten again is no more whole than it was."""
    if known is None:
        return blob
    state = "partial" if blob.state == "edited" and known.lacking else blob.state
    return Blob(blob.blob, known.size, state, blob.now, blob.now_size, tuple(sorted({*known.holders, *blob.holders})))


def _sweep_tables(sweeping: Sweeping, cutter: Cutter, cuts: Mapping[str, Cut]) -> None:
    """Delete the tables beside media that left: their rows name the files, and hold what was said in them."""
    store = BlobStore(sweeping.workspace)
    sources = {source for cut in cuts.values() if cut.names for source, _ in cut.holders}
    held = {name: [(one.path, one.sha256) for one in sweeping.journal.blobs_of(name)] for name in sorted(sources)}
    for source, asset, blob, wanted in tables_beside(cuts, held):
        if store.has(blob):
            with store.path(blob).open("rb") as stream:
                found = mentions(stream, wanted)
            if found:
                cutter.delete_table(blob, ((source, asset),))


def _sweep_crawls(sweeping: Sweeping, items: Iterable[GoneItem], crawled: set[str], report: Report) -> None:
    by_source: dict[str, list[GoneItem]] = {}
    for item in items:
        if item.source in crawled:
            by_source.setdefault(item.source, []).append(item)
    by_address = _by_address(sweeping.stones)
    digests = frozenset(stone.digest for stone in sweeping.stones if stone.scope == "content")
    for name in sorted(crawled if by_address or digests else by_source):
        root = sweeping.workspace.crawl / name
        sweeping.progress(f"looking through the crawls of {name}")
        leaving = _leaving(sweeping.stones, by_source.get(name, ()), digests, by_address=by_address)
        location = sweeping.frontiers.get(name) or root / "frontier.sqlite"
        _mark(sweeping.stones, location, named_in(root, leaving), report, every=by_address)  # lines that left name no page
        left = take_from_crawl(root, leaving, sweeping.now())
        _mark(sweeping.stones, location, left, report, every=by_address)
        report.records += left.records
        report.lines += left.lines
        report.kept += left.kept
        if left.records or left.lines:
            _drop_lists(root, report)
            _drop_exports(sweeping.workspace, report)


def _by_address(stones: Tombstones) -> bool:
    return any(stone.scope in {"url", "domain"} for stone in stones)


def _mark(stones: Tombstones, location: Path | str, left: Left, report: Report, *, every: bool) -> None:
    """Mark addresses in the frontier, but for those on which other items stay."""
    from acquisition.takedown.frontiers import mark_in_frontier

    addresses = frozenset(left.addresses - left.shared)
    report.addresses += mark_in_frontier(
        location, lambda url: url in addresses or stones.url_gone(url) is not None, addresses, every=every
    )


def _leaving(stones: Tombstones, items: Iterable[GoneItem], digests: frozenset[str], *, by_address: bool) -> Leaving:
    """Say what leaves the crawls of one source; the addresses of items are taken from their lines, where they stand in full."""
    listed = list(items)
    media = frozenset(item.content_sha256 for item in listed if item.modality in _MEDIA)
    address = (lambda url: bool(url) and stones.url_gone(url) is not None) if by_address else (lambda _: False)
    return Leaving(address, frozenset(item.locator for item in listed), digests | media)


def _drop_lists(root: Path, report: Report) -> None:
    """Lists of addresses that a publisher offers are fetched again when they are needed."""
    lists = root / "lists"
    if lists.is_dir():
        report.caches += sum(path.is_file() for path in lists.rglob("*"))
        shutil.rmtree(lists)


def _drop_exports(workspace: Workspace, report: Report) -> None:
    """Web archives that were exported into the workspace are copies: they are written again by `acquire archive`."""
    for pattern in EXPORTS:
        for path in sorted(workspace.root.rglob(pattern)):
            if path.is_file() and not path.is_symlink() and workspace.crawl not in path.parents:
                report.caches += 1
                path.unlink()


def _drop_caches(sweeping: Sweeping, report: Report) -> None:
    """What can be made again, and may repeat what was taken down: signatures of reference sets, reports, halves of swaps."""
    root = sweeping.workspace.root
    for path in (root / "references", root / "report", *root.glob(".*.old-*"), *root.glob(".*.new-*")):
        if path.is_dir() and not path.is_symlink():
            report.caches += 1
            shutil.rmtree(path)
