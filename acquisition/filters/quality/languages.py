"""The language of a text, told by py3langid (97 languages), and compared with what is declared.

lingua was measured beside it: as exact, four to eighty times slower, a gigabyte of memory (docs/decisions/0027-quality.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

from acquisition.filters.flags import FlagRows, detail_json

LOOKED_AT: Final = 300
"""Characters from the middle of a text that the detector sees; more do not change its answer."""
SAMPLED: Final = 64
"""Texts of a shard whose language is told where none is declared, for the report."""
_FUNCTION_WORDS: Final = {
    "en": "the and of to that with this from have not are was were which they their",
    "de": "der die das und ist nicht ein eine mit auf dem den für sich von werden auch",
    "fr": "le les des et est une dans qui pas sur avec nous vous cette aux",
    "es": "el los las y del pero más está también muy su sus lo al fue",
    "it": "il gli della sono anche più questo nel alla delle è ha che di",
    "pt": "não uma um do da dos em são ao foi mais também pelo sua isso",
    "nl": "het een niet zijn voor naar wordt heeft deze worden hij zij werd bij",
}
FUNCTION_WORDS: Final = {code: frozenset(words.split()) for code, words in _FUNCTION_WORDS.items()}
"""Words that hardly any text of a language goes without and its neighbours do; four different ones among a text's first words,
and a seventh of them all, tell it in two microseconds where it is expected. Any other answer is the detector's."""
_ADDRESS: Final = re.compile(r"https?://\S+|\S+@\S+|[@#]\w+|\d+")
_LETTER: Final = re.compile(r"[^\W\d_]")


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # half a second and 60 MB, once per process

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def languages_of(text: str) -> list[tuple[str, float]]:
    """Return ISO 639-1 codes with probabilities, the best first; empty where there is nothing to tell a language by."""
    start = max(0, (len(text) - LOOKED_AT) // 2)
    sample = _ADDRESS.sub(" ", text[start : start + LOOKED_AT])
    if len(_LETTER.findall(sample)) < 4:
        return []
    ranked: list[tuple[str, float]] = _identifier().rank(sample)
    return ranked


def flag_languages(texts: pa.Array, rows: Sequence[int], expected: Sequence[str], flags: FlagRows) -> None:
    """Flag `quality.language` for every row whose text is in none of the expected languages."""
    wanted = frozenset(code.casefold().split("-")[0] for code in expected)
    if "no" in wanted:
        wanted |= {"nb", "nn"}
    known = [FUNCTION_WORDS[code] for code in sorted(wanted) if code in FUNCTION_WORDS]
    for row in rows:
        text = texts[row].as_py()
        if any(_told(text, words) for words in known):
            continue
        ranked = languages_of(text)
        if not ranked or ranked[0][0] in wanted:
            continue
        score = round(1 - sum(probability for code, probability in ranked if code in wanted), 4)
        detail = detail_json(language=ranked[0][0], probability=round(ranked[0][1], 4), expected=sorted(wanted))
        flags.add(row, "quality.language", score=score, field="text", detail=detail)


def _told(text: str, function_words: frozenset[str]) -> bool:
    words = text[:LOOKED_AT].lower().split()
    found = [word for word in words if word in function_words]
    return 7 * len(found) >= len(words) and len(set(found)) >= 4


def sampled_languages(texts: pa.Array, rows: np.ndarray, total: int) -> list[str | None]:
    """Return the language of some rows, evenly spaced, and None for all others."""
    told: list[str | None] = [None] * total
    step = max(1, len(rows) // SAMPLED)
    for row in rows[::step][:SAMPLED].tolist():
        ranked = languages_of(texts[row].as_py())
        told[row] = ranked[0][0] if ranked and ranked[0][1] >= 0.5 else "und"
    return told
