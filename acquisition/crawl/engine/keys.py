"""The key under which a URL stands in the frontier: one for all addresses that name the same page."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from acquisition.sameness.addresses import canonical

KEY_BYTES: Final = 16


def key_of(url: str, method: str = "GET", more: str = "") -> bytes:
    """Return the 16 bytes of a URL in the frontier; `more` tells apart what is asked of one page in several ways."""
    return blake2b(f"{method} {canonical(url)}\n{more}".encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
