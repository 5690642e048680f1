"""Step 5: every filter looks at every item that it has not seen."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from acquisition import plugins
from acquisition.engine.flags import (
    GroupTask,
    JoinTask,
    Run,
    ShardTask,
    claim_digest,
    flag_shard,
    group_partition,
    join_links,
    observations,
    prepared,
    rights_digests,
    rights_place,
    run_digest,
)
from acquisition.engine.local import Failed, LocalEngine
from acquisition.errors import PluginError
from acquisition.model import Observation, Release, Shard
from acquisition.pipeline.moving import Moved
from acquisition.pipeline.session import Session
from acquisition.pipeline.texts import license_texts
from acquisition.pipeline.withdrawal.rejoining import rejoined
from acquisition.pipeline.withdrawal.withdrawing import forget_origins
from acquisition.protocols import FilterContext
from acquisition.settings import FilterSettings
from acquisition.stage import Staged
from acquisition.workspace import write_json

_DONE: Final = "done.json"
_ABOUT: Final = ".not-checked.json"
_OBSERVED: Final = "observations.json"
_COMPARES: Final = "duplicates"
"""The filter that keeps reference sets in the workspace, and sweeps those that are no longer declared."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """One filter's answers: its name, version and settings digest, and per shard key the file of its flags."""

    name: str
    version: int
    digest: str
    directory: Path
    codes: Mapping[str, str]
    not_checked: tuple[str, ...]
    observations: tuple[Observation, ...] = ()
    rights: Mapping[str, str] = field(default_factory=dict)
    run: Run | None = None

    def flags_of(self, shard: Shard) -> Path:
        """Return where the flags of a shard lie; the file may be absent when a whole-set filter found nothing in it."""
        return self.directory / f"{rights_place(shard, self.rights)}.parquet"


def flag_all(
    session: Session, staged: Mapping[str, Staged], moved: Mapping[str, Moved], engine: LocalEngine
) -> tuple[tuple[Flagged, ...], tuple[str, ...]]:
    """Run every filter that is not switched off; return their answers, and sentences on what was not checked."""
    context = filter_context(session, staged, moved)
    shards = [shard for source in staged.values() for shard in source.shards]
    runs: list[Run] = []
    not_checked: list[str] = []
    for name in plugins.registered(plugins.FILTERS):
        settings = session.declared.declaration.filters.get(name)
        if settings is False:
            not_checked.append(f"{name}: switched off in the declaration")
            continue
        runs.append(_run(session, name, settings or plugins.filter_class(name).Settings(), context))
    _flag_shards(session, shards, runs, engine)
    flagged = []
    for run in runs:
        plugin = plugins.filter_class(run.name)
        directory = _join(session, run, shards, engine) if run.whole_set else Path(run.directory)
        sentences = _not_checked(run)
        not_checked.extend(sentences)
        observed = _observed(run, directory, shards)
        observed = tuple(sorted(observed, key=lambda one, notes=plugin.notes: one.code in notes))  # type: ignore[misc]
        told = (dict(plugin.codes), sentences, observed, run.rights, run)
        flagged.append(Flagged(run.name, plugin.version, directory.name, directory, *told))
    forget_origins({Path(shard.path).parent for shard in shards})
    _sweep(session, runs, shards)
    return tuple(flagged), tuple(not_checked)


def filter_context(session: Session, staged: Mapping[str, Staged], moved: Mapping[str, Moved]) -> FilterContext:
    """Return what filters know: releases without their file lists, the declared order, where bytes lie."""
    external = {
        file.sha256: file.file
        for name in staged
        for file in moved[name].held.values()
        if not file.file.startswith(f"{session.workspace.blobs}/")
    }
    releases: dict[str, Release] = {
        name: replace(release, assets=()) for name in staged if (release := moved[name].release) is not None
    }
    return FilterContext(
        use=session.use,
        releases=releases,
        order=tuple(source.name for source in session.declared.sources),
        blob_root=str(session.workspace.blobs),
        external=external,
        options={source.name: source.settings for source in session.declared.sources if source.name in staged},
        signals=dict(session.declared.declaration.signals.changed),
        base=str(session.declared.path.resolve().parent),
        texts={name: texts for name in staged if (texts := license_texts(moved[name].held.values()))},
    )


def _run(session: Session, name: str, settings: FilterSettings, context: FilterContext) -> Run:
    version = plugins.filter_class(name).version
    directory = session.workspace.flags / f"{name}-{version}-{run_digest(name, settings, context)}"
    return Run(name, settings, context, str(directory), rights_digests(name, context))


def _not_checked(run: Run) -> tuple[str, ...]:
    """Ask a filter once what it cannot see, and remember: preparing one may take a second, an idle run must not."""
    told = Path(run.directory) / _named(_ABOUT, run)
    if told.exists():
        return tuple(json.loads(told.read_bytes()))
    sentences = prepared(run).not_checked()
    write_json(told, list(sentences))
    return sentences


def _named(name: str, run: Run) -> str:
    """Name what is remembered of all sources together by their rights, where it depends on them."""
    if not run.rights:
        return name
    key = hashlib.sha256(json.dumps(dict(run.rights), sort_keys=True).encode()).hexdigest()[:8]
    return f"{name.removesuffix('.json')}-{key}.json"


