"""Runs filters over item shards: each shard is read once, and every filter that has not seen it yet writes its flags.

A flag shard is named by the filter, its version and the digest of its settings, and matches one item shard. So a changed
policy runs nothing, a new filter version runs that filter alone, and a new source is the only one that is looked at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition import plugins
from acquisition.engine.inputs import input_digests
from acquisition.errors import AcquisitionError, PluginError
from acquisition.model import FLAG_SCHEMA, LicenseClaim, Observation, Shard
from acquisition.protocols import Filter, FilterContext, SetFilter
from acquisition.settings import FilterSettings
from acquisition.workspace import atomic_file


@dataclass(frozen=True)
class Run:
    """One filter as it is run: its name, settings, context, and the directory that its answers are named by.

    `rights` maps a source to the digest of its license and texts where answers depend on them: they stand in the path of that
    source's flags alone, so that a new source, or one whose license changed, is the only one that is looked at.
    """

    name: str
    settings: FilterSettings
    context: FilterContext
    directory: str
    rights: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole_set(self) -> bool:
        """Say whether the filter must see the whole set."""
        return plugins.sees_whole_set(self.name)

    def flags_of(self, shard: Shard) -> Path:
        """Return where the flags of an item shard lie."""
        return Path(self.directory) / f"{self.place_of(shard)}.parquet"

    def place_of(self, shard: Shard) -> str:
        """Return a shard's key, with the digest of its source's rights behind the release where answers depend on them."""
        return rights_place(shard, self.rights)

    def signatures_of(self, shard: Shard) -> Path:
        """Return where the signatures of an item shard lie (filters that see the whole set)."""
        return Path(self.directory) / ".signatures" / f"{shard.key}.parquet"


def rights_place(shard: Shard, rights: Mapping[str, str]) -> str:
    """Return where a shard's flags lie below their directory: its key, or "source/release@rights/items-00000"."""
    if shard.source not in rights:
        return shard.key
    return f"{shard.source}/{shard.release}@{rights[shard.source]}/items-{shard.index:05d}"


def run_digest(name: str, settings: FilterSettings, context: FilterContext) -> str:
    """Return the digest of what a filter's answers depend on beside the items."""
    told: list[Any] = [settings.model_dump(mode="json", by_alias=True)]
    if inputs := input_digests(name, settings, context.base):
        told.append(inputs)
    if plugins.filter_class(name).judges_rights:
        told.append(repr(context.use))
        if context.signals:
            told.append(dict(context.signals))
    return _digest(told)


def rights_digests(name: str, context: FilterContext) -> dict[str, str]:
    """Return for each source the digest of what a filter that judges rights knows of it, {} for every other filter."""
    if not plugins.filter_class(name).judges_rights:
        return {}
    return {
        source: _digest([claim_digest(release.license), [(text.url, text.sha256) for text in context.texts.get(source, ())]])[
            :8
        ]
        for source, release in context.releases.items()
    }


