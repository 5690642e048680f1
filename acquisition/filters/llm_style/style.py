"""Finds chat artefacts, scores word choice, and estimates how much of a source a model wrote.

Three cues, kept apart because they deserve different trust. A phrase such as an assistant's way of naming itself is
near-certain and rare. Word choice supports no verdict on one text; it gets a threshold from human texts of the user's own,
with the error that this makes, and without them none. The share of a whole source is an estimate with an interval, or
refused.

A set filter without partitions: `sign` looks at every text once, `join` hands its flags over, `observe` adds up its figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.llm_style import artefacts, english, languages
from acquisition.filters.llm_style.detectors import load_detector
from acquisition.filters.llm_style.judging import Judge
from acquisition.filters.llm_style.observing import observations
from acquisition.filters.llm_style.phrases import PhraseBook
from acquisition.filters.llm_style.reading import read_calibration
from acquisition.filters.llm_style.settings import LlmStyleSettings
from acquisition.filters.llm_style.signatures import flags_of, signatures_of
from acquisition.filters.llm_style.speaking import Speaking
from acquisition.model import Observation
from acquisition.protocols import Cost, FilterContext, SetFilter
from acquisition.settings import FilterSettings

_FIELDS: Final = ("text", "fields")


class LlmStyle(SetFilter):
    """Flags phrases of chat assistants, scores each text by its words, and estimates the share of a source."""

    name: ClassVar[str] = "llm_style"
    version: ClassVar[int] = 3
    Settings: ClassVar[type[FilterSettings]] = LlmStyleSettings
    partitions: ClassVar[int] = 0
    cost: ClassVar[Cost] = Cost(prepare=0.1, text=45.0, memory=60)
    codes: ClassVar[Mapping[str, str]] = {
        "llm-style.boilerplate": "A phrase or mark that hardly anybody but a chat assistant leaves; the detail names it.",
        "llm-style.weak-phrase": "A phrase that people write too, or an assistant's phrase that is quoted; a note.",
        "llm-style.score": "Listed words abound; a note. Calibrated: the share of your human texts that score lower.",
        "llm-style.calibrated": "The words score above the threshold that your human texts gave; no verdict on one text.",
        "llm-style.detector": "The detector that is set scores at or above its threshold.",
        "llm-style.not-checked": "The text is too long or holds too many phrases; a part of it was not looked at.",
        "llm-style.false-positive-rate": "Of a source: how often the threshold hits human texts, measured on those held back.",
        "llm-style.prevalence": "Of a source: the estimated share of model-written sentences, baseline subtracted.",
        "llm-style.not-identifiable": "Of a source: no share can be estimated, and why.",
        "llm-style.style-words": "Of a source: the share of its long texts that hold a word of arXiv 2403.16887.",
    }
    notes: ClassVar[frozenset[str]] = frozenset({"llm-style.weak-phrase", "llm-style.score"})

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        self._settings = settings if isinstance(settings, LlmStyleSettings) else LlmStyleSettings()
        base = Path(context.base)
        self._calibration = read_calibration(base / self._settings.calibration) if self._settings.calibration else None
        self._detector = load_detector(self._settings.detector, base) if self._settings.detector else None
        tables = (english, artefacts, languages)
        book = PhraseBook([phrase for table in tables for phrase in (*table.CERTAIN, *table.WEAK)])
        self._speaking = Speaking(book)
        self._judge = Judge(self._settings, self._calibration)

    def sign(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Look at every text and table row once; return its flags and the figures that whole sources are judged by."""
        flags = FlagRows(items)
        for field in _FIELDS:
            column = items.column(field)
            if column.null_count < len(column):
                self._speaking.flag(column, field, flags)
        figures = self._judge.look(items, flags)
        if self._detector is not None:
            self._detect(items, flags)
        return signatures_of(items, flags.batch(), figures)

    @classmethod
    def stands_alone(cls, modality: str, *, with_fields: bool) -> bool:  # noqa: ARG003  # contract
        """A text is looked at for itself."""
        return True

    def group(self, signatures: Mapping[str, Path], partition: int) -> pa.Table:  # noqa: ARG002  # contract
        """Never asked for: texts are not compared with each other."""
        return pa.table({})

    def join(self, signatures: Mapping[str, Path], links: Sequence[Path]) -> Iterator[tuple[str, pa.RecordBatch]]:  # noqa: ARG002  # contract
        """Yield the flags that `sign` wrote, shard by shard."""
        for key in sorted(signatures):
            flags = flags_of(pq.read_table(signatures[key], columns=["row", "item", "flags"]))
            if flags.num_rows:
                yield key, flags

    def observe(self, signatures: Mapping[str, Path]) -> Iterator[Observation]:
        """Yield, source by source, the share of style words, the threshold's error and the share of model text."""
        return observations(signatures, self._calibration)

    def looks_for(self, code: str) -> bool:
        """Say which codes need a calibration or a detector."""
        if code == "llm-style.calibrated":
            return self._calibration is not None
        return code != "llm-style.detector" or self._detector is not None

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        spoken = ", ".join(sorted({phrase.language for phrase in languages.CERTAIN} | {"en"}))
        common = (
            f"LLM style: phrases are known in {spoken}; the word lists are English",
            "LLM style: edited or paraphrased model text without these cues is not found"
            + ("" if self._detector else " (no model-based detector is set)"),
        )
        limits = self._detector.detector.limits() if self._detector else ()
        return (*self._judge.not_checked(), *common, *limits)

    def _detect(self, items: pa.RecordBatch, flags: FlagRows) -> None:
        assert self._detector is not None
        texts = items.column("text")
        rows = [row for row in range(len(texts)) if texts[row].is_valid and texts[row].as_py().strip()]
        for row, score in zip(rows, self._detector.scores([texts[row].as_py() for row in rows]), strict=True):
            if score >= self._detector.threshold:
                detail = detail_json(detector=self._detector.name, threshold=self._detector.threshold)
                flags.add(row, "llm-style.detector", score=float(score), field="text", detail=detail)
