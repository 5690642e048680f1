"""The score that a word nearby adds: presidio's lemma enhancer over a blank spaCy pipeline, only for the places that need it.

The enhancer looks at the six kept words up to a finding and the first one from it on. Kept are words that are neither stop
words nor punctuation; a word with a colon counts as its parts, and its parts keep the words equal to them anywhere in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from presidio_analyzer import RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from spacy.tokenizer import Tokenizer

_COMPONENT: Final = "acquisition_lower_lemma"
_LONGEST: Final = 2**31 - 1
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
"""spaCy cannot hash them; in its place stands another character that is no letter."""
_LETTERS: Final = re.compile(r"(?<=[ \t\r\n])[A-Za-z]+(?=[ \t\r\n])")
_NEAR: Final = 300
"""Characters to both sides of a place within which certain words are looked for."""
CONTEXT: Final = "context"
_LONG_WORD: Final = re.compile(r"\S{400,}")
_ALPHANUMERIC: Final = re.compile(r"[^\W_]+")
_EFFORT: Final = 20_000_000
_STEPS: Final = 200
_KNOWN_WORDS: Final = 1 << 16
_SIGMAS: Final = frozenset("\u03c3\u03c2")
"""The one letter whose lower case depends on the letters beside it; for words with it the quick look says nothing."""


def blank_engine(languages: Sequence[str]) -> SpacyNlpEngine:
    """Return presidio's spaCy engine over blank pipelines, one per language, whose lemma is the word in lower case.

    Nothing is loaded or downloaded. A language whose tokenizer needs a package that is missing gets spaCy's multi-language one.
    """
    engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": "blank"} for language in languages])
    engine.nlp = {language: _pipeline(language) for language in languages}  # type: ignore[assignment]  # presidio leaves it None until load()
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
        self._pipeline: Any = engine.get_nlp(language)
        self._engine = engine
        self._language = language
        self._enhancer = enhancer
        self._parts_of = lru_cache(maxsize=_KNOWN_WORDS)(self._parts)
        self._certain = Certain(self._pipeline, self._parts_of)

    def enhance(self, text: str, found: list[RecognizerResult], recognizers: Mapping[str, Any], context: Sequence[str]) -> bool:
        """Raise the scores of findings with a word of their recognizer's context nearby, in place; False: it takes too long."""
        given = [word.lower() for word in context]
        before, after = self._enhancer.context_prefix_count + 1, self._enhancer.context_suffix_count + 1
        words: _Words | None = None
        for one in found:
            wanted = recognizers[one.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY]].context
            if not wanted:
                continue
            piece = self._certain.around(text, one.start, before, after)
            if piece is not None and not may_stand(wanted, [*given, piece]):
                continue
            if words is None and _takes_long(text):
                return False
            words = words or self._words(text)
            if self._supports([*words.around(one.start, before, after), *given], wanted):
                raised = max(
                    one.score + self._enhancer.context_similarity_factor, self._enhancer.min_score_with_context_similarity
                )
                one.score = min(raised, LemmaContextAwareEnhancer.MAX_SCORE)
        return True

    def artifacts(self, text: str) -> NlpArtifacts:
        """Return what presidio's engine makes of a text; for recognizers that ask for it."""
        return self._engine.process_text(text, self._language)

    def _words(self, text: str) -> _Words:
        return _Words(self._pipeline.make_doc(_SURROGATES.sub("\ufffd", text)), self._parts_of, colons=":" in text)

    def _supports(self, nearby: list[str], wanted: list[str]) -> bool:
        find = self._enhancer._find_supportive_word_in_context  # noqa: SLF001 - the rule itself, not a copy of it
        return find(nearby, wanted, self._enhancer.context_matching_mode) != ""

    def _parts(self, word: str) -> tuple[str, ...]:
        """Return the keywords that a word yields: none for stop words and punctuation, several for one with colons."""
        kept = not self._engine.is_stopword(word, self._language) and not self._engine.is_punct(word, self._language)
        return tuple(word.lower().split(":")) if kept and word not in ("-PRON-", "be") else ()


