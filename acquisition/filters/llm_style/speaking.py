"""Finds phrases in a column and decides which of them are spoken by an assistant and which are spoken of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.llm_style.phrases import Phrase, PhraseBook, found
from acquisition.filters.llm_style.quoting import told

WEAK_SCORE: Final = 0.3
_CHUNK: Final = 100_000
_OVERLAP: Final = 4_500
"""No phrase is longer."""
_MOST: Final = 50
"""Flags per item and code; a text with more says nothing new."""
_OPENER: Final = re.compile(
    r"\s{0,5}(?:certainly|absolutely|of course|sure(?: thing)?|great(?: question)?|happy to help)[!,.]\s{0,3}"
    r"(?:here(?:'s|\u2019s| is| are)|below (?:is|are)|i've|i\u2019ve|i have|let's|let\u2019s)\b",
    re.IGNORECASE,
)
_CLOSERS: Final = frozenset({"let-me-know", "would-you-like-me", "feel-free", "hope-this-helps"})
_TEMPLATES: Final = re.compile(
    r"\b(?:template|sample|fill[- ]in|placeholders?|boilerplate|form letter|brackets|example (?:letter|email))\b", re.IGNORECASE
)


class Speaking:
    """Flags phrases: those that an assistant speaks are boilerplate, those that are spoken of are notes."""

    def __init__(self, book: PhraseBook) -> None:
        self._book = book

    def flag(self, texts: pa.Array, field: str, flags: FlagRows) -> None:
        """Add the flags of one column of texts."""
        for row, phrases in self._book.candidates(texts).items():
            text = texts[row].as_py()
            hits = []
            for at, chunk in chunks(text):
                hits += [(phrase, at + start, at + end) for phrase, start, end in found(phrases, chunk)]
                if len(hits) > 20 * _MOST:
                    flags.add(
                        row, "llm-style.not-checked", field=field, detail=detail_json(looked_at=at + len(chunk), of=len(text))
                    )
                    break
            self._add(flags, row, field, text, hits)

    def _add(self, flags: FlagRows, row: int, field: str, text: str, hits: Sequence[tuple[Phrase, int, int]]) -> None:
        counts = {"llm-style.boilerplate": 0, "llm-style.weak-phrase": 0}
        last = {"llm-style.boilerplate": -1, "llm-style.weak-phrase": -1}
        for phrase, start, end in sorted(hits, key=lambda hit: (hit[1], -hit[2], hit[0].tier, hit[0].name)):
            way = _way(phrase, text, start, end) if phrase.tier == "certain" else ""
            certain = phrase.tier == "certain" and not way
            code = "llm-style.boilerplate" if certain else "llm-style.weak-phrase"
            if start < last[code]:
                continue  # two phrases share their words, or two chunks their text: the longer one that begins first is told
            last[code] = end
            if counts[code] < _MOST:
                counts[code] += 1
                detail = {"phrase": phrase.name, "tier": phrase.tier, "source": phrase.source} | ({"told": way} if way else {})
                flags.add(
                    row,
                    code,
                    score=1.0 if certain else WEAK_SCORE,
                    field=field,
                    span=(start, end),
                    detail=detail_json(**detail),
                )
        if not counts["llm-style.boilerplate"] and field == "text":
            self._frame(flags, row, text, hits)

    def _frame(self, flags: FlagRows, row: int, text: str, hits: Sequence[tuple[Phrase, int, int]]) -> None:
        """An answer saved whole: it opens as an assistant opens and ends as one ends. Either alone is a person's, too."""
        opening = _OPENER.match(text)
        if opening and any(phrase.name in _CLOSERS and end > len(text) - 400 for phrase, _, end in hits):
            detail = detail_json(phrase="opening-and-closing", tier="certain", source="known wording of assistants")
            flags.add(row, "llm-style.boilerplate", score=0.9, field="text", span=opening.span(), detail=detail)


def _way(phrase: Phrase, text: str, start: int, end: int) -> str:
    if phrase.spoken_of(text, start, end):
        return "about"
    if phrase.name == "your-name" and _TEMPLATES.search(text[:20_000]):
        return "template"
    return told(text, start, end, reported=bool(phrase.language))


def chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yield a long text in overlapping pieces with their places."""
    for at in range(0, max(1, len(text)), _CHUNK):
        yield at, text[at : at + _CHUNK + _OVERLAP]
