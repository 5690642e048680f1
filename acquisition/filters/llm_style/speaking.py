"""Finds phrases in a column and decides which of them are spoken by an assistant and which are spoken of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.llm_style.phrases import ASSISTANT, Phrase, PhraseBook, found
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
_WORK: Final = re.compile(
    r"[^\n]{0,30}\b(?:an?|some|one|two|three|four|five|six|seven|eight|nine|ten|[0-9]{1,4}(?:-word)?|eine?|une?|un[ao]?|uma?|een)\b[^\n]{0,40}"
    r"(?:version|draft|essay|poem|story|summar|paragraph|description|title|headline|abstract|introduction|translation|outline|article|script|"
    r"example of an?|sample|list of [0-9]{1,3} |"
    r"slogan|caption|haiku|speech|fassung|entwurf|gedicht|übersetzung|résumé|texte|poème|versi[oó]n|resumen|poema|texto|riassunto|"
    r"testo|versão|resumo|versie|samenvatting)[^\n]{0,120}:\s{0,3}\n\s{0,3}\S|"
    r"[^\n]{0,60}(?:wersja|tekst|streszczenie|верси|текст|перевод|стихотворение|版本|摘要|总结|文章|翻译|译文|修正版|改訂版|要約|翻訳|버전|요약|번역|hali|özet|metin|çeviri)"
    r"[^\n]{0,60}[:：]\s{0,3}\n\s{0,3}\S",
    re.IGNORECASE,
)
"""The rest of a first line that hands over a piece of writing, made to order, which follows below."""
_HANDING: Final = re.compile(r"[!,\uff01\uff0c\u3002](?! ?(?:i\b|let))", re.IGNORECASE)
"""What parts an opening word from what is handed over; "Sure, I've attached a draft:" hands over nothing made to order."""
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
        """An answer saved whole: it opens as an assistant opens, and hands over a piece of writing or ends as one ends."""
        opening = _opening(text, hits)
        if not opening:
            return
        closed = any(_stem(phrase) in _CLOSERS and end > len(text) - 400 for phrase, _, end in hits)
        handed = _HANDING.search(text, 0, opening) and _WORK.match(text, opening)
        if closed or handed:
            name = "opening-and-closing" if closed else "handed-over"
            detail = detail_json(phrase=name, tier="certain", source=ASSISTANT)
            flags.add(row, "llm-style.boilerplate", score=0.9, field="text", span=(0, opening), detail=detail)


def _opening(text: str, hits: Sequence[tuple[Phrase, int, int]]) -> int:
    """Return where the words end with which an assistant opens, 0 where the text opens otherwise."""
    match = _OPENER.match(text)
    own = [end for phrase, start, end in hits if _stem(phrase) == "here-is" and not text[:start].strip(' \n\u00a1*"')]
    return match.end() if match else max(own, default=0)


def _stem(phrase: Phrase) -> str:
    """Return what a phrase is called in every language."""
    return phrase.name.partition(".")[0]


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
