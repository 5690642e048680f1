"""The three things to do next: what a person who has read the summary would ask first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from acquisition.errors import EXIT_CREDENTIALS, EXIT_PARTIAL

if TYPE_CHECKING:  # the pipeline is heavy; commands import it when they run
    from acquisition.pipeline.looking.inspect import Status
    from acquisition.pipeline.summary import Summary

_MOST: Final = 3
_NAMES: Final = "names and postal addresses were NOT checked"


@dataclass(frozen=True, slots=True)
class _Open:
    """What is open in a set: items held by code, sources of which no license is known, and what was not checked."""

    held: Counter[str]
    unlicensed: Sequence[str]
    not_checked: Iterable[str]


def next_steps(summary: Summary) -> list[str]:
    """Return at most three sentences on a run, the most pressing first; none where nothing is open."""
    unlicensed = _unlicensed({source.name: source.codes for source in summary.sources})
    found = _Open(_held([summary.codes]), unlicensed, summary.not_checked)
    drifted = [source.name for source in summary.sources if source.drift is not None and source.drift.refused]
    return list(islice((*_failed(summary), *_held_back(drifted), *_undecided(found)), _MOST))


def next_of_status(status: Status) -> list[str]:
    """Return at most three sentences on what stands on disk."""
    drifted = [one.name for one in status.held_back]
    return list(islice((*_unfinished(status), *_held_back(drifted), *_standing(status)), _MOST))


def _failed(summary: Summary) -> Iterator[str]:
    waiting = [source for source in summary.sources for error in source.errors if error.exit_code == EXIT_CREDENTIALS]
    if waiting:
        names = ", ".join(dict.fromkeys(source.name for source in waiting))
        yield f"Log in or accept the terms for {names} (the errors below say where), and run the same command again."
    failed = [source for source in summary.sources for error in source.errors if error.exit_code == EXIT_PARTIAL]
    if failed:
        names = ", ".join(dict.fromkeys(source.name for source in failed))
        yield f"Run the same command again: {names} did not come whole, and what is here is kept."


def _held_back(names: Sequence[str]) -> Iterator[str]:
    if names:
        asks, told = " ".join(f"--update {name}" for name in names), ", ".join(names)
        yield f"Look at `acquire plan {asks}`: the license of {told} has changed upstream, and nothing newer is taken."


def _unfinished(status: Status) -> Iterator[str]:
    missing = _missing(status)
    if status.run == "running":
        yield "Wait for the command that is at work; what stands here is from before it."
    elif status.run == "unfinished":
        yield "Run the last command again: it did not end, and goes on where it was."
    elif status.exit_code == EXIT_CREDENTIALS:
        yield "Run `acquire fetch` again once you have logged in or accepted the terms that it asks for."
    elif missing and status.exit_code == EXIT_PARTIAL:
        names = ", ".join(missing)
        yield f"Run `acquire fetch` again, and read what it says of {names}: not here, or not whole. What is here is kept."
    elif status.exit_code == EXIT_PARTIAL:
        yield "Run `acquire fetch` again: something did not come whole, and what is here is kept."
    elif missing:
        yield f"Run `acquire fetch`: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not here, or not whole."


def _missing(status: Status) -> list[str]:
    """Return the sources that are not here, or not whole, and that a fetch could bring."""
    refused = status.standing.refused if status.standing is not None else ()
    return [
        entry["name"]
        for entry in status.sources
        if not (entry["name"] in refused or entry["taken_down"])
        and (entry["files_held"] < entry["files"] or not entry["revision"])
    ]


def _standing(status: Status) -> Iterator[str]:
    if status.standing is None:
        if status.run == "ended":
            yield "Run `acquire fetch` to the end: there is no manifest yet."
        return
    if status.standing.trouble:
        yield f"Mend the manifest: {status.standing.trouble}."
    unlicensed = _unlicensed(status.standing.codes)
    yield from _undecided(_Open(_held(status.standing.codes.values()), unlicensed, status.standing.not_checked))


def _unlicensed(codes: Mapping[str, Mapping[tuple[str, str], int]]) -> list[str]:
    """Return the sources of which items wait for a license."""
    return [source for source, counts in codes.items() if counts.get(("hold", "license.unknown"))]


def _held(codes: Iterable[Mapping[tuple[str, str], int]]) -> Counter[str]:
    held = Counter[str]()
    for counts in codes:
        for (outcome, code), count in counts.items():
            if outcome == "hold":
                held[code] += count
    return held


def _undecided(found: _Open) -> Iterator[str]:
    if found.unlicensed and found.held["license.unknown"]:
        names, waits = ", ".join(found.unlicensed), _items(found.held["license.unknown"])
        yield f"Find out the license of {names} and declare it with its evidence (`license:`): {waits} held for it."
    for code, count in found.held.most_common():
        if code == "license.unknown" and found.unlicensed:
            continue
        if code.partition(".")[0] in {"balance", "split"}:  # the declaration leaves these out, and no decision brings them in
            continue
        told = f"the {_items(count)} held for {code} (`acquire explain ID`)"
        yield f"Look at {told}, and decide: decisions.jsonl, or a rule of `policy`."
    if any(_NAMES in sentence for sentence in found.not_checked):
        yield "Names of people were not looked for: set `filters.pii.names` to a model of yours before the set is passed on."


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"
