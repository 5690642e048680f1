"""A loopback stand-in for two search engines: SearXNG's JSON and the Brave Search API, with faults on request."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

KEY = "BSA-key-of-a-test"


@dataclass(slots=True)
class SearchServer:
    """Serves `results` (query → addresses in rank order) in pages of `per_page`. `fault` is a status and a body for all asks.

    Beyond the last page SearXNG answers an empty list; with `repeats` it gives the last page for ever, as some engines do.
    """

    results: Mapping[str, list[str]]
    per_page: int = 20
    repeats: bool = False
    fault: tuple[int, Any] | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                outer.asked.append((parts.path, query))
                status, body = outer._answer(parts.path, query, self.headers.get("X-Subscription-Token", ""))
                text = json.dumps(body).encode() if not isinstance(body, bytes) else body
                self.send_response(status)
                self.send_header("Content-Type", "text/html" if isinstance(body, bytes) else "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, path: str, query: dict[str, str], token: str) -> tuple[int, Any]:
        if self.fault is not None:
            return self.fault
        if path == "/res/v1/web/search":
            return self._brave(query, token)
        if path != "/search":
            return 404, {"message": "no such page"}
        if query.get("format") != "json":
            return 200, b"<html>results for people</html>"
        return 200, {
            "query": query["q"],
            "results": self._page(query["q"], int(query.get("pageno", "1")) - 1),
            "unresponsive_engines": [],
        }

    def _brave(self, query: dict[str, str], token: str) -> tuple[int, Any]:
        if token != KEY:
            detail = "The provided subscription token is invalid."
            return 422, {"type": "ErrorResponse", "error": {"code": "SUBSCRIPTION_TOKEN_INVALID", "detail": detail}}
        count, offset = int(query["count"]), int(query["offset"])
        if not 0 <= offset <= 9 or count > 20:
            return 422, {
                "type": "ErrorResponse",
                "error": {"code": "VALIDATION", "detail": "Unable to validate request parameter(s)"},
            }
        found = self.results.get(query["q"], [])
        part = found[offset * count : (offset + 1) * count]
        more = (offset + 1) * count < len(found)
        said = {"original": query["q"], "more_results_available": more}
        return 200, {
            "type": "search",
            "query": said,
            **({"web": {"results": [{"url": url, "title": "t"} for url in part]}} if part else {}),
        }

    def _page(self, query: str, number: int) -> list[dict[str, Any]]:
        found = self.results.get(query, [])
        last = max(0, (len(found) - 1) // self.per_page)
        number = min(number, last) if self.repeats else number
        return [
            {"url": url, "title": "t", "engine": "x"} for url in found[number * self.per_page : (number + 1) * self.per_page]
        ]
