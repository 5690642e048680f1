"""What people decided: decisions.jsonl, one JSON object a line, append-only; the last word on an item counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.model import Decision, Outcome

_NEEDED: Final = ("item", "outcome", "by", "at")
_OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)


def read_decisions(path: Path) -> Mapping[str, Decision]:
    """Return the decisions by item id; an absent file holds none. WorkspaceDamaged names the line that is not one."""
    decisions: dict[str, Decision] = {}
    if not path.exists():
        return decisions
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            decision = _decision(line, f"{path}:{number}")
            decisions[decision.item] = decision
    return decisions


def _decision(line: bytes, where: str) -> Decision:
    try:
        raw = orjson.loads(line)
    except ValueError as error:
        raise _refused(f"it is no JSON ({error})", where) from error
    if not isinstance(raw, dict):
        raise _refused("it is no JSON object", where)
    if missing := [name for name in _NEEDED if not isinstance(raw.get(name), str) or not raw[name]]:
        raise _refused(f"{' and '.join(missing)} must be given as text", where)
    if raw["outcome"] not in _OUTCOMES:
        raise _refused(f"{raw['outcome']!r} is none of {', '.join(_OUTCOMES)}", where)
    return Decision(raw["item"], Outcome(raw["outcome"]), raw["by"], raw["at"], str(raw.get("reason") or ""))


def _refused(what: str, where: str) -> WorkspaceDamaged:
    return WorkspaceDamaged(
        f"this line is not a decision: {what}",
        where=where,
        hint='Write {"item": "id", "outcome": "keep", "by": "who", "at": "2026-11-21", "reason": "why"}: see docs/policy.md.',
    )
