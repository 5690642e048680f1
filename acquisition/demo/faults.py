"""Misbehaviour on request: which answers go wrong, how, and how often."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Final, Literal, TypeAlias

from acquisition.demo.wire import Delivery, Headers, Reply, Request, whole
from acquisition.settings import glob_pattern

Kind: TypeAlias = Literal[
    "cut",
    "reset",
    "flip",
    "ignore-range",
    "wrong-range",
    "expired",
    "not-found",
    "rate-limit",
    "status",
    "no-length",
    "no-length-cut",
    "stall",
    "drip",
    "gated",
    "html",
    "empty",
    "wrong-length",
    "content-encoding",
    "redirect-loop",
    "redirect-private",
    "slow-headers",
]
Handler: TypeAlias = Callable[[Request], Reply]

_SILENCE: Final = 600.0
LOGIN_PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which answers go wrong.

    `match` is a glob over the decoded path (as in `files`), `face` and `method` narrow it further. `times` is how many
    answers are spoiled, None for all. `at` is an offset in bytes, left out: the middle.

    cut, reset, stall   after `at` bytes of this answer's body: close, RST, or silence until the peer gives up
    flip                one bit of the byte at offset `at` of the whole file is turned over, in ranges too
    ignore-range        200 and everything, though a range was asked for
    wrong-range         206 whose Content-Range is not what was asked; style: shifted (default), total, missing, invalid
    expired             what a storage service says of an old URL, XML; style: 403 (default), 400, 401, 410
    rate-limit          429, come back in `seconds`; style: retry-after (default), retry-after-date, ratelimit,
                        ratelimit-reset, x-ratelimit-reset, none
    status              the status in `style` (default 503)
    no-length           chunked framing; style close: the end is told by closing
    no-length-cut       the same, ended early; with style close nothing but the content can tell
    drip                pieces of 1 KiB (or `at` bytes) with `seconds` between them
    gated               403; style: hub (default), kaggle, collective, or 401
    html                200 and a login page
    empty               no bytes; style: 200 (default), 202, 204
    wrong-length        Content-Length tells other than the body; style: more (default), less
    content-encoding    gzip though identity was asked; style: honest (default), or lie (the header alone)
    redirect-loop       302 to itself
    redirect-private    302 to an address that must never be asked; style: the URL (default a link-local one)
    slow-headers        the head comes byte by byte, `seconds` between them
    """

    kind: Kind
    match: str = "**"
    times: int | None = 1
    at: int | None = None
    style: str = ""
    seconds: float = 1.0
    face: str = "*"
    method: str = "*"

    def fits(self, request: Request) -> bool:
        """Say whether the fault is meant for this request."""
        return (
            self.face in ("*", request.face)
            and self.method in ("*", request.method)
            and glob_pattern(self.match.lstrip("/") or "**").fullmatch(request.path.lstrip("/")) is not None
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.hits == self.fault.times


class Faults:
    """The faults of a world. They may be added and cleared while its servers run."""

    def __init__(self, *faults: Fault) -> None:
        self._guard = threading.Lock()
        self._armed = [_Armed(fault) for fault in faults]

    def add(self, fault: Fault) -> Fault:
        """Add a fault; the ones added first are looked at first, and one answer suffers one fault."""
        with self._guard:
            self._armed.append(_Armed(fault))
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        with self._guard:
            self._armed.clear()

    def hits(self, fault: Fault) -> int:
        """Return how many answers this fault has spoiled."""
        with self._guard:
            return sum(armed.hits for armed in self._armed if armed.fault == fault)

    def respond(self, request: Request, handler: Handler) -> Delivery:
        """Return how the handler's answer is delivered, spoiled by the first fault that fits."""
        for armed in self._candidates(request):
            fault = armed.fault
            if (instead := _INSTEAD.get(fault.kind)) is not None:
                if self._take(armed):
                    return Delivery(instead(fault, request))
                continue
            reply = handler(_without_range(request) if fault.kind == "ignore-range" else request)
            spoiled = _spoil(fault, request, reply)
            if spoiled is not None and self._take(armed):
                return spoiled
        return Delivery(handler(request))

    def _candidates(self, request: Request) -> list[_Armed]:
        with self._guard:
            return [armed for armed in self._armed if not armed.spent and armed.fault.fits(request)]

    def _take(self, armed: _Armed) -> bool:
        with self._guard:
            if armed.spent:
                return False
            armed.hits += 1
            return True


def _without_range(request: Request) -> Request:
    return replace(request, headers={name: value for name, value in request.headers.items() if name != "range"})


def _spoil(fault: Fault, request: Request, reply: Reply) -> Delivery | None:
    """Return the spoiled delivery, None where the fault has nothing to spoil (no body, no range, byte not in it)."""
    if fault.kind == "slow-headers":
        return Delivery(reply, slow_head=fault.seconds)
    if request.method == "HEAD" or reply.status not in (200, 206) or not reply.body.size:
        return None
    return _SPOIL[fault.kind](fault, request, reply)


# --- answers that come instead ------------------------------------------------------------------------------------------


def xml_error(status: int, code: str, message: str) -> Reply:
    """Return an error as storage services write it."""
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return Reply(status, (("Content-Type", "application/xml; charset=UTF-8"),), whole(body))


def _expired(fault: Fault, _request: Request) -> Reply:
    return xml_error(int(fault.style or 403), "ExpiredToken", "The provided token has expired.")


def _not_found(_fault: Fault, _request: Request) -> Reply:
    return xml_error(404, "NoSuchKey", "The specified key does not exist.")


def _rate_limit(fault: Fault, _request: Request) -> Reply:
    seconds, now = max(1, round(fault.seconds)), time.time()
    styles: dict[str, Headers] = {
        "": (("Retry-After", str(seconds)),),
        "retry-after": (("Retry-After", str(seconds)),),
        "retry-after-date": (("Retry-After", formatdate(now + seconds + 1, usegmt=True)),),
        "ratelimit": (("RateLimit", f'"api";r=0;t={seconds}'), ("RateLimit-Policy", '"fixed window";"api";q=500;w=300')),
        "ratelimit-reset": (("RateLimit-Limit", "500"), ("RateLimit-Remaining", "0"), ("RateLimit-Reset", str(seconds))),
        "x-ratelimit-reset": (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(int(now + seconds + 1)))),
        "none": (),
    }
    body = b'{"error":"Too many requests","message":"Too many requests"}'
    return Reply(429, (("Content-Type", "application/json"), *styles[fault.style]), whole(body))


