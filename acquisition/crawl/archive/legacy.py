"""The archive as the Scrapy middlewares of before the Visitor call it: one `Exchange` instead of an ask and an answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from acquisition.crawl.archive.run import RunArchive
from acquisition.crawl.contract import Ask, Place, Wire

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as they will be archived. `body` is as sent, still content-encoded."""

    url: str
    method: str
    request_headers: Headers
    status: int
    reason: str
    headers: Headers
    body: bytes
    ip_address: str
    protocol: str
    decision: Mapping[str, Any]


class Archive(RunArchive):
    """Takes and counts what the middlewares hand it."""

    @property
    def bytes(self) -> int:
        """Bytes of all bodies, as sent."""
        return self.received

    def write(self, exchange: Exchange) -> Place:  # type: ignore[override]  # the older form
        """Append an exchange and return where its response lies."""
        policy = bool(exchange.decision.get("robots_txt"))
        ask = Ask(exchange.url, cast("Any", exchange.method), kind="policy" if policy else "page")
        now = time.time()
        wire = Wire(
            status=exchange.status,
            reason=exchange.reason,
            protocol=exchange.protocol,
            headers=tuple(exchange.headers),
            body=exchange.body,
            ip_address=exchange.ip_address,
            request_headers=tuple(exchange.request_headers),
            started=now,
            ended=now,
        )
        return super().write(ask, wire, exchange.decision)[0]
