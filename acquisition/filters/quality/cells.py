"""What one cell of a table holds: nothing, a stand-in for nothing, a number (plain or dressed), a date, or text."""

from __future__ import annotations

import re
from typing import Final

NUMBER: Final = r"^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?\s*$"
"""A number as Arrow's cast reads it, white space aside."""
COMMA: Final = re.compile(r"[-+]?\d+,\d+")
_DRESSED: Final = re.compile(
    r"(?:[$€£¥₹]\s?)?[-+]?(?:\d{1,3}(?:[,' ]\d{3})+|\d+)(?:[.,]\d+)?\s?(?:%|[$€£¥₹]|[a-zA-Zµ°]{1,4}\.?(?:/[a-zA-Z0-9]{1,3})?)?"
)
MISSING: Final = re.compile(
    r"\?{0,3}|n\.?/?a\.?|n\.d\.|#n/a|-?nan|nat|null|nil|<na>|\\n|missing|undefined"
    r"|not available|[(\[](?:null|none|missing)[)\]]"
    r"|#(?:null|value|ref|div/0)!|(?:1900-01-01|0000-00-00|9999-12-31)(?:[t ]00:00:00)?|0?1/0?1/1900"
)
"""Lower-case words that stand for nothing whatever the column."""
DOUBTFUL: Final = frozenset({"none", "-", "--", "---", ".", "unknown", "unk", "not applicable", "tbd"})
"""Words that stand for nothing among numbers, dates or many different values, and may be a category among few words."""
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_TIME: Final = r"(?:[T ]\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:\.\d+)?)?\s?(?:[ap]m)?(?:Z|[-+]\d{2}:?\d{2})?)?"
_DATES: Final = (
    ("2020-12-31", re.compile(rf"(?:1[5-9]|20|21)\d\d-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01]){_TIME}", re.IGNORECASE)),
    ("2020/12/31", re.compile(rf"(?:1[5-9]|20|21)\d\d/(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01]){_TIME}", re.IGNORECASE)),
    (
        "12/31/2020",
        re.compile(rf"(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|[12]\d|3[01])/(?:(?:1[5-9]|20|21)?\d\d){_TIME}", re.IGNORECASE),
    ),
    (
        "31.12.2020",
        re.compile(rf"(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.(?:(?:1[5-9]|20|21)?\d\d){_TIME}", re.IGNORECASE),
    ),
    (
        "31-12-2020",
        re.compile(rf"(?:0?[1-9]|[12]\d|3[01])-(?:0?[1-9]|[12]\d|3[01])-(?:1[5-9]|20|21)\d\d{_TIME}", re.IGNORECASE),
    ),
    (
        "31 Dec 2020",
        re.compile(rf"\d{{1,2}}(?:st|nd|rd|th)?[ -]{_MONTH}[ ,-]{{1,2}}(?:(?:1[5-9]|20|21)?\d\d){_TIME}", re.IGNORECASE),
    ),
    (
        "Dec 31, 2020",
        re.compile(rf"{_MONTH}[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -](?:(?:1[5-9]|20|21)?\d\d){_TIME}", re.IGNORECASE),
    ),
)
MAX_CELL: Final = 200
"""Characters of a cell that are looked at; longer ones are text."""


def kind_of(cell: str) -> tuple[str, str]:
    """Return kind (missing, doubtful, comma, dressed, date, text) and what more is to say of a cell that is no plain number.

    That is the word for missing and doubtful cells, the form for dates, "" for the others.
    """
    word = cell.strip()
    if len(word) > MAX_CELL:
        return "text", ""
    lower = word.casefold()
    if MISSING.fullmatch(lower):
        return "missing", word
    if lower in DOUBTFUL:
        return "doubtful", word
    if not any(letter.isdigit() for letter in word[:40]):
        return "text", ""
    for form, pattern in _DATES:
        if pattern.fullmatch(word):
            return "date", form
    if COMMA.fullmatch(word):
        return "comma", ""
    return ("dressed", "") if _DRESSED.fullmatch(word) else ("text", "")


def number_of(cell: str) -> float | None:
    """Return the number of a cell, with a decimal comma too, None where there is none."""
    word = cell.strip()
    try:
        return float(word.replace(",", ".") if COMMA.fullmatch(word) else word)
    except ValueError:
        return None
