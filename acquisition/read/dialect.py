"""How a table in text is written: delimiter, quotes, header. Looked at on 64 kB and checked by counting fields.

`csv.Sniffer` raises on single-column files and guesses from letters; here a delimiter counts only if it gives (nearly)
every line the same number of fields.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from acquisition.protocols import ReadContext
from acquisition.settings import PickSettings, ReadSettings

SAMPLE_LINES: Final = 500
SAMPLE_TEXT: Final = 65_536
_CANDIDATES: Final = (",", ";", "\t", "|")
_SHARE: Final = 0.8
_SPACE_SHARE: Final = 0.95
_NUMBER: Final = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*%?\s*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way of writing rows. `quote` "" means that quotes are ordinary characters; `blank` takes runs of spaces as one."""

    delimiter: str = ","
    quote: str = '"'
    skip_space: bool = False

    @property
    def blank(self) -> bool:
        """True where a run of spaces divides fields."""
        return self.delimiter == " "

    def options(self) -> dict[str, Any]:
        """Return the arguments for `csv.reader`."""
        quoting = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote or None,
            "quoting": quoting,
            "skipinitialspace": self.skip_space or self.blank,
            "strict": True,
        }


def dialect_of(lines: Sequence[str], settings: ReadSettings, suffix: str) -> Dialect:
    """Return the dialect of a text that starts with `lines`; what is declared is taken as it is."""
    sample = [line for line in lines[:SAMPLE_LINES] if line.strip()]
    delimiter = settings.delimiter or _delimiter(sample, suffix)
    quote = settings.quotechar
    if quote is None:
        quote = '"' if delimiter != "\t" or _quoted(sample, delimiter) else ""
    return Dialect(delimiter, quote, _spaced(sample, delimiter))


def _delimiter(sample: Sequence[str], suffix: str) -> str:
    scores = {candidate: _steadiness(sample, candidate) for candidate in _CANDIDATES}
    if suffix == ".tsv" and scores["\t"][1] > 1:
        return "\t"
    best = max(_CANDIDATES, key=lambda candidate: (round(scores[candidate][0], 2), scores[candidate][1]))
    if scores[best][0] >= _SHARE:
        return best
    return " " if suffix not in (".csv", ".tsv") and _steadiness(sample, " ")[0] >= _SPACE_SHARE else ","


def _steadiness(sample: Sequence[str], delimiter: str, *, literal: bool | None = None) -> tuple[float, int]:
    """Return the share of rows with the commonest number of fields, and that number; (0, 1) when it is one.

    `literal` reads quotes as ordinary characters; left out, as `_quoted` finds.
    """
    counts: Counter[int] = Counter()
    lines = [line.rstrip(" \r\n") + "\n" for line in sample] if delimiter == " " else sample
    if literal is None:
        literal = delimiter == "\t" and not _quoted(sample, delimiter)
    quoting: Literal[0, 3] = csv.QUOTE_NONE if literal else csv.QUOTE_MINIMAL
    try:
        for row in csv.reader(lines, delimiter=delimiter, quoting=quoting, skipinitialspace=delimiter == " "):
            counts[len(row)] += 1
    except csv.Error:
        return 0.0, 1
    if not counts:
        return 0.0, 1
    fields, rows = counts.most_common(1)[0]
    return (rows / counts.total(), fields) if fields > 1 else (0.0, 1)


def _quoted(sample: Sequence[str], delimiter: str) -> bool:
    """Say whether quotes enclose fields of a tab-separated text, where they are as often part of the words.

    They do when reading them so makes the rows steadier, or when half of the lines have a field that is quoted whole.
    """
    mark = re.escape(delimiter)
    whole = re.compile(f'(?:^|{mark})"[^"]*"(?={mark}|\r?\n|$)')
    if not any('"' in line for line in sample):
        return False
    if _steadiness(sample, delimiter, literal=False)[0] > _steadiness(sample, delimiter, literal=True)[0]:
        return True
    return 2 * sum(1 for line in sample if whole.search(line)) >= len(sample)


def _spaced(sample: Sequence[str], delimiter: str) -> bool:
    """Say whether every delimiter is followed by a space that does not belong to the value (UCI's adult.data)."""
    found = "".join(sample).count(delimiter)
    return delimiter not in (" ", "\t") and found > 0 and "".join(sample).count(delimiter + " ") == found


def has_header(rows: Sequence[Sequence[str]], context: ReadContext, suffix: str) -> bool:
    """Say whether the first row names the columns: as declared, as the declared columns suggest, or by its looks."""
    settings = context.read
    if settings.header is not None:
        return settings.header
    if settings.columns is not None:
        return list(rows[0]) == list(settings.columns) if rows else False
    declared = _declared_columns(context)
    if any(isinstance(column, str) for column in declared):
        return True
    first = [cell.strip() for cell in rows[0]] if rows else []
    if not first or len(set(first)) < 0.5 * len(first):
        return False
    if any(_NUMBER.fullmatch(cell) for cell in first) and not _serial(rows):
        return False
    if declared:
        return False
    below = rows[1:50]
    numeric = any(
        below and all(_NUMBER.fullmatch(row[index]) for row in below if index < len(row)) for index in range(len(first))
    )
    return numeric or (suffix in (".csv", ".tsv", ".tab") and all(len(cell) < 100 for cell in first))


def _serial(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether the numbers of the first row are years or places in order behind a name, and the second row's are not."""
    return _in_order(rows[0]) and not any(_in_order(row) for row in rows[1:2])


def _in_order(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row]
    numbers = [int(cell) for cell in cells if cell.isascii() and cell.isdigit() and len(cell) <= 9]
    if (
        len(numbers) < 2
        or len(numbers) != sum(_NUMBER.fullmatch(cell) is not None for cell in cells)
        or len(cells) == len(numbers)
    ):
        return False
    rising = all(one < other for one, other in pairwise(numbers))
    falling = all(one > other for one, other in pairwise(numbers))
    years = (rising or falling) and all(1800 <= number <= 2100 for number in numbers)
    return years or (len(numbers) > 2 and numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1))))


def _declared_columns(context: ReadContext) -> list[str | int]:
    items = context.items
    picks = [getattr(items, role) for role in ("text", "label", "group", "split", "id", "name", "title", "media")]
    columns = [one for pick in picks for one in ((pick.column, *pick.columns) if isinstance(pick, PickSettings) else (pick,))]
    return [column for column in columns if column is not None]


def column_names(
    header: Sequence[str] | None, width: int, declared: Sequence[str] | None, *, ends_empty: bool = False
) -> list[str]:
    """Return unique, non-empty names for `width` columns.

    A header that is one short misses the row names' (as R writes), or, where every row `ends_empty`, what would stand
    behind a delimiter too many.
    """
    names = list(declared or header or ())
    if header and not declared and not ends_empty and len(names) == width - 1:
        names.insert(0, "")
    names += [""] * (width - len(names))
    found: list[str] = []
    for index, name in enumerate(names):
        wanted = name.strip() or f"column_{index}"
        unique, count = wanted, 2
        while unique in found:
            unique, count = f"{wanted}_{count}", count + 1
        found.append(unique)
    return found
