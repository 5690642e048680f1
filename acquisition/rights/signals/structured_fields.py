"""Dictionaries of Structured Fields for HTTP (RFC 9651 section 3.2), read strictly: one error and nothing is known."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_KEY: Final = re.compile(r"[a-z*][a-z0-9_.*-]*", re.ASCII)
_BARE: Final = re.compile(
    r"(?P<token>[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*)"
    r'|(?P<string>"(?:[ !#-\[\]-~]|\\["\\])*")'
    r"|(?P<decimal>-?[0-9]{1,12}\.[0-9]{1,3}(?![0-9.]))"
    r"|(?P<integer>-?[0-9]{1,15}(?![0-9.]))"
    r"|(?P<boolean>\?[01])"
    r"|(?P<bytes>:[A-Za-z0-9+/=]*:)"
    r"|(?P<date>@-?[0-9]{1,15}(?![0-9.]))"
    r'|(?P<display>%"(?:[ !#$&-~]|%[0-9a-f]{2})*")',
    re.ASCII,
)
_OWS: Final = re.compile(r"[ \t]*")
_SP: Final = re.compile(r" *")


class Item(NamedTuple):
    """A bare value: its type ("token", "string", "boolean"…, "list" for an inner list) and its text."""

    kind: str
    text: str


_TRUE: Final = Item("boolean", "?1")


class MalformedField(ValueError):
    """The text is no dictionary."""


def parse_dictionary(text: str) -> list[tuple[str, Item]]:
    """Return the members in order, duplicates included (the last one counts); parameters are checked and left out.

    Raises MalformedField.
    """
    return _Scanner(text.strip(" ")).dictionary()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def dictionary(self) -> list[tuple[str, Item]]:
        members: list[tuple[str, Item]] = []
        while self._place < len(self._text):
            key = self._take(_KEY)
            value = self._member() if self._skip("=") else _TRUE
            self._parameters()
            members.append((key, value))
            self._take(_OWS)
            if self._place == len(self._text):
                break
            if not self._skip(","):
                raise MalformedField(f"no comma at {self._place}")
            self._take(_OWS)
            if self._place == len(self._text):
                raise MalformedField("a comma at the end")
        return members

    def _member(self) -> Item:
        if not self._skip("("):
            return self._bare()
        start = self._place
        while True:
            self._take(_SP)
            if self._skip(")"):
                return Item("list", self._text[start : self._place - 1])
            self._bare()
            self._parameters()
            if self._text[self._place : self._place + 1] not in (" ", ")"):
                raise MalformedField(f"no space in the list at {self._place}")

    def _parameters(self) -> None:
        while self._skip(";"):
            self._take(_SP)
            self._take(_KEY)
            if self._skip("="):
                self._bare()

    def _bare(self) -> Item:
        match = _BARE.match(self._text, self._place)
        if match is None or match.lastgroup is None:
            raise MalformedField(f"no value at {self._place}")
        self._place = match.end()
        return Item(match.lastgroup, match[0])

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._place)
        if match is None:
            raise MalformedField(f"unexpected text at {self._place}")
        self._place = match.end()
        return match[0]

    def _skip(self, mark: str) -> bool:
        found = self._text.startswith(mark, self._place)
        self._place += found
        return found
