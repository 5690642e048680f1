"""Resolving all sources side by side, and saying of each what a fetch would do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from acquisition.errors import AcquisitionError, NotHere, NotInLock, PluginError, Refused
from acquisition.lock import Lock, Pin, TextDigest, own_word
from acquisition.model import SEVERITY, Asset, Digest, Evidence, Release
from acquisition.plan.comparing import Standing, compare, describe
from acquisition.plan.drift import Drift, drift_of
from acquisition.plan.measuring import Here, crawled, measured, refusal_of, with_what_is_here
from acquisition.plan.planned import Action, PlannedSource, Rights, State, Texts
from acquisition.plan.side_by_side import side_by_side
from acquisition.protocols import ResolveContext, Source, SourceAdapter

Look = Literal["new", "moving"]
"""Which sources are asked about: those that are not pinned; those whose bytes have to move as well."""

_OWN_SINCE: Final = 2
"""Schema version of the lock from which on it holds the user's own word."""


class _Drifted(Exception):
    """With --locked, a license that is not the one of the lock ends the source; carried to where the plan is made."""

    def __init__(self, drift: Drift, kept: Pin) -> None:
        super().__init__(drift.message)
        self.drift, self.kept = drift, kept


@dataclass(frozen=True, slots=True)
class Planner:
    """What planning needs: the lock, a context per source, what is held, and the judgement of rights.

    `adapter` gives a source's adapter, `override` applies the user's own word; `judge` runs the license gate and the
    policy over a release and its license texts; `texts` gives the texts that are here or may be asked for, of a release whose
    `held` files map to their sha256; `standing` asks servers whether files of an update that nothing but their bytes pins are
    others now; `count` says how many items there are; `holds` says whether a blob is here; `crawled`
    returns the pinned or finished release of a spider, None when it has to run. `only` names the sources that may be asked
    about, None for all; with `offline` nobody is asked; `contact` says that somebody answers for a crawl. `check` is called
    while servers are waited for and may raise. `named` are those of `update` that somebody named, None for all. `gone` says of
    a source, or of a file with its sha256 ("" where it is not known), that it was taken down.
    """

    lock: Lock
    adapter: Callable[[Source], SourceAdapter]
    context: Callable[[Source, Release | None], ResolveContext]
    override: Callable[[Source, Release, ResolveContext], Release]
    judge: Callable[[Source, Release, tuple[Evidence, ...]], Rights]
    holds: Callable[[str], bool]
    crawled: Callable[[Source, Pin | None], Release | None]
    texts: Callable[[Source, PlannedSource], Texts] = lambda _source, _planned: Texts()
    standing: Callable[[PlannedSource, Pin], Standing] = lambda _planned, _pin: Standing()
    count: Callable[[PlannedSource], int | None] = lambda _planned: None
    locked: bool = False
    offline: bool = False
    contact: bool = True
    update: frozenset[str] = frozenset()
    named: frozenset[str] | None = None
    only: frozenset[str] | None = None
    look: Look = "new"
    check: Callable[[], None] = lambda: None
    gone: Callable[[str, Asset | None, str], bool] = lambda _source, _asset, _sha256: False

    def plan(self, sources: Iterable[Source]) -> tuple[PlannedSource, ...]:
        """Resolve all sources side by side; one that fails is in the plan with its error and stops no other."""
        return side_by_side(self._planned, tuple(sources), self.check)

    def _planned(self, source: Source) -> PlannedSource:
        try:
            return self._resolved(source) if self.only is None or source.name in self.only else self._unnamed(source)
        except _Drifted as found:
            return replace(self._refused_for(found.drift, source, found.kept), action="refuse")
        except AcquisitionError as error:
            return self._fallen_back(source, error)
        except Exception as error:  # noqa: BLE001 - an adapter is a plug-in; whatever it raises, the other sources go on
            named = PluginError(f"source kind {source.settings.kind!r} failed while resolving {source.name!r}: {error!r}")
            return PlannedSource(source, "error", error=named)

    def _resolved(self, source: Source) -> PlannedSource:
        pin = self.lock.pins.get(source.name)
        kept = pin if pin is not None and pin.names(source.settings) else None
        self._demand_pin(source, kept)
        updating = source.name in self.update
        published, state = self._published(source, kept, updating=updating)
        if pin is not None and kept is None:
            state = "redeclared"
        planned = replace(self._weighed(source, published, kept), state=state)
        self._demand_own(planned, kept)
        if pin is not None and (updating or state in {"local", "redeclared", "updated"}):
            planned = replace(planned, changes=compare(pin.release, published))
        if kept is not None:
            planned = self._watched(planned, kept)
            if planned.drift is not None and planned.drift.refused:
                return self._refused_for(planned.drift, source, kept)
        return self._gated(planned)

    def _demand_pin(self, source: Source, kept: Pin | None) -> None:
        if self.locked and kept is None:
            raise NotInLock(
                f"source {source.name!r} is not in the lock as it is declared now",
                where=source.where,
                hint="Run `acquire lock` to pin it, look at what it changes, and commit sources.lock.",
            )
        if self.offline and kept is None and not _on_disk(source):
            raise NotHere(
                f"source {source.name!r} is not in the lock as it is declared now, and nobody is asked with --offline",
                where=source.where,
                hint="Run the same command without --offline where the network is.",
            )

    def _demand_own(self, planned: PlannedSource, kept: Pin | None) -> None:
        """With --locked the user's own word on the license, evidence included, must be the one that the lock holds."""
        if not self.locked or kept is None or planned.release is None or self.lock.read_as < _OWN_SINCE:
            return
        if own_word(planned.release.license) != kept.own:
            raise NotInLock(
                f"what `license:` says of {planned.name!r}, or its evidence, is not what the lock holds",
                where=planned.source.where,
                hint="Run `acquire lock` to take it over, and look at what it changes.",
            )

    def _weighed(self, source: Source, published: Release, kept: Pin | None) -> PlannedSource:
        """Return what is held and to be moved of a release, and what the license gate says of it."""
        release = self.override(source, published, self.context(source, None))
        here = Here(self.holds, self.gone)
        if self._crawls(source):
            planned = crawled(source, published, release, here)
        else:
            planned = measured(source, published, release, kept, here)
        texts = self.texts(source, planned)
        read = tuple(TextDigest(text.url, text.sha256) for text in texts.read)
        rights = self.judge(source, release, texts.read)
        planned = replace(planned, rights=rights, texts=read, notes=texts.lacking)
        return replace(planned, items=self.count(planned))

    def _crawls(self, source: Source) -> bool:
        return self.adapter(source).mover == "crawler"

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
        if pin is None or not pin.names(source.settings):
            return PlannedSource(source, "skip")
        planned = replace(self, look="new", locked=False)._resolved(source)  # noqa: SLF001  # the same class
        if planned.action == "refuse":
            return replace(planned, action="skip")  # with the refusal, so that the manifest goes on saying it
        here = with_what_is_here(planned) if planned.action in {"reuse", "download"} else planned
        if here.action not in {"reuse", "download"}:
            return PlannedSource(source, "skip")
        return here if here is planned or not self.only else replace(here, error=None)  # others were asked for

    # --- releases ---------------------------------------------------------------------------------------------------------

    def _published(self, source: Source, kept: Pin | None, *, updating: bool) -> tuple[Release, State]:
        adapter = self.adapter(source)
        if self._crawls(source):
            return self._crawled(source, kept, updating=updating)
        on_disk = _on_disk(source)
        if kept is not None and not updating and not on_disk:
            if self.locked and not self.offline:
                self._demand_same(source, kept, adapter.resolve(source, self.context(source, kept.release)))
            elif self.look == "moving" and not kept.complete and not self.offline:
                return self._looked_at_again(source, kept)
            return kept.release, "pinned"
        release = adapter.resolve(source, self.context(source, kept.release if kept and not updating else None))
        if on_disk:
            if self.locked and kept is not None:
                release = _as_held(release, kept)
                self._demand_same(source, kept, replace(release, license=kept.release.license, terms=kept.release.terms))
            return release, "local"
        return release, "updated" if updating and kept else "new"

    def _looked_at_again(self, source: Source, kept: Pin) -> tuple[Release, State]:
        """What only its bytes can pin has not come yet: take it as it is now, and as it was where nothing differs."""
        now = self.adapter(source).resolve(source, self.context(source, None))
        same = not compare(kept.release, now).any and drift_of(kept.release, now) is None
        return (kept.release, "pinned") if same else (now, "updated")

    def _crawled(self, source: Source, kept: Pin | None, *, updating: bool) -> tuple[Release, State]:
        found = None if updating else self.crawled(source, kept)
        if found is not None:
            if self.locked and kept is not None:
                self._demand_same(source, kept, found)
            return found, "pinned"
        if self.offline or self.locked:
            kind = NotHere if self.offline else NotInLock
            raise kind(
                f"what the lock holds of the crawl {source.name!r} is not here, and a crawl is never the same twice",
                where=source.where,
                hint="Take the folder `crawl` of the workspace along, or crawl anew without this option.",
            )
        return self.adapter(source).resolve(source, self.context(source, None)), "updated" if updating else "new"

    def _demand_same(self, source: Source, kept: Pin, now: Release) -> None:
        """With --locked the world must be what the lock says, as far as names, sizes, digests and a revision tell."""
        changes = compare(kept.release, now)
        if changes.files or changes.revision[0] != changes.revision[1]:
            on_disk = _on_disk(source)
            what = f"the folder of {source.name!r}" if on_disk else f"what is published of {source.name!r}"
            anew = "without --locked" if on_disk else f"`acquire plan --update {source.name}`"
            raise NotInLock(
                f"{what} is not what the lock holds: {describe(changes)}",
                where=source.where,
                hint=f"Run {anew} to see it as it is now.",
            )
        if (drift := self._ruled(source, kept, now)) is not None:
            raise _Drifted(replace(drift, refused=True), kept)

    # --- drift ------------------------------------------------------------------------------------------------------------

    def _watched(self, planned: PlannedSource, kept: Pin) -> PlannedSource:
        """Return the source with what is said now and was not when it was pinned, of its license and of its files.

        Only who was asked says something. Before what is pinned moves, its publisher is asked again; that there was no answer
        is a note, for then nobody knows whether the license is still the same.
        """
        source, published = planned.source, planned.published
        if self._crawls(source) or _on_disk(source) or published is None:
            return planned
        if planned.state == "updated":
            planned = self._among_files(planned, kept) if source.name in self.update else planned
            drift = self._ruled(source, kept, published)
            return replace(planned, drift=None if drift is None else replace(drift, taken=not drift.refused))
        pinned = planned.action == "download" and planned.state == "pinned" and kept.complete
        if not pinned or self.look != "moving" or self.locked or self.offline or self._refusal(planned) is not None:
            return planned
        try:
            now = self.adapter(source).resolve(source, self.context(source, None))
        except AcquisitionError as error:
            note = f"not asked again, so whether its license has changed is not known: {error.message} [{error.code}]"
            return replace(planned, notes=(*planned.notes, note))
        return replace(planned, drift=self._ruled(source, kept, now))

    def _among_files(self, planned: PlannedSource, kept: Pin) -> PlannedSource:
        """Add to the changes what servers say of files that only their bytes pin, and note of which they say nothing."""
        found = self.standing(planned, kept)
        changes = planned.changes
        if changes is not None and found.changed:
            changed = tuple(sorted({*changes.changed, *found.changed}))
            changes = replace(changes, changed=changed, bytes_changed=changes.bytes_changed + sum(found.changed.values()))
        return replace(planned, changes=changes, notes=(*planned.notes, *found.notes))

    def _ruled(self, source: Source, kept: Pin, now: Release) -> Drift | None:
        """Return how two releases differ in their license, with what policy makes of both; None where they do not."""
        drift = drift_of(kept.release, now)
        if drift is None:
            return None
        before, after = (self._outcome(source, release) for release in (kept.release, now))
        # What somebody named may wait for a person (hold): nothing of it enters the set. What nobody named stops before that.
        named = source.name in self.update and (self.named is None or source.name in self.named)
        forbidden = {"drop"} if named else {"hold", "drop"}
        worse = SEVERITY[after] > SEVERITY[before] and after in forbidden
        return replace(drift, outcomes=(str(before), str(after)), refused=worse, held=self._held_of(kept))

    def _outcome(self, source: Source, release: Release) -> str:
        return self.judge(source, self.override(source, release, self.context(source, None)), ()).outcome

    def _held_of(self, kept: Pin) -> int:
        return sum(self.holds(sha256) for sha256 in kept.held.values())

    def _refused_for(self, drift: Drift, source: Source, kept: Pin) -> PlannedSource:
        """Nothing of the new release is taken; what is held whole of the old one goes on, with the alarm beside it."""
        planned = self._weighed(source, kept.release, kept)
        action: Action = "reuse" if planned.action == "reuse" else "refuse"
        return replace(planned, action=action, state="pinned", drift=drift, error=drift.error(source.where))

    def _gated(self, planned: PlannedSource) -> PlannedSource:
        refusal = self._refusal(planned)
        if refusal is not None:
            return replace(planned, action="refuse", error=refusal)
        return with_what_is_here(planned) if self.offline else planned

    def _refusal(self, planned: PlannedSource) -> Refused | None:
        return refusal_of(planned, crawler=self._crawls(planned.source), contact=self.contact)


def _on_disk(source: Source) -> bool:
    """Say whether the source is a folder or file of one's own, which is looked at and never asked for."""
    return getattr(source.settings, "path", None) is not None


def _as_held(release: Release, kept: Pin) -> Release:
    """Return a folder of one's own with the digests that its files had, so that another content is no more taken for them."""
    known = {path: (Digest("sha256", sha256),) for path, sha256 in kept.held.items()}
    return replace(release, assets=tuple(replace(one, digests=known.get(one.path, one.digests)) for one in release.assets))
