"""Folders and files of one's own: sample packs, scans, notes. Read in place, never moved, renamed or written to."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from acquisition.errors import SourceNotFound
from acquisition.model import Asset, Location, Release
from acquisition.protocols import ResolveContext, Source, SourceAdapter
from acquisition.settings import ExpandablePath, SourceSettings
from acquisition.sources.folder import declared_path, walked


class LocalSettings(SourceSettings):
    """A folder or a file of one's own."""

    kind: Literal["local"] = "local"
    path: ExpandablePath = Field(min_length=1, examples=["~/samples/packs", "${SAMPLES}/packs"])
    """A folder or a file; relative to sources.yaml. `~` and `${NAME}` (an environment variable) are expanded."""


class Local(SourceAdapter):
    """Resolves a folder to the files in it; their content pins it, because times differ between machines."""

    kind: ClassVar[str] = "local"
    Settings: ClassVar[type[SourceSettings]] = LocalSettings
    title: ClassVar[str] = "a folder or file of one's own, read where it lies"
    hosts: ClassVar[tuple[str, ...]] = ()
    mover: ClassVar[Literal["downloader", "crawler"]] = "downloader"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Walk the folder (see `SourceAdapter`); nothing is read but names, sizes and times."""
        assert isinstance(source.settings, LocalSettings)
        root = declared_path(source.settings.path, context)
        walk = walked(root)
        if not walk.assets:
            raise SourceNotFound(f"there are no files in {root}", where=source.where, hint="; ".join(walk.notes()))
        return Release(
            source=source.name,
            kind=self.kind,
            revision="",
            assets=tuple(walk.assets),
            title=source.settings.attribution.title or root.name,
            resolved_at=context.now(),
            notes=walk.notes(),
        )

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:  # noqa: ARG002  # contract
        """Return the file's own address; nothing has to be moved."""
        return file_location(asset, source)


def file_location(asset: Asset, source: Source) -> Location:
    """Return a file:// address for an asset that lies on this machine."""
    if not asset.local_path:
        raise SourceNotFound(f"{asset.path} of {source.name!r} does not say where it lies", where=source.where)
    return Location(Path(asset.local_path).as_uri())
