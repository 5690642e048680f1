"""Reads an answer's head as it stands on the wire. Pure: lines in, facts or a failure out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from acquisition.crawl.contract import HeaderLines
from acquisition.crawl.visit.decoding import codings, unreadable

_STATUS_LINE: Final = re.compile(rb"(HTTP/\d(?:\.\d)?) +(\d{3})(?: ([^\r\n]*))?\r?\n?")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
"""With a space before the colon some readers see them and others do not, and both would be right (RFC 9112 section 5.1)."""
_MEASURING: Final = frozenset({"content-encoding", *_FRAMING})
_KNOWN: Final[dict[bytes, tuple[str, str]]] = {}
"""Lines that were read before: a server says most of its lines again and again."""
_KNOWN_LINES: Final = 1_024
_KNOWN_LENGTH: Final = 128


@dataclass(frozen=True, slots=True)
class Head:
    """One answer head: fields in the order and spelling of the wire, control characters in values made spaces."""

    status: int
    reason: str
    protocol: str
    headers: HeaderLines

    @property
    def interim(self) -> bool:
        """Whether another head follows (1xx; 101 is none, because nobody asked to switch)."""
        return 100 <= self.status < 200 and self.status != 101

    def first(self, name: str) -> str:
        """Return the value of the first field of that name (lower case), "" when there is none."""
        return next((value for field, value in self.headers if field.lower() == name), "")


def read_head(lines: list[bytes]) -> Head | None:
    """Return the head that the lines hold, the status line first and no blank line; None when they hold none."""
    match = _STATUS_LINE.fullmatch(lines[0]) if lines else None
    if match is None:
        return None
    fields: list[tuple[str, str]] = []
    for line in lines[1:]:
        if line[:1] in (b" ", b"\t") and fields:  # a folded line (RFC 9112 section 5.2) belongs to the one before
            name, value = fields[-1]
            fields[-1] = name, f"{value} {_clean(line)}".strip()
            continue
        field = _KNOWN.get(line) or _read(line)
        if field is None:
            return None
        fields.append(field)
    return Head(int(match[2]), _clean(match[3] or b""), match[1].decode("ascii"), tuple(fields))


def _read(line: bytes) -> tuple[str, str] | None:
    raw_name, colon, raw_value = line.partition(b":")
    name = _clean(raw_name)
    if not colon or not name or (raw_name[-1:].isspace() and name.lower() in _FRAMING):
        return None
    field = (name, _clean(raw_value))
    if len(line) <= _KNOWN_LENGTH:
        if len(_KNOWN) >= _KNOWN_LINES:
            _KNOWN.clear()
        _KNOWN[line] = field
    return field


def _clean(raw: bytes) -> str:
    return _CONTROLS.sub(" ", raw.decode("latin-1")).strip(" \t")


def objection(head: Head, *, max_bytes: int | None, bodiless: bool) -> tuple[str, str] | None:
    """Return (reason, detail) why this answer's body is not even begun, None when it may come.

    `max_bytes` is None when a longer body is cut rather than refused. `bodiless` says that the request was a HEAD: the
    lengths and codings are then those of another answer.
    """
    if head.status == 101 or not 100 <= head.status <= 599:
        return "protocol", f"the status {head.status} is no answer to the request"
    if bodiless or head.status in (204, 304):
        return None
    framing = tuple((lower, value) for name, value in head.headers if (lower := name.lower()) in _MEASURING)
    if wrong := unreadable(codings(framing)):
        return "content-encoding", wrong
    if (coding := dict(reversed(framing)).get("transfer-encoding", "").strip().lower()) not in ("", "chunked", "identity"):
        return "content-encoding", f"the transfer coding {coding[:40]!r} was not asked for"
    lengths = {value for name, value in framing if name == "content-length"}
    if len(lengths) > 1:
        return "protocol", "several lengths are announced"
    length = lengths.pop() if lengths and max_bytes is not None and not coding else ""
    if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > (max_bytes or 0)):
        return "too-large", f"{length[:20]} bytes are announced, {max_bytes:,} are taken"
    return None
