"""CSV, TSV and UCI's .data: delimited text, row by row, in constant memory; a bad row costs that row only."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import ClassVar, Final, TypeAlias

from acquisition.content.limits import Unreadable
from acquisition.model import Modality
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.dialect import SAMPLE_LINES, SAMPLE_TEXT, Dialect, column_names, dialect_of, has_header
from acquisition.read.encoding import Chunk, Lines
from acquisition.read.items import BATCH_ROWS, RowItems, rejection

MAX_RECOVERIES: Final = 100
"""Quotes that open and never close, before the rest of a file is given up: looking for their end is quadratic."""


class CsvReader(Reader):
    """Delimited text. Encoding, delimiter, quotes and header as declared, or detected with strict rules."""

    name: ClassVar[str] = "csv"
    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".tab", ".data", ".psv")
    modality: ClassVar[Modality] = Modality.TABLE

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files by their ending; without any ending, text with a steady number of tabs in every line."""
        suffix = PurePosixPath(name.lower()).suffix
        wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
        if suffix in self.suffixes:
            halves = (half for half in (head[0::2], head[1::2]) if half.count(0) > 0.6 * len(half))
            return wide or head.count(0) < 0.1 * len(head) or any(halves)
        lines = head.split(b"\n")[:-1]
        counts = {line.count(b"\t") for line in lines}
        return not suffix and b"\x00" not in head and len(lines) >= 5 and len(counts) == 1 and counts != {0}

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the rows; row numbers count every record but the header and blank lines, rejected ones too."""
        csv.field_size_limit(max(csv.field_size_limit(), context.read.max_line_bytes))
        with binary.open() as stream:
            lines = Lines(stream, context.read)
            yield from _Table(lines, context, PurePosixPath(binary.name.lower()).suffix).found()
            if lines.doubt:
                yield rejection(context, "encoding-doubtful", lines.doubt)


@dataclass(frozen=True, slots=True)
class _Bad:
    """A record that is no row: rejection code and sentence."""

    code: str
    detail: str


_Record: TypeAlias = tuple[int, "list[str] | _Bad"]
"""Number of the record's first line, and its fields or what is wrong with it."""


