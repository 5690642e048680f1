"""The presence model of arXiv 2403.07183: how probable each word is in a human sentence and in a model's.

A sentence's log likelihood ratio adds, over the whole vocabulary, what the presence or absence of each word says. The same
weights, averaged over the different words of one text, rank texts within the domain that they were counted in.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from acquisition.filters.llm_style.words import HEAD, WORD

_END: Final = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])[\"'\u201d\u00bb)]*\s+|[\u3002\uff01\uff1f]|\n+")
SHORTEST: Final = 3
"""Words of the shortest sentence that is counted."""
_HUMAN, _MODEL, _EITHER, _LARGEST = 5, 3, 10, 5_000
"""A word is kept in 5 human and 3 model sentences (arXiv 2403.07183), or in 10 of either; 5,000 words at most."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words with the probability that a human sentence and a model's sentence hold them."""

    words: tuple[str, ...]
    human: tuple[float, ...]
    model: tuple[float, ...]

    def ratios(self) -> Ratios:
        """Return what the presence of each word adds to a sentence's log likelihood ratio, and where it starts."""
        pairs = list(zip(self.human, self.model, strict=True))
        absent = [math.log((1 - q) / (1 - p)) for p, q in pairs]
        present = [math.log(q / p) - none for (p, q), none in zip(pairs, absent, strict=True)]
        return Ratios(math.fsum(absent), dict(zip(self.words, present, strict=True)))


@dataclass(frozen=True, slots=True)
class Ratios:
    """Log likelihood ratios, model against human: `base` of a sentence without any known word, `weights` of each word."""

    base: float
    weights: Mapping[str, float]

    def of_sentence(self, words: AbstractSet[str]) -> float:
        """Return the log likelihood ratio of one sentence."""
        weights = self.weights
        return self.base + math.fsum(weights[word] for word in words if word in weights)

    def of_text(self, words: Iterable[str]) -> float:
        """Return the mean weight of the different words of a text; words that are not known weigh nothing."""
        different = set(words)
        return math.fsum(self.weights.get(word, 0.0) for word in different) / max(1, len(different))


def sentences_of(text: str) -> list[list[str]]:
    """Return the words of each sentence of the first part of a text; sentences under three words are left out."""
    lowered = text[:HEAD].lower().replace("\u2019", "'")
    return [words for part in _END.split(lowered) if len(words := WORD.findall(part)) >= SHORTEST]


def fit_vocabulary(human: Sequence[Sequence[Sequence[str]]], model: Sequence[Sequence[Sequence[str]]]) -> Vocabulary:
    """Count presence over the sentences of human and model texts; half an occurrence is added to every count."""
    counts = []
    for texts in (human, model):
        counter: Counter[str] = Counter()
        total = 0
        for text in texts:
            total += len(text)
            for sentence in text:
                counter.update(set(sentence))
        counts.append((counter, total))
    (people, persons), (machine, machines) = counts
    kept = [
        word
        for word in people.keys() | machine.keys()
        if (people[word] >= _HUMAN and machine[word] >= _MODEL) or max(people[word], machine[word]) >= _EITHER
    ]
    kept = sorted(sorted(kept, key=lambda word: (-people[word] - machine[word], word))[:_LARGEST])
    return Vocabulary(
        tuple(kept),
        tuple(round((people[word] + 0.5) / (persons + 1), 7) for word in kept),
        tuple(round((machine[word] + 0.5) / (machines + 1), 7) for word in kept),
    )
