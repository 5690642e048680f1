"""One request and its answer: a curl handle that carries one after the other, with caps on everything that a server sends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import pycurl

from acquisition.crawl.contract import Ask
from acquisition.crawl.visit.guard import Site, Target, UrlGuard
from acquisition.crawl.visit.transport_head import Head, objection, read_head
from acquisition.curl import REFUSED, Handed, harden, open_socket

_ABORT: Final = -1
_BUFFER: Final = 65_536
SWEEP: Final = 1.0
"""Seconds between two looks at how fast answers come."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What a server may cost: seconds for everything and for connecting, bytes and lines of heads, interim heads.

    Once its first byte has come, an answer brings at least `slow_bytes` in every `slow_seconds` or is given up; a server that
    thinks before its first byte may do so for the whole of `total`. The default floor of 100 bytes a second is a tenth of
    what the slowest modem link brings and far above what a server sends that wants to hold us.
    """

    total: float = 30.0
    connect: float = 10.0
    slow_bytes: int = 1_000
    slow_seconds: float = 10.0
    head_bytes: int = 131_072
    head_lines: int = 512
    interim: int = 50


class Exchange:
    """A reusable curl handle. `begin` prepares a request; what comes is taken and measured; `problem` says what was wrong.

    `refusal` says why the address was not connected to, `cut` that the body was long enough for the ask before it ended,
    `opened` holds libcurl's descriptors of the sockets that were opened for it.
    """

    __slots__ = (
        "_body", "_caps", "_cut_at", "_guard", "_head_lines", "_headers", "_interim", "_lines", "_max_bytes", "_method",
        "_moments", "_received", "_site", "_size", "curl", "cut", "head", "opened", "problem", "refusal",
    )  # fmt: skip

    def __init__(self, caps: Caps, guard: UrlGuard, ca_file: str) -> None:
        self.curl: Any = pycurl.Curl()
        self._caps, self._guard = caps, guard
        self._method = "GET"
        self._headers: tuple[bytes, ...] = ()
        self._moments: deque[int] = deque(maxlen=max(2, round(caps.slow_seconds / SWEEP) + 1))
        self._set_constants(ca_file)
        self._clear()

    def _set_constants(self, ca_file: str) -> None:
        harden(self.curl, ca_file)
        set_option = self.curl.setopt
        set_option(pycurl.HTTP09_ALLOWED, 0)
        set_option(pycurl.HTTP_CONTENT_DECODING, 0)
        set_option(pycurl.PATH_AS_IS, 1)
        set_option(pycurl.OPT_CERTINFO, 1)
        set_option(pycurl.CONNECTTIMEOUT_MS, max(1, int(self._caps.connect * 1000)))
        set_option(pycurl.TIMEOUT_MS, max(1, int(self._caps.total * 1000)))
        set_option(pycurl.BUFFERSIZE, _BUFFER)
        set_option(pycurl.HEADERFUNCTION, self._on_header)
        set_option(pycurl.WRITEFUNCTION, self._on_body)
        set_option(pycurl.OPENSOCKETFUNCTION, self._on_open)
        set_option(pycurl.SOCKOPTFUNCTION, self._on_opened)

    def _clear(self) -> None:
        self.head: Head | None = None
        self.problem: tuple[str, str] | None = None
        self.refusal = ""
        self.opened: list[int] = []
        self.cut = False
        self._cut_at: int | None = None
        self._site: Site | None = None
        self._lines: list[bytes] = []
        self._body: list[bytes] = []
        self._received = self._size = self._head_lines = self._interim = self._max_bytes = 0
        self._moments.clear()

    def begin(
        self, target: Target, addresses: tuple[str, ...], *, headers: tuple[bytes, ...], ask: Ask, max_bytes: int
    ) -> None:
        """Prepare the handle for one request; `headers` are "Name: value" lines, `addresses` those of a host with a name."""
        self._clear()
        self._site, self._max_bytes, self._cut_at, method = target.site, max_bytes, ask.cut_at, ask.method
        if addresses:
            shown = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
            self.curl.setopt(pycurl.RESOLVE, [f"+{target.site.host}:{target.site.port}:{shown}"])
        self.curl.setopt(pycurl.URL, target.url)
        if headers != self._headers:
            self.curl.setopt(pycurl.HTTPHEADER, headers)
            self._headers = headers
        if method != self._method:
            self.curl.setopt(pycurl.NOBODY if method == "HEAD" else pycurl.HTTPGET, 1)
            self._method = method

    def take_body(self) -> bytes:
        """Return what has come of the body, once; its parts are not held any longer."""
        body = b"".join(self._body)
        self._body.clear()
        return body

    def too_slow(self) -> bool:
        """Say, asked every SWEEP seconds, whether the answer has begun and brings less than the caps demand."""
        moments = self._moments
        if not self._received:
            return False
        moments.append(self._received)
        if len(moments) < (moments.maxlen or 0) or moments[-1] - moments[0] >= self._caps.slow_bytes:
            return False
        self.problem = "slow", f"{moments[-1] - moments[0]:,} bytes in {self._caps.slow_seconds:g} seconds"
        return True

    # --- called from inside libcurl, where an exception would be printed and lost ---

    def _on_header(self, line: bytes) -> int | None:
        self._received += len(line)
        self._head_lines += 1
        if self._head_lines > self._caps.head_lines or self._received - self._size > self._caps.head_bytes:
            return self._stop("headers", "more than is read of a head")
        if self.head is not None:  # a trailer behind a chunked body: nothing that anybody may rely on
            return None
        if line not in (b"\r\n", b"\n"):
            self._lines.append(line)
            return None
        return self._on_head()

    def _on_head(self) -> int | None:
        head = read_head(self._lines)
        if head is None:
            return self._stop("protocol", "the head is not one of HTTP")
        if head.interim:
            self._lines.clear()
            self._interim += 1
            return self._stop("headers", "too many interim answers") if self._interim > self._caps.interim else None
        self.head = head
        limit = self._max_bytes if self._cut_at is None else None
        wrong = objection(head, max_bytes=limit, bodiless=self._method == "HEAD")
        return self._stop(*wrong) if wrong else None

    def _on_body(self, data: bytes) -> int | None:
        self._received += len(data)
        self._size += len(data)
        if self._cut_at is not None and self._size > self._cut_at:
            self._body.append(data[: self._cut_at - self._size])
            self.cut = True
            return _ABORT
        if self._size > self._max_bytes:
            return self._stop("too-large", f"more than {self._max_bytes:,} bytes")
        self._body.append(data)
        return None

    def _stop(self, reason: str, detail: str) -> int:
        if self.problem is None:
            self.problem = reason, detail
        return _ABORT

    def _on_open(self, _purpose: int, address: Any) -> Handed | int:
        """Open the socket to one resolved address, or refuse it: what is checked is what is connected to."""
        family, kind, protocol, peer = address
        assert self._site is not None
        if reason := self._guard.refusal(self._site, str(peer[0]), int(peer[1])):
            self.refusal = reason
            return REFUSED
        return open_socket(family, kind, protocol)

    def _on_opened(self, descriptor: int, _purpose: int) -> int:
        self.opened.append(descriptor)
        return int(pycurl.SOCKOPT_OK)

    def rest(self) -> None:
        """Let go of what came, until the next request."""
        self._clear()

    def close(self) -> None:
        """Close the handle."""
        self._clear()
        self.curl.close()
