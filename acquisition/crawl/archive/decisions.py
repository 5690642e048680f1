"""Why a page was fetched, and what came: from a URL to its exchanges, for `acquire explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acquisition.crawl.archive.earlier import open_index
from acquisition.crawl.archive.rows import Row
from acquisition.crawl.archive.scan import Damaged, exchange_at, header_lines, reason_of, status_of
from acquisition.crawl.contract import HeaderLines, Place


@dataclass(frozen=True, slots=True)
class Explained:
    """One exchange: what was asked under which decision, what came, and where it is archived.

    `place` is the record of the answer, `body` that of its content; they differ for a revisit. `damage` says why the record
    cannot be read; what the index knows is there in any case.
    """

    url: str
    kind: str
    method: str
    date: str
    place: Place
    body: Place
    request: HeaderLines = ()
    status: int = 0
    reason: str = ""
    headers: HeaderLines = ()
    ip_address: str = ""
    bytes: int = 0
    sha256: str = ""
    decision: Mapping[str, Any] | None = None
    damage: str = ""

    @property
    def unchanged(self) -> bool:
        """Say whether it brought what an earlier answer had brought."""
        return self.place != self.body


def read_decisions(directory: Path, url: str) -> Iterator[Explained]:
    """Yield every exchange about a URL in a run directory, oldest first; the crawl may be running."""
    with closing(open_index(directory)) as index:
        for row in index.rows(url):
            yield _explained(directory, row)


def _explained(directory: Path, row: Row) -> Explained:
    path = directory / row.place.file
    known = Explained(
        row.url, row.kind, row.method, row.place.date, row.place, row.body,
        status=row.place.status, bytes=row.bytes, sha256=row.sha256,
    )  # fmt: skip
    try:
        with (path if path.exists() else path.with_name(f"{path.name}.open")).open("rb") as stream:
            exchange = exchange_at(stream, row.place.offset)
    except (OSError, Damaged) as error:
        return replace(known, damage=f"the record at {row.place.offset} of {path.name}: {error}")
    return replace(
        known,
        request=header_lines(exchange.request) if exchange.request is not None else (),
        status=status_of(exchange.response),
        reason=reason_of(exchange.response),
        headers=header_lines(exchange.response),
        ip_address=exchange.response.fields.get("warc-ip-address", ""),
        decision=exchange.decision,
    )
