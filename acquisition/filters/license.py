"""Filter `license`: does each item's license cover what the set is for?

An item's own words (page markup, a column) are judged before the release's claim; the terms' words on training and on
passing it on hold for every item of the release. Where an item claims more freedom than its release gives, that is a flag of
its own. LICENSE and README texts of the release, and a file that the user shows for a declared license, are read beside its
claim: they give what it leaves open, and what they contradict is flagged. Each distinct claim is judged once, so a shard whose
items say nothing themselves costs one judgement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from acquisition.model import FLAG_SCHEMA, Evidence, LicenseClaim, LicenseConclusion, Observation, Release, Use
from acquisition.protocols import Cost, Filter, FilterContext
from acquisition.rights.attributes import uncovered_contents
from acquisition.rights.combining import Conflict, combine
from acquisition.rights.evidence import compared, findings
from acquisition.rights.expressions import NOASSERTION
from acquisition.rights.items import conclude_item, item_claim
from acquisition.rights.licenses import conclude, judge, stricter
from acquisition.settings import FilterSettings

DENIED: Final = "license.denied"
UNKNOWN: Final = "license.unknown"
REVIEW: Final = "license.review"
CONFLICT: Final = "license.conflict"
TEXT_CONFLICT: Final = "license.text-conflict"
TEXT_UNCLEAR: Final = "license.text-unclear"
CONTENTS: Final = "license.contents"
CONCLUDED: Final = "license.concluded"
COMBINATION: Final = "license.combination"

_DETAIL: Final = 500
_TOLD: Final = 1_000
_REMEMBERED: Final = 100_000
"""Distinct claims; a column of free text may hold a new one in every row."""
_LONGEST: Final = 4_000
"""Characters of an item's words that are looked at; no license's name is that long."""


class LicenseGateSettings(FilterSettings):
    """The license filter has no keys: what the set is for stands in `dataset.use`, what follows from it in `policy`."""


Codes = tuple[tuple[str, str], ...]
"""Pairs of a code and its detail."""


def release_codes(release: Release, use: Use, texts: tuple[Evidence, ...] = ()) -> Codes:
    """Return the (code, reason) pairs that the release's own claim earns for a use, () when it is covered."""
    return _codes_of(release.license, use, texts)


@lru_cache(maxsize=10_000)
def _codes_of(claim: LicenseClaim, use: Use, texts: tuple[Evidence, ...] = ()) -> Codes:
    conclusion = conclude(claim, texts)
    claim, texts = replace(claim, evidence=()), compared(claim, texts)
    told = _of_texts(claim, texts)
    judgement = judge(conclusion, use, claim)
    found = list(told)
    # What a text forbids and the claim allows is a contradiction for a person to settle, and no verdict.
    contested = TEXT_CONFLICT in dict(told) and judge(conclude(claim), use, claim).allowed != "no"
    if contested and judgement.allowed == "no":
        found = [(code, f"{detail}; {judgement.reasons[0]}" if code == TEXT_CONFLICT else detail) for code, detail in told]
    elif judgement.allowed != "yes":
        code = DENIED if judgement.allowed == "no" else REVIEW if judgement.review else UNKNOWN
        # A text that is doubtful is told once, under its own code.
        if code != REVIEW or not told or conclude(claim).review:
            found.insert(0, (code, _sentence(claim, conclusion, judgement.reasons)))
    if uncovered_contents(conclusion.concluded):
        found.append((CONTENTS, f"{conclusion.concluded} covers the database; nothing says what its contents are under"))
    return tuple(found)


def _of_texts(claim: LicenseClaim, texts: tuple[Evidence, ...]) -> Codes:
    """Return what the texts of the release earn: a license other than the claimed one, or one that cannot be told for sure."""
    plain = conclude(claim)
    found: list[tuple[str, str]] = []
    beside = findings(plain.concluded, texts) if texts else ()
    if against := [one.sentence for one in beside if one.standing == "contradicts"]:
        said = "; ".join(value for value in (*claim.raw, claim.name, claim.link) if value.strip())
        claimed = f"“{said[:120]}” ({plain.concluded}) is claimed"
        found.append((TEXT_CONFLICT, "; ".join((claimed, *against))[:_DETAIL]))
    found += [(TEXT_UNCLEAR, one.sentence[:_DETAIL]) for one in beside if one.standing == "unclear"]
    given = {one.match.expression: one.sentence for one in reversed(beside) if one.standing == "fills"}
    if len(given) > 1:
        told = "; ".join(given[expression] for expression in sorted(given))
        found.append((TEXT_CONFLICT, f"the texts of the release contradict each other: {told}"[:_DETAIL]))
    return tuple({code: (code, detail) for code, detail in reversed(found)}.values())


