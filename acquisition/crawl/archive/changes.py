"""What differs between a run and the one before: items new, same, changed and gone, pages gone, pages that have opted out.

A page opts out when its robots.txt, or another word of its site or its own, now forbids what it allowed when its items were
taken. Such items are carried into the new run's lists with that word beside them, so that policy drops them visibly instead of
their vanishing; their bodies stay where they are, in the linked file of the earlier run.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from acquisition.crawl.archive.earlier import item_lines, linked_name, open_index, page_key
from acquisition.crawl.archive.index import Index, item_key, key_of
from acquisition.crawl.archive.itemlog import ItemLog
from acquisition.crawl.archive.run import RunArchive
from acquisition.crawl.outcome import ITEMS_SUFFIX
from acquisition.rights.signals import MECHANISMS, Signal
from acquisition.workspace import atomic_file

CHANGES_FILE: Final = "changes.jsonl"
OPT_OUTS: Final = frozenset({"robots", "opt-out"})
"""Reasons of refusals that are a site's word. A robots.txt that cannot be had is none: it may be back tomorrow."""
_IN_VAIN: Final = frozenset({"robots-unreachable", "host-closed"})
"""Reasons of refusals that say that a host could not be had; the others are rules and limits of ours."""
_GONE: Final = frozenset({404, 410})
_DENIED: Final = frozenset({f"http-{status}" for status in (401, 402, 403, 407, 451)})
"""Failures that are an answer: what was open before is not to be had any more."""
_DAY: Final = 10
_LONGEST_WORD: Final = 2_000

Word = tuple[str, str]
"""A mechanism of `rights.signals`, and what was said in its words."""
Forbids = Callable[[str], Word | None]
"""Says by which word a URL may no longer be fetched, None when it may; asks nobody."""


class Ended(Protocol):
    """How one URL ended in a run; the frontier's rows are such."""

    @property
    def url(self) -> str:
        """The address."""

    @property
    def state(self) -> str:
        """One of done, failed and refused."""

    @property
    def reason(self) -> str:
        """A word in kebab-case, or ""."""

    @property
    def detail(self) -> str:
        """The rule or the server's words."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """The answer's status and the ruling of robots.txt, as far as there are any."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run changed against the one before.

    `items` counts new, same, changed (each in the place of one that was there before), gone and carried; `pages` counts gone
    (404 or 410), unlinked (nothing leads to them any more), opted-out (since), left-out (by a limit or rule of ours) and failed
    (in vain: nothing is known). `file` names each page and item that is not there any more.
    """

    items: Mapping[str, int] = field(default_factory=dict)
    pages: Mapping[str, int] = field(default_factory=dict)
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of a page in the new run: visited, gone, unlinked, opted-out, left-out, failed; and by which word."""

    what: str
    word: Word = ("", "")
    robots: Mapping[str, Any] = field(default_factory=dict)
    line: Mapping[str, Any] = field(default_factory=dict)
    """For a page that was visited and says no: a line of an item that says so."""


def compare(previous: Path, current: Path, outcomes: Iterable[Ended], *, forbids: Forbids | None = None) -> Changes:
    """Compare two run directories of a source and write what is gone into `changes.jsonl` of the newer one.

    `outcomes` are the newer run's ends, in any order and number: they are kept on disk. `forbids` answers for pages that the
    newer run did not come to. Counts are of items by locator and of pages by address.
    """
    items: Counter[str] = Counter()
    pages: Counter[str] = Counter()
    made = closing(open_index(current)), _successors(), _opted_out(previous)
    with made[0] as index, made[1] as successors, made[2] as opted_out, _fates(index, current, outcomes, forbids) as fate:
        for line in _lines(current):
            what = "carried" if line.get("carried") else str(line.get("change") or "new")
            items[what] += 1
            if what == "changed":
                successors.add(line)
        with atomic_file(current / CHANGES_FILE) as stream:
            for line in _lines(previous):
                if not index.has_item(item_key(str(line["locator"]))):
                    replaced = successors.take(line)
                    items["gone"] += not replaced
                    _note(stream.write, "item", str(line["locator"]), _Fate("changed") if replaced else fate(line))
            for url in _pages_of(previous):
                found = fate({"url": url, "final_url": url})
                if found.what != "visited" and not (found.what == "opted-out" and opted_out(url)):
                    pages[found.what] += 1
                    _note(stream.write, "page", url, found)
    return Changes(dict(sorted((+items).items())), dict(sorted(pages.items())), current / CHANGES_FILE)


