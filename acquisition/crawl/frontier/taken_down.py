"""Which addresses a takedown has marked in a frontier: their rows keep the key and have lost everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from acquisition.crawl.frontier.opening import connect

REASON: Final = "taken-down"


def taken_down(location: Path | str) -> frozenset[bytes]:
    """Return the keys of all addresses that were marked in any run; none where there is no frontier yet."""
    if isinstance(location, Path) and not location.is_file():
        return frozenset()
    database = connect(location)
    try:
        database.prepare()
        found: set[bytes] = set()
        for (run,) in database.rows("SELECT id FROM run"):
            sql = "SELECT key FROM url WHERE run=? AND state='refused' AND reason=? AND ended>0"
            found.update(bytes(key) for (key,) in database.rows(sql, (run, REASON)))
        return frozenset(found)
    finally:
        database.close()