def _sentence(claim: LicenseClaim, conclusion: LicenseConclusion, reasons: Iterable[str]) -> str:
    said = "; ".join(value for value in (*claim.raw, claim.name, claim.link) if value.strip()) or "nothing"
    said = f"{said[:120]}, with {', '.join(conclusion.files[:3])}" if conclusion.files else said[:120]
    return f"{said} → {conclusion.concluded}: {'; '.join(reasons)}"[:_DETAIL]


def _by(conclusion: LicenseConclusion) -> str:
    """Name what a conclusion rests on: a level, or the files whose texts settled it."""
    return f"the text of {' and '.join(conclusion.files[:3])}" if conclusion.files else conclusion.basis


class License(Filter):
    """Judges every item's license against `dataset.use`."""

    name: ClassVar[str] = "license"
    version: ClassVar[int] = 4
    Settings: ClassVar[type[FilterSettings]] = LicenseGateSettings
    judges_rights: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(prepare=0.3, text=0.15, memory=40)
    codes: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            DENIED: "The license forbids something that the set is for.",
            UNKNOWN: "No license is known, or nothing is known of what it allows.",
            REVIEW: "A person should look: the version is open, several licenses are given, or the terms set conditions.",
            CONFLICT: "The item claims a license that allows more than the one of the release that it comes from.",
            TEXT_CONFLICT: "A LICENSE or README text, or the evidence of a declared one, gives another license than claimed.",
            TEXT_UNCLEAR: "A LICENSE or README text lies between licenses, is changed, or names several.",
            CONTENTS: "The license covers the database alone; nothing says what its contents are under.",
            CONCLUDED: "Of a source: what is declared and what is concluded, and from what.",
            COMBINATION: "Of the set: licenses of its sources that do not go together, and why.",
        }
    )

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        """Take what the set is for and the releases' claims."""
        self._settings = settings
        self._use = context.use
        self._releases = context.releases
        self._texts = context.texts
        self._order = context.order
        self._found: dict[tuple[str, str, str], Codes] = {}

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return the flags of each item: what its license does not cover, and what contradicts it."""
        keys, groups = _distinct(items)
        rows: list[np.ndarray] = []
        flags: list[tuple[str, str, str]] = []
        for key, members in zip(keys, groups, strict=True):
            for code, detail in self._codes(key):
                rows.append(members)
                flags.append((code, "license_raw" if key[1] else "license_url" if key[2] else "", detail))
        return _batch(items, rows, flags)

    def not_checked(self) -> tuple[str, ...]:
        """Say what the words of a license cannot tell."""
        return (
            "license: the publishers' own right to license; terms that stand on a website alone",
            "license: texts inside archives, deeper than one folder, over 200 KB, or in languages without a known license",
            "license: works of others inside an item (a picture in a page, a sample in a recording)",
        )

    def observe(self) -> Iterator[Observation]:
        """Yield per source what is declared and concluded."""
        for source in [name for name in self._order if name in self._releases]:
            conclusion = conclude(self._releases[source].license, self._texts.get(source, ()))
            known = float(conclusion.concluded != NOASSERTION and not conclusion.review)
            said = f"declared {conclusion.declared}, concluded {conclusion.concluded}, by {_by(conclusion)}"
            yield Observation(
                CONCLUDED, source, known, known, known, 1, detail=f"{said}: {'; '.join(conclusion.reasons)}"[:_TOLD]
            )

    def observe_kept(self, kept: Mapping[str, Collection[tuple[str, str]]]) -> Iterator[Observation]:
        """Yield every pair of licenses that does not go together, among those of the items that are kept."""
        concluded = {
            source: {conclude_item(release, *words, self._texts.get(source, ())).concluded for words in kept[source]}
            for source, release in self._releases.items()
            if source in kept
        }
        found = combine(concluded, self._use)
        for one in found.conflicts:
            names, others = found.sources[one]
            count = len({*names, *others})
            yield Observation(
                COMBINATION, "", float(count), float(count), float(count), len(concluded), detail=_told(one, names, others)
            )

    def _codes(self, key: tuple[str, str, str]) -> Codes:
        if key not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[key] = self._judged(*key)
        return self._found[key]

    def _judged(self, source: str, raw: str, url: str) -> Codes:
        release = self._releases.get(source)
        claim, texts = item_claim(release, raw, url), self._texts.get(source, ())
        if not raw and not url:
            return _codes_of(claim, self._use, texts)
        return (*_codes_of(claim, self._use), *_conflict(claim, release, texts))


def _told(conflict: Conflict, names: Sequence[str], others: Sequence[str]) -> str:
    """Return a conflict as a sentence: who has which license, why they do not meet, and in which form of the set."""
    who = f"{conflict.one} ({', '.join(names)})" + (f" and {conflict.other} ({', '.join(others)})" if conflict.other else "")
    form = "in any form" if conflict.form == "collection" else "if items are made into one work; side by side they may stand"
    return f"{conflict.kind}: {who}: {conflict.reason}; {form}"[:_TOLD]


def _conflict(own: LicenseClaim, release: Release | None, texts: tuple[Evidence, ...] = ()) -> Codes:
    """Return the conflict flag when the release is known to be stricter than the item says."""
    if release is None:
        return ()
    item, whole = conclude(own), conclude(release.license, texts)
    if NOASSERTION in (item.concluded, whole.concluded) or not (less := stricter(whole, item)):
        return ()
    detail = f"the item says {item.concluded}, its release {whole.concluded}, which allows less ({', '.join(less)})"
    return ((CONFLICT, detail[:_DETAIL]),)


def _distinct(items: pa.RecordBatch) -> tuple[list[tuple[str, str, str]], list[np.ndarray]]:
    """Return the distinct (source, license_raw, license_url) of a batch, and for each the rows that have it, ascending."""
    if not items.num_rows:
        return [], []
    codes = np.zeros(items.num_rows, dtype=np.int64)
    values: list[list[str]] = []
    for name in ("source", "license_raw", "license_url"):
        column = items.column(name)
        if column.null_count == len(column):
            values.append([""])
            continue
        encoded = column.fill_null("").dictionary_encode()
        values.append([value[:_LONGEST].strip() for value in encoded.dictionary.to_pylist()])
        codes = codes * len(values[-1]) + np.asarray(encoded.indices)
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    return [_decode(int(code), values) for code in present], np.split(order, starts[1:])


def _decode(code: int, values: list[list[str]]) -> tuple[str, str, str]:
    parts: list[str] = []
    for column in reversed(values):
        code, index = divmod(code, len(column))
        parts.append(column[index])
    url, raw, source = parts
    return source, raw, url


def _batch(items: pa.RecordBatch, rows: list[np.ndarray], flags: list[tuple[str, str, str]]) -> pa.RecordBatch:
    """Return the flags in item order; of one item the verdict comes before the conflict."""
    if not rows:
        return pa.RecordBatch.from_pylist([], schema=FLAG_SCHEMA)
    row = np.concatenate(rows)
    kind = np.repeat(np.arange(len(flags)), [len(members) for members in rows])
    order = np.argsort(row, kind="stable")
    row, kind = row[order].astype(np.int32), pa.array(kind[order])
    code, field, detail = (pa.array(column, pa.string()).take(kind) for column in zip(*flags, strict=True))
    size = len(row)
    minus = pa.array(np.full(size, -1, dtype=np.int32))
    columns = [
        pa.array(row),
        items.column("id").take(pa.array(row)),
        code,
        pa.array(np.ones(size)),
        field,
        minus,
        minus,
        detail,
    ]
    return pa.record_batch(columns, schema=FLAG_SCHEMA)
