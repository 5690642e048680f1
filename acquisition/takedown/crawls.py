"""Crawl archives without what was taken down: WARC records, lists of items, the index, CDXJ, counts, and lists of addresses.

Every run of the source is gone through, because a page stands in each run that met it. What a run was known by before (its
revision, its files' digests) is kept in `edited.json`, so that the lock, the staged shards and the ids of all other items stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from acquisition.crawl.archive import write_cdxj
from acquisition.crawl.archive.cdxj import CDXJ_FILE
from acquisition.crawl.archive.earlier import item_of, open_index
from acquisition.crawl.archive.index import Index, item_key
from acquisition.crawl.archive.scan import OWN
from acquisition.crawl.frontier.taken_down import REASON
from acquisition.crawl.outcome import ITEMS_SUFFIX, WARC_SUFFIX, CrawlRun, load_run, note_identity
from acquisition.errors import WorkspaceDamaged
from acquisition.takedown.fillers import TYPE, fields_of, records, warc_without
from acquisition.workspace import atomic_file, fsync_directory, link_file

_ADDRESS: Final = re.compile(rb"https?://[^\s\"\\<>]+")
_LISTS: Final = ("*.jsonl", "crawl.log", "*.csv", "*.tsv", "*.txt")
Stretches: TypeAlias = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Leaving:
    """What leaves the crawls of one source: addresses by a question, items by locator, bodies and items by digest."""

    address: Callable[[str], bool]
    locators: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()


@dataclass(slots=True)
class Left:
    """What came of it: exchanges and lines of items that are out, the addresses they were of, and what stays.

    `shared` are addresses on which other items were found that stay: they may be visited again.
    """

    records: int = 0
    lines: int = 0
    addresses: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    kept: list[str] = field(default_factory=list)


def named_in(root: Path, leaving: Leaving) -> Left:
    """Return the addresses that items which leave were found on in all runs below `root`; nothing is taken out yet."""
    left = Left()
    for run in _runs(root):
        leaves, stays = _addresses(run, leaving)
        left.addresses |= leaves
        left.shared |= stays
    return left


def _runs(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("run-*") if path.is_dir())


def take_from_crawl(root: Path, leaving: Leaving, date: str) -> Left:
    """Take everything that leaves out of all runs below `root` (workspace.crawl/<source>), oldest run first.

    `date` (ISO 8601) is written into the records that fill the gaps. What is done already is done again without harm.
    """
    left = named_in(root, leaving)
    moved: dict[tuple[int, int], Path] = {}
    for run in _runs(root):
        _Run(run, leaving, left, moved, date).take()
    return left


def _addresses(run: Path, leaving: Leaving) -> tuple[set[str], set[str]]:
    """Return the addresses of the pages and files that items were found on: of those that leave, and of those that stay."""
    found: set[str] = set()
    stays: set[str] = set()
    for path in run.glob(f"*{ITEMS_SUFFIX}"):
        for record, _ in _lines(path):
            if record is not None and _leaves(record, leaving):
                found |= {str(record.get("url", "")), str(record["final_url"])}
                found |= {str(hop[0]) for hop in record.get("redirects") or () if hop}
            elif record is not None:
                stays |= {str(record.get("url", "")), str(record["final_url"])}
    return found - {""}, stays


def _leaves(record: Mapping[str, Any], leaving: Leaving) -> bool:
    if str(record["locator"]) in leaving.locators or str(record.get("sha256", "")) in leaving.digests:
        return True
    return any(leaving.address(str(record.get(name) or "")) for name in ("url", "final_url"))


def _lines(path: Path) -> Iterator[tuple[Mapping[str, Any] | None, bytes]]:
    with path.open("rb") as stream:
        for line in stream:
            yield item_of(line), line


class _Run:
    """One run directory."""

    def __init__(self, directory: Path, leaving: Leaving, left: Left, moved: dict[tuple[int, int], Path], date: str) -> None:
        self._directory, self._leaving, self._left, self._moved, self._date = directory, leaving, left, moved, date

    def take(self) -> None:
        """Take out what leaves. The lists of items come last: they alone say which pages an item was found on."""
        outcome = load_run(self._directory)
        with closing(open_index(self._directory)) as index:
            places = self._places(index)
            linked = {path.name: self._found_in(path) for path in self._linked()}
            keys = self._keys()
            if places or keys or any(linked.values()):
                if outcome is not None and outcome.finished:
                    note_identity(self._directory)
                for name, stretches in {**self._stretches(places), **linked}.items():
                    self._rewrite(name, stretches)
                before, _ = index.totals()
                index.remove(places, keys)
                index.commit()
                if outcome is not None:
                    self._recount(outcome, index, before)
                if (self._directory / CDXJ_FILE).exists():
                    write_cdxj(self._directory)
            self._drop_addresses()
            for path in sorted(self._directory.glob(f"*{ITEMS_SUFFIX}")):
                self._drop_items(path, index)
            index.commit()

    def _places(self, index: Index) -> list[tuple[str, int]]:
        """Return where the exchanges lie that leave; revisits go with the body that they speak of.

        What a site said of its rights is no work of anybody: it leaves by its own address or host alone.
        """
        bodies = {
            (body_file, body_offset)
            for url, kind, _, _, body_file, body_offset, sha256 in index.exchanges()
            if self._leaving.address(url) or (kind != "policy" and (sha256 in self._leaving.digests or self._is_gone(url)))
        }
        going = []
        for url, _, file, offset, body_file, body_offset, _ in index.exchanges() if bodies else ():
            if (body_file, body_offset) in bodies:
                going.append((file, offset))
                self._left.addresses.add(url)
        return going

    def _is_gone(self, url: str) -> bool:
        return url in self._left.addresses or self._leaving.address(url)

    def _keys(self) -> list[bytes]:
        found = []
        for path in self._directory.glob(f"*{ITEMS_SUFFIX}"):
            found += [item_key(str(record["locator"])) for record, _ in _lines(path) if record and self._goes(record)]
        return found

    def _goes(self, record: Mapping[str, Any]) -> bool:
        return _leaves(record, self._leaving)

    def _stretches(self, places: Collection[tuple[str, int]]) -> Stretches:
        """Return the bytes of exchanges: a response or revisit with the request and metadata that stand behind it."""
        found: Stretches = {}
        wanted: dict[str, set[int]] = {}
        for name, offset in places:
            wanted.setdefault(name, set()).add(offset)
        for name, offsets in wanted.items():
            path = self._directory / name
            if OWN.fullmatch(name) and path.exists():
                found[name] = [_exchange(path, offset) for offset in sorted(offsets)]
        return found

    def _linked(self) -> list[Path]:
        return [path for path in sorted(self._directory.glob(f"*{WARC_SUFFIX}")) if not OWN.fullmatch(path.name)]

    def _found_in(self, path: Path) -> list[tuple[int, int]]:
        """Return the stretches of a file that belongs to an earlier run, by the addresses of its records."""
        status = path.stat()
        if (status.st_dev, status.st_ino) in self._moved:
            return [(0, 0)]
        found = []
        with path.open("rb") as stream:
            for start, end, head in records(stream):
                fields = fields_of(head)
                if fields.get("warc-type") not in {"warcinfo", TYPE} and self._is_gone(fields.get("warc-target-uri", "")):
                    found.append((start, end))
        return found

    def _rewrite(self, name: str, stretches: list[tuple[int, int]]) -> None:
        if not stretches:
            return
        path = self._directory / name
        status = path.stat()
        key = status.st_dev, status.st_ino
        if (instead := self._moved.get(key)) is not None:
            link_file(instead, path)
            fsync_directory(path.parent)
            return
        with path.open("rb") as stream, atomic_file(path) as target:
            warc_without(stream, target, stretches, self._date)
        self._left.records += len(stretches)
        self._moved[key] = path

    def _drop_items(self, path: Path, index: Index) -> None:
        if not any(record and self._goes(record) for record, _ in _lines(path)):
            return
        with atomic_file(path) as target:
            for record, line in _lines(path):
                if record is not None and self._goes(record):
                    self._left.lines += 1
                else:
                    target.write(line)
        index.reached(path.name, path.stat().st_size)
        index.is_synced(path.name, path.stat().st_size)

    def _drop_addresses(self) -> None:
        """Take lines that name an address that left out of everything that only lists addresses."""
        for pattern in _LISTS:
            for path in sorted(self._directory.glob(pattern)):
                if not path.name.endswith(ITEMS_SUFFIX):
                    drop_lines(path, self._is_gone)

    def _recount(self, outcome: CrawlRun, index: Index, before: int) -> None:
        lines = (record for path in self._directory.glob(f"*{ITEMS_SUFFIX}") for record, _ in _lines(path) if record)
        items = sum(1 for record in lines if not self._goes(record))
        pages, received = index.totals()
        refused = dict(outcome.refused)
        refused[REASON] = refused.get(REASON, 0) + before - pages
        replace(outcome, pages=pages, items=items, bytes=received, refused=refused).save()


def _exchange(path: Path, offset: int) -> tuple[int, int]:
    """Return the stretch from a response to the end of what was written with it: the request and the metadata behind it."""
    end = offset
    with path.open("rb") as stream:
        for number, (_, reached, head) in enumerate(records(stream, offset)):
            kind = fields_of(head).get("warc-type", "")
            if number and kind not in {"request", "metadata"}:
                break
            end = reached
            if kind == "metadata" or number == 2:
                break
    if end == offset:
        raise WorkspaceDamaged(f"no record can be read at {offset:,}", where=str(path))
    return offset, end


def drop_lines(path: Path, gone: Callable[[str], bool]) -> int:
    """Write a file of lines without those that name an address that is gone; return how many there were."""
    with path.open("rb") as stream:
        count = sum(1 for line in stream if _names(line, gone))
    if count:
        with path.open("rb") as stream, atomic_file(path) as target:
            for line in stream:
                if not _names(line, gone):
                    target.write(line)
    return count


def _names(line: bytes, gone: Callable[[str], bool]) -> bool:
    return any(gone(found.decode("utf-8", "replace")) for found in _ADDRESS.findall(line))
