"""What every reader keeps: `check_reader`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.content.limits import Unreadable
from acquisition.errors import ReadError
from acquisition.model import FOUND_SCHEMA, Modality, Rejection
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.settings import ItemSettings, ReadSettings

LARGEST_BATCH: Final = 65_536
"""Rows."""
_HOSTILE_HEADS: Final = (b"", b"\0" * 64, b"\xff\xfe\xfd" * 40, b"{" * 4096, b"<" * 4096, b"PK\x03\x04", bytes(range(256)) * 16)
_CODE: Final = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*")


class StoredBinary(Binary):
    """A plain file as the `Binary` that a reader is given."""

    def __init__(self, path: Path, name: str = "") -> None:
        self.name = name or path.name
        self.size = path.stat().st_size
        self.path: Path | None = path

    def open(self) -> IO[bytes]:
        """Open for reading."""
        assert self.path is not None
        return self.path.open("rb")


def read_context(asset: str, *, items: dict[str, Any] | None = None, read: dict[str, Any] | None = None) -> ReadContext:
    """Return what a reader is told, with `items` and `read` as they would be declared."""
    declared = ItemSettings.model_validate_json(orjson.dumps(items or {}))
    return ReadContext("source", "1", asset, "", declared, ReadSettings.model_validate_json(orjson.dumps(read or {})))


def check_reader(reader: Reader, binary: Binary, context: ReadContext, *, damaged: Path | None = None) -> pa.Table:
    """Assert the contract of `Reader` on one good file and return what it found, for assertions of one's own.

    `damaged` is an empty folder: with it, the file is also read cut in half, with bytes flipped, and empty, and then a
    reader may find less, reject, or raise ReadError (or Unreadable), but nothing else. A reader without suffixes only a
    release can name ("common-voice"), so it need not recognise its files.
    """
    _check_class(reader)
    recognised = reader.sniff(binary.name, _head(binary))
    assert recognised or not reader.suffixes, f"sniff does not recognise {binary.name}"
    found = list(reader.read(binary, context))
    again = list(reader.read(binary, context))
    assert _comparable(found) == _comparable(again), "read gives something different the second time"
    table = _checked(found, context)
    if damaged is not None:
        _check_damage(reader, binary, context, damaged)
    return table


def _check_class(reader: Reader) -> None:
    assert Reader in type(reader).__mro__, f"{type(reader).__name__} does not inherit Reader"
    assert reader.name, "name is empty"
    assert reader.version >= 1, "version starts at 1"
    assert all(suffix == suffix.lower() for suffix in reader.suffixes), "suffixes are in lower case"
    assert isinstance(reader.modality, Modality), "modality is a Modality"
    for head in _HOSTILE_HEADS:
        assert isinstance(reader.sniff("strange", head), bool), f"sniff does not answer True or False for {head[:8]!r}…"


def _head(binary: Binary) -> bytes:
    with binary.open() as stream:
        return stream.read(4_096)


def _comparable(found: list[Found]) -> list[object]:
    return [entry if isinstance(entry, Rejection) else entry.to_pydict() for entry in found]


def _checked(found: list[Found], context: ReadContext) -> pa.Table:
    batches = []
    for entry in found:
        if isinstance(entry, Rejection):
            assert _CODE.fullmatch(entry.code), f"rejection code {entry.code!r} is not kebab-case"
            assert entry.detail, f"rejection {entry.code} at {entry.locator!r} does not say why"
            assert (entry.source, entry.release, entry.asset) == (context.source, context.release, context.asset), (
                f"rejection {entry.code} does not say where it belongs"
            )
            continue
        assert entry.schema.equals(FOUND_SCHEMA), f"a batch has another schema than FOUND_SCHEMA:\n{entry.schema}"
        assert entry.num_rows <= LARGEST_BATCH, f"a batch has {entry.num_rows:,} rows; {LARGEST_BATCH:,} is the bound"
        batches.append(entry)
    table = pa.Table.from_batches(batches, FOUND_SCHEMA)
    for field in FOUND_SCHEMA:
        assert field.nullable or table[field.name].null_count == 0, f"{field.name} is null"
    for row in table.slice(0, 10_000).to_pylist():
        _check_row(row, context)
    assert pc.count_distinct(table["locator"]).as_py() == table.num_rows, "two items have the same locator"
    return table


def _check_row(row: dict[str, Any], context: ReadContext) -> None:
    at = row["locator"]
    assert at.startswith(context.asset), f"locator {at!r} does not begin with the asset's path {context.asset!r}"
    assert row["modality"] in set(Modality), f"{at}: modality is {row['modality']!r}"
    assert row["size"] >= 0, f"{at}: size is {row['size']}"
    assert re.fullmatch(r"[0-9a-f]{64}", row["content_sha256"]), f"{at}: content_sha256 is {row['content_sha256']!r}"
    assert row["name"], f"{at}: name is empty"
    assert "/" not in row["name"], f"{at}: name {row['name']!r} has a slash"
    if row["fields"] is not None:
        value = orjson.loads(row["fields"])
        assert isinstance(value, dict), f"{at}: fields is not a JSON object"
        assert list(value) == sorted(value), f"{at}: the keys of fields are not sorted"


def _check_damage(reader: Reader, binary: Binary, context: ReadContext, folder: Path) -> None:
    with binary.open() as stream:
        content = stream.read()
    flipped = bytearray(content)
    for place in range(7, len(flipped), max(1, len(flipped) // 16)):
        flipped[place] ^= 0x5A
    for what, damage in (("cut", content[: len(content) // 2]), ("flipped", bytes(flipped)), ("empty", b"")):
        path = folder / f"{what}-{Path(binary.name).name}"
        path.write_bytes(damage)
        try:
            _checked(list(reader.read(StoredBinary(path, binary.name), context)), context)
        except (ReadError, Unreadable):
            continue  # both become a rejection of the whole file in `acquisition.read`
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(
                f"a file that was {what} makes read raise {error!r}, not a Rejection or a ReadError"
            ) from error
