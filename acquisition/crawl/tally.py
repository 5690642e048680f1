"""Counts what a crawl does, and writes down by name whatever it did not fetch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REFUSALS_FILE: Final = "refusals.jsonl"
EXAMPLES: Final = 1_000
"""Addresses written down per reason; beyond that they are only counted."""


@dataclass(frozen=True, slots=True)
class Missed:
    """One address that was not fetched: `what` is "refused" (a rule or limit) or "failed" (tried in vain), and why."""

    at: str
    what: str
    reason: str
    url: str
    detail: str


def missed_in(directory: Path) -> Iterator[Missed]:
    """Yield what the run in this directory did not fetch, as far as it was written down."""
    path = directory / REFUSALS_FILE
    if path.exists():
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                yield Missed(**json.loads(line))


class Tally:
    """Counters of one run and its list of refusals and failures.

    The list begins anew when a run is resumed: the spider is then run again over what was archived, and meets every
    refusal again, while what failed is tried again and may succeed.
    """

    def __init__(self, directory: Path, now: Callable[[], str]) -> None:
        self.pages = 0
        self.items = 0
        self.bytes = 0
        self.refused: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._now = now
        self._seen: set[int] = set()
        self._stream = (directory / REFUSALS_FILE).open("w", encoding="utf-8")

    def refuse(self, reason: str, url: str, detail: str = "") -> None:
        """Count something that a rule or a limit kept from being fetched or kept; the same twice counts once."""
        self._count("refused", self.refused, reason, url, detail)

    def fail(self, reason: str, url: str, detail: str = "") -> None:
        """Count something that was tried in vain; the same twice counts once."""
        self._count("failed", self.failed, reason, url, detail)

    def _count(self, what: str, counter: Counter[str], reason: str, url: str, detail: str) -> None:
        key = hash((what, reason, url))
        if key in self._seen:
            return
        self._seen.add(key)
        counter[reason] += 1
        if counter[reason] <= EXAMPLES:
            entry = {"at": self._now(), "what": what, "reason": reason, "url": url, "detail": detail[:500]}
            self._stream.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Close the list."""
        self._stream.close()
