"""What a run has missed: counted as it happens, named from the frontier when it ends.

Addresses that were refused or failed stand in the frontier. What has no address of its own (a setting that was ignored, an item
that could not be written) is noted in the run's `notes.jsonl` at once, so that a kill loses none of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from acquisition.workspace import atomic_file

REFUSALS_FILE: Final = "refusals.jsonl"
NOTES_FILE: Final = "notes.jsonl"
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
    """Yield what the run in this directory did not fetch, at most EXAMPLES of each reason."""
    path = directory / REFUSALS_FILE
    if path.exists():
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                yield Missed(**json.loads(line))


class Tally:
    """The counters of one attempt, and the notes of the whole run."""

    def __init__(self, directory: Path, now: Callable[[], str]) -> None:
        self.refused: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._now = now
        self._path = directory / NOTES_FILE
        self._stream = self._path.open("a", encoding="utf-8")

    def refuse(self, reason: str) -> None:
        """Count an address that a rule or a limit kept from being fetched; it stands in the frontier."""
        self.refused[reason] += 1

    def fail(self, reason: str) -> None:
        """Count an address that was tried in vain; it stands in the frontier."""
        self.failed[reason] += 1

    def note(self, reason: str, url: str, detail: str = "", *, what: str = "refused") -> None:
        """Count and write down something that is no address of the frontier."""
        (self.refused if what == "refused" else self.failed)[reason] += 1
        missed = Missed(self._now(), what, reason, url, detail[:500])
        self._stream.write(json.dumps(asdict(missed), ensure_ascii=False) + "\n")
        self._stream.flush()

    def notes(self) -> Iterator[Missed]:
        """Yield the notes of all attempts, each once: a page that is gone through again says the same again."""
        seen: set[int] = set()
        with self._path.open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                try:
                    missed = Missed(**json.loads(line))
                except (ValueError, TypeError):
                    continue  # torn by a kill
                key = hash((missed.reason, missed.url, missed.detail))
                if key not in seen:
                    seen.add(key)
                    yield missed

    def close(self) -> None:
        """Close the notes."""
        self._stream.close()


def write_missed(directory: Path, missed: Iterable[Missed]) -> None:
    """Write the list of a run, at most EXAMPLES of each reason."""
    counts: Counter[tuple[str, str]] = Counter()
    with atomic_file(directory / REFUSALS_FILE) as stream:
        for one in missed:
            counts[one.what, one.reason] += 1
            if counts[one.what, one.reason] <= EXAMPLES:
                stream.write(json.dumps(asdict(one), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
