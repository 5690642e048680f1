"""The three things to do next: what a person who has read the summary would ask first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from acquisition.errors import EXIT_CREDENTIALS, EXIT_PARTIAL

if TYPE_CHECKING:  # the pipeline is heavy; commands import it when they run
    from acquisition.pipeline.summary import Summary

_MOST: Final = 3


def next_steps(summary: Summary) -> list[str]:
    """Return at most three sentences, the most pressing first; none where nothing is open."""
    return list(islice(_steps(summary), _MOST))


def _steps(summary: Summary) -> Iterator[str]:
    waiting = [source for source in summary.sources for error in source.errors if error.exit_code == EXIT_CREDENTIALS]
    if waiting:
        names = ", ".join(dict.fromkeys(source.name for source in waiting))
        yield f"Log in or accept the terms for {names} (the errors below say where), and run the same command again."
    failed = [source for source in summary.sources for error in source.errors if error.exit_code == EXIT_PARTIAL]
    if failed:
        names = ", ".join(dict.fromkeys(source.name for source in failed))
        yield f"Run the same command again: {names} did not come whole, and what is here is kept."
    held = Counter[str]()
    for (outcome, code), count in summary.codes.items():
        if outcome == "hold":
            held[code] += count
    unlicensed = [source.name for source in summary.sources if source.license_concluded == "NOASSERTION" and source.items]
    if unlicensed and held["license.unknown"]:
        names, waits = ", ".join(unlicensed), _items(held["license.unknown"])
        yield f"Find out the license of {names} and declare it with its evidence (`license:`): {waits} held for it."
    for code, count in held.most_common():
        if code == "license.unknown" and unlicensed:
            continue
        found = f"the {_items(count)} held for {code} (`acquire explain ID`)"
        yield f"Look at {found}, and decide: decisions.jsonl, or a rule of `policy`."
    if any("names and postal addresses were NOT checked" in sentence for sentence in summary.not_checked):
        yield "Names of people were not looked for: set `filters.pii.names` to a model of yours before the set is passed on."


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"
