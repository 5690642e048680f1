"""Where a file of records is damaged: the first line, byte or row group that cannot be read."""

from __future__ import annotations

from pathlib import Path

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.names import VERSIONS


def damage(path: Path) -> str:
    """Return where a file of the manifest cannot be read any more, "" where it can be or is of no kind that is looked into.

    JSON Lines are told by line and byte, Parquet by byte and row group. Nothing is mended.
    """
    if path.is_symlink() or not path.is_file():
        return ""
    if path.suffix == ".parquet":
        return _parquet(path)
    found = _lines(path) if path.suffix == ".jsonl" else _json(path) if path.suffix in {".json", ".jsonld"} else ""
    return found or (_versions(path) if path.name == VERSIONS else "")


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
