"""Where a set goes: `hf://datasets/OWNER/NAME`, and the endpoint of the Hub that it lies on."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from acquisition.errors import UsageError

HUB: Final = "https://huggingface.co"
_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_TARGET: Final = re.compile(rf"(?:hf://datasets/)?({_NAME}/{_NAME})/?")


@dataclass(frozen=True, slots=True)
class Target:
    """A dataset repository ("owner/name") on a Hub (`endpoint`, without a final slash)."""

    repo: str
    endpoint: str = HUB

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{self.endpoint}/datasets/{self.repo}"


def target_of(text: str, endpoint: str = "") -> Target:
    """Return the target that a text names; UsageError says what would be accepted.

    A token is sent to the endpoint, so nothing but https is accepted, except on loopback.
    """
    found = _TARGET.fullmatch(text.strip())
    if found is None or "--" in found[1] or ".." in found[1]:
        raise UsageError(f"{text!r} names no dataset repository", hint="Write hf://datasets/OWNER/NAME, or OWNER/NAME.")
    where = (endpoint or HUB).rstrip("/")
    parts = urlsplit(where)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise UsageError(f"{endpoint!r} is no address of a Hub", hint=f"Write an address such as {HUB}.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise UsageError(
            f"a token would be sent in the clear to {parts.hostname}", hint="Give an address that begins with https://."
        )
    return Target(found[1], where)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
