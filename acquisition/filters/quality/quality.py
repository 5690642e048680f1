"""The filter itself: `sign` measures every item and notes what it says alone, `join` adds what only the set can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from acquisition.filters.flags import FlagRows
from acquisition.filters.quality import (
    gathering,
    images,
    labels,
    languages,
    markup,
    media,
    repetition,
    rows,
    sounds,
    texts,
    whole,
)
from acquisition.filters.quality.damage import flag_damage
from acquisition.filters.quality.findings import FINDING, nested
from acquisition.filters.quality.settings import QualitySettings
from acquisition.model import Modality, Observation
from acquisition.protocols import Cost, FilterContext, SetFilter
from acquisition.settings import FilterSettings

_EMPTY_FIELDS: Final = r'^\{(?:"(?:[^"\\]|\\.)*":(?:"\s*"|null),?)*\}$'
SIGNATURE_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("locator", pa.string()),
        pa.field("label", pa.string()),
        pa.field("split", pa.string()),
        pa.field("group", pa.int64(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("chars", pa.float32()),
        pa.field("seconds", pa.float32()),
        pa.field("rate", pa.int32()),
        pa.field("density", pa.float32()),
        pa.field("words", pa.list_(pa.uint32())),
        pa.field("findings", pa.list_(FINDING)),
        pa.field("suspects", pa.list_(rows.SUSPECT)),
        pa.field("table", pa.large_binary()),
    ]
)
"""One row per item.