def _status(fault: Fault, _request: Request) -> Reply:
    return Reply(int(fault.style or 503), (("Content-Type", "text/plain"),), whole(b"out of order\n"))


def _gated(fault: Fault, _request: Request) -> Reply:
    message = "You must accept the terms before you can access this dataset."
    if fault.style in ("kaggle", "collective"):
        body = f'{{"code":403,"message":"{message}","error":"{message}"}}'.encode()
        return Reply(403, (("Content-Type", "application/json"),), whole(body))
    status = 401 if fault.style == "401" else 403
    headers = (("Content-Type", "application/json"), ("X-Error-Code", "GatedRepo"), ("X-Error-Message", message))
    return Reply(status, headers, whole(f'{{"error":"{message}"}}'.encode()))


def _html(_fault: Fault, _request: Request) -> Reply:
    return Reply(200, (("Content-Type", "text/html; charset=utf-8"),), whole(LOGIN_PAGE))


def _empty(fault: Fault, _request: Request) -> Reply:
    return Reply(int(fault.style or 200), (("Content-Type", "application/octet-stream"),))


def _redirect_loop(_fault: Fault, request: Request) -> Reply:
    return Reply(302, (("Location", request.target),))


def _redirect_private(fault: Fault, _request: Request) -> Reply:
    return Reply(302, (("Location", fault.style or "http://169.254.169.254/latest/meta-data/"),))


