"""What an answer says by machine about its use, computed once, when an item is recorded; it stands in the item's line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from acquisition.crawl.contract import PRODUCT_TOKEN, Answer
from acquisition.crawl.visit.policies import Policies
from acquisition.rights import signals as rights
from acquisition.rights.signals import Signal, Word

MAX_RECORDED: Final = 100
"""Signals in one item's line; each of the many items of a hostile page has them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that one answer says, and what follows from it under the declared policy.

    `fetch`, `train` and `store` are allow, deny, unknown or none (nothing is said). `may_follow` says whether links of the page
    may be followed. `license` is the expression that all statements on the page agree on, NOASSERTION where they do not, ""
    where there is none. `wanted` are addresses of license documents that the answer announces and that nobody has read yet.
    """

    signals: tuple[Signal, ...]
    fetch: Word
    train: Word
    store: Word
    may_follow: bool
    license: str
    wanted: tuple[str, ...] = ()

    def records(self) -> list[dict[str, object]]:
        """Return the signals as the item's line keeps them."""
        return [one.record() for one in self.signals]

    def verdicts(self) -> dict[str, str]:
        """Return the three verdicts as the item's line keeps them."""
        return {"fetch": self.fetch, "train": self.train, "store": self.store}


def signals_of(
    answer: Answer,
    body: bytes,
    policy: Mapping[str, str],
    *,
    page: Sequence[Signal | Mapping[str, Any]] = (),
    well_known: Mapping[str, bytes | None] | None = None,
) -> Reading:
    """Return what an answer says; never raises, does no I/O.

    `body` is decoded. `policy` maps a mechanism to honour, record or ignore; what it ignores is left out. `page` is what the
    page says on which a media file was met (`Reading.signals`, or their records): what speaks of everything shown there holds
    for the file too. `well_known` replaces the answer's own files, when more has been read since.
    """
    files = answer.well_known if well_known is None else well_known
    looked = rights.look(answer.ask.url, answer.wire.headers, body, answer.robots_txt, files, agent=PRODUCT_TOKEN)
    said = (*looked.signals, *rights.carried(page))
    if len(said) > _FEW or any(one.mechanism == "rsl" for one in said):  # these may want files that are not there yet
        return _understood(said, policy, files, image=looked.image)
    key = (*map(id, said), looked.image, id(policy))
    known = _READ.get(key)
    if known is not None:
        return known.reading
    reading = _understood(said, policy, files, image=looked.image)
    if len(_READ) >= _REMEMBERED:
        _READ.clear()
    _READ[key] = _Read(reading, (*said, policy))
    return reading


def _understood(
    said: Sequence[Signal], policy: Mapping[str, str], files: Mapping[str, bytes | None], *, image: bool
) -> Reading:
    kept = [one for one in said if policy.get(one.mechanism) != "ignore"]
    modality = "image" if image else "text"
    fetch, train = rights.verdicts(kept, policy, modality=modality)
    return Reading(
        signals=tuple(rights.bounded(kept, MAX_RECORDED)),
        fetch=fetch,
        train=train,
        store=rights.storage(kept, policy, modality=modality),
        may_follow=rights.may_follow(kept, policy),
        license=rights.page_license(kept),
        wanted=rights.wanted(kept, files),
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """A reading, and what it was made of: while that is held, nothing else has its identity."""

    reading: Reading
    held: tuple[object, ...]


_REMEMBERED: Final = 256
_FEW: Final = 16
_READ: Final[dict[tuple[object, ...], _Read]] = {}
"""What files of one host say is nearly always the same few signals, and the very same objects (`rights.signals`)."""


async def judged(
    answer: Answer,
    body: bytes,
    policy: Mapping[str, str],
    policies: Policies,
    *,
    page: Sequence[Signal | Mapping[str, Any]] = (),
) -> Reading:
    """Return what an answer says (as `signals_of`), after reading the license documents that only the answer announces."""
    reading = signals_of(answer, body, policy, page=page)
    if not reading.wanted:
        return reading
    documents = await policies.announced(answer.ask.url, reading.wanted)
    if not documents:
        return reading
    return signals_of(answer, body, policy, page=page, well_known={**answer.well_known, **documents})
