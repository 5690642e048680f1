"""A loopback site of pages that link to each other, in a process of its own, with a log of who was asked when.

The log is the server's own word: (host, path, arrival, end) per answer, with the clock of the machine. The end is noted before
the answer is written: once it has left, this thread may have to wait for a core (22 ms were seen on a loaded machine) until it
can look at the clock, and the crawler's delay runs already.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread


@dataclass
class LinkedPages:
    """`count` pages on each of the hosts; page n links to a few others, and most are met often."""

    count: int
    hosts: tuple[str, ...] = ("127.0.0.1",)
    latency: float = 0.0
    robots: bytes = b"User-agent: *\nDisallow:\n"
    port: int = 0
    log: list[tuple[str, str, float, float]] = field(default_factory=list)

    def url(self, host: str = "127.0.0.1", path: str = "/p0") -> str:
        """Return an address of the site."""
        return f"http://{host}:{self.port}{path}"

    def asked(self) -> Counter[tuple[str, str]]:
        """Count how often each page was asked for, without files about rights."""
        return Counter((host, path) for host, path, *_ in self.log if path.startswith("/p"))

    def answer(self, host: str, path: str) -> tuple[int, str, bytes]:
        """Return status, media type and body."""
        if path == "/robots.txt":
            return 200, "text/plain", self.robots
        number = path.removeprefix("/p")
        if not number.isdecimal() or int(number) >= self.count:
            return 404, "text/html", b"<p>not here</p>"
        index = int(number)
        steps = (1, 2, 7, index + 1, 2 * index + 1, 2 * index + 2)
        links = "".join(f'<a href="/p{(index + step) % self.count}">x</a>' for step in steps)
        home = f'<a href="http://{self.hosts[(self.hosts.index(host) + 1) % len(self.hosts)]}:{self.port}/p0">next</a>'
        return 200, "text/html; charset=utf-8", f"<h1>Page {index}</h1><p>Text of {index}.</p>{links}{home}".encode()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, request after request."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                arrived = time.time()
                path = head.split(b" ", 2)[1].decode()
                host = str(writer.get_extra_info("sockname")[0])
                if self.latency:
                    await asyncio.sleep(self.latency)
                status, kind, body = self.answer(host, path)
                head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                self.log.append((host, path, arrived, time.time()))
                writer.write(head + body)
                await writer.drain()


@contextmanager
def serving_pages(site: LinkedPages) -> Iterator[LinkedPages]:
    """Serve the site on one free port of all its hosts."""
    ready, over = Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        servers = [await asyncio.start_server(site.handle, site.hosts[0], 0)]
        site.port = servers[0].sockets[0].getsockname()[1]
        servers += [await asyncio.start_server(site.handle, host, site.port) for host in site.hosts[1:]]
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
        yield site
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()
