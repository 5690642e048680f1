"""From rows and files to items: the one place that knows how `items:` of a declaration becomes FOUND_SCHEMA columns."""

from __future__ import annotations

import datetime as dt
import decimal
import difflib
import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.content import join_member, quote_name
from acquisition.content.compression import without_suffix
from acquisition.content.limits import Unreadable
from acquisition.model import FOUND_SCHEMA, Modality, Rejection
from acquisition.protocols import ReadContext
from acquisition.read.labels import Picker, folder_path
from acquisition.settings import Column, PickSettings

UNPACKED: Final = "#unpacked"
"""Ends the member path of a file that is read through its compression ("page.html.gz")."""
BATCH_ROWS: Final = 4_096
BATCH_BYTES: Final = 8_000_000
"""A reader ends a batch at whichever comes first."""

_ROLES: Final = ("text", "label", "group", "split", "id", "name", "title", "author", "url", "license", "media")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


def place_of(context: ReadContext) -> str:
    """Return the readable place of a file in its release: "train.csv", "kit.zip!/kicks/a.wav"."""
    member = context.member.removesuffix(UNPACKED)
    return quote_name(context.asset) + (f"!/{member}" if member else "")


def rejection(context: ReadContext, code: str, detail: str, fragment: str = "") -> Rejection:
    """Return a rejection of this file, or of a place inside it."""
    locator = place_of(context) + (f"#{fragment}" if fragment else "")
    return Rejection(code, context.source, context.release, context.asset, locator, detail)


def file_name(value: str) -> str:
    """Return text as a file-name stem: no slashes, no characters that some file system refuses, never empty."""
    return _UNSAFE.sub("_", value).strip(" .")[:120] or "item"


def stem_of(context: ReadContext) -> str:
    """Return the stem of the innermost file's name."""
    last = without_suffix(folder_path(context)[1])
    return file_name(last.rsplit(".", 1)[0] if "." in last.lstrip(".") else last)


