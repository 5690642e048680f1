"""A plan as a file: what was shown to somebody is what is fetched, or nothing is.

`acquire plan --out plan.json` writes it, `acquire fetch plan.json` makes the plan anew and compares. What matters is compared:
the declaration, each source's revision, files with sizes and digests, licenses, what the policy makes of them, and what is
refused. What is here already is not: bytes that have come since are no other plan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from acquisition.errors import PlanChanged, UsageError
from acquisition.pipeline.session import Session
from acquisition.plan import Plan, PlannedSource
from acquisition.workspace import write_json

SCHEMA_VERSION: Final = 1
_SHOWN: Final = 20


def promise(session: Session, plan: Plan, update: Iterable[str] = ()) -> dict[str, Any]:
    """Return the plan as it is written; `update` are the sources whose newest release was planned."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "plan",
        "declaration": session.declared.digest,
        "update": sorted(update),
        "only": sorted(session.only),
        "bytes_to_move": plan.bytes_to_move,
        "sources": {source.name: _source(source) for source in plan.sources},
    }


def _source(source: PlannedSource) -> dict[str, Any]:
    release, rights = source.release, source.rights
    files = [[asset.path, asset.size, sorted(map(str, asset.digests))] for asset in sorted(source.taken, key=_path)]
    return {
        "kind": source.source.settings.kind,
        "does": "take" if source.action in {"download", "reuse"} else source.action,
        "refused": source.error.code if source.error is not None else "",
        "revision": release.revision if release else "",
        "files": len(files),
        "bytes": source.bytes_total,
        "files_sha256": hashlib.sha256(json.dumps(files).encode()).hexdigest(),
        "license_declared": rights.conclusion.declared if rights else "",
        "license_concluded": rights.conclusion.concluded if rights else "",
        "license_flags": list(rights.codes) if rights else [],
        "outcome": str(rights.outcome) if rights else "",
    }


def _path(asset: Any) -> str:
    return str(asset.path)


def write_promise(target: Path, session: Session, plan: Plan, update: Iterable[str] = ()) -> None:
    """Write the plan, for review and for `acquire fetch`."""
    write_json(target, promise(session, plan, update))


def read_promise(path: Path) -> dict[str, Any]:
    """Read a plan. UsageError when it is none, or of a version that is not known here."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the plan cannot be read: {error}", where=str(path), hint="Write it with `acquire plan --out`."
        ) from error
    if not isinstance(found, dict) or found.get("kind") != "plan" or not isinstance(found.get("sources"), dict):
        raise UsageError("this is no plan", where=str(path), hint="Write one with `acquire plan --out`.")
    if found.get("schema_version") != SCHEMA_VERSION:
        raise UsageError(
            f"the plan is of schema version {found.get('schema_version')!r}, not {SCHEMA_VERSION}",
            where=str(path),
            hint="Write it anew with `acquire plan --out`.",
        )
    return found


def planned_only(path: Path) -> tuple[str, ...]:
    """Return the sources that a plan was limited to, () for all."""
    return tuple(str(name) for name in read_promise(path).get("only", ()))


def keep(told: Mapping[str, Any], session: Session, plan: Plan, where: str) -> None:
    """Raise PlanChanged with every difference between what was promised and what would be done now."""
    now = promise(session, plan, told.get("update", ()))
    differences = []
    if told.get("declaration") != now["declaration"]:
        differences.append("the declaration says something else")
    for name in sorted({*told["sources"], *now["sources"]}):
        before, after = told["sources"].get(name), now["sources"].get(name)
        if before is None or after is None:
            differences.append(f"{name}: {'declared now, and not in the plan' if before is None else 'not declared any more'}")
        else:
            differences += [
                f"{name}: {key.replace('_', ' ')} was {before.get(key)!r}, is {after[key]!r}"
                for key in after
                if before.get(key) != after[key]
            ]
    if differences:
        more = f"\n    and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise PlanChanged(
            "the world is not as planned any more, so nothing was moved:\n    " + "\n    ".join(differences[:_SHOWN]) + more,
            where=where,
            hint="Look at `acquire plan` again, and write the plan anew with --out.",
        )
