"""JSON-LD contexts that the papers name by an address. None is fetched and none is passed on.

Croissant's context stands in the document itself. The context of SPDX 3.0.1 is part of a specification under
Community-Spec-1.0; no copy of it comes with this program, so its address is named and no digest of it is known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

_WHY: Final = "no copy of it comes with acquisition; readers that expand the document get it from its address"


def contexts(manifest: Path) -> list[dict[str, Any]]:
    """Return per address which papers name it as their context, that it is not included, and why."""
    found: dict[str, list[str]] = {}
    for path in sorted(manifest.glob("*.json")):
        for address in _named(path):
            found.setdefault(address, []).append(path.name)
    return [
        {"url": address, "named_by": names, "included": False, "sha256": "", "why": _WHY}
        for address, names in sorted(found.items())
    ]


def _named(path: Path) -> Iterator[str]:
    value = _read(path)
    told = value.get("@context") if isinstance(value, dict) else None
    for entry in told if isinstance(told, list) else [told]:
        if isinstance(entry, str) and entry.startswith(("http://", "https://")):
            yield entry


def _read(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except ValueError:
        return None
