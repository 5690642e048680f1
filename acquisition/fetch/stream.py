"""One connection's worth of libcurl: a handle that carries one request after the other, guarded where it connects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pycurl

from acquisition.curl import REFUSED, Handed, harden, open_socket
from acquisition.errors import AcquisitionError
from acquisition.fetch.answer import Answer, read_head
from acquisition.network import AddressGuard

_ABORT: Final = -1


class Receiver(Protocol):
    """Who takes what a stream receives; both are called from inside libcurl and may raise to end the request."""

    def head(self, answer: Answer) -> None:
        """Take the final answer head, once, before any body."""

    def body(self, data: bytes) -> bool:
        """Take body bytes; False when no more are wanted."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What all streams share: who we are, whom we trust, how patiently and in which portions we read."""

    user_agent: str
    ca_file: str
    connect_timeout: float
    portion: int


@dataclass(slots=True)
class Request:
    """One GET: where, with which headers ("Name: value"), through which proxy, at most how fast."""

    url: str
    host: str
    headers: Sequence[str]
    guard: AddressGuard
    proxy: str | None = None
    bandwidth: int | None = None


class Stream:
    """A reusable curl handle. `begin` prepares a request, the multi loop drives it, `end` tells how it went."""

    __slots__ = (
        "_answered", "_bandwidth", "_failure", "_headers", "_lines", "_proxy", "_receiver", "_request", "_stopped",
        "curl", "received", "refusal", "window_bytes", "window_start",
    )  # fmt: skip

    def __init__(self, wire: Wire) -> None:
        self.curl: Any = pycurl.Curl()
        self._lines: list[bytes] = []
        self._headers: Sequence[str] = ()
        self._proxy: str | None = None
        self._bandwidth: int | None = None
        self._set_constants(wire)
        self._request: Request | None = None
        self._receiver: Receiver | None = None
        self._answered = self._stopped = False
        self._failure: BaseException | None = None
        self.refusal = ""
        self.received = 0
        self.window_start, self.window_bytes = 0.0, 0

    def _set_constants(self, wire: Wire) -> None:
        harden(self.curl, wire.ca_file)
        set_option = self.curl.setopt
        set_option(pycurl.CONNECTTIMEOUT_MS, max(1, int(wire.connect_timeout * 1000)))
        set_option(pycurl.TCP_KEEPALIVE, 1)
        set_option(pycurl.BUFFERSIZE, wire.portion)
        set_option(pycurl.USERAGENT, wire.user_agent)
        set_option(pycurl.HEADERFUNCTION, self._lines.append)  # libcurl itself caps a head at 300 kB
        set_option(pycurl.WRITEFUNCTION, self._on_body)
        set_option(pycurl.OPENSOCKETFUNCTION, self._on_open)
        set_option(pycurl.PREREQFUNCTION, self._on_request)

    def begin(self, request: Request, receiver: Receiver, now: float) -> None:
        """Prepare the handle for a request. The caller adds `curl` to its multi handle."""
        self._lines.clear()
        self._answered = self._stopped = False
        self._failure, self.refusal = None, ""
        self._request, self._receiver = request, receiver
        self.window_start, self.window_bytes, self.received = now, 0, 0
        set_option = self.curl.setopt
        set_option(pycurl.URL, request.url)
        if self._proxy != request.proxy:
            set_option(pycurl.PROXY, request.proxy or "")
            self._proxy = request.proxy
        if self._bandwidth != request.bandwidth:
            set_option(pycurl.MAX_RECV_SPEED_LARGE, request.bandwidth or 0)
            self._bandwidth = request.bandwidth
        if self._headers != request.headers:
            set_option(pycurl.HTTPHEADER, list(request.headers))
            self._headers = request.headers

    # --- called from inside libcurl; an exception would be printed and swallowed there, so it is kept and raised by `end` ---

    def _on_body(self, data: bytes) -> int | None:
        self.received += len(data)
        self.window_bytes += len(data)
        try:
            self._answer()
            assert self._receiver is not None
            if self._receiver.body(data):
                return None
            self._stopped = True
        except BaseException as error:  # noqa: BLE001  # kept for `end`, which raises it in the caller's frame
            self._failure = error
        return _ABORT

    def _answer(self) -> None:
        if not self._answered:
            self._answered = True
            assert self._receiver is not None
            self._receiver.head(read_head(self._lines))

    def _on_open(self, _purpose: int, address: Any) -> Handed | int:
        """Open the socket to one resolved address, or refuse it: what is checked is what is connected to."""
        family, kind, protocol, target = address
        assert self._request is not None
        if self._request.proxy is None and (reason := self._request.guard.refusal(self._request.host, str(target[0]))):
            self.refusal = reason
            return REFUSED
        return open_socket(family, kind, protocol)

    def _on_request(self, address: str, _local: str, _port: int, _local_port: int) -> int:
        """Check the peer again before each request: a connection of another source may be taken from the pool."""
        assert self._request is not None
        if self._request.proxy is None and (reason := self._request.guard.refusal(self._request.host, address)):
            self.refusal = reason
            return int(pycurl.PREREQFUNC_ABORT)
        return int(pycurl.PREREQFUNC_OK)

    def end(self, code: int) -> tuple[int, AcquisitionError | None]:
        """Return libcurl's code (0 for success, also when the receiver wanted no more) and the receiver's own error.

        Any other exception that was raised inside a callback is raised here.
        """
        if code == 0 and not self._answered:
            try:
                self._answer()
            except AcquisitionError as error:
                self._failure = error
        failure, self._failure = self._failure, None
        if failure is not None and not isinstance(failure, AcquisitionError):
            raise failure
        return (0 if self._stopped else code), failure

    @property
    def message(self) -> str:
        """What libcurl says about the failure."""
        return str(self.curl.errstr())

    def close(self) -> None:
        """Close the handle and forget who was served."""
        self._request = self._receiver = None
        self.curl.close()
