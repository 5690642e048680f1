"""Flags and decisions → verdicts, one column operation at a time.

A shard's flags are judged together: every distinct code of every filter is matched against the policy once, then numpy
picks the decisive flag of each row. Nothing here measures; the same flags and policy give the same verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.curate.policy import OUTCOMES, Policy
from acquisition.curate.promoting import PROMOTED, Standing, is_copy, preferred_in, related, relation
from acquisition.model import FLAG_SCHEMA, SEVERITY, VERDICT_SCHEMA, Decision, FlagShard, Outcome, Shard
from acquisition.workspace import atomic_file

PERSON: Final = "person"
NO_SPAN: Final = "redact.no-span"
_REDACT: Final = SEVERITY[Outcome.REDACT]
_HOLD: Final = SEVERITY[Outcome.HOLD]
_WORDS: Final = ["license_raw", "license_url"]
_OUT: Final = (Outcome.HOLD.value, Outcome.DROP.value)


@dataclass(frozen=True, slots=True)
class RuledFlags:
    """All flags of one shard in row order, with what the policy says of each.

    `flags` has the columns of FLAG_SCHEMA and `filter`; `severity` (int8) and `rule` (int32, position or -1) run beside it.
    """

    flags: pa.Table
    severity: Any
    rule: Any

    @property
    def rows(self) -> Any:
        """The item row of each flag (int32)."""
        return self.flags.column("row").to_numpy()


def read_flags(shards: Sequence[FlagShard]) -> list[tuple[str, pa.Table]]:
    """Read the flags of one item shard, filter by filter; a missing or empty file means that nothing was noticed."""
    found = []
    for shard in shards:
        if Path(shard.path).is_file():
            table = pq.read_table(shard.path, memory_map=False, partitioning=None).select(FLAG_SCHEMA.names)
            if table.num_rows:
                found.append((shard.filter, table))
    return found


def rule_flags(policy: Policy, source: str, flags: Sequence[tuple[str, pa.Table]]) -> RuledFlags:
    """Say of every flag which rule decides it; the result is sorted by row, filters in the given order within a row."""
    if not flags:
        empty = FLAG_SCHEMA.empty_table().append_column("filter", pa.array([], pa.string()))
        return RuledFlags(empty, np.zeros(0, np.int8), np.zeros(0, np.int32))
    table = pa.concat_tables(
        table.cast(FLAG_SCHEMA).append_column("filter", pa.repeat(name, table.num_rows)) for name, table in flags
    ).combine_chunks()
    table = table.take(pa.array(np.argsort(table.column("row").to_numpy(), kind="stable")))
    codes = pc.dictionary_encode(table.column("code").combine_chunks())
    indices, scores = codes.indices.to_numpy(), table.column("score").to_numpy()
    rule = np.full(table.num_rows, -1, np.int32)
    for number, code in enumerate(codes.dictionary.to_pylist()):
        mask = indices == number
        rule[mask] = policy.decide(code, scores[mask], source)
    # the last entry serves position -1: no rule
    severities = np.array([SEVERITY[rule.outcome] for rule in policy.rules] + [_HOLD], np.int8)
    return RuledFlags(table, severities[rule], rule)


def _decisive(ruled: RuledFlags, rows: int) -> tuple[Any, Any]:
    """Return per item its severity (int8) and the index of its decisive flag, -1 for none.

    The most severe flag decides; among equals the earlier rule, then the higher score, then the order of the filters.
    """
    severity, decisive = np.zeros(rows, np.int8), np.full(rows, -1, np.int64)
    if len(ruled.rule):
        scores = ruled.flags.column("score").to_numpy()
        rank = np.where(ruled.rule < 0, np.iinfo(np.int32).max, ruled.rule)
        order = np.lexsort((-scores, rank, -ruled.severity.astype(np.int16), ruled.rows))
        items, first = np.unique(ruled.rows[order], return_index=True)
        decisive[items] = order[first]
        severity[items] = ruled.severity[decisive[items]]
    return severity, decisive


def redactable(ruled: RuledFlags) -> Any:
    """Say of each flag (bool array) whether it is to be redacted and names the span to replace."""
    start, end = ruled.flags.column("start").to_numpy(), ruled.flags.column("end").to_numpy()
    named = pc.not_equal(ruled.flags.column("field"), "").to_numpy()
    return (ruled.severity == _REDACT) & (start >= 0) & (end > start) & named


def judge(
    items: Sequence[str] | pa.Array | pa.ChunkedArray,
    flags: Sequence[tuple[str, pa.Table]],
    *,
    policy: Policy,
    source: str,
    decisions: Mapping[str, Decision] | None = None,
    standing: Mapping[int, Standing] | None = None,
) -> pa.RecordBatch:
    """Return the verdicts (VERDICT_SCHEMA, one row per item, in order) of one shard.

    `items` holds the ids, `flags` pairs a filter's name with its flags (FLAG_SCHEMA, `row` = index in the shard).
    A redact flag without a span cannot be carried out, so it holds its item. A person's decision beats every flag. `standing`
    says by row what becomes of copies whose preferred one is not kept (`curate.promoting`).
    """
    ids = _array(items)
    ruled, stuck = _ruled(policy, source, flags)
    copies = is_copy(ruled.flags) & (ruled.severity > _REDACT)
    preferred = _preferred(ruled, copies, len(ids))
    if standing:
        promoted = np.array([row for row, one in standing.items() if one.promoted], np.int64)
        ruled, stuck = _without(ruled, stuck, copies & np.isin(ruled.rows, promoted))
    columns = _verdicts(policy, ruled, stuck, ids, decisions)
    columns["kept_id"] = np.where(np.isin(columns["outcome"], _OUT), preferred, "").astype(object)
    for row, one in (standing or {}).items():
        _tell(columns, row, one)
    columns |= {"row": np.arange(len(ids), dtype=np.int32), "item": ids}
    arrays = [
        value.combine_chunks() if isinstance(value, pa.ChunkedArray) else pa.array(value, field.type)
        for field, value in ((field, columns[field.name]) for field in VERDICT_SCHEMA)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=VERDICT_SCHEMA)


def relations(
    items: Sequence[str] | pa.Array | pa.ChunkedArray,
    flags: Sequence[tuple[str, pa.Table]],
    *,
    policy: Policy,
    source: str,
    decisions: Mapping[str, Decision] | None = None,
) -> pa.Table:
    """Return how the items of one shard that have copies stand to them, and what would become of each without them.

    RELATION_SCHEMA of `curate.promoting`, in the order of the items.
    """
    ids = _array(items)
    ruled, stuck = _ruled(policy, source, flags)
    copies = is_copy(ruled.flags) & (ruled.severity > _REDACT)
    preferred = _preferred(ruled, copies, len(ids))
    mine = related(ruled.flags)
    rows = np.unique(ruled.rows[mine])
    place = np.full(len(ids), 2**30, np.int32)
    told = preferred_in(ruled.flags.column("detail").filter(pa.array(mine)).to_pylist())
    np.minimum.at(place, ruled.rows[mine], np.array([one for _, one in told], np.int32))
    columns = _verdicts(policy, *_without(ruled, stuck, copies), ids, decisions)
    severity = np.array([SEVERITY[outcome] for outcome in columns["outcome"][rows]], np.int8)
    return relation(
        {
            "row": rows.astype(np.int32),
            "item": ids.take(pa.array(rows)).cast(pa.string()),
            "preferred": preferred[rows],
            "place": place[rows],
            "severity": severity,
            "decided": columns["filter"][rows] == PERSON,
            "code": columns["code"][rows],
        }
    )


def _array(items: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return items if isinstance(items, (pa.Array, pa.ChunkedArray)) else pa.array(items, pa.string())


def _ruled(policy: Policy, source: str, flags: Sequence[tuple[str, pa.Table]]) -> tuple[RuledFlags, Any]:
    """Rule all flags and hold what cannot be redacted; return them with a mask of the latter."""
    ruled = rule_flags(policy, source, flags)
    stuck = (ruled.severity == _REDACT) & ~redactable(ruled)
    ruled.severity[stuck] = _HOLD
    return ruled, stuck


def _without(ruled: RuledFlags, stuck: Any, mask: Any) -> tuple[RuledFlags, Any]:
    """Leave some flags out."""
    return RuledFlags(ruled.flags.filter(pa.array(~mask)), ruled.severity[~mask], ruled.rule[~mask]), stuck[~mask]


def _preferred(ruled: RuledFlags, copies: Any, rows: int) -> Any:
    """Return for each item the copy that costs it its place, "" where none does."""
    found = np.full(rows, "", object)
    named = preferred_in(ruled.flags.column("detail").filter(pa.array(copies)).to_pylist())
    found[ruled.rows[copies]] = [one for one, _ in named]
    return found


def _verdicts(
    policy: Policy, ruled: RuledFlags, stuck: Any, ids: Any, decisions: Mapping[str, Decision] | None
) -> dict[str, Any]:
    """Return the columns of the verdicts, people's decisions among them."""
    severity, decisive = _decisive(ruled, len(ids))
    columns = _columns(policy, ruled, decisive, stuck)
    columns["outcome"] = np.array([outcome.value for outcome in OUTCOMES], object)[severity]
    if decisions:
        _overrule(columns, ids, decisions, np.bincount(ruled.rows[redactable(ruled)], minlength=len(ids)) > 0)
    return columns


