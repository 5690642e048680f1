"""Finds what texts hold: recognisers behind the engine's gates, judges of their matches, and the words around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.pii.entities import CONTACTS
from acquisition.filters.pii.judges import NOTE
from acquisition.filters.pii.loading import engine
from acquisition.filters.pii.rules import Rule
from acquisition.filters.pii.scripts import apart, plain
from acquisition.filters.pii.words import Spoken

_RAISED: Final = 0.6
_UNSHAKEN: Final = 0.8
"""A form that is worth this much is what it is, whatever the word before it says."""
_IDENTIFIER: Final = "recognizer_identifier"
"""RecognizerResult.RECOGNIZER_IDENTIFIER_KEY of presidio."""
_PIECE: Final = 200_000
_OVERLAP: Final = 500
_LONGEST: Final = 5_000_000
_MOST_PLACES: Final = 20_000
_LANGUAGE: Final = "en"
"""All recognisers are asked in one language: which of them run has been decided when the rules were built."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data in a text: which rule, where, how sure, and what that rests on.

    `base` is the score of the form alone, `context` where a supporting word stands: text, column or none. `raised` says that
    another kind of contact in the same text raised the score.
    """

    rule: Rule
    start: int
    end: int
    score: float
    base: float
    context: str
    checked: bool
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one text, in its order; `gave_up` says why a part of it was not looked at ("" where all was)."""

    findings: tuple[Finding, ...]
    gave_up: str = ""


class Finder:
    """All rules of one set of languages and countries, ready to look at texts."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        recognizers = [rule.recognizer for rule in self.rules]
        for recognizer in recognizers:
            # Words are read here, by whole words and languages; Presidio's enhancer would add its own to the scores.
            recognizer.context, recognizer.supported_language = [], _LANGUAGE
        self._rule_of = {rule.recognizer.id: rule for rule in self.rules}
        self._analyzer = engine()(recognizers, languages=(_LANGUAGE,))

    def found(self, texts: pa.Array, named: Sequence[tuple[str, ...]] = ()) -> Iterator[tuple[int, Found]]:
        """Yield row and findings of the texts that hold any, or that could not be looked at in full.

        `named` are, for each text, the words of the table column that it stands in; left out: none.
        """
        length = pc.fill_null(pc.utf8_length(texts), 0)
        long = np.flatnonzero(pc.greater(length, _PIECE).to_numpy(zero_copy_only=False)).tolist()
        short = pc.if_else(pc.less_equal(length, _PIECE), texts, pa.scalar(None, texts.type)) if long else texts
        read = apart(short)
        reading = _Reading(self._rule_of, named, None if read is short else short)
        for row, raw in self._analyzer.found(read, _LANGUAGE, asks=reading.asks):
            text = read[row].as_py()
            yield row, self._weighed(text, raw, reading.spoken(row, text), "time" if raw.gave_up else "")
        for row in long:
            yield row, self._in_pieces(texts[row].as_py(), named[row] if named else ())

    def findings(self, text: str, named: tuple[str, ...] = ()) -> list[Finding]:
        """Return what one text holds, in its order; `named` are the words of the table column that it stands in."""
        return [one for _, found in self.found(pa.array([text], pa.large_string()), [named]) for one in found.findings]

    def _in_pieces(self, text: str, named: tuple[str, ...]) -> Found:
        """Look at a long text piece by piece, up to a limit, so that time and memory stay in proportion."""
        raw: dict[tuple[str, int, int], Any] = {}
        gave_up = "length" if len(text) > _LONGEST else ""
        spoken = Spoken(plain(text), named)
        text = apart(pa.array([text], pa.large_string()))[0].as_py()
        for start in range(0, min(len(text), _LONGEST), _PIECE - _OVERLAP):
            found = self._analyzer.analyze(text[start : start + _PIECE], _LANGUAGE, asks=_Reading(self._rule_of, [named]).asks)
            gave_up = "time" if found.gave_up else gave_up
            for one in found:
                one.start, one.end = one.start + start, one.end + start
                raw.setdefault((_recognizer_of(one), one.start, one.end), one)
            if len(raw) > _MOST_PLACES:
                gave_up = "places"
                break
        return self._weighed(text, list(raw.values()), spoken, gave_up)

    def _weighed(self, text: str, raw: Sequence[Any], spoken: Spoken, gave_up: str) -> Found:
        found: list[Finding] = []
        for match in raw[:_MOST_PLACES]:
            found += weighed(self._rule_of[_recognizer_of(match)], text, match, spoken)
        return Found(tuple(raised(without_overlaps(found))), "places" if len(raw) > _MOST_PLACES else gave_up)


def _recognizer_of(match: Any) -> str:
    return str(match.recognition_metadata[_IDENTIFIER])


class _Reading:
    """The words of the texts of one column, kept for the text at hand; `written`: the texts before they were set apart."""

    def __init__(self, rules: Mapping[str, Rule], named: Sequence[tuple[str, ...]], written: pa.Array | None = None) -> None:
        self._rules = rules
        self._named = named
        self._written = written
        self._row = -1
        self._spoken = Spoken("", ())

    def spoken(self, row: int, text: str) -> Spoken:
        """Return the words of one text and of the column's name that it has."""
        if row != self._row:
            text = plain(self._written[row].as_py()) if self._written is not None else text
            self._row, self._spoken = row, Spoken(text, self._named[row] if self._named else ())
        return self._spoken

    def asks(self, row: int, text: str, recognizer: str) -> bool:
        """Say whether a recogniser's matches in a text could count."""
        rule = self._rules[recognizer]
        return not rule.worded or rule.asked(self.spoken(row, text))


def weighed(rule: Rule, text: str, match: Any, spoken: Spoken) -> Iterator[Finding]:
    """Yield the findings that one match of a recogniser is worth, by the words around it."""
    for reading in rule.readings(text, match, spoken):
        around, named = spoken.around(reading.start, reading.end), spoken.named
        context = rule.supported_by(around, named, reading)
        base = reading.alone
        denied = around.denies(rule.words, rule.denied, formed=reading.formed)
        if base < _UNSHAKEN and (denied or (context == "none" and rule.denied.among(named))):
            base = 0.0
        score = base if context == "none" else reading.supported
        if score > 0:
            yield Finding(rule, reading.start, reading.end, score, base, context, reading.checked)


def without_overlaps(found: Sequence[Finding]) -> list[Finding]:
    """Keep the best finding of each place: higher score, then checksum, then the longer match, then the first."""
    kept: list[Finding] = []
    taken = np.zeros(max((one.end for one in found), default=0), bool) if len(found) > 1 else None
    for one in sorted(found, key=lambda one: (-one.score, not one.checked, one.start - one.end, one.start, one.rule.entity)):
        if taken is None or not taken[one.start : one.end].any():
            kept.append(one)
            if taken is not None:
                taken[one.start : one.end] = True
    return sorted(kept, key=lambda one: one.start)


def raised(found: list[Finding]) -> list[Finding]:
    """Return findings in which a weak contact beside another kind of contact counts."""
    kinds = {one.rule.entity for one in found if one.rule.entity in CONTACTS and one.score >= NOTE}
    if len(kinds) < 2:
        return found
    return [
        replace(one, score=_RAISED, raised=True) if one.rule.entity in CONTACTS and NOTE <= one.score < _RAISED else one
        for one in found
    ]