def _observed(run: Run, directory: Path, shards: Sequence[Shard]) -> tuple[Observation, ...]:
    """Ask a filter once what it found of sources as a whole, and remember it beside its flags."""
    told = directory / (_OBSERVED if run.whole_set else _named(f".{_OBSERVED}", run))
    if told.exists():
        return tuple(Observation(**one) for one in json.loads(told.read_bytes()))
    found = observations(run, {shard.key: str(run.signatures_of(shard)) for shard in shards} if run.whole_set else {})
    write_json(told, [asdict(one) for one in found])
    return found


def _flag_shards(session: Session, shards: Sequence[Shard], runs: Sequence[Run], engine: LocalEngine) -> None:
    tasks, weight = [], 0
    for shard in shards:
        unseen = tuple(run for run in runs if not (run.signatures_of(shard) if run.whole_set else run.flags_of(shard)).exists())
        if unseen:
            tasks.append(ShardTask(shard, unseen))
            weight += Path(shard.path).stat().st_size * 4 * len(unseen)
    if not tasks:
        return
    session.reporter.event("filter-start", shards=len(tasks), items=sum(task.shard.rows for task in tasks))
    failed: list[tuple[Shard, PluginError]] = []
    memory = sum(plugins.filter_class(run.name).cost.memory for run in runs)
    for task, result in zip(tasks, engine.map(flag_shard, tasks, weight=weight, memory=memory), strict=True):
        if isinstance(result, Failed):
            failed.append((task.shard, result.error))
            session.reporter.event("filter-failed", source=task.shard.source, shard=task.shard.key)
            continue
        session.reporter.event("filter-shard", source=task.shard.source, items=task.shard.rows)
    if failed:
        raise _incomplete(failed, len(tasks))


def _incomplete(failed: Sequence[tuple[Shard, PluginError]], shards: int) -> PluginError:
    """Name every shard that could not be looked at; nothing is judged while one is missing."""
    names = "\n".join(f"    {shard.key} ({shard.rows:,} items): {error.message}" for shard, error in failed[:20])
    more = f"\n    and {len(failed) - 20:,} more" if len(failed) > 20 else ""
    return PluginError(
        f"{len(failed):,} of {shards:,} shards could not be looked at:\n{names}{more}",
        where=failed[0][0].path,
        hint="The flags of all others are kept; the same command tries these again. Switch the filter off to go on without it.",
    )


def _join(session: Session, run: Run, shards: Sequence[Shard], engine: LocalEngine) -> Path:
    """Group and join the signatures of all shards, unless that was done for exactly these."""
    key_of = partial(_set_key, run)
    target = Path(run.directory) / f".set-{key_of([(shard.key, shard.digest) for shard in shards])}"
    if (target / _DONE).exists():
        return target
    if not rejoined(run, shards, target, key_of):
        _join_anew(session, run, shards, target, engine)
    for other in Path(run.directory).glob(".set-*"):
        if other != target:
            shutil.rmtree(other, ignore_errors=True)
    return target


def _join_anew(session: Session, run: Run, shards: Sequence[Shard], target: Path, engine: LocalEngine) -> None:
    signatures = {shard.key: str(run.signatures_of(shard)) for shard in shards}
    partitions = range(plugins.filter_class(run.name).partitions)  # type: ignore[union-attr]  # whole-set filters have it
    tasks = [GroupTask(run, index, signatures, str(target / "links" / f"{index:04d}.parquet")) for index in partitions]
    weight = sum(Path(path).stat().st_size for path in signatures.values())
    session.reporter.event("filter-join", filter=run.name, shards=len(shards))
    links = []
    for result in engine.map(group_partition, tasks, weight=weight):
        if isinstance(result, Failed):
            raise result.error
        links.append(result)
    join_links(JoinTask(run, signatures, tuple(links), str(target)))
    write_json(target / _DONE, {"shards": len(shards)})


def _set_key(run: Run, shards: Sequence[tuple[str, str]]) -> str:
    """Name a set by the keys and digests of its shards, their order, and what decides between copies."""
    told = [Path(run.directory).name, *(f"{key} {digest}" for key, digest in shards), *run.context.order]
    told += [f"{name} {claim_digest(release.license)}" for name, release in sorted(run.context.releases.items())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def _sweep(session: Session, runs: Sequence[Run], shards: Sequence[Shard]) -> None:
    """Remove flags of shards that are no longer staged, and of settings that are no longer declared."""
    current = {Path(run.directory).name for run in runs}
    names = {run.name for run in runs}
    if _COMPARES not in names:
        shutil.rmtree(session.workspace.references, ignore_errors=True)
    staged = {str(Path(shard.key).parent) for shard in shards}
    judged = {str(Path(run.place_of(shard)).parent) for run in runs for shard in shards if run.rights}
    for directory in _folders(session.workspace.flags):
        if directory.name not in current and directory.name.rsplit("-", 2)[0] in names:
            shutil.rmtree(directory, ignore_errors=True)
            continue
        for release in (*_releases(directory), *_releases(directory / ".signatures")):
            if f"{release.parent.name}/{release.name}" not in staged | judged:
                shutil.rmtree(release, ignore_errors=True)
                with suppress(OSError):  # other releases of the source lie there
                    release.parent.rmdir()


def _releases(directory: Path) -> list[Path]:
    sources = [source for source in _folders(directory) if not source.name.startswith(".")]  # no source's name does
    return [release for source in sources for release in _folders(source)]


def _folders(directory: Path) -> list[Path]:
    return [entry for entry in directory.iterdir() if entry.is_dir()] if directory.exists() else []
