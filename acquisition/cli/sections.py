"""The parts of which the end of a run and the state of a workspace are told: reasons, licenses, gaps, what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from acquisition.cli.tables import KEPT, hung, some, wrapped

if TYPE_CHECKING:  # the pipeline is heavy; commands import it when they run
    from acquisition.model import Observation
    from acquisition.pipeline.looking.standing import Standing

_SOURCES: Final = 15
"""Sources that are named in one row of a table."""
_OBSERVED: Final = 15
"""Observations that are shown one by one."""


def why_lines(codes: Mapping[str, Mapping[tuple[str, str], int]], width: int) -> list[str]:
    """Return which flag decided how many items, and of which sources."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for source, counts in codes.items():
        for decided, count in counts.items():
            found.setdefault(decided, Counter())[source] += count
    if not found:
        return []
    grouped = sorted(found.items(), key=lambda entry: (-entry[1].total(), entry[0]))
    rows = [
        (
            f"  {code or '(no flag)'}",
            outcome,
            f"{sources.total():,}",
            _sources([f"{name}{KEPT}{count:,}" for name, count in sources.most_common()]),
        )
        for (outcome, code), sources in grouped
    ]
    header = ("  flag", "outcome", "items", "of")
    return ["", "why, by the flag that decided:", *hung(rows, header, width, right=frozenset({"items"}))]


def _sources(told: Sequence[str]) -> str:
    """Return the first sources, those with the most items, and how many more there are."""
    rest = len(told) - _SOURCES
    return ", ".join(told[:_SOURCES]) + (f" and {rest:,} more (--json)" if rest > 0 else "")


def license_lines(standing: Standing, width: int) -> list[str]:
    """Return the licenses of kept items with what they ask for."""
    rows = [
        (f"  {one.license}", f"{one.items:,}", "; ".join(one.duties) or "nothing", _sources(one.sources))
        for one in standing.licenses
    ]
    if not rows:
        return []
    right = frozenset({"items"})
    lines = hung(rows, ("  license", "items", "asks for", "of"), width, right=right)
    if max(map(len, lines)) > width:  # what is asked for is a sentence, too, where there is room for one alone
        joined = [(name, items, f"{duties} (of {sources})") for name, items, duties, sources in rows]
        lines = hung(joined, ("  license", "items", "asks for (of)"), width, right=right)
    return ["", "licenses of what is kept:", *lines]


def not_checked_lines(sentences: Sequence[str], width: int) -> list[str]:
    """Return what was not checked, a line for each filter, what was left out on purpose first; the manifest has all of it."""
    groups: dict[str, list[str]] = {}
    for sentence in sentences:
        name, colon, told = sentence.partition(": ")
        groups.setdefault(name if colon else "", []).append(told if colon else sentence)
    if not groups:
        return []
    lines = ["", "not checked:"]
    for name, found in groups.items():
        head = f"  {name}: " if name else "  "
        ordered = sorted(found, key=lambda one: "NOT" not in one)
        lines += wrapped(some(ordered, width - len(head)), width, first=head, rest="    ")
    return [*lines, f"  ({len(sentences)} in all: summary.json of the manifest, or --json)"]


def step_lines(steps: Sequence[str], width: int) -> list[str]:
    """Return what to do next."""
    told = [line for number, step in enumerate(steps, 1) for line in wrapped(step, width, first=f"  {number}. ", rest="     ")]
    return ["", "next:", *told] if told else []


def version_lines(versioned: Mapping[str, str], width: int) -> list[str]:
    """Return the set's version, how it came to it, and where the declaration says another."""
    told = versioned["version"]
    if versioned["before"]:
        told += f", a {versioned['step']} step from {versioned['before']}: {versioned['why']}"
    lines = wrapped(told, width, first="version:     ", rest=" " * 13)
    return lines + (wrapped(versioned["note"], width, first=" " * 13, rest=" " * 13) if versioned.get("note") else [])


def files_told(names: Sequence[str]) -> str:
    """Count evidence and name the rest: a manifest may cite thousands of texts."""
    evidence = sum(name.startswith("evidence/") for name in names)
    told = f"{len(names) - evidence:,} files"
    return f"{told}, {evidence:,} of evidence" if evidence else told


def observed_lines(observations: Sequence[Observation], width: int) -> list[str]:
    """Return what was found of sources, tables and columns as a whole; the manifest and --json have all of it.

    That a license is what its publisher says of it stands in the table of licenses already.
    """
    telling = [one for one in observations if one.code != "license.concluded"]
    shown = telling[:_OBSERVED]
    rest = len(observations) - len(shown)
    if not observations:
        return []
    rows = [(f"  {one.place}", one.code, one.figure, _rests_on(one), one.detail) for one in shown]
    lines = hung(rows, ("  of", "what", "value", "items", ""), width, right=frozenset({"items"})) if rows else []
    more = [f"  {'… and ' if rows else ''}{rest:,}{' more' if rows else ''} (observations.jsonl of the manifest, or --json)"]
    return ["", "of sources as a whole:", *lines, *(more if rest else [])]


def _rests_on(one: Observation) -> str:
    """Licenses that do not go together are told of sources, which the sentence names; all else rests on items."""
    return "–" if one.code == "license.combination" else f"{one.items:,}"
