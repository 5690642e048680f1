"""Step 4: from files to items in shards."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from acquisition.engine.local import Failed, LocalEngine
from acquisition.model import Rejection
from acquisition.pipeline.moving import Moved
from acquisition.pipeline.session import Session
from acquisition.pipeline.withdrawal.lacking import whole_again
from acquisition.pipeline.withdrawal.withdrawing import Hits, reader_versions, records, standing
from acquisition.read import FileBinary, read_asset
from acquisition.stage import (
    Held,
    Inputs,
    Part,
    PartResult,
    Staged,
    inputs_of,
    parts_of,
    stage_part,
    staged_from,
    write_staged,
)
from acquisition.stage.staged import directory_name, sieved_key
from acquisition.takedown.swept import Swept, read_swept
from acquisition.tombstones import Tombstones, read_tombstones
from acquisition.workspace import fsync_directory, write_json


def stage_all(session: Session, moved: Iterable[Moved], engine: LocalEngine, *, hits: Hits | None = None) -> dict[str, Staged]:
    """Stage every source that has files; what is staged already for the same inputs is reused. Order: as declared.

    Nothing that is taken down is staged, and it leaves what stands already; `hits` are rows of standing shards that the caller
    has found to fall under the newest tombstones, None to look.
    """
    staged: dict[str, Staged] = {}
    _sweep(session.workspace.staging, {source.name for source in session.declared.sources})
    left = session.declared.declaration.limits.items
    versions = reader_versions()
    stones, swept = read_tombstones(session.workspace.tombstones), read_swept(session.workspace)
    for source in moved:
        if source.release is None or not (source.held or source.planned.withdrawn):
            continue
        limit = _least(source.planned.source.settings.limits.items, left)
        done = _stage(session, source, engine, _How(versions, limit, stones, swept, hits))
        staged[source.name] = replace(done, rejections=(*done.rejections, *source.failed))
        if left is not None:
            left = max(0, left - done.items)
    return staged


@dataclass(frozen=True, slots=True)
class _How:
    """What staging is told beside the source: reader versions, how many items may come, what is taken down and out."""

    versions: str
    limit: int | None
    stones: Tombstones
    swept: Swept
    hits: Hits | None


def _least(*limits: int | None) -> int | None:
    given = [limit for limit in limits if limit is not None]
    return min(given) if given else None


def _stage(session: Session, moved: Moved, engine: LocalEngine, how: _How) -> Staged:
    release = moved.release
    assert release is not None
    settings = moved.planned.source.settings
    held = [file for file in moved.held.values() if not how.stones.file_gone(file.sha256)]
    inputs = inputs_of(held, settings, release.revision, release.reader, how.versions, how.limit)
    root = session.workspace.staging / moved.name
    if whole_again(session.workspace, how.swept, held):
        shutil.rmtree(root, ignore_errors=True)
    done = standing(session, root, inputs, how.stones, how.hits)
    if done is None:
        done = _anew(session, moved, engine, how, held, inputs)
    _sweep(root, {Path(done.directory).name})
    return replace(done, rejections=records(moved.name, release.revision, done.rejections, how.stones))


def _anew(session: Session, moved: Moved, engine: LocalEngine, how: _How, held: list[Held], inputs: Inputs) -> Staged:
    """Stage a release from its files; a part that an earlier run has done is taken as it is."""
    release = moved.release
    assert release is not None
    root, sieved = session.workspace.staging / moved.name, sieved_key(inputs.key, how.stones.digest)
    directory = root / directory_name(release.revision, sieved)
    session.reporter.event("stage-start", source=moved.name, files=len(held))
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "files.json", {file.path: file.file for file in held})
    parts = [
        Part(
            source=moved.name,
            release=release.revision,
            directory=str(directory),
            directory_name=directory.name,
            index=index,
            held=group,
            settings=moved.planned.source.settings,
            reader=release.reader,
            limit=how.limit,
            tombstones=session.workspace.tombstones,
        )
        for index, group in enumerate(parts_of(held))
    ]
    results, complete = _run_parts(session, moved, parts, engine, how.limit)
    fsync_directory(directory)
    done = staged_from(moved.name, release.revision, inputs.key, directory, results, how.stones.digest)
    if complete:
        write_staged(done, inputs)
    session.reporter.event("stage-done", source=moved.name, items=done.items, rejected=len(done.rejections))
    return done


def _run_parts(
    session: Session, moved: Moved, parts: list[Part], engine: LocalEngine, limit: int | None
) -> tuple[list[PartResult], bool]:
    """Stage the parts; return what came of each, and whether all could be staged.

    A part whose worker died (of memory, as a rule) is an error of its source, and the next run tries it again.
    """
    run = partial(stage_part, find=read_asset, open_file=FileBinary)
    results: list[PartResult] = []
    if limit is not None:  # how many items are left is known only part after part
        for part in parts:
            session.check_stop()
            if (left := limit - sum(result.items for result in results)) <= 0:
                return [*results, PartResult((), (), 0, capped=True)], True
            results.append(run(replace(part, limit=left)))
        return results, True
    complete = True
    weight = sum(file.size for part in parts for file in part.held)
    for part, result in zip(parts, engine.map(run, parts, weight=weight), strict=True):
        if isinstance(result, Failed):
            lost = tuple(
                Rejection("worker-died", part.source, part.release, file.path, file.path, str(result.error))
                for file in part.held
            )
            moved.errors.append(result.error)
            complete, result = False, PartResult((), lost, 0, capped=False)
        results.append(result)
        session.reporter.event("stage-part", source=moved.name, items=result.items, rejected=len(result.rejections))
    return results, complete


def _sweep(root: Path, keep: Collection[str]) -> None:
    """Remove what was staged for other inputs or for sources no longer declared: it can be made again from the blobs."""
    for other in root.iterdir() if root.exists() else ():
        if other.name not in keep and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
