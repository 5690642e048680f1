"""What a run would do: releases, what is held already, bytes to move, rights, and what will be refused and why.

Planning asks hubs for listings and cards only. Sources that the lock pins are taken from the lock without asking anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, Literal

from acquisition.errors import AcquisitionError, LicenseRefused, LimitReached, NotInLock, PluginError, Refused
from acquisition.lock import Lock, Pin, identity
from acquisition.model import Asset, Digest, LicenseConclusion, Release
from acquisition.protocols import ResolveContext, Source, SourceAdapter

Action = Literal["download", "reuse", "crawl", "refuse", "error", "skip"]
State = Literal["new", "pinned", "redeclared", "updated", "local"]

_SIDE_BY_SIDE: Final = 8
_LOOK: Final = 0.1
"""Seconds between two looks at whether somebody wants to stop."""


@dataclass(frozen=True, slots=True)
class Changes:
    """A release beside the one that the lock pins."""

    revision: tuple[str, str]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    license: tuple[str, str] | None = None
    license_text: tuple[str, str] | None = None
    terms: tuple[str, str] | None = None

    @property
    def any(self) -> bool:
        """Say whether anything differs."""
        return bool(
            self.revision[0] != self.revision[1]
            or self.added
            or self.removed
            or self.changed
            or self.license
            or self.license_text
            or self.terms
        )


@dataclass(frozen=True, slots=True)
class Rights:
    """What the license gate says of a release before anything is moved: the codes it earns and what policy makes of them."""

    conclusion: LicenseConclusion
    codes: tuple[str, ...] = ()
    outcome: str = "keep"
    rule: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One source in the plan.

    `published` is the release as the publisher describes it (what the lock keeps), `release` the same with the user's own
    word on license and authors. `taken` are the assets that `files` includes; `held` maps the path of those whose
    bytes are here to their sha256. A source that is skipped was not asked for and is not here. Sizes are bytes;
    `unknown_sizes` counts assets that nobody gives a size for.
    """

    source: Source
    action: Action
    state: State = "new"
    published: Release | None = None
    release: Release | None = None
    taken: tuple[Asset, ...] = ()
    left_out: int = 0
    held: Mapping[str, str] = field(default_factory=dict)
    bytes_total: int = 0
    bytes_to_move: int = 0
    unknown_sizes: int = 0
    rights: Rights | None = None
    changes: Changes | None = None
    error: AcquisitionError | None = None

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name


@dataclass(frozen=True, slots=True)
class Plan:
    """All sources in declared order, and the disk after it."""

    sources: tuple[PlannedSource, ...]
    disk_free: int
    disk_after: int
    lock: Lock

    @property
    def bytes_to_move(self) -> int:
        """Known bytes that a fetch would download."""
        return sum(source.bytes_to_move for source in self.sources if source.action == "download")


