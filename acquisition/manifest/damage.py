"""Where a file of records is damaged: the first line, byte or row group that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Final

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.names import ITEMS, LINES, VERSIONS

_ROWS: Final = 5_000


def damage(path: Path) -> str:
    """Return where a file of the manifest cannot be read any more, "" where it can be or is of no kind that is looked into.

    JSON Lines are told by line and byte, Parquet by byte and row group; of the ledger that can be read, the first row is told
    in which its two forms differ. Nothing is mended.
    """
    if path.is_symlink() or not path.is_file():
        return ""
    if path.suffix == ".parquet":
        return _parquet(path) or (_ledgers(path) if path.name == ITEMS else "")
    found = _lines(path) if path.suffix == ".jsonl" else _json(path) if path.suffix in {".json", ".jsonld"} else ""
    if not found and path.name == LINES:
        return _ledgers(path)
    return found or (_versions(path) if path.name == VERSIONS else "")


def _ledgers(path: Path) -> str:
    """Return where the ledger in Parquet and the one in lines part, "" where they do not or one of them is not there."""
    items, lines = path.with_name(ITEMS), path.with_name(LINES)
    if not (items.is_file() and lines.is_file()):
        return ""
    with lines.open("rb") as stream:
        for number, (told, line) in enumerate(zip_longest(_as_lines(items), stream), start=1):
            if told != line:
                other = f"row {number} of {ITEMS}" if path.name == LINES else f"line {number} of {LINES}"
                return f"{'line' if path.name == LINES else 'row'} {number} does not say what {other} says"
    return ""


def _as_lines(items: Path) -> Iterator[bytes]:
    """Yield every row of the ledger as its line; nothing more once a row cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from acquisition.manifest.lines import json_lines

    with suppress(pa.ArrowException, OSError), pq.ParquetFile(items) as file:
        for batch in file.iter_batches(batch_size=_ROWS):
            yield from json_lines(batch).to_pybytes().splitlines(keepends=True)


def _lines(path: Path) -> str:
    start = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            where = f"line {number}, from byte {start:,}"
            if not line.endswith(b"\n"):
                return f"{where}, is cut short"
            try:
                value = orjson.loads(line)
            except ValueError as error:
                return f"{where}, is no JSON: {error}"
            if not isinstance(value, dict):
                return f"{where}, is no JSON object"
            start += len(line)
    return ""


def _json(path: Path) -> str:
    try:
        orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    return ""


def _versions(path: Path) -> str:
    from acquisition.manifest.versions import read_versions

    try:
        read_versions(path.parent)
    except WorkspaceDamaged as error:
        return f"line {error.where.rpartition(':')[2]}: {error.message}"
    return ""


def _parquet(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(4)
        stream.seek(max(0, size - 4))
        tail = stream.read()
    if size < 12 or head != b"PAR1":
        return "from byte 0: it does not begin as a Parquet file"
    if tail != b"PAR1":
        return f"at byte {size:,}: it is cut short, its end mark is missing"
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.metadata.num_row_groups):
                start = _start(file.metadata.row_group(group))
                try:
                    file.read_row_group(group)
                except (pa.ArrowException, OSError) as error:
                    return f"row group {group}, from byte {start:,}: {error}"
    except (pa.ArrowException, OSError) as error:
        return f"in its last {min(size, 1 << 16):,} bytes: {error}"
    return ""


def _start(group: object) -> int:
    columns = [group.column(index) for index in range(group.num_columns)]  # type: ignore[attr-defined]  # pyarrow has no types
    offsets = [(column.dictionary_page_offset or column.data_page_offset, column.data_page_offset) for column in columns]
    return min((min(pair) for pair in offsets), default=0)
