"""The language of a text, told by py3langid (97 languages, 60 to 130 microseconds), and compared with what is declared.

lingua was measured beside it: more exact on single words, six times slower and heavier (docs/decisions/0027-quality.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

from acquisition.filters.flags import FlagRows, detail_json

LOOKED_AT: Final = 600
"""Characters from the middle of a text that the detector sees; more do not change its answer."""
SAMPLED: Final = 64
"""Texts of a shard whose language is told where none is declared, for the report."""
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
    for row in rows:
        ranked = languages_of(texts[row].as_py())
        if not ranked or ranked[0][0] in wanted:
            continue
        score = round(1 - sum(probability for code, probability in ranked if code in wanted), 4)
        detail = detail_json(language=ranked[0][0], probability=round(ranked[0][1], 4), expected=sorted(wanted))
        flags.add(row, "quality.language", score=score, field="text", detail=detail)


def sampled_languages(texts: pa.Array, rows: np.ndarray, total: int) -> list[str | None]:
    """Return the language of some rows, evenly spaced, and None for all others."""
    told: list[str | None] = [None] * total
    step = max(1, len(rows) // SAMPLED)
    for row in rows[::step][:SAMPLED].tolist():
        ranked = languages_of(texts[row].as_py())
        told[row] = ranked[0][0] if ranked and ranked[0][1] >= 0.5 else "und"
    return told
