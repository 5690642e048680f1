"""A plan as JSON values; `acquire schema plan` prints their schema."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from acquisition.cli import output

if TYPE_CHECKING:  # planning is heavy; commands import it when they run
    from acquisition.plan import Changes, Drift, Plan, PlannedSource, Rights
    from acquisition.plan.drift import Said


def plan_value(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain values, alarms first."""
    conflicts = plan.combination.conflicts if plan.combination is not None else ()
    parties = plan.combination.sources if plan.combination is not None else {}
    return {
        "drift": [drift_value(drift) for drift in plan.drifts],
        "sources": [_source(source) for source in plan.sources],
        "removed": list(plan.removed),
        "conflicts": [asdict(one) | {"sources": [list(names) for names in parties[one]]} for one in conflicts],
        "bytes_to_move": plan.bytes_to_move,
        "disk_free": plan.disk_free,
        "disk_after": plan.disk_after,
        "disk_set": plan.disk_set,
        "changes": sum(source.action in {"download", "crawl"} for source in plan.sources),
        "notes": list(plan.notes),
    }


def drift_value(drift: Drift) -> dict[str, Any]:
    """Return an alarm as plain values."""
    return {
        "code": "license-drift",
        "source": drift.source,
        "what": drift.what,
        "message": drift.message,
        "was": _said(drift.was),
        "now": _said(drift.now),
        "outcomes": list(drift.outcomes),
        "refused": drift.refused,
        "files_held": drift.held,
        "meaning": drift.meaning,
    }


def _said(said: Said) -> dict[str, Any]:
    return {
        "raw": list(said.raw),
        "declared": said.declared,
        "concluded": said.concluded,
        "evidence": [asdict(one) for one in said.evidence],
        "terms_sha256": said.terms,
    }


def _source(source: PlannedSource) -> dict[str, Any]:
    release, rights, changes = source.release, source.rights, source.changes
    terms = release.terms if release is not None else None
    return {
        "name": source.name,
        "kind": source.source.settings.kind,
        "action": source.action,
        "state": source.state,
        "sign": source.sign,
        "revision": release.revision if release else "",
        "title": release.title if release else "",
        "files": len(source.taken),
        "files_left_out": source.left_out,
        "files_taken_down": len(source.withdrawn),
        "files_held": len(source.held),
        "items": source.items,
        "bytes_total": source.bytes_total,
        "bytes_to_move": source.bytes_to_move,
        "files_of_unknown_size": source.unknown_sizes,
        "notes": [*(release.notes if release else ()), *source.foreseen],
        "license": None if rights is None else _rights(source, rights),
        "terms": None
        if terms is None
        else {
            "url": terms.url,
            "sha256": terms.sha256,
            "accepted": terms.accepted,
            "accepted_at": terms.accepted_at,
            "accepted_by": terms.accepted_by,
        },
        "changes": None if changes is None else changes_value(changes),
        "drift": None if source.drift is None else drift_value(source.drift),
        "error": output.error_value(source.error) if source.error else None,
    }


def _rights(source: PlannedSource, rights: Rights) -> dict[str, Any]:
    claim = source.release.license if source.release is not None else None
    return {
        "raw": list(claim.raw) if claim is not None else [],
        "declared": rights.conclusion.declared,
        "concluded": rights.conclusion.concluded,
        "basis": rights.conclusion.basis,
        "evidence": [
            {"field": one.field, "url": one.url, "sha256": one.sha256, "at": one.at}
            for one in (claim.evidence if claim is not None else ())
        ],
        "texts": [asdict(text) for text in source.texts],
        "shown_by": list(rights.shown_by),
        "duties": list(rights.duties),
        "opt_outs": list(rights.opt_outs),
        "flags": list(rights.codes),
        "outcome": str(rights.outcome),
        "rule": rights.rule,
        "rulings": [asdict(one) for one in rights.ruled],
        "reasons": list(rights.reasons),
    }


def changes_value(changes: Changes) -> dict[str, Any]:
    """Return what has changed of one source as plain values; bytes are those of known size."""
    return {
        "revision": list(changes.revision),
        "version": list(changes.version) if changes.version else None,
        "added": list(changes.added),
        "changed": list(changes.changed),
        "removed": list(changes.removed),
        "bytes_added": changes.bytes_added,
        "bytes_changed": changes.bytes_changed,
        "bytes_removed": changes.bytes_removed,
        "license": list(changes.license) if changes.license else None,
        "license_text_changed": changes.license_text is not None,
        "terms_changed": changes.terms is not None,
    }