def _digest(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def claim_digest(claim: LicenseClaim) -> str:
    """Return what names a license claim whenever it was read."""
    return repr(replace(claim, evidence=tuple(replace(evidence, at="") for evidence in claim.evidence)))


@dataclass(frozen=True)
class ShardTask:
    """One item shard and the filters that have not seen it."""

    shard: Shard
    runs: tuple[Run, ...] = field(repr=False)


def flag_shard(task: ShardTask) -> str:
    """Write the flags (or signatures) of one shard for every filter of the task; return the shard's key.

    A filter that raises is named: it is a plug-in, and its failure is an error of the run, never a silent "no flags".
    The others still do their work.
    """
    with pq.ParquetFile(task.shard.path) as shard:  # read_table would load the dataset machinery: 100 MB more per process
        items = _one_batch(shard.read(use_threads=False))
    failed: list[PluginError] = []
    for run in task.runs:
        try:
            _look(run, task.shard, items)
        except AcquisitionError:
            raise
        except Exception as error:  # noqa: BLE001  # a filter is a plug-in: name it, with the shard
            failed.append(PluginError(f"filter {run.name!r} failed on {task.shard.key}: {error!r}", where=task.shard.path))
    if failed:
        raise failed[0]
    return task.shard.key


def _look(run: Run, shard: Shard, items: pa.RecordBatch) -> None:
    if run.whole_set:
        write_answer(run.signatures_of(shard), _set_filter(run).sign(items), None)
    else:
        write_answer(run.flags_of(shard), _filter(run).flag(items), FLAG_SCHEMA)


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


_INSTANCES: Final[dict[tuple[str, str], Filter | SetFilter]] = {}
"""One prepared filter per directory (which names settings and version), rights and process: preparing one may take a second."""


def prepared(run: Run) -> Filter | SetFilter:
    """Return the filter, made once per process."""
    key = (run.directory, _digest(dict(run.rights)))
    if key not in _INSTANCES:
        _INSTANCES[key] = plugins.filter_class(run.name)(run.settings, run.context)
    return _INSTANCES[key]


def _filter(run: Run) -> Filter:
    return cast("Filter", prepared(run))


def _set_filter(run: Run) -> SetFilter:
    return cast("SetFilter", prepared(run))


def write_answer(target: Path, answer: pa.RecordBatch | pa.Table, schema: pa.Schema | None) -> None:
    """Write flags (of `schema`) or what else a filter answered (None); PluginError when flags have another schema."""
    if schema is not None and answer.schema != schema:
        raise PluginError(f"flags for {target.name} do not have the schema of flags")
    table = pa.table(answer) if isinstance(answer, pa.RecordBatch) else answer
    # a dictionary of hashes is built and thrown away: seven times the cost of writing them plainly (measured)
    words = [field.name for field in table.schema if pa.types.is_string(field.type) and field.name != "item"]
    with atomic_file(target) as stream:
        pq.write_table(table, stream, compression="lz4", use_dictionary=words)


# --- filters that see the whole set --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GroupTask:
    """One partition of a set filter's key space; `signatures` maps shard keys to their signature tables."""

    run: Run = field(repr=False)
    partition: int
    signatures: Mapping[str, str] = field(repr=False)
    target: str


def group_partition(task: GroupTask) -> str:
    """Write the links found in one partition; return the file."""
    links = _set_filter(task.run).group({key: Path(path) for key, path in task.signatures.items()}, task.partition)
    write_answer(Path(task.target), links, None)
    return task.target


@dataclass(frozen=True)
class JoinTask:
    """All links of a set filter; its flags go beside `target`, one file per shard, and `shards` names them all."""

    run: Run = field(repr=False)
    signatures: Mapping[str, str] = field(repr=False)
    links: tuple[str, ...]
    target: str


def join_links(task: JoinTask) -> str:
    """Write the flags of every shard that has some; return the directory."""
    signatures = {key: Path(path) for key, path in task.signatures.items()}
    for key, flags in _set_filter(task.run).join(signatures, [Path(link) for link in task.links]):
        write_answer(Path(task.target) / f"{key}.parquet", flags, FLAG_SCHEMA)
    return task.target


def observations(run: Run, signatures: Mapping[str, str]) -> tuple[Observation, ...]:
    """Return what a filter says of sources, tables and columns as a whole; codes that it did not declare are its defect."""
    tables = {key: Path(path) for key, path in signatures.items()}
    return _declared(run, _set_filter(run).observe(tables) if run.whole_set else _filter(run).observe())


def kept_observations(run: Run, kept: Mapping[str, Collection[tuple[str, str]]]) -> tuple[Observation, ...]:
    """Return what a filter says of all that is kept (`Filter.observe_kept`); filters of the whole set say nothing here."""
    return () if run.whole_set else _declared(run, _filter(run).observe_kept(kept))


def _declared(run: Run, found: Iterable[Observation]) -> tuple[Observation, ...]:
    listed = tuple(found)
    unknown = {one.code for one in listed}.difference(prepared(run).codes)
    if unknown:
        raise PluginError(f"filter {run.name!r} observes what it does not declare: {', '.join(sorted(unknown))}")
    return listed