def canonical(value: Any) -> bytes:
    """Return JSON with sorted keys and no spaces; dates as ISO 8601, decimals and other values as text, bytes as base64."""
    return orjson.dumps(value, _plain, orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if isoformat else str(value)


def as_text(value: Any) -> str | None:
    """Return a cell as text; None stays None."""
    if value is None or isinstance(value, str):
        return value
    encoded = canonical(value).decode()
    return orjson.loads(encoded) if encoded.startswith('"') else encoded


def found_batch(rows: Iterable[Mapping[str, Any]]) -> pa.RecordBatch:
    """Return rows, each a mapping of FOUND_SCHEMA names, as one batch; what is left out is null."""
    listed = list(rows)
    given = set().union(*listed)  # a column that nobody fills is made for nothing, and most batches have one row
    columns = [
        pa.array([row.get(field.name) for row in listed], field.type)
        if field.name in given
        else pa.nulls(len(listed), field.type)
        for field in FOUND_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FOUND_SCHEMA)


class FileItems:
    """Makes the item of one file (or of one sample inside it), with label, group and split picked from its path."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._items = context.items

    @cached_property
    def picked(self) -> Mapping[str, str | None]:
        """Label, group and split as the path gives them."""
        settings = {"label": self._items.label, "group": self._items.group, "split": self._items.split}
        return {role: Picker(pick).of_path(self._context) for role, pick in settings.items() if isinstance(pick, PickSettings)}

    def row(
        self, modality: Modality, media_type: str, size: int, sha256: str, *, fragment: str = "", place: str = "", **more: Any
    ) -> dict[str, Any]:
        """Return one row of FOUND_SCHEMA.

        `fragment` addresses the bytes inside the file; `place` stands in the locator and is the fragment if left out.
        """
        context = self._context
        shown = place or fragment
        row = {
            "locator": place_of(context) + (f"#{shown}" if shown else ""),
            "member": f"{context.member.removesuffix(UNPACKED)}#{fragment}" if fragment else context.member,
            "modality": str(modality),
            "media_type": media_type,
            "size": size,
            "content_sha256": sha256,
            "name": stem_of(context),
        }
        return row | dict(self.picked) | more


@dataclass(frozen=True, slots=True)
class _Role:
    """Where a FOUND column comes from: a column's position, several, or one text for every row; then a renaming."""

    position: int = -1
    constant: str | None = None
    picker: Picker | None = None
    several: tuple[int, ...] = ()

    @property
    def positions(self) -> tuple[int, ...]:
        """All columns that it is made of."""
        return self.several or ((self.position,) if self.position >= 0 else ())


class RowItems:
    """Turns columns of a table into items. Made once per file, when the names of its columns are known.

    Raises Unreadable (no-such-column) when the declaration names a column that is not there.
    """

    def __init__(self, context: ReadContext, names: Sequence[str]) -> None:
        self._context = context
        self._names = list(names)
        self._place = place_of(context)
        self._stem = stem_of(context)
        self._roles = {role: self._role(getattr(context.items, role)) for role in _ROLES}
        self.kept = self._kept()
        self.is_text = self._roles["text"].position >= 0

    def position(self, column: Column) -> int:
        """Return the position of a declared column."""
        if isinstance(column, int):
            if -len(self._names) <= column < len(self._names):
                return column % len(self._names)
            raise Unreadable("no-such-column", f"column {column} is declared, but there are {len(self._names)}")
        if column in self._names:
            return self._names.index(column)
        near = difflib.get_close_matches(column, self._names, 1)
        shown = ", ".join(self._names[:30]) + ("…" if len(self._names) > 30 else "")
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise Unreadable("no-such-column", f"column {column!r} is declared, the file has: {shown}{hint}")

    def _role(self, declared: Column | PickSettings | None) -> _Role:
        if declared is None:
            return _Role()
        if not isinstance(declared, PickSettings):
            return _Role(self.position(declared))
        picker = Picker(declared)
        if declared.from_ != "column":
            return _Role(constant=picker.of_path(self._context))
        if declared.columns:
            return _Role(picker=picker, several=tuple(self.position(column) for column in declared.columns))
        if declared.column is None:
            raise Unreadable("no-such-column", "from: column needs a `column`")
        return _Role(self.position(declared.column), picker=picker)

    def _kept(self) -> tuple[int, ...]:
        keep = self._context.items.keep
        if keep is None:
            keep = "all" if self._context.items.text is None else "none"
        if keep == "none":
            return ()
        if keep == "all":
            used = {position for role in self._roles.values() for position in role.positions}
            chosen = [index for index in range(len(self._names)) if index not in used]
        else:
            chosen = [self.position(column) for column in keep]
        return tuple(sorted(chosen, key=lambda index: self._names[index]))

    def batch(self, numbers: Sequence[int], column: Callable[[int], Sequence[Any]]) -> pa.RecordBatch:
        """Return the items of some rows. `numbers` are the rows' numbers in the file; `column` gives a column's values."""
        fields = self.fields(len(numbers), column) if self.kept or not self.is_text else None
        return self.assemble(numbers, column, fields)

    def fields(self, count: int, column: Callable[[int], Sequence[Any]]) -> list[bytes]:
        """Return the kept columns of every row as canonical JSON."""
        names = [self._names[index] for index in self.kept]
        if not names:
            return [b"{}"] * count
        dumps, plain, options = orjson.dumps, _plain, orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
        rows = zip(*(column(index) for index in self.kept), strict=True)
        return [dumps(dict(zip(names, row, strict=True)), plain, options) for row in rows]

    def assemble(
        self, numbers: Sequence[int], column: Callable[[int], Sequence[Any]], fields: list[bytes] | None
    ) -> pa.RecordBatch:
        """Return the items of some rows whose `fields` are already JSON."""
        texts = self._values("text", numbers, column)
        contents = [(text or "").encode() for text in texts] if texts is not None else fields or []
        sha256 = hashlib.sha256
        values: dict[str, Any] = {
            "locator": _numbered(f"{self._place}#row=", numbers),
            "member": pa.repeat("", len(numbers)),
            "modality": pa.repeat(str(Modality.TEXT if self.is_text else Modality.TABLE), len(numbers)),
            "media_type": pa.repeat("text/plain" if self.is_text else "application/json", len(numbers)),
            "size": [len(content) for content in contents],
            "content_sha256": [sha256(content).hexdigest() for content in contents],
            "text": None if texts is None else [text or "" for text in texts],
            "fields": None if fields is None else pa.array(fields, pa.large_binary()).cast(pa.large_string()),
            "name": self._item_names(numbers, column),
        }
        for role in ("label", "group", "split", "title", "author", "url"):
            values[role] = self._values(role, numbers, column)
        values["referrer"] = self._values("media", numbers, column)  # for `joined`, which looks the media file up by it
        values["license_raw"] = self._values("license", numbers, column)
        values["license_url"] = _urls(values["license_raw"])
        return _batch_of(values, len(numbers))

    def _values(self, role: str, numbers: Sequence[int], column: Callable[[int], Sequence[Any]]) -> list[str | None] | None:
        found = self._roles[role]
        if found.several and found.picker:
            names = [self._names[index] for index in found.several]
            rows = zip(*([as_text(cell) for cell in column(index)] for index in found.several), strict=True)
            return [found.picker.of_cells(names, row) for row in rows]
        if found.position < 0:
            return None if found.constant is None else [found.constant] * len(numbers)
        cells = column(found.position)
        texts = [cell if type(cell) is str or cell is None else as_text(cell) for cell in cells]
        return [found.picker.of_value(text) for text in texts] if found.picker else texts

    def _item_names(self, numbers: Sequence[int], column: Callable[[int], Sequence[Any]]) -> list[str] | pa.Array:
        given = self._values("name", numbers, column) or self._values("id", numbers, column)
        if given is None:
            return _numbered(f"{self._stem}-", numbers)
        return [file_name(text) if text else f"{self._stem}-{number}" for text, number in zip(given, numbers, strict=True)]


def _numbered(prefix: str, numbers: Sequence[int]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers, pa.int64()).cast(pa.string()), "")


