"""Which copy is kept where the preferred one is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.curate.judge import judge, relations
from acquisition.curate.policy import Policy
from acquisition.curate.promoting import PROMOTED, standings
from acquisition.model import FLAG_SCHEMA, Decision, Outcome
from acquisition.settings import PolicyRule

Item = tuple[str, Sequence[tuple[str, str, float]]]
"""An item's id, and its flags: code, the preferred copy ("" for none), score."""
_FLAG = {"field": "", "start": -1, "end": -1}


def _flags(items: Sequence[Item]) -> list[tuple[str, pa.Table]]:
    rows = [
        {**_FLAG, "row": row, "item": item, "code": code, "score": score, "detail": _detail(code, kept, place)}
        for row, (item, flags) in enumerate(items)
        for place, (code, kept, score) in enumerate(flags)
    ]
    return [("any", pa.Table.from_pylist(rows, FLAG_SCHEMA))]


def _detail(code: str, kept: str, place: int) -> str:
    if not code.startswith("duplicate."):
        return ""
    return orjson.dumps({"cluster": "c", "place": place} | ({"kept": kept} if kept else {})).decode()


def _judged(
    shards: Mapping[str, Sequence[Item]],
    rules: Sequence[PolicyRule] = (),
    decisions: Mapping[str, Decision] | None = None,
    places: Mapping[str, int] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return every item's verdict, as the judging step makes them of several shards."""
    policy = Policy(rules)
    told = {}
    for key, items in shards.items():
        flags = [(name, _placed(table, places or {})) for name, table in _flags(items)]
        told[key] = ([item for item, _ in items], flags)
    common: dict[str, Any] = {"policy": policy, "source": "any", "decisions": decisions}
    found = standings({key: relations(ids, flags, **common) for key, (ids, flags) in told.items()})
    verdicts = [judge(ids, flags, standing=found.get(key), **common) for key, (ids, flags) in told.items()]
    return {row["item"]: row for batch in verdicts for row in batch.to_pylist()}


def _placed(table: pa.Table, places: Mapping[str, int]) -> pa.Table:
    rows = table.to_pylist()
    for row in rows:
        if row["detail"] and row["item"] in places:
            row["detail"] = orjson.dumps(orjson.loads(row["detail"]) | {"place": places[row["item"]]}).decode()
    return pa.Table.from_pylist(rows, FLAG_SCHEMA)


def _decided(item: str, outcome: Outcome) -> dict[str, Decision]:
    return {item: Decision(item, outcome, "anna", "2026-11-21T00:00:00Z", "looked at")}


REP = ("duplicate.representative", "", 1.0)
EXACT = ("duplicate.exact", "a", 1.0)
NEAR = ("duplicate.near", "a", 0.95)
DENIED = ("license.denied", "", 1.0)
HELD = ("license.review", "", 1.0)


def test_a_preferred_copy_that_is_kept_stands_for_all() -> None:
    """Where the preferred copy is kept, all others are dropped and name it."""
    found = _judged({"x": [("a", [REP]), ("b", [EXACT])], "y": [("c", [NEAR])]})
    assert [found[item]["outcome"] for item in "abc"] == ["keep", "drop", "drop"]
    assert [found[item]["kept_id"] for item in "abc"] == ["", "a", "a"]


@pytest.mark.parametrize("flag", [DENIED, HELD, ("pii.not-checked", "", 1.0), ("quality.empty", "", 1.0)])
@pytest.mark.parametrize("copy", [EXACT, NEAR, ("duplicate.normalised", "a", 1.0)])
def test_the_next_copy_takes_the_place_of_one_that_is_not_kept(
    flag: tuple[str, str, float], copy: tuple[str, str, float]
) -> None:
    """The preferred copy is held or dropped: exactly one other is kept in its place, in another shard too, and all say so."""
    shards = {"x": [("a", [REP, flag])], "y": [("b", [copy]), ("c", [copy])]}
    found = _judged(shards, places={"a": 0, "b": 2, "c": 1})
    assert (found["c"]["outcome"], found["c"]["code"]) == ("keep", PROMOTED)
    assert found["b"]["outcome"] == "drop"
    assert found["a"]["outcome"] != "keep"
    assert [found[item]["kept_id"] for item in "abc"] == ["c", "c", ""]
    assert "kept in place of a" in found["c"]["why"]
    assert flag[0] in found["c"]["why"]
    assert found["a"]["code"] == flag[0]


def test_a_copy_that_would_not_be_kept_is_passed_over() -> None:
    """A copy with a flag of its own does not take the place; one with something to redact does, redacted."""
    own = {**_FLAG, "start": 0, "end": 3, "field": "text"}
    found = _judged({"x": [("a", [REP, DENIED]), ("b", [EXACT, HELD]), ("c", [EXACT])]}, places={"b": 1, "c": 2})
    assert [found[item]["outcome"] for item in "abc"] == ["drop", "drop", "keep"]
    flags = _flags([("a", [REP, HELD]), ("b", [EXACT])])
    spans = pa.Table.from_pylist([{**own, "row": 1, "item": "b", "code": "pii.email", "score": 1.0, "detail": ""}], FLAG_SCHEMA)
    common: dict[str, Any] = {"policy": Policy(), "source": "any"}
    told = standings({"x": relations(["a", "b"], [*flags, ("pii", spans)], **common)})
    row = judge(["a", "b"], [*flags, ("pii", spans)], standing=told["x"], **common).to_pylist()[1]
    assert (row["outcome"], row["code"]) == ("redact", PROMOTED)
    assert "personal data" in row["why"]


def test_where_none_would_be_kept_the_first_that_waits_for_a_person_waits() -> None:
    """A denied preferred copy does not take a copy along that would only be held."""
    found = _judged({"x": [("a", [REP, DENIED]), ("b", [EXACT, HELD]), ("c", [EXACT, HELD])]}, places={"b": 1, "c": 2})
    assert [(found[item]["outcome"], found[item]["code"]) for item in "ab"] == [
        ("drop", "license.denied"),
        ("hold", "license.review"),
    ]
    assert found["c"]["outcome"] == "drop"
    assert "held in its place" in found["c"]["why"]
    assert {found[item]["kept_id"] for item in "abc"} == {""}


def test_where_nothing_can_be_kept_it_is_said() -> None:
    """All copies are denied: the copies are dropped, and say that no copy is kept."""
    found = _judged({"x": [("a", [REP, DENIED]), ("b", [EXACT, DENIED])]})
    assert found["b"]["outcome"] == "drop"
    assert found["b"]["kept_id"] == ""
    assert "no copy is kept" in found["b"]["why"]


def test_chains_of_copies_end_at_the_one_that_is_kept() -> None:
    """An exact copy of a near copy names the copy that is kept in the end; a near copy that the policy keeps stands itself."""
    chain = [("a", [REP]), ("b", [NEAR]), ("c", [("duplicate.exact", "b", 1.0)])]
    assert _judged({"x": chain})["c"]["kept_id"] == "a"
    apart = [("a", [REP, DENIED]), ("b", [("duplicate.near", "a", 0.8)]), ("c", [("duplicate.exact", "b", 1.0)])]
    found = _judged({"x": apart})
    assert (found["b"]["outcome"], found["b"]["code"]) == ("keep", "duplicate.near")
    assert (found["c"]["outcome"], found["c"]["kept_id"]) == ("drop", "b")


def test_a_held_middle_of_a_chain_changes_nothing_while_the_first_is_kept() -> None:
    """What an item is a copy of may be held: the preferred one of all is kept, and stands for both."""
    found = _judged({"x": [("a", [REP]), ("b", [NEAR, HELD]), ("c", [("duplicate.exact", "b", 1.0)])]})
    assert [found[item]["outcome"] for item in "abc"] == ["keep", "drop", "drop"]
    assert found["c"]["kept_id"] == "a"


def test_a_person_has_the_last_word() -> None:
    """What a person drops does not come back by another place; what a person keeps stands before what is next in order."""
    shards = {"x": [("a", [REP]), ("b", [EXACT]), ("c", [EXACT])]}
    for outcome in (Outcome.DROP, Outcome.HOLD):
        found = _judged(shards, decisions=_decided("a", outcome))
        assert [found[item]["outcome"] for item in "abc"] == [outcome, "drop", "drop"]
        assert "no copy is kept" in found["b"]["why"]
    denied = {"x": [("a", [REP, DENIED]), ("b", [EXACT]), ("c", [EXACT])]}
    found = _judged(denied, decisions=_decided("c", Outcome.KEEP), places={"b": 1, "c": 2})
    assert [found[item]["outcome"] for item in "abc"] == ["drop", "drop", "keep"]
    assert (found["c"]["code"], found["b"]["kept_id"]) == ("decision", "c")
    found = _judged(denied, decisions=_decided("a", Outcome.KEEP))
    assert [found[item]["outcome"] for item in "abc"] == ["keep", "drop", "drop"]


def test_contamination_and_label_conflicts_name_no_copy() -> None:
    """What is in a reference set is not kept for want of another, and a contested label stays held."""
    items = [("a", [REP, ("duplicate.contamination", "", 1.0)]), ("b", [EXACT, ("duplicate.contamination", "", 1.0)])]
    found = _judged({"x": items})
    assert [found[item]["outcome"] for item in "ab"] == ["drop", "drop"]
    found = _judged({"x": [("a", [REP, DENIED]), ("b", [("duplicate.label-conflict", "", 1.0)])]})
    assert found["b"]["code"] == "duplicate.label-conflict"


def test_the_users_policy_for_copies_is_followed() -> None:
    """Where copies are held they are released, where they are kept anyway nothing is promoted."""
    items = {"x": [("a", [REP, DENIED]), ("b", [EXACT])]}
    held = _judged(items, [PolicyRule(flag="duplicate.exact", outcome="hold")])
    assert (held["b"]["outcome"], held["b"]["code"]) == ("keep", PROMOTED)
    kept = _judged(items, [PolicyRule(flag="duplicate.*", outcome="keep")])
    assert (kept["b"]["outcome"], kept["b"]["code"]) == ("keep", "duplicate.exact")


def test_a_copy_of_what_is_not_here_is_kept() -> None:
    """Flags that name an item which is gone lose nothing."""
    found = _judged({"x": [("b", [EXACT]), ("c", [EXACT])]}, places={"b": 2, "c": 1})
    assert [(found[item]["outcome"], found[item]["kept_id"]) for item in "bc"] == [("drop", "c"), ("keep", "")]


@given(st.data())
def test_every_tree_keeps_exactly_one_wherever_one_can_be_kept(data: st.DataObject) -> None:
    """Whatever is held, and however copies are spread over shards: one copy is kept for each tree that has one to keep."""
    count = data.draw(st.integers(2, 12))
    parents = [data.draw(st.integers(-1, index - 1)) for index in range(count)]
    bad = [data.draw(st.booleans()) for _ in range(count)]
    roots = list(range(count))
    for index, parent in enumerate(parents):
        roots[index] = roots[parent] if parent >= 0 else index
    shards: dict[str, list[Item]] = {"x": [], "y": [], "z": []}
    for index, parent in enumerate(parents):
        flags = [("duplicate.exact", f"i{parent}", 1.0) if parent >= 0 else REP, *([DENIED] if bad[index] else [])]
        shards[data.draw(st.sampled_from("xyz"))].append((f"i{index}", flags))
    found = _judged(shards, places={f"i{index}": index for index in range(count)})
    kept = {item for item, verdict in found.items() if verdict["outcome"] == "keep"}
    wanted = {
        min((index for index in range(count) if roots[index] == root and not bad[index]), default=None) for root in set(roots)
    }
    assert kept == {f"i{index}" for index in wanted if index is not None}
    for index, root in enumerate(roots):
        stand = next((f"i{other}" for other in range(count) if roots[other] == root and f"i{other}" in kept), "")
        own = f"i{index}"
        assert found[own]["kept_id"] == ("" if own in kept else stand), own
