"""Takes items out of everything: the staged shards, the set, the manifest and the bytes; and sees to it that they stay out.

The tombstones are written first. From then on whatever comes next, this command again or any other run, finishes what was
begun: staging cuts out what they speak of, their bytes go, and the set and the manifest are made from the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from acquisition.errors import EXIT_PARTIAL, PlanChanged
from acquisition.pipeline.run import rebuild
from acquisition.pipeline.session import Session
from acquisition.pipeline.summary import Summary
from acquisition.pipeline.withdrawal.asking import Request
from acquisition.pipeline.withdrawal.selecting import Selection, select
from acquisition.pipeline.withdrawal.withdrawing import Hits
from acquisition.tombstones import append_tombstones, read_tombstones
from acquisition.workspace import utc_now


@dataclass(frozen=True, slots=True)
class Grounds:
    """By which ticket, by whom and why; all of it is published beside the set, so it names no person who was taken out."""

    ticket: str = ""
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TakenDown:
    """What was done: the selection that was carried out, how many tombstones are new, and the run that followed.

    `unfinished` are sentences on what was to leave and may still be here; without one, everything is done.
    """

    selection: Selection
    tombstones: int
    summary: Summary
    unfinished: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """That of the run, and EXIT_PARTIAL where something is not finished."""
        return EXIT_PARTIAL if self.unfinished else self.summary.exit_code


def takedown(
    session: Session, request: Request, grounds: Grounds, *, shown: Selection | None = None, now: Callable[[], str] = utc_now
) -> TakenDown:
    """Take down what the request selects, leave its tombstones whether anything is here or not, and make everything anew.

    `shown` is what somebody agreed to: PlanChanged when the workspace has changed since, and nothing is done then.
    """
    done: list[tuple[Selection, int]] = []

    def prepare() -> Hits:
        selection = select(session, request, shown)
        if shown is not None and _ids(shown) != _ids(selection):
            raise PlanChanged(
                f"{len(_ids(shown) ^ _ids(selection)):,} items are not as they were shown, so nothing was taken down",
                where=str(session.workspace.root),
                hint="Look again, and run the command again.",
            )
        at = now()
        marked = (
            replace(stone, ticket=grounds.ticket, at=at, by=grounds.by, reason=grounds.reason) for stone in selection.stones
        )
        fresh = append_tombstones(session.workspace.tombstones, marked)
        done.append((selection, len(fresh)))
        return selection.hits(read_tombstones(session.workspace.tombstones))

    _ = session.lock  # one that cannot be read ends the command before anything is written
    summary = rebuild(session, "takedown", prepare)
    selection, fresh = done[0]
    declared = {source.name for source in session.declared.sources}
    return TakenDown(selection, fresh, summary, tuple(_unfinished(selection, summary, declared)))


def _unfinished(selection: Selection, summary: Summary, declared: set[str]) -> Iterator[str]:
    for name in sorted(
        {item.source for item in selection.items} & declared - summary.staged - set(summary.swept.get("idle", ()))
    ):
        yield f"items of {name!r} are still staged: what leaves could not be cut out of it"
    if failed := summary.swept.get("failed", 0):
        yield f"{failed:,} files hold some of it and could not be rewritten: delete them if nothing else helps"
    if summary.reached != "manifest":
        yield "the set and the manifest are as they were: none of the sources could be read"


def _ids(selection: Selection) -> frozenset[str]:
    return frozenset(item.id for item in selection.items)
