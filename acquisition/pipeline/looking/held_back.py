"""Which sources stay as they are for a license that has changed upstream, as the last run that asked about them noted it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from acquisition.journal import Journal
from acquisition.lock import Pin
from acquisition.pipeline.session import Session
from acquisition.plan import PlannedSource

_FACT: Final = "license-drift"


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A source of which nothing newer is taken: what has changed upstream, in one sentence, and when that was seen."""

    name: str
    message: str
    at: str


def note_held_back(
    session: Session, journal: Journal, sources: Iterable[PlannedSource], asked: Collection[str], at: str
) -> None:
    """Note the sources that a changed license holds back.

    Forgotten are those of `asked` that answered and are not among them, and those that are moved: they were asked as well.
    """
    told = _read(journal)
    for source in sources:
        pin = session.lock.pins.get(source.name)
        if source.drift is not None and source.drift.refused and pin is not None:
            told[source.name] = {"message": source.drift.message, "at": at, "pin": _name(pin)}
        elif (source.name in asked or source.action == "download") and source.error is None:
            told.pop(source.name, None)
    if told != _read(journal):
        journal.set_fact(_FACT, json.dumps(told, sort_keys=True) if told else None)


def held_back(session: Session) -> tuple[HeldBack, ...]:
    """Return the declared sources that are held back, as far as the workspace knows; asks nobody.

    A source that the lock pins otherwise since is none of them any more.
    """
    if not session.workspace.journal.exists():
        return ()
    with Journal(session.workspace.journal) as journal:
        told = _read(journal)
    pins = session.lock.pins
    names = [source.name for source in session.declared.sources if source.name in told and source.name in pins]
    return tuple(
        HeldBack(name, told[name]["message"], told[name]["at"]) for name in names if told[name]["pin"] == _name(pins[name])
    )


def _read(journal: Journal) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(journal.fact(_FACT) or "{}")
    return found


def _name(pin: Pin) -> list[str]:
    return [pin.identity, pin.release.revision, pin.release.resolved_at]
