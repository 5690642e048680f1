"""The policy: which outcome each flag leads to. Pure; measures nothing, reads nothing.

For each flag the first rule that fits decides, the user's rules before the built-in ones; a flag that no rule names holds
its item. The most severe outcome over all flags of an item is the item's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from acquisition.model import Outcome
from acquisition.settings import PolicyRule

UNKNOWN: Final = "unknown-flag"
OUTCOMES: Final = tuple(Outcome)


def _rule(flag: str, outcome: Outcome, why: str, at_least: float | None = None) -> PolicyRule:
    return PolicyRule(flag=flag, outcome=outcome.value, at_least=at_least, why=why)


DEFAULTS: Final = (
    _rule("license.denied", Outcome.DROP, "the license forbids the declared use"),
    _rule("license.unknown", Outcome.HOLD, "nobody has said what may be done with it"),
    _rule("license.review", Outcome.HOLD, "a person has to read the license"),
    _rule("license.conflict", Outcome.HOLD, "the sources contradict each other about the license"),
    _rule("license.text-conflict", Outcome.HOLD, "its license text gives another license than its label"),
    _rule("license.text-unclear", Outcome.HOLD, "its license text has to be read by a person"),
    _rule("license.contents", Outcome.HOLD, "the database is licensed, its contents are not"),
    _rule("license.*", Outcome.HOLD, "an open question about the license"),
    _rule("opt-out.unknown", Outcome.HOLD, "something is said about its use that cannot be read"),
    _rule("opt-out.*", Outcome.DROP, "a reservation is respected wherever it was found"),
    _rule("duplicate.exact", Outcome.DROP, "the same content is preferred from another place"),
    _rule("duplicate.normalised", Outcome.DROP, "the same in another dress is preferred from another place", at_least=0.9),
    _rule("duplicate.normalised", Outcome.KEEP, "too short for sameness to mean a copy"),
    _rule("duplicate.near", Outcome.DROP, "nearly the same content is preferred from another place", at_least=0.9),
    _rule("duplicate.near", Outcome.KEEP, "similar, and still different enough"),
    _rule("duplicate.label-conflict", Outcome.HOLD, "the same content is labelled differently elsewhere"),
    _rule("duplicate.contamination", Outcome.DROP, "it is in a set that must not be learned from", at_least=0.8),
    _rule("duplicate.contamination", Outcome.HOLD, "it holds a part of a set that must not be learned from"),
    _rule(
        "duplicate.split-leak",
        Outcome.KEEP,
        "its copies go into one split with it where splits.group_by names duplicate-cluster",
    ),
    _rule("duplicate.not-checked", Outcome.KEEP, "its bytes were compared; what cannot be decoded is a matter of quality"),
    _rule("duplicate.representative", Outcome.KEEP, "the copy that stands for its duplicates"),
    _rule("pii.not-checked", Outcome.HOLD, "a part of it could not be looked at for personal data"),
    _rule("pii.*", Outcome.REDACT, "personal data is replaced by its kind", at_least=0.6),
    _rule("pii.*", Outcome.KEEP, "too weak a sign of personal data"),
    _rule("llm-style.boilerplate", Outcome.HOLD, "phrases of a chat assistant"),
    _rule("llm-style.not-checked", Outcome.HOLD, "a part of it could not be looked at for phrases of an assistant"),
    _rule("llm-style.*", Outcome.KEEP, "reported as a share per source; no word list condemns one text"),
    _rule("adult.word", Outcome.KEEP, "one listed word is no adult text"),
    _rule("adult.image-score", Outcome.KEEP, "below the threshold of the picture model"),
    _rule("adult.*", Outcome.HOLD, "adult content by its wording, its address or a picture model"),
    _rule("toxic.word", Outcome.KEEP, "one listed insult is no toxic text"),
    _rule("toxic.*", Outcome.HOLD, "listed insults abound; a person should look"),
    _rule("quality.empty", Outcome.DROP, "there is nothing in it"),
    _rule("quality.encoding-damage", Outcome.HOLD, "letters were lost in a wrong encoding", at_least=0.01),
    _rule("quality.encoding-damage", Outcome.KEEP, "a few damaged characters"),
    _rule("quality.too-short", Outcome.HOLD, "shorter than was asked for", at_least=0.9),
    _rule("quality.too-short", Outcome.KEEP, "short, and still long enough"),
    _rule("quality.too-long", Outcome.HOLD, "longer than was asked for", at_least=0.9),
    _rule("quality.too-long", Outcome.KEEP, "long, and nobody set a bound"),
    _rule("quality.language", Outcome.HOLD, "in another language than is expected", at_least=0.5),
    _rule("quality.language", Outcome.KEEP, "too little to tell its language by"),
    _rule("quality.repetition", Outcome.HOLD, "it says the same again and again", at_least=0.3),
    _rule("quality.repetition", Outcome.KEEP, "some of it repeats"),
    _rule("quality.markup", Outcome.HOLD, "markup was left in it", at_least=0.5),
    _rule("quality.markup", Outcome.KEEP, "some markup was left in it"),
    _rule("quality.boilerplate", Outcome.HOLD, "what a page says in place of its content", at_least=0.5),
    _rule("quality.boilerplate", Outcome.KEEP, "a phrase of boilerplate in a longer text"),
    _rule("quality.capitals", Outcome.KEEP, "capitals can still be read"),
    _rule("quality.missing-values", Outcome.HOLD, "nearly all of its columns are empty", at_least=0.9),
    _rule("quality.missing-values", Outcome.KEEP, "some of its columns are empty"),
    _rule("quality.outlier", Outcome.KEEP, "a number that is unlike the others, and may be true"),
    _rule("quality.wrong-type", Outcome.KEEP, "a word among numbers; the column is reported"),
    _rule("quality.split-leak", Outcome.KEEP, "groups are put on one side when the set is divided"),
    _rule("quality.label-noise", Outcome.HOLD, "its label is doubted", at_least=0.9),
    _rule("quality.label-noise", Outcome.KEEP, "its label is doubted a little"),
    _rule("quality.audio-duration", Outcome.KEEP, "longer or shorter than the others"),
    _rule("quality.audio-sample-rate", Outcome.KEEP, "another sample rate than the others"),
    _rule("quality.*-file-size", Outcome.KEEP, "a file of unusual size"),
    _rule("quality.image-*-file", Outcome.KEEP, "a file of unusual size for its pixels"),
    _rule("quality.image-blurry", Outcome.HOLD, "blurred", at_least=0.9),
    _rule("quality.image-blurry", Outcome.KEEP, "smooth, and perhaps meant to be"),
    _rule("quality.*", Outcome.HOLD, "doubtful quality"),
)
"""The built-in rules, from the first to the last; they follow whatever the user writes."""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One line of the effective policy, as `acquire check` prints it."""

    position: int
    flag: str
    source: str
    at_least: float | None
    outcome: str
    why: str
    origin: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the policy says of one flag: the outcome, the rule's name, and why."""

    outcome: Outcome
    rule: str
    why: str


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    """Flag codes and source names know one wildcard, so that a bracket in a name is only a bracket."""
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def rule_name(rule: PolicyRule) -> str:
    """Return a rule as people read it: "pii.* >= 0.6 -> redact"."""
    score = "" if rule.at_least is None else f" >= {rule.at_least:g}"
    source = "" if rule.source == "*" else f" of {rule.source}"
    return f"{rule.flag}{score}{source} -> {rule.outcome}"


