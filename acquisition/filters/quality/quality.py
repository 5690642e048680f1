"""The filter itself: `sign` measures every item and notes what it says alone, `join` adds what only the set can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.filters.flags import FlagRows
from acquisition.filters.quality import languages, markup, media, repetition, texts
from acquisition.filters.quality.damage import flag_damage
from acquisition.filters.quality.findings import FINDING, flat, nested, ordered
from acquisition.filters.quality.settings import QualitySettings
from acquisition.model import Modality, Observation
from acquisition.protocols import Cost, FilterContext, SetFilter
from acquisition.settings import FilterSettings

_EMPTY_FIELDS: Final = r'^\{(?:"(?:[^"\\]|\\.)*":(?:"\s*"|null),?)*\}$'
SIGNATURE_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("findings", pa.list_(FINDING)),
    ]
)


class Quality(SetFilter):
    """Flags items that nobody can learn from, and reports what would mislead a model."""

    name: ClassVar[str] = "quality"
    version: ClassVar[int] = 2
    Settings: ClassVar[type[FilterSettings]] = QualitySettings
    partitions: ClassVar[int] = 0
    cost: ClassVar[Cost] = Cost(prepare=0.1, text=30, media=5, memory=120)
    codes: ClassVar[Mapping[str, str]] = {
        "quality.empty": "There is nothing in the item: no bytes, only white space, or only empty columns.",
        "quality.encoding-damage": "The text was read or written in a wrong encoding; the score is the share that is damaged.",
        "quality.too-short": "The text has fewer characters or words than filters.quality.text asks for.",
        "quality.too-long": "The text has more characters than filters.quality.text allows.",
        "quality.language": "The text is in none of the languages that are expected.",
        "quality.repetition": "Lines, paragraphs or runs of words say again what was said.",
        "quality.markup": "Tags, entities, scripts or other markup stand in a text that should be plain.",
        "quality.symbols": "Signs and numbers stand where words should.",
        "quality.capitals": "Nearly all letters are capitals; the score is their share.",
        "quality.boilerplate": "Placeholder text, or what a page says in place of its content.",
        "quality.gibberish": "Most longer words cannot be spoken: letters typed at random.",
        "quality.audio-unreadable": "The recording cannot be opened, or its header promises no frames.",
        "quality.audio-too-short": "The recording lasts less than filters.quality.audio.min_seconds.",
        "quality.audio-too-long": "The recording lasts longer than filters.quality.audio.max_seconds.",
        "quality.image-unreadable": "The picture cannot be opened.",
    }

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        self._settings = settings if isinstance(settings, QualitySettings) else QualitySettings()
        self._context = context

    def sign(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return measures and findings of each item (SIGNATURE_SCHEMA)."""
        flags = FlagRows(items)
        empty = _empty(items)
        flags.add_all(np.flatnonzero(empty), "quality.empty")
        self._sign_texts(items, empty, flags)
        media.flag_media(items, empty, self._settings.audio, self._context, flags)
        rows = pa.array(np.arange(items.num_rows, dtype=np.int32))
        return pa.record_batch([rows, items.column("id"), nested(flags.batch(), items.num_rows)], schema=SIGNATURE_SCHEMA)

    def group(self, signatures: Mapping[str, Path], partition: int) -> pa.Table:  # noqa: ARG002  # contract
        """Return nothing: items are not compared with each other."""
        return pa.table({"row": pa.array([], pa.int32())})

    def join(self, signatures: Mapping[str, Path], links: Sequence[Path]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (shard key, flags) for every shard that has flags."""
        for key, path in sorted(signatures.items()):
            signed = pq.read_table(path).combine_chunks()
            flags = flat(*(signed.column(name).combine_chunks() for name in ("findings", "row", "item")))
            if flags.num_rows:
                yield key, ordered(flags)

    def observe(self, signatures: Mapping[str, Path]) -> Iterator[Observation]:
        """Yield what concerns sources, columns, labels and splits."""
        return iter(())

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        sentences = ["quality: of media files only the headers were read, so damage further inside was not looked for"]
        if not self._settings.text.languages:
            sentences.append("quality: no languages are expected (filters.quality.text.languages), so none is held to be wrong")
        return tuple(sentences)

    def _sign_texts(self, items: pa.RecordBatch, empty: np.ndarray, flags: FlagRows) -> None:
        column = items.column("text")
        if column.null_count == len(column):
            return
        bounds = self._settings.text
        samples = _mask(pc.equal(items.column("modality"), Modality.TEXT.value)) & ~empty
        length = texts.flag_lengths(column, samples, bounds, flags)
        flag_damage(column, bounds.damaged_share, flags)
        plain = samples & ~markup.marked(items)
        texts.flag_style(column, plain, flags)
        repetition.flag_repetition(column, samples, flags)
        markup.flag_markup(column, plain, flags)
        if bounds.languages:
            told = np.flatnonzero(samples & (length >= bounds.min_language_chars)).tolist()
            languages.flag_languages(column, told, bounds.languages, flags)


def _mask(values: pa.Array) -> np.ndarray:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def _empty(items: pa.RecordBatch) -> np.ndarray:
    """Return a mask: no bytes, a text of white space, or a table row whose columns are all empty."""
    modality = items.column("modality")
    empty = _mask(pc.equal(items.column("size"), 0))
    column = items.column("text")
    blank = ~_mask(pc.match_substring_regex(column, r"\S"))
    empty |= _mask(pc.equal(modality, Modality.TEXT.value)) & blank
    fields = items.column("fields")
    table = _mask(pc.equal(modality, Modality.TABLE.value))
    if table.any():
        bare = _mask(pc.is_null(fields)) | _mask(pc.match_substring_regex(fields, _EMPTY_FIELDS))
        empty |= table & blank & bare
    return empty
