"""Many loopback hosts that serve what a list of media meets: good pictures, and every way of not giving one.

What a path does is told by its name; each misbehaviour has a host of its own, so that it costs no other host anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import unquote

from PIL import Image

JPEG, PNG, WEBP, GIF = "jpg", "png", "webp", "gif"
_FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}
LARGE = 300_000
"""Bytes of `/large.jpg`."""


def picture(name: str, size: tuple[int, int] = (240, 180), form: str = "jpg") -> bytes:
    """A mosaic that differs from every other name's, and in which no filter sees anything wrong; GIFs have two frames."""
    tiles = Image.frombytes("RGB", (24, 18), random.Random(name).randbytes(1_296))
    image = tiles.resize(size, Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    if form == "gif":
        other = Image.new("RGB", size, "white")
        image.save(buffer, "GIF", save_all=True, append_images=[other])
    else:
        image.save(buffer, _FORMATS[form])
    return buffer.getvalue()


@dataclass
class MediaHosts:
    """Hosts 127.0.0.1 to 127.0.0.`hosts` on one port. `robots` maps a host to its robots.txt, `files` to other paths."""

    hosts: int = 12
    robots: Mapping[str, bytes] = field(default_factory=dict)
    files: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    latency: float = 0.0
    port: int = 0
    log: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The addresses of all hosts."""
        return [f"127.0.0.{number}" for number in range(1, self.hosts + 1)]

    def url(self, path: str, host: int = 1) -> str:
        """Return an address of a host."""
        return f"http://127.0.0.{host}:{self.port}{path}"

    def asked(self) -> Counter[str]:
        """Count how often each file was asked for, files about rights left out."""
        rights = ("/robots.txt", "/ai.txt", "/trust.txt", "/.well-known/")
        return Counter(f"{host}{path}" for host, path, _ in self.log if not path.startswith(rights))

    # --- what is sent

    def plain(self, host: str, path: str) -> tuple[int, list[str], bytes]:
        """Return status, headers and body of the paths that answer properly."""
        if path == "/robots.txt":
            body = self.robots.get(host, b"User-agent: *\nDisallow: /private/\n")
            return 200, ["Content-Type: text/plain"], body
        if (host, path) in self.files:
            return 200, [], self.files[host, path]
        name, _, ending = path.rpartition(".")
        if path.startswith("/good/") and ending in _FORMATS:
            return 200, [f"Content-Type: image/{ending}"], picture(name, form=ending)
        if path.startswith("/said/"):  # /said/<header line>/x.jpg
            return 200, [unquote(path.split("/")[2]), "Content-Type: image/jpeg"], picture(path)
        if path.startswith("/to/"):  # /to/<escaped address>
            return 302, [f"Location: {unquote(path[4:])}"], b""
        return self.special(path)

    def special(self, path: str) -> tuple[int, list[str], bytes]:
        """Return what one of the paths with a name of its own answers."""
        bomb = io.BytesIO()
        if path == "/bomb.png":
            Image.new("1", (10_000, 10_000)).save(bomb, "PNG")
        found: dict[str, tuple[int, list[str], bytes]] = {
            "/gone.jpg": (410, [], b"gone"),
            "/denied.jpg": (403, [], b"no"),
            "/html.jpg": (200, ["Content-Type: image/jpeg"], b"<!DOCTYPE html><title>photo unavailable</title>"),
            "/pixel.gif": (200, [], picture("p", (1, 1), "gif")),
            "/corrupt.jpg": (200, [], picture("corrupt")[:200]),
            "/bomb.png": (200, [], bomb.getvalue()),
            "/empty.jpg": (200, [], b""),
            "/large.jpg": (200, [], picture("large") + bytes(LARGE)),
        }
        return found.get(path, (404, [], b"not here"))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, request after request."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                host = str(writer.get_extra_info("sockname")[0])
                self.log.append((host, path, time.time()))
                if self.latency:
                    await asyncio.sleep(self.latency)
                if path == "/cut.jpg":
                    writer.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n\xff\xd8\xff")
                    await writer.drain()
                    return
                if path == "/drip.jpg":
                    await self.drip(writer)
                    return
                if path == "/busy.jpg" and sum(one[1] == path for one in self.log) == 1:
                    writer.write(b"HTTP/1.1 429 X\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
                    continue
                status, headers, body = self.plain(host, "/good/busy.jpg" if path == "/busy.jpg" else path)
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
                writer.write("\r\n".join(lines).encode("latin-1") + body)
                await writer.drain()

    async def drip(self, writer: asyncio.StreamWriter) -> None:
        """Send a byte now and then, until nobody listens."""
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 5000\r\n\r\n")
        for _ in range(200):
            writer.write(b"\xff")
            await writer.drain()
            await asyncio.sleep(0.5)


@contextmanager
def serving(hosts: MediaHosts) -> Iterator[MediaHosts]:
    """Serve on one free port of all hosts."""
    ready, over = Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        servers = [await asyncio.start_server(hosts.handle, hosts.names[0], 0)]
        hosts.port = servers[0].sockets[0].getsockname()[1]
        servers += [await asyncio.start_server(hosts.handle, name, hosts.port) for name in hosts.names[1:]]
        ready.set()
        await over.wait()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield hosts
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()
