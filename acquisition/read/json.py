"""JSON: a list of objects, somewhere in a document that is loaded whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, ClassVar, Final

import orjson

from acquisition.content.limits import Unreadable
from acquisition.model import Modality
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.document import loaded
from acquisition.read.encoding import decode_all
from acquisition.read.items import BATCH_BYTES, BATCH_ROWS, ObjectItems, canonical, rejection

MAX_BYTES: Final = 256_000_000
"""A document is parsed whole, at several times its size in memory; larger ones belong into JSON Lines."""


class JsonReader(Reader):
    """A list of objects, the list under `items.records`, a mapping of columns, or one object."""

    name: ClassVar[str] = "json"
    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    modality: ClassVar[Modality] = Modality.TABLE

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files by their ending."""
        del head
        return PurePosixPath(name.lower()).suffix in self.suffixes

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the records in the order of the document."""
        records = records_in(_loaded(binary, context), context.items.records)
        items: ObjectItems | None = None
        numbers: list[int] = []
        held: list[dict[str, Any]] = []
        size, each = 0, max(binary.size // max(len(records), 1), 1)
        for number, record in enumerate(records):
            if not isinstance(record, dict):
                yield rejection(context, "bad-record", f"a {type(record).__name__}, not an object", f"row={number}")
                continue
            numbers.append(number)
            held.append(record)
            size += each
            if len(held) >= BATCH_ROWS or size >= BATCH_BYTES:
                items = items or ObjectItems(context, held)
                yield items.batch(numbers, held)
                numbers, held, size = [], [], 0
        if held:
            yield (items or ObjectItems(context, held)).batch(numbers, held)
        if not records:
            yield rejection(context, "empty-file", "no records")


def _loaded(binary: Binary, context: ReadContext) -> Any:
    with binary.open() as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unreadable("too-large", f"JSON documents are read up to {MAX_BYTES:,} bytes; JSON Lines have no such limit")
    text, _, _ = decode_all(data, context.read)
    try:
        return loaded(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise Unreadable("bad-json", str(error)) from error


def records_in(document: Any, key: str | None) -> list[Any]:
    """Return the records of a document: under a dotted key, through lists on the way; or where they plainly are."""
    if key is not None:
        found = [document]
        for part in key.split("."):
            found = [value for node in found for value in _below(node, part)]
        return [record for node in found for record in (node if isinstance(node, list) else [node])]
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        raise Unreadable("bad-record", f"the document is a {type(document).__name__}, not a list of objects")
    lists = {name: value for name, value in document.items() if isinstance(value, list)}
    tables = [value for value in lists.values() if value and all(isinstance(record, dict) for record in value)]
    if len(tables) == 1:
        return tables[0]
    lengths = {len(value) for value in lists.values()}
    if document and len(lists) == len(document) and len(lengths) == 1 and not tables:
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return [document]


def _below(node: Any, part: str) -> list[Any]:
    if isinstance(node, list):
        return [value for each in node for value in _below(each, part)]
    if isinstance(node, dict) and part in node:
        return [node[part]]
    raise Unreadable(
        "no-such-column", f"items.records: there is no {part!r} in {canonical(node)[:80].decode('utf-8', 'replace')}"
    )