@dataclass(frozen=True, slots=True)
class Planner:
    """What planning needs: the lock, a context per source, what is held, and the judgement of rights.

    `adapter` gives a source's adapter, `override` applies the user's own word; `judge` runs the license gate and the
    policy; `holds` says whether a blob is here; `crawled` returns the pinned or finished release of a spider, None when
    it has to run. `only` names the sources that may be asked about, None for all; `check` is called while servers are
    waited for and may raise.
    """

    lock: Lock
    adapter: Callable[[Source], SourceAdapter]
    context: Callable[[Source, Release | None], ResolveContext]
    override: Callable[[Source, Release, ResolveContext], Release]
    judge: Callable[[Source, Release], Rights]
    holds: Callable[[str], bool]
    crawled: Callable[[Source, Pin | None], Release | None]
    locked: bool = False
    update: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    check: Callable[[], None] = lambda: None

    def plan(self, sources: Iterable[Source]) -> tuple[PlannedSource, ...]:
        """Resolve all sources side by side; one that fails is in the plan with its error and stops no other."""
        return _side_by_side(self._planned, tuple(sources), self.check)

    def _planned(self, source: Source) -> PlannedSource:
        try:
            return self._resolved(source) if self.only is None or source.name in self.only else self._unnamed(source)
        except AcquisitionError as error:
            return self._fallen_back(source, error)
        except Exception as error:  # noqa: BLE001 - an adapter is a plug-in; whatever it raises, the other sources go on
            named = PluginError(f"source kind {source.settings.kind!r} failed while resolving {source.name!r}: {error!r}")
            return PlannedSource(source, "error", error=named)

    def _resolved(self, source: Source) -> PlannedSource:
        pin = self.lock.pins.get(source.name)
        kept = pin if pin is not None and pin.identity == identity(source.settings) else None
        if self.locked and kept is None:
            raise NotInLock(
                f"source {source.name!r} is not in the lock as it is declared now",
                where=source.where,
                hint="Run `acquire plan` without --locked to pin it, and commit sources.lock.",
            )
        updating = source.name in self.update
        published, state = self._published(source, kept, updating=updating)
        if pin is not None and kept is None:
            state = "redeclared"
        context = self.context(source, None)
        release = self.override(source, published, context)
        rights = self.judge(source, release)
        planned = self._measured(source, published, release, kept)
        changes = (
            compare(pin.release, published) if pin is not None and (updating or state in {"local", "redeclared"}) else None
        )
        return self._gated(replace(planned, state=state, rights=rights, changes=changes))

    def _fallen_back(self, source: Source, error: AcquisitionError) -> PlannedSource:
        """An update that fails leaves what was there: the pinned release goes on, with the error beside it."""
        if source.name in self.update and not isinstance(error, Refused):
            kept = replace(self, update=self.update - {source.name})._planned(source)  # noqa: SLF001  # the same class
            if kept.error is None:
                return replace(kept, error=error)
        return PlannedSource(source, "refuse" if isinstance(error, Refused) else "error", error=error)

    def _unnamed(self, source: Source) -> PlannedSource:
        """A source that this run was not asked for takes part with what is here, and nobody is asked about it."""
        pin = self.lock.pins.get(source.name)
        if pin is None or pin.identity != identity(source.settings):
            return PlannedSource(source, "skip")
        planned = self._resolved(source)
        on_disk = planned.action == "download" and all(asset.local_path for asset in planned.taken)
        if planned.action == "refuse":
            return replace(planned, action="skip")  # with the refusal, so that the manifest goes on saying it
        return planned if planned.action == "reuse" or on_disk else PlannedSource(source, "skip")

    def _published(self, source: Source, kept: Pin | None, *, updating: bool) -> tuple[Release, State]:
        adapter = self.adapter(source)
        if adapter.mover == "crawler":
            found = None if updating else self.crawled(source, kept)
            if found is not None:
                return found, "pinned"
            return adapter.resolve(source, self.context(source, None)), "updated" if updating else "new"
        on_disk = getattr(source.settings, "path", None) is not None
        if kept is not None and not updating and not on_disk:
            return kept.release, "pinned"
        release = adapter.resolve(source, self.context(source, kept.release if kept and not updating else None))
        if on_disk:
            return self._same_folder(source, release, kept), "local"
        return release, "updated" if updating and kept else "new"

    def _same_folder(self, source: Source, release: Release, kept: Pin | None) -> Release:
        """With --locked a folder of one's own must hold what the lock says, as far as names and sizes tell."""
        if self.locked and kept is not None:
            changes = compare(kept.release, replace(release, revision=kept.release.revision, license=kept.release.license))
            if changes.any:
                raise NotInLock(
                    f"the folder of {source.name!r} is not what the lock holds: {describe(changes)}",
                    where=source.where,
                    hint="Run without --locked to take the folder as it is now.",
                )
        return release

    def _measured(self, source: Source, published: Release, release: Release, kept: Pin | None) -> PlannedSource:
        if self.adapter(source).mover == "crawler":
            taken: tuple[Asset, ...] = release.assets
            action: Action = "reuse" if release.assets else "crawl"
            held = {asset.path: _sha256(asset) for asset in taken}
            return PlannedSource(source, action, published=published, release=release, taken=taken, held=held)
        taken = tuple(asset for asset in release.assets if is_taken(asset, source))
        pinned = dict(kept.held) if kept is not None and kept.release == published else {}
        held = {asset.path: pinned[asset.path] for asset in taken if asset.path in pinned and self.holds(pinned[asset.path])}
        missing = [asset for asset in taken if asset.path not in held and not asset.local_path]
        return PlannedSource(
            source,
            "download" if len(held) < len(taken) else "reuse",
            published=published,
            release=release,
            taken=taken,
            left_out=len(release.assets) - len(taken),
            held=held,
            bytes_total=sum(asset.size or 0 for asset in taken),
            bytes_to_move=sum(asset.size or 0 for asset in missing),
            unknown_sizes=sum(asset.size is None for asset in missing),
        )

    def _gated(self, planned: PlannedSource) -> PlannedSource:
        rights, source = planned.rights, planned.source
        own = source.settings.items.license is not None or self.adapter(source).mover == "crawler"
        if rights is not None and rights.outcome == "drop" and not own:
            refusal: AcquisitionError = LicenseRefused(
                f"policy drops every item of {source.name!r} on its license: {', '.join(rights.codes)} "
                f"({rights.conclusion.declared} → {rights.conclusion.concluded})",
                where=source.where,
                hint="Change dataset.use, give the license with its evidence under `license:`, or change the policy.",
            )
            return replace(planned, action="refuse", error=refusal)
        limit = source.settings.limits.bytes
        if limit is not None and planned.bytes_to_move > limit:
            refusal = LimitReached(
                f"{source.name!r} would move {planned.bytes_to_move:,} bytes; its limit is {limit:,}",
                where=source.where,
                hint="Raise the source's limits.bytes, or take fewer files with `files:`.",
            )
            return replace(planned, action="refuse", error=refusal)
        return planned


