"""How an alarm looks to people: a license that has drifted, with what it was, what it is, what shows it and what it means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # planning is heavy; commands import it when they run
    from acquisition.plan import Drift

WIDTH: Final = 100
"""Columns of what is printed for people."""


def alarms_text(drifts: Iterable[Drift]) -> list[str]:
    """Return one block for each license that has drifted; "error" where a release is not taken for it, else "alarm"."""
    lines = []
    for drift in drifts:
        head = "error" if drift.refused else "alarm"
        lines += wrapped(f"{head}[license-drift]: {drift.message}", "")
        lines += wrapped(f"was: {drift.was.shown_by}", "  ")
        lines += wrapped(f"now: {drift.now.shown_by}", "  ")
        lines += [*wrapped(f"means: {drift.meaning}", "  "), ""]
    return lines


def wrapped(text: str, indent: str) -> list[str]:
    """Return a sentence in lines of at most WIDTH characters; what follows the first is indented further."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ", break_on_hyphens=False, break_long_words=True
    )
