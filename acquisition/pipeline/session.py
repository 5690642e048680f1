"""What one run works with: the declaration, the workspace, the lock, the clock, and who listens."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from acquisition import api, declare, network, plugins
from acquisition.curate.policy import Policy
from acquisition.errors import Interrupted, UsageError
from acquisition.fetch import DownloadLimits
from acquisition.lock import Lock, read_lock, write_lock
from acquisition.model import Release, Use
from acquisition.network import AddressGuard
from acquisition.pipeline.pinning.offline import Silence
from acquisition.protocols import Reporter, ResolveContext, Silent, Source, SourceAdapter
from acquisition.settings import SourceSettings
from acquisition.workspace import Workspace, utc_now

DEFAULT_FILE: Final = "sources.yaml"
DEFAULT_WORKSPACE: Final = "data"


@dataclass(frozen=True)
class Session:
    """One opened declaration. Nothing has been asked or written yet.

    `only` names the sources whose bytes are moved, () for all (the others take part with what is here already);
    `workers` is the number of processes, 0 for one per core; `stop` is set by Ctrl-C and ends the run cleanly;
    `patience` holds the downloader's time-outs and retries (its ceilings are taken from the declaration). With `offline`
    nobody is asked anything.
    """

    declared: declare.Declared
    workspace: Workspace
    reporter: Reporter = field(default_factory=Silent)
    stop: threading.Event = field(default_factory=threading.Event)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    only: tuple[str, ...] = ()
    workers: int = 0
    patience: DownloadLimits = field(default_factory=DownloadLimits)
    offline: bool = False

    @property
    def lock_path(self) -> Path:
        """sources.lock beside sources.yaml, under the declaration's own name ("my.yaml" → "my.lock")."""
        return self.declared.path.with_suffix(".lock")

    @cached_property
    def lock(self) -> Lock:
        """The lock as it was when the run began."""
        return read_lock(self.lock_path)

    def known(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names, or raise UsageError when one of them is not declared."""
        declared = [source.name for source in self.declared.sources]
        asked = tuple(names)
        for name in asked:
            if name not in declared:
                hint = f"Declared are: {', '.join(declared) or 'none'}."
                raise UsageError(f"no source is called {name!r}", where=str(self.declared.path), hint=hint)
        return asked

    @property
    def use(self) -> Use:
        """What the set is for."""
        declared = self.declared.declaration.dataset.use
        return Use(declared.training, declared.commercial, declared.redistribute, declared.derivatives)

    @cached_property
    def policy(self) -> Policy:
        """The user's rules, then the built-in ones."""
        return Policy(self.declared.declaration.policy)

    def watched(self, what: str, of_files: int = 0, of_bytes: int = 0) -> Callable[[int, int], None]:
        """Return what work on the set as a whole tells its files and bytes so far; totals are 0 where nobody knows them."""

        def tell(files: int, size: int) -> None:
            self.reporter.event("work-progress", what=what, files=files, bytes=size, of_files=of_files, of_bytes=of_bytes)

        return tell

    @cached_property
    def user_agent(self) -> str:
        """Who we are and how to reach us."""
        return network.user_agent(self.declared.declaration.contact)

    def guard(self, source: Source) -> AddressGuard:
        """Return the address guard of a source: public addresses, and what its declaration names literally."""
        return AddressGuard(declared_urls(source.settings))

    @cached_property
    def _clients(self) -> dict[str, api.Client | Silence]:
        if self.offline:
            return {source.name: Silence() for source in self.declared.sources}
        return {
            source.name: api.Client(guard=self.guard(source), user_agent=self.user_agent) for source in self.declared.sources
        }

    @cached_property
    def _adapters(self) -> dict[str, SourceAdapter]:
        return {source.name: plugins.adapter(source.settings.kind) for source in self.declared.sources}

    def adapter(self, source: Source) -> SourceAdapter:
        """Return the source's adapter: one for the whole run, so that it may remember what it learned of its server."""
        return self._adapters[source.name]

    def close(self) -> None:
        """Let connections go."""
        for client in self.__dict__.pop("_clients", {}).values():
            client.close()

    def context(self, source: Source, pin: Release | None = None) -> ResolveContext:
        """Return what the source's adapter may use."""
        return ResolveContext(
            api=self._clients[source.name],
            environment=self.environment,
            now=utc_now,
            base=self.declared.path.parent,
            user_agent=self.user_agent,
            pin=pin,
            cache=self.workspace.crawl / source.name / "lists",
        )

    def save_lock(self, lock: Lock) -> None:
        """Write the lock, without sources that are no longer declared."""
        write_lock(self.lock_path, lock.restricted_to(source.name for source in self.declared.sources))

    def check_stop(self) -> None:
        """Raise Interrupted when a stop was asked for."""
        if self.stop.is_set():
            raise Interrupted("stopped as asked; what was done is kept", hint="Run the same command again to go on.")

    @contextmanager
    def held(self, command: str) -> Iterator[None]:
        """Hold the workspace for one command."""
        with self.workspace.locked(command):
            try:
                yield
            finally:
                self.close()


def declared_urls(settings: SourceSettings) -> tuple[str, ...]:
    """Return every URL that the user wrote in a source's declaration."""
    return tuple(_urls_in(settings.model_dump(mode="json")))


def _urls_in(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _urls_in(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _urls_in(entry)


def open_session(
    path: Path,
    workspace: Path | None = None,
    *,
    only: tuple[str, ...] = (),
    reporter: Reporter | None = None,
    stop: threading.Event | None = None,
    workers: int = 0,
    environment: Mapping[str, str] | None = None,
    offline: bool = False,
) -> Session:
    """Read the declaration and return a session; the workspace is `data` beside it unless another is named.

    Raises DeclarationError with every problem at once, and UsageError when `only` names what is not declared.
    """
    environment = dict(os.environ) if environment is None else environment
    declared = declare.load(path, environment=environment)
    session = Session(
        declared=declared,
        workspace=Workspace((workspace or path.parent / DEFAULT_WORKSPACE).absolute()),
        reporter=reporter or Silent(),
        stop=stop or threading.Event(),
        environment=environment,
        only=only,
        workers=workers,
        offline=offline,
    )
    session.known(only)
    return session
