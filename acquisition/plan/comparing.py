"""Two releases of one source side by side: files by path, size and published digests, revision, license, terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from acquisition.lock import Pin
from acquisition.model import Asset, Digest, Release


@dataclass(frozen=True, slots=True)
class Changes:
    """A release beside the one that the lock pins.

    `version` are the publisher's names of the versions, where no revision pins them. `bytes_added` and `bytes_changed` are what
    is new of known size, `bytes_removed` what was there.
    """

    revision: tuple[str, str]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    license: tuple[str, str] | None = None
    license_text: tuple[str, str] | None = None
    terms: tuple[str, str] | None = None
    version: tuple[str, str] | None = None
    bytes_added: int = 0
    bytes_removed: int = 0
    bytes_changed: int = 0

    @property
    def any(self) -> bool:
        """Say whether anything differs."""
        said = self.license or self.license_text or self.terms or self.version
        return bool(self.revision[0] != self.revision[1] or self.files or said)

    @property
    def files(self) -> bool:
        """Say whether a file differs."""
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Standing:
    """What servers say now of files that nothing but their bytes pins: the changed ones with their bytes (0 where not told).

    `notes` name files of which they say nothing that could tell.
    """

    changed: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def compare(old: Release, new: Release) -> Changes:
    """Return what differs between two releases; a digest counts where both have one of its kind."""
    before = {asset.path: asset for asset in old.assets}
    after = {asset.path: asset for asset in new.assets}
    old_raw, new_raw = "; ".join(old.license.raw) or "none", "; ".join(new.license.raw) or "none"
    old_text, new_text = _license_text(old), _license_text(new)
    old_terms, new_terms = (release.terms.sha256 if release.terms else "" for release in (old, new))
    added, removed = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    changed = sorted(path for path in before.keys() & after.keys() if _differs(before[path], after[path]))
    return Changes(
        revision=(old.revision, new.revision or old.revision),
        added=tuple(added),
        removed=tuple(removed),
        changed=tuple(changed),
        license=(old_raw, new_raw) if old_raw != new_raw else None,
        license_text=(old_text, new_text) if old_text != new_text and old_raw == new_raw else None,
        terms=(old_terms, new_terms) if old_terms != new_terms else None,
        version=(old.version_label, new.version_label) if _renamed(old, new) else None,
        bytes_added=_bytes(after[path] for path in added),
        bytes_removed=_bytes(before[path] for path in removed),
        bytes_changed=_bytes(after[path] for path in changed),
    )


def _renamed(old: Release, new: Release) -> bool:
    return not new.revision and bool(new.version_label) and new.version_label != old.version_label


def _bytes(assets: Iterable[Asset]) -> int:
    return sum(asset.size or 0 for asset in assets)


def _license_text(release: Release) -> str:
    """Digest of the evidence that speaks of the license itself."""
    return ",".join(sorted({evidence.sha256 for evidence in release.license.evidence if evidence.sha256}))


def _differs(old: Asset, new: Asset) -> bool:
    if old.size is not None and new.size is not None and old.size != new.size:
        return True
    ours: dict[str, Digest] = {digest.algorithm: digest for digest in old.digests}
    return any(digest.algorithm in ours and ours[digest.algorithm] != digest for digest in new.digests)


def still_held(pin: Pin, release: Release) -> Mapping[str, str]:
    """Return by path the sha256 of what came of a pinned release and is the same in this one.

    Asked for again, the same revision is the same bytes, though only the pin knows the digests that they came with.
    """
    if pin.release == release:
        return pin.held
    if not release.revision or pin.release.revision != release.revision:
        return {}
    before = {asset.path: asset for asset in pin.release.assets if asset.path in pin.held}
    same = (asset.path for asset in release.assets if asset.path in before and not _differs(before[asset.path], asset))
    return {path: pin.held[path] for path in same}


def describe(changes: Changes) -> str:
    """Say in one line what differs."""
    parts = [
        f"+{len(changes.added)} ~{len(changes.changed)} -{len(changes.removed)} files",
        *([f"revision {changes.revision[0]} → {changes.revision[1]}"] if changes.revision[0] != changes.revision[1] else []),
        *([f"version {changes.version[0] or '?'} → {changes.version[1]}"] if changes.version else []),
        *([f"license {changes.license[0]} → {changes.license[1]}"] if changes.license else []),
        *(["license text changed"] if changes.license_text else []),
        *(["terms changed"] if changes.terms else []),
    ]
    return ", ".join(parts)
