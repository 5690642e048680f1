"""What the hosts of a crawl said of their use when they were asked, for the lock: one entry per file about rights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from acquisition.crawl.contract import PolicyFile
from acquisition.crawl.frontier.look import Look
from acquisition.crawl.inquiry import FRONTIER_FILE
from acquisition.hosts import registrable
from acquisition.lock import HostFile
from acquisition.protocols import Source
from acquisition.rights import signals

_SIGNALS: Final = 20
"""Words of one file that are told; a robots.txt may hold thousands."""
_PATHS: Final = {"tdmrep": "/.well-known/tdmrep.json", "ai-txt": "/ai.txt", "trust-txt": "/trust.txt"}


def host_files(source: Source, directory: Path) -> tuple[HostFile, ...]:
    """Return what the origins that a crawl met said, sorted; () where its frontier is not here.

    A digest and a few words stand for each file, so that a reviewer sees in a diff that a site has changed its mind. The files
    themselves lie in the archive. Only origins of hosts of this run are told: a frontier may serve many.
    """
    location = getattr(source.settings, "frontier", None) or directory.parent / FRONTIER_FILE
    if isinstance(location, Path) and not location.is_file():
        return ()
    with Look(location) as look:
        hosts = {row.state.host for row in look.hosts(directory.name)}
        files = [file for file in look.policies() if registrable(file.origin) in hosts]
    return tuple(sorted(_told(files)))


def _told(files: list[PolicyFile]) -> Iterator[HostFile]:
    for file in files:
        sha256 = hashlib.sha256(file.body).hexdigest() if file.body is not None else ""
        at = datetime.fromtimestamp(file.fetched, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield HostFile(file.origin, file.name, file.status, sha256, file.closed, tuple(_words(file)), at)


def _words(file: PolicyFile) -> list[str]:
    """Return what a file says against fetching or training, of the site's root; [] where it says nothing against it."""
    if file.body is None:
        return []
    robots = file.body if file.name == "robots.txt" else None
    path = _PATHS.get(file.name, urlsplit(file.url).path)
    known = {} if robots is not None else {path: file.body}
    found = signals.read(f"{file.origin}/", {}, b"", robots, known)
    told = {
        f"{one.mechanism}: fetch={one.fetch} train={one.train}" for one in found if {one.fetch, one.train} & {"deny", "unknown"}
    }
    return sorted(told)[:_SIGNALS]
