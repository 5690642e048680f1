"""What people decided: decisions.jsonl, one JSON object a line, append-only; the last word on an item counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.model import Decision, Outcome


def read_decisions(path: Path) -> Mapping[str, Decision]:
    """Return the decisions by item id; an absent file holds none. WorkspaceDamaged names the line that is not one."""
    decisions: dict[str, Decision] = {}
    if not path.exists():
        return decisions
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                raw = orjson.loads(line)
                decision = Decision(
                    str(raw["item"]), Outcome(raw["outcome"]), str(raw["by"]), str(raw["at"]), str(raw.get("reason", ""))
                )
            except (ValueError, KeyError, TypeError) as error:
                raise WorkspaceDamaged(
                    f"this line is not a decision: {error!r}",
                    where=f"{path}:{number}",
                    hint='Write {"item": id, "outcome": "keep|redact|hold|drop", "by": who, "at": when, "reason": why}.',
                ) from error
            decisions[decision.item] = decision
    return decisions
