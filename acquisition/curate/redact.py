"""Replaces spans of an item by the kind of what stood there: "mail <EMAIL_ADDRESS>"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

Span = tuple[str, int, int, str]
"""Field, start and end in characters (end -1: to the end of the field), placeholder."""

_JSON_SCALAR: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
_FIELD_KEY: Final = re.compile(r"fields[.:](.+)", re.DOTALL)


def placeholder(code: str) -> str:
    """Return what stands for a flagged span: the last part of its code, as in <EMAIL_ADDRESS>."""
    return "<" + re.sub(r"[^A-Z0-9]+", "_", code.rsplit(".", 1)[-1].upper()) + ">"


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
    inside = []
    for token in _JSON_SCALAR.finditer(fields):
        low, high = token.span()
        quoted = token[0].startswith('"')
        for start, end, mark in spans:
            reach = len(fields) if end < 0 else end
            if start < high and reach > low:
                inside.append((max(start, low + 1), min(reach, high - 1), mark) if quoted else (low, high, f'"{mark}"'))
    changed = redact_text(fields, inside)
    try:
        return orjson.dumps(dict(orjson.loads(changed)), option=orjson.OPT_SORT_KEYS).decode()
    except (ValueError, TypeError):
        return "{}"


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
