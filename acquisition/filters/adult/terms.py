"""Terms in text: a gate over the whole column, then whole words where a script has spaces and substrings where it has none.

One RE2 expression of up to 1,600 terms costs 3 to 5 µs per kilobyte, and only texts with a hit are read word by word; an
Aho-Corasick automaton over Python strings costs 20 to 30 µs for every text (docs/decisions/0026-adult.md).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

WORD: Final = re.compile(r"18\+|[^\W_]+")
_BETWEEN: Final = r"[ \t\r\n_/&',-]{1,2}"
"""What may stand between the words of a term: one or two ASCII signs, none of which ends a sentence. With others RE2 needs an
automaton that it cannot keep (430 µs per kilobyte instead of 6)."""
_JOINED: Final = re.compile(_BETWEEN)
_GATE: Final = 1_600
_GATES: Final = 16
"""Beyond 25,600 terms every text is read word by word."""
_UNSPACED: Final = re.compile(
    "[\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U0001f000-\U0001faff]"
)
"""Scripts without spaces, with endings that words do not bound, or with vowel signs that `\\w` does not know, and pictures."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One term where it stands."""

    term: str
    start: int
    end: int


@dataclass
class Terms:
    """A list of terms, ready to be looked for."""

    phrases: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()

    @classmethod
    def of(cls, terms: Iterable[str]) -> Terms:
        """Prepare terms; case and the kind of white space do not matter."""
        phrases: dict[str, list[tuple[str, ...]]] = {}
        parts: set[str] = set()
        wanted = sorted({folded for term in terms if (folded := fold(" ".join(term.split())))})
        for term in wanted:
            words = tuple(WORD.findall(term))
            if _UNSPACED.search(term) or not words:
                parts.add(term)
            else:
                phrases.setdefault(words[0], []).append(words)
        for several in phrases.values():
            several.sort(key=lambda words: -len(words))
        signs = sorted({*(_sign(words) for several in phrases.values() for words in several), *map(re.escape, parts)})
        pieces = [signs[at : at + _GATE] for at in range(0, len(signs), _GATE)]
        gates = tuple("|".join(piece) for piece in pieces) if len(pieces) <= _GATES else ()
        return cls(phrases, tuple(sorted(parts, key=len, reverse=True)), gates)

    def __bool__(self) -> bool:
        return bool(self.phrases or self.parts)

    def candidates(self, texts: pa.Array) -> list[int]:
        """Return the rows that may hold a term."""
        if not self:
            return []
        if not self.gates:
            return np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False)).tolist()
        passed = np.zeros(len(texts), bool)
        for gate in self.gates:
            found = pc.match_substring_regex(texts, gate, ignore_case=True).fill_null(False)
            passed |= np.asarray(found.to_numpy(zero_copy_only=False), bool)
        rows: list[int] = np.flatnonzero(passed).tolist()
        return rows

    def found(self, text: str) -> tuple[list[Hit], int]:
        """Return the terms of a text, longest first and without overlap, and its words; two letters without spaces are one."""
        folded = fold(text)
        words = [(match[0], match.start(), match.end()) for match in WORD.finditer(folded)]
        hits = list(self._phrases_in(folded, words))
        unspaced = len(_UNSPACED.findall(folded))
        if unspaced:
            hits += self._parts_in(folded)
        return sorted(hits, key=lambda hit: hit.start), len(words) + unspaced // 2

    def _phrases_in(self, text: str, words: list[tuple[str, int, int]]) -> Iterator[Hit]:
        at = 0
        while at < len(words):
            for phrase in self.phrases.get(words[at][0], ()):
                if _same(text, words[at : at + len(phrase)], phrase):
                    yield Hit(" ".join(phrase), words[at][1], words[at + len(phrase) - 1][2])
                    at += len(phrase) - 1
                    break
            at += 1

    def _parts_in(self, text: str) -> Iterator[Hit]:
        covered = np.zeros(len(text), bool)
        for part in self.parts:
            at = text.find(part)
            while at >= 0:
                if not covered[at : at + len(part)].any():
                    covered[at : at + len(part)] = True
                    yield Hit(part, at, at + len(part))
                at = text.find(part, at + len(part))


def _same(text: str, words: list[tuple[str, int, int]], phrase: tuple[str, ...]) -> bool:
    """Say whether words are a phrase, with one or two signs between them ("no-strings", and not the next sentence)."""
    if len(words) != len(phrase) or any(word != wanted for (word, _, _), wanted in zip(words, phrase, strict=True)):
        return False
    return all(_JOINED.fullmatch(text, before[2], after[1]) for before, after in itertools.pairwise(words))


def fold(text: str) -> str:
    """Return a text in lower case with every character in its place, so that spans stay true."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := one.lower()) == 1 else one for one in text)


def _sign(words: tuple[str, ...]) -> str:
    """Return what RE2 looks for: its word bounds know ASCII alone, so other words go without."""
    escaped = _BETWEEN.join(map(re.escape, words))
    return rf"\b{escaped}\b" if "".join(words).isascii() and "+" not in words[-1] else escaped
