"""Runs one filter over the samples, timed, and gathers per line what it said."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from acquisition import plugins
from acquisition.engine.flags import (
    GroupTask,
    JoinTask,
    Run,
    ShardTask,
    flag_shard,
    group_partition,
    join_links,
    observations,
    prepared,
    run_digest,
)
from acquisition.evaluate.samples import Samples
from acquisition.model import Observation, Use
from acquisition.protocols import FilterContext
from acquisition.settings import FilterSettings


@dataclass(frozen=True, slots=True)
class Said:
    """One flag: its item, code, score, field, span and detail (parsed where it is JSON)."""

    item: str
    code: str
    score: float
    field: str
    start: int
    end: int
    detail: Mapping[str, Any]


@dataclass(slots=True)
class Answers:
    """What a filter said: flags by line, observations by line (of tables) and of the whole, and what it cannot see.

    `unseen` are lines that were not looked at, `codes_off` codes that the filter cannot write as it is set. `seconds` is wall
    time and `cpu` processor time of the filter alone, preparation apart in `prepared`.
    """

    flags: dict[str, list[Said]] = field(default_factory=dict)
    observed: dict[str, list[Observation]] = field(default_factory=dict)
    overall: list[Observation] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    unseen: set[str] = field(default_factory=set)
    codes_off: set[str] = field(default_factory=set)
    modality: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, set[str]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    items: int = 0
    octets: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    prepared: float = 0.0

    def add(self, other: Answers) -> None:
        """Take in what was said of further lines."""
        for mine, theirs in ((self.flags, other.flags), (self.observed, other.observed), (self.rejected, other.rejected)):
            mine.update(theirs)  # type: ignore[arg-type]  # pairwise of one type
        self.modality.update(other.modality)
        self.digests.update(other.digests)
        self.overall += other.overall
        self.not_checked += [sentence for sentence in other.not_checked if sentence not in self.not_checked]
        self.unseen |= other.unseen
        self.codes_off |= other.codes_off
        for name in ("items", "octets", "seconds", "cpu", "prepared"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def codes(self, line: str) -> set[str]:
        """Return all codes said of a line, of its items or of its table."""
        said = {one.code for one in self.flags.get(line, ())}
        return said | {one.code for one in self.observed.get(line, ())}


def not_checked(name: str, settings: FilterSettings, base: str) -> list[str]:
    """Return what a filter that is set like this cannot see."""
    context = FilterContext(use=Use(), releases={}, order=(), blob_root="", base=base)
    return list(plugins.filter_class(name)(settings, context).not_checked())


def run(name: str, settings: FilterSettings, samples: Samples, folder: Path, base: str) -> Answers:
    """Run the filter over all shards in this process and return what it said. `folder` is empty and for this run alone."""
    sources = tuple(dict.fromkeys(shard.source for shard in samples.shards))
    context = FilterContext(use=Use(), releases={}, order=sources, blob_root="", external=samples.files, base=base)
    directory = folder / f"{name}-{run_digest(name, settings, context)}"
    what = Run(name, settings, context, str(directory))
    begun = time.perf_counter()
    made = prepared(what)
    answers = Answers(prepared=time.perf_counter() - begun, items=samples.items, octets=samples.octets)
    wall, cpu = time.perf_counter(), time.process_time()
    files, signatures = _looked(what, samples)
    found = observations(what, signatures)
    answers.seconds, answers.cpu = time.perf_counter() - wall, time.process_time() - cpu
    answers.not_checked = list(made.not_checked())
    answers.modality, answers.rejected, answers.digests = samples.modality, samples.rejected, samples.digests
    answers.unseen = {line for line, modality in samples.modality.items() if not made.looks_at(modality)}
    answers.codes_off = {code for code in made.codes if not made.looks_for(code)}
    for file in files:
        _take(file, samples, answers)
    for one in found:
        if one.source in samples.source_of:
            answers.observed.setdefault(samples.source_of[one.source], []).append(one)
        else:
            answers.overall.append(one)
    return answers


def _looked(what: Run, samples: Samples) -> tuple[Sequence[Path], Mapping[str, str]]:
    for shard in samples.shards:
        flag_shard(ShardTask(shard, (what,)))
    if not what.whole_set:
        return [what.flags_of(shard) for shard in samples.shards], {}
    signatures = {shard.key: str(what.signatures_of(shard)) for shard in samples.shards}
    target = Path(what.directory) / ".set"
    partitions = range(plugins.filter_class(what.name).partitions)  # type: ignore[union-attr]  # whole-set filters have it
    links = tuple(
        group_partition(GroupTask(what, index, signatures, str(target / "links" / f"{index:04d}.parquet")))
        for index in partitions
    )
    join_links(JoinTask(what, signatures, links, str(target)))
    return [path for shard in samples.shards if (path := target / f"{shard.key}.parquet").exists()], signatures


def _take(file: Path, samples: Samples, answers: Answers) -> None:
    for row in pq.read_table(file).to_pylist():
        said = Said(row["item"], row["code"], row["score"], row["field"], row["start"], row["end"], _detail(row["detail"]))
        answers.flags.setdefault(samples.line_of[row["item"]], []).append(said)


def _detail(text: str) -> Mapping[str, Any]:
    if not text.startswith("{"):
        return {"text": text}
    try:
        value = orjson.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"text": text}