def _urls(values: list[str | None] | None) -> list[str | None] | None:
    if values is None:
        return None
    return [value if value and value.startswith(("http://", "https://")) else None for value in values]


def _batch_of(values: Mapping[str, Any], rows: int) -> pa.RecordBatch:
    columns = []
    for field in FOUND_SCHEMA:
        value = values.get(field.name)
        if value is None:
            columns.append(pa.nulls(rows, field.type))
        else:
            columns.append(value if isinstance(value, pa.Array) else pa.array(value, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=FOUND_SCHEMA)


class ObjectItems:
    """Turns JSON objects into items. Column names are learnt from the first batch; a dotted name reaches into objects."""

    def __init__(self, context: ReadContext, first: Sequence[Mapping[str, Any]]) -> None:
        names = list(dict.fromkeys(name for record in first for name in record))
        declared = [getattr(context.items, role) for role in _ROLES] + list(_listed(context.items.keep))
        columns = [column for pick in declared for column in _columns_of(pick)]
        dotted = [name for name in columns if isinstance(name, str) and name not in names and _reaches(first, name)]
        self._names = names + dotted
        self._rows = RowItems(context, self._names)
        self._all = context.items.keep == "all" or (context.items.keep is None and context.items.text is None)
        kept = set(self._rows.kept)
        self._left = {name for index, name in enumerate(names) if index not in kept}

    def batch(self, numbers: Sequence[int], records: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
        """Return the items of some objects; keys that only some objects have are kept where they are."""

        def column(index: int) -> list[Any]:
            name = self._names[index]
            return [record[name] if name in record else _reach(record, name) for record in records]

        if not self._all:
            return self._rows.batch(numbers, column)
        left = self._left
        kept = [{name: value for name, value in record.items() if name not in left} for record in records] if left else records
        return self._rows.assemble(numbers, column, [canonical(record) for record in kept])


def _columns_of(pick: object) -> tuple[object, ...]:
    return (pick.column, *pick.columns) if isinstance(pick, PickSettings) else (pick,)


def _listed(keep: object) -> tuple[Column, ...]:
    return keep if isinstance(keep, tuple) else ()


def _reach(record: Mapping[str, Any], name: str) -> Any:
    value: Any = record
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def _reaches(records: Sequence[Mapping[str, Any]], name: str) -> bool:
    return "." in name and any(_reach(record, name) is not None for record in records)


def member_below(context: ReadContext, name: str) -> str:
    """Return the member path of a file inside the archive that the context stands for."""
    return f"{context.member}!/{quote_name(name)}" if context.member else join_member(name)
