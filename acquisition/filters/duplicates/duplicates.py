"""The filter itself: the three shard functions, and what is told of whole sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from acquisition.filters.duplicates import contamination, grouping, joining, paraphrases, preferring, references, signatures
from acquisition.filters.duplicates.flagging import Counts, Findings
from acquisition.filters.duplicates.leaving import counted, holds
from acquisition.filters.duplicates.measuring import least_near
from acquisition.filters.duplicates.settings import DuplicatesSettings
from acquisition.filters.duplicates.tables import Signatures
from acquisition.model import Observation
from acquisition.protocols import Cost, FilterContext, SetFilter
from acquisition.settings import FilterSettings

_SHARES: Final = {
    "duplicate.share-exact": ("duplicate.exact", "have the same bytes as a preferred copy"),
    "duplicate.share-same": ("duplicate.normalised", "are the same as a preferred copy in another dress"),
    "duplicate.share-near": ("duplicate.near", "are nearly the same as a preferred copy"),
    "duplicate.share-leaking": ("duplicate.split-leak", "have a copy in another published split"),
    "duplicate.share-contaminated": ("duplicate.contamination", "hold something of a reference set"),
}


_PICTURES: Final = "duplicates: most pictures with 15 % cut off every side, 10 % off one, or tilted by 7 degrees"
"""Measured on 40 originals (docs/decisions/0034-copies-and-pushes.md): 17, 8 and 16 of them were found."""


class Duplicates(SetFilter):
    """Flags every copy but the preferred one, naming the copy that is kept."""

    name: ClassVar[str] = "duplicates"
    version: ClassVar[int] = 8
    Settings: ClassVar[type[FilterSettings]] = DuplicatesSettings
    codes: ClassVar[Mapping[str, str]] = {
        "duplicate.exact": "Another item has the same bytes and is preferred; the detail names it.",
        "duplicate.normalised": "Another item is the same in another dress (case, punctuation and spaces of a text, the way a "
        "table writes its numbers, the file format of a picture or recording), and is preferred.",
        "duplicate.near": "Another item is nearly the same and is preferred; the score is the measured similarity.",
        "duplicate.label-conflict": "The same content carries different labels; on every copy, naming one item of each.",
        "duplicate.split-leak": "Copies of this item stand in other published splits; the detail counts them.",
        "duplicate.contamination": "The item is in a reference set or holds a part of an entry of one; the detail names "
        "set and entry.",
        "duplicate.not-checked": "A picture or recording that could not be decoded; only its bytes were compared.",
        "duplicate.representative": "This item has copies and is the one that is preferred; it names their cluster.",
        **{code: f"Of a source: the share of items that {meaning}." for code, (_, meaning) in _SHARES.items()},
    }
    notes: ClassVar[frozenset[str]] = frozenset({"duplicate.representative", *_SHARES})
    partitions: ClassVar[int] = grouping.PARTITIONS
    cost: ClassVar[Cost] = Cost(prepare=0.2, text=75, media=5, memory=150)

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        self._settings = settings if isinstance(settings, DuplicatesSettings) else DuplicatesSettings()
        self._context = context
        self._loaded: references.References | None = None
        self._counted: tuple[tuple[str, ...], Counts] | None = None

    def sign(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return one signature per item (SIGNATURE_SCHEMA)."""
        looking = signatures.Looking(self._settings.min_chars, self._references.probe, self._model)
        return signatures.sign(items, looking, self._context)

    @classmethod
    def stands_alone(cls, modality: str, *, with_fields: bool) -> bool:  # noqa: ARG003  # contract
        """A signature is that of one item."""
        return True

    def still_holds(self, signatures: Mapping[str, Path], joined: Path, leaving: Mapping[str, Any]) -> bool:
        """Clusters that leave as a whole change nothing for the others."""
        tables = Signatures(signatures, self._references.tables)
        starts = dict(zip(tables.keys, tables.starts.tolist(), strict=False))
        return holds(tables, joined, np.sort(np.concatenate([rows + starts[key] for key, rows in leaving.items()])))

    def recall(self, signatures: Mapping[str, Path], joined: Path) -> None:
        """Count what was said, for `observe`."""
        counts = Counts()
        for source, (items, codes) in counted(signatures, joined).items():
            counts.items[source] = items
            counts.flags[source].update(codes)
        self._counted = (_named(signatures), counts)

    def group(self, signatures: Mapping[str, Path], partition: int) -> pa.Table:
        """Return the links found in some bands, or by one kind of digest (LINK_SCHEMA)."""
        tables = Signatures(signatures, self._references.tables)
        return grouping.find_links(tables, partition, least_near(self._settings.threshold), self._vectors)

    def join(self, signatures: Mapping[str, Path], links: Sequence[Path]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (shard key, flags) for every shard that has flags."""
        tables = Signatures(signatures, self._references.tables)
        linked = joining.verified(tables, [joining.read(path) for path in links], self._settings.threshold)
        counts = Counts()
        yield from self._findings(tables, linked).flags(tables, counts)
        self._counted = (_named(signatures), counts)

    def observe(self, signatures: Mapping[str, Path]) -> Iterator[Observation]:
        """Yield for every source which shares of its items are copies, leak between splits or are contaminated."""
        counts = self._counts(signatures)
        for source, items in sorted(counts.items.items()):
            for share, (code, meaning) in _SHARES.items():
                count = counts.flags[source][code]
                value = count / items if items else 0.0
                if count:
                    yield Observation(
                        share, source, value, value, value, items, detail=f"{count:,} of {items:,} items {meaning}"
                    )

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        return (
            f"duplicates: {self._unread()}",
            f"duplicates: near copies of table rows, and of texts under {self._settings.min_chars} letters",
            _PICTURES,
            "duplicates: excerpts of longer texts, but for those of reference sets",
            *(() if self._settings.against else ("duplicates: contamination (no reference set is declared)",)),
        )

    def _unread(self) -> str:
        """Say what is not found beyond shared words."""
        declared = self._settings.embedding
        if declared is None:
            return "paraphrases and translations (no embedding is set)"
        if declared.model is None:
            return "paraphrases and translations of items without a vector"
        return f"paraphrases beyond the first {declared.model.max_tokens} tokens of a text, and those that the model misses"

    @property
    def _vectors(self) -> grouping.Vectors | None:
        declared = self._settings.embedding
        if declared is None:
            return None
        file = Path(self._context.base) / Path(declared.vectors).expanduser() if declared.vectors is not None else None
        return file, declared.threshold

    @cached_property
    def _model(self) -> paraphrases.Paraphrases | None:
        declared = self._settings.embedding
        return paraphrases.Paraphrases(declared.model, Path(self._context.base)) if declared and declared.model else None

    @property
    def _references(self) -> references.References:
        """The reference sets; made again where somebody has swept what was kept of them since."""
        if self._loaded is None or not all(path.exists() for path in self._loaded.tables.values()):
            self._loaded = self._load()
        return self._loaded

    def _load(self) -> references.References:
        def sign(items: pa.RecordBatch, context: FilterContext) -> pa.RecordBatch:
            looking = signatures.Looking(self._settings.min_chars, contamination.Probe((), {}), self._model)
            return signatures.sign(items, looking, context)

        return references.load(self._settings, self._context, sign)

    def _findings(self, tables: Signatures, linked: joining.Links) -> Findings:
        bounds = joining.Bounds(self._settings.threshold, self._settings.max_cluster)
        prefer = partial(preferring.ranks, context=self._context, prefer=self._settings.prefer)
        clusters = joining.cluster(tables, linked, prefer, bounds)
        hits = contamination.merged((contamination.copies(tables, linked, clusters), contamination.noted(tables)))
        return Findings(clusters, hits, self._settings.short_chars)

    def _counts(self, signatures: Mapping[str, Path]) -> Counts:
        """Return what `join` counted; in a process that did not join, links are looked for again."""
        if self._counted is not None and self._counted[0] == _named(signatures):
            return self._counted[1]
        tables = Signatures(signatures, self._references.tables)
        least = least_near(self._settings.threshold)
        found = [grouping.find_links(tables, partition, least, self._vectors) for partition in range(self.partitions)]
        counts = Counts()
        for _ in self._findings(tables, joining.verified(tables, found, self._settings.threshold)).flags(tables, counts):
            pass
        return counts


def _named(signatures: Mapping[str, Path]) -> tuple[str, ...]:
    return tuple(f"{key} {path}" for key, path in sorted(signatures.items()))
