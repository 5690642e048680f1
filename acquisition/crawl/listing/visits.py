"""One address of a list: visited under all rules, followed, checked, and written down as an item."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urljoin

from acquisition.crawl.archive import Page, Rights, record_of
from acquisition.crawl.contract import Answer, Ask, Failed, Lease, Outcome, Refused
from acquisition.crawl.listing.media import Wanted, check
from acquisition.crawl.listing.rows import Row
from acquisition.crawl.visit.decoding import decoded
from acquisition.crawl.visit.signals import Reading

HOPS: Final = 5
"""Redirects that are followed; each is a visit of its own, under the rules of its own host."""
STOPPED: Final = "stopped"
"""The reason of a Failed that says that the crawl is being stopped; the address goes back to the frontier, untouched."""
OPTED_OUT: Final = "opted-out"
"""An item was written down, and its host or its bytes say that no model may be trained on it; policy decides."""
SAME_ITEM: Final = "same-item"
"""Two addresses of the list led to the same address and the same bytes: one item."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ACCEPT: Final[Mapping[str, Mapping[str, str]]] = {
    "image": {"Accept": "image/avif,image/webp,image/*,*/*;q=0.5"},
    "": {"Accept": "*/*"},
}


class Visits(Protocol):
    """The one door to the network (`visit.visitor.Visitor`)."""

    async def visit(self, ask: Ask, *, tries: int = 1) -> Answer:
        """Visit for the `tries`th time."""


class Items(Protocol):
    """Where items are written down (`archive.ItemLog`)."""

    @property
    def count(self) -> int:
        """How many there are."""

    def add(self, record: Mapping[str, Any], page: bytes = b"") -> bool:
        """Append one and say whether it was new."""


Reads = Callable[[Answer, bytes], Awaitable[Reading]]


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes one leased address at a time. `reading` says what an answer says of its use."""

    visitor: Visits
    items: Items
    wanted: Wanted
    reading: Reads
    max_bytes: int

    async def take(self, lease: Lease, now: float) -> Outcome | None:
        """Return how the address ended; what it brought is in the archive and among the items before it ends.

        None when the crawl is being stopped, and the address has not ended.
        """
        answers: list[Answer] = []
        try:
            row = Row.of(lease.entry.request)
            await self._follow(lease, row, answers)
            return Outcome("done", await self._written(lease, row, answers), facts=facts_of(answers))
        except Refused as refused:
            return Outcome("refused", refused.reason, refused.detail[:500], facts=facts_of(answers))
        except Failed as failed:
            if failed.reason == STOPPED:
                return None
            if failed.again is not None:
                return Outcome("retry", failed.reason, failed.detail[:500], not_before=now + failed.again)
            return Outcome("failed", failed.reason, failed.detail[:500], facts=facts_of(answers))

    async def _follow(self, lease: Lease, row: Row, answers: list[Answer]) -> None:
        """Visit an address and where it leads to, until a 200 has come; `answers` grows with every visit."""
        url = lease.entry.url
        headers = _ACCEPT["image" if self.wanted.media_types == ("image/*",) else ""]
        passed: list[str] = []
        while True:
            answer = await self.visitor.visit(
                Ask(url, headers=headers, referrer=row.reason, kind="media"), tries=lease.tries + 1
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

    async def _written(self, lease: Lease, row: Row, answers: list[Answer]) -> str:
        """Check what has come, write it down as an item, and return what is remarkable about it."""
        answer, passed = answers[-1], [(one.ask.url, one.wire.status) for one in answers[:-1]]
        url = answer.ask.url
        body = decoded(answer.wire, self.max_bytes, url=url)
        media = check(body, row.expect, self.wanted, url=url)
        reading = await self.reading(answer, body)
        page = Page(
            url=lease.entry.url,
            final_url=url,
            referrer="",
            media_type=media.media_type,
            body=body,
            place=answer.place,
            redirects=passed,
            reason=row.reason,
        )
        rights = Rights(reading.records(), reading.verdicts(), answer.decision.get("robots") or {})
        new = self.items.add(record_of(row.fields, page, rights, sample="media"), lease.entry.key)
        if not new and passed:  # without a redirect it is this very row, whose run was killed before it could end
            return SAME_ITEM
        return OPTED_OUT if reading.train == "deny" else ""


def _target(answer: Answer, url: str) -> str:
    """Return where a redirect leads to, without its fragment; Failed when it says nothing that can be followed."""
    location = next((value.strip() for name, value in answer.wire.headers if name.lower() == "location"), "")
    try:
        target = urljoin(url, location).partition("#")[0] if location else ""
    except ValueError:
        target = ""
    if not target:
        raise Failed("redirect", url, f"{answer.wire.status} without a Location that can be followed")
    if not target[:8].lower().startswith(("http://", "https://")):
        raise Refused("scheme", url, f"it leads to {target[:100]}")
    return target


def facts_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return what the frontier keeps of the last answer, for the next run and for whoever asks why."""
    if not answers:
        return {}
    answer = answers[-1]
    place = answer.place
    facts: dict[str, Any] = {
        "status": answer.wire.status,
        "place": [place.file, place.offset, place.record_id, place.date],
        "robots": answer.decision.get("robots"),
        "unchanged": answer.unchanged or None,
    }
    facts |= {"etag": None, "last_modified": None} | {
        name.lower().replace("-", "_"): value for name, value in answer.wire.headers if name.lower() in _VALIDATORS
    }
    return {name: value for name, value in facts.items() if value is not None}


_VALIDATORS: Final = frozenset({"etag", "last-modified"})
