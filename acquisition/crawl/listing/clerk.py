"""Who writes down what an address has brought: the bytes are checked, what they say of rights is read, the item is recorded.

`Clerk` is what the driver asks. `NearClerk` works in the crawling process itself; `far.FarClerk` has it done in a process of
its own, so that fetching and recording use a processor core each. Both do it with `recorded`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from acquisition.crawl.archive import Page, Rights, record_of
from acquisition.crawl.contract import Answer, Place
from acquisition.crawl.listing.media import Media, Wanted, check
from acquisition.crawl.listing.rows import Row
from acquisition.crawl.visit.decoding import decoded
from acquisition.crawl.visit.signals import Reading

OPTED_OUT: Final = "opted-out"
"""An item was written down, and its host or its bytes say that no model may be trained on it; policy decides."""
SAME_ITEM: Final = "same-item"
"""Two addresses of the list led to the same address and the same bytes: one item."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What one address of a list has brought: the last answer, and the addresses with their status that led to it.

    `request` is the row as the frontier keeps it (`Row.written`).
    """

    key: bytes
    url: str
    request: str
    answer: Answer
    passed: Sequence[tuple[str, int]] = ()


class Clerk(Protocol):
    """Writes down what was brought."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Return how many items the run has."""

    @abstractmethod
    async def write_down(self, brought: Brought) -> str:
        """Return what is remarkable about the item ("", OPTED_OUT, SAME_ITEM) when it is written; Failed when it is none."""

    @abstractmethod
    async def placed(self, answer: Answer) -> tuple[Place, bool]:
        """Return where an answer is archived, and whether it is what an earlier run has archived, when that is settled."""


class Items(Protocol):
    """Where items are written down (`archive.ItemLog`)."""

    @property
    def count(self) -> int:
        """How many there are."""

    def add(self, record: Mapping[str, Any], page: bytes = b"") -> bool:
        """Append one and say whether it was new."""


@dataclass(frozen=True, slots=True)
class NearClerk(Clerk):
    """Does it here and now. `reading` says what an answer says of its use."""

    items: Items
    wanted: Wanted
    reading: Callable[[Answer, bytes], Awaitable[Reading]]
    max_bytes: int

    @property
    def count(self) -> int:
        """Return how many items the run has."""
        return self.items.count

    async def write_down(self, brought: Brought) -> str:
        """Check, read, record."""
        row = Row.of(brought.request)
        body, media = opened(brought.answer, row, self.wanted, self.max_bytes)
        reading = await self.reading(brought.answer, body)
        return recorded(brought, row, Content(body, media, reading), self.items)

    async def placed(self, answer: Answer) -> tuple[Place, bool]:
        """Return what the answer says itself: it was archived before it came."""
        return answer.place, answer.unchanged


@dataclass(frozen=True, slots=True)
class Content:
    """A file that passed: its decoded bytes, what they are, and what is said of their use."""

    body: bytes
    media: Media
    reading: Reading


def opened(answer: Answer, row: Row, wanted: Wanted, max_bytes: int) -> tuple[bytes, Media]:
    """Return the decoded bytes and what they are; Failed when that is not what the list says or wants."""
    url = answer.ask.url
    body = decoded(answer.wire, max_bytes, url=url)
    return body, check(body, row.expect, wanted, url=url)


def recorded(brought: Brought, row: Row, content: Content, items: Items) -> str:
    """Write the item down and return what is remarkable about it."""
    answer, reading = brought.answer, content.reading
    page = Page(
        url=brought.url,
        final_url=answer.ask.url,
        referrer="",
        media_type=content.media.media_type,
        body=content.body,
        place=answer.place,
        redirects=brought.passed,
        reason=row.reason,
        sha256=content.media.sha256,
    )
    rights = Rights(reading.records(), reading.verdicts(), answer.decision.get("robots") or {})
    new = items.add(record_of(row.fields, page, rights, sample="media"), brought.key)
    if not new and brought.passed:  # without a redirect it is this very row, whose run was killed before it could end
        return SAME_ITEM
    return OPTED_OUT if reading.train == "deny" else ""
