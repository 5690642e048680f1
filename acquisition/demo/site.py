"""The face of an ordinary small web site: pages, media, redirects and a robots.txt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acquisition.demo.blobs import Stored, serve
from acquisition.demo.wire import Headers, Reply, Request, whole

_MISSING = b"<!DOCTYPE html>\n<html><head><title>Not found</title></head><body><p>There is no such page.</p></body></html>\n"


class Site:
    """The web server. What is not added is 404; without a robots.txt every path may be asked."""

    def __init__(self, base_url: Callable[[], str]) -> None:
        self._base_url = base_url
        self._pages: dict[str, tuple[int, Stored]] = {}

    @property
    def base_url(self) -> str:
        """Where the site listens."""
        return self._base_url()

    def add(
        self,
        path: str,
        body: bytes | str | Path,
        headers: Headers = (),
        *,
        media_type: str = "text/html; charset=utf-8",
        status: int = 200,
    ) -> str:
        """Publish a page or file under a path (a query belongs to it) and return its URL."""
        content = body.encode() if isinstance(body, str) else body
        self._pages[path] = (status, Stored(content, media_type, headers=headers))
        return f"{self.base_url}{path}"

    def robots(self, text: str | bytes, *, status: int = 200) -> None:
        """Publish the robots.txt."""
        self.add("/robots.txt", text, media_type="text/plain; charset=utf-8", status=status)

    def redirect(self, path: str, to: str, *, status: int = 301) -> None:
        """Publish a redirect to a URL or path."""
        self.add(path, b"", (("Location", to),), status=status)

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        query = request.target.partition("?")[2]
        found = self._pages.get(f"{request.path}?{query}" if query else request.path) or self._pages.get(request.path)
        if found is None:
            return Reply(404, (("Content-Type", "text/html; charset=utf-8"),), whole(_MISSING))
        status, stored = found
        if status == 200:
            return serve(stored, request)
        return Reply(status, (("Content-Type", stored.media_type), *stored.headers), whole(stored.content))