def carry(
    previous: Path, archive: RunArchive, log: ItemLog, outcomes: Iterable[Ended], *, forbids: Forbids | None = None
) -> int:
    """Take over items of the run before that this one could not meet, and return how many there were.

    Those whose pages have since opted out are marked with the word that forbids them and the verdicts that follow from it.
    Those whose pages could not be had this time (no answer, 5xx) stay as they were: nothing says that they are gone. To be
    called when the run has ended and its log is still open; a second call, after a kill, adds nothing twice.
    """
    taken = 0
    with _fates(archive.index, log.directory, outcomes, forbids) as fate:
        for line in _lines(previous):
            if archive.index.has_item(item_key(str(line["locator"]))):
                continue
            found = fate(line)
            if found.what == "opted-out" or (found.what == "failed" and found.word[1] not in _DENIED):
                taken += log.add(_carried(line, found, archive, previous), page_key(line))
    return taken


def due(url: str, lastmod: str, archive: RunArchive) -> bool:
    """Say whether a sitemap's `lastmod` (a W3C date or time) leaves a reason to ask for a page that an earlier run has.

    It is a hint: without an earlier answer of 200, or where the date cannot be read, the page is due. A day counts to its end.
    """
    row = archive.earlier.find(url)
    if row is None or row.body.status != 200:
        return True
    try:
        changed, seen = datetime.fromisoformat(lastmod.strip()), datetime.fromisoformat(row.place.date)
    except ValueError:
        return True
    if len(lastmod.strip()) <= _DAY:
        changed += timedelta(days=1)
    return _utc(changed) > _utc(seen)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


class _Successors:
    """The changed items of a run by page: each stands for one item that was there before. Kept in a file, not in memory."""

    def __init__(self, kept: sqlite3.Connection) -> None:
        self._kept = kept
        kept.execute("CREATE TABLE successors (page INTEGER PRIMARY KEY, number INTEGER NOT NULL)")

    def add(self, line: Mapping[str, Any]) -> None:
        """Take note of a changed item."""
        sql = "INSERT INTO successors VALUES (?, 1) ON CONFLICT (page) DO UPDATE SET number = number + 1"
        self._kept.execute(sql, (key_of(str(line["final_url"])),))

    def take(self, line: Mapping[str, Any]) -> bool:
        """Say whether a changed item stands where this one stood; each is taken once."""
        sql = "UPDATE successors SET number = number - 1 WHERE page = ? AND number > 0"
        return self._kept.execute(sql, (key_of(str(line["final_url"])),)).rowcount == 1


@contextmanager
def _successors() -> Iterator[_Successors]:
    with closing(sqlite3.connect("")) as kept:
        yield _Successors(kept)


@contextmanager
def _opted_out(directory: Path) -> Iterator[Callable[[str], bool]]:
    """Yield a function that says whether a page had opted out already when a run met it."""
    with closing(sqlite3.connect("")) as kept:
        kept.execute("CREATE TABLE denied (url INTEGER PRIMARY KEY)")
        keys = ((key_of(str(line[name])),) for line in _denying(directory) for name in ("url", "final_url"))
        kept.executemany("INSERT OR IGNORE INTO denied VALUES (?)", keys)
        yield lambda url: kept.execute("SELECT 1 FROM denied WHERE url = ?", (key_of(url),)).fetchone() is not None


# --- what became of a page


@contextmanager
def _fates(
    index: Index, current: Path, outcomes: Iterable[Ended], forbids: Forbids | None
) -> Iterator[Callable[[Mapping[str, Any]], _Fate]]:
    """Yield a function that says of an item's line what became of its page. The outcomes are kept in a file, not in memory."""
    with closing(sqlite3.connect("")) as kept:
        kept.execute("CREATE TABLE ended (url INTEGER PRIMARY KEY, state TEXT, reason TEXT, detail TEXT, facts TEXT)")
        kept.execute("CREATE TABLE said (url INTEGER PRIMARY KEY, line TEXT)")
        ends = ((key_of(one.url), one.state, one.reason, one.detail, json.dumps(dict(one.facts))) for one in outcomes)
        kept.executemany("INSERT OR REPLACE INTO ended VALUES (?, ?, ?, ?, ?)", ends)
        said = (
            (key_of(str(line[name])), json.dumps({key: line.get(key) for key in ("signals", "verdicts", "robots")}))
            for line in _denying(current)
            for name in ("url", "final_url")
        )
        kept.executemany("INSERT OR REPLACE INTO said VALUES (?, ?)", said)
        yield lambda line: _fate(kept, index, line, forbids)


