"""Presidio's pattern recognizers, run on windows: the same matches, checks and scores as their own `analyze`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import regex
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import IbanRecognizer

from acquisition.filters.pii.gate_shape import NoShape, Shape, shape_of
from acquisition.filters.pii.windows import Window

Windows = Callable[[int], list[Window] | None]
"""Gate → the windows to look at in the text at hand; None: it matches nowhere."""


class GaveUp(Exception):
    """A recognizer took longer on one text than it may."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One recognizer and its gates. `read` returns its raw results on a text, given the windows of its gates."""

    recognizer: Any
    gates: tuple[int, ...]
    shapes: dict[int, tuple[Shape, Shape]]
    """Gate → the shape the gate is made of, and the shape that says how far matches reach."""
    read: Callable[[str, Windows, float], list[RecognizerResult]]


def pattern_reader(recognizer: EntityRecognizer, first_gate: int) -> Reader | None:
    """Return a reader for a recognizer whose findings are those of its patterns, one by one; None for any other."""
    if not isinstance(recognizer, PatternRecognizer):
        return None
    kind = type(recognizer)
    patterns: list[Pattern] = recognizer.patterns  # type: ignore[has-type]  # presidio assigns it in two branches
    if kind.analyze is PatternRecognizer.analyze:
        plans = [_plan(first_gate + place, pattern, recognizer) for place, pattern in enumerate(patterns)]
        shapes = {plan.gate: (plan.shape, plan.shape) for plan in plans if plan.shape}
        return Reader(recognizer, tuple(plan.gate for plan in plans), shapes, _PatternReading(recognizer, tuple(plans)).read)
    if kind is IbanRecognizer and len(patterns) == 1:
        plan = _plan(first_gate, patterns[0], recognizer)
        shapes = {plan.gate: (plan.shape, plan.shape)} if plan.shape else {}
        return Reader(recognizer, (first_gate,), shapes, SliceReading(recognizer, first_gate).read)
    return None


@dataclass(frozen=True, slots=True)
class _Plan:
    gate: int
    pattern: Pattern
    compiled: Any
    shape: Shape | None


def _plan(gate: int, pattern: Pattern, recognizer: PatternRecognizer) -> _Plan:
    flags = int(recognizer.global_regex_flags or 0)
    try:
        shape = shape_of(pattern.regex, flags)
    except NoShape:
        shape = None
    return _Plan(gate, pattern, regex.compile(pattern.regex, flags=flags), shape)


@dataclass(frozen=True, slots=True)
class _PatternReading:
    """What `PatternRecognizer.analyze` does, pattern by pattern, on the windows of each."""

    recognizer: PatternRecognizer
    plans: tuple[_Plan, ...]

    def read(self, text: str, windows: Windows, seconds: float) -> list[RecognizerResult]:
        """Return the results on one text, without contained duplicates.

        Raises:
            GaveUp: when its patterns take longer than `seconds`.
        """
        found: list[RecognizerResult] = []
        deadline = time.thread_time() + seconds
        for plan in self.plans:
            places = windows(plan.gate)
            if places:
                found += self._matches(plan, text, places, deadline)
        return EntityRecognizer.remove_duplicates(found) if len(found) > 1 else found

    def _matches(self, plan: _Plan, text: str, places: list[Window], deadline: float) -> Iterator[RecognizerResult]:
        recognizer = self.recognizer
        for start, end in _spans(plan.compiled, text, places, deadline):
            value = text[start:end]
            score = plan.pattern.score
            valid = recognizer.validate_result(value)
            if valid is not None:
                score = EntityRecognizer.MAX_SCORE if valid else EntityRecognizer.MIN_SCORE
            if recognizer.invalidate_result(value):
                score = EntityRecognizer.MIN_SCORE
            if score > EntityRecognizer.MIN_SCORE:
                yield result(recognizer, start, end, score)


def _spans(compiled: Any, text: str, places: list[Window], deadline: float) -> Iterator[tuple[int, int]]:
    for place in places:
        left = deadline - time.thread_time()
        if left <= 0:
            raise GaveUp
        try:
            for match in compiled.finditer(text[place.start : place.end], timeout=left):
                start, end = match.span()
                start, end = start + place.start, end + place.start
                if place.first <= start < end <= place.last:
                    yield start, end
        except TimeoutError:
            raise GaveUp from None


@dataclass(frozen=True, slots=True)
class SliceReading:
    """A recognizer with its own way of reading, shown each window as a text of its own.

    Where a pattern of it stops for time, it says so to its log only; but then that time has passed.
    """

    recognizer: Any
    gate: int
    may_slice: Callable[[str], bool] = bool

    def read(self, text: str, windows: Windows, seconds: float) -> list[RecognizerResult]:
        """Return the results on one text.

        Raises:
            GaveUp: when it takes longer than `seconds`.
        """
        found: list[RecognizerResult] = []
        deadline = time.thread_time() + seconds
        places = windows(self.gate) or []
        for place in places if self.may_slice(text) else [Window(0, len(text), 0, len(text))]:
            for one in self.recognizer.analyze(text[place.start : place.end], self.recognizer.supported_entities, None) or ():
                one.start += place.start
                one.end += place.start
                if place.first <= one.start < one.end <= place.last:
                    found.append(one)
            if time.thread_time() >= deadline:
                raise GaveUp
        return found


def result(recognizer: Any, start: int, end: int, score: float) -> RecognizerResult:
    """Return a result that says which recognizer it comes from, as context needs to know."""
    return RecognizerResult(
        recognizer.supported_entities[0],
        start,
        end,
        score,
        recognition_metadata={
            RecognizerResult.RECOGNIZER_NAME_KEY: recognizer.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id,
        },
    )
