r"""JSON Lines: one object per line. Lines are split at "\n" on bytes; U+2028 inside a string does not end a record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, ClassVar

import orjson

from acquisition.content.limits import Unreadable
from acquisition.model import Modality, Rejection
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.document import loaded
from acquisition.read.encoding import BLOCK, encoding_of, some
from acquisition.read.items import BATCH_BYTES, BATCH_ROWS, ObjectItems, rejection


class JsonLinesReader(Reader):
    """One JSON object per line, UTF-8 (or as declared)."""

    name: ClassVar[str] = "jsonl"
    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".jsonlines")
    modality: ClassVar[Modality] = Modality.TABLE

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files by their ending, and .json files whose first line is an object that another one follows."""
        suffix = PurePosixPath(name.lower()).suffix
        if suffix in self.suffixes:
            return True
        first, _, rest = head.lstrip(b"\xef\xbb\xbf").partition(b"\n")
        return suffix in (".json", "") and rest.lstrip()[:1] == b"{" and _is_object(first)

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the objects; rows count every line that is not blank, rejected ones too."""
        with binary.open() as stream:
            yield from _Objects(context).found(stream)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


class _Objects:
    """One pass over one file."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._items: ObjectItems | None = None
        self._number = 0
        self._line = 0
        self._encoding = ""

    def found(self, stream: IO[bytes]) -> Iterator[Found]:
        """Yield batches and rejections; lines are cut from blocks, so memory stays constant."""
        limit = self._context.read.max_line_bytes
        held, fresh = b"", some(stream, BLOCK)
        encoding = encoding_of(fresh[:65_536], self._context.read)
        if encoding.wide:
            raise Unreadable("undecodable", f"JSON Lines in {encoding.name} are not read; convert them to UTF-8")
        self._encoding = "" if encoding.name == "utf-8" else encoding.name
        fresh = fresh[len(encoding.bom) :]
        while fresh:
            lines = (held + fresh).split(b"\n")
            held = lines.pop()[: limit + 1]
            yield from self._lines(lines)
            fresh = some(stream, BLOCK)
        if held:
            yield from self._lines([held])
        if self._number == 0:
            yield rejection(self._context, "empty-file", "no records")

    def _lines(self, lines: list[bytes]) -> Iterator[Found]:
        numbers: list[int] = []
        records: list[dict[str, Any]] = []
        size = 0
        for line in lines:
            self._line += 1
            if not line or line.isspace():
                continue
            number = self._number
            self._number += 1
            record = self._record(line, number)
            if isinstance(record, Rejection):
                yield record
                continue
            numbers.append(number)
            records.append(record)
            size += len(line)
            if len(records) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield self._batch(numbers, records)
                numbers, records, size = [], [], 0
        if records:
            yield self._batch(numbers, records)

    def _record(self, line: bytes, number: int) -> dict[str, Any] | Rejection:
        if len(line) > self._context.read.max_line_bytes:
            detail = f"longer than {self._context.read.max_line_bytes:,} bytes (read.max_line_bytes)"
            return self._refused("line-too-long", detail, number)
        try:
            record = loaded(line.decode(self._encoding) if self._encoding else line)
        except Unreadable as error:
            return self._refused(error.code, error.detail, number)
        except UnicodeDecodeError as error:
            return self._refused("undecodable", f"declared as {self._encoding}: {error.reason}", number)
        except orjson.JSONDecodeError as error:
            code = "undecodable" if "utf-8" in str(error).lower() else "bad-json"
            return self._refused(code, str(error), number)
        if not isinstance(record, dict):
            return self._refused("bad-record", f"a {type(record).__name__}, not an object", number)
        return record

    def _refused(self, code: str, detail: str, number: int) -> Rejection:
        return rejection(self._context, code, f"line {self._line}: {detail}", f"row={number}")

    def _batch(self, numbers: list[int], records: list[dict[str, Any]]) -> Any:
        if self._items is None:
            self._items = ObjectItems(self._context, records)
        return self._items.batch(numbers, records)
