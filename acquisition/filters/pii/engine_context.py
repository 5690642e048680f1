"""The score that a word nearby adds: presidio's lemma enhancer over a blank spaCy pipeline, computed for the places that need it.

The enhancer looks at the six kept words up to a finding and the first one from it on. Kept are words that are neither stop words
nor punctuation; a word with a colon counts as its parts, and its parts keep the words equal to them anywhere in the text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from presidio_analyzer import RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine

_COMPONENT: Final = "acquisition_lower_lemma"
_LONGEST: Final = 2**31 - 1
_KNOWN_WORDS: Final = 1 << 16
_SIGMAS: Final = frozenset("\u03c3\u03c2")
"""The one letter whose lower case depends on the letters beside it; for words with it the quick look says nothing."""


def blank_engine(languages: Sequence[str]) -> SpacyNlpEngine:
    """Return presidio's spaCy engine over blank pipelines, one per language, whose lemma is the word in lower case.

    Nothing is loaded or downloaded. A language whose tokenizer needs a package that is not there gets spaCy's multi-language one.
    """
    engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": "blank"} for language in languages])
    engine.nlp = {language: _pipeline(language) for language in languages}
    return engine


def _pipeline(language: str) -> Any:
    import spacy
    from spacy.language import Language

    if not Language.has_factory(_COMPONENT):
        Language.component(_COMPONENT, func=_lower_lemmas)
    try:
        pipeline = spacy.blank(language)
    except ImportError:
        pipeline = spacy.blank("xx")
    pipeline.max_length = _LONGEST
    pipeline.add_pipe(_COMPONENT)
    return pipeline


def _lower_lemmas(doc: Any) -> Any:
    for token in doc:
        token.lemma_ = token.lower_
    return doc


class Nearby:
    """Enhances findings in the texts of one language."""

    def __init__(self, engine: SpacyNlpEngine, language: str, enhancer: LemmaContextAwareEnhancer) -> None:
        self._pipeline = engine.nlp[language]
        self._engine = engine
        self._language = language
        self._enhancer = enhancer
        self._parts_of = lru_cache(maxsize=_KNOWN_WORDS)(self._parts)

    def enhance(self, text: str, found: list[RecognizerResult], recognizers: dict[str, Any], context: Sequence[str]) -> None:
        """Raise the scores of findings with a word of their recognizer's context nearby, in place."""
        lowered = text.lower()
        given = [word.lower() for word in context]
        words: _Words | None = None
        for one in found:
            wanted = recognizers[one.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY]].context
            if not wanted or not (_may_stand(wanted, lowered) or any(_may_stand(wanted, word) for word in given)):
                continue
            words = words or _Words(self._pipeline.make_doc(text), self._parts_of)
            nearby = words.around(one.start, self._enhancer.context_prefix_count, self._enhancer.context_suffix_count)
            if self._supports([*nearby, *given], wanted):
                raised = max(
                    one.score + self._enhancer.context_similarity_factor, self._enhancer.min_score_with_context_similarity
                )
                one.score = min(raised, LemmaContextAwareEnhancer.MAX_SCORE)

    def artifacts(self, text: str) -> NlpArtifacts:
        """Return what presidio's engine makes of a text; for recognizers that ask for it."""
        return self._engine.process_text(text, self._language)

    def _supports(self, nearby: list[str], wanted: list[str]) -> bool:
        mode = self._enhancer.context_matching_mode
        return self._enhancer._find_supportive_word_in_context(nearby, wanted, mode) != ""  # noqa: SLF001 - the rule itself, not a copy of it

    def _parts(self, word: str) -> tuple[str, ...]:
        """Return the keywords that a word yields: none for stop words and punctuation, several for one with colons."""
        kept = not self._engine.is_stopword(word, self._language) and not self._engine.is_punct(word, self._language)
        return tuple(word.lower().split(":")) if kept and word not in ("-PRON-", "be") else ()


class _Words:
    """The words of one text, and which of them are kept."""

    def __init__(self, doc: Any, parts_of: Any) -> None:
        self._words = [token.lower_ for token in doc]
        self._ends = [token.idx + len(token) for token in doc]
        self._parts_of = parts_of
        self._parted = {part for word in self._words if ":" in word for part in parts_of(word)}

    def around(self, start: int, before: int, after: int) -> set[str]:
        """Return the kept words up to and from the word at an offset."""
        place = bisect_right(self._ends, start)
        if place == len(self._words):
            return set()
        return {*self._kept(range(place, -1, -1), before + 1), *self._kept(range(place, len(self._words)), after + 1)}

    def _kept(self, places: range, count: int) -> list[str]:
        kept: list[str] = []
        for place in places:
            word = self._words[place].lower()
            if word in self._parts_of(word) or word in self._parted:
                kept.append(word)
                if len(kept) == count:
                    break
        return kept


def _may_stand(wanted: Sequence[str], lowered: str) -> bool:
    """Say whether one of the words may stand in a word of the text."""
    return any(word in lowered or not _SIGMAS.isdisjoint(word) for word in map(str.lower, wanted))
