"""How results look to people, and as JSON values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from acquisition.cli import output
from acquisition.cli.advice import next_steps
from acquisition.cli.alarms import alarms_text
from acquisition.cli.crawling import activity_text, skip_report
from acquisition.cli.output import size, table
from acquisition.cli.planned_value import drift_value

if TYPE_CHECKING:  # the pipeline is heavy; commands import it when they run
    from acquisition.model import Observation
    from acquisition.pipeline.demonstrate import Demonstration
    from acquisition.pipeline.inspect import Status
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
    """Return what a run did as a table, counts by decisive flag, and where things lie."""
    rows = [_summary_row(source) for source in summary.sources]
    header = ("source", "version", "license", "files", "moved", "items", "keep", "redact", "hold", "drop", "rejected", "")
    lines = [table(rows, header, right=frozenset(range(3, 11)))]
    if summary.codes:
        lines.append("\nwhy, by the flag that decided:")
        grouped = sorted(summary.codes.items(), key=lambda entry: (-entry[1], entry[0]))
        lines.append(
            table(
                [(f"  {code or '(no flag)'}", outcome, f"{count:,}") for (outcome, code), count in grouped],
                ("  flag", "outcome", "items"),
                right=frozenset({2}),
            )
        )
    rejections = Counter[str]()
    for source in summary.sources:
        rejections.update(source.rejections)
    if rejections:
        lines.append("\nrejected: " + ", ".join(f"{count:,} {code}" for code, count in rejections.most_common()))
    lines += [line for source in summary.sources if source.crawl for line in skip_report(source.name, source.crawl)]
    lines += _observed(summary.observations)
    if summary.not_checked:
        lines.append("\nnot checked:")
        lines += [f"  {sentence}" for sentence in summary.not_checked]
    if summary.notes:
        lines += ["\nto note:", *(f"  {note}" for note in summary.notes)]
    if steps := next_steps(summary):
        lines += ["\nnext:", *(f"  {number}. {step}" for number, step in enumerate(steps, 1))]
    lines.append("")
    if summary.curated:
        lines.append(f"curated set: {summary.curated}")
    if summary.manifest:
        lines.append(f"manifest:    {summary.manifest} ({', '.join(summary.manifest_files)})")
    state = "done" if summary.changed else "nothing changed"
    lines.append(
        f"{state} in {output.duration(summary.seconds)}"
        + ("" if summary.reached == "manifest" else f", up to: {summary.reached}")
    )
    return "\n".join(lines)


def _observed(observations: Sequence[Observation]) -> list[str]:
    """Return what was found of sources, tables and columns as a whole; the manifest and --json have all of it."""
    if not observations:
        return []
    rows = [(f"  {one.place}", one.code, one.figure, f"{one.items:,}", one.detail) for one in observations[:_SHOWN]]
    rest = len(observations) - len(rows)
    lines = ["\nof sources as a whole:", table(rows, ("  of", "what", "value", "items", ""), right=frozenset({3}))]
    return lines + ([f"  … and {rest:,} more (observations.jsonl of the manifest, or --json)"] if rest else [])


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
        "observations": [asdict(one) for one in summary.observations],
        "not_checked": list(summary.not_checked),
        "notes": list(summary.notes),
        "next": next_steps(summary),
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
                "rejections": dict(source.rejections),
                "crawl": dict(source.crawl),
                "notes": list(source.notes),
                "drift": drift_value(source.drift) if source.drift is not None else None,
                "errors": [output.error_value(error) for error in source.errors],
            }
            for source in summary.sources
        ],
    }


# --- one item, the workspace ----------------------------------------------------------------------------------------------


def entry_text(entry: Mapping[str, Any]) -> str:
    """Return one item's lineage: the decision first, then where it came from, then every flag."""
    decision = f"{entry.get('outcome', '')}"
    if entry.get("code"):
        decision += f", decided by {entry['code']} ({entry.get('rule', '')})"
    lines = [f"item {entry.get('id', '')}: {decision}"]
    if entry.get("why"):
        lines.append(f"  why: {entry['why']}")
    shown = {"id", "outcome", "code", "rule", "why", "flags"}
    lines += [f"  {key}: {value}" for key, value in entry.items() if key not in shown and value not in (None, "", [], {})]
    lines.append(f"  flags: {len(entry.get('flags') or [])}")
    for flag in entry.get("flags") or []:
        lines.append("    " + " ".join(f"{key}={value}" for key, value in flag.items() if value not in (None, "", -1)))
    return "\n".join(lines)


def status_text(status: Status) -> str:
    """Return what the workspace holds."""
    rows = [
        (
            entry["name"],
            entry["kind"],
            short(entry["revision"]) or "not pinned",
            f"{entry['files_held']:,}/{entry['files']:,}",
            f"{entry['items']:,}",
        )
        for entry in status.sources
    ]
    lines = [table(rows, ("source", "kind", "version", "files held", "items staged"), right=frozenset({3, 4}))]
    crawls = [activity_text(entry["name"], entry["crawl"]) for entry in status.sources if entry["crawl"]]
    lines += ["", *crawls] if crawls else []
    lines.append(f"\nworkspace: {status.workspace}")
    lines.append(f"last run: {status.last_run or 'none'}")
    lines.append(f"curated set: {status.curated or 'none'}")
    for push in status.pushed:
        visibility = "private" if push["private"] else "public"
        where = f"{push['endpoint']}/datasets/{push['repo']}"
        lines.append(f"pushed: {where} ({visibility}), version {push['version']}, commit {push['commit'][:12]}, {push['at']}")
    lines.append(f"disk free: {size(status.disk_free)}")
    return "\n".join(lines)


def demo_text(done: Demonstration) -> str:
    """Return what was planted in the demo world beside what was caught."""
    rows = [(f"  {check.what}", check.planted, check.caught, "" if check.right else "MISSED") for check in done.checks]
    missed = sum(not check.right for check in done.checks)
    verdict = "all of it was caught" if not missed else f"{missed} of these are not as planted"
    return table(rows, ("planted and caught", "planted", "caught", ""), right=frozenset({1, 2})) + f"\n{verdict}"
