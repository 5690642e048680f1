"""JSON-LD contexts that the papers name by an address. None is fetched: what is known here goes along, the rest is named.

Croissant's context stands in the document itself. The published context of SPDX 3.0.1 is not passed on; one of our own, with
the terms that the document uses, is, and the document expands with it without a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from acquisition.bundle import spdx_context
from acquisition.bundle.sinks import Entry

_UNKNOWN: Final = "no copy of it comes with acquisition; readers that expand the document get it from its address"
_OURS: Final = (
    "not the published text, which readers get from its address: a context of our own that gives each term of the document "
    "the same meaning"
)


def contexts(manifest: Path) -> list[dict[str, Any]]:
    """Return per address which papers name it as their context, the file of the bundle that stands for it, and why.

    `file` is "" where nothing stands for it: nobody here knows the address, or a paper uses terms that ours does not define.
    """
    named: dict[str, list[str]] = {}
    lacking: dict[str, list[str]] = {}
    for path in sorted(manifest.glob("*.json")):
        document = _read(path)
        for address in _named(document):
            named.setdefault(address, []).append(path.name)
            if address == spdx_context.ADDRESS:
                lacking.setdefault(address, []).extend(spdx_context.undefined(document))
    return [_told(address, names, lacking.get(address)) for address, names in sorted(named.items())]


def _told(address: str, names: list[str], lacking: list[str] | None) -> dict[str, Any]:
    file, why = "", _UNKNOWN
    if lacking:
        why = f"{_UNKNOWN}; ours does not define {', '.join(lacking)}"
    elif lacking is not None:
        file, why = spdx_context.FILE, _OURS
    return {"url": address, "named_by": names, "file": file, "why": why}


def context_entries(told: list[dict[str, Any]]) -> Iterator[Entry]:
    """Yield the contexts that go along."""
    if any(one["file"] == spdx_context.FILE for one in told):
        content = orjson.dumps(spdx_context.context(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        yield Entry(spdx_context.FILE, content=content)


def _named(value: Any) -> Iterator[str]:
    told = value.get("@context") if isinstance(value, dict) else None
    for entry in told if isinstance(told, list) else [told]:
        if isinstance(entry, str) and entry.startswith(("http://", "https://")):
            yield entry


def _read(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except ValueError:
        return None
