"""Replaces spans of an item by the kind of what stood there: "mail <EMAIL_ADDRESS>", or by a keyed pseudonym of it.

A pseudonym is HMAC-SHA-256 (RFC 2104) over the kind and the normalised value: equal values get equal pseudonyms, and nobody
without the key can try values out. The key stands in an environment variable and is written nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
import pyarrow.parquet as pq

from acquisition.errors import DeclarationError
from acquisition.model import joined_labels, labels_of
from acquisition.settings import RedactSettings

Span = tuple[str, int, int, str]
"""Field, start and end in characters (end -1: to the end of the field), placeholder."""

_JSON_SCALAR: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
_FIELD_KEY: Final = re.compile(r"fields[.:](.+)", re.DOTALL)


def placeholder(code: str) -> str:
    """Return what stands for a flagged span: the last part of its code, as in <EMAIL_ADDRESS>."""
    return "<" + re.sub(r"[^A-Z0-9]+", "_", code.rsplit(".", 1)[-1].upper()) + ">"


class Pseudonyms:
    """Gives spans their pseudonyms: <EMAIL_ADDRESS_3f9a0c2b71de>. Raises ValueError for an empty key."""

    def __init__(self, key: str) -> None:
        if not key:
            raise ValueError("a pseudonym needs a key")
        self._key = key.encode("utf-8", "surrogateescape")

    @property
    def fingerprint(self) -> str:
        """What tells one key from another, so that a changed key builds the set anew; it does not tell the key."""
        return hmac.new(self._key, b"fingerprint of the key", hashlib.sha256).hexdigest()[:_SIGNS]

    def mark(self, mark: str, value: str) -> str:
        """Return the pseudonym of a value whose placeholder is `mark`."""
        kind = mark[1:-1]
        told = f"{kind}\0{normalised(kind, value)}".encode("utf-8", "surrogatepass")
        return f"<{kind}_{hmac.new(self._key, told, hashlib.sha256).hexdigest()[:_SIGNS]}>"

    def named(self, spans: Mapping[int, Sequence[Span]], path: str) -> dict[int, list[Span]]:
        """Return the spans of an item shard with pseudonyms for placeholders; only the flagged columns are read."""
        columns = sorted({"fields" if span[0].startswith("fields") else span[0] for found in spans.values() for span in found})
        if not columns:
            return {}
        known = [name for name in columns if name in pq.read_schema(path).names]
        table = pq.read_table(path, columns=known, memory_map=False, partitioning=None)
        return {row: [self._named(span, _value_of(table, row, span)) for span in found] for row, found in spans.items()}

    def _named(self, span: Span, value: str | None) -> Span:
        field, start, end, mark = span
        if value is None:
            return span
        return field, start, end, self.mark(mark, value[max(start, 0) : len(value) if end < 0 else end])


_SIGNS: Final = 12
"""Hexadecimal digits of a pseudonym: two of a million values meet with a probability of 0.2 %."""


def _value_of(table: Any, row: int, span: Span) -> str | None:
    """Return the text that a span counts in: a column of the row, or one value of `fields`."""
    key = _FIELD_KEY.fullmatch(span[0])
    column = "fields" if key else span[0]
    if column not in table.column_names:
        return None
    value = table[column][row].as_py()
    if key and value is not None:
        inner = orjson.loads(value).get(key[1])
        return inner if isinstance(inner, str) or inner is None else orjson.dumps(inner).decode()
    return value if isinstance(value, str) else None


def normalised(kind: str, value: str) -> str:
    """Return a value without what people write differently: case, and for all but addresses and names spaces and marks."""
    plain = unicodedata.normalize("NFKC", value).casefold().strip()
    if kind in {"EMAIL_ADDRESS", "URL", "PERSON", "LOCATION", "ORGANIZATION", "SECRET"}:
        return " ".join(plain.split())
    return "".join(sign for sign in plain if sign.isalnum())


def pseudonyms(settings: RedactSettings, environment: Mapping[str, str] = os.environ) -> Pseudonyms | None:
    """Return what gives pseudonyms, None where placeholders are wanted. DeclarationError when the key is not set."""
    if settings.mode != "pseudonym":
        return None
    key = environment.get(settings.key_env, "")
    if not key:
        raise DeclarationError(
            f"pseudonyms need a key, and the environment variable {settings.key_env or '(none is named)'} is not set",
            where="curated.redact.key_env",
            hint="Set it to a long random text and keep it: the same key gives the same pseudonyms. Or use mode: placeholder.",
        )
    return Pseudonyms(key)


def merge(spans: Iterable[tuple[int, int, str]], length: int) -> list[tuple[int, int, str]]:
    """Return spans inside 0..length, sorted, overlapping ones joined; the longest part of a joined span names it."""
    clipped = ((max(0, start), length if end < 0 else min(end, length), mark) for start, end, mark in spans)
    merged: list[tuple[int, int, str]] = []
    widths: list[int] = []
    for start, end, mark in sorted(span for span in clipped if span[0] < span[1]):
        if merged and start < merged[-1][1]:
            before, reach, name = merged[-1]
            wider = end - start > widths[-1]
            merged[-1] = (before, max(reach, end), mark if wider else name)
            widths[-1] = max(widths[-1], end - start)
        else:
            merged.append((start, end, mark))
            widths.append(end - start)
    return merged


def redact_text(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """Return the text with every span replaced by its placeholder."""
    parts, last = [], 0
    for start, end, mark in merge(spans, len(text)):
        parts += [text[last:start], mark]
        last = end
    return "".join(parts) + text[last:]


def redact_fields(fields: str, spans: Sequence[tuple[int, int, str]]) -> str:
    """Return a JSON object with spans replaced, still JSON: what is not inside a string is replaced as a whole value.

    Where the result would not be an object any more, the object is emptied rather than passed on with the span in it.
    """
    try:
        return orjson.dumps(dict(orjson.loads(_redact_json(fields, spans))), option=orjson.OPT_SORT_KEYS).decode()
    except (ValueError, TypeError):
        return "{}"


def redact_label(label: str, spans: Sequence[tuple[int, int, str]]) -> str:
    """Return a label with spans replaced; several labels stay several, or become what stands for the spans."""
    if not spans or labels_of(label) == (label,):
        return redact_text(label, spans)
    changed = _redact_json(label, spans)
    return joined_labels(labels_of(changed)) if labels_of(changed) != (changed,) else joined_labels(mark for *_, mark in spans)


def _redact_json(fields: str, spans: Sequence[tuple[int, int, str]]) -> str:
    inside = []
    for token in _JSON_SCALAR.finditer(fields):
        low, high = token.span()
        quoted = token[0].startswith('"')
        for start, end, mark in spans:
            reach = len(fields) if end < 0 else end
            if start < high and reach > low:
                inside.append((max(start, low + 1), min(reach, high - 1), mark) if quoted else (low, high, f'"{mark}"'))
    return redact_text(fields, inside)


def _redact_key(fields: str | None, key: str, spans: Sequence[tuple[int, int, str]]) -> str | None:
    if fields is None:
        return None
    values = orjson.loads(fields)
    if values.get(key) is not None:
        value = values[key]
        values[key] = redact_text(value if isinstance(value, str) else orjson.dumps(value).decode(), spans)
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


def redact_row(row: Mapping[str, Any], spans: Sequence[Span]) -> tuple[dict[str, Any], list[str]]:
    """Return an item's row with its spans replaced, and one sentence for each field that changed.

    A span speaks of a column of the row, or of one value of `fields` ("fields.comment").
    """
    changed, changes = dict(row), []
    for field in sorted({span[0] for span in spans}):
        own = [(start, end, mark) for name, start, end, mark in spans if name == field]
        key = _FIELD_KEY.fullmatch(field)
        column = "fields" if key else field
        before = changed.get(column)
        if not isinstance(before, str):
            continue
        if key:
            changed[column] = _redact_key(before, key[1], own)
        else:
            changed[column] = redact_fields(before, own) if column == "fields" else redact_text(before, own)
        if changed[column] != before:
            marks = sorted({mark for _, _, mark in own if mark in (changed[column] or "")})
            changes.append(f"{field}: replaced by {', '.join(marks)}")
    return changed, changes
