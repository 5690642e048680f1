"""The lock on its own: pins without moving, and whether it still says what is declared and what is published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from acquisition.errors import (
    AcquisitionError,
    LicenseDrift,
    LockDamaged,
    NotHere,
    SourceNotFound,
    SourceRemoved,
)
from acquisition.journal import Journal
from acquisition.lock import Lock, Pin, own_word, place_of
from acquisition.model import Asset, Digest, Release
from acquisition.pipeline.planning import demand_online, make_plan
from acquisition.pipeline.session import Session
from acquisition.plan import Plan, PlannedSource, compare, describe, is_taken
from acquisition.protocols import Source
from acquisition.sources.override import apply_override

CODES: Final = {
    "lock.damaged": "sources.lock was cut, edited by hand, contradicts itself or is of another version",
    "license-drift": "the publisher gives another license, license text or terms than the lock holds",
    "lock.not-pinned": "a source is declared and not pinned",
    "lock.not-declared": "a source is pinned and not declared any more",
    "lock.redeclared": "a declaration names something else than what is pinned",
    "lock.own-word": "what `license:` says, or its evidence, is not what was pinned",
    "lock.incomplete": "an entry does not hold everything that is needed to get the same bytes again",
    "lock.gone": "the publisher does not have the pinned release any more",
    "lock.moved": "the publisher offers a newer release than the pinned one",
    "lock.digest-drift": "the pinned release has other files, sizes or digests now",
    "lock.unasked": "the publisher could not be asked",
    "lock.untold": "the publisher was asked, and says nothing by which it could be told whether a file has changed",
}
"""What `acquire lock --check` can find, in the order in which it is told: what is gravest first."""
_UNTOLD: Final = "lock.untold"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not right with the lock: its code, the source, a sentence, its place, and what to do."""

    code: str
    source: str
    message: str
    where: str = ""
    hint: str = ""

    @property
    def fails(self) -> bool:
        """Say whether the check fails for it; what a publisher cannot tell is no fault of the lock."""
        return self.code != _UNTOLD


def lock(session: Session, *, refresh: bool = False) -> tuple[Plan, Lock]:
    """Pin what is declared and not pinned, drop what is not declared any more, write the lock; nothing is moved.

    With `refresh`, pinned sources are pinned to their newest release as well. Returns the plan and the lock that stood before.
    A release whose license has drifted towards what the policy does not allow is not pinned. One that only its bytes pin keeps
    the pin that it has: without moving them nobody can make another.
    """
    before = session.lock
    wanted = demand_online(session, unpinned(session, session.only) if refresh else ())
    try:
        made = make_plan(session, update=wanted, named=session.only)
    finally:
        session.close()
    made = _with_bare_pins(made, before, wanted)
    session.save_lock(made.lock)
    return made, before


def _with_bare_pins(made: Plan, before: Lock, wanted: frozenset[str]) -> Plan:
    """Return the plan with the pins that stood of what only its bytes could pin anew."""
    bare = {one.name for one in made.sources if one.name in wanted and one.published is not None and not one.published.revision}
    stays = {name: before.pins[name] for name in sorted(bare) if before.pins[name].complete}
    sources = []
    for one in made.sources:
        differs = one.name in stays and one.changes is not None and one.changes.any
        note = f"pinned as it was, for only its bytes can pin it: `acquire update {one.name}` takes them"
        sources.append(replace(one, notes=(*one.notes, note)) if differs else one)
    return replace(made, sources=tuple(sources), lock=replace(made.lock, pins={**made.lock.pins, **stays}))


