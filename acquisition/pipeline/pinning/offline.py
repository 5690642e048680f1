"""Stands in for the client of a source when nobody may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Never

from acquisition.errors import NotHere
from acquisition.network import public_url
from acquisition.protocols import Answer, ApiClient


class Silence(ApiClient):
    """Asks nobody: every question raises NotHere and names the address that it was for."""

    def exchange(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Raise NotHere."""
        del method, headers, body
        _refuse(url)

    def get_json(self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """Raise NotHere."""
        del params, headers
        _refuse(url)

    def post_json(self, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """Raise NotHere."""
        del body, headers
        _refuse(url)

    def redirect_of(self, method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> str:
        """Raise NotHere."""
        del method, body, headers
        _refuse(url)

    def get_text(self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = 2_000_000) -> str:
        """Raise NotHere."""
        del headers, max_bytes
        _refuse(url)

    def close(self) -> None:
        """There is nothing to let go."""


def _refuse(url: str) -> Never:
    raise NotHere(
        "nobody is asked with --offline",
        where=public_url(url),
        hint="Run the same command without --offline where the network is.",
    )