class _Table:
    """One pass over one file."""

    def __init__(self, lines: Lines, context: ReadContext, suffix: str) -> None:
        self._lines = lines
        self._context = context
        self._suffix = suffix
        self._skip = context.read.skip_rows
        self._number = 0
        self._recoveries = 0
        self._open: tuple[int, list[str], dict[int, _Bad]] = (0, [], {})
        self._dialect: Dialect | None = None
        self._items: RowItems | None = None
        self._width = 0
        self._na = frozenset(context.read.na_values)

    def found(self) -> Iterator[Found]:
        """Yield all rows, those still open at the end too."""
        for chunk in self._lines.chunks():
            yield from self._chunk(self._without_skipped(chunk), final=False)
        if self._open[1]:
            yield from self._chunk(Chunk(self._open[0] + len(self._open[1]), []), final=True)
        if self._number == 0:
            yield rejection(self._context, "empty-file", "no rows")

    def _without_skipped(self, chunk: Chunk) -> Chunk:
        if not self._skip:
            return chunk
        count = min(self._skip, len(chunk.lines))
        self._skip -= count
        problems = tuple((index - count, code, detail) for index, code, detail in chunk.problems if index >= count)
        return Chunk(chunk.first + count, chunk.lines[count:], problems)

    def _chunk(self, chunk: Chunk, *, final: bool) -> Iterator[Found]:
        _, lines, bad = self._open
        first = chunk.first - len(lines)
        bad |= {index + len(lines): _Bad(code, detail) for index, code, detail in chunk.problems}
        lines = lines + chunk.lines
        self._open = (0, [], {})
        if self._dialect is None and lines:
            self._dialect = dialect_of(_sample(lines), self._context.read, self._suffix)
        if self._items is not None and not bad and (rows := self._plain(lines)) is not None:
            yield from self._plain_batches(self._items, rows)
            return
        records = self._records(lines, bad, first, final=final)
        if self._items is None:
            records = self._without_header(records)
        for start in range(0, len(records), BATCH_ROWS):
            yield from self._rows(records[start : start + BATCH_ROWS])

    def _plain(self, lines: list[str]) -> list[list[str]] | None:
        """Return the rows of a block in which every line is one good row: no quotes, no blank line, no odd width.

        This is what nearly every block is; anything else goes the careful way, with the same result.
        """
        dialect = self._dialect or Dialect()
        if len(dialect.delimiter) > 1 or dialect.blank or (dialect.quote and dialect.quote in "".join(lines)):
            return None
        try:
            rows = list(csv.reader(lines, **dialect.options()))
        except csv.Error:
            return None
        good = len(rows) == len(lines) and set(map(len, rows)) == {self._width} and all(map(any, rows))
        return rows if good else None

    def _plain_batches(self, items: RowItems, rows: list[list[str]]) -> Iterator[Found]:
        for start in range(0, len(rows), BATCH_ROWS):
            columns = list(zip(*rows[start : start + BATCH_ROWS], strict=True))
            numbers = range(self._number, self._number + len(columns[0]))
            self._number += len(numbers)
            yield items.batch(numbers, partial(self._cells, columns))

    def _records(self, lines: list[str], bad: dict[int, _Bad], first: int, *, final: bool) -> list[_Record]:
        """Return the records that end in these lines, blank ones left out."""
        dialect = self._dialect or Dialect()
        if dialect.blank:
            lines = [line.rstrip(" \r\n") + "\n" for line in lines]
        rows: list[list[str]] | None = None
        if len(dialect.delimiter) > 1:
            rows = [text.split(dialect.delimiter) if (text := line.rstrip("\r\n")) else [] for line in lines]
        elif not dialect.quote or not any(dialect.quote in line for line in lines):
            with suppress(csv.Error):
                rows = list(csv.reader(lines, **dialect.options()))
        if rows is None or len(rows) != len(lines):
            return self._careful(lines, bad, first, final=final)
        if not bad:
            return [(first + index, row) for index, row in enumerate(rows) if row]
        return [(first + index, bad.get(index) or row) for index, row in enumerate(rows) if row or index in bad]

    def _careful(self, lines: list[str], bad: dict[int, _Bad], first: int, *, final: bool) -> list[_Record]:
        """Parse lines whose records may span several, or be malformed; what is open at the end waits for more lines."""
        records: list[_Record] = []
        base = 0
        while base < len(lines):
            start = base
            reader = csv.reader(lines[base:], **(self._dialect or Dialect()).options())
            while True:
                try:
                    row: list[str] | _Bad = next(reader)
                except StopIteration:
                    return records
                except csv.Error as error:
                    if "unexpected end of data" in str(error):
                        break
                    row = _Bad("bad-row", str(error))
                end = base + reader.line_num
                if bad:
                    row = next((bad[index] for index in range(start, end) if index in bad), row)
                if row:
                    records.append((first + start, row))
                start = end
            if not final and sum(map(len, lines[start:])) <= self._context.read.max_line_bytes:
                self._open = (
                    first + start,
                    lines[start:],
                    {index - start: why for index, why in bad.items() if index >= start},
                )
                return records
            self._recover()
            records.append((first + start, _Bad("unclosed-quote", "a quote opens here and never closes")))
            base = start + 1
        return records

    def _recover(self) -> None:
        self._recoveries += 1
        if self._recoveries > MAX_RECOVERIES:
            raise Unreadable(
                "unclosed-quote",
                f"more than {MAX_RECOVERIES} quotes never close; if quotes are ordinary characters, declare read.quotechar: ''",
            )

    def _without_header(self, records: list[_Record]) -> list[_Record]:
        """Learn width and names from the first rows and return the records below the header."""
        rows = [record for _, record in records[:SAMPLE_LINES] if isinstance(record, list)]
        if not rows:
            return records
        widths = Counter(len(row) for row in rows)
        declared = self._context.read.columns
        header = rows[0] if has_header(rows, self._context, self._suffix) else None
        self._width = len(declared) if declared else _width(header, widths)
        ends_empty = all(not row[-1] for row in rows[1:] if len(row) == self._width)
        self._items = RowItems(self._context, column_names(header, self._width, declared, ends_empty=ends_empty))
        if header is None:
            return records
        place = next(index for index, (_, record) in enumerate(records) if record is header)
        return records[:place] + records[place + 1 :]

    def _rows(self, records: list[_Record]) -> Iterator[Found]:
        numbers: list[int] = []
        rows: list[list[str]] = []
        for line, record in records:
            number = self._number
            self._number += 1
            problem = record if isinstance(record, _Bad) else self._problem(record)
            if problem is None and not isinstance(record, _Bad):
                numbers.append(number)
                rows.append(record)
            elif problem is not None:
                yield rejection(self._context, problem.code, f"line {line}: {problem.detail}", f"row={number}")
        if rows and self._items is not None:
            columns = list(zip(*rows, strict=True))
            yield self._items.batch(numbers, partial(self._cells, columns))

    def _problem(self, row: list[str]) -> _Bad | None:
        if len(row) != self._width:
            return _Bad("bad-row", f"{len(row)} fields, expected {self._width}")
        return None if any(row) else _Bad("empty-row", "all cells are empty")

    def _cells(self, columns: Sequence[Sequence[str]], index: int) -> Sequence[str | None]:
        values = columns[index]
        return [None if value in self._na else value for value in values] if self._na else values


def _width(header: Sequence[str] | None, widths: Counter[int]) -> int:
    common = widths.most_common(1)[0][0]
    if header is None or (common == len(header) + 1 and widths[common] >= widths.total() - 1):
        return common
    return len(header)


def _sample(lines: Sequence[str]) -> list[str]:
    found: list[str] = []
    size = 0
    for line in lines[:SAMPLE_LINES]:
        size += len(line)
        if found and size > SAMPLE_TEXT:
            break
        found.append(line)
    return found
