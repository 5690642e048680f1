"""What the archive keeps beside an answer: by which rule it was fetched, and what else was looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from acquisition.crawl.contract import Ask, Ruling

_MOST: Final = 1_000
_MAX_BYTES: Final = 16_000_000
"""Bytes of the files that are held for what was said of them."""

_Files = Mapping[str, bytes | None]


class Decisions:
    """Makes the records of one process; what is the same for all URLs of a site on which one rule decides is made once."""

    def __init__(self) -> None:
        self._sites: dict[tuple[int, int], tuple[dict[str, Any], Ruling, _Files]] = {}
        self._held = 0

    def of(self, ask: Ask, ruling: Ruling, files: _Files) -> dict[str, Any]:
        """Return the record of one visit."""
        return {**self._of_site(ruling, files), "referrer": ask.referrer, "kind": ask.kind}

    def _of_site(self, ruling: Ruling, files: _Files) -> dict[str, Any]:
        key = id(ruling), id(files)  # both are held while the key is, so nothing else has their identity
        known = self._sites.get(key)
        if known is not None:
            return known[0]
        found = {
            "robots": ruling.record(),
            "policies": {name: hashlib.sha256(body).hexdigest() for name, body in sorted(files.items()) if body is not None},
            "policies_unknown": sorted(name for name, body in files.items() if body is None),
        }
        if len(self._sites) >= _MOST or self._held > _MAX_BYTES:
            self._sites.clear()
            self._held = 0
        self._sites[key] = found, ruling, files
        self._held += sum(len(body or b"") for body in (ruling.body, *files.values()))
        return found
