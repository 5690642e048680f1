"""Files that a takedown took out of the blob store, and whether they are missed.

Everything that stays of such a file lies in the staged shards, so it is not fetched again while these stand. Where its source
has to be staged anew (another reader, other settings), it is: staging lets nothing pass that is taken down, and the file goes
again afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from acquisition.blobs import BlobStore
from acquisition.lock import Lock
from acquisition.pipeline.session import Session
from acquisition.pipeline.withdrawal.withdrawing import reader_versions, stands
from acquisition.plan import PlannedSource
from acquisition.stage import Held, inputs_of
from acquisition.takedown.swept import Swept, read_swept, write_swept
from acquisition.tombstones import Tombstones
from acquisition.workspace import Workspace


def missed(
    session: Session, sources: Iterable[PlannedSource], swept: Swept, stones: Tombstones, *, asked: frozenset[str] | None
) -> tuple[PlannedSource, ...]:
    """Return the plan with the files to be fetched again that staging needs as they were; `asked` as in `Planner.only`."""
    return tuple(_missed(session, source, swept, stones, asked) for source in sources)


def _missed(
    session: Session, planned: PlannedSource, swept: Swept, stones: Tombstones, asked: frozenset[str] | None
) -> PlannedSource:
    lacking = {path for path, sha256 in planned.held.items() if (found := swept.of(sha256)) is not None and found.lacking}
    if not lacking or planned.release is None or _stands(session, planned, stones):
        return planned
    if asked is not None and planned.name not in asked:
        return PlannedSource(planned.source, "skip")
    sizes = [asset.size for asset in planned.taken if asset.path in lacking]
    return replace(
        planned,
        action="download",
        held={path: sha256 for path, sha256 in planned.held.items() if path not in lacking},
        bytes_to_move=planned.bytes_to_move + sum(size or 0 for size in sizes),
        unknown_sizes=planned.unknown_sizes + sum(size is None for size in sizes),
    )


def _stands(session: Session, planned: PlannedSource, stones: Tombstones) -> bool:
    """Say whether the source is staged for what would be staged now. With a limit on all items it may say no too often."""
    release, settings = planned.release, planned.source.settings
    assert release is not None
    limits = [limit for limit in (settings.limits.items, session.declared.declaration.limits.items) if limit is not None]
    held = {path: sha256 for path, sha256 in planned.held.items() if not stones.file_gone(sha256)}
    told = inputs_of((), settings, release.revision, release.reader, reader_versions(), min(limits, default=None))
    return stands(session.workspace.staging / planned.name, replace(told, files=held), stones)


def whole_again(workspace: Workspace, swept: Swept, held: Iterable[Held]) -> bool:
    """Say whether a file that something was taken out of lies whole in the store again: it came without the lock that knew it.

    What stands of its source does not tell what is in it, so it has to be staged, sieved and swept as it was the first time.
    """
    store = BlobStore(workspace)
    known = [found for file in held if (found := swept.of(file.sha256)) is not None]
    whole = {one.blob for one in known if store.has(one.blob) and (one.absent or not store.has(one.blob, one.now_size))}
    return bool(whole) and all(one.blob in whole for one in known if one.lacking)


def make_room(session: Session, sources: Iterable[PlannedSource], lock: Lock) -> None:
    """Take edited files out of the store that are about to be fetched again: under that digest lies the original or nothing."""
    swept = read_swept(session.workspace)
    again = []
    for source in sources:
        pin = lock.pins.get(source.name)
        missing = {asset.path for asset in source.taken} - set(source.held)
        for path in missing if pin is not None else ():
            found = swept.of(pin.held.get(path, "")) if pin is not None else None
            if found is not None and found.lacking:
                BlobStore(session.workspace).discard(found.blob)
                again.append(found.blob)
    if again:
        write_swept(session.workspace, swept.without(again))