def unpinned(session: Session, names: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the pinned sources of which something newer may be there: those that the declaration does not fix itself.

    `names` limits them, () for all. Folders of one's own are looked at anyway, and a crawl is run anew by `acquire crawl`.
    """
    asked = frozenset(names)
    found = []
    for source in session.declared.sources:
        adapter, pin = session.adapter(source), session.lock.pins.get(source.name)
        on_disk = getattr(source.settings, "path", None) is not None
        if pin is None or not pin.names(source.settings) or adapter.mover == "crawler" or on_disk:
            continue
        if source.name in asked or not (asked or adapter.fixed(source)):
            found.append(source.name)
    return tuple(found)


def check_lock(session: Session) -> tuple[Finding, ...]:
    """Return everything that is not right with the lock, gravest first; publishers are asked unless the session is offline."""
    try:
        held = session.lock
    except LockDamaged as error:
        return tuple(_damage(error))
    places = _Places(session)
    found = [*_undeclared(session, held, places)]
    for source in session.declared.sources:
        found += _declared(session, source, held.pins.get(source.name), places)
    try:
        found += _published(session, held, places)
    finally:
        session.close()
    order = list(CODES)
    return tuple(sorted(found, key=lambda one: order.index(one.code)))


def _damage(error: LockDamaged) -> Iterator[Finding]:
    if not error.problems:
        yield Finding("lock.damaged", "", error.message, error.where, error.hint)
    for problem in error.problems:
        yield Finding("lock.damaged", "", problem.message, problem.where, problem.hint)


class _Places:
    """Where entries of the lock stand."""

    def __init__(self, session: Session) -> None:
        self._path = session.lock_path
        self._text = self._path.read_text(encoding="utf-8") if self._path.exists() else "{}"

    def of(self, name: str, *steps: str | int) -> str:
        """Return file:line:column of a source's entry, or of a field of it."""
        place = place_of(self._text, ("sources", name, *steps))
        return f"{self._path}:{place.line}:{place.column}"


def _undeclared(session: Session, held: Lock, places: _Places) -> Iterator[Finding]:
    declared = {source.name for source in session.declared.sources}
    for name in sorted(held.pins.keys() - declared):
        hint = "`acquire lock` takes it out; declare it again to keep it."
        yield Finding("lock.not-declared", name, f"{name!r} is pinned and not declared", places.of(name), hint)


def _declared(session: Session, source: Source, pin: Pin | None, places: _Places) -> Iterator[Finding]:
    name = source.name
    if pin is None:
        yield Finding("lock.not-pinned", name, f"{name!r} is declared and not pinned", source.where, "Run `acquire lock`.")
        return
    if not pin.names(source.settings):
        said = f"{name!r} is declared otherwise than it was when it was pinned ({source.where})"
        yield Finding("lock.redeclared", name, said, places.of(name, "declared"), "Run `acquire lock` and look at the change.")
        return
    try:
        own = own_word(apply_override(pin.release, source.settings, session.context(source)).license)
    except AcquisitionError as error:
        yield Finding("lock.own-word", name, error.message, error.where or source.where, error.hint)
        return
    if own != pin.own:
        said = f"what `license:` says of {name!r}, or its evidence, is not what was pinned"
        yield Finding("lock.own-word", name, said, places.of(name, "own"), "Run `acquire lock` and look at the change.")
    if missing := _missing(pin, source):
        hint = "Run `acquire fetch`: digests are known when the bytes have come."
        yield Finding("lock.incomplete", name, f"{name!r}: {missing}", places.of(name, "files"), hint)


def _missing(pin: Pin, source: Source) -> str:
    """Say what an entry lacks for the same bytes to be got again, "" when it has all. Files that are not taken lack nothing."""
    release = pin.release
    taken = [asset for asset in release.assets if is_taken(asset, source)]
    bare = [asset.path for asset in taken if not asset.digests and asset.path not in pin.held]
    lacking = [] if release.revision else ["no revision"]
    lacking += [f"{len(bare):,} of {len(taken):,} files without a digest ({bare[0]}…)"] if bare else []
    claim = release.license
    lacking += ["a license without evidence"] if claim.raw and not claim.evidence else []
    terms = release.terms
    if terms is not None and terms.accepted and not (terms.sha256 and terms.accepted_at):
        lacking.append("accepted terms without digest or time")
    return ", ".join(lacking)


# --- what is published ----------------------------------------------------------------------------------------------------


def _published(session: Session, held: Lock, places: _Places) -> Iterator[Finding]:
    """Yield what publishers, folders and archives say now; offline only the last two are looked at."""
    names = [source.name for source in session.declared.sources if source.name in held.pins]
    every = replace(session, only=tuple(names))
    asked = () if session.offline else unpinned(every, names)
    plan = make_plan(every, update=asked)
    for planned in plan.sources:
        pin = held.pins.get(planned.name)
        if pin is None or not pin.names(planned.source.settings):
            continue
        if planned.name in asked:
            yield from _news(session, planned, pin, places)
            for note in planned.notes:
                hint = "Nothing is wrong with the lock: digests in it tell when the bytes come."
                yield Finding(_UNTOLD, planned.name, f"{planned.name!r}: {note}", places.of(planned.name, "files"), hint)
        elif planned.action != "crawl" and planned.published is not None:
            changes = compare(pin.release, _as_it_lies(session, planned.published, pin))
            if changes.files:
                said = f"what lies here of {planned.name!r} is not what was pinned: {describe(changes)}"
                yield Finding(
                    "lock.digest-drift", planned.name, said, places.of(planned.name), "Run `acquire fetch` to take it."
                )


def _as_it_lies(session: Session, release: Release, pin: Pin) -> Release:
    """Return a release with the digests of what lies in a folder of one's own; what cannot be read is left out.

    Files that were hashed before and were not written to since are not read again.
    """
    if not any(asset.local_path for asset in release.assets):
        return release
    assets: list[Asset] = []
    journal = session.workspace.journal
    with Journal(journal) if journal.exists() else nullcontext() as known:
        for asset in release.assets:
            with suppress(OSError):
                session.check_stop()
                held = asset.local_path and asset.path in pin.held
                assets.append(replace(asset, digests=(_digest_of(asset, known),)) if held else asset)
    return replace(release, assets=tuple(assets))


def _digest_of(asset: Asset, known: Journal | None) -> Digest:
    path = Path(asset.local_path).absolute()
    facts = path.stat()
    values = known.local_digests(str(path), facts.st_size, facts.st_mtime_ns) if known is not None else {}
    if "sha256" in values:
        return Digest("sha256", values["sha256"])
    with path.open("rb") as stream:
        return Digest("sha256", hashlib.file_digest(stream, "sha256").hexdigest())


def _news(session: Session, planned: PlannedSource, pin: Pin, places: _Places) -> Iterator[Finding]:
    name, where = planned.name, places.of(planned.name)
    if planned.drift is not None:
        error = planned.drift.error(places.of(name, "license"))
        yield Finding("license-drift", name, error.message, error.where, error.hint)
    if planned.error is not None and not isinstance(planned.error, LicenseDrift):
        yield from _unanswered(planned.error, name, where)
        return
    changes = planned.changes
    if changes is None or (planned.drift is not None and planned.drift.refused):
        return
    hint = f"Look with `acquire plan --update {name}`, take it with `acquire update {name}`."
    if changes.revision[0] != changes.revision[1] or changes.version:
        yield Finding("lock.moved", name, f"{name!r} has a newer release: {describe(changes)}", where, hint)
        yield from _still_there(session, planned.source, pin, where)
    elif changes.files:
        said = f"{name!r} has the same version and other files: {describe(changes)}"
        yield Finding("lock.digest-drift", name, said, places.of(name, "files"), hint)


def _still_there(session: Session, source: Source, pin: Pin, where: str) -> Iterator[Finding]:
    """Ask for the pinned release itself, now that a newer one has taken its place."""
    if not pin.complete or pin.release.revision.startswith("sha256:"):
        return  # only its bytes pin it: there is nothing to ask for
    try:
        now = session.adapter(source).resolve(source, session.context(source, pin.release))
    except AcquisitionError as error:
        yield from _unanswered(error, source.name, where)
        return
    if (changes := compare(pin.release, now)).files:
        said = f"the pinned release of {source.name!r} has other files now: {describe(changes)}"
        yield Finding("lock.digest-drift", source.name, said, where, "Ask the publisher; the lock has what it was.")


def _unanswered(error: AcquisitionError, name: str, where: str) -> Iterator[Finding]:
    if isinstance(error, NotHere):
        return
    gone = isinstance(error, SourceNotFound | SourceRemoved)
    said = f"{name!r} is gone upstream: {error.message}" if gone else f"{name!r}: {error.message} [{error.code}]"
    yield Finding("lock.gone" if gone else "lock.unasked", name, said, where, error.hint)
