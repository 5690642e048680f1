"""Finds chat artefacts and scores word choice.

Two cues, kept apart because they deserve different trust. A phrase such as an assistant's way of naming itself is
near-certain and rare. Word choice (the lists of Gray, arXiv 2403.16887) is a corpus-level cue: it supports no verdict on
one text, so its score is a note. Both come after one RE2 pass over the whole column; Python sees only texts with a hit.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.llm_style.cues import CERTAIN, CONTROL_WORDS, HUMAN_RATE, STYLE_WORDS, WEAK, compiled, one_of
from acquisition.protocols import Filter, FilterContext
from acquisition.settings import FilterSettings

_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_WEAK_SCORE: Final = 0.3
_FIELDS: Final = ("text", "fields")


class LlmStyleSettings(FilterSettings):
    """When the word score speaks."""

    min_words: int = Field(default=100, ge=20)
    """Texts with fewer words get no word score: they carry too little evidence."""


class LlmStyle(Filter):
    """Flags phrases of chat assistants, and scores each text by the style words it holds."""

    name: ClassVar[str] = "llm_style"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[FilterSettings]] = LlmStyleSettings
    codes: ClassVar[Mapping[str, str]] = {
        "llm-style.boilerplate": "A phrase that hardly anybody but a chat assistant writes; the detail names the phrase.",
        "llm-style.weak-phrase": "A phrase that chat assistants favour and people write too; a note, not evidence.",
        "llm-style.score": "Style words of arXiv 2403.16887: the share of human texts of this length that hold fewer of them.",
    }

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:  # noqa: ARG002 - the contract gives it to every filter
        self._min_words = settings.min_words if isinstance(settings, LlmStyleSettings) else LlmStyleSettings().min_words
        self._phrases = [
            ("llm-style.boilerplate", 1.0, compiled(CERTAIN)),
            ("llm-style.weak-phrase", _WEAK_SCORE, compiled(WEAK)),
        ]
        # style words are common and phrases rare: one gate for both would send every tenth text through all phrases
        self._phrase_gate = "|".join((one_of(CERTAIN), one_of(WEAK)))
        self._word_gate = rf"\b(?:{'|'.join(sorted(STYLE_WORDS))})\b"

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return flags for a batch: phrases in text and table columns with their spans, one word score per text."""
        flags = FlagRows(items)
        for field in _FIELDS:
            column = items.column(field)
            if column.null_count == len(column):
                continue
            for row in _hits(column, self._phrase_gate):
                self._flag_phrases(flags, row, field, column[row].as_py())
            if field == "text":
                for row in _hits(column, self._word_gate):
                    self._flag_words(flags, row, column[row].as_py())
        return flags.batch()

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        return (
            "LLM style: phrases and word lists are English; text in other languages was not looked at",
            "LLM style: the word score is not calibrated on your domain and supports no verdict on one text",
            f"LLM style: texts under {self._min_words} words got no word score",
            "LLM style: edited or paraphrased model text without these cues is not found (no model-based detector is set)",
        )

    def _flag_phrases(self, flags: FlagRows, row: int, field: str, text: str) -> None:
        for code, score, phrases in self._phrases:
            for name, pattern in phrases:
                for match in pattern.finditer(text):
                    flags.add(row, code, score=score, field=field, span=match.span(), detail=detail_json(phrase=name))

    def _flag_words(self, flags: FlagRows, row: int, text: str) -> None:
        words = _WORD.findall(text.lower())
        if len(words) < self._min_words:
            return
        counts = Counter(word for word in words if word in STYLE_WORDS)
        if not counts:
            return
        controls = sum(word in CONTROL_WORDS for word in words)
        detail = detail_json(words=len(words), cues=dict(counts), controls=controls, list="arXiv:2403.16887")
        flags.add(row, "llm-style.score", score=word_score(len(counts), len(words)), field="text", detail=detail)


def _hits(column: pa.Array, gate: str) -> list[int]:
    found = pc.match_substring_regex(column, gate, ignore_case=True).fill_null(False)
    rows: list[int] = np.flatnonzero(found.to_numpy(zero_copy_only=False)).tolist()
    return rows


def word_score(distinct: int, words: int) -> float:
    """Return the share of human texts of `words` words that hold fewer than `distinct` style words (Poisson model)."""
    expected = HUMAN_RATE * words
    below = math.fsum(math.exp(-expected) * expected**count / math.factorial(count) for count in range(distinct))
    return round(min(1.0, below), 4)
