"""What people decided is read line by line, and a line that is no decision is named with what it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.curate.decisions import read_decisions
from acquisition.errors import WorkspaceDamaged
from acquisition.model import Decision, Outcome

GOOD = '{"item": "ab", "outcome": "keep", "by": "me", "at": "2026-11-21", "reason": "asked"}'


def test_the_last_word_on_an_item_counts(tmp_path: Path) -> None:
    """Later lines replace earlier ones; empty lines and a missing reason are fine."""
    path = tmp_path / "decisions.jsonl"
    path.write_text(f'{GOOD}\n\n{{"item": "ab", "outcome": "drop", "by": "you", "at": "2026-11-22", "reason": null}}\n')
    assert read_decisions(path) == {"ab": Decision("ab", Outcome.DROP, "you", "2026-11-22", "")}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"item": "ab", "outc', "no JSON"),
        ('["ab", "keep"]', "no JSON object"),
        ('{"item": "ab", "outcome": "kep", "by": "me", "at": "2026"}', "'kep' is none of keep, redact, hold, drop"),
        ('{"item": "ab", "outcome": "keep"}', "by and at must be given"),
        ('{"item": 7, "outcome": "keep", "by": "me", "at": "2026"}', "item must be given as text"),
    ],
)
def test_a_line_that_is_no_decision_is_named(line: str, told: str, tmp_path: Path) -> None:
    """Place, reason and the form that is wanted; nothing of Python."""
    path = tmp_path / "decisions.jsonl"
    path.write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(WorkspaceDamaged, match=told) as raised:
        read_decisions(path)
    assert raised.value.where == f"{path}:2"
    assert '"outcome": "keep"' in raised.value.hint
