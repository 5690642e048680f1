"""Texts as the recognisers read them: what is written without spaces set apart, wide letters as plain ones.

Patterns of numbers and addresses end at the border of a word, and take the letters of scripts that put no spaces between
words for more of the same word. Every sign is exchanged for one sign, so that places in the text stay what they are.
"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

_LETTER: Final = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\x{3005}\x{30FC}]"
_AHEAD: Final = rf"{_LETTER}([0-9A-Za-z+(])"
_BEHIND: Final = rf"([0-9A-Za-z)]){_LETTER}"
_PLAIN: Final = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
_ANY: Final = rf"{_AHEAD}|{_BEHIND}|[\x{{FF01}}-\x{{FF5E}}]"


def apart(texts: pa.Array) -> pa.Array:
    """Return texts in which recognisers find what touches letters of such scripts; others are as they were, nulls stay.

    A letter that touches a Latin letter or a digit becomes a space, a wide sign (U+FF01 to U+FF5E) the plain one.
    """
    foreign = pc.invert(pc.string_is_ascii(texts))
    if not pc.any(foreign).as_py():
        return texts
    touched = pc.if_else(foreign, texts, pa.scalar(None, texts.type))
    touched = pc.if_else(pc.match_substring_regex(touched, _ANY), touched, pa.scalar(None, texts.type))
    if touched.null_count == len(touched):
        return texts
    written = pa.array([None if text is None else plain(text) for text in touched.to_pylist()], texts.type)
    return pc.coalesce(_spaced(written), texts)


def plain(text: str) -> str:
    """Return a text with plain signs in place of wide ones."""
    return text.translate(_PLAIN)


def _spaced(texts: Any) -> Any:
    return pc.replace_substring_regex(pc.replace_substring_regex(texts, _AHEAD, r" \1"), _BEHIND, r"\1 ")