def _side_by_side(
    work: Callable[[Source], PlannedSource], sources: tuple[Source, ...], check: Callable[[], None]
) -> tuple[PlannedSource, ...]:
    """Work on several sources at a time. Threads of a pool would be waited for, and a server may not answer for minutes."""
    waiting: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, PlannedSource]] = SimpleQueue()
    for index in range(len(sources)):
        waiting.put(index)

    def take() -> None:
        with suppress(Empty):
            while True:
                index = waiting.get_nowait()
                done.put((index, work(sources[index])))

    for _ in range(min(_SIDE_BY_SIDE, len(sources))):
        Thread(target=take, name="plan", daemon=True).start()
    found: dict[int, PlannedSource] = {}
    while len(found) < len(sources):
        check()
        with suppress(Empty):
            index, planned = done.get(timeout=_LOOK)
            found[index] = planned
    return tuple(found[index] for index in range(len(sources)))


def _sha256(asset: Asset) -> str:
    return next((digest.value for digest in asset.digests if digest.algorithm == "sha256"), "")


def is_taken(asset: Asset, source: Source) -> bool:
    """Archives stay in unless they are excluded by name: `files` is applied again to their members."""
    files = source.settings.files
    if files.takes(asset.path):
        return True
    return is_archive(asset.path) and not files.excludes(asset.path)


def is_archive(path: str) -> bool:
    """Say whether a file holds files, by its name."""
    return path.lower().endswith(
        (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tzst")
    )


def compare(old: Release, new: Release) -> Changes:
    """Return what differs between two releases: files by path, size and published digests, revision, license, terms."""
    before = {asset.path: asset for asset in old.assets}
    after = {asset.path: asset for asset in new.assets}
    old_raw, new_raw = "; ".join(old.license.raw) or "none", "; ".join(new.license.raw) or "none"
    old_text, new_text = _license_text(old), _license_text(new)
    old_terms, new_terms = (release.terms.sha256 if release.terms else "" for release in (old, new))
    return Changes(
        revision=(old.revision, new.revision or old.revision),
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(path for path in before.keys() & after.keys() if _differs(before[path], after[path]))),
        license=(old_raw, new_raw) if old_raw != new_raw else None,
        license_text=(old_text, new_text) if old_text != new_text and old_raw == new_raw else None,
        terms=(old_terms, new_terms) if old_terms != new_terms else None,
    )


def _license_text(release: Release) -> str:
    """Digest of the evidence that speaks of the license itself."""
    return ",".join(sorted({evidence.sha256 for evidence in release.license.evidence if evidence.sha256}))


def _differs(old: Asset, new: Asset) -> bool:
    if old.size is not None and new.size is not None and old.size != new.size:
        return True
    ours: dict[str, Digest] = {digest.algorithm: digest for digest in old.digests}
    return any(digest.algorithm in ours and ours[digest.algorithm] != digest for digest in new.digests)


def describe(changes: Changes) -> str:
    """Say in one line what differs."""
    parts = [
        f"+{len(changes.added)} ~{len(changes.changed)} -{len(changes.removed)} files",
        *([f"revision {changes.revision[0]} → {changes.revision[1]}"] if changes.revision[0] != changes.revision[1] else []),
        *([f"license {changes.license[0]} → {changes.license[1]}"] if changes.license else []),
        *(["license text changed"] if changes.license_text else []),
        *(["terms changed"] if changes.terms else []),
    ]
    return ", ".join(parts)
