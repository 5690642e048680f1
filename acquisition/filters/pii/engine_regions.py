# ruff: noqa: SLF001 - the rules about prefixes are phonenumbers' own, and private to it; see engine_phones
"""Which regions a piece of text can be a telephone number of, told from its digits and the regions' numbering plans.

A number is valid for a region only if the digits behind its prefixes fit the plan of a country that shares the region's calling
code (libphonenumber, `is_valid_number`). The conditions here are necessary, never sufficient; the library has the last word.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from phonenumbers.phonemetadata import PhoneMetadata

_NUMBERS: Final = importlib.import_module("phonenumbers.phonenumberutil")
_VALID: Final = 1
_KINDS: Final = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)
_TRIED_DIGITS: Final = 5
_MANY: Final = 1000
"""Of so many short numbers no list is kept."""
_KNOWN_PIECES: Final = 1 << 16
_PLAIN: Final = re.compile(rf"[{_NUMBERS._VALID_PUNCTUATION.replace('x', '').replace('~', '')}\d]*")
"""Without letters, number signs and tildes there is no extension, and without a plus no country is named."""
_NOT_DIGITS: Final = re.compile(r"\D+")
_LAST_GROUP: Final = re.compile(r"\([^()?][^()]*\)\)?\??$")
_REFERENCES: Final = re.compile(r"\\\d|\$\d")


def short_numbers(regions: tuple[str, ...], leniency: int | None) -> tuple[int, list[str]]:
    """Return the digits from which on anything without a plus may be a telephone number of the regions, and all shorter ones.

    From abroad (011, 00) the shortest is that of any country, its code and the two digits before it. Of the region itself, all
    numbers of few digits are tried.
    """
    plans = [_plan(region) for region in regions] if (leniency or 0) >= _VALID else []
    fewest = min(fewest_abroad() + 2, _TRIED_DIGITS + 1)
    if not plans or any(plan is None or plan.own is None for plan in plans):
        return 2, []
    short: list[str] = []
    for count in range(2, fewest):
        every = "\n".join(f"{number:0{count}d}" for number in range(10**count))
        these = sorted({digits for plan in plans if plan is not None for digits in plan.fitting(every)})
        if len(these) > _MANY:
            return count, short
        short += these
    return fewest, short


def _metadata(region: str) -> Any:
    return PhoneMetadata.metadata_for_region(region, None)


def _sharing(code: int) -> list[Any]:
    """Return the numbering plans behind a calling code, the main one first."""
    regions = _NUMBERS.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    if _NUMBERS.REGION_CODE_FOR_NON_GEO_ENTITY in regions:
        return [PhoneMetadata.metadata_for_nongeo_region(code, None)]
    return [_metadata(region) for region in regions]


@lru_cache(maxsize=1)
def fewest_abroad() -> int:
    """Return the digits of the shortest telephone number of any country, with the country's code."""
    return min(len(str(code)) + _fewest(code) for code in _NUMBERS.COUNTRY_CODE_TO_REGION_CODE)


def _fewest(code: int) -> int:
    lengths = [length for plan in _sharing(code) for length in plan.general_desc.possible_length if length > 0]
    added = max(map(_added_digits, _sharing(code)))
    return max(0, min(lengths, default=2) - added)


def _added_digits(metadata: Any) -> int:
    """Some plans put an area code before a local number; those digits are not in the text."""
    return sum(map(str.isdecimal, _REFERENCES.sub("", metadata.national_prefix_transform_rule or "")))


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a region's numbers are written without a plus: from abroad, or with the country's code and the prefix or without."""

    abroad: Any
    own: Any
    code: str
    prefix: Any
    metadata: Any

    def fits(self, digits: str) -> bool:
        idd = self.abroad.match(digits) if self.abroad is not None else None
        if idd and len(digits) - idd.end() >= fewest_abroad():
            return True
        if self.own is None:
            return True
        return all(form.fullmatch(digits) for form in self.own) and self._prefix_is_there(digits)

    def fitting(self, lines: str) -> Iterator[str]:
        """Yield the lines, digits only and too few for a number from abroad, that fit."""
        for form in self.own or ():
            whole = re.compile(f"^(?:{form.pattern})$", re.MULTILINE)
            lines = "\n".join(match.group() for match in whole.finditer(lines))
        yield from filter(self._prefix_is_there, lines.split())

    def _prefix_is_there(self, digits: str) -> bool:
        """Say no only where the library misses the national prefix: it is not there, and the number's form asks for one."""
        if digits.startswith(self.code) or (self.prefix is not None and self.prefix.match(digits)):
            return True
        form = _NUMBERS._choose_formatting_pattern_for_number(self.metadata.number_format, digits)
        rule = form.national_prefix_formatting_rule if form is not None else None
        return (
            not rule
            or bool(form.national_prefix_optional_when_formatting)
            or _NUMBERS._formatting_rule_has_first_group_only(rule)
        )


