"""Categories that are written in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from acquisition.filters.quality.cells import kind_of
from acquisition.filters.quality.faults import Fault, numeric_share
from acquisition.filters.quality.sketches import Column

_TRUE: Final = frozenset({"true", "t", "yes", "y", "1", "on"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0", "off"})
_TELLING: Final = "+#<>=%*"
_SIGN: Final = ("-", "\u2212")
_GENDERS: Final = (frozenset({"m", "male", "man"}), frozenset({"f", "female", "woman", "w"}))


def spelling(word: str) -> str:
    """Return what is left of a category without case, accents, white space and punctuation.

    Signs that tell categories apart stay: A+ and A- are two blood groups, <50 and >50 two ranges, C and C# two languages.
    """
    plain = unicodedata.normalize("NFKD", word.casefold()).strip()
    kept = "".join(letter for letter in plain if letter.isalnum() or letter in _TELLING)
    first, last = plain[:1] in _SIGN and plain[1:2].isalnum(), plain[-1:] in _SIGN and plain[-2:-1].isalnum()
    return f"{'-' if first else ''}{kept}{'-' if last else ''}"


def several_spellings(name: str, column: Column) -> Iterator[Fault]:
    """Categories that are written in several ways; by spelling, by synonyms of yes and no, by a slip of one letter."""
    if column.more or numeric_share(column) > 0.2:
        return
    words = {
        word: count for word, count in column.values.items() if word.strip() and kind_of(word)[0] not in ("missing", "date")
    }
    texts = sum(words.values())
    if not 2 <= len(words) <= max(20, 0.5 * texts):
        return
    groups: dict[str, list[str]] = defaultdict(list)
    for word in words:
        groups[spelling(word) or word].append(word)
    variants = [sorted(group, key=lambda word: -words[word]) for group in groups.values() if len(group) > 1]
    variants += _synonyms(words)
    variants += _slips({group[0]: sum(words[word] for word in group) for group in groups.values()})
    if variants:
        odd = sum(words[word] for group in variants for word in group[1:])
        said = "; ".join(" = ".join(repr(word[:30]) for word in group[:4]) for group in variants[:4])
        yield Fault("quality.inconsistent-categories", name, min(1.0, odd / texts), texts, said, share=True)


def _synonyms(words: Mapping[str, int]) -> Iterator[list[str]]:
    lower = {word.strip().casefold(): word for word in words}
    both = [(lower.keys() & _TRUE), (lower.keys() & _FALSE)]
    sexes = [lower.keys() & group for group in _GENDERS]
    for known in (both, sexes):
        if sum(map(len, known)) == len(lower):
            yield from (
                sorted((lower[word] for word in group), key=lambda word: -words[word]) for group in known if len(group) > 1
            )
    for short in [word for word in lower if 2 <= len(spelling(word)) <= 5]:
        for full in lower:
            parts = re.findall(r"\w+", full)
            if len(parts) == len(spelling(short)) > 1 and "".join(part[0] for part in parts) == spelling(short):
                yield [lower[full], lower[short]]


def _slips(words: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield pairs of a common word and a rare one that differ in one letter, or in two neighbours (the rare one is a slip)."""
    from rapidfuzz.distance import OSA

    if len(words) > 200:
        return
    for rare, few in words.items():
        if len(rare) < 5 or any(letter.isdigit() for letter in rare):
            continue
        for common, many in words.items():
            swapped = 2 * few <= many and sorted(rare.casefold()) == sorted(common.casefold())
            close = swapped or (10 * few <= many and few <= 5 and abs(len(common) - len(rare)) <= 1)
            if close and OSA.distance(rare.casefold(), common.casefold(), score_cutoff=1) == 1:
                yield [common, rare]
                break