class Certain:
    """Bounds the text in which the words around a place lie, without making words of it.

    Certain words are runs of ASCII letters between spaces that the tokenizer leaves whole wherever they stand, and are kept.
    So many of them before a place, and the others behind it, hold all words that count.
    """

    def __init__(self, pipeline: Any, parts_of: Callable[[str], tuple[str, ...]]) -> None:
        self._tokenizer = pipeline.tokenizer
        # Exceptions of more than one word are matched across spaces; what is no part of any exception takes no part in that.
        self._exceptions = "\n".join(getattr(self._tokenizer, "rules", None) or ())
        self._usable = type(self._tokenizer) is Tokenizer
        self._parts_of = parts_of
        self._is_certain = lru_cache(maxsize=_KNOWN_WORDS)(self._stays_whole)

    def around(self, text: str, start: int, before: int, after: int) -> str | None:
        """Return a piece of the text, in lower case, that holds the kept words up to and from a place; None: not known."""
        if not self._usable:
            return None
        floor = max(0, start - _NEAR)
        first = self._reach(reversed(list(_LETTERS.finditer(text, floor, start))), before)
        last = self._reach(_LETTERS.finditer(text, start, start + _NEAR), after)
        if (first is None and floor > 0) or (last is None and start + _NEAR < len(text)):
            return None
        return text[first.start() if first else 0 : last.end() if last else len(text)].lower()

    def _reach(self, words: Iterable[re.Match[str]], count: int) -> re.Match[str] | None:
        """Return the word with which enough certain words have been passed."""
        for word in words:
            count -= self._is_certain(word.group())
            if count == 0:
                return word
        return None

    def _stays_whole(self, part: str) -> bool:
        if not (part.isascii() and part.isalpha()) or part in self._exceptions:
            return False
        return [token.text for token in self._tokenizer(part)] == [part] and self._parts_of(part.lower()) == (part.lower(),)


class _Words:
    """The words of one text, and which of them are kept."""

    def __init__(self, doc: Any, parts_of: Callable[[str], tuple[str, ...]], *, colons: bool) -> None:
        columns = doc.to_array(["LOWER", "LENGTH", "SPACY"]).astype(np.uint64).reshape(-1, 3)
        lengths, spaces = columns[:, 1].astype(np.int64), columns[:, 2].astype(np.int64)
        self._keys = columns[:, 0].tolist()
        self._ends = np.cumsum(lengths + spaces) - spaces
        self._strings = doc.vocab.strings
        self._parts_of = parts_of
        self._kept_places: npt.NDArray[np.int64] | None = None
        words = {self._strings[key] for key in set(self._keys)} if colons else ()
        self._parted = {part for word in words if ":" in word for part in parts_of(word)}

    def around(self, start: int, before: int, after: int) -> set[str]:
        """Return the kept words up to and from the word at an offset."""
        place = int(np.searchsorted(self._ends, start, side="right"))
        if place == len(self._keys):
            return set()
        return {*self._kept(range(place, -1, -1), before), *self._kept(range(place, len(self._keys)), after)}

    def _kept(self, places: range, count: int) -> list[str]:
        kept: list[str] = []
        for place in places[:_STEPS]:
            word = self._word(self._keys[place])
            if self._keeps(word):
                kept.append(word)
                if len(kept) == count:
                    return kept
        return kept if len(places) <= _STEPS else self._kept_far(places, count)

    def _kept_far(self, places: range, count: int) -> list[str]:
        """The same, for texts with so little to keep that looking at each word again and again would take forever."""
        if self._kept_places is None:
            keys, inverse = np.unique(np.array(self._keys, dtype=np.uint64), return_inverse=True)
            keeps = np.array([self._keeps(self._word(key)) for key in keys.tolist()], dtype=np.bool_)
            self._kept_places = np.flatnonzero(keeps[inverse.reshape(-1)])
        if places.step < 0:
            end = int(np.searchsorted(self._kept_places, places.start, side="right"))
            nearest = self._kept_places[max(0, end - count) : end]
        else:
            begin = int(np.searchsorted(self._kept_places, places.start))
            nearest = self._kept_places[begin : begin + count]
        return [self._word(self._keys[place]) for place in nearest.tolist()]

    def _word(self, key: int) -> str:
        return str(self._strings[key]).lower()

    def _keeps(self, word: str) -> bool:
        return word in self._parts_of(word) or word in self._parted


def _takes_long(text: str) -> bool:
    """Say whether spaCy would take seconds: it takes punctuation off a word one by one and looks at the rest each time."""
    effort = 0
    for found in _LONG_WORD.finditer(text):
        word = found.group()
        effort += len(word) * (len(word) - sum(map(len, _ALPHANUMERIC.findall(word))))
    return effort > _EFFORT


def may_stand(wanted: Sequence[str], texts: Sequence[str]) -> bool:
    """Say whether one of the words may stand in a word of one of the texts, which are in lower case."""
    lowered = map(str.lower, wanted)
    return any(not _SIGMAS.isdisjoint(word) or any(word in text for text in texts) for word in lowered)