def _fate(kept: sqlite3.Connection, index: Index, line: Mapping[str, Any], forbids: Forbids | None) -> _Fate:
    addresses = dict.fromkeys((str(line["final_url"]), str(line["url"])))
    for url in addresses:
        if found := kept.execute("SELECT line FROM said WHERE url = ?", (key_of(url),)).fetchone():
            return _Fate("opted-out", line=json.loads(found[0]))
    for url in addresses:
        if found := kept.execute("SELECT state, reason, detail, facts FROM ended WHERE url = ?", (key_of(url),)).fetchone():
            return _ended(*found)
        if rows := index.rows(url):
            return _Fate("gone" if rows[-1].place.status in _GONE else "visited")
    for url in addresses:
        if forbids is not None and (word := forbids(url)):
            return _Fate("opted-out", word)
    return _Fate("unlinked")


def _ended(state: str, reason: str, detail: str, facts: str) -> _Fate:
    noted = json.loads(facts)
    if state == "refused" and reason in OPT_OUTS:
        return _Fate("opted-out", _word(reason, detail), noted.get("robots") or {})
    if noted.get("status") in _GONE or reason in {f"http-{status}" for status in _GONE}:
        return _Fate("gone", ("", reason))
    if state == "refused" and reason not in _IN_VAIN:
        return _Fate("left-out", ("", reason))
    return _Fate("visited") if state == "done" else _Fate("failed", ("", reason))


def _word(reason: str, detail: str) -> Word:
    """Return the mechanism and the words of a refusal; an opt-out's detail begins with its mechanism."""
    if reason == "robots":
        return "robots", detail
    mechanism, _, words = detail.partition(": ")
    return (mechanism, words) if mechanism in MECHANISMS else ("unread", detail)


def _carried(line: Mapping[str, Any], fate: _Fate, archive: RunArchive, previous: Path) -> dict[str, Any]:
    """Return an earlier run's line as this run lists it: its body in the linked file, and a word that forbids it."""
    warc = dict(line["warc"])
    warc["file"] = linked_name(previous, str(warc["file"]))
    archive.earlier.adopt(warc["file"])
    record = {key: value for key, value in line.items() if key != "change"} | {"warc": warc, "carried": fate.what}
    if fate.what == "failed":
        return record
    if fate.line:
        return record | {key: value for key, value in fate.line.items() if value is not None}
    mechanism, words = fate.word
    signal = Signal(mechanism, "the next visit", words[:_LONGEST_WORD], fetch="deny", train="deny")
    record["signals"] = [*(record.get("signals") or []), signal.record()]
    record["verdicts"] = dict(record.get("verdicts") or {}) | {"fetch": "deny", "train": "deny"}
    if mechanism == "robots":
        record["robots"] = dict(fate.robots or record.get("robots") or {}) | {"verdict": "deny"}
    return record


# --- reading


def _lines(directory: Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(directory.glob(f"*{ITEMS_SUFFIX}")):
        yield from item_lines(path)


def _denying(directory: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of items whose page or file says no."""
    return (line for line in _lines(directory) if "deny" in (line.get("verdicts") or {}).values())


def _pages_of(directory: Path) -> Iterator[str]:
    """Yield the addresses that a run got an answer of 200 from, each once."""
    last = ""
    with closing(open_index(directory)) as index:
        for row in index.everything():
            if row.body.status == 200 and row.url != last:
                last = row.url
                yield row.url


def _note(write: Callable[[bytes], Any], what: str, name: str, fate: _Fate) -> None:
    noted = {"what": what, "name": name, "fate": fate.what, "word": ": ".join(filter(None, fate.word))}
    write(json.dumps(noted, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
