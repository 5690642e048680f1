"""The rows of a list of addresses: Parquet, CSV, TSV, JSON Lines, JSON or plain text, a bounded part in memory at a time.

A row that cannot be read is yielded as what is wrong with it, in its place; nothing is passed over. A list that cannot be read
as a whole raises ProtocolError.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias, cast

import orjson

from acquisition.content.compression import compression_of, unpacked, without_suffix
from acquisition.content.limits import DAMAGE, Budget, Unreadable
from acquisition.errors import ProtocolError
from acquisition.settings import ReadSettings

Format = Literal["parquet", "csv", "tsv", "jsonl", "json", "txt"]
Row: TypeAlias = "tuple[Any, ...] | str"
"""The wanted cells in order, or a sentence on why the row cannot be read."""

SUFFIXES: Final[Mapping[str, Format]] = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl",
    ".ndjson": "jsonl", ".json": "json", ".txt": "txt",
}  # fmt: skip
URL_LIKE: Final = re.compile(r"https?://\S", re.IGNORECASE)
_BATCH: Final = 4_096
_LOOKED_AT: Final = 200
"""Records of JSON Lines whose keys are taken for the columns."""
_LARGEST_JSON: Final = 500_000_000
"""Bytes of a JSON document; it has to be held as a whole."""
_LARGEST_CELL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """An opened list. `names` are its columns; without a header they are "0", "1"… and `sample` is the first row."""

    names: tuple[str, ...]
    rows: Callable[[Sequence[int]], Iterator[Row]]
    """Yields the cells at these column indices, row after row, from the first; may be called again."""
    headed: bool = True
    sample: tuple[str, ...] = ()
    count: int | None = None
    """Rows, where the file says so itself."""


def format_of(name: str) -> Format | None:
    """Return the format that a file's name tells, its compression left out; None when it tells none."""
    bare = without_suffix(name.lower())
    return next((format_ for suffix, format_ in SUFFIXES.items() if bare.endswith(suffix)), None)


def open_table(path: Path, form: Format, read: ReadSettings, *, records: str | None = None, name: str = "") -> Table:
    """Open a list; ProtocolError when it is not of this format. `records` is the key of a JSON document's list."""
    shown = name or path.name
    file = _File(path, form, read, shown)
    with _told(shown, form):
        if form == "parquet":
            return _parquet(file)
        if form in ("csv", "tsv"):
            return _delimited(file)
        if form == "txt":
            return Table(("0",), lambda _: _lines_of(file), headed=False, sample=("http://",))
        if form == "jsonl":
            return _json_lines(file)
        return _json(file, records)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    form: Format
    read: ReadSettings
    shown: str

    def bytes(self) -> IO[bytes]:
        """Open the file, decompressed by what its first bytes say, within the declared limits."""
        stream = self.path.open("rb")
        kind = compression_of(stream.read(8))
        stream.seek(0)
        if not kind:
            return stream
        return cast("IO[bytes]", io.BufferedReader(cast("Any", unpacked(stream, kind, Budget(self.read.archive))), 1 << 18))

    def text(self) -> IO[str]:
        """Open the file as text; bytes that do not decode become surrogates, so that the row they are in can be named."""
        stream = self.bytes()
        encoding = self.read.encoding or "utf-8-sig"
        if self.read.encoding is None and cast("io.BufferedReader", stream).peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff"):
            encoding = "utf-16"
        return io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline="")

    def lines(self) -> Iterator[str]:
        """Yield the lines; one that is longer than read.max_line_bytes comes as its beginning with a NUL behind it."""
        most = self.read.max_line_bytes
        with self.text() as stream:
            for _ in range(self.read.skip_rows):
                stream.readline(most)
            while line := stream.readline(most):
                if len(line) == most and line[-1] != "\n":
                    while (rest := stream.readline(most)) and rest[-1] != "\n":
                        pass
                    line = line[:100] + "\0\n"
                yield line


class _told:  # noqa: N801  # a context manager that reads as a verb
    """Turns damage into a ProtocolError that names the list."""

    def __init__(self, shown: str, form: str) -> None:
        self._shown, self._form = shown, form

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        if isinstance(error, ProtocolError) or not isinstance(error, (Unreadable, pa.ArrowException, csv.Error, *DAMAGE)):
            return
        raise ProtocolError(
            f"the list {self._shown} cannot be read as {self._form}: {str(error)[:300]}",
            where=self._shown,
            hint="Declare `format` if the name says the wrong one.",
        ) from error


def _guarded(file: _File, rows: Iterator[Row]) -> Iterator[Row]:
    with _told(file.shown, file.form):
        yield from rows


# --- Parquet --------------------------------------------------------------------------------------------------------------


def _parquet(file: _File) -> Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file.path) as opened:
        names, count = tuple(opened.schema_arrow.names), opened.metadata.num_rows

    def rows(wanted: Sequence[int]) -> Iterator[Row]:
        columns = [names[index] for index in wanted]
        with pq.ParquetFile(file.path, page_checksum_verification=True) as opened:
            for batch in opened.iter_batches(batch_size=_BATCH, columns=list(dict.fromkeys(columns))):
                yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)

    return Table(names, lambda wanted: _guarded(file, rows(wanted)), count=count)


# --- delimited text -------------------------------------------------------------------------------------------------------


