"""One address of a list: visited under all rules, followed to its end, and handed to the clerk who writes it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from acquisition.crawl.contract import Answer, Ask, Failed, Lease, Outcome, Place, Refused
from acquisition.crawl.listing.clerk import Brought, Clerk
from acquisition.crawl.visit.redirects import target_of

HOPS: Final = 5
"""Redirects that are followed; each is a visit of its own, under the rules of its own host."""
STOPPED: Final = "stopped"
"""The reason of a Failed that says that the crawl is being stopped; the address goes back to the frontier, untouched."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ACCEPT: Final[Mapping[str, Mapping[str, str]]] = {
    "image": {"Accept": "image/avif,image/webp,image/*,*/*;q=0.5"},
    "": {"Accept": "*/*"},
}


class Visits(Protocol):
    """The one door to the network (`visit.visitor.Visitor`)."""

    async def visit(self, ask: Ask, *, tries: int = 1) -> Answer:
        """Visit for the `tries`th time."""


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes one leased address at a time. With `images`, images are what is asked for."""

    visitor: Visits
    clerk: Clerk
    images: bool = True

    async def take(self, lease: Lease, clock: Callable[[], float]) -> Outcome | None:
        """Return how the address ended; what it brought is in the archive and among the items before it ends.

        None when the crawl is being stopped, and the address has not ended.
        """
        answers: list[Answer] = []
        try:
            await self._follow(lease, answers)
            passed = [(one.ask.url, one.wire.status) for one in answers[:-1]]
            entry = lease.entry
            remark = await self.clerk.write_down(Brought(entry.key, entry.url, entry.request, answers[-1], passed))
            return Outcome("done", remark, facts=await self._facts(answers))
        except Refused as refused:
            return Outcome("refused", refused.reason, refused.detail[:500], facts=await self._facts(answers))
        except Failed as failed:
            if failed.reason == STOPPED:
                return None
            if failed.again is not None:
                return Outcome("retry", failed.reason, failed.detail[:500], not_before=clock() + failed.again)
            return Outcome("failed", failed.reason, failed.detail[:500], facts=await self._facts(answers))

    async def _follow(self, lease: Lease, answers: list[Answer]) -> None:
        """Visit an address and where it leads to, until a 200 has come; `answers` grows with every visit."""
        url = lease.entry.url
        headers = _ACCEPT["image" if self.images else ""]
        passed: list[str] = []
        while True:
            answer = await self.visitor.visit(
                Ask(url, headers=headers, referrer=lease.entry.referrer, kind="media"), tries=lease.tries + 1
            )
            answers.append(answer)
            status = answer.wire.status
            if status == 200:
                return
            if status not in _REDIRECTS:
                raise Failed(f"http-{status}", url, f"the server answers {status}")
            passed.append(url)
            url = _target(answer, url)
            if url in passed:
                raise Failed("redirect-loop", url, " → ".join(passed)[:500])
            if len(passed) > HOPS:
                raise Failed("redirects", url, " → ".join(passed)[:500])

    async def _facts(self, answers: Sequence[Answer]) -> dict[str, Any]:
        """Return what the frontier keeps of the last answer, when all of them are archived."""
        if not answers:
            return {}
        for answer in answers:
            place, unchanged = await self.clerk.placed(answer)
        return facts_of(answers[-1], place, unchanged=unchanged)


def _target(answer: Answer, url: str) -> str:
    """Return where a redirect leads to, without its fragment; Failed when it says nothing that can be followed."""
    target = target_of(url, answer.wire.headers)
    if not target:
        raise Failed("redirect", url, f"{answer.wire.status} without a Location that can be followed")
    if not target[:8].lower().startswith(("http://", "https://")):
        raise Refused("scheme", url, f"it leads to {target[:100]}")
    return target


def facts_of(answer: Answer, place: Place, *, unchanged: bool) -> dict[str, Any]:
    """Return what the frontier keeps of an answer, for the next run and for whoever asks why."""
    facts: dict[str, Any] = {
        "status": answer.wire.status,
        "place": [place.file, place.offset, place.record_id, place.date],
        "robots": answer.decision.get("robots"),
        "unchanged": unchanged or None,
    }
    facts |= {"etag": None, "last_modified": None} | {
        name.lower().replace("-", "_"): value for name, value in answer.wire.headers if name.lower() in _VALIDATORS
    }
    return {name: value for name, value in facts.items() if value is not None}


_VALIDATORS: Final = frozenset({"etag", "last-modified"})
