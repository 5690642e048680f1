"""What stands on disk of the set: its version, its counts with their reasons, its licenses with their duties. Asks nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from acquisition import manifest
from acquisition.errors import AcquisitionError, LicenseRefused
from acquisition.manifest.names import SUMMARY
from acquisition.model import LicenseClaim
from acquisition.rights.expressions import NOASSERTION
from acquisition.rights.judging import duty_phrases
from acquisition.rights.licenses import conclude
from acquisition.workspace import Workspace

_IN_THE_SET = ("keep", "redact")


@dataclass(frozen=True, slots=True)
class LicenseInForce:
    """One license of kept items: how many are under it, which sources they come from, and what it asks for."""

    license: str
    items: int
    sources: tuple[str, ...]
    duties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """The set as its manifest tells it. `codes` maps a source to (outcome, decisive code) → items.

    `refused` are sources that the policy refused as a whole, on their license: no fetch brings them.
    `trouble` is a sentence where the manifest is there and cannot be read; then the rest is empty.
    """

    version: str = ""
    since: str = ""
    step: str = ""
    why: str = ""
    before: str = ""
    codes: Mapping[str, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    licenses: tuple[LicenseInForce, ...] = ()
    not_checked: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    trouble: str = ""

    def value(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "version": self.version,
            "since": self.since,
            "step": self.step,
            "before": self.before,
            "why": self.why,
            "codes": [
                {"source": source, "outcome": outcome, "code": code, "items": count}
                for source, counts in self.codes.items()
                for (outcome, code), count in counts.items()
            ],
            "licenses": [
                {"license": one.license, "items": one.items, "sources": list(one.sources), "duties": list(one.duties)}
                for one in self.licenses
            ],
            "not_checked": list(self.not_checked),
            "refused": list(self.refused),
            "trouble": self.trouble,
        }


def standing(workspace: Workspace) -> Standing | None:
    """Return what the manifest tells, None where there is none. One that a kill took away in mid-swap is read where it lies."""
    directory = workspace.manifest
    if not directory.is_dir():
        directory = max(workspace.root.glob(".manifest.old-*"), default=directory)
    if not (directory / SUMMARY).is_file():
        return None
    try:
        return _told(directory)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Standing(trouble=f"the manifest cannot be read ({error}); `acquire curate --anew` writes it anew")
    except AcquisitionError as error:
        return Standing(trouble=f"{error.message} ({error.where})")


def _told(directory: Path) -> Standing:
    told = json.loads((directory / SUMMARY).read_bytes())
    history = manifest.read_versions(directory)
    newest = history[-1] if history else None
    return Standing(
        version=str(told["version"]),
        since=newest.at if newest else str(told["created_at"]),
        step=newest.step if newest else "",
        why=newest.why if newest else "",
        before=newest.before if newest else "",
        codes={
            source: {(outcome, code): count for outcome, codes in outcomes.items() for code, count in codes.items()}
            for source, outcomes in told["sources"].items()
        },
        licenses=tuple(_licenses(told["licenses"])),
        not_checked=tuple(told["not_checked"]),
        refused=tuple(source for source, codes in told.get("refusals", {}).items() if LicenseRefused.code in codes),
    )


def _licenses(told: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Iterable[LicenseInForce]:
    items: dict[str, dict[str, int]] = {}
    for source, licenses in told.items():
        for expression, outcomes in licenses.items():
            if count := sum(outcomes.get(outcome, 0) for outcome in _IN_THE_SET):
                items.setdefault(expression, {})[source] = count
    for expression, sources in sorted(items.items(), key=lambda one: (-sum(one[1].values()), one[0])):
        yield LicenseInForce(expression, sum(sources.values()), tuple(sources), _duties(expression))


def _duties(expression: str) -> tuple[str, ...]:
    if expression == NOASSERTION:
        return ("not known",)
    found = conclude(LicenseClaim((expression,), "spdx"))
    nothing = found.commercial == found.redistribute == "no" and found.training == found.derivatives == "unknown"
    return (*((_NO_PERMISSION,) if nothing else ()), *duty_phrases(found.duties))


_NO_PERMISSION: Final = "gives no permission itself: a decision, a rule or the source's terms keep it"