def _delimited(file: _File) -> Table:
    delimiter = file.read.delimiter or ("\t" if file.form == "tsv" else _delimiter(next(file.lines(), "")))
    quote = file.read.quotechar if file.read.quotechar is not None else ("" if file.form == "tsv" else '"')
    options: dict[str, Any] = {
        "delimiter": delimiter,
        "quotechar": quote or None,
        "quoting": csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    }
    first = next(csv.reader(itertools.islice(file.lines(), 1_000), **options), [])
    headed = _headed(first, file.read)
    names = file.read.columns or (tuple(cell.strip() for cell in first) if headed else tuple(map(str, range(len(first)))))

    def rows(wanted: Sequence[int]) -> Iterator[Row]:
        csv.field_size_limit(max(csv.field_size_limit(), _LARGEST_CELL))
        reader = csv.reader(file.lines(), **options)
        skip = headed
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield str(error)
                continue
            if skip or not cells:
                skip = skip and not cells
                continue
            yield _cells(cells, wanted)

    return Table(tuple(names), lambda wanted: _guarded(file, rows(wanted)), headed=headed, sample=tuple(first))


def _cells(cells: list[str], wanted: Sequence[int]) -> Row:
    try:
        found = tuple(cells[index] for index in wanted)
    except IndexError:
        return f"{len(cells)} cells, and column {max(wanted)} is wanted (counted from 0)"
    return "a line is too long or holds a NUL" if any("\0" in cell for cell in found) else found


def _delimiter(line: str) -> str:
    """Return what divides the first line: the one of comma, semicolon, tab and bar that stands there most, else a comma."""
    return max(",;\t|", key=line.count)


def _headed(first: Sequence[str], read: ReadSettings) -> bool:
    """Say whether the first row names the columns: as declared, or because nothing in it is an address."""
    if read.header is not None:
        return read.header
    if read.columns is not None:
        return list(first) == list(read.columns)
    return not any(URL_LIKE.match(cell.strip()) for cell in first)


def _lines_of(file: _File) -> Iterator[Row]:
    return _guarded(file, _stripped(file))


def _stripped(file: _File) -> Iterator[Row]:
    for line in file.lines():
        if text := line.strip():
            yield (text,) if "\0" not in text else "the line is too long or holds a NUL"


# --- JSON -----------------------------------------------------------------------------------------------------------------


def _json_lines(file: _File) -> Table:
    names: dict[str, None] = {}
    for record in itertools.islice(_records(file), _LOOKED_AT):
        if isinstance(record, dict):
            names.update(dict.fromkeys(map(str, record)))
    if not names:
        raise ValueError(f"there is no JSON object in its first {_LOOKED_AT} lines")
    return Table(tuple(names), lambda wanted: _guarded(file, _picked(_records(file), list(names), wanted)))


def _records(file: _File) -> Iterator[dict[str, Any] | str]:
    """Yield each line's object; lines end at a line feed alone, a blank one is nothing."""
    most = file.read.max_line_bytes
    with file.bytes() as stream:
        first = True
        while line := stream.readline(most):
            if len(line) == most and line[-1:] != b"\n":
                while (rest := stream.readline(most)) and rest[-1:] != b"\n":
                    pass
                yield "the line is longer than read.max_line_bytes"
                continue
            if first:
                line, first = line.removeprefix(b"\xef\xbb\xbf"), False
            if line.strip():
                yield _object(line)


def _object(line: bytes) -> dict[str, Any] | str:
    try:
        found = orjson.loads(line)
    except ValueError as error:
        return f"not JSON: {error}"
    return found if isinstance(found, dict) else "not a JSON object"


def _picked(records: Iterator[dict[str, Any] | str], names: Sequence[str], wanted: Sequence[int]) -> Iterator[Row]:
    keys = [names[index] for index in wanted]
    for record in records:
        yield record if isinstance(record, str) else tuple(record.get(key) for key in keys)


def _json(file: _File, key: str | None) -> Table:
    with file.bytes() as stream:
        data = stream.read(_LARGEST_JSON + 1)
    if len(data) > _LARGEST_JSON:
        raise ValueError(f"a JSON document of more than {_LARGEST_JSON:,} bytes; write it as JSON Lines")
    found = _list_in(orjson.loads(data.removeprefix(b"\xef\xbb\xbf")), key)
    records: list[dict[str, Any] | str] = [entry if isinstance(entry, dict) else "not a JSON object" for entry in found]
    if all(isinstance(entry, str) for entry in found):  # a plain list of addresses
        return Table(("0",), lambda _: ((entry,) for entry in found), headed=False, sample=("http://",), count=len(found))
    names = tuple(dict.fromkeys(str(name) for record in records[:_LOOKED_AT] if isinstance(record, dict) for name in record))
    return Table(names, lambda wanted: _picked(iter(records), names, wanted), count=len(records))


def _list_in(document: Any, key: str | None) -> list[Any]:
    """Return the list of records: the document itself, what stands under `items.records`, or the one list of objects in it."""
    for part in (key or "").split(".") if key else ():
        document = document.get(part) if isinstance(document, dict) else None
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and not key:
        lists = [value for value in document.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
        if len(lists) == 1:
            return lists[0]
    raise ValueError("it holds no list of records; name its key in items.records")
