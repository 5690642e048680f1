"""What libcurl's codes mean to the crawler: which word a failure gets, and whether another try makes sense."""

from __future__ import annotations

from typing import Final

import pycurl

from acquisition.crawl.contract import Failed, Refused
from acquisition.crawl.visit.transport_exchange import Exchange

AGAIN: Final = 5.0
"""Seconds before the first new try of what may pass by itself; whoever retries makes it longer from try to try."""

_WEIRD_REPLY: Final = 8
_TOO_LARGE: Final = 100
_TLS: Final = frozenset(
    {
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_INVALIDCERTSTATUS,
        pycurl.E_USE_SSL_FAILED,
    }
)
_REASONS: Final = {
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_INTERFACE_FAILED: "connect",
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_PARTIAL_FILE: "truncated",
    pycurl.E_GOT_NOTHING: "reset",
    pycurl.E_SEND_ERROR: "reset",
    pycurl.E_RECV_ERROR: "reset",
    pycurl.E_BAD_CONTENT_ENCODING: "content-encoding",
    _TOO_LARGE: "headers",
}
_PASSING: Final = frozenset({"dns", "connect", "timeout", "reset", "truncated"})


def failure(exchange: Exchange, code: int, words: str, url: str) -> Refused | Failed | None:
    """Return what is to be raised for a request that ended with libcurl's `code`, None when its answer is usable."""
    if exchange.problem is not None:
        reason, detail = exchange.problem
    elif exchange.head is not None and (code == 0 or exchange.cut):
        return None
    elif exchange.refusal and not _connected(exchange):
        return Refused("address", url, exchange.refusal)
    else:
        reason, detail = _reason(exchange, code, words), words or ("a line is too long" if code == _TOO_LARGE else "")
    return Failed(reason, url, detail, again=AGAIN if reason in _PASSING else None)


def _reason(exchange: Exchange, code: int, words: str) -> str:
    if code in _TLS:
        return "tls"
    if code == pycurl.E_OPERATION_TIMEDOUT and not _connected(exchange):
        return "connect"
    if code == pycurl.E_RECV_ERROR and "chunk" in words:
        return "protocol"
    if code == pycurl.E_RECV_ERROR and exchange.head is not None:
        return "truncated"
    return _REASONS.get(code, "protocol")


def _connected(exchange: Exchange) -> bool:
    return bool(exchange.curl.getinfo(pycurl.PRIMARY_IP))
