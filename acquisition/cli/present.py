"""How results look to people, and as JSON values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from acquisition.cli import output
from acquisition.cli.advice import next_steps
from acquisition.cli.alarms import alarms_text
from acquisition.cli.crawling import skip_report
from acquisition.cli.output import size, table
from acquisition.cli.planned_value import drift_value
from acquisition.cli.sections import (
    files_told,
    license_lines,
    not_checked_lines,
    observed_lines,
    step_lines,
    version_lines,
    why_lines,
)
from acquisition.cli.tables import columns, fitted, wrapped
from acquisition.markdown import shown

if TYPE_CHECKING:  # the pipeline is heavy; commands import it when they run
    from acquisition.pipeline.demonstrate import Demonstration
    from acquisition.pipeline.summary import SourceSummary, Summary

_SHOWN: Final = 20
"""Errors that are shown one by one."""


def short(revision: str) -> str:
    """Return a revision as people recognise it."""
    plain = revision.removeprefix("sha256:")
    return plain[:12] if len(plain) >= 40 else plain


# --- what a run did -----------------------------------------------------------------------------------------------------


def show_summary(summary: Summary, *, as_json: bool) -> None:
    """Print what a run did; errors and refusals go to stderr, once each."""
    if as_json:
        output.emit_json("summary", summary_value(summary))
        return
    if alarms := alarms_text(source.drift for source in summary.sources if source.drift is not None):
        output.talk("\n".join(alarms))
    if summary.sources:
        output.emit(summary_text(summary))
    show_errors(summary)


def show_errors(summary: Summary) -> None:
    """Write errors and refusals to stderr, source by source."""
    told = [
        (f"source {source.name}", error)
        for source in summary.sources
        for error in source.errors
        if source.drift is None or error.code != "license-drift"  # alarms come first, before the table
    ]
    for source, error in told[:_SHOWN]:
        output.talk("\n" + output.error_text(error, source))
    if len(told) > _SHOWN:
        output.talk(f"\nand {len(told) - _SHOWN:,} more; all of them are in the manifest's rejections")


def summary_text(summary: Summary) -> str:
    """Return what a run did: per source, by decisive flag, licenses with duties, what was not checked, and what comes next."""
    width = columns()
    lines = fitted(map(_summary_row, summary.sources), _HEADER, width, right=_COUNTS, spare=_SPARE)
    lines += why_lines({source.name: source.codes for source in summary.sources}, width)
    rejections = Counter[str]()
    for source in summary.sources:
        rejections.update(source.rejections)
    if rejections:
        told = ", ".join(f"{count:,} {code}" for code, count in rejections.most_common())
        lines += ["", *wrapped(told, width, first="rejected: ", rest="  ")]
    crawled = [line for source in summary.sources if source.crawl for line in skip_report(source.name, source.crawl)]
    lines += [part for line in crawled for part in _folded(line, width)]
    lines += observed_lines(summary.observations, width)
    if summary.standing is not None:
        lines += license_lines(summary.standing, width)
    lines += not_checked_lines(summary.not_checked, width)
    if summary.notes:
        lines += ["", "to note:", *(line for note in summary.notes for line in wrapped(note, width, first="  ", rest="    "))]
    lines += step_lines(next_steps(summary), width)
    lines.append("")
    if summary.curated:
        lines.append(f"curated set: {summary.curated}")
    if summary.manifest:
        lines.append(f"manifest:    {summary.manifest} ({files_told(summary.manifest_files)})")
    if summary.versioned:
        lines += version_lines(summary.versioned, width)
    state = "done" if summary.changed else "nothing changed"
    lines.append(
        f"{state} in {output.duration(summary.seconds)}"
        + ("" if summary.reached == "manifest" else f", up to: {summary.reached}")
    )
    if summary.stays:
        lines += wrapped(", ".join(summary.stays), width, first="the set stays as it stood: ", rest="  ")
    return "\n".join(lines)


def _folded(line: str, width: int) -> list[str]:
    """Return one line as several where it has no room, further in than it began."""
    indent = " " * (len(line) - len(line.lstrip()))
    return wrapped(line.strip(), width, first=indent, rest=indent + "    ") if line.strip() else [line]


_HEADER: Final = ("source", "version", "license", "files", "moved", "items", "keep", "redact", "hold", "drop", "rejected", "")
_COUNTS: Final = frozenset(_HEADER[3:11])
_SPARE: Final = ("moved", "version", "files", "license", "rejected")


def _summary_row(source: SourceSummary) -> tuple[str, ...]:
    counts = source.outcomes
    state = ", ".join(dict.fromkeys(error.code for error in source.errors)) or ("capped" if source.capped else "")
    if source.action == "skip":
        state = "not asked for"
    return (
        source.name,
        short(source.revision),
        source.license_concluded,
        f"{source.files:,}" + (f" ({source.files_failed:,} failed)" if source.files_failed else ""),
        size(source.bytes_downloaded),
        f"{source.items:,}",
        *(f"{counts.get(outcome, 0):,}" for outcome in ("keep", "redact", "hold", "drop")),
        f"{sum(source.rejections.values()):,}",
        state,
    )


def summary_value(summary: Summary) -> dict[str, Any]:
    """Return what a run did as plain values."""
    return {
        "reached": summary.reached,
        "changed": summary.changed,
        "exit_code": summary.exit_code,
        "outcomes": dict(summary.outcomes),
        "codes": [
            {"code": code, "outcome": outcome, "items": count} for (outcome, code), count in sorted(summary.codes.items())
        ],
        "version": dict(summary.versioned),
        "licenses": summary.standing.value()["licenses"] if summary.standing is not None else [],
        "observations": [asdict(one) for one in summary.observations],
        "not_checked": list(summary.not_checked),
        "notes": list(summary.notes),
        "next": next_steps(summary),
        "stays": list(summary.stays),
        "curated": summary.curated,
        "manifest": summary.manifest,
        "manifest_files": list(summary.manifest_files),
        "seconds": round(summary.seconds, 3),
        "sources": [
            {
                "name": source.name,
                "kind": source.kind,
                "action": source.action,
                "revision": source.revision,
                "title": source.title,
                "license": {"declared": source.license_declared, "concluded": source.license_concluded},
                "files": source.files,
                "files_failed": source.files_failed,
                "bytes_downloaded": source.bytes_downloaded,
                "items": source.items,
                "capped": source.capped,
                "outcomes": dict(source.outcomes),
                "codes": [
                    {"code": code, "outcome": outcome, "items": count}
                    for (outcome, code), count in sorted(source.codes.items())
                ],
                "rejections": dict(source.rejections),
                "crawl": dict(source.crawl),
                "notes": list(source.notes),
                "drift": drift_value(source.drift) if source.drift is not None else None,
                "errors": [output.error_value(error) for error in source.errors],
            }
            for source in summary.sources
        ],
    }


# --- one item, the demo ----------------------------------------------------------------------------------------------


def entry_text(entry: Mapping[str, Any]) -> str:
    """Return one item's lineage: the decision first, then where it came from, then every flag."""
    decision = f"{entry.get('outcome', '')}"
    if entry.get("code"):
        decision += f", decided by {entry['code']} ({entry.get('rule', '')})"
    lines = [f"item {entry.get('id', '')}: {decision}"]
    if entry.get("why"):
        lines.append(f"  why: {entry['why']}")
    beside = {"id", "outcome", "code", "rule", "why", "flags"}
    for key, value in entry.items():
        if key not in beside and value not in (None, "", [], {}):
            lines += _told(key, value)
    lines.append(f"  flags: {len(entry.get('flags') or [])}")
    lines += [_pairs(flag) for flag in entry.get("flags") or []]
    return "\n".join(lines)


def _told(key: str, value: Any) -> list[str]:
    """Return what is told under one key: values beside it, records below it, a line each."""
    if not isinstance(value, list):
        return [f"  {key}: {value}"]
    if any(isinstance(one, Mapping) for one in value):
        return [f"  {key}: {len(value)}", *map(_pairs, value)]
    return [f"  {key}: {'; '.join(map(str, value))}"]


def _pairs(record: Mapping[str, Any]) -> str:
    return "    " + " ".join(f"{key}={shown(str(value))}" for key, value in record.items() if value not in (None, "", -1))


def demo_text(done: Demonstration) -> str:
    """Return what was planted in the demo world beside what was caught."""
    rows = [(f"  {check.what}", check.planted, check.caught, "" if check.right else "MISSED") for check in done.checks]
    missed = sum(not check.right for check in done.checks)
    verdict = "all of it was caught" if not missed else f"{missed} of these are not as planted"
    return table(rows, ("planted and caught", "planted", "caught", ""), right=frozenset({1, 2})) + f"\n{verdict}"
