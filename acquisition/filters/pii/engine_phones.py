# ruff: noqa: SLF001 - phonenumbers keeps the parts of its matcher private; `_KNOWN_PARTS` says which are used
"""Presidio's telephone recognizer (phonenumbers' matcher, once per region) on windows; the regions share what they can.

The matcher looks for candidates, which no region has a say in, and tries each candidate and pieces of it in an order in which
no region has a say either, until one is a number of the region. So candidates and tries are made once, by the library's own
code, and each region is asked for its first number among them. A try that cannot be a number of a region (`engine_regions`) is
not put to it. A release of phonenumbers without these parts makes the recognizer one of the unknown ones, which always run.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import regex
from phonenumbers import PhoneNumberMatch, PhoneNumberMatcher
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import PhoneRecognizer, ZaMobileNumberRecognizer, ZaTelephoneNumberRecognizer

from acquisition.filters.pii.engine_patterns import GaveUp, Reader, SliceReading, Windows, result
from acquisition.filters.pii.engine_regions import Regions, fewest_abroad, short_numbers
from acquisition.filters.pii.gate_alphabet import Atom
from acquisition.filters.pii.gate_shape import Alt, Node, Rep, Seq, Shape, shape_of
from acquisition.filters.pii.windows import Window

_MATCHER: Final = importlib.import_module("phonenumbers.phonenumbermatcher")
_NUMBERS: Final = importlib.import_module("phonenumbers.phonenumberutil")
_KNOWN_PARTS: Final = (
    (_MATCHER, ("_PATTERN", "_SECOND_NUMBER_START_PATTERN")),
    (PhoneNumberMatcher, ("_find", "_extract_match", "_parse_and_verify", "_trim_after_first_match")),
    (_NUMBERS, ("_VALID_PUNCTUATION", "_PLUS_CHARS", "_choose_formatting_pattern_for_number")),
)
_TRIES: Final = 65535
"""After so many failures the library's matcher gives up on a text."""
_BETWEEN: Final = 4
"""Characters that the library allows between two digits."""
_LOOKS_AHEAD: Final = 3
"""Characters behind a candidate that decide about it: the minutes of a time."""


def phone_reader(recognizer: Any, gate: int) -> Reader | None:
    """Return a reader for presidio's telephone recognizers; None for any other."""
    kind = type(recognizer)
    read: Callable[[str, Windows, float], list[RecognizerResult]]
    if not all(hasattr(owner, part) for owner, parts in _KNOWN_PARTS for part in parts):
        return None
    if kind is PhoneRecognizer:
        wanted = tuple(recognizer.supported_regions)
        read = _PhoneReading(recognizer, gate, Regions(wanted, recognizer.leniency)).read
    elif kind in (ZaMobileNumberRecognizer, ZaTelephoneNumberRecognizer):
        wanted = (recognizer.REGION,)
        read = SliceReading(recognizer, gate, few_tries).read
    else:
        return None
    candidate = shape_of(_MATCHER._PATTERN.pattern, regex.IGNORECASE)
    reach = Shape(candidate.tree, candidate.least, None, 1, _LOOKS_AHEAD, candidate.made_of)
    digits = _digits(*short_numbers(wanted, recognizer.leniency))
    said = Shape(digits, 2, None, 0, 0, ())
    return Reader(recognizer, (gate,), {gate: (said, reach)}, read)


def _digits(fewest: int, short: list[str]) -> Node:
    """Return what wakes the recognizer: so many digits with little between them, fewer behind a plus, or a short number."""
    between = Rep(Atom(f"[{_NUMBERS._VALID_PUNCTUATION}]", regex.IGNORECASE), 0, _BETWEEN)
    beginnings: dict[str, set[str]] = {}
    for digits in short:
        beginnings.setdefault(digits[:-1], set()).add(digits[-1])
    words = [[*beginning, "".join(sorted(last))] for beginning, last in beginnings.items()]
    classes = [[r"\d"] * fewest, *([f"[\\d--[^{any_of}\\P{{ASCII}}]]" for any_of in word] for word in words)]
    plus = Atom(f"[{_NUMBERS._PLUS_CHARS}]")
    lead = Rep(Atom(f"[{_NUMBERS._VALID_PUNCTUATION}{_NUMBERS._PLUS_CHARS}]", regex.IGNORECASE), 0, 2 * _BETWEEN + 1)
    abroad = _with(between, [Atom(r"\d", regex.V1)] * min(fewest, fewest_abroad()))
    own = (Seq(tuple(_with(between, [Atom(one, regex.V1) for one in word]))) for word in classes)
    return Alt((Seq((plus, lead, *abroad)), *own))


def _with(between: Node, letters: list[Atom]) -> Iterator[Node]:
    for place, letter in enumerate(letters):
        if place:
            yield between
        yield letter


def few_tries(text: str) -> bool:
    """Say whether the matcher cannot reach its limit of failures on this text, however its candidates fall.

    A candidate fails once by itself, once for each of the six ways of splitting it, and once for each place where one of them
    splits it. A character is a place for at most two ways. Apart from spaces before an extension, a candidate has less than
    fourteen characters that are no digits for each that is one.
    """
    if len(text) <= 2000:
        return True
    digits = sum(map(len, _DIGITS.findall(text)))
    blanks = sum(map(len, _BLANKS.findall(text)))
    return 7 * digits + 2 * (14 * digits + blanks) < _TRIES


