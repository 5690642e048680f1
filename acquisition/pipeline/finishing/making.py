"""The curated set, made from everything that the earlier steps left."""

from __future__ import annotations

from pathlib import Path

from acquisition import curate
from acquisition.content import Contents
from acquisition.pipeline.finishing.keys import today
from acquisition.pipeline.finishing.line import Line
from acquisition.settings import ArchiveSettings


def make_set(line: Line, *, resumed: bool) -> curate.CurateResult:
    """Build the curated set in place of the one that stands; `resumed` says that the build before has not ended."""
    session, declaration = line.session, line.session.declared.declaration
    external = {file.sha256: Path(file.file) for moved in line.moved.values() for file in moved.held.values()}

    def blob_path(sha256: str) -> Path:
        return external.get(sha256) or session.workspace.blob_path(sha256)

    with Contents(blob_path, _widest(line)) as contents:
        return curate.build(
            curate.CurateInputs(
                shards=line.shards,
                policy=session.policy,
                settings=declaration.curated,
                dataset=declaration.dataset,
                releases=line.releases,
                contents=contents,
                blob_path=blob_path,
                blobs=session.workspace.blobs,
                curated=session.workspace.curated,
                placements=session.workspace.placements,
                splits=session.workspace.splits,
                forgotten=frozenset(stone.digest for stone in line.tombstones if stone.scope == "content"),
                today=today(),
                resumed=resumed,
                not_checked=line.not_checked,
                observations=line.observations,
                texts=line.texts,
                contact=declaration.contact,
                progress=lambda done, total: session.reporter.event("curate-progress", done=done, total=total),
            )
        )


def _widest(line: Line) -> ArchiveSettings:
    """Archives were opened within each source's own limits when they were read; the widest of them serve here."""
    limits = [moved.planned.source.settings.read.archive for moved in line.moved.values()] or [ArchiveSettings()]
    return ArchiveSettings(**{name: max(getattr(limit, name) for limit in limits) for name in ArchiveSettings.model_fields})
