"""Telephone numbers: which part of a run of digit groups is one, and how sure that is without a word beside it.

A pattern finds runs of digits with the marks that people put between them; here the run is read group by group. An
international number is checked by phonenumbers (Google's libphonenumber metadata); a national one by the formats of the
declared regions, by the form of the North American plan, or, with a leading zero, by any region's metadata. Everything else
needs a word for telephone nearby. Numbers of other kinds (dates, prices, tables, cards, books) are told apart by their form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import regex

_MARK: Final = "[ \u00a0\u2009\u202f.\u2010-\u2013()/-]"
PATTERN: Final = rf"[+(\[]{{0,2}}\d(?:{_MARK}{{0,3}}\d){{5,29}}(?:[ ,]{{0,2}}(?:[xX]|[eE][xX][tT]\.?|#) ?\d{{1,6}})?"
"""Six digits or more with at most three marks between two of them; linear, because marks and digits exclude each other."""
_EXTENSION: Final = regex.compile(r"[ ,]{0,2}(?:[xX]|[eE][xX][tT]\.?|#) ?\d{1,6}\Z")
_GROUP: Final = regex.compile(r"\d+")
_MOST_GROUPS: Final = 8
_FULL: Final = 8
_NEAR: Final = 4
_NEXT: Final = 2
_AMERICAN: Final = frozenset({"US", "CA"})
_DATE: Final = regex.compile(
    r"(?:19|20)\d\d([-/. ])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\1?\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/. ])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)?\d\d(?!\2?\d)"
)
_CLAUSE_END: Final = regex.compile(r"[.,;:!?)\]\"'\n]|\s*\Z| *[\n(|]")
_YEARS: Final = regex.compile(r"(?:1[5-9]|20)\d\d ?[-\u2013/] ?(?:1[5-9]|20)\d\d")
_THOUSANDS: Final = regex.compile(r"[1-9]\d{0,2}(?:([ .\u00a0\u202f])\d{3})(?:\1\d{3})*")
_IDENTITY: Final = regex.compile(r"\d{3}[- .]\d{2}[- .]\d{4}|\d{3}\.\d{3}\.\d{3}-\d{2}|\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}")
"""Social security numbers of the United States, CPF and CNPJ of Brazil."""
_INSIDE_BEFORE: Final = regex.compile(r"[\w@$€£¥%&~^]\Z|[\p{L}\p{Nd}_][-./]\Z|\p{Nd}[,]\Z|\d[:]\Z|[$€£¥] \Z|[/?&]\Z")
_INSIDE_AFTER: Final = regex.compile(r"[\p{Nd}_@%€$£]|\p{L}|[.,:/-]\d|(?i:[ \u00a0](?:€|%|eur|usd|chf|kg|km|ms|mb|gb)\b)")
_ROW_BEFORE: Final = regex.compile(r"\d[ \t,;|]{1,2}\Z")
_ROW_AFTER: Final = regex.compile(r"[ \t,;|]{1,2}-?\d")
_COMMON: Final = """
US GB DE FR ES IT NL BE CH AT PT BR MX AR IN AU NZ ZA SE NO DK FI PL CZ SK HU RO GR TR RU UA IL JP CN KR IE CL CO PE AE SG MY
"""
"""Regions whose formats a number with a leading zero may have when nothing is known of where it was written."""


@dataclass(frozen=True, slots=True)
class Number:
    """A part of a run that can be a telephone number: its place, and its score without a word and beside one.

    `reach` is how many words before it count: the less a form says by itself, the nearer the word has to stand.
    """

    start: int
    end: int
    alone: float
    supported: float
    reach: int = _FULL


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    start: int
    end: int
    groups: tuple[str, ...]
    marks: str
    plus: bool

    @property
    def digits(self) -> str:
        return "".join(self.groups)


def numbers(text: str, start: int, end: int, regions: tuple[str, ...], *, bare: bool = False) -> Iterator[Number]:
    """Yield the telephone numbers of one run of digits, best first, without overlaps; `bare`: those that need no word."""
    extension = _EXTENSION.search(text, start, end)
    reach = extension.start() if extension else end
    groups = [(match.start(), match.end()) for match in _GROUP.finditer(text, start, reach)]
    if len(groups) > _MOST_GROUPS and "+" not in text[start:reach]:
        return
    bare = bare and extension is None  # a word behind the number may be that of its own extension
    found = []
    for first in range(len(groups)):
        few = bare and text[groups[first][0]] != "0" and text[max(start, groups[first][0] - 1)] not in "+(["
        for last in range(first + 2 * few, min(len(groups), first + _MOST_GROUPS)):
            piece = _piece(text, start, groups, (first, last))
            if piece is None:
                continue
            number = _read(text, piece, end if last == len(groups) - 1 else piece.end, regions)
            if number and (number.alone or not bare):
                found.append(number)
    taken: list[Number] = []
    for number in sorted(found, key=lambda one: (-one.alone, -one.supported, one.start - one.end)):
        if all(number.end <= other.start or number.start >= other.end for other in taken):
            taken.append(number)
            yield number


def _piece(text: str, low: int, groups: list[tuple[int, int]], part: tuple[int, int]) -> _Piece | None:
    start, end = groups[part[0]][0], groups[part[1]][1]
    floor = groups[part[0] - 1][1] if part[0] else low
    while start > floor and text[start - 1] in "+([":
        start -= 1
    written = text[start:end]
    if written.startswith(("(", "[")) and ")" not in written and "]" not in written:
        start += 1
        written = written[1:]
    held = tuple(text[one:two] for one, two in groups[part[0] : part[1] + 1])
    if not 6 <= sum(map(len, held)) <= 17:
        return None
    marks = _GROUP.sub("", written)
    return _Piece(written, start, end, held, marks, "+" in written[:3])


def _read(text: str, piece: _Piece, end: int, regions: tuple[str, ...]) -> Number | None:
    """Judge one piece: what stands directly around it, what else it may be, and which form of number it has."""
    if _INSIDE_BEFORE.search(text[max(0, piece.start - 3) : piece.start]) or _INSIDE_AFTER.match(text, end):
        return None
    if not piece.plus and set(piece.marks) <= set(" ()") and _in_row(text, piece, end):
        return None
    if len(set(piece.digits)) < 3 or (not piece.plus and _something_else(piece)):
        return None
    if piece.plus or piece.groups[0].startswith("00"):
        return _international(piece, end)
    return _national(piece, end, regions, closing=bool(_CLAUSE_END.match(text, end)))


def _in_row(text: str, piece: _Piece, end: int) -> bool:
    """Say whether other numbers stand directly before or behind it, as in the rows of a table."""
    return bool(_ROW_BEFORE.search(text[max(0, piece.start - 3) : piece.start]) or _ROW_AFTER.match(text, end))


def _something_else(piece: _Piece) -> bool:
    """Say whether the form is that of a date, a span of years, a social security number, an address, a book or a card."""
    written = piece.text
    if _DATE.match(written) or _YEARS.fullmatch(written) or _IDENTITY.fullmatch(written):
        return True
    if (
        set(piece.marks) == {"."}
        and len(piece.groups) == 4
        and all(len(group) <= 3 and int(group) < 256 for group in piece.groups)
    ):
        return True
    if len(piece.digits) in (10, 13) and len(piece.groups[-1]) == 1 and _book(piece.digits):
        return True
    return len(piece.digits) > 15 or any(len(group) > 8 for group in piece.groups[1:])


def _book(digits: str) -> bool:
    """Say whether digits pass the checksum of ISBN (ISO 2108)."""
    if len(digits) == 13:
        return (
            digits.startswith(("978", "979")) and sum(int(one) * (1 + 2 * (at % 2)) for at, one in enumerate(digits)) % 10 == 0
        )
    return sum(int(one) * (10 - at) for at, one in enumerate(digits)) % 11 == 0


def _international(piece: _Piece, end: int) -> Number | None:
    digits = piece.digits if piece.plus else piece.digits[2:]
    valid, possible = _checked("+" + digits.replace("(0)", ""), "")
    if not valid and "(0)" in piece.text:
        trunk = regex.sub(r"\(0\)", "", piece.text)
        valid, possible = _checked("+" + regex.sub(r"\D", "", trunk), "")
    if valid:
        return Number(piece.start, end, 0.8 if piece.plus or piece.marks else 0.0, 0.95)
    if not 7 <= len(digits) <= 15:
        return None
    return Number(piece.start, end, 0.65 if piece.plus and (possible or piece.marks != "+") else 0.0, 0.8)


def _national(piece: _Piece, end: int, regions: tuple[str, ...], *, closing: bool) -> Number | None:
    digits, groups = piece.digits, piece.groups
    zero = digits[0] == "0"
    if len(groups) == 1:
        if not 7 <= len(digits) <= 12:
            return None
        reach = _FULL if zero and len(digits) >= 9 else _NEAR if _valid(digits, regions) else _NEXT
        return Number(piece.start, end, 0.0, 0.65 if reach == _NEXT else 0.75, reach)
    if len(digits) > 13 or max(map(len, groups)) > 8 or piece.marks.count("/") > 1:
        return None
    if "." in piece.marks and min(map(len, groups[1:])) == 1:
        return None  # a version
    if _american(piece):
        return Number(piece.start, end, 0.75 if set(piece.marks) - set(" \u00a0") else 0.65, 0.9)
    here = _valid(digits, regions)
    if _THOUSANDS.fullmatch(piece.text) or len(digits) < 7:
        # "78 651 450 people" is an amount; nobody writes hundreds of millions in figures, or ends a sentence with them.
        return Number(piece.start, end, 0.0, 0.65, _NEAR if here or len(digits) > 8 or closing else _NEXT)
    if len(set(regex.sub(r"[ ()]", "", piece.marks))) > 1:
        return Number(piece.start, end, 0.0, 0.65, _NEXT)
    enough = (8 if len(groups) > 2 else 9) <= len(digits) <= 12 and min(map(len, groups)) >= 2
    if (zero or piece.text.startswith("(")) and enough:
        return Number(piece.start, end, 0.7 if here else 0.65 if _anywhere(digits) else 0.4, 0.85)
    plain = not any(region in _AMERICAN and _checked(digits, region)[0] for region in regions)
    alone = 0.6 if here and plain and len(groups) >= 3 and len(digits) >= 8 else 0.0
    return Number(piece.start, end, alone, 0.8)


def _american(piece: _Piece) -> bool:
    """Say whether the groups are those of the North American Numbering Plan: 1, area 2-9xx, exchange 2-9xx, 4 digits."""
    groups = piece.groups[1:] if len(piece.groups) == 4 and piece.groups[0] == "1" else piece.groups
    return (
        tuple(map(len, groups)) == (3, 3, 4)
        and groups[0][0] not in "01"
        and groups[1][0] not in "01"
        and groups[0][1:] != "11"
        and groups[1][1:] != "11"
    )


def _valid(digits: str, regions: tuple[str, ...]) -> bool:
    """Say whether a number can be dialled as it stands in one of the regions."""
    return any(digits.startswith(_trunk(region)) and _checked(digits, region)[0] for region in regions)


def _anywhere(digits: str) -> bool:
    return any(_checked(digits, region)[0] for region in _COMMON.split())


@cache
def _trunk(region: str) -> str:
    """Return what every national number of a region begins with when it is dialled at home: "0" in most of Europe."""
    import phonenumbers

    prefix = phonenumbers.ndd_prefix_for_region(region, True)
    return prefix if prefix == "0" else ""


@lru_cache(maxsize=65536)
def _checked(digits: str, region: str) -> tuple[bool, bool]:
    """Say whether a number is valid, and possible, in a region ("" for one that begins with +)."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(digits, region or None)
    except phonenumbers.NumberParseException:
        return False, False
    return phonenumbers.is_valid_number(parsed), phonenumbers.is_possible_number(parsed)
