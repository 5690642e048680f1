"""huggingface_hub through our API client: its knowledge of the Hub, our guard, time-outs, retries and caps.

`HfApi` sends everything through one client of the process, made by a factory that can be replaced but not passed along
(2.4.0), and gives most calls no time-out. So while a source is being resolved the factory makes a client whose transport
looks up, per thread, which source is asking; whoever else uses huggingface_hub at that moment gets an ordinary transport,
and the factory that was there before is put back when the last source is done (docs/decisions/0004-adapters.md).

Importing this module imports huggingface_hub: import it inside a function.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin

import httpx2
from huggingface_hub import HfApi, set_client_factory
from huggingface_hub.utils import _http

from acquisition.errors import ProtocolError
from acquisition.network import origin, public_url
from acquisition.protocols import ApiClient

TIMEOUT: Final = 120.0
"""Seconds for one call as huggingface_hub sees it; the API client's own, shorter limits come first."""
MOST_QUESTIONS: Final = 20_000
"""Requests for one source: a listing of two million files has 2,000 pages, an endless one has no last."""
_LINK: Final = re.compile(r"<([^<>]*)>")
_DROPPED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True)
class _Asking:
    """Whose questions these are, and to which endpoint its token belongs."""

    api: ApiClient
    endpoint: str
    asked: set[str] = field(default_factory=set)

    def count(self, url: str) -> None:
        """Note a page that is asked for; ProtocolError when it has been asked for before, or when the pages do not end."""
        if url in self.asked or len(self.asked) >= MOST_QUESTIONS:
            raise ProtocolError(
                "the Hub's listing does not end: a page names one that was there already", where=public_url(url)
            )
        self.asked.add(url)


_asking: Final[ContextVar[_Asking | None]] = ContextVar("_asking", default=None)


class _Routed(httpx2.BaseTransport):
    """Carries a request through the API client of the source that is asking in this thread."""

    def __init__(self) -> None:
        self._ordinary = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        asking = _asking.get()
        if asking is None:
            return self._ordinary.handle_request(request)
        if request.url.path.endswith("/api/agent-harnesses"):
            return httpx2.Response(404, request=request)  # huggingface_hub's daily look at who uses it; nobody asked for it
        url = str(request.url)
        if "/tree/" in request.url.path:
            asking.count(url)
        headers = dict(request.headers)
        if origin(url) != origin(asking.endpoint):  # a Link to a next page may name any host
            headers.pop("authorization", None)
        headers.pop("host", None)
        answer = asking.api.exchange(request.method, url, headers=headers, body=request.read() or None)
        kept = {name: value for name, value in answer.headers.items() if name not in _DROPPED}
        if "link" in kept:  # huggingface_hub asks for a next page as it is written, and a relative address has no host
            kept["link"] = _LINK.sub(lambda found: f"<{urljoin(url, found[1])}>", kept["link"])
        return httpx2.Response(answer.status, headers=kept, content=answer.body, request=request)

    def close(self) -> None:
        self._ordinary.close()


def _client() -> httpx2.Client:
    return httpx2.Client(transport=_Routed(), follow_redirects=True, max_redirects=5, timeout=TIMEOUT)


class _Installed:
    """Counts the sources that are being resolved; the first installs the factory, the last puts the old one back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: Callable[[], httpx2.Client] = _http.default_client_factory

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._before = _http._GLOBAL_CLIENT_FACTORY  # noqa: SLF001  # there is no public way to read it
                set_client_factory(_client)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                set_client_factory(self._before)


_INSTALLED: Final = _Installed()


@contextmanager
def hub(api: ApiClient, endpoint: str, *, token: str, user_agent: str) -> Iterator[HfApi]:
    """Lend a real HfApi whose requests go through `api`; `token` is "" for nobody's. Use it in the thread that asked."""
    mark = _asking.set(_Asking(api, endpoint))
    try:
        with _INSTALLED:
            yield HfApi(endpoint=endpoint, token=token or False, headers={"user-agent": user_agent})
    finally:
        _asking.reset(mark)
