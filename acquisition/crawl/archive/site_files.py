"""The files about rights that sites gave to a run, as they lie in its archive: robots.txt, ai.txt, tdmrep.json and others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from acquisition.crawl.archive.earlier import open_index
from acquisition.crawl.archive.rows import Row
from acquisition.crawl.archive.scan import Damaged, exchange_at


def site_files(directory: Path) -> Iterator[tuple[str, bytes, str]]:
    """Yield address, bytes and time (ISO 8601, UTC) of each file that a site answered with 200, the newest of each address.

    In the order of the addresses; a record that cannot be read is left out, for `acquire explain` tells of it.
    """
    newest: dict[str, Row] = {}
    with closing(open_index(directory)) as index:
        for row in index.everything(("policy",)):
            if row.body.status == 200 and row.bytes:  # HTTP's own number
                newest[row.url] = row
    for url, row in sorted(newest.items()):
        path = directory / row.body.file
        try:
            with (path if path.exists() else path.with_name(f"{path.name}.open")).open("rb") as stream:
                body = exchange_at(stream, row.body.offset).response.block.partition(b"\r\n\r\n")[2]
        except (OSError, Damaged):
            continue
        yield url, body, f"{row.place.date[:19]}Z"