_INSTEAD: Final[dict[str, Callable[[Fault, Request], Reply]]] = {
    "expired": _expired,
    "not-found": _not_found,
    "rate-limit": _rate_limit,
    "status": _status,
    "gated": _gated,
    "html": _html,
    "empty": _empty,
    "redirect-loop": _redirect_loop,
    "redirect-private": _redirect_private,
}


# --- answers that are spoiled -------------------------------------------------------------------------------------------


def _middle(fault: Fault, size: int) -> int:
    return size // 2 if fault.at is None else fault.at


def _first_byte(reply: Reply) -> int:
    """Return the offset in the whole file at which this answer's body begins."""
    return int((reply.header("content-range") or "bytes 0-").split()[1].split("-")[0])


def _stop(fault: Fault, _request: Request, reply: Reply) -> Delivery | None:
    at = _middle(fault, reply.body.size)
    if at >= reply.body.size:
        return None
    if fault.kind == "cut":
        return Delivery(reply, stop_at=at)
    if fault.kind == "reset":
        return Delivery(reply, stop_at=at, ending="reset")
    return Delivery(reply, stop_at=at, ending="stall", pause=_SILENCE)


def _flip(fault: Fault, _request: Request, reply: Reply) -> Delivery | None:
    total = int((reply.header("content-range") or f"/{reply.body.size}").rpartition("/")[2])
    at = _middle(fault, total) - _first_byte(reply)
    if not 0 <= at < reply.body.size:
        return None
    content = bytearray(reply.body.read())
    content[at] ^= 0x01
    return Delivery(replace(reply, body=whole(bytes(content))))


def _ignore_range(_fault: Fault, request: Request, reply: Reply) -> Delivery | None:
    return Delivery(reply) if "range" in request.headers and reply.status == 200 else None


def _wrong_range(fault: Fault, _request: Request, reply: Reply) -> Delivery | None:
    if reply.status != 206:
        return None
    span, _, total = (reply.header("content-range") or "").removeprefix("bytes ").partition("/")
    start, stop = (int(number) for number in span.split("-"))
    wrong = {
        "": f"bytes {start + 1}-{stop + 1}/{total}",
        "shifted": f"bytes {start + 1}-{stop + 1}/{total}",
        "total": f"bytes {start}-{stop}/{int(total) + 1}",
        "invalid": "bytes everything",
        "missing": None,
    }[fault.style]
    headers = tuple((name, value) for name, value in reply.headers if name.lower() != "content-range")
    return Delivery(replace(reply, headers=(*headers, ("Content-Range", wrong)) if wrong else headers))


def _no_length(fault: Fault, _request: Request, reply: Reply) -> Delivery | None:
    framed = replace(reply, framing="close" if fault.style == "close" else "chunked")
    if fault.kind == "no-length":
        return Delivery(framed)
    return Delivery(framed, stop_at=min(_middle(fault, reply.body.size), reply.body.size - 1))


def _drip(fault: Fault, _request: Request, reply: Reply) -> Delivery | None:
    return Delivery(reply, pace=(fault.at or 1024, fault.seconds))


def _wrong_length(fault: Fault, _request: Request, reply: Reply) -> Delivery | None:
    return Delivery(reply, length=reply.body.size - 1 if fault.style == "less" else reply.body.size + 100)


def _content_encoding(fault: Fault, _request: Request, reply: Reply) -> Delivery | None:
    body = reply.body if fault.style == "lie" else whole(gzip.compress(reply.body.read(), mtime=0))
    return Delivery(replace(reply, headers=(*reply.headers, ("Content-Encoding", "gzip")), body=body))


_SPOIL: Final[dict[str, Callable[[Fault, Request, Reply], Delivery | None]]] = {
    "cut": _stop,
    "reset": _stop,
    "stall": _stop,
    "flip": _flip,
    "ignore-range": _ignore_range,
    "wrong-range": _wrong_range,
    "no-length": _no_length,
    "no-length-cut": _no_length,
    "drip": _drip,
    "wrong-length": _wrong_length,
    "content-encoding": _content_encoding,
}
