"""A web site and its media host on loopback addresses of their own, with what each was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RIGHTS = ("/robots.txt", "/.well-known/", "/ai.txt", "/trust.txt")


@dataclass
class Host:
    """One host. `routes` maps a path to (content type, body); anything else is 404."""

    routes: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    url: str = ""

    def page(self, path: str, body: str, title: str = "") -> None:
        """Add a page with enough words to be one."""
        words = "".join(
            f"<p>{title or path} has a sentence number {number} that says something about birds.</p>" for number in range(4)
        )
        head = f"<title>{title}</title>" if title else ""
        text = (
            f'<!doctype html><html lang="en"><head>{head}</head><body><main><h1>{title}</h1>{words}{body}</main></body></html>'
        )
        self.routes[path] = ("text/html; charset=utf-8", text.encode())

    def visits(self) -> list[str]:
        """Return what was asked for beside the files about rights, sorted."""
        return sorted(path for path in self.asked if not path.startswith(RIGHTS))


@contextmanager
def serving(host: Host, address: str) -> Iterator[Host]:
    """Serve a host on a loopback address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            host.asked.append(self.path)
            found = host.routes.get(self.path)
            kind, body = found or ("text/html", b"not here")
            self.send_response(200 if found else 404)
            for name, value in {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                **host.headers.get(self.path, {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server((address, 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    host.url = f"http://{address}:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
