"""The filter itself: settings, preference among copies, and the three shard functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from acquisition.filters.duplicates import grouping, joining, signatures
from acquisition.protocols import FilterContext, SetFilter
from acquisition.settings import FilterSettings


class DuplicatesSettings(FilterSettings):
    """Which copy is kept, and what counts as near."""

    prefer: tuple[str, ...] = ()
    """Names of sources whose copies are kept before others', after the license; then the declared order decides."""
    threshold: float = Field(default=0.7, ge=0.5, le=1)
    """Texts with at least this Jaccard similarity of 5-character shingles are flagged as near."""
    min_chars: int = Field(default=50, ge=10)
    """Texts with fewer letters and digits are compared exactly and in normal form, but not as near copies."""
    short_chars: int = Field(default=20, ge=0)
    """Equality of normal forms shorter than this scores 0.5 only: "Yes!" and "yes" may well be two samples."""
    max_cluster: int = Field(default=1000, ge=2)
    """Near links are not followed beyond clusters of this size."""


class Duplicates(SetFilter):
    """Flags every copy but the preferred one, naming the copy that is kept."""

    name: ClassVar[str] = "duplicates"
    version: ClassVar[int] = 2
    Settings: ClassVar[type[FilterSettings]] = DuplicatesSettings
    codes: ClassVar[Mapping[str, str]] = {
        "duplicate.exact": "Another item has the same bytes and is preferred; the detail names it.",
        "duplicate.normalised": "Another text is the same but for case, punctuation, links and white space, and is preferred.",
        "duplicate.near": "Another text is nearly the same and is preferred; the score is the measured similarity.",
        "duplicate.label-conflict": "The same content carries different labels; on every copy, naming one item of each.",
        "duplicate.representative": "This item has copies and is the one that is preferred; it names their cluster.",
    }
    partitions: ClassVar[int] = grouping.PARTITIONS

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        self._settings = settings if isinstance(settings, DuplicatesSettings) else DuplicatesSettings()
        self._context = context

    def sign(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return one signature per item (SIGNATURE_SCHEMA)."""
        return signatures.sign(items, self._settings.min_chars)

    def group(self, signatures: Mapping[str, Path], partition: int) -> pa.Table:
        """Return the links found in one band, or by one kind of digest (LINK_SCHEMA)."""
        return grouping.find_links(grouping.Signatures(signatures), partition, self._settings.threshold)

    def join(self, signatures: Mapping[str, Path], links: Sequence[Path]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (shard key, flags) for every shard that has flags."""
        bounds = joining.Bounds(self._settings.threshold, self._settings.max_cluster, self._settings.short_chars)
        yield from joining.join(grouping.Signatures(signatures), links, self._preference, bounds)

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        return (
            "duplicates: paraphrases and translations are not found (no embedding model is used)",
            "duplicates: pictures and recordings are compared byte by byte only; resized or re-encoded copies are not found",
            "duplicates: table rows are compared exactly only",
            f"duplicates: texts with fewer than {self._settings.min_chars} letters are not compared as near copies",
            "duplicates: an excerpt of a longer text is not found",
        )

    def _preference(self, members: pa.Table) -> np.ndarray:
        """Return (members, 2): how restrictive the license is, then the place of the source; lower is preferred."""
        columns = [members.column(name).to_pylist() for name in ("source", "license_raw", "license_url")]
        places = [*self._settings.prefer, *(name for name in self._context.order if name not in self._settings.prefer)]
        place = {name: rank for rank, name in enumerate(places)}
        known: dict[tuple[str, str, str], tuple[int, int]] = {}
        rows = []
        for source, raw, url in zip(*columns, strict=True):
            key = (source, raw or "", url or "")
            if key not in known:
                known[key] = (self._restrictiveness(*key), place.get(source, len(places)))
            rows.append(known[key])
        return np.array(rows, dtype=np.int64)

    def _restrictiveness(self, source: str, raw: str, url: str) -> int:
        from acquisition.rights.items import conclude_item  # loads the license database, and only where copies were found
        from acquisition.rights.licenses import restrictiveness

        return restrictiveness(conclude_item(self._context.releases.get(source), raw or None, url or None))
