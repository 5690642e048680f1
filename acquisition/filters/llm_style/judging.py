"""Scores the word choice of each text, and gathers the figures that speak of its source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.llm_style.calibration import POOLED, Calibration
from acquisition.filters.llm_style.prevalence import bin_of
from acquisition.filters.llm_style.settings import LlmStyleSettings
from acquisition.filters.llm_style.signatures import Figures
from acquisition.filters.llm_style.vocabulary import Ratios, sentences_of
from acquisition.filters.llm_style.words import CONTROLS, list_score, style_words, words_of

_DOMAIN: Final = re.compile(r'"domain":("(?:[^"\\]|\\.)*")')
_NOTED: Final = 0.95
"""A calibrated score is noted from this share of the human texts on."""
_UNCALIBRATED: Final = (
    "LLM style: the word score is uncalibrated: it has no threshold and says nothing of one text "
    "(set filters.llm_style.calibration, see `acquire calibrate llm-style`)"
)
_SHOWN: Final = 8
_FULL: Final = 20.0
"""Weight per hundred words that counts as 1 in a score without calibration; its scale carries no threshold."""


class Judge:
    """Scores texts by the word lists, or by what a calibration holds for their domain."""

    def __init__(self, settings: LlmStyleSettings, calibration: Calibration | None) -> None:
        self._settings = settings
        self._calibration = calibration
        self._min_words = max(settings.min_words, calibration.min_words if calibration is not None else 0)
        lists = style_words()
        self._gray, self._strong, self._control = (_one_of(words) for words in (lists.gray, lists.strong, CONTROLS))
        self._ratios: dict[str, Ratios] = {}

    def look(self, items: pa.RecordBatch, flags: FlagRows) -> Figures:
        """Add the flags of a batch and return its figures; a text under min_words is passed over."""
        figures = Figures.empty(items.num_rows)
        texts = items.column("text")
        if texts.null_count == len(texts):
            return figures
        figures.long = _words_at_least(texts, self._min_words)
        rows = np.flatnonzero(figures.long)
        if not len(rows):
            return figures
        chosen = texts.take(pa.array(rows))
        figures.style[rows] = _matches(chosen, self._gray)
        figures.control[rows] = _matches(chosen, self._control)
        if self._calibration is None:
            for row in rows[_matches(chosen, self._strong)]:
                self._note(int(row), texts[row].as_py(), flags)
        else:
            domains = self._domains(items, rows)
            for row, domain in zip(rows, domains, strict=True):
                self._judge(int(row), texts[row].as_py(), domain, flags, figures)
        return figures

    def not_checked(self) -> tuple[str, ...]:
        """Return what the scores do not mean."""
        short = f"LLM style: texts under {self._min_words} words got no word score"
        made = self._calibration
        if made is None:
            return (
                _UNCALIBRATED,
                "LLM style: the share of model text in a source was not estimated (no calibration)",
                short,
            )
        verdicts = tuple(
            f"LLM style: {f'domain {name!r}' if name != POOLED else 'texts of other domains'}: {domain.verdict}"
            for name, domain in sorted(made.domains.items())
        )
        return (*verdicts, short)

    def _domains(self, items: pa.RecordBatch, rows: np.ndarray) -> list[str]:
        """Return the domain of each row: its own column, its source by the settings, its source's name, or the pooled one."""
        assert self._calibration is not None
        known = self._calibration.domains
        sources = items.column("source").to_pylist()
        by_source = {source: self._domain_of(source) for source in set(sources)}
        fields = items.column("fields")
        own = [_own_domain(fields[row].as_py()) if fields[row].is_valid else None for row in rows.tolist()]
        return [
            name if name and name in known else by_source[sources[row]] for row, name in zip(rows.tolist(), own, strict=True)
        ]

    def _domain_of(self, source: str) -> str:
        assert self._calibration is not None
        for pattern, domain in self._settings.domains.items():
            if fnmatchcase(source, pattern):
                return domain if domain in self._calibration.domains else POOLED
        return source if source in self._calibration.domains else POOLED

    def _note(self, row: int, text: str, flags: FlagRows) -> None:
        words = words_of(text)
        score = list_score(words)
        counts = Counter(words)
        cues = {word: counts[word] for word in style_words().strong if word in counts}
        controls = sum(counts[word] for word in CONTROLS)
        detail = detail_json(
            calibrated=False, words=len(words), per_hundred=round(score, 2), cues=_largest(cues), controls=controls
        )
        flags.add(row, "llm-style.score", score=round(min(1.0, score / _FULL), 4), field="text", detail=detail)

    def _judge(self, row: int, text: str, name: str, flags: FlagRows, figures: Figures) -> None:
        assert self._calibration is not None
        sentences = sentences_of(text)
        words = [word for sentence in sentences for word in sentence]
        if len(words) < self._min_words:
            return
        figures.domains[row] = name
        own = self._ratios_of(name)
        if own is not None and self._calibration.domains[name].reference is not None:
            figures.tokens[row], figures.known[row] = len(words), sum(word in own.weights for word in words)
            figures.ratios[row] = [bin_of(own.of_sentence(set(sentence))) for sentence in sentences]
        domain = self._calibration.entry(name)
        if domain.threshold is None:
            return
        ratios = self._ratios_of(POOLED if domain.score == "pooled" else domain.name) if domain.score != "list" else None
        score = list_score(words) if ratios is None else ratios.of_text(words)
        above = score > domain.threshold
        rank = float(np.searchsorted(domain.quantiles, score)) / 101
        if above or rank >= _NOTED:
            detail = detail_json(
                calibrated=True,
                domain=domain.name,
                words=len(words),
                value=round(score, 4),
                threshold=round(domain.threshold, 4),
                scored_by=domain.score,
                cues=_cues(words, ratios),
                false_positives=[domain.false_positives.seen, domain.false_positives.of],
            )
            code = "llm-style.calibrated" if above else "llm-style.score"
            flags.add(row, code, score=round(min(1.0, rank), 4), field="text", detail=detail)

    def _ratios_of(self, name: str) -> Ratios | None:
        assert self._calibration is not None
        vocabulary = self._calibration.domains[name].vocabulary
        if vocabulary is None:
            return None
        if name not in self._ratios:
            self._ratios[name] = vocabulary.ratios()
        return self._ratios[name]


