"""Is the set what the manifest says, can every record of the workspace be read, and is everything gone that was taken down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from acquisition import manifest
from acquisition.blobs import BlobStore
from acquisition.curate.decisions import read_decisions
from acquisition.errors import AcquisitionError
from acquisition.pipeline.looking.forgotten import forgotten
from acquisition.pipeline.planning import make_plan
from acquisition.pipeline.session import Session
from acquisition.plan import PlannedSource
from acquisition.settings import ArchiveSettings
from acquisition.stage import Held
from acquisition.takedown.proof import Proof, Reading, prove
from acquisition.takedown.swept import FILE, read_swept
from acquisition.tombstones import Tombstones, read_tombstones

_NO_RELEASE: Final = "a source of which nothing is pinned and here: its files are not read as it declares them"


def verify(session: Session) -> manifest.Verified:
    """Hash set and manifest again, read every record, and hold the tombstones against every file of the workspace.

    A record that cannot be read is a finding with its place, and the rest is looked at all the same. Nothing is written.
    """
    workspace = session.workspace
    verified = manifest.verify(workspace.manifest, workspace.curated, session.watched("set and manifest"))
    findings = [*verified.findings, *_damaged(session)]
    proof = Proof()
    if not any(finding.path.startswith(workspace.tombstones.name) for finding in findings):
        proof = _proof(session, read_tombstones(workspace.tombstones))
    looked = {name: getattr(proof, name) for name in ("tombstones", "files", "bytes", "members", "rows", "records")}
    return replace(
        verified,
        findings=tuple(
            sorted((*findings, *forgotten(session), *proof.findings), key=lambda finding: (finding.path, finding.code))
        ),
        looked=looked if proof.tombstones else {},
        unread=proof.unread,
    )


def _damaged(session: Session) -> Iterator[manifest.Finding]:
    """Read each record that people or commands append to, or keep under version control."""
    workspace = session.workspace
    records: dict[Path, Callable[[], object]] = {
        workspace.tombstones: lambda: read_tombstones(workspace.tombstones),
        workspace.decisions: lambda: read_decisions(workspace.decisions),
        workspace.root / FILE: lambda: read_swept(workspace),
        session.lock_path: lambda: session.lock,
    }
    for path, read in records.items():
        try:
            read()
        except AcquisitionError as error:
            where = error.where.removeprefix(f"{path.parent}/") or path.name
            yield manifest.Finding("verify.damaged-record", where, detail=error.message)


def _proof(session: Session, stones: Tombstones) -> Proof:
    if not len(stones):
        return Proof()
    session.reporter.event("step", text=f"holding {len(stones):,} tombstones against every file of the workspace")
    try:
        planned = make_plan(session, here_only=True).sources
    except AcquisitionError:  # the lock is damaged, which is told already: rows of tables are then not read as declared
        planned = ()
    finally:
        session.close()
    readings = [reading for source in planned if (reading := _reading(session, source)) is not None]
    proof = prove(
        session.workspace.root, stones, readings, limits=_widest(planned), progress=session.watched("whole workspace")
    )
    unread = tuple((source.name, _NO_RELEASE) for source in planned if source.release is None and _staged(session, source))
    return replace(proof, unread=(*proof.unread, *unread))


def _staged(session: Session, planned: PlannedSource) -> bool:
    return (session.workspace.staging / planned.name).is_dir()


def _reading(session: Session, planned: PlannedSource) -> Reading | None:
    release, store = planned.release, BlobStore(session.workspace)
    if release is None:
        return None
    held = []
    for asset in planned.taken:
        sha256 = planned.held.get(asset.path, "")
        path = Path(asset.local_path) if asset.local_path else store.path(sha256) if sha256 else None
        if path is not None and path.is_file():
            held.append(Held(asset.path, str(path), sha256, path.stat().st_size, release.resolved_at))
    return Reading(planned.name, release.revision, release.reader, planned.source.settings, tuple(held))


def _widest(planned: tuple[PlannedSource, ...]) -> ArchiveSettings:
    limits = [source.source.settings.read.archive for source in planned] or [ArchiveSettings()]
    return ArchiveSettings(**{name: max(getattr(limit, name) for limit in limits) for name in ArchiveSettings.model_fields})