locator    only where predictions are given, which may name items by it
group      digest of the group's name, 0 where there is none
language   of a few texts per shard, and only where none is expected
chars, seconds, rate, density   measures of texts and media (`media.Measures`); 0 or null for all others
words      buckets of a text's words, only where labels are doubted by them
findings   flags that the item deserves whatever the others are like
suspects   cells of a table's row that stand out in their shard
table      on the first row of each table, the sketch of its rows in this shard (`sketches.Table`)
"""


class Quality(SetFilter):
    """Flags items that nobody can learn from, and reports what would mislead a model."""

    name: ClassVar[str] = "quality"
    version: ClassVar[int] = 4
    Settings: ClassVar[type[FilterSettings]] = QualitySettings
    partitions: ClassVar[int] = 0
    cost: ClassVar[Cost] = Cost(prepare=0.7, text=90, media=3, memory=150)
    notes: ClassVar[frozenset[str]] = frozenset({"quality.languages", "quality.id-column", "quality.capitals"})
    codes: ClassVar[Mapping[str, str]] = {
        "quality.empty": "There is nothing in the item: no bytes, only white space, or only empty columns.",
        "quality.not-checked": "A row could not be read, or has more columns than are looked at.",
        **texts.CODES,
        **whole.CODES,
        **images.CODES,
        **sounds.CODES,
    }

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        self._settings = settings if isinstance(settings, QualitySettings) else QualitySettings()
        self._context = context

    def sign(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return measures and findings of each item (SIGNATURE_SCHEMA)."""
        flags, suspects, count = FlagRows(items), rows.Suspects(), items.num_rows
        empty = _empty(items)
        flags.add_all(np.flatnonzero(empty), "quality.empty")
        signed = self._sign_texts(items, empty, flags)
        bounds = (self._settings.image, self._settings.audio)
        measures = media.flag_media(items, empty, bounds, self._context, flags)
        tables = rows.sketch(items, self._settings.table.mostly_missing, flags, suspects)
        signed |= {
            "row": pa.array(np.arange(count, dtype=np.int32)),
            "item": items.column("id"),
            "label": items.column("label"),
            "split": items.column("split"),
            "group": _digests(items.column("group")),
            "seconds": _known(measures.seconds),
            "rate": pa.array(measures.rate),
            "density": _known(measures.density),
            "findings": nested(flags.batch(), count),
            "suspects": suspects.nested(count),
            "table": pa.array([tables[row].stored() if row in tables else None for row in range(count)], pa.large_binary()),
        }
        if self._settings.labels.noise == "predictions":
            signed["locator"] = items.column("locator")
        columns = [signed.get(field.name, pa.nulls(count, field.type)) for field in SIGNATURE_SCHEMA]
        return pa.record_batch(columns, schema=SIGNATURE_SCHEMA)

    @classmethod
    def stands_alone(cls, modality: str, *, with_fields: bool) -> bool:
        """Tables are sketched and languages sampled shard by shard; media are measured one by one."""
        return modality not in {Modality.TEXT, Modality.TABLE} and not with_fields

    def group(self, signatures: Mapping[str, Path], partition: int) -> pa.Table:  # noqa: ARG002  # contract
        """Return nothing: items are not compared with each other one by one."""
        return pa.table({"row": pa.array([], pa.int32())})

    def join(
        self,
        signatures: Mapping[str, Path],
        links: Sequence[Path],  # noqa: ARG002  # contract
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (shard key, flags) for every shard that has flags."""
        doubts = labels.doubted(signatures, self._settings.labels, Path(self._context.base))
        yield from whole.flagged(signatures, gathering.gather(signatures), self._settings, doubts)

    def observe(self, signatures: Mapping[str, Path]) -> Iterator[Observation]:
        """Yield what concerns sources, columns, labels and splits."""
        for name, source in gathering.gather(signatures).items():
            yield from whole.observed(name, source, self._settings)

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        settings = self._settings
        sentences = [
            "quality: whether texts are true, and media show what their labels say",
        ]
        if not settings.text.languages:
            sentences.append("quality: wrong languages (none is expected under filters.quality.text.languages)")
        if settings.labels.noise == "none":
            sentences.append("quality: wrong labels (filters.quality.labels.noise is none)")
        elif settings.labels.noise == "words":
            sentences.append("quality: wrong labels of anything but texts")
        return tuple(sentences)

    def _sign_texts(self, items: pa.RecordBatch, empty: np.ndarray, flags: FlagRows) -> dict[str, pa.Array]:
        column = items.column("text")
        signed: dict[str, pa.Array] = {}
        if column.null_count == len(column):
            return signed
        bounds = self._settings.text
        samples = _mask(pc.equal(items.column("modality"), Modality.TEXT.value)) & ~empty
        length = texts.flag_lengths(column, samples, bounds, flags)
        flag_damage(column, bounds.damaged_share, flags)
        plain = samples & ~markup.marked(items)
        texts.flag_style(column, plain, flags)
        repetition.flag_repetition(column, samples, flags)
        markup.flag_markup(column, plain, flags)
        told = np.flatnonzero(samples & (length >= bounds.min_language_chars))
        if bounds.languages:
            languages.flag_languages(column, told.tolist(), bounds.languages, flags)
        else:
            signed["language"] = pa.array(languages.sampled_languages(column, told, len(column)), pa.string())
        signed["chars"] = pa.array(np.where(samples, length, 0).astype(np.float32))
        if self._settings.labels.noise == "words":
            signed["words"] = labels.word_digests(column, np.flatnonzero(samples).tolist(), len(column))
        return signed


def _known(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32), mask=np.isnan(values))


def _digests(groups: pa.Array) -> pa.Array:
    """Return a digest for each group's name (int64), 0 where there is none."""
    coded = groups.dictionary_encode()
    digests = (xxhash.xxh64_intdigest(name.encode()) | 1 for name in coded.dictionary.to_pylist())
    known = np.array(list(digests), dtype=np.uint64).view(np.int64)
    places = coded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
    return pa.array(np.array([*known, 0], dtype=np.int64)[places])


def _mask(values: pa.Array) -> np.ndarray:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def _empty(items: pa.RecordBatch) -> np.ndarray:
    """Return a mask: no bytes, a text of white space, or a table row whose columns are all empty."""
    modality = items.column("modality")
    empty = _mask(pc.equal(items.column("size"), 0))
    blank = pc.binary_length(pc.utf8_trim_whitespace(items.column("text"))).fill_null(0).to_numpy(zero_copy_only=False) == 0
    empty |= _mask(pc.equal(modality, Modality.TEXT.value)) & blank
    fields = items.column("fields")
    table = _mask(pc.equal(modality, Modality.TABLE.value))
    if table.any():
        bare = _mask(pc.is_null(fields)) | _mask(pc.match_substring_regex(fields, _EMPTY_FIELDS))
        empty |= table & blank & bare
    return empty