def _tell(columns: dict[str, Any], row: int, one: Standing) -> None:
    """Enter what becomes of a copy whose preferred one is not kept, or of that one; a person's words stay as they are."""
    if columns["filter"][row] == PERSON:
        return
    columns["kept_id"][row] = one.kept_id
    columns["why"][row] = "; ".join(part for part in (columns["why"][row], one.why) if part)
    if one.promoted and SEVERITY[columns["outcome"][row]] <= _REDACT:
        columns["code"][row], columns["filter"][row], columns["score"][row] = PROMOTED, "", 1.0
        columns["rule"][row] = "curated.promoted"


def _columns(policy: Policy, ruled: RuledFlags, decisive: Any, stuck: Any) -> dict[str, Any]:
    flagged = decisive >= 0
    code, name, rule, why = (np.full(len(decisive), "", object) for _ in range(4))
    score = np.zeros(len(decisive))
    chosen = decisive[flagged]
    if len(chosen):
        taken = ruled.flags.take(pa.array(chosen))
        code[flagged] = taken.column("code").to_numpy(zero_copy_only=False)
        name[flagged] = taken.column("filter").to_numpy(zero_copy_only=False)
        score[flagged] = taken.column("score").to_numpy()
        rulings = [policy.ruling(position) for position in range(len(policy.rules))] + [policy.ruling(-1)]
        rule[flagged] = np.array([ruling.rule for ruling in rulings], object)[ruled.rule[chosen]]
        why[flagged] = np.array([ruling.why for ruling in rulings], object)[ruled.rule[chosen]]
        why[np.flatnonzero(flagged)[stuck[chosen]]] = "to be redacted, but the flag names no span; a person has to look"
    return {"code": code, "filter": name, "rule": rule, "why": why, "score": score}


