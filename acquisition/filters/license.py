"""Filter `license`: does each item's license cover what the set is for?

An item's own words (page markup, a column) are judged before the release's claim; the terms' words on training and on
passing it on hold for every item of the release. Where an item claims more freedom than its release gives, that is a flag of
its own. Each distinct claim is judged once, so a shard whose items say nothing themselves costs one judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from acquisition.model import FLAG_SCHEMA, LicenseClaim, LicenseConclusion, Release, Use
from acquisition.protocols import Filter, FilterContext
from acquisition.rights.expressions import NOASSERTION
from acquisition.rights.items import item_claim
from acquisition.rights.licenses import conclude, judge, release_conclusion, stricter
from acquisition.settings import FilterSettings

DENIED: Final = "license.denied"
UNKNOWN: Final = "license.unknown"
REVIEW: Final = "license.review"
CONFLICT: Final = "license.conflict"

_DETAIL: Final = 500
_REMEMBERED: Final = 100_000
"""Distinct claims; a column of free text may hold a new one in every row."""
_LONGEST: Final = 4_000
"""Characters of an item's words that are looked at; no license's name is that long."""


class LicenseGateSettings(FilterSettings):
    """The license filter has no keys: what the set is for stands in `dataset.use`, what follows from it in `policy`."""


def release_codes(release: Release, use: Use) -> tuple[tuple[str, str], ...]:
    """Return the (code, reason) pairs that the release's own claim earns for a use, () when it is covered."""
    return _codes_of(release.license, use)


@lru_cache(maxsize=10_000)
def _codes_of(claim: LicenseClaim, use: Use) -> tuple[tuple[str, str], ...]:
    conclusion = conclude(claim)
    judgement = judge(conclusion, use, claim)
    if judgement.allowed == "yes":
        return ()
    code = DENIED if judgement.allowed == "no" else REVIEW if judgement.review else UNKNOWN
    return ((code, _sentence(claim, conclusion, judgement.reasons)),)


def _sentence(claim: LicenseClaim, conclusion: LicenseConclusion, reasons: Iterable[str]) -> str:
    said = "; ".join(value for value in (*claim.raw, claim.name, claim.link) if value.strip()) or "nothing"
    return f"{said[:120]} → {conclusion.concluded}: {'; '.join(reasons)}"[:_DETAIL]


class License(Filter):
    """Judges every item's license against `dataset.use`."""

    name: ClassVar[str] = "license"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[FilterSettings]] = LicenseGateSettings
    judges_rights: ClassVar[bool] = True
    codes: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            DENIED: "The license forbids something that the set is for.",
            UNKNOWN: "No license is known, or nothing is known of what it allows.",
            REVIEW: "A person should look: the version is open, several licenses are given, or the terms set conditions.",
            CONFLICT: "The item claims a license that allows more than the one of the release that it comes from.",
        }
    )

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        """Take what the set is for and the releases' claims."""
        self._settings = settings
        self._use = context.use
        self._releases = context.releases
        self._found: dict[tuple[str, str, str], tuple[tuple[str, str], ...]] = {}

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return at most two flags per item: what its license does not cover, and a conflict with its release."""
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
            "license: whether the publisher had the right to give the license it gives",
            "license: the texts of LICENSE files and READMEs are not compared with known licenses",
            "license: material of others inside an item (a picture in a page, a sample in a recording)",
            "license: share-alike licenses are judged item by item, not for an adaptation that mixes them",
        )

    def _codes(self, key: tuple[str, str, str]) -> tuple[tuple[str, str], ...]:
        if key not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[key] = self._judged(*key)
        return self._found[key]

    def _judged(self, source: str, raw: str, url: str) -> tuple[tuple[str, str], ...]:
        release = self._releases.get(source)
        claim = item_claim(release, raw, url)
        conflict = _conflict(claim, release) if raw or url else ()
        return (*_codes_of(claim, self._use), *conflict)


def _conflict(own: LicenseClaim, release: Release | None) -> tuple[tuple[str, str], ...]:
    """Return the conflict flag when the release is known to be stricter than the item says."""
    if release is None:
        return ()
    item, whole = conclude(own), release_conclusion(release)
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
