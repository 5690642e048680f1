"""What a publisher says by machine about fetching and training, and how many such words become one verdict."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, cast

Word = Literal["allow", "deny", "unknown", "none"]
"""unknown: something is said that cannot be read; none: nothing is said about it."""
Scope = Literal["site", "path", "page", "element", "item", "images"]
"""What a signal speaks of. item: the very bytes, or the object that `parsed` names; images: the images on the page."""
Treatment = Literal["honour", "record", "ignore"]

OPT_OUTS: Final = (
    "robots", "x-robots-tag", "meta-robots", "aipref", "content-signal", "tdmrep", "rsl", "ai-txt", "trust-txt", "ai-agents",
    "plus", "c2pa", "cawg", "unread",
)  # fmt: skip
"""Mechanisms whose words make the verdicts. `unread` stands for input beyond a limit, which may hold anything."""
EVIDENCE: Final = ("link-header", "rel-license", "json-ld", "microdata", "rdfa", "dublin-core", "xmp-rights")
"""Kinds of markup that name a license: evidence for the license gate, never a word on fetching or training."""
MECHANISMS: Final = OPT_OUTS + EVIDENCE

RAW_LIMIT: Final = 2_000
_RANK: Final[Mapping[Word, int]] = {"none": 0, "allow": 1, "unknown": 2, "deny": 3}


@dataclass(frozen=True, slots=True)
class Signal:
    """One statement, as found and as understood.

    `where` is the surface ("header x-robots-tag", "meta robots", "robots.txt", "/.well-known/tdmrep.json", "body xmp").
    `raw` is the text, at most RAW_LIMIT characters; `parsed` what was read from it, all texts. `store` says whether a copy
    may be kept and passed on (noindex, noarchive). `license` is an SPDX expression or an address, "" when none is named.
    """

    mechanism: str
    where: str
    raw: str
    parsed: Mapping[str, str] = field(default_factory=dict, hash=False)
    fetch: Word = "none"
    train: Word = "none"
    scope: Scope = "page"
    license: str = ""
    store: Word = "none"

    def record(self) -> dict[str, object]:
        """Return the signal as a JSON object, for archives and manifests."""
        return {
            "mechanism": self.mechanism,
            "where": self.where,
            "raw": self.raw,
            "parsed": dict(self.parsed),
            "fetch": self.fetch,
            "train": self.train,
            "scope": self.scope,
            "license": self.license,
            "store": self.store,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Signal:
        """Return the signal that `record` wrote; TypeError or KeyError when it is not one."""
        values = {name: record[name] for name in cls.__slots__}
        parsed = values.pop("parsed")
        if not isinstance(parsed, Mapping) or not all(isinstance(value, str) for value in values.values()):
            raise TypeError("not a signal")
        return cls(parsed={str(key): str(value) for key, value in parsed.items()}, **cast("dict[str, Any]", values))


class Verdicts(NamedTuple):
    """May it be fetched, and may models be trained on it?"""

    fetch: Word
    train: Word


def verdicts(signals: Iterable[Signal], policy: Mapping[str, str] | None = None, *, modality: str = "") -> Verdicts:
    """Combine signals, the most restrictive winning: deny, then unknown, then allow; a yes never cancels a no.

    `policy` maps a mechanism to honour, record or ignore; one that it does not name is honoured. With `modality` ("text",
    "image", "audio"…), words about the images of a page count for images only; without it they count for everything.
    """
    counted = honoured(signals, policy, modality=modality)
    return Verdicts(most_restrictive(one.fetch for one in counted), most_restrictive(one.train for one in counted))


def storage(signals: Iterable[Signal], policy: Mapping[str, str] | None = None, *, modality: str = "") -> Word:
    """Say whether a copy may be kept and passed on, combined as in `verdicts`."""
    return most_restrictive(one.store for one in honoured(signals, policy, modality=modality))


def may_follow(signals: Iterable[Signal], policy: Mapping[str, str] | None = None) -> bool:
    """Say whether the links of the page may be followed (no nofollow and no none among its robots directives)."""
    return not any(one.parsed.get("follow") == "no" for one in honoured(signals, policy))


def decisive(
    signals: Iterable[Signal], about: Literal["fetch", "train", "store"], policy: Mapping[str, str] | None = None
) -> Signal | None:
    """Return the first signal whose word is the verdict's, None when nothing is said."""
    counted = [one for one in honoured(signals, policy) if getattr(one, about) != "none"]
    return max(counted, key=lambda one: _RANK[getattr(one, about)], default=None)


def carried(page: Iterable[Signal | Mapping[str, object]]) -> list[Signal]:
    """Return what a page's signals say of the media shown on it, as signals of such a file.

    A reservation in the page's own headers and markup covers what it shows; its permissions do not, for the media may be
    somebody else's. What robots.txt and other files of the page's site say is not carried: the file's own site speaks for it.
    """
    found: list[Signal] = []
    for entry in page:
        one = entry if isinstance(entry, Signal) else Signal.from_record(entry)
        train: Word = one.train if one.train in ("deny", "unknown") else "none"
        store: Word = one.store if one.scope == "images" else "none"
        if one.mechanism in OPT_OUTS and one.scope in ("page", "images") and (train, store) != ("none", "none"):
            where = one.where if one.where.startswith("page ") else f"page {one.where}"
            found.append(Signal(one.mechanism, where, one.raw, one.parsed, train=train, scope=one.scope, store=store))
    return found


def wanted(signals: Iterable[Signal], read: Container[str]) -> tuple[str, ...]:
    """Return the addresses of RSL documents that an answer announces and that are not among those read."""
    announced = (one.parsed.get("href", "") for one in signals if one.mechanism == "rsl" and one.where != "robots.txt")
    return tuple(dict.fromkeys(href for href in announced if href[:4].lower() == "http" and href not in read))


def honoured(signals: Iterable[Signal], policy: Mapping[str, str] | None = None, *, modality: str = "") -> list[Signal]:
    """Return the signals that count under the policy."""
    treatments = policy or {}
    return [
        one
        for one in signals
        if treatments.get(one.mechanism, "honour") == "honour" and not (one.scope == "images" and modality not in ("", "image"))
    ]


def most_restrictive(words: Iterable[Word]) -> Word:
    """Return the most restrictive word, "none" when there is none."""
    return max(words, key=_RANK.__getitem__, default="none")


def bounded(signals: list[Signal], most: int) -> list[Signal]:
    """Return at most so many signals: those with the most restrictive words, in their order; how many are left out is said."""
    if len(signals) <= most:
        return signals
    ranked = sorted(signals, key=lambda one: -max(_RANK[one.train], _RANK[one.fetch], _RANK[one.store]))
    chosen = {id(one) for one in ranked[: most - 1]}
    kept = [one for one in signals if id(one) in chosen]
    return [*kept, Signal("unread", "limits", "", {"what": f"{len(signals) - len(kept)} signals with weaker words"})]


def clip(text: str) -> str:
    """Return a text as `Signal.raw` keeps it: without surrogates, so that it can be written, and at most RAW_LIMIT long."""
    return text[:RAW_LIMIT].encode("utf-8", "replace").decode("utf-8")
