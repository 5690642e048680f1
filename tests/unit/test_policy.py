"""The policy: which rule decides a flag, and which flag decides an item."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.curate import Policy, judge
from acquisition.model import FLAG_SCHEMA, SEVERITY, VERDICT_SCHEMA, Decision, Outcome
from acquisition.settings import PolicyRule


def flags(*rows: Mapping[str, Any]) -> pa.Table:
    """Return flags; what is not given is certain and without a span."""
    base = {"item": "i", "score": 1.0, "field": "", "start": -1, "end": -1, "detail": ""}
    return pa.Table.from_pylist([{**base, **row} for row in rows], FLAG_SCHEMA)


def outcomes(
    *rows: Mapping[str, Any], count: int = 1, rules: tuple[PolicyRule, ...] = (), **more: Any
) -> list[tuple[str, str]]:
    """Judge flags of one filter and return outcome and decisive code of each item."""
    ids = [f"{number:032x}" for number in range(count)]
    verdicts = judge(ids, [("filter", flags(*rows))], policy=Policy(rules), source=more.pop("source", "kit"), **more)
    return list(zip(verdicts["outcome"].to_pylist(), verdicts["code"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("code", "score", "outcome"),
    [
        ("license.denied", 1.0, "drop"),
        ("license.unknown", 1.0, "hold"),
        ("license.review", 1.0, "hold"),
        ("license.conflict", 1.0, "hold"),
        ("opt-out.training", 1.0, "drop"),
        ("duplicate.exact", 1.0, "drop"),
        ("duplicate.near", 0.9, "drop"),
        ("duplicate.near", 0.89, "keep"),
        ("duplicate.label-conflict", 1.0, "hold"),
        ("duplicate.representative", 1.0, "keep"),
        ("pii.phone-number", 0.59, "keep"),
        ("llm-style.boilerplate", 1.0, "hold"),
        ("llm-style.score", 1.0, "keep"),
        ("quality.empty", 1.0, "drop"),
        ("quality.anything", 1.0, "hold"),
        ("never.heard-of", 0.0, "hold"),
    ],
)
def test_defaults(code: str, score: float, outcome: str) -> None:
    """The built-in rules give the documented outcome, and an unknown flag holds."""
    assert Policy().outcome_for(code, score, "kit")[0] == outcome
    assert outcomes({"row": 0, "code": code, "score": score}) == [(outcome, code)]


def test_user_rules_come_first() -> None:
    """The user's rules are tried in their order before the built-in ones, by code, score and source."""
    rules = (
        PolicyRule(flag="license.denied", outcome="hold", source="pack-*"),
        PolicyRule(flag="duplicate.near", outcome="hold", at_least=0.95),
        PolicyRule(flag="brand-new.*", outcome="keep"),
    )
    policy = Policy(rules)
    assert policy.outcome_for("license.denied", 1, "pack-a") == (Outcome.HOLD, rules[0])
    assert policy.outcome_for("license.denied", 1, "kit")[0] is Outcome.DROP
    assert policy.outcome_for("duplicate.near", 0.97, "kit")[0] is Outcome.HOLD
    assert policy.outcome_for("duplicate.near", 0.92, "kit")[0] is Outcome.DROP
    assert policy.outcome_for("brand-new.thing", 0, "kit")[0] is Outcome.KEEP


def test_most_severe_flag_decides() -> None:
    """One drop beats any number of keeps, holds and redactions; the verdict names the decisive flag and its rule."""
    rows = [
        {"row": 0, "code": "duplicate.representative"},
        {"row": 0, "code": "pii.url", "field": "text", "start": 1, "end": 3},
        {"row": 0, "code": "license.review"},
        {"row": 0, "code": "license.denied"},
        {"row": 1, "code": "pii.url", "field": "text", "start": 1, "end": 3},
    ]
    verdicts = judge(["a", "b", "c"], [("f", flags(*rows))], policy=Policy(), source="kit")
    assert verdicts.schema == VERDICT_SCHEMA
    assert verdicts["outcome"].to_pylist() == ["drop", "redact", "keep"]
    assert verdicts["code"].to_pylist() == ["license.denied", "pii.url", ""]
    assert verdicts["rule"].to_pylist() == ["license.denied -> drop", "pii.* >= 0.6 -> redact", ""]
    assert verdicts["filter"].to_pylist() == ["f", "f", ""]


def test_redaction_without_a_span_holds() -> None:
    """What cannot be carried out is not passed on: a redact flag that names no span holds its item."""
    assert outcomes({"row": 0, "code": "pii.email-address"}) == [("hold", "pii.email-address")]


def test_a_person_beats_every_flag() -> None:
    """A decision overrules the flags; a redaction in which nothing can be redacted holds instead."""
    ids = [f"{number:032x}" for number in range(3)]
    decided = {
        ids[0]: Decision(ids[0], Outcome.KEEP, "ann", "2026-11-20T00:00:00Z", "mine"),
        ids[1]: Decision(ids[1], Outcome.DROP, "ann", "2026-11-20T00:00:00Z", "not mine"),
        ids[2]: Decision(ids[2], Outcome.REDACT, "ann", "2026-11-20T00:00:00Z", ""),
    }
    found = outcomes({"row": 0, "code": "license.denied"}, count=3, decisions=decided)
    assert found == [("keep", "decision"), ("drop", "decision"), ("hold", "redact.no-span")]


def test_effective_policy_is_complete() -> None:
    """`acquire check` sees every rule in order, whose it is, and what happens to the unknown."""
    rows = Policy((PolicyRule(flag="x.*", outcome="keep"),)).effective_policy()
    assert (rows[0].flag, rows[0].origin, rows[1].origin) == ("x.*", "sources.yaml", "built-in")
    assert (rows[-1].flag, rows[-1].outcome) == ("*", "hold")
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))


def test_it_crosses_process_borders() -> None:
    """A policy can be pickled and judges the same afterwards."""
    policy = Policy((PolicyRule(flag="x.*", outcome="drop"),))
    copy = pickle.loads(pickle.dumps(policy))
    assert copy.outcome_for("x.y", 1, "kit") == policy.outcome_for("x.y", 1, "kit")


def test_brackets_are_only_brackets() -> None:
    """A glob knows the star alone; everything else in a code stands for itself."""
    assert Policy((PolicyRule(flag="a[b].*", outcome="keep"),)).outcome_for("a[b].c", 1, "kit")[0] is Outcome.KEEP
    assert Policy((PolicyRule(flag="a.c", outcome="keep"),)).outcome_for("abc", 1, "kit")[0] is Outcome.HOLD


CODES = st.sampled_from(["license.denied", "license.review", "pii.x", "duplicate.near", "llm-style.score", "new.one"])


@given(st.lists(st.tuples(st.integers(0, 4), CODES, st.floats(0, 1)), max_size=30))
def test_columns_agree_with_single_flags(rows: list[tuple[int, str, float]]) -> None:
    """Judging a shard at once gives each item the most severe of what its flags get one by one."""
    given_flags = [
        {"row": row, "code": code, "score": score, "field": "text", "start": 0, "end": 1} for row, code, score in sorted(rows)
    ]
    found = outcomes(*given_flags, count=5)
    for item in range(5):
        single = [Policy().outcome_for(code, score, "kit")[0] for row, code, score in rows if row == item]
        assert found[item][0] == max(single, key=lambda outcome: SEVERITY[outcome], default=Outcome.KEEP)
