"""What pages, answers and media files say by machine of their license and use, as columns of an item."""

from __future__ import annotations

from typing import Any, Final

from acquisition.read.items import canonical
from acquisition.rights.signals import Signal, bounded, embedded, page_claim, read

MAX_RECORDED: Final = 100
"""Signals of one item."""


def statements(url: str, headers: object, body: bytes) -> dict[str, Any]:
    """Return the columns `signals`, `license_raw` and `license_url` of a page or an archived answer, decoded."""
    found = read(url, headers, body)
    raw, address = page_claim(found)
    return {"signals": _written(found), "license_raw": raw, "license_url": address}


def inside(body: Any) -> str | None:
    """Return the column `signals` of a media file: what its metadata say. `body` is bytes or a map of the file."""
    return _written(embedded(body))


def _written(found: list[Signal]) -> str | None:
    return canonical([one.record() for one in bounded(found, MAX_RECORDED)]).decode() if found else None
