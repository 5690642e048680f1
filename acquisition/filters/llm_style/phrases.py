"""Phrases that chat assistants leave behind: what one is, and how many of them are looked for at once.

In a pattern a space stands for one to three white-space characters and an apostrophe for both of its shapes; letter case does
not matter. Patterns use no look-around and only bounded repetition, so none can run away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Tier = Literal["certain", "weak"]

ASSISTANT: Final = "known wording of assistants"
REFUSALS: Final = "refusal prefixes released with arXiv 2307.15043"
CLEANING: Final = "unwanted-words list of the scripts that cleaned the ShareGPT and WizardLM instruction sets"
WIKIPEDIA: Final = "Wikipedia, Signs of AI writing"
HC3: Final = "indicating words of HC3 (arXiv 2301.07597)"
KOBAK: Final = "excess vocabulary of arXiv 2406.07016"
INTERFACE: Final = "labels and notices of chat web pages"
FORMATS: Final = "published chat templates (ChatML, Llama, Gemma, Alpaca)"

_SPACE: Final = "(?:[ \\t\\r\\n\u00a0\u3000]{1,3})"

_PART: Final = re.compile(r"\\.|\[(?:\\.|[^\]])*\]|[ ']")
"""An escape, a class, or one of the two characters that stand for more; inside classes they mean themselves."""
_WIDER: Final = {" ": _SPACE, "'": "['\u2019\u02bc]"}


@dataclass(frozen=True)
class Phrase:
    """One phrase: its id, tier, language ("" where it has none), source, an anchor and the pattern.

    `anchors` are lower-case words of which every match holds one, chosen rare: the gate looks for them alone. `before` and
    `after` describe what stands directly around the phrase where it is spoken of and not spoken: there it is weak. `sign` is
    what the gate looks for where the anchors alone are too common.
    """

    name: str
    tier: Tier
    language: str
    source: str
    anchors: tuple[str, ...]
    pattern: str
    before: str = ""
    after: str = ""
    sign: str = ""

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern as `re` reads it."""
        return re.compile(readable(self.pattern), re.IGNORECASE)

    @cached_property
    def _before(self) -> re.Pattern[str] | None:
        return re.compile(rf"(?:{readable(self.before)})$", re.IGNORECASE) if self.before else None

    @cached_property
    def _after(self) -> re.Pattern[str] | None:
        return re.compile(readable(self.after), re.IGNORECASE) if self.after else None

    def spoken_of(self, text: str, start: int, end: int) -> bool:
        """Say whether the words beside a match show that the phrase is talked about."""
        if self._before is not None and self._before.search(text[max(0, start - 60) : start]):
            return True
        return self._after is not None and self._after.match(text[end : end + 80]) is not None


def readable(pattern: str) -> str:
    """Return a pattern as an expression that both RE2 and `re` understand (with case ignored)."""
    return _PART.sub(lambda part: _WIDER.get(part[0], part[0]), pattern)


def gate(phrases: Iterable[Phrase]) -> str:
    """Return one RE2 expression of literals that finds every text in which one of the phrases may stand."""
    signs = {sign for phrase in phrases for sign in ((phrase.sign,) if phrase.sign else map(_literal, phrase.anchors))}
    return "|".join(sorted(readable(sign) for sign in signs))


def _literal(anchor: str) -> str:
    return re.escape(anchor).replace(r"\ ", " ")


def found(phrases: Iterable[Phrase], text: str) -> Iterator[tuple[Phrase, int, int]]:
    """Yield every match of the phrases: the phrase, its first character and the one after its last."""
    for phrase in phrases:
        for match in phrase.expression.finditer(text):
            yield phrase, match.start(), match.end()


class PhraseBook:
    """Phrases behind gates of RE2: two over the whole column, then one per language and one per phrase over what passes.

    One automaton for all phrases would not fit into RE2's cache: 1.4 ms per kilobyte against 11 microseconds for the two.
    """

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        groups: dict[str, list[Phrase]] = {}
        for phrase in phrases:
            groups.setdefault(phrase.language, []).append(phrase)
        self._groups = {language: [(phrase, gate([phrase])) for phrase in group] for language, group in groups.items()}
        near = {language: group for language, group in groups.items() if language in _NEAR}
        far = {language: group for language, group in groups.items() if language not in _NEAR}
        self._gates = tuple(
            (
                gate(phrase for group in part.values() for phrase in group),
                {language: gate(group) for language, group in part.items()},
            )
            for part in (near, far)
            if part
        )

    def candidates(self, texts: pa.Array) -> dict[int, list[Phrase]]:
        """Return, for every text that may hold a phrase, the phrases whose gates it passed."""
        looked: dict[int, list[Phrase]] = {}
        for outer, inner in self._gates:
            rows = np.flatnonzero(_matches(texts, outer))
            if not len(rows):
                continue
            chosen = texts.take(pa.array(rows))
            for language, expression in inner.items():
                near = np.flatnonzero(_matches(chosen, expression))
                some = chosen.take(pa.array(near)) if len(near) else None
                for phrase, own in self._groups[language] if some is not None else ():
                    for at in near[_matches(some, own)]:
                        looked.setdefault(int(rows[at]), []).append(phrase)
        return dict(sorted(looked.items()))


_NEAR: Final = frozenset({"", "en"})


def _matches(texts: pa.Array, expression: str) -> np.ndarray:
    found = pc.match_substring_regex(texts, expression, ignore_case=True).fill_null(False)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)
