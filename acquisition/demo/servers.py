"""The world: one loopback server per service, one storage service for all of them, one log, one set of faults."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Self

from acquisition.demo.blobs import Storage
from acquisition.demo.collective import Collective
from acquisition.demo.faults import Fault, Faults, Handler
from acquisition.demo.hub import Hub
from acquisition.demo.kaggle import Kaggle
from acquisition.demo.site import Site
from acquisition.demo.uci import Uci
from acquisition.demo.wire import Request, Server

__all__ = ["Fault", "Faults", "Request", "World"]


class World:
    """Servers on 127.0.0.1, each on a port of its own, from construction until `close`.

    `log` holds every request of every face in the order of the answers; `faults` may be added at any time.
    `clock` gives Unix time for signed URLs; `ports` are tried first for the faces that it names.
    """

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        clock: Callable[[], float] = time.time,
        ports: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.faults = faults if faults is not None else Faults()
        self.log: list[Request] = []
        self._servers: dict[str, Server] = {}
        self.storage = Storage(partial(self._base_url, "storage"), clock)
        self.kaggle = Kaggle(partial(self._base_url, "kaggle"), self.storage)
        self.hub = Hub(partial(self._base_url, "hub"), self.storage)
        self.uci = Uci(partial(self._base_url, "uci"))
        self.collective = Collective(partial(self._base_url, "collective"), self.storage)
        self.site = Site(partial(self._base_url, "site"))
        for face, handler in self._faces():
            self._servers[face] = Server(face, partial(self.faults.respond, handler=handler), self.log, ports.get(face, 0))

    def __enter__(self) -> Self:
        """Return the world, whose servers run already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close all servers."""
        self.close()

    def close(self) -> None:
        """Stop all servers and wait for their threads."""
        for server in self._servers.values():
            server.close()

    @property
    def ports(self) -> Mapping[str, int]:
        """Face → port."""
        return {face: server.port for face, server in self._servers.items()}

    def requests(self, face: str = "", path: str = "") -> list[Request]:
        """Return the logged requests of one face, to paths that begin with `path`."""
        return [request for request in self.log if face in ("", request.face) and request.path.startswith(path)]

    def _base_url(self, face: str) -> str:
        return self._servers[face].base_url

    def _faces(self) -> tuple[tuple[str, Handler], ...]:
        return (
            ("storage", self.storage.answer),
            ("kaggle", self.kaggle.answer),
            ("hub", self.hub.answer),
            ("uci", self.uci.answer),
            ("collective", self.collective.answer),
            ("site", self.site.answer),
        )
