"""What came of a list, in the words of img2dataset's statistics and in ours, so that two tools can be compared.

    count                 rows of the list that were read, as img2dataset counts them
    successes             items: files that came, passed and are written down once
    failed_to_download    everything else; why, in `status_dict` (reason → number, with "success")
    failed_to_resize      0: nothing is resized, the original bytes are kept
    duration, start_time, end_time   seconds from the run's first beginning to its last end (both since 1970)

Ours beside it: refused and failed by reason, hash mismatches, items whose site says no to training, rows of an address that was
listed before, and the bytes that were received.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from acquisition.crawl.frontier.look import Look
from acquisition.crawl.listing.clerk import OPTED_OUT, SAME_ITEM
from acquisition.crawl.listing.drive import LISTED_TWICE
from acquisition.crawl.listing.rows import Cursor
from acquisition.workspace import write_json

STATS_FILE: Final = "list-stats.json"

Counts = Mapping[tuple[str, str], int]
"""(state, reason) → URLs of the run, as the frontier counts them."""


def write_stats(directory: Path, look: Look, run: str, *, items: int, received: int) -> dict[str, Any]:
    """Write list-stats.json into the run's directory and return what it says; the frontier has counted across all attempts."""
    counts: Counts = {(count.state, count.reason): count.number for count in look.counts(run, examples=0)}
    started = next((one.began for one in look.runs() if one.name == run), look.now())
    ended = look.now()
    cursor = Cursor.load(directory)
    refused = _by_reason(counts, "refused")
    visited = sum(counts.values()) - refused.pop(LISTED_TWICE, 0) - (cursor.rows - cursor.addresses)
    if twice := max(0, cursor.addresses - visited):
        refused[LISTED_TWICE] = twice
    failed = _by_reason(counts, "failed")
    done = _by_reason(counts, "done")
    same = {SAME_ITEM: sum(done.values()) - items} if sum(done.values()) > items else {}
    waiting = sum(number for (state, _), number in counts.items() if state in ("pending", "leased"))
    statuses = {"success": items} | refused | failed | same
    stats = {
        "count": cursor.rows,
        "successes": items,
        "failed_to_download": cursor.rows - items - waiting,
        "failed_to_resize": 0,
        "duration": round(ended - started, 3),
        "start_time": started,
        "end_time": ended,
        "status_dict": dict(sorted(statuses.items())),
        "refused": dict(sorted(refused.items())),
        "failed": dict(sorted(failed.items())),
        "hash_mismatches": failed.get("hash-mismatch", 0),
        "opted_out": done.get(OPTED_OUT, 0),
        "listed_twice": twice,
        "waiting": waiting,
        "bytes": received,
    }
    write_json(directory / STATS_FILE, stats)
    return stats


def _by_reason(counts: Counts, state: str) -> dict[str, int]:
    return {reason or state: number for (found, reason), number in sorted(counts.items()) if found == state and number}
