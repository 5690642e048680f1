"""What the curated set says of each item, in the words that `datasets` understands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson

from acquisition.curate.classes import UNLABELLED
from acquisition.model import Modality, labels_of
from acquisition.protocols import Outline, Placed

CORE: Final = ("id", "label", "text", "title", "author", "url", "license", "source")
"""Columns of every listing, as far as an item of the set fills them; `fields` or its columns follow.

Where an item of the set has several classes, `labels`, a list for every item, stands in the place of `label`."""
_ALWAYS: Final = frozenset({"id", "license", "source"})
_OURS: Final = frozenset({*CORE, "labels", "fields", "file_name", "audio", "image", "media", "split"})
_DTYPES: Final = {"bool": "bool", "int": "int64", "float": "float64", "string": "string"}

_EXTENSIONS: Final[Mapping[str, str]] = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/aiff": "aiff",
    "audio/x-aiff": "aiff",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/mp4": "m4a",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
    "image/x-portable-graymap": "pgm",
    "image/svg+xml": "svg",
    "application/pdf": "pdf",
    "application/json": "json",
}


def columns_of(outline: Outline) -> tuple[str, ...]:
    """Return the core columns that at least one item of the set fills."""
    found = (name for name in CORE if name in _ALWAYS or name in outline.filled)
    return tuple("labels" if name == "label" and outline.several else name for name in found)


def extension_of(row: Mapping[str, Any]) -> str:
    """Return the file-name ending (without the dot) of an item's own file: by media type, else as its source has it."""
    if row["modality"] == Modality.TEXT and row["text"] is not None:
        return "txt"
    if row["modality"] == Modality.TABLE:
        return "json"
    known = _EXTENSIONS.get(row["media_type"])
    if known:
        return known
    name = (row["member"].split("#")[0] or row["asset"]) if "#" not in row["member"] else ""
    suffix = PurePosixPath(name).suffix[1:].lower()
    return suffix if suffix.isascii() and suffix.isalnum() and len(suffix) <= 8 else "bin"


def content_of(row: Mapping[str, Any], link: Callable[[Mapping[str, Any], Path], int], passing: Path) -> bytes:
    """Return an item's own bytes; they pass through a file that is gone again afterwards."""
    link(row, passing)
    try:
        return passing.read_bytes()
    finally:
        passing.unlink()


def core_values(placed: Placed, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return the item's values of the core columns; an item without a label has None, not the name of its class.

    `labels` are its classes, "unlabelled" among them: `datasets` 5.2 refuses splits in which all lists are empty, because they
    have no type (measured, layouts folders and jsonl).
    """
    row = placed.row
    label = None if placed.label == UNLABELLED and not labels_of(row["label"]) else placed.label
    values = {**row, "label": label, "labels": list(placed.classes or labels_of(placed.label)), "license": placed.license}
    return {name: values[name] for name in columns}


def field_columns(outline: Outline) -> dict[str, str]:
    """Return column → name in `fields`, where all items have the same; a name that is taken gets "field_" before it."""
    names = [*(outline.columns or ())]
    taken = {*_OURS, *names}
    found: dict[str, str] = {}
    for name in names:
        column = name
        while name in _OURS and column in taken:
            column = f"field_{column}"
        taken.add(column)
        found[column] = name
    return found


def features_of(outline: Outline, named: Sequence[str] = ()) -> list[dict[str, str]]:
    """Return the columns of a JSON line with their types, in the form of a card's features; `named` are texts after the core.

    Without them `datasets` takes the types from the first rows, and fails where a column is empty in these (5.2, measured).
    """
    core = [{"name": name, "list" if name == "labels" else "dtype": "string"} for name in (*columns_of(outline), *named)]
    types, expanded = outline.columns or {}, field_columns(outline)
    rest = [{"name": column, "dtype": _DTYPES[types[name]]} for column, name in expanded.items()]
    if not expanded and "fields" in outline.filled:
        rest = [{"name": "fields", "dtype": "string"}]
    return [*core, *rest]


def field_values(placed: Placed, columns: Mapping[str, str], types: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of `fields` by column; what a redaction has turned into a text is null in a column of numbers."""
    values = orjson.loads(placed.row["fields"])
    return {column: typed(values.get(name), types[name]) for column, name in columns.items()}


def typed(value: Any, kind: str) -> Any:
    """Return a value of `fields` as its column's type, null where it is none."""
    if value is None:
        return None
    if kind == "string":
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    if kind == "bool":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if kind == "float" else int(value)
