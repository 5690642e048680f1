"""Word choice: the published lists with their weights, and the score of one text.

style_words.csv holds the 24 words of arXiv 2403.16887 and the style words of arXiv 2406.07016 (berenslab/llm-excess-vocab,
results/excess_words.csv, MIT, Copyright (c) 2024 Dmitry Kobak, Rita González-Márquez; content words such as those of the
pandemic are left out by their type). Neither list gives figures per word. The weight is the log ratio of the shares of
sentences that hold the word, model-rewritten against human abstracts (36,294 and 21,599 sentences, arXiv statistics, MIT), two
occurrences added on either side, within 0 and 4; a word seen fewer than ten times there weighs 0.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
HEAD: Final = 400_000
"""Characters of a text that are scored; more of the same text tells little more."""
STRONG: Final = 2.5
"""From this weight on (12 times as frequent) a word sends a text to the score where there is no calibration."""

CONTROLS: Final = (
    "after",
    "before",
    "blue",
    "conclusion",
    "consider",
    "earlier",
    "furthermore",
    "later",
    "red",
    "relative",
    "technical",
    "yellow",
)
"""Words of arXiv 2403.16887 whose frequency should not have changed."""


@dataclass(frozen=True, slots=True)
class StyleWords:
    """Weight of every listed word, those of arXiv 2403.16887 among them, and those that hardly stand in older texts."""

    weights: Mapping[str, float]
    gray: frozenset[str]
    strong: tuple[str, ...]


@cache
def style_words() -> StyleWords:
    """Read the list once per process."""
    text = files("acquisition.filters.llm_style").joinpath("style_words.csv").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    weights = {word: float(weight) for word, _, weight in rows}
    gray = frozenset(word for word, lists, _ in rows if "2403.16887" in lists)
    strong = gray | {word for word, weight in weights.items() if weight >= STRONG}
    return StyleWords(weights, gray, tuple(sorted(strong)))


def words_of(text: str) -> list[str]:
    """Return the words of the first part of a text in lower case; figures and signs are none."""
    return WORD.findall(text[:HEAD].lower().replace("\u2019", "'"))


def list_score(words: list[str]) -> float:
    """Return the weight of the listed words per hundred words: 2 to 6 in most prose, 20 and more where they abound."""
    weights = style_words().weights
    return 100.0 * sum(weights.get(word, 0.0) for word in words) / max(1, len(words))