class Policy:
    """The user's rules and then the built-in ones. Holds values only, so it crosses process borders."""

    __slots__ = ("_rules", "_user")

    def __init__(self, rules: Sequence[PolicyRule] = (), defaults: Sequence[PolicyRule] = DEFAULTS) -> None:
        self._rules = (*rules, *defaults)
        self._user = len(rules)

    @property
    def rules(self) -> tuple[PolicyRule, ...]:
        """All rules in the order in which they are tried."""
        return self._rules

    def fitting(self, code: str, source: str) -> list[tuple[int, PolicyRule]]:
        """Return position and rule of all that name this code and source, whatever the score."""
        return [
            (position, rule)
            for position, rule in enumerate(self._rules)
            if _glob(rule.flag).fullmatch(code) and _glob(rule.source).fullmatch(source)
        ]

    def outcome_for(self, code: str, score: float, source: str) -> tuple[Outcome, PolicyRule | None]:
        """Return what becomes of one flag and the rule that says so; hold and None when no rule names it."""
        for _, rule in self.fitting(code, source):
            if rule.at_least is None or score >= rule.at_least:
                return Outcome(rule.outcome), rule
        return Outcome.HOLD, None

    def ruling(self, position: int) -> Ruling:
        """Return outcome, name and reason of a rule by its position; -1 stands for no rule."""
        if position < 0:
            return Ruling(Outcome.HOLD, UNKNOWN, "no rule of the policy names this flag")
        rule = self._rules[position]
        return Ruling(Outcome(rule.outcome), rule_name(rule), rule.why)

    def decide(self, code: str, scores: Any, source: str) -> Any:
        """Return for each score (float64 array) of one code the position of the deciding rule, -1 for none (int32 array)."""
        decided = np.full(len(scores), -1, np.int32)
        for position, rule in self.fitting(code, source):
            fits = decided < 0 if rule.at_least is None else (decided < 0) & (scores >= rule.at_least)
            decided[fits] = position
            if rule.at_least is None:
                break
        return decided

    def effective_policy(self) -> list[PolicyRow]:
        """Return the rules in the order in which they are tried, the user's own marked, the rule for the unknown last."""
        rows = [
            PolicyRow(
                position=position + 1,
                flag=rule.flag,
                source=rule.source,
                at_least=rule.at_least,
                outcome=rule.outcome,
                why=rule.why,
                origin="sources.yaml" if position < self._user else "built-in",
            )
            for position, rule in enumerate(self._rules)
        ]
        unknown = self.ruling(-1)
        return [*rows, PolicyRow(len(rows) + 1, "*", "*", None, unknown.outcome.value, unknown.why, "built-in")]