_DIGITS: Final = regex.compile(r"\d+")
_BLANKS: Final = regex.compile(r"[^\S\r\n]+|,+")


@dataclass(frozen=True, slots=True)
class _Try:
    """A piece of a candidate that the matcher would try, and how many failures it would have counted before."""

    piece: str
    offset: int
    failures: int


class _Recorder(PhoneNumberMatcher):
    """The library's matcher with an answer of "no" to everything: it says what would be tried."""

    def __init__(self, text: str) -> None:
        super().__init__(text, None, max_tries=1 << 60)
        self._tried: list[_Try] = []

    def candidate(self, index: int) -> tuple[int, str] | None:
        """Return the next candidate as the library cuts it: (start, text), or None."""
        found = _MATCHER._PATTERN.search(self.text, index)
        if found is None:
            return None
        return found.start(), self._trim_after_first_match(_MATCHER._SECOND_NUMBER_START_PATTERN, found.group())

    def tries(self, candidate: str, start: int) -> tuple[list[_Try], int]:
        """Return what would be tried in a candidate, and the failures if nothing is a number."""
        self._tried = []
        before = self._begin = self._max_tries
        self._extract_match(candidate, start)
        return self._tried, before - self._max_tries + 1

    def _parse_and_verify(self, candidate: str, offset: int) -> None:
        self._tried.append(_Try(candidate, offset, self._begin - self._max_tries))


@dataclass(frozen=True, slots=True)
class _PhoneReading:
    recognizer: PhoneRecognizer
    gate: int
    regions: Regions

    def read(self, text: str, windows: Windows, seconds: float) -> list[RecognizerResult]:
        """Return the telephone numbers of all regions.

        Raises:
            GaveUp: when it takes longer than `seconds`.
        """
        places = windows(self.gate) or []
        counted = not few_tries(text)
        if counted:
            places = [Window(0, len(text), 0, len(text))]
        spans: set[tuple[int, int]] = set()
        deadline = time.thread_time() + seconds
        for place in places:
            numbers = _Numbers(text[place.start : place.end], self.recognizer, self.regions, counted=counted)
            for start, end in numbers.spans(deadline):
                if place.first <= start + place.start < end + place.start <= place.last:
                    spans.add((start + place.start, end + place.start))
        found = [result(self.recognizer, start, end, self.recognizer.SCORE) for start, end in spans]
        return EntityRecognizer.remove_duplicates(found) if len(found) > 1 else found


class _Numbers:
    """The telephone numbers of all regions in one piece of text. Regions go together until one of them finds a number."""

    def __init__(self, text: str, recognizer: PhoneRecognizer, regions: Regions, *, counted: bool) -> None:
        self._text = text
        self._names = tuple(recognizer.supported_regions)
        self._leniency = 1 if recognizer.leniency is None else recognizer.leniency
        self._regions = regions
        self._recorder = _Recorder(text)
        self._left = dict.fromkeys(range(len(self._names)), _TRIES) if counted else {}
        self._found: list[tuple[int, int]] = []

    def spans(self, deadline: float) -> list[tuple[int, int]]:
        """Return start and end of every number of every region."""
        waiting = {0: set(range(len(self._names)))}
        while waiting:
            if time.thread_time() > deadline:
                raise GaveUp
            index = min(waiting)
            here = waiting.pop(index)
            candidate = self._recorder.candidate(index)
            if candidate is not None:
                for region, after in self._advance(*candidate, here):
                    waiting.setdefault(after, set()).add(region)
        return self._found

    def _advance(self, start: int, piece: str, here: set[int]) -> Iterator[tuple[int, int]]:
        """Put one candidate to the regions; yield where each goes on."""
        tries, failures = self._recorder.tries(piece, start)
        possible = [(one, could) for one in tries if (could := self._regions.possible(one.piece))]
        verdicts: dict[_Try, PhoneNumberMatch | None] = {}
        for region in here:
            if self._left and self._left[region] <= failures:
                # So near its limit the library counts for itself.
                self._finish(region, start)
                continue
            match, failed = None, failures
            for one, could in possible:
                if could >> region & 1 and (match := self._verified(one, could, region, verdicts)):
                    failed = one.failures
                    self._found.append((match.start, match.end))
                    break
            if self._left:
                self._left[region] -= failed
            yield region, match.end if match else start + len(piece)

    def _verified(
        self, one: _Try, could: int, region: int, verdicts: dict[_Try, PhoneNumberMatch | None]
    ) -> PhoneNumberMatch | None:
        """Let the library decide; where the region does not matter, one answer is enough."""
        if could != self._regions.international:
            return self._matcher(region)._parse_and_verify(one.piece, one.offset)
        if one not in verdicts:
            verdicts[one] = self._matcher(region)._parse_and_verify(one.piece, one.offset)
        return verdicts[one]

    def _matcher(self, region: int) -> PhoneNumberMatcher:
        return PhoneNumberMatcher(self._text, self._names[region], leniency=self._leniency)

    def _finish(self, region: int, index: int) -> None:
        matcher = self._matcher(region)
        matcher._max_tries = self._left[region]
        match = matcher._find(index)
        while match is not None:
            self._found.append((match.start, match.end))
            match = matcher._find(match.end)