def _cues(words: Sequence[str], ratios: Ratios | None) -> dict[str, int]:
    weights = style_words().weights if ratios is None else ratios.weights
    counts = Counter(words)
    heaviest = sorted((word for word in counts if weights.get(word, 0) > 0.5), key=lambda word: (-weights[word], word))
    return {word: counts[word] for word in heaviest[:_SHOWN]}


def _largest(cues: dict[str, int]) -> dict[str, int]:
    return dict(sorted(cues.items(), key=lambda cue: (-cue[1], cue[0]))[:_SHOWN])


def _own_domain(fields: str) -> str | None:
    match = _DOMAIN.search(fields) if '"domain":' in fields else None
    try:
        return str(orjson.loads(match[1])) if match else None
    except orjson.JSONDecodeError:
        return None


def _one_of(words: Sequence[str] | frozenset[str]) -> str:
    return rf"\b(?:{'|'.join(sorted(words))})\b"


def _matches(texts: pa.Array, expression: str) -> np.ndarray:
    found = pc.match_substring_regex(texts, expression, ignore_case=True).fill_null(False)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _words_at_least(texts: pa.Array, count: int) -> np.ndarray:
    """Return a mask by the gaps between words: spaces and line ends; scripts without gaps have none."""
    data = texts.buffers()[2]
    if data is None:
        return np.zeros(len(texts), bool)
    octets = np.frombuffer(data, np.uint8)
    gaps = np.flatnonzero((octets == 0x20) | (octets == 0x0A))
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = np.frombuffer(texts.buffers()[1], kind)[texts.offset : texts.offset + len(texts) + 1]
    enough = np.diff(np.searchsorted(gaps, offsets)) >= count - 1
    return np.asarray(enough & texts.is_valid().to_numpy(zero_copy_only=False))
