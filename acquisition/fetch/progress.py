"""Received bytes as a few events a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from acquisition.fetch.transfer import Transfer

if TYPE_CHECKING:
    from acquisition.protocols import Reporter  # loads every settings model, which nothing here needs


class Progress:
    """Gathers received bytes into a few events a second, one per source."""

    def __init__(self, reporter: Reporter, clock: Callable[[], float]) -> None:
        self._reporter, self._clock = reporter, clock
        self._bytes: dict[str, tuple[str, int]] = {}
        self._told = float("-inf")

    def add(self, transfer: Transfer, size: int) -> None:
        """Take note of bytes received for an asset."""
        path, before = self._bytes.get(transfer.source, (transfer.asset.path, 0))
        self._bytes[transfer.source] = (path if path == transfer.asset.path else "", before + size)

    def tell(self, *, final: bool = False) -> None:
        """Report at most ten times a second; `path` is "" when the bytes belong to several files."""
        now = self._clock()
        if not self._bytes or (not final and now - self._told < 0.1):
            return
        self._told = now
        for source, (path, size) in self._bytes.items():
            self._reporter.event("transfer-bytes", source=source, path=path, bytes=size)
        self._bytes.clear()
