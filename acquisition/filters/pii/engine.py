"""Presidio's analyzer, the same findings, many times faster: nothing runs on a text that can be shown to hold nothing for it.

    texts → symbols → gates → windows → recognizers → context → thresholds → findings

`Analyzer` answers as `presidio_analyzer.AnalyzerEngine` does with the same recognizers and a blank spaCy pipeline with lower-case
lemmas (`reference` builds that engine). Recognizers that are patterns, and presidio's telephone recognizer, run behind gates and
on windows; every other runs on every text, as it would there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.predefined_recognizers import SpacyRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistry

from acquisition.filters.pii.engine_context import Nearby, blank_engine
from acquisition.filters.pii.engine_patterns import GaveUp, Reader, Windows, pattern_reader
from acquisition.filters.pii.engine_phones import phone_reader
from acquisition.filters.pii.gate import ColumnGates, Gates, HyperscanGates, Symbols, Woken, have_hyperscan
from acquisition.filters.pii.gate_alphabet import Alphabet, Atom, alphabet_of
from acquisition.filters.pii.gate_expression import SEPARATOR, WORD, Gate, gate_of
from acquisition.filters.pii.gate_shape import NoShape, Shape
from acquisition.filters.pii.windows import Reach, windows

_SECONDS: Final = 2.0
_PIECE: Final = 1 << 21
"""Symbols of one scan, unless a single text has more."""


class Findings(list[RecognizerResult]):
    """The findings of one text, in presidio's order. `gave_up` names the recognizers that took too long and were left out."""

    gave_up: tuple[str, ...] = ()


class Analyzer:
    """Finds what presidio's AnalyzerEngine finds with these recognizers.

    Args:
        recognizers: presidio recognizers of any language; those of the language asked for are used.
        languages: the languages that will be asked for.
        hyperscan: whether to use Hyperscan; None: where it is installed.
        seconds: the most that one pattern may take on one text.
        enhancer: presidio's context enhancer, with its settings; None: the default.
    """

    def __init__(
        self,
        recognizers: Sequence[EntityRecognizer],
        *,
        languages: Sequence[str] = ("en",),
        hyperscan: bool | None = None,
        seconds: float = _SECONDS,
        enhancer: LemmaContextAwareEnhancer | None = None,
    ) -> None:
        stay_offline()
        limit_regex_time(seconds)
        engine = blank_engine(languages)
        enhancer = enhancer or LemmaContextAwareEnhancer()
        use_hyperscan = have_hyperscan() if hyperscan is None else hyperscan
        self._plans = {
            language: _Plan(
                [one for one in recognizers if one.supported_language == language],
                Nearby(engine, language, enhancer),
                use_hyperscan,
                seconds,
            )
            for language in languages
        }

    def analyze(
        self, text: str, language: str = "en", *, score_threshold: float | None = None, context: Sequence[str] | None = None
    ) -> Findings:
        """Return the findings of one text.

        `score_threshold` and `context` mean what they mean to AnalyzerEngine.analyze: without a threshold the recognizers' own
        thresholds count; `context` are words that stand beside the text, as a column's name does.
        """
        found = dict(self._plan(language).found([text], score_threshold, tuple(context or ())))
        return found.get(0, Findings())

    def analyze_batch(
        self,
        texts: pa.Array | pa.ChunkedArray | Sequence[str],
        language: str = "en",
        *,
        score_threshold: float | None = None,
        context: Sequence[str] | None = None,
    ) -> list[Findings]:
        """Return the findings of each text, as `analyze` would."""
        answers = [Findings() for _ in range(len(texts))]
        for row, findings in self.found(texts, language, score_threshold=score_threshold, context=context):
            answers[row] = findings
        return answers

    def found(
        self,
        texts: pa.Array | pa.ChunkedArray | Sequence[str],
        language: str = "en",
        *,
        score_threshold: float | None = None,
        context: Sequence[str] | None = None,
    ) -> Iterator[tuple[int, Findings]]:
        """Yield row and findings of the texts that have any, or that something gave up on; a text that is null has none."""
        yield from self._plan(language).found(texts, score_threshold, tuple(context or ()))

    def _plan(self, language: str) -> _Plan:
        plan = self._plans.get(language)
        if plan is None or plan.empty:
            raise ValueError(f"no recognizer reads texts in {language!r}")
        return plan


