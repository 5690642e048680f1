"""HTTP/1.1 by hand on loopback sockets, because a server that misbehaves on request needs every byte under its control.

A handler turns a Request into a Reply; what is done with the reply on the wire (cut it, stall, lie about its length) is a
Delivery. Nothing here is meant for any network but 127.0.0.1.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, Self, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

CHUNK: Final = 64 * 1024
_HEAD_LIMIT: Final = 64 * 1024
_BODY_LIMIT: Final = 4 * 1024 * 1024
_IDLE_SECONDS: Final = 60.0


@dataclass(slots=True)
class Request:
    """One request as it came, and what became of it; the log of the world is a list of these.

    `target` is the raw request target, `path` its decoded path, `headers` have lower-case names. `host` is the Host header.
    `status` and `bytes_sent` (of the body) are filled in while the answer is sent; `at` is a Unix time in seconds.
    """

    face: str
    method: str
    host: str
    port: int
    target: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    at: float = 0.0
    status: int = 0
    bytes_sent: int = 0

    @property
    def path(self) -> str:
        """The decoded path, without the query."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The query's last value by name."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query, keep_blank_values=True).items()}


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of some bytes in memory or in a file: from `start` up to `stop`, both in bytes."""

    content: bytes | Path
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 64 KiB."""
        if isinstance(self.content, bytes):
            for at in range(self.start, self.stop, CHUNK):
                yield self.content[at : min(at + CHUNK, self.stop)]
            return
        with self.content.open("rb") as stream:
            stream.seek(self.start)
            left = self.size
            while left and (piece := stream.read(min(CHUNK, left))):
                left -= len(piece)
                yield piece

    def read(self) -> bytes:
        """Return all of it."""
        return b"".join(self.chunks())


def whole(content: bytes | Path) -> Slice:
    """Return all of some content as a slice."""
    return Slice(content, 0, len(content) if isinstance(content, bytes) else content.stat().st_size)


Framing: TypeAlias = Literal["length", "chunked", "close"]
Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers. `framing` says how the body's end is told: by Content-Length, by chunks, or by closing."""

    status: int = 200
    headers: Headers = ()
    body: Slice = field(default_factory=lambda: Slice(b"", 0, 0))
    framing: Framing = "length"

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def json_reply(value: object, status: int = 200, headers: Headers = ()) -> Reply:
    """Return a value as a JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    return Reply(status, (("Content-Type", "application/json; charset=utf-8"), *headers), whole(body))


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a reply goes over the wire; the defaults deliver it honestly.

    `stop_at` is the number of body bytes after which `ending` happens: "close" ends the connection, "reset" sends RST,
    "stall" sends nothing more for `pause` seconds. `pace` is (bytes, seconds): that many bytes, then that long a sleep.
    `slow_head` is the pause in seconds between the bytes of the status line. `length` overrides Content-Length.
    """

    reply: Reply
    stop_at: int | None = None
    ending: Literal["close", "reset", "stall"] = "close"
    pause: float = 0.0
    pace: tuple[int, float] | None = None
    slow_head: float = 0.0
    length: int | None = None


Respond: TypeAlias = Callable[[Request], Delivery]


class _Stopped(Exception):
    """The connection is to be closed now."""


