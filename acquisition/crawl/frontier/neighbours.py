"""One clock per host over all sources of a workspace, although each source has a frontier of its own.

Sources of one workspace are crawled one after the other. A host that the one before has asked rests for as long as it would
have for that one, so that a delay which its robots.txt or its answers asked for holds for the next source, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from acquisition.crawl.frontier.database import SqliteDatabase
from acquisition.errors import AcquisitionError

FRONTIER_FILE: Final = "frontier.sqlite"
_RESTING: Final = "SELECT host, next_ok, hold FROM clock WHERE next_ok>?"
_REST: Final = """INSERT INTO clock (host, next_ok, hold) VALUES (?,?,?) ON CONFLICT (host) DO UPDATE
 SET next_ok=excluded.next_ok, hold=excluded.hold WHERE excluded.next_ok>clock.next_ok"""


def rest_as_elsewhere(root: Path, *, now: Callable[[], float] = time.time) -> int:
    """Let hosts rest in the frontier below `root` (workspace.crawl/<source>) for as long as any other source's wants.

    Returns how many hosts were resting. A neighbour that cannot be read is passed over: whoever crawls it will hear of it.
    """
    found: dict[str, tuple[float, str]] = {}
    for path in sorted(root.parent.glob(f"*/{FRONTIER_FILE}")):
        if path.parent == root:
            continue
        try:
            with closing(SqliteDatabase(path, now=now, readonly=True)) as neighbour:
                for host, next_ok, hold in neighbour.rows(_RESTING, (now(),)):
                    found[host] = max(found.get(host, (0.0, "")), (float(next_ok), str(hold)))
        except AcquisitionError:
            continue
    if found:
        root.mkdir(parents=True, exist_ok=True)
        with closing(SqliteDatabase(root / FRONTIER_FILE, now=now)) as own:
            own.prepare()
            with own.transaction():
                own.many(_REST, [(host, next_ok, hold) for host, (next_ok, hold) in found.items()])
    return len(found)
