"""C2PA manifest stores: JUMBF boxes (ISO 19566-5) and, in CBOR (RFC 8949) or JSON, the assertions on training and mining.

Signatures are not checked: a forged no costs an item, a forged yes would cost more, and no yes cancels a no.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from typing import Final

MAX_DEPTH: Final = 32
MAX_BOXES: Final = 20_000
_MAX_ITEMS: Final = 20_000
_LABEL: Final = re.compile(r"(c2pa|cawg)\.training-mining(?:\.v\d+)?(?:__\d+)?")
_COMPRESSED: Final = b"c2cm"


class Malformed(ValueError):
    """The bytes are no boxes, or no CBOR, that are read here."""


def assertions(store: bytes) -> Iterator[tuple[str, object]]:
    """Yield label and content of every training-mining assertion, of ingredients too. Raises Malformed.

    A compressed manifest cannot be read and is yielded with the label "compressed".
    """
    budget = [MAX_BOXES]
    yield from _within(memoryview(store), 0, budget)


def _within(data: memoryview, depth: int, budget: list[int]) -> Iterator[tuple[str, object]]:
    if depth > MAX_DEPTH:
        raise Malformed("boxes nested too deep")
    label = ""
    for kind, content in _boxes(data, budget):
        if kind == b"jumd":
            label = _described(content)
            if bytes(content[:4]) == _COMPRESSED:
                yield "compressed", None
        elif kind == b"jumb":
            yield from _within(content, depth + 1, budget)
        elif kind in (b"cbor", b"json") and _LABEL.fullmatch(label):
            yield label, cbor(content) if kind == b"cbor" else _json(bytes(content))


def _boxes(data: memoryview, budget: list[int]) -> Iterator[tuple[bytes, memoryview]]:
    place = 0
    while place + 8 <= len(data):
        budget[0] -= 1
        if budget[0] < 0:
            raise Malformed("too many boxes")
        size, kind = struct.unpack_from(">I4s", data, place)
        header = 8
        if size == 1:
            if place + 16 > len(data):
                raise Malformed("a box without its size")
            (size,) = struct.unpack_from(">Q", data, place + 8)
            header = 16
        size = size or len(data) - place
        if size < header or (place + size > len(data)):
            raise Malformed("a box longer than its place")
        yield kind, data[place + header : place + size]
        place += size


def _described(content: memoryview) -> str:
    """Return the label of a description box: after 16 bytes of type and one of toggles, up to a NUL."""
    if len(content) < 18 or not content[16] & 2:
        return ""
    return bytes(content[17:317]).partition(b"\0")[0].decode("utf-8", "replace")


def _json(text: bytes) -> object:
    try:
        return json.loads(text[:1_000_000])
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from error


def cbor(data: bytes | memoryview) -> object:
    """Return the first CBOR item of the data as plain values; tags are left out. Raises Malformed."""
    return _Cbor(memoryview(data)).item(0)


class _Break:
    pass


_BREAK: Final = _Break()
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}


class _Cbor:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._place = 0
        self._left = _MAX_ITEMS

    def item(self, depth: int) -> object:
        value = self._item(depth)
        if isinstance(value, _Break):
            raise Malformed("a break outside")
        return value

    def _item(self, depth: int) -> object:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise Malformed("too many or too deep CBOR items")
        first = self._take(1)[0]
        major, short = first >> 5, first & 31
        if major == 7:
            return self._simple(short)
        length = None if short == 31 and 2 <= major <= 5 else self._argument(short)
        if major <= 1:
            number = length or 0
            return number if major == 0 else -1 - number
        if major <= 3:
            raw = self._string(length, depth)
            return raw if major == 2 else raw.decode("utf-8", "replace")
        if major == 4:
            return list(self._items(length, depth))
        if major == 5:
            return self._map(length, depth)
        return self.item(depth + 1)  # a tag: its content

    def _map(self, length: int | None, depth: int) -> dict[str, object]:
        values = list(self._items(None if length is None else 2 * length, depth))
        return {str(key): value for key, value in zip(values[::2], values[1::2], strict=False) if isinstance(key, (str, int))}

    def _items(self, length: int | None, depth: int) -> Iterator[object]:
        if length is not None and length > self._left:
            raise Malformed("more items than can be")
        count = 0
        while length is None or count < length:
            value = self._item(depth + 1)
            if isinstance(value, _Break):
                if length is None:
                    return
                raise Malformed("a break inside")
            yield value
            count += 1

    def _string(self, length: int | None, depth: int) -> bytes:
        if length is not None:
            return bytes(self._take(length))
        parts = [part.encode("utf-8", "replace") if isinstance(part, str) else part for part in self._items(None, depth)]
        if not all(isinstance(part, bytes) for part in parts):
            raise Malformed("a text of other things than texts")
        return b"".join(part for part in parts if isinstance(part, bytes))

    def _simple(self, short: int) -> object:
        if short == 31:
            return _BREAK
        if short >= 24:
            self._take({24: 1, 25: 2, 26: 4, 27: 8}.get(short, len(self._data)))
            return None
        return _SIMPLE.get(short)

    def _argument(self, short: int) -> int:
        if short < 24:
            return short
        if short > 27:
            raise Malformed("a reserved length")
        return int.from_bytes(self._take(1 << (short - 24)), "big")

    def _take(self, size: int) -> memoryview:
        if self._place + size > len(self._data):
            raise Malformed("CBOR that ends early")
        taken = self._data[self._place : self._place + size]
        self._place += size
        return taken
