"""Steps 6b and 7: make the set and write the manifest where they do not stand yet, and note what stands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from acquisition import curate, manifest
from acquisition.errors import UsageError, WorkspaceDamaged
from acquisition.journal import Journal
from acquisition.manifest.side import open_side
from acquisition.model import Observation
from acquisition.pipeline.finishing.keys import curated_key, manifest_key
from acquisition.pipeline.finishing.line import Line
from acquisition.pipeline.finishing.making import make_set
from acquisition.pipeline.finishing.writing import versioning_of, write_manifest
from acquisition.pipeline.looking.standing import Standing, standing
from acquisition.workspace import write_json

_RECORD: Final = "finished.json"


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a run: final counts per source, what was not checked, and where the set and the manifest lie."""

    counts: Mapping[str, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    not_checked: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    curated: str = ""
    manifest: str = ""
    manifest_files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    versioned: Mapping[str, str] = field(default_factory=dict)
    """The set's version, the step to it from the one before, why, and a note where the declaration says another."""
    standing: Standing | None = None
    changed: bool = False


def finish(line: Line, journal: Journal, *, formats: tuple[str, ...], with_manifest: bool, anew: bool = False) -> Finished:
    """Build the curated set and write the manifest; what stands already for the same inputs stays as it is.

    With `anew` nothing stays: both are made from what is staged, and a manifest that is damaged is removed before.
    """
    session, directory = line.session, line.session.workspace.manifest
    record = session.workspace.root / _RECORD
    done = _read(record)
    ended = "curated_key" in done
    known = {"versioned": done.get("versioned", {})}
    if anew:
        done = known
        _make_room(directory)
    made_from = curated_key(line)
    changed = False
    stands = manifest.facts_of(directory)
    if with_manifest and done.get("stands") != stands:
        manifest.demand_untouched(directory)  # before anything is made that it would not tell of
    here = session.workspace.curated.is_dir() and session.workspace.placements.is_dir() and session.workspace.splits.is_file()
    if done.get("curated_key") != made_from or not here:
        write_json(record, known)  # what stands from here on until the end is not what the record says, but for the version
        session.reporter.event("step", text="building the curated set")
        result = make_set(line, resumed=not ended)
        done, changed = {"curated_key": made_from, "notes": list(result.notes), **known}, True
        write_json(record, done)
    if with_manifest:
        written_from = manifest_key(line, made_from, formats)
        whole = all((directory / name).is_file() for name in done.get("files", ()))
        if done.get("manifest_key") != written_from or not whole:
            session.reporter.event("step", text="writing the manifest")
            curate.demand_whole(session.workspace.curated, session.workspace.placements)
            versioning = versioning_of(line, done, same=done.get("manifest_key") == written_from)
            written = write_manifest(line, journal, formats=formats, notes=tuple(done["notes"]), versioning=versioning)
            done |= {"manifest_key": written_from, "files": list(written.files), "sources": written.summary["sources"]}
            done |= {"versioned": versioning.told()}
            changed, stands = True, manifest.facts_of(directory)
        if changed or done.get("stands") != stands:
            write_json(record, done := done | {"stands": stands})
    return _finished(line, done, changed=changed, with_manifest=with_manifest)


def _finished(line: Line, done: Mapping[str, Any], *, changed: bool, with_manifest: bool) -> Finished:
    counts = line.judged.counts
    if with_manifest:  # the ledger's counts include what balance left out
        counts = {
            source: {(outcome, code): count for outcome, codes in outcomes.items() for code, count in codes.items()}
            for source, outcomes in done["sources"].items()
        }
    return Finished(
        counts=counts,
        not_checked=line.not_checked,
        observations=line.observations,
        curated=str(line.session.workspace.curated),
        manifest=str(line.session.workspace.manifest) if with_manifest else "",
        manifest_files=tuple(done.get("files", ())) if with_manifest else (),
        notes=tuple(done["notes"]),
        versioned=done["versioned"] if with_manifest else {},
        standing=standing(line.session.workspace) if with_manifest else None,
        changed=changed,
    )


def _make_room(directory: Path) -> None:
    """Remove a manifest that is not as it was written, or of a form that cannot be compared with: no next one is told by it."""
    try:
        manifest.demand_untouched(directory)
        manifest.read_versions(directory)
        if (directory / manifest.ITEMS).exists():
            open_side(directory)
    except (WorkspaceDamaged, UsageError):
        if directory.is_symlink():
            directory.unlink()  # what it leads to is somebody's own
        else:
            shutil.rmtree(directory)


def _read(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
