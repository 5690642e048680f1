"""What a release takes: files that are wanted, files that are here, bytes to be moved, and what refuses it before they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from acquisition.errors import LicenseRefused, LimitReached, NoContact, NotHere, Refused
from acquisition.lock import Pin
from acquisition.model import Asset, Release
from acquisition.plan.comparing import still_held
from acquisition.plan.planned import Action, PlannedSource, is_taken
from acquisition.protocols import Source

_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Here:
    """What the workspace knows: whether a blob is here by its sha256, and whether a source, or a file of it, was taken down."""

    holds: Callable[[str], bool]
    gone: Callable[[str, Asset | None, str], bool]


def crawled(source: Source, published: Release, release: Release, here: Here) -> PlannedSource:
    """Return a source of the crawler: what its run has brought, or that it has to run."""
    nothing: Action = "skip" if here.gone(source.name, None, "") else "crawl"
    held = {asset.path: _sha256(asset) for asset in release.assets}
    action: Action = "reuse" if release.assets else nothing
    return PlannedSource(source, action, published=published, release=release, taken=release.assets, held=held)


def measured(source: Source, published: Release, release: Release, kept: Pin | None, here: Here) -> PlannedSource:
    """Return a source of the downloader: the files that `files` takes, which of them are here, and the bytes of the others.

    A file whose published digest is here, whatever brought it, is taken by the downloader without being moved.
    """
    wanted = tuple(asset for asset in release.assets if is_taken(asset, source))
    pinned = still_held(kept, published) if kept is not None else {}
    known = {one.path: "" if one.local_path else pinned.get(one.path) or _sha256(one) for one in wanted}
    gone = {one.path: known[one.path] for one in wanted if here.gone(source.name, one, known[one.path])}
    taken = tuple(asset for asset in wanted if asset.path not in gone)
    held = {asset.path: pinned[asset.path] for asset in taken if asset.path in pinned and here.holds(pinned[asset.path])}
    missing = [asset for asset in taken if asset.path not in held and not asset.local_path and not _equal(asset, here)]
    return PlannedSource(
        source,
        "download" if len(held) < len(taken) else "reuse",
        published=published,
        release=release,
        taken=taken,
        left_out=len(release.assets) - len(wanted),
        held=held,
        withdrawn=gone,
        bytes_total=sum(asset.size or 0 for asset in taken),
        bytes_to_move=sum(asset.size or 0 for asset in missing),
        unknown_sizes=sum(asset.size is None for asset in missing),
    )


def refusal_of(planned: PlannedSource, *, crawler: bool, contact: bool) -> Refused | None:
    """Return what refuses a source before anything of it moves: nobody answers for a crawl, its license, its limit of bytes."""
    rights, source = planned.rights, planned.source
    if planned.action == "crawl" and not contact:
        return NoContact(
            f"{source.name!r} is crawled, and nobody answers for it: `contact` is missing",
            where=source.where,
            hint="Add `contact: {name, url, email}` to sources.yaml; it goes into the user agent.",
        )
    if rights is not None and rights.outcome == "drop" and source.settings.items.license is None and not crawler:
        why = [f"{one.code}: {one.reason}" for one in rights.ruled if one.outcome == "drop"] or rights.codes
        return LicenseRefused(
            f"policy drops every item of {source.name!r} on its license: {'; '.join(why)}",
            where=source.where,
            hint="Change dataset.use, give the license with its evidence under `license:`, or change the policy.",
        )
    limit = source.settings.limits.bytes
    if limit is not None and planned.bytes_to_move > limit:
        return LimitReached(
            f"{source.name!r} would move {planned.bytes_to_move:,} bytes; its limit is {limit:,}",
            where=source.where,
            hint="Raise the source's limits.bytes, or take fewer files with `files:`.",
        )
    return None


def with_what_is_here(planned: PlannedSource) -> PlannedSource:
    """Where nobody may be asked, a source takes part with the files that are here, and says what it lacks."""
    missing = [asset.path for asset in planned.taken if asset.path not in planned.held and not asset.local_path]
    if not missing:
        return planned
    named = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else "")
    error = NotHere(
        f"{len(missing):,} of {len(planned.taken):,} files of {planned.name!r} are not here, and nobody is asked for them: "
        f"{named}",
        where=planned.source.where,
        hint="Run `acquire fetch` where the network is, or bring the folder `blobs` of a workspace that has them.",
    )
    here = tuple(asset for asset in planned.taken if asset.path in planned.held or asset.local_path)
    action: Action = "refuse" if not here else "reuse" if len(planned.held) == len(here) else "download"
    return replace(planned, taken=here, action=action, bytes_to_move=0, unknown_sizes=0, error=error)


def _equal(asset: Asset, here: Here) -> bool:
    """Say whether the bytes that a publisher describes are here."""
    sha256 = _sha256(asset)
    return bool(sha256) and not asset.packed and here.holds(sha256)


def _sha256(asset: Asset) -> str:
    return next((digest.value for digest in asset.digests if digest.algorithm == "sha256"), "")