class Regions:
    """The regions of one recognizer, numbered in its order."""

    def __init__(self, regions: tuple[str, ...], leniency: int | None) -> None:
        self.international: Final = 1 << len(regions) | (1 << len(regions)) - 1
        """The answer for a piece with a plus: any region, and the same number for all of them."""
        self._any: Final = (1 << len(regions)) - 1
        plans = [_plan(region) for region in regions] if (leniency or 0) >= _VALID else []
        self._plans: Final = tuple(plan for plan in plans if plan is not None)
        self._known = len(self._plans) == len(regions)
        self._fitting = lru_cache(maxsize=_KNOWN_PIECES)(self._fits)
        self.possible = lru_cache(maxsize=_KNOWN_PIECES)(self._possible)

    def _possible(self, piece: str) -> int:
        """Return the regions that a piece may be a number of, one bit each; see also `international`."""
        if "+" in piece or "\uff0b" in piece:
            return self.international if _names_a_country(piece) else self._any
        if not self._known or _PLAIN.fullmatch(piece) is None:
            return self._any
        return self._fitting(_digits(piece))

    def _fits(self, digits: str) -> int:
        return sum(1 << number for number, plan in enumerate(self._plans) if plan.fits(digits))


def _names_a_country(piece: str) -> bool:
    """Without a country behind its plus the library reads the number once more, as one of the region."""
    digits = _digits(piece)
    return any(int(digits[:length] or 0) in _NUMBERS.COUNTRY_CODE_TO_REGION_CODE for length in (1, 2, 3)) and digits[0] != "0"


def _digits(piece: str) -> str:
    return str(_NUMBERS.normalize_digits_only(_NOT_DIGITS.sub("", piece)))


@cache
def _plan(region: str) -> _Plan | None:
    metadata = _metadata(region)
    if metadata is None:
        return None
    code = str(metadata.country_code)
    plans = [metadata, *_sharing(metadata.country_code)]
    prefixes = [plan.national_prefix_for_parsing for plan in plans[:2] if plan.national_prefix_for_parsing]
    prefix = "|".join(f"(?:{one})" for one in prefixes)
    general = "|".join(f"(?:{plan.general_desc.national_number_pattern})" for plan in plans)
    kinds = "|".join(dict.fromkeys(f"(?:{form})" for plan in plans for form in _forms(plan)))
    rules = {plan.national_prefix_transform_rule or "" for plan in plans[:2]}
    start = f"(?:{code})?(?:{prefix})?" if rules == {""} else r"\d*"
    readable = all(not rule or _keeps_the_end(plan) for plan in plans[:2] for rule in [plan.national_prefix_transform_rule])
    return _Plan(
        re.compile(metadata.international_prefix) if metadata.international_prefix else None,
        tuple(re.compile(f"{start}(?:{numbers})") for numbers in (general, kinds)) if readable else None,
        code,
        re.compile(prefix) if prefix else None,
        plans[1],
    )


def _forms(plan: Any) -> Iterator[str]:
    """Yield the forms of a plan's kinds of numbers; a valid number is of one of these kinds."""
    for kind in _KINDS:
        form = getattr(plan, kind)
        if form is not None and form.national_number_pattern is not None:
            yield form.national_number_pattern


def _keeps_the_end(plan: Any) -> bool:
    """Say whether rewriting a prefix leaves only the end of the number: the rule is the prefix's last group, nothing else."""
    last = _LAST_GROUP.search(plan.national_prefix_for_parsing or "")
    groups = re.compile(plan.national_prefix_for_parsing or "").groups
    return last is not None and plan.national_prefix_transform_rule in (rf"\{groups}", f"${groups}")