class Server:
    """One loopback server on a port of its own: a thread that accepts, and one per connection.

    `respond` is called from many threads. `close` returns after all of them have ended. `port` is taken if it is free.
    """

    def __init__(self, face: str, respond: Respond, log: list[Request], port: int = 0) -> None:
        self.face = face
        self._respond = respond
        self._log = log
        self._closing = threading.Event()
        self._guard = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._listener = _listen(port)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name=f"{face}-accept", daemon=True)
        self._acceptor.start()

    @property
    def base_url(self) -> str:
        """Scheme, address and port, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Return the server, which runs already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the server."""
        self.close()

    def close(self) -> None:
        """Stop accepting, cut what is open and wait for the threads."""
        self._closing.set()
        self._acceptor.join()
        self._listener.close()
        with self._guard:
            threads = list(self._open.values())
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            connection, _ = self._listener.accept()
            thread = threading.Thread(target=self._serve, args=(connection,), name=f"{self.face}-serve", daemon=True)
            with self._guard:
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_IDLE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection.makefile("rb") as stream:
                while not self._closing.is_set() and (request := self._next(stream)):
                    self._answer(connection, request)
                    if request.headers.get("connection", "").lower() == "close":
                        break
        except (_Stopped, OSError):  # the peer went away, sent no HTTP, or a fault ends the connection here
            pass
        finally:
            with self._guard:
                self._open.pop(connection, None)
            connection.close()

    def _next(self, stream: IO[bytes]) -> Request | None:
        try:
            return self._receive(stream)
        except ValueError as error:  # what came is no HTTP
            raise _Stopped from error

    def _receive(self, stream: IO[bytes]) -> Request | None:
        line = stream.readline(_HEAD_LIMIT).decode("latin-1")
        if not line.strip():
            return None
        method, target, _ = line.split(" ", 2)
        headers: dict[str, str] = {}
        while (field_line := stream.readline(_HEAD_LIMIT).decode("latin-1")) not in ("\r\n", "\n", ""):
            name, _, value = field_line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = min(int(headers.get("content-length", "0")), _BODY_LIMIT)
        body = _read_chunked(stream) if headers.get("transfer-encoding", "").lower() == "chunked" else stream.read(length)
        return Request(self.face, method, headers.get("host", ""), self.port, target, headers, body, time.time())

    def _answer(self, connection: socket.socket, request: Request) -> None:
        delivery = self._respond(request)
        request.status = delivery.reply.status
        with self._guard:
            self._log.append(request)
        self._send_head(connection, request, delivery)
        if request.method == "HEAD" or delivery.reply.status in (204, 304):
            return
        for piece in _pieces(delivery):
            framed = b"%x\r\n%b\r\n" % (len(piece), piece) if delivery.reply.framing == "chunked" else piece
            connection.sendall(framed)
            request.bytes_sent += len(piece)
            if delivery.pace and self._closing.wait(delivery.pace[1]):
                raise _Stopped
        self._end_body(connection, delivery)

    def _send_head(self, connection: socket.socket, request: Request, delivery: Delivery) -> None:
        reply = delivery.reply
        reason = HTTPStatus(reply.status).phrase if reply.status in HTTPStatus.__members__.values() else "Unknown"
        lines = [f"HTTP/1.1 {reply.status} {reason}", f"Date: {formatdate(request.at, usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        if reply.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif reply.framing == "close":
            lines.append("Connection: close")
        elif reply.header("content-length") is None:
            lines.append(f"Content-Length: {reply.body.size if delivery.length is None else delivery.length}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if delivery.slow_head:
            for at in range(len(head)):
                connection.sendall(head[at : at + 1])
                if self._closing.wait(delivery.slow_head):
                    raise _Stopped
        else:
            connection.sendall(head)

    def _end_body(self, connection: socket.socket, delivery: Delivery) -> None:
        if delivery.stop_at is None:
            if delivery.reply.framing == "chunked":
                connection.sendall(b"0\r\n\r\n")
            if delivery.reply.framing == "close" or delivery.length not in (None, delivery.reply.body.size):
                raise _Stopped
            return
        if delivery.ending == "stall":
            self._wait_for_peer(connection, delivery.pause)
        if delivery.ending == "reset":
            self._closing.wait(0.05)  # let the peer read what was sent: a reset may throw away what lies unread
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Stopped

    def _wait_for_peer(self, connection: socket.socket, seconds: float) -> None:
        """Send nothing until the peer hangs up, the time is over or the server is closed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._closing.is_set():
            if select.select([connection], [], [], 0.05)[0] and connection.recv(1, socket.MSG_PEEK) == b"":
                return


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=128)
    except OSError:
        if not port:
            raise
        return socket.create_server(("127.0.0.1", 0), backlog=128)


def _pieces(delivery: Delivery) -> Iterator[bytes]:
    """Yield the body as it is to be sent: up to `stop_at`, in pieces of at most the pace's size."""
    left = delivery.reply.body.size if delivery.stop_at is None else delivery.stop_at
    step = delivery.pace[0] if delivery.pace else CHUNK
    for chunk in delivery.reply.body.chunks():
        allowed = chunk[: max(left, 0)]
        left -= len(allowed)
        for at in range(0, len(allowed), step):
            yield allowed[at : at + step]


def _read_chunked(stream: IO[bytes]) -> bytes:
    body = b""
    while (size := int(stream.readline(_HEAD_LIMIT).split(b";")[0], 16)) and len(body) < _BODY_LIMIT:
        body += stream.read(size)
        stream.readline(_HEAD_LIMIT)
    stream.readline(_HEAD_LIMIT)
    return body
