"""Tables: each column is typed once per shard, and only columns that can hold personal data are read value by value.

Numbers, times and ids are skipped unless the column's name says otherwise. A column is personal when a fifth of its distinct
values hold personal data, or a twentieth and its name says so (filters.md 2.5). Prose is read whatever its share; short codes
are not, but for what is unmistakable. Samples are bounded in rows, values and characters, whatever the table's width.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import regex

from acquisition.filters.pii.finder import Finder
from acquisition.filters.pii.words import parts_of

LITERAL: Final = regex.compile(r'"((?:[^"\\]|\\.)*+)"(:)?|(-?\d[\d.eE+-]*)')
ESCAPE: Final = regex.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
_ROWS: Final = 1_000
_CHARACTERS: Final = 8_000_000
_DISTINCT: Final = 1_000
_VALUES: Final = 60_000
_LONGEST: Final = 1_000
_SHARE: Final = 0.2
_NAMED_SHARE: Final = 0.05
_LEAST: Final = 0.6
UNMISTAKABLE: Final = 0.9
_NUMBER: Final = regex.compile(r"\s*[-+]?[\d.,]+(?:[eE][-+]?\d+)?\s*%?\s*")
_TIME: Final = regex.compile(
    r"\s*(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})?[T ]*(?:\d{1,2}:\d{2}[\d:.,]*)?\s*"
    r"(?:Z|UTC|[+-]\d\d:?\d\d)?\s*"
)
_ID: Final = regex.compile(r"(?i)\s*(?:[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{16,64})\s*")
_ALIKE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Column:
    """What a column is: numbers, times, ids, codes or prose; the entity that it holds ("" where none) and in which share.

    `least` is the score from which what is found in a value counts; None: its values are not read.
    """

    name: str
    kind: str
    entity: str
    share: float
    least: float | None


def values(fields: str) -> Iterator[tuple[int, str, str]]:
    """Yield (offset, value, column) for the texts and numbers in a JSON object; escapes become blanks of equal length."""
    column = ""
    for literal in LITERAL.finditer(fields):
        if literal[2]:
            column = literal[1]
        elif literal[1] is not None:
            yield literal.start(1), ESCAPE.sub(lambda escape: " " * len(escape[0]), literal[1]), column
        else:
            yield literal.start(3), literal[3], column


def type_columns(rows: Sequence[str], finder: Finder) -> Mapping[str, Column]:
    """Type the columns of one table from a sample of its rows (JSON objects), evenly spread."""
    distinct = _sampled(rows)
    most = max(20, min(_DISTINCT, _VALUES // max(len(distinct), 1)))
    kinds = {name: _kind(list(held)) for name, held in distinct.items()}
    read = [
        (name, value[:_LONGEST])
        for name, held in distinct.items()
        if kinds[name] in ("codes", "prose") or telling(name, finder)
        for value in list(held)[:most]
    ]
    found: dict[str, Counter[str]] = {}
    sure: Counter[str] = Counter()
    shown = Counter(name for name, _ in read)
    named = {name: parts_of(name) for name in shown}
    texts = pa.array([value for _, value in read], pa.large_string())
    for row, held in finder.found(texts, [named[name] for name, _ in read]):
        name = read[row][0]
        best = max((one for one in held.findings if one.score >= _LEAST), key=lambda one: one.score, default=None)
        if best:
            found.setdefault(name, Counter())[best.rule.entity] += 1
            sure[name] += best.score >= UNMISTAKABLE
    return {
        name: _typed(name, kinds[name], found.get(name), shown[name], (telling(name, finder), sure[name])) for name in distinct
    }


def telling(name: str, finder: Finder) -> bool:
    """Say whether a column's name is a word that supports one of the rules."""
    parts = parts_of(name)
    return any(rule.words.among(parts) for rule in finder.rules)


def _typed(name: str, kind: str, found: Counter[str] | None, shown: int, said: tuple[bool, int]) -> Column:
    named, sure = said
    share = sum(found.values()) / shown if found and shown else 0.0
    personal = share >= _SHARE or (named and share >= _NAMED_SHARE)
    entity = found.most_common(1)[0][0] if found and personal and kind != "prose" else ""
    if personal or kind == "prose":
        return Column(name, kind, entity, share, 0.0)
    return Column(name, kind, "", share, UNMISTAKABLE if sure else None)


def _sampled(rows: Sequence[str]) -> dict[str, dict[str, None]]:
    """Return column → its distinct values in a bounded sample of the rows."""
    distinct: dict[str, dict[str, None]] = {}
    step = max(1, len(rows) // _ROWS)
    left = _CHARACTERS
    for fields in rows[::step]:
        for _, value, name in values(fields[:_CHARACTERS]):
            held = distinct.setdefault(name, {})
            if value.strip() and len(held) < _DISTINCT:
                held[value] = None
        left -= len(fields)
        if left <= 0:
            break
    return distinct


def _kind(held: list[str]) -> str:
    if not held:
        return "empty"
    for kind, form in (("numbers", _NUMBER), ("times", _TIME), ("ids", _ID)):
        if sum(bool(form.fullmatch(value)) for value in held) >= _ALIKE * len(held):
            return kind
    spaced = sum(value.count(" ") >= 3 and sum(map(str.isalpha, value)) > len(value) / 2 for value in held)
    return "prose" if spaced > 0.2 * len(held) else "codes"
