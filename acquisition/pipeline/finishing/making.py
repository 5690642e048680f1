"""The curated set, made from everything that the earlier steps left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from acquisition import curate
from acquisition.content import Contents
from acquisition.declare import Declared
from acquisition.errors import DeclarationError
from acquisition.pipeline.finishing.keys import today
from acquisition.pipeline.finishing.line import Line
from acquisition.settings import ArchiveSettings, ItemSettings, PickSettings

_NAMED: Final = ("label", "group", "author", "split")


def make_set(line: Line, *, resumed: bool) -> curate.CurateResult:
    """Build the curated set in place of the one that stands; `resumed` says that the build before has not ended."""
    session, declaration = line.session, line.session.declared.declaration
    external = {file.sha256: Path(file.file) for moved in line.moved.values() for file in moved.held.values()}

    def blob_path(sha256: str) -> Path:
        return external.get(sha256) or session.workspace.blob_path(sha256)

    with Contents(blob_path, _widest(line)) as contents, _told_in_place(session.declared):
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
                own_names={name: own_names(moved.planned.source.settings.items) for name, moved in line.moved.items()},
                not_checked=line.not_checked,
                observations=line.observations,
                texts=line.texts,
                contact=declaration.contact,
                progress=lambda done, total: session.reporter.event("curate-progress", done=done, total=total),
            )
        )


@contextmanager
def _told_in_place(declared: Declared) -> Iterator[None]:
    """Name file and line for what the set finds wrong with the declaration, which it knows by key alone."""
    try:
        yield
    except DeclarationError as error:
        place = declared.place_of(error.where.split("."))
        raise DeclarationError(error.message, where=place, hint=error.hint) from error


def own_names(items: ItemSettings) -> Mapping[str, str]:
    """Return what a source calls a column of the items ({"lab": "label"}), where its values stay as they are."""
    found: dict[str, str] = {}
    for role in _NAMED:
        pick = getattr(items, role)
        if isinstance(pick, PickSettings):
            pick = pick.column if pick.from_ == "column" and not pick.rename else None
        if isinstance(pick, str):
            found.setdefault(pick, role)
    return found


def _widest(line: Line) -> ArchiveSettings:
    """Archives were opened within each source's own limits when they were read; the widest of them serve here."""
    limits = [moved.planned.source.settings.read.archive for moved in line.moved.values()] or [ArchiveSettings()]
    return ArchiveSettings(**{name: max(getattr(limit, name) for limit in limits) for name in ArchiveSettings.model_fields})