def reference(recognizers: Sequence[EntityRecognizer], language: str = "en", *, seconds: float = _SECONDS) -> AnalyzerEngine:
    """Return presidio's own engine with these recognizers, built without a model and without the network.

    Texts may be of any length, tldextract uses the list it ships with, and patterns stop after `seconds`.
    """
    stay_offline()
    limit_regex_time(seconds)
    registry = RecognizerRegistry(list(recognizers), supported_languages=[language])
    return AnalyzerEngine(registry=registry, nlp_engine=blank_engine([language]), supported_languages=[language])


def stay_offline() -> None:
    """Have tldextract, which checks the domains of e-mail addresses, use the list it ships with: its own default asks the network."""
    import tldextract.tldextract as suffixes

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)


def limit_regex_time(seconds: float) -> None:
    """Have presidio stop a pattern after `seconds` instead of a minute; hostile texts must not hold a worker that long."""
    from presidio_analyzer import pattern_recognizer
    from presidio_analyzer.predefined_recognizers.generic import iban_recognizer

    pattern_recognizer.REGEX_TIMEOUT_SECONDS = seconds
    iban_recognizer.REGEX_TIMEOUT_SECONDS = seconds


class _Plan:
    """The recognizers of one language, their gates and their reaches."""

    def __init__(self, recognizers: list[EntityRecognizer], nearby: Nearby, use_hyperscan: bool, seconds: float) -> None:
        self._nearby = nearby
        self._seconds = seconds
        self._by_id = {one.id: one for one in recognizers}
        # A blank pipeline names no entities, so the recognizer that repeats them has none.
        wanted = [one for one in recognizers if type(one) is not SpacyRecognizer]
        self._readers: list[Reader] = []
        self._others: list[EntityRecognizer] = []
        gate = 0
        for one in wanted:
            reader = phone_reader(one, gate) or pattern_reader(one, gate)
            if reader is None:
                self._others.append(one)
            else:
                self._readers.append(reader)
                gate += max(len(getattr(one, "patterns", ())), 1)
        self.empty = not recognizers
        self._alphabet, self._gates, self._reaches = _gates(self._readers, use_hyperscan)
        ungated = self._gates.unreadable | {
            gate for reader in self._readers for gate in reader.gates if gate not in self._reaches
        }
        self._always: Woken = dict.fromkeys(sorted(ungated), [])

    def found(
        self, texts: pa.Array | pa.ChunkedArray | Sequence[str], threshold: float | None, context: tuple[str, ...]
    ) -> Iterator[tuple[int, Findings]]:
        offset = 0
        for piece, symbols in _pieces(texts, self._alphabet):
            woken = self._gates.wake(symbols)
            every = bool(self._always or self._others)
            for row in range(len(symbols)) if every else sorted(woken):
                text = _text(piece, row)
                found = self._read(text, symbols.of(row), {**self._always, **woken.get(row, {})}, threshold, context)
                if found or found.gave_up:
                    yield offset + row, found
            offset += len(symbols)

    def _read(self, text: str, symbols: bytes, woken: Woken, threshold: float | None, context: tuple[str, ...]) -> Findings:
        raw: list[RecognizerResult] = []
        gave_up: list[str] = []
        look = self._windows(symbols, woken)
        for reader in self._readers:
            if any(gate in woken for gate in reader.gates):
                try:
                    raw += reader.read(text, look, self._seconds)
                except GaveUp:
                    gave_up.append(reader.recognizer.name)
        raw += self._by_others(text)
        if raw:
            self._nearby.enhance(text, raw, self._by_id, context)
        kept = [one for one in raw if one.score >= self._threshold(one, threshold)]
        findings = Findings(EntityRecognizer.remove_duplicates(kept) if kept else ())
        findings.gave_up = tuple(gave_up)
        return findings

    def _windows(self, symbols: bytes, woken: Woken) -> Windows:
        def look(gate: int) -> Any:
            offsets = woken.get(gate)
            return None if offsets is None else windows(offsets, self._reaches.get(gate, _ANYWHERE), symbols)

        return look

    def _by_others(self, text: str) -> list[RecognizerResult]:
        """Run the recognizers about which nothing is known, as presidio would."""
        found: list[RecognizerResult] = []
        artifacts = self._nearby.artifacts(text) if self._others else None
        for recognizer in self._others:
            for one in recognizer.analyze(text, recognizer.supported_entities, artifacts) or ():
                one.recognition_metadata = {
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id,
                    RecognizerResult.RECOGNIZER_NAME_KEY: recognizer.name,
                } | (one.recognition_metadata or {})
                if one.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY] in self._by_id:
                    found.append(one)
        return found

    def _threshold(self, one: RecognizerResult, given: float | None) -> float:
        if given is not None:
            return given
        own = self._by_id[one.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY]].score_thresholds
        return float(own.get(one.entity_type, own.get("default", 0.0)))


