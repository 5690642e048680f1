"""Filter `opt_out`: what publishers say by machine against the use of an item, as found beside it in the `signals` column.

Only what the declaration honours makes flags; what it records is in the ledger's `signals` and leads to nothing. The most
restrictive word wins: a permission never takes a flag away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.protocols import Filter, FilterContext
from acquisition.rights.signals import Signal, honoured
from acquisition.settings import FilterSettings

TRAINING: Final = "opt-out.training"
STORAGE: Final = "opt-out.storage"
FETCHING: Final = "opt-out.fetching"
UNKNOWN: Final = "opt-out.unknown"

_RAW: Final = 300
_MOST: Final = 20
"""Flags of one item; each mechanism has one of a kind."""
_REMEMBERED: Final = 10_000

Flags = tuple[tuple[str, str], ...]


class OptOutSettings(FilterSettings):
    """The opt-out filter has no keys: what each mechanism does stands in `signals`, what follows from it in `policy`."""


class OptOut(Filter):
    """Turns the words of publishers into flags, one per meaning and mechanism, with the text that was found."""

    name: ClassVar[str] = "opt_out"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[FilterSettings]] = OptOutSettings
    judges_rights: ClassVar[bool] = True
    codes: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            TRAINING: "The publisher reserves it from the training of models.",
            STORAGE: "The publisher asks that no copy of it is kept or passed on.",
            FETCHING: "Its address may not be fetched; it was taken before that was known, or from somebody else's archive.",
            UNKNOWN: "Something is said about its use that cannot be read or could not be had.",
        }
    )

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        """Take what the set is for and what is honoured."""
        self._settings = settings
        self._training = context.use.training
        self._policy = dict(context.signals)
        self._silent = tuple(name for name, release in context.releases.items() if release.reader != "crawl")
        self._flags = lru_cache(maxsize=_REMEMBERED)(self._judged)

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return the flags of a batch; equal words are judged once."""
        rows = FlagRows(items)
        said = items.column("signals")
        telling = pc.fill_null(pc.match_substring_regex(said, '"(?:deny|unknown)"|^[^\\[]'), fill_value=False)
        for row in pc.indices_nonzero(telling).to_pylist():
            for code, detail in self._flags(said[row].as_py(), items.column("modality")[row].as_py()):
                rows.add(row, code, field="signals", detail=detail)
        return rows.batch()

    def not_checked(self) -> tuple[str, ...]:
        """Say what is not looked at, and by whose wish."""
        sentences = [
            f"opt-outs: {word} by the declaration: {', '.join(names)}"
            for treatment, word in (("ignore", "ignored"), ("record", "recorded without consequence"))
            if (names := sorted(name for name, value in self._policy.items() if value == treatment))
        ]
        if self._silent:
            shown = ", ".join(self._silent[:5]) + (f" and {len(self._silent) - 5} more" if len(self._silent) > 5 else "")
            sentences.append(
                f"opt-outs: pages, headers and robots.txt behind the items of {shown} were not looked at, "
                "only what lies inside pages, archives and media files"
            )
        return (
            *sentences,
            "opt-outs: signatures of C2PA and CAWG manifests are not verified; a reservation counts whoever signed it",
            "opt-outs: registries of opt-outs (Spawning, TDM·AI) are not asked, and terms of use are not read",
            "opt-outs: media metadata in compressed PDF streams, FLAC and Ogg, and manifests that are only linked",
        )

    def _judged(self, text: str, modality: str) -> Flags:
        """Return code and detail of every flag that one item's words earn."""
        try:
            signals = [Signal.from_record(record) for record in orjson.loads(text)]
        except (ValueError, TypeError, KeyError) as error:
            detail = detail_json(mechanism="unread", said=text[:_RAW], where="signals", why=f"not readable: {error}"[:_RAW])
            return ((UNKNOWN, detail),)
        found: dict[tuple[str, str], str] = {}
        for one in honoured(signals, self._policy, modality=modality):
            for code in self._codes(one):
                found.setdefault((code, one.mechanism), _detail(one))
        return tuple((code, detail) for (code, _), detail in list(found.items())[:_MOST])

    def _codes(self, one: Signal) -> Iterator[str]:
        """Yield what a signal means for what the set is for; where no model is trained, words on training mean nothing."""
        if self._training and one.train == "deny":
            yield TRAINING
        if one.store == "deny":
            yield STORAGE
        if one.fetch == "deny" and (self._training or one.mechanism != "ai-agents"):
            yield FETCHING
        if "unknown" in _counting(one, training=self._training):
            yield UNKNOWN


def _counting(one: Signal, *, training: bool) -> Iterable[str]:
    return (one.store, one.fetch, one.train) if training else (one.store, one.fetch)


def _detail(one: Signal) -> str:
    facts = {"mechanism": one.mechanism, "where": one.where, "said": (one.raw or one.parsed.get("error", ""))[:_RAW]}
    if policy := one.parsed.get("tdm-policy", ""):
        facts["ask"] = policy[:_RAW]
    return detail_json(**facts)
