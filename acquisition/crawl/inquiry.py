"""Looking into crawls while they run or after: what a run is doing, what it left out and why, and one URL's whole story."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from acquisition.crawl.outcome import ITEMS_SUFFIX, load_run
from acquisition.crawl.tally import Missed, missed_in
from acquisition.protocols import Source

FRONTIER_FILE: Final = "frontier.sqlite"
PROGRESS_FILE: Final = "progress.json"
STALE: Final = 15.0
"""Seconds after which a crawl that has told nothing is taken for one that was killed."""
ITEMS_SHOWN: Final = 20
SETTING: Final = "setting"
_SPIDERS_DOING: Final = frozenset({"spider-error", "item-error", "item-unreadable", "item-without-page"})
_WHILE_RUNNING: Final = frozenset({"active", "pending", "hosts", "holding"})
_LONGEST: Final = 500
"""Characters of the settings that are named."""


def activity(root: Path, now: float) -> dict[str, Any]:
    """Return what the newest run below `root` (workspace.crawl/<source>) is doing or how it ended, {} when there is none.

    `state` is running, unfinished (stopped or killed: the same command goes on) or finished; the rest is its last progress.
    """
    newest = max((path for path in root.glob("run-*") if path.is_dir()), default=None)
    if newest is None:
        return {}
    outcome, told = load_run(newest), _told(newest)
    if outcome is not None and outcome.finished:
        state = "finished"
    else:
        state = "running" if now - float(told.get("at", 0.0)) < STALE and outcome is None else "unfinished"
    ended = {"pages": outcome.pages, "items": outcome.items, "bytes": outcome.bytes} if outcome is not None else {}
    if state == "finished":  # what was last told of it was told while pages still waited
        told = {name: value for name, value in told.items() if name not in _WHILE_RUNNING}
    return {"run": newest.name, "state": state, **told, **ended}


def _told(directory: Path) -> dict[str, Any]:
    try:
        found = json.loads((directory / PROGRESS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def skipped(directory: Path) -> dict[str, dict[str, str]]:
    """Return an example of everything that a run refused or failed at: {"refused" | "failed": {reason: URL}}.

    Of what is the spider's doing the example says what it was, and of settings that were not obeyed all are named.
    """
    found: dict[str, dict[str, str]] = {"refused": {}, "failed": {}}
    for missed in missed_in(directory):
        examples = found.setdefault(missed.what, {})
        if missed.reason not in examples:
            examples[missed.reason] = f"{missed.url} ({missed.detail})".strip() if _is_told(missed) else missed.url
        elif missed.reason == SETTING and len(examples[SETTING]) < _LONGEST:
            examples[SETTING] += f", {missed.url}"
    return found


def _is_told(missed: Missed) -> bool:
    return missed.reason in _SPIDERS_DOING and missed.detail != ""


def story(root: Path, source: Source, url: str) -> Iterator[dict[str, Any]]:
    """Yield what every run of a source knows of a URL, oldest run first: how it ended, each visit with its rule, its items.

    Raises what opening a PostgreSQL frontier raises; a source that was never crawled has no story.
    """
    from acquisition.crawl.engine.keys import key_of  # w3lib
    from acquisition.crawl.frontier.look import Look

    shared = getattr(source.settings, "frontier", None)
    location: Path | str = shared or root / FRONTIER_FILE
    if isinstance(location, Path) and not location.is_file():
        return
    with Look(location) as look:
        rows = look.url(url, key=key_of(url)) or look.url(url)
    for row in rows:
        directories = [root / row.run] if (root / row.run).is_dir() else sorted(root.glob("run-*"))
        items, found = _shown(item for directory in directories for item in _items(directory, row.url))
        yield {
            "source": source.name,
            "run": row.run,
            "url": row.url,
            "state": row.state,
            "reason": row.reason,
            "detail": row.detail,
            "found_on": row.referrer,
            "depth": row.depth,
            "entered_at": _iso(row.entered),
            "ended_at": _iso(row.ended),
            "visits": [visit for directory in directories for visit in _visits(directory, row.url)],
            "items": items,
            "items_found": found,
        }


def _visits(directory: Path, url: str) -> Iterator[dict[str, Any]]:
    from acquisition.crawl.archive import read_decisions

    for one in read_decisions(directory, url):
        decision = one.decision or {}
        yield {
            "at": one.date,
            "status": one.status,
            "bytes": one.bytes,
            "sha256": one.sha256,
            "warc": f"{directory.name}/{one.place.file}#offset={one.place.offset}",
            "unchanged": one.unchanged,
            "robots": decision.get("robots") or {},
            "policies": decision.get("policies") or {},
            "policies_unknown": decision.get("policies_unknown") or [],
            "damage": one.damage,
        }


def _shown(items: Iterator[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Return the first items, and how many there are."""
    shown = list(islice(items, ITEMS_SHOWN))
    return shown, len(shown) + sum(1 for _ in items)


def _items(directory: Path, url: str) -> Iterator[dict[str, Any]]:
    """Yield the items of a page and of the files that were met on it, with the signals that count for them."""
    wanted = json.dumps(url, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for path in sorted(directory.glob(f"*{ITEMS_SUFFIX}")):
        with path.open("rb") as stream:
            for line in stream:
                if wanted not in line or not line.endswith(b"\n"):
                    continue
                item: Mapping[str, Any] = json.loads(line)
                shows = item.get("sample") == "media" and item.get("referrer") == url
                if shows or url in (item.get("url"), item.get("final_url")):
                    yield {key: item.get(key) for key in ("locator", "sample", "change", "verdicts", "signals")}


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else ""
