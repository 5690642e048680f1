"""Finds what a text holds: recognisers behind gates, judges on their matches, words around them, one finding per place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import regex

from acquisition.filters.pii.entities import CONTACTS
from acquisition.filters.pii.judges import NOTE
from acquisition.filters.pii.rules import Rule
from acquisition.filters.pii.words import nearby, words_of

_RAISED: Final = 0.6
_UNSHAKEN: Final = 0.8
"""A form that is worth this much is what it is, whatever the word before it says."""


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


class Finder:
    """All rules of one set of languages and countries, ready to look at texts."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._gates = [regex.compile(rule.gate) for rule in self.rules]
        self.gate = "|".join(dict.fromkeys(rule.gate for rule in self.rules))

    def findings(self, text: str, named: tuple[str, ...] = ()) -> list[Finding]:
        """Return what a text holds, in its order; `named` are the words of the table column that it stands in."""
        found: list[Finding] = []
        words: frozenset[str] | None = None
        for rule, gate in zip(self.rules, self._gates, strict=True):
            if not gate.search(text):
                continue
            if rule.needs_words:
                words = words_of(text).union(named) if words is None else words
                if not rule.words.among(words):
                    continue
            found += matches(rule, text, named)
        return raised(without_overlaps(found))


def matches(rule: Rule, text: str, named: tuple[str, ...]) -> Iterator[Finding]:
    """Yield what one rule finds in a text."""
    for match in rule.recognizer.analyze(text, [rule.entity], None):
        yield from weighed(rule, text, match, named)


def weighed(rule: Rule, text: str, match: object, named: tuple[str, ...]) -> Iterator[Finding]:
    """Yield the findings that one match of a recogniser is worth, by the words around it."""
    for reading in rule.readings(text, match):
        around = nearby(text, reading.start, reading.end)
        context = rule.supported_by(around, named, reading.reach)
        base = reading.alone
        if base < _UNSHAKEN and (around.denies(rule.words, rule.denied) or (context == "none" and rule.denied.among(named))):
            base = 0.0
        score = base if context == "none" else reading.supported
        if score > 0:
            yield Finding(rule, reading.start, reading.end, score, base, context, reading.checked)


def without_overlaps(found: list[Finding]) -> list[Finding]:
    """Keep the best finding of each place: higher score, then checksum, then the longer match, then the rules' order."""
    kept: list[Finding] = []
    for one in sorted(found, key=lambda one: (-one.score, not one.checked, one.start - one.end, one.start)):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def raised(found: list[Finding]) -> list[Finding]:
    """Return findings in which a weak contact beside another kind of contact counts (filters.md 2.5: two distinct ones)."""
    kinds = {one.rule.entity for one in found if one.rule.entity in CONTACTS and one.score >= NOTE}
    if len(kinds) < 2:
        return found
    return [
        replace(one, score=_RAISED, raised=True) if one.rule.entity in CONTACTS and NOTE <= one.score < _RAISED else one
        for one in found
    ]
