"""Step 2: the plan of a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from acquisition import crawl
from acquisition.blobs import BlobStore
from acquisition.errors import UsageError
from acquisition.lock import VERSION, Lock, Pin, identity, own_word
from acquisition.model import Release
from acquisition.pipeline.pinning.standing import standing_of
from acquisition.pipeline.pinning.weighing import combined, items_of, rights_of, set_bytes, texts_of, with_contact
from acquisition.pipeline.session import Session
from acquisition.pipeline.withdrawal.lacking import missed
from acquisition.plan import Look, Plan, PlannedSource, Planner, still_held
from acquisition.protocols import Source
from acquisition.sources.override import apply_override
from acquisition.takedown.swept import read_swept
from acquisition.tombstones import read_tombstones
from acquisition.workspace import free_bytes


def make_plan(
    session: Session,
    *,
    locked: bool = False,
    update: Iterable[str] = (),
    named: Iterable[str] | None = None,
    here_only: bool = False,
    look: Look = "new",
) -> Plan:
    """Resolve what the lock does not pin, and say what a fetch would do. Writes nothing but license texts as evidence.

    With `here_only` nobody is asked: sources take part with what the lock pins and the workspace holds. `look` says which
    pinned sources are asked about again, to compare what their publishers say now. `named` are the sources of `update` that
    somebody named, None for all: of the others no release is taken that the policy holds for its changed license.
    """
    store, swept, stones = (
        BlobStore(session.workspace),
        read_swept(session.workspace),
        read_tombstones(session.workspace.tombstones),
    )
    planner = Planner(
        lock=session.lock,
        adapter=session.adapter,
        context=session.context,
        override=lambda source, release, context: apply_override(release, source.settings, context),
        judge=rights_of(session),
        holds=lambda sha256: store.has(sha256) or swept.absent(sha256) is not None,
        gone=stones.keeps_away,
        crawled=lambda source, pin: crawled_release(session, source, pin),
        texts=texts_of(session),
        standing=standing_of(session),
        count=items_of(session),
        locked=locked,
        offline=session.offline,
        contact=session.declared.declaration.contact is not None,
        update=frozenset(update),
        named=None if named is None else frozenset(named),
        only=frozenset(session.only) if session.only or (here_only and not session.offline) else None,
        look=look,
        check=session.check_stop,
    )
    contact = session.declared.declaration.contact
    who = f"{contact.name} <{contact.email}>" if contact else ""
    planned = missed(session, planner.plan(session.declared.sources), swept, stones, asked=planner.only)
    sources = tuple(with_contact(source, who) for source in planned)
    free = free_bytes(session.workspace.root)
    to_move = sum(source.bytes_to_move for source in sources if source.action == "download")
    declared = {source.name for source in session.declared.sources}
    return Plan(
        sources=sources,
        disk_free=free,
        disk_after=free - to_move,
        lock=pinned(session.lock, sources),
        disk_set=set_bytes(sources, session.declared.declaration.curated.layout),
        removed=tuple(sorted(name for name in session.lock.pins if name not in declared)),
        combination=combined(sources, session.use),
        notes=tuple(_notes(session.lock)),
    )


def demand_online(session: Session, update: Iterable[str]) -> frozenset[str]:
    """Return the sources whose newest release is wanted. UsageError where nobody may be asked for it."""
    wanted = frozenset(update)
    if wanted and session.offline:
        raise UsageError("--update asks publishers, --offline asks nobody", hint="Leave one of them out.")
    return wanted


def _notes(lock: Lock) -> Iterable[str]:
    if 0 < lock.read_as < VERSION:
        yield (
            f"sources.lock is of schema version {lock.read_as}; it was read as such, and is written as version {VERSION} "
            "the next time something is pinned"
        )


def crawled_release(session: Session, source: Source, pin: Pin | None) -> Release | None:
    """Return the release of the newest finished crawl of a spider as it is declared now, None when it has to run."""
    if pin is None or not pin.release.revision:
        return None
    directory = crawl_directory(session, source, pin)
    if not directory.exists():
        return None
    found = crawl.release(source, directory, resolved_at=pin.release.resolved_at)
    return replace(found, version_label=directory.name)


def crawl_directory(session: Session, source: Source, pin: Pin) -> Path:
    """Return the directory of the crawl that the lock pins."""
    return session.workspace.crawl / source.name / pin.release.version_label


def pinned(lock: Lock, sources: Iterable[PlannedSource]) -> Lock:
    """Return the lock with the releases that were resolved.

    What failed keeps the pin it had; what is refused is pinned when it is new, so that nobody is asked about it again; a
    folder of one's own is pinned once its files have been hashed.
    """
    for planned in sources:
        old = lock.pins.get(planned.name)
        fresh = old is None or not old.names(planned.source.settings)
        if planned.published is None or not (planned.action in {"download", "reuse"} or (planned.action == "refuse" and fresh)):
            continue
        if planned.state == "local" and not fresh:
            continue
        held: Mapping[str, str] = still_held(old, planned.published) if old is not None and not fresh else {}
        again = not fresh and old is not None and old.release.revision == planned.published.revision
        lock = lock.with_pin(planned.name, pin_of(planned, held, old if again else None))
    return lock


def pin_of(planned: PlannedSource, held: Mapping[str, str], old: Pin | None = None) -> Pin:
    """Return the pin of a planned source; what hosts said stays with the crawl that asked them."""
    assert planned.published is not None
    own = own_word(planned.release.license) if planned.release is not None else None
    texts = tuple(sorted(planned.texts)) or (old.texts if old is not None else ())
    return Pin(identity(planned.source.settings), planned.published, held, own, texts, old.hosts if old is not None else ())