def _overrule(columns: dict[str, Any], ids: Any, decisions: Mapping[str, Decision], has_spans: Any) -> None:
    hits = pc.is_in(ids, value_set=pa.array(list(decisions), pa.string())).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(hits):
        decision = decisions[ids[int(row)].as_py()]
        outcome, why = decision.outcome, decision.reason
        if outcome is Outcome.REDACT and not has_spans[row]:
            outcome, why = Outcome.HOLD, f"{why} (nothing that the policy redacts was found in it)".strip()
        columns["outcome"][row] = outcome.value
        columns["code"][row] = "decision" if outcome is decision.outcome else NO_SPAN
        columns["filter"][row], columns["rule"][row], columns["why"][row] = PERSON, "decision", why
        columns["score"][row] = 1.0


@dataclass(frozen=True, slots=True)
class VerdictTask:
    """One item shard to judge. `decisions` need hold only what concerns this shard; `target` is the verdict shard.

    `standing` is what all shards together say of copies; without it, the flags alone decide.
    """

    shard: Shard
    flags: tuple[FlagShard, ...]
    policy: Policy
    target: str
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    standing: Mapping[int, Standing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VerdictResult:
    """What came of a VerdictTask: how many items of the shard met each outcome and decisive code, and how copies stand.

    `words` are the license_raw and license_url of the items that stay, each pair once.
    """

    shard: Shard
    path: str
    counts: Mapping[tuple[str, str], int]
    relations: pa.Table
    words: frozenset[tuple[str, str]] = frozenset()


def judge_shard(task: VerdictTask) -> VerdictResult:
    """Read a shard's ids and flags and write its verdicts. A pure function of files, so any engine can map it."""
    items = pq.read_table(task.shard.path, columns=["id", *_WORDS], memory_map=False, partitioning=None)
    ids = items.column("id")
    flags, source = read_flags(task.flags), task.shard.source
    verdicts = judge(ids, flags, policy=task.policy, source=source, decisions=task.decisions, standing=task.standing)
    with atomic_file(Path(task.target)) as stream, pq.ParquetWriter(stream, VERDICT_SCHEMA, compression="zstd") as writer:
        writer.write_batch(verdicts)
    counted = pa.table(verdicts.columns, schema=VERDICT_SCHEMA).group_by(["outcome", "code"]).aggregate([([], "count_all")])
    counts = {(row["outcome"], row["code"]): row["count_all"] for row in counted.to_pylist()}
    # a second look tells what the first one did
    told = relations(ids, () if task.standing else flags, policy=task.policy, source=source, decisions=task.decisions)
    return VerdictResult(task.shard, task.target, dict(sorted(counts.items())), told, _words(items, verdicts.column("outcome")))


def _words(items: pa.Table, outcomes: pa.Array) -> frozenset[tuple[str, str]]:
    kept = items.select(_WORDS).filter(pc.invert(pc.is_in(outcomes, pa.array(_OUT))))
    return frozenset(
        (row["license_raw"] or "", row["license_url"] or "") for row in kept.group_by(_WORDS).aggregate([]).to_pylist()
    )
