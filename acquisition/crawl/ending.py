"""What is done when a run has ended: what has opted out is carried over, what changed is counted, captures are indexed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from acquisition.crawl import robots
from acquisition.crawl.archive import carry, compare, write_cdxj
from acquisition.crawl.contract import PRODUCT_TOKEN
from acquisition.crawl.frontier import finish_run
from acquisition.crawl.frontier.look import Look, UrlRow
from acquisition.crawl.outcome import load_run
from acquisition.crawl.session import Session
from acquisition.crawl.visit.permissions import origin_of
from acquisition.errors import WorkspaceDamaged

_FINAL = ("done", "failed", "refused")


def carry_over(session: Session) -> int:
    """Take over items of the run before whose pages have since opted out, and return how many there were.

    To be called before files are closed. A replay asks nobody, so it learns of no opt-out.
    """
    previous = _previous(session)
    if previous is None or session.job.replay:
        return 0
    with Look(session.location) as look:
        return carry(previous, session.archive, session.items, _ends(look, session.run), forbids=_Forbids(look))


def conclude(session: Session) -> Mapping[str, Mapping[str, int]]:
    """Close the run in the frontier, index the captures and return what differs from the run before, {} when there is none.

    To be called when all files are closed. Where machines share a frontier each holds a part of every run, and another one may
    hold a page this time: then nothing is compared.
    """
    directory = Path(session.job.directory)
    finish_run(session.location, session.run)
    write_cdxj(directory)
    previous = _previous(session)
    if previous is None or not isinstance(session.location, Path):
        return {}
    with Look(session.location) as look:
        found = compare(previous, directory, _ends(look, session.run), forbids=_Forbids(look))
    return {"items": dict(found.items), "pages": dict(found.pages)}


def _previous(session: Session) -> Path | None:
    """Return the newest finished run before this one; what an unfinished one lacks is not gone."""
    for path in map(Path, reversed(session.job.earlier)):
        with suppress(WorkspaceDamaged):
            outcome = load_run(path)
            if outcome is not None and outcome.finished:
                return path
    return None


def _ends(look: Look, run: str) -> Iterator[UrlRow]:
    return chain.from_iterable(look.ended(run, state=state) for state in _FINAL)


class _Forbids:
    """Says by which rule of the kept robots.txt a URL may no longer be fetched; where none is kept, nothing is forbidden."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._origin, self._rules = "", robots.parse(b"", PRODUCT_TOKEN)

    def __call__(self, url: str) -> tuple[str, str] | None:
        origin = origin_of(url)
        if origin != self._origin:
            _, good = self._look.policy(origin, "robots.txt")
            body = good.body if good is not None and good.body is not None else b""
            self._origin, self._rules = origin, robots.parse(body, PRODUCT_TOKEN)
        verdict = self._rules.decide(url)
        return None if verdict.allowed else ("robots", verdict.rule)
