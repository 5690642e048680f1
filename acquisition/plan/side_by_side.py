"""Several sources resolved at a time, and a stop that is heard while servers do not answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from acquisition.plan.planned import PlannedSource
from acquisition.protocols import Source

_SIDE_BY_SIDE: Final = 8
_LOOK: Final = 0.1
"""Seconds between two looks at whether somebody wants to stop."""


def side_by_side(
    work: Callable[[Source], PlannedSource], sources: tuple[Source, ...], check: Callable[[], None]
) -> tuple[PlannedSource, ...]:
    """Work on several sources at a time. Threads of a pool would be waited for, and a server may not answer for minutes."""
    waiting: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, PlannedSource]] = SimpleQueue()
    for index in range(len(sources)):
        waiting.put(index)

    def take() -> None:
        with suppress(Empty):
            while True:
                index = waiting.get_nowait()
                done.put((index, work(sources[index])))

    for _ in range(min(_SIDE_BY_SIDE, len(sources))):
        Thread(target=take, name="plan", daemon=True).start()
    found: dict[int, PlannedSource] = {}
    while len(found) < len(sources):
        check()
        with suppress(Empty):
            index, planned = done.get(timeout=_LOOK)
            found[index] = planned
    return tuple(found[index] for index in range(len(sources)))
