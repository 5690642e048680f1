"""Step 6a: flags and decisions → verdicts, shard by shard. A changed policy runs this and nothing before it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from acquisition.curate.decisions import read_decisions
from acquisition.curate.judge import VerdictResult, VerdictTask, judge_shard
from acquisition.curate.promoting import standings
from acquisition.engine.flags import kept_observations
from acquisition.engine.local import Failed, LocalEngine
from acquisition.model import Decision, FlagShard, Observation, Shard
from acquisition.pipeline.flagging import Flagged
from acquisition.pipeline.session import Session
from acquisition.stage import Staged
from acquisition.workspace import write_json

_VERSION: Final = 3
"""Of how verdicts are made; raised whenever one can change for the same flags."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdict shards by item shard key, what they are named by, and how many items met each outcome and code per source.

    `observations` are what filters say of the sources that keep something.
    """

    key: str
    verdicts: Mapping[str, Path]
    counts: Mapping[str, Mapping[tuple[str, str], int]]
    observations: tuple[Observation, ...] = ()


def judge_all(session: Session, staged: Mapping[str, Staged], flagged: Sequence[Flagged], engine: LocalEngine) -> Judged:
    """Judge every shard, unless that was done for exactly these flags, this policy and these decisions."""
    decisions = read_decisions(session.workspace.decisions)
    shards = [shard for source in staged.values() for shard in source.shards]
    key = _key(session, shards, flagged, decisions)
    directory = session.workspace.verdicts / key
    verdicts = {shard.key: directory / f"{shard.key}.parquet" for shard in shards}
    done = directory / "done.json"
    if done.exists():
        told = json.loads(done.read_bytes())
        observed = tuple(Observation(**one) for one in told["observations"])
        return Judged(key, verdicts, _counts_from(told["counts"]), observed)
    tasks = [
        VerdictTask(
            shard=shard,
            flags=tuple(flag_shard(answer, shard) for answer in flagged),
            policy=session.policy,
            target=str(verdicts[shard.key]),
            decisions=decisions,
        )
        for shard in shards
    ]
    judged = {result.shard.key: result for result in _judged(tasks, engine)}
    standing = standings({key: result.relations for key, result in judged.items()})
    again = [replace(task, standing=standing[task.shard.key]) for task in tasks if task.shard.key in standing]
    judged |= {result.shard.key: result for result in _judged(again, engine)}
    counts: dict[str, Counter[tuple[str, str]]] = {}
    kept: dict[str, set[tuple[str, str]]] = {}
    for result in judged.values():
        counts.setdefault(result.shard.source, Counter()).update(result.counts)
        if result.words:
            kept.setdefault(result.shard.source, set()).update(result.words)
    observed = tuple(one for answer in flagged if answer.run for one in kept_observations(answer.run, kept))
    write_json(done, {"counts": _counts_to(counts), "observations": [asdict(one) for one in observed]})
    for other in session.workspace.verdicts.iterdir():
        if other != directory:
            shutil.rmtree(other, ignore_errors=True)
    return Judged(key, verdicts, counts, observed)


def _judged(tasks: Sequence[VerdictTask], engine: LocalEngine) -> Iterator[VerdictResult]:
    for result in engine.map(judge_shard, tasks, weight=sum(200 * task.shard.rows for task in tasks)):
        if isinstance(result, Failed):
            raise result.error
        yield result


def flag_shard(answer: Flagged, shard: Shard) -> FlagShard:
    """Return one filter's flags of one item shard."""
    return FlagShard(filter=answer.name, version=answer.version, path=str(answer.flags_of(shard)))


def _key(session: Session, shards: Sequence[Shard], flagged: Sequence[Flagged], decisions: Mapping[str, Decision]) -> str:
    told: list[Any] = [
        _VERSION,
        [[shard.key, shard.digest] for shard in shards],
        [[answer.name, str(answer.directory.relative_to(session.workspace.root)), dict(answer.rights)] for answer in flagged],
        [rule.model_dump(mode="json") for rule in session.policy.rules],
        [asdict(decisions[item]) for item in sorted(decisions)],
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _counts_to(counts: Mapping[str, Mapping[tuple[str, str], int]]) -> dict[str, Any]:
    return {
        source: [[outcome, code, count] for (outcome, code), count in sorted(counted.items())]
        for source, counted in counts.items()
    }


def _counts_from(raw: Mapping[str, Any]) -> dict[str, dict[tuple[str, str], int]]:
    return {source: {(outcome, code): count for outcome, code, count in rows} for source, rows in raw.items()}
