"""Our own cues: the wording of adult sites in many languages, weighed against the words of those who write about them.

terms.csv (written by us) holds per language terms of weight 3 (phrases that advertise), 2 (words that hardly stand anywhere
else) and 1 (words that need company), and of weight 0 (context: research, law, health, education, prevention). It is small
and made for advertisements, listings and explicit stories; slang, obfuscation and what is merely suggested are not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from acquisition.filters.adult.terms import Hit, Terms, fold

UNIVERSAL: Final = "en"
"""English words of weight 2 and more are used on adult sites in every language."""
_ENOUGH: Final = 4.0
_DENSE: Final = 3.0
_DENSE_SHARE: Final = 0.25
_RATE: Final = 0.01
_CONTEXT: Final = 0.35
_COMPANY: Final = 6
_COMPANY_RATE: Final = 0.03
_COARSE: Final = (
    "cock pussy tits cum cunt moaned moaning moans thrust thrusting nipples nipple throbbing panties fucked fucking "
    "fucks aroused "
    "boobs naked nude nudes busty kinky threesome orgy fetish bdsm erotic uncensored nsfw onlyfans "
    "escort escorts webcam bareback"
)
_SLANG: Final = frozenset(_COARSE.split())


@dataclass(frozen=True, slots=True)
class Cues:
    """Every term with its weight per language, and the gate and the reader that find them."""

    weights: Mapping[str, Mapping[str, int]]
    gate: Terms
    terms: Terms


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the cues of one text add up to; `hits` are those of its language, context left out."""

    language: str
    score: float
    context: int
    hits: tuple[Hit, ...]
    flagged: bool


@cache
def cues() -> Cues:
    """Read the list once per process."""
    rows = files("acquisition.filters.adult").joinpath("terms.csv").read_text(encoding="utf-8").splitlines()[1:]
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        language, weight, term = row.split(",", 2)
        found.setdefault(fold(term), {})[language] = int(weight)
    strong = [term for term, per in found.items() if max(per.values()) >= 2 or term in _SLANG]
    return Cues(found, Terms.of(strong), Terms.of(found))


def judge(hits: Iterable[Hit], words: int) -> Verdict:
    """Weigh the hits of one text of so many words, language by language, and return the heaviest.

    Context halves the weight with three different words of it. Flagged is a weight of 4 from two terms or more, at least one of
    weight 2 and one hit per hundred words; of 3 where the hits are a quarter of the text; or six different terms of weight 1 at
    three per hundred words.
    """
    weights = cues().weights
    every = list(hits)
    languages = {language for hit in every for language in weights.get(hit.term, ())} or {UNIVERSAL}
    verdicts = [_of_language(language, every, words) for language in sorted(languages)]
    return max(verdicts, key=lambda verdict: (verdict.flagged, verdict.score))


def _of_language(language: str, every: list[Hit], words: int) -> Verdict:
    weights = cues().weights
    distinct: dict[str, int] = {}
    counted: dict[str, int] = defaultdict(int)
    context: set[str] = set()
    mine: list[Hit] = []
    for hit in every:
        per = weights.get(hit.term, {})
        weight = per.get(language, per[UNIVERSAL] if per.get(UNIVERSAL, 0) >= 2 else -1)
        if weight <= 0 and 0 in per.values():
            context.add(hit.term)  # of whatever language: English words of the trade stand in texts of all
        elif weight > 0:
            distinct[hit.term] = weight
            counted[hit.term] += 1
            mine.append(hit)
    score = sum(distinct.values()) / (1 + _CONTEXT * len(context))
    explicit = any(weight >= 2 for weight in distinct.values())
    total = sum(counted.values())
    rate = total / max(1, words)
    covered = sum(len(term.split()) * count for term, count in counted.items()) / max(1, words)
    enough = explicit and len(distinct) >= 2 and score >= _ENOUGH and rate >= _RATE
    dense = explicit and score >= _DENSE and covered >= _DENSE_SHARE
    company = score >= _COMPANY and len(distinct) >= _COMPANY and rate >= _COMPANY_RATE and bool(_SLANG & distinct.keys())
    return Verdict(language, score, len(context), tuple(mine), enough or dense or company)
