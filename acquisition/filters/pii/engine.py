"""Presidio's analyzer, the same findings, many times faster: nothing runs on a text that can be shown to hold nothing for it.

    texts → symbols → gates → windows → recognizers → context → thresholds → findings

`Analyzer` answers as `presidio_analyzer.AnalyzerEngine` does with the same recognizers and a blank spaCy pipeline with
lower-case lemmas (`reference` builds that engine). Recognizers that are patterns, and presidio's telephone recognizers, run
behind gates and on windows; every other runs on every text, as it would there. docs/decisions/0021-pii-throughput.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

import pyarrow as pa
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from acquisition.filters.pii.engine_context import CONTEXT, Nearby, blank_engine
from acquisition.filters.pii.engine_patterns import Reader, Windows, pattern_reader
from acquisition.filters.pii.engine_phones import phone_reader
from acquisition.filters.pii.engine_reference import SECONDS, limit_regex_time, reference, stay_offline
from acquisition.filters.pii.engine_texts import pieces, text_of
from acquisition.filters.pii.gate import ColumnGates, Gates, HyperscanGates, Woken, have_hyperscan
from acquisition.filters.pii.gate_alphabet import Alphabet, Atom, alphabet_of
from acquisition.filters.pii.gate_expression import WORD, Gate, gate_of
from acquisition.filters.pii.gate_shape import NoShape, Shape
from acquisition.filters.pii.windows import Reach, windows

_RECOGNIZERS: Final = 5
"""So many recognizers may use up their time on one text; then the others are given up, too."""
_MEGABYTE: Final = 1_000_000
"""Characters for which `seconds` are allowed; a longer text is allowed more."""


__all__ = ["CONTEXT", "Analyzer", "Asks", "Findings", "reference"]

Asks: TypeAlias = Callable[[int, str, str], bool]
"""(row, text, identifier of a recognizer) → whether its findings in that text are wanted."""


class Findings(list[RecognizerResult]):
    """The findings of one text, in presidio's order.

    `gave_up` names the recognizers that took too long or failed and were left out; `CONTEXT` among them says that a text has
    words too long to be taken apart, so that words nearby raised no score.
    """

    gave_up: tuple[str, ...] = ()


class Analyzer:
    """Finds what presidio's AnalyzerEngine finds with these recognizers.

    Args:
        recognizers: presidio recognizers of any language; those of the language asked for are used.
        languages: the languages that will be asked for.
        hyperscan: whether to use Hyperscan; None: where it is installed.
        seconds: the most that one recognizer may take on one text, per million characters.
        enhancer: presidio's context enhancer, with its settings; None: the default.
    """

    def __init__(
        self,
        recognizers: Sequence[EntityRecognizer],
        *,
        languages: Sequence[str] = ("en",),
        hyperscan: bool | None = None,
        seconds: float = SECONDS,
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
        self,
        text: str,
        language: str = "en",
        *,
        score_threshold: float | None = None,
        context: Sequence[str] | None = None,
        asks: Asks | None = None,
    ) -> Findings:
        """Return the findings of one text.

        `score_threshold` and `context` mean what they mean to AnalyzerEngine.analyze: without a threshold the recognizers' own
        thresholds count; `context` are words that stand beside the text, as a column's name does. `asks`: see `found`.
        """
        found = dict(self._plan(language).found([text], score_threshold, tuple(context or ()), asks))
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
        asks: Asks | None = None,
    ) -> Iterator[tuple[int, Findings]]:
        """Yield row and findings of the texts that have any, or that something gave up on; a text that is null has none.

        `asks` says whether a recognizer's findings in a text are wanted; without it all are, as presidio would give them.
        """
        yield from self._plan(language).found(texts, score_threshold, tuple(context or ()), asks)

    def _plan(self, language: str) -> _Plan:
        plan = self._plans.get(language)
        if plan is None or plan.empty:
            raise ValueError(f"no recognizer reads texts in {language!r}")
        return plan


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
        self._reader_of = {gate: place for place, reader in enumerate(self._readers) for gate in reader.gates}
        self._alphabet, self._gates, self._reaches = _gates(self._readers, use_hyperscan)
        ungated = self._gates.unreadable | {
            gate for reader in self._readers for gate in reader.gates if gate not in self._reaches
        }
        self._always: Woken = {gate: [] for gate in sorted(ungated)}

    def found(
        self,
        texts: pa.Array | pa.ChunkedArray | Sequence[str],
        threshold: float | None,
        context: tuple[str, ...],
        asks: Asks | None,
    ) -> Iterator[tuple[int, Findings]]:
        offset = 0
        for piece, symbols in pieces(texts, self._alphabet):
            woken = self._gates.wake(symbols)
            every = bool(self._always or self._others)
            for row in range(len(symbols)) if every else sorted(woken):
                text = text_of(piece, row)
                asked = partial(asks, offset + row, text) if asks else None
                found = self._read(text, symbols.of(row), {**self._always, **woken.get(row, {})}, threshold, context, asked)
                if found or found.gave_up:
                    yield offset + row, found
            offset += len(symbols)

    def _read(
        self,
        text: str,
        symbols: bytes,
        woken: Woken,
        threshold: float | None,
        context: tuple[str, ...],
        asked: Callable[[str], bool] | None,
    ) -> Findings:
        raw: list[RecognizerResult] = []
        gave_up: list[str] = []
        seconds = self._seconds * max(1.0, len(text) / _MEGABYTE)
        deadline = time.thread_time() + _RECOGNIZERS * seconds
        look = self._windows(symbols, woken)
        for place in sorted({self._reader_of[gate] for gate in woken}):
            reader = self._readers[place]
            if asked is None or asked(reader.recognizer.id):
                try:
                    raw += reader.read(text, look, min(seconds, deadline - time.thread_time()))
                except Exception:  # noqa: BLE001 - a plug-in's own check of a value may raise anything; it is named
                    gave_up.append(str(reader.recognizer.name))
        raw += self._by_others(text, seconds, gave_up)
        if raw and not self._nearby.enhance(text, raw, self._by_id, context):
            gave_up.append(CONTEXT)
        kept = [one for one in raw if one.score >= self._threshold(one, threshold)]
        findings = Findings(EntityRecognizer.remove_duplicates(kept) if kept else ())
        findings.gave_up = tuple(gave_up)
        return findings

    def _windows(self, symbols: bytes, woken: Woken) -> Windows:
        def look(gate: int) -> Any:
            offsets = woken.get(gate)
            return None if offsets is None else windows(offsets, self._reaches.get(gate, _ANYWHERE), symbols)

        return look

    def _by_others(self, text: str, seconds: float, gave_up: list[str]) -> list[RecognizerResult]:
        """Run the recognizers about which nothing is known, as presidio would."""
        if not self._others:
            return []
        found: list[RecognizerResult] = []
        artifacts = self._nearby.artifacts(text)
        for recognizer in self._others:
            begin = time.thread_time()
            try:
                found += _named(recognizer, recognizer.analyze(text, recognizer.supported_entities, artifacts))
            except Exception:  # noqa: BLE001 - a plug-in may raise anything; it is named
                gave_up.append(_name(recognizer))
            else:
                # Patterns that stop for time say so to the log only; but then that time has passed.
                gave_up += [_name(recognizer)] if time.thread_time() - begin >= seconds else []
        return [one for one in found if one.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY] in self._by_id]

    def _threshold(self, one: RecognizerResult, given: float | None) -> float:
        if given is not None:
            return given
        own = self._by_id[one.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY]].score_thresholds
        return float(own.get(one.entity_type, own.get("default", 0.0)))


def _name(recognizer: EntityRecognizer) -> str:
    return str(recognizer.name)  # type: ignore[has-type]  # presidio assigns it in two branches


def _named(recognizer: EntityRecognizer, found: list[RecognizerResult] | None) -> list[RecognizerResult]:
    """Note on results where they come from, as presidio's engine does unless they say so."""
    for one in found or ():
        one.recognition_metadata = {
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id,
            RecognizerResult.RECOGNIZER_NAME_KEY: _name(recognizer),
        } | (one.recognition_metadata or {})
    return list(found or ())


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
