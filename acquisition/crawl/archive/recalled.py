"""An archived exchange as it was when it was on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acquisition.crawl.archive.scan import Exchange, header_lines, reason_of, status_of
from acquisition.crawl.archive.warc import RENAMED
from acquisition.crawl.contract import Place, Wire


@dataclass(frozen=True, slots=True)
class Recalled:
    """An archived exchange as it was: what the transport had brought, the decision, and where its body lies.

    For a 304 and for unchanged content `wire.body` is the earlier body; `wire.status` and `wire.headers` are the new answer's.
    """

    wire: Wire
    decision: Mapping[str, Any]
    place: Place
    unchanged: bool


def wire_of(exchange: Exchange, body: bytes) -> Wire:
    """Return what the transport had brought; `body` is that of the exchange or of the one that it refers to."""
    facts, response = exchange.facts, exchange.response
    headers = tuple((name.removeprefix(RENAMED), value) for name, value in header_lines(response))
    return Wire(
        status=status_of(response),
        reason=reason_of(response),
        protocol=response.fields.get("warc-protocol", "http/1.1").upper().replace("H2", "HTTP/2").replace("H3", "HTTP/3"),
        headers=headers,
        body=body,
        ip_address=response.fields.get("warc-ip-address", ""),
        request_headers=header_lines(exchange.request) if exchange.request is not None else (),
        started=float(facts.get("started", 0.0)),
        ended=float(facts.get("ended", 0.0)),
        certificate=dict(facts.get("tls", {})),
    )
