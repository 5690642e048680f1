"""How a plan looks to people, and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from acquisition.cli import output
from acquisition.cli.crawling import counted
from acquisition.cli.output import size, table
from acquisition.cli.present import short

if TYPE_CHECKING:  # planning is heavy; commands import it when they run
    from acquisition.plan import Plan, PlannedSource

_ACTIONS: Final = {
    "download": "+ download",
    "reuse": "= here",
    "crawl": "+ crawl",
    "refuse": "x refused",
    "error": "! failed",
    "skip": "· not asked",
}


def plan_text(plan: Plan) -> str:
    """Return the plan as a table with notes, refusals and errors below."""
    rows = [_plan_row(source) for source in plan.sources]
    header = ("", "source", "kind", "version", "files", "to move", "license declared -> concluded", "verdict")
    lines = [table(rows, header, right=frozenset({4, 5}))]
    for source in plan.sources:
        lines += _plan_notes(source)
    disk = f"disk free now {size(plan.disk_free)}, after {size(plan.disk_after)}"
    lines.append(f"\nto move: {size(plan.bytes_to_move)}{_unknown(plan)}; {disk}")
    return "\n".join(lines)


def _unknown(plan: Plan) -> str:
    unknown = sum(source.unknown_sizes for source in plan.sources if source.action == "download")
    crawls = sum(source.action == "crawl" for source in plan.sources)
    return (f" and {unknown:,} files of unknown size" if unknown else "") + (
        f" and {counted(crawls, 'crawl')}" if crawls else ""
    )


def _plan_row(source: PlannedSource) -> tuple[str, ...]:
    release, rights = source.release, source.rights
    version = "" if release is None else short(release.revision) or "pinned when it has come"
    return (
        _ACTIONS[source.action],
        source.name,
        source.source.settings.kind,
        version,
        f"{len(source.taken):,}" if release is not None and source.action != "crawl" else "",
        _to_move(source),
        f"{rights.conclusion.declared} -> {rights.conclusion.concluded}" if rights else "",
        _verdict(source),
    )


def _to_move(source: PlannedSource) -> str:
    if source.action != "download":
        return ""
    return size(source.bytes_to_move) + (f" + {source.unknown_sizes} unknown" if source.unknown_sizes else "")


def _verdict(source: PlannedSource) -> str:
    if source.error is not None:
        return source.error.code
    if source.rights is None:
        return ""
    codes = ", ".join(source.rights.codes)
    return f"{source.rights.outcome}: {codes}" if codes else str(source.rights.outcome)


def _plan_notes(source: PlannedSource) -> list[str]:
    from acquisition.plan import describe

    lines = []
    if source.left_out:
        lines.append(f"  {source.name}: {source.left_out:,} files are left out by `files:`")
    if source.changes is not None and source.changes.any:
        lines.append(f"  {source.name}: changed since the lock: {describe(source.changes)}")
        lines += [f"    {sign} {path}" for sign, path in _first_changes(source)]
    if source.release is not None:
        lines += [f"  {source.name}: {note}" for note in source.release.notes]
    if source.rights is not None and source.rights.outcome != "keep":
        lines += [f"  {source.name}: {reason}" for reason in source.rights.reasons]
    if source.error is not None:
        place = "" if source.error.where == source.source.where else f" ({source.source.where})"
        lines += ["", output.error_text(source.error, f"source {source.name}{place}")]
    return lines


def _first_changes(source: PlannedSource, most: int = 12) -> list[tuple[str, str]]:
    assert source.changes is not None
    changes = source.changes
    listed = [
        *(("+", path) for path in changes.added),
        *(("~", path) for path in changes.changed),
        *(("-", path) for path in changes.removed),
    ]
    rest = len(listed) - most
    return listed if rest <= 0 else [*listed[:most], ("…", f"and {rest:,} more (--json names all)")]


def plan_value(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain values."""
    return {
        "sources": [_planned_value(source) for source in plan.sources],
        "bytes_to_move": plan.bytes_to_move,
        "disk_free": plan.disk_free,
        "disk_after": plan.disk_after,
        "changes": sum(source.action in {"download", "crawl"} for source in plan.sources),
    }


def _planned_value(source: PlannedSource) -> dict[str, Any]:
    release, rights, changes = source.release, source.rights, source.changes
    return {
        "name": source.name,
        "kind": source.source.settings.kind,
        "action": source.action,
        "state": source.state,
        "revision": release.revision if release else "",
        "title": release.title if release else "",
        "files": len(source.taken),
        "files_left_out": source.left_out,
        "files_held": len(source.held),
        "bytes_total": source.bytes_total,
        "bytes_to_move": source.bytes_to_move,
        "files_of_unknown_size": source.unknown_sizes,
        "notes": list(release.notes) if release else [],
        "license": None
        if rights is None or release is None
        else {
            "raw": list(release.license.raw),
            "declared": rights.conclusion.declared,
            "concluded": rights.conclusion.concluded,
            "basis": rights.conclusion.basis,
            "flags": list(rights.codes),
            "outcome": str(rights.outcome),
            "reasons": list(rights.reasons),
        },
        "changes": None
        if changes is None
        else {
            "revision": list(changes.revision),
            "added": list(changes.added),
            "changed": list(changes.changed),
            "removed": list(changes.removed),
            "license": list(changes.license) if changes.license else None,
            "license_text_changed": changes.license_text is not None,
            "terms_changed": changes.terms is not None,
        },
        "error": output.error_value(source.error) if source.error else None,
    }
