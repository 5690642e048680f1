"""What a tombstone is recognised by, asked of single values: a digest, a text, an address, an item's id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from acquisition.sameness.texts import normal_form
from acquisition.tombstones import LEAST_LETTERS, Tombstone, Tombstones, authors_in

_DEEPEST: Final = 60


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing that was found: `present` is content itself, otherwise it is only named (an address, an id, a digest)."""

    stone: Tombstone
    present: bool


@dataclass(frozen=True)
class Traces:
    """The questions, with what they need worked out once."""

    stones: Tombstones

    @cached_property
    def contents(self) -> dict[str, Tombstone]:
        """Digests of contents and of whole files."""
        return {stone.digest: stone for stone in reversed(tuple(self.stones)) if stone.scope in {"content", "file"}}

    @cached_property
    def items(self) -> dict[str, Tombstone]:
        """Ids of items, whatever they were taken down by."""
        return {stone.item: stone for stone in reversed(tuple(self.stones)) if stone.item}

    @cached_property
    def texts(self) -> dict[str, Tombstone]:
        """Digests of texts in normal form."""
        return {stone.digest: stone for stone in reversed(tuple(self.stones)) if stone.scope == "text"}

    @cached_property
    def scopes(self) -> frozenset[str]:
        """The scopes in use."""
        return frozenset(stone.scope for stone in self.stones)

    def bytes_(self, sha256: str) -> Iterator[Trace]:
        """Say what bytes with this digest are."""
        if (stone := self.contents.get(sha256)) is not None:
            yield Trace(stone, present=True)

    def digest(self, value: str) -> Iterator[Trace]:
        """Say whether a digest names something: whoever writes it down says that the bytes are here."""
        if (stone := self.contents.get(value)) is not None:
            yield Trace(stone, present=False)

    def item(self, value: str) -> Iterator[Trace]:
        """Say whether this is the id of an item that was taken down."""
        if (stone := self.items.get(value)) is not None:
            yield Trace(stone, present=False)

    def text(self, value: str) -> Iterator[Trace]:
        """Say what a text is: content by its bytes, or by its normal form."""
        yield from self.bytes_(hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest())
        if self.texts and len(value) >= LEAST_LETTERS:
            form = normal_form(value.encode("utf-8", "surrogatepass"))
            if (stone := self.texts.get(hashlib.sha256(form).hexdigest())) is not None:
                yield Trace(stone, present=True)

    def address(self, url: str) -> Iterator[Trace]:
        """Say whether an address is taken down."""
        if "://" in url and self.scopes & {"url", "domain"} and (stone := self.stones.url_gone(url)) is not None:
            yield Trace(stone, present=False)

    def author(self, name: str) -> Iterator[Trace]:
        """Say whether the works of somebody are taken down who is named, alone or beside others."""
        if "author" in self.scopes:
            for one in authors_in(name):
                if (stone := self.stones.at("author", one)) is not None:
                    yield Trace(stone, present=True)

    def source(self, name: str) -> Iterator[Trace]:
        """Say whether everything of a source is taken down."""
        if "source" in self.scopes and (stone := self.stones.at("source", name)) is not None:
            yield Trace(stone, present=True)

    def value(self, value: Any) -> Iterator[Trace]:
        """Say what a value of JSON holds, however deep."""
        for leaf in _leaves(value, 0):
            yield from self.text(leaf)


def _leaves(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST and isinstance(value, dict):
        yield from _each(value.values(), depth)
    elif depth < _DEEPEST and isinstance(value, list):
        yield from _each(value, depth)


def _each(values: Iterable[Any], depth: int) -> Iterator[str]:
    for value in values:
        yield from _leaves(value, depth + 1)
