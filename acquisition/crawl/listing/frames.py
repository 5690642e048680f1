"""What the crawling process and its scribe say to each other: JSON with bytes behind it one way, lines of JSON the other way.

Nothing is pickled. A frame is two lengths (little-endian, 4 bytes each), the JSON, the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from acquisition.crawl.contract import Ask, Place, Wire

_LENGTHS: Final = struct.Struct("<II")


def frame(said: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Return one frame."""
    return b"".join(framed(said, body))


def framed(said: Mapping[str, Any], body: bytes = b"") -> tuple[bytes, bytes, bytes]:
    """Return one frame in its parts, which follow each other."""
    head = orjson.dumps(said)
    return _LENGTHS.pack(len(head), len(body)), head, body


class Frames:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._missing = 0

    def of(self, data: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield the frames that are complete with these bytes."""
        self._held.append(data)
        self._missing -= len(data)
        if self._missing > 0:  # a long frame comes in many parts, and is joined once
            return
        held, place = data if len(self._held) == 1 else b"".join(self._held), 0
        view = memoryview(held)
        self._missing = 0
        while len(held) - place >= _LENGTHS.size:
            said, behind = _LENGTHS.unpack_from(held, place)
            start = place + _LENGTHS.size
            if len(held) < start + said + behind:
                self._missing = start + said + behind - len(held)
                break
            middle = start + said
            yield orjson.loads(view[start:middle]), held[middle : middle + behind]
            place = middle + behind
        self._held = [held[place:]] if place < len(held) else []


def ask_said(ask: Ask) -> list[Any]:
    """Return an ask as JSON."""
    return [ask.url, ask.method, dict(ask.headers), ask.referrer, ask.kind, ask.cut_at]


def wire_said(wire: Wire) -> list[Any]:
    """Return an answer as JSON, without its body."""
    start = [wire.status, wire.reason, wire.protocol, wire.headers, wire.ip_address, wire.request_headers]
    return [*start, wire.started, wire.ended, dict(wire.certificate), wire.cut]


def wire_of(said: Sequence[Any], body: bytes) -> Wire:
    """Return the answer that `wire_said` wrote."""
    status, reason, protocol, headers, address, sent, started, ended, certificate, cut = said
    return Wire(status, reason, protocol, _lines(headers), body, address, _lines(sent), started, ended, certificate, cut)


def place_said(place: Place) -> list[Any]:
    """Return a place as JSON."""
    return [place.file, place.offset, place.record_id, place.date, place.status]


def _lines(said: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in said)
