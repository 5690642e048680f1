"""What a run did, as plain values: for the last lines of the command line, for `--json`, and for the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acquisition.errors import (
    EXIT_CREDENTIALS,
    EXIT_DONE,
    EXIT_PARTIAL,
    EXIT_REFUSED,
    AcquisitionError,
    CredentialsError,
    Refused,
)
from acquisition.model import Observation
from acquisition.pipeline.looking.standing import Standing
from acquisition.plan import Drift


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """What came of one source. Counts are items, except `files` and `bytes_downloaded`."""

    name: str
    kind: str
    action: str
    revision: str = ""
    title: str = ""
    license_declared: str = ""
    license_concluded: str = ""
    files: int = 0
    files_failed: int = 0
    bytes_downloaded: int = 0
    items: int = 0
    capped: bool = False
    outcomes: Mapping[str, int] = field(default_factory=dict)
    codes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Items by outcome and decisive flag."""
    rejections: Mapping[str, int] = field(default_factory=dict)
    crawl: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[AcquisitionError, ...] = ()
    notes: tuple[str, ...] = ()
    drift: Drift | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did. `reached` is the last step; `codes` counts items by decisive flag and outcome."""

    reached: str
    sources: tuple[SourceSummary, ...]
    codes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    not_checked: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    changed: bool = True
    curated: str = ""
    manifest: str = ""
    manifest_files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    versioned: Mapping[str, str] = field(default_factory=dict)
    """The set's version, the step to it from the one before, why, and a note where the declaration says another."""
    swept: Mapping[str, Any] = field(default_factory=dict)
    """What was taken out of the workspace's files because it was taken down (`takedown.sweeping.Report`)."""
    staged: frozenset[str] = frozenset()
    """The sources whose staged release has met every tombstone: all that took part."""
    stays: tuple[str, ...] = ()
    """For which sources, each with its error's code, the set and the manifest were left as they stood."""
    standing: Standing | None = None
    """The set as it stands after the run, None where the run ended before its manifest."""
    seconds: float = 0.0

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Items per outcome over all sources."""
        counted: Counter[str] = Counter()
        for source in self.sources:
            counted.update(source.outcomes)
        return dict(counted)

    @property
    def errors(self) -> tuple[AcquisitionError, ...]:
        """Everything that went wrong or was refused, in declared order."""
        return tuple(error for source in self.sources for error in source.errors)

    @property
    def exit_code(self) -> int:
        """4 when a person has to log in or accept terms, else 3 when something failed or is not swept, else 5 on a refusal."""
        code = exit_code_of(self.errors)
        return EXIT_PARTIAL if self.swept.get("failed") and code in {EXIT_DONE, EXIT_REFUSED} else code


def exit_code_of(errors: tuple[AcquisitionError, ...]) -> int:
    """Return the exit code for what went wrong: log-ins and terms first, then failures, then refusals."""
    if any(isinstance(error, CredentialsError) for error in errors):
        return EXIT_CREDENTIALS
    if any(not isinstance(error, Refused) for error in errors):
        return EXIT_PARTIAL
    return EXIT_REFUSED if errors else EXIT_DONE