_ANYWHERE: Final = Reach(None, None, None, b"")


def _gates(readers: list[Reader], use_hyperscan: bool) -> tuple[Alphabet, Gates, dict[int, Reach]]:
    shapes: dict[int, tuple[Shape, Shape]] = {gate: pair for reader in readers for gate, pair in reader.shapes.items()}
    atoms: list[Atom] = [WORD, *(atom for pair in shapes.values() for shape in pair for atom in shape.atoms())]
    alphabet = alphabet_of(atoms)
    gates: dict[int, Gate] = {}
    reaches: dict[int, Reach] = {}
    for key, (said, reached) in shapes.items():
        try:
            gates[key] = gate_of(said, alphabet)
        except NoShape:
            continue
        inside = bytes(sorted(frozenset().union(*(alphabet.symbols(atom) for atom in reached.made_of))))
        reaches[key] = Reach(reached.most, reached.before, reached.after, inside)
    engine: Gates = HyperscanGates(gates) if use_hyperscan else ColumnGates(gates)
    return alphabet, engine, reaches


def _pieces(texts: pa.Array | pa.ChunkedArray | Sequence[str], alphabet: Alphabet) -> Iterator[tuple[Any, Symbols]]:
    """Yield runs of texts with their symbols, so many at a time that memory stays small."""
    if isinstance(texts, pa.ChunkedArray):
        for chunk in texts.chunks:
            yield from _pieces(chunk, alphabet)
        return
    lengths = (
        pc.fill_null(pc.utf8_length(texts), 0).to_numpy() if isinstance(texts, pa.Array) else np.array([*map(len, texts)], int)
    )
    ends = np.cumsum(lengths + 1)
    first = 0
    while first < len(lengths):
        base = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, base + _PIECE, side="right")))
        piece = texts[first:last]
        joined = _joined(piece)
        starts = np.concatenate([[0], ends[first:last] - base]).astype(np.int64)
        yield piece, Symbols(alphabet.project(joined), starts)
        first = last


def _joined(texts: pa.Array | Sequence[str]) -> str:
    separator = chr(SEPARATOR)
    rows = pc.fill_null(texts, "").to_pylist() if isinstance(texts, pa.Array) else texts
    return separator.join(rows) + separator


def _text(texts: pa.Array | Sequence[str], row: int) -> str:
    return str(texts[row].as_py() or "") if isinstance(texts, pa.Array) else str(texts[row])
