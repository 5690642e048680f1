"""What a match is worth: its exact place, its score without a word beside it and with one, and whether a checksum was passed.

A recogniser says where something of a form stands. A judge looks at the match in its text and tells it from what only looks
like it: versions, ids, times, tables, digests. None of them repeats the value.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import regex

from acquisition.filters.pii.phones import numbers
from acquisition.filters.pii.secrets import address_secret_value, bare_secret_value, secret_value
from acquisition.filters.pii.words import FULL_REACH


@dataclass(frozen=True, slots=True)
class Reading:
    """A place and what it is worth: score alone, score beside a word that supports it, and whether it passed a checksum.

    `reach` is how many words before it count; below the full reach only words that can mean nothing else do.
    """

    start: int
    end: int
    alone: float
    supported: float
    checked: bool = False
    reach: int = FULL_REACH

    @property
    def formed(self) -> bool:
        """Whether the match looks like what it is taken for without any word."""
        return self.alone > 0 or self.reach == FULL_REACH


Judge: TypeAlias = Callable[[str, int, int], Iterator[Reading]]

NOTE: Final = 0.4
"""What could be personal and is more often something else: noted, and too weak for the default policy."""

CARD_PATTERN: Final = r"(?<![\w.-])\d(?:[ \u00a0-]?\d){11,18}(?![\w-]|[.,]\d)"
_CARD_GROUPS: Final = regex.compile(r"\d{4}([ \u00a0-])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ \u00a0-])\d{6}\2\d{4,5}")
_ISSUERS: Final = regex.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-59]|[689]\d)\d{11}|3[068]\d{14}|35(?:2[89]|[3-8]\d)\d{12}|(?:2131|1800)\d{11}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}|220[0-4]\d{12}|(?:508|60|81|82)\d{13,14}"
)
"""Visa, Mastercard, Amex, Diners, JCB, Discover, UnionPay, Mir, RuPay, by their published prefixes and lengths (ISO 7812)."""
_GREAT_ISSUERS: Final = regex.compile(r"4|5[1-5]|2[2-7]|3[47]|35|36|6011|65")
_LOOSE_ISSUERS: Final = regex.compile(r"(?:50|5[6-9]|6\d|9792)\d{10,17}")
"""Maestro and regional schemes: 12 to 19 digits behind two, so only a word for card makes them one."""
_IN_ROW: Final = regex.compile(r"\d[ \t,;|]{1,2}\Z")
_NEXT_IN_ROW: Final = regex.compile(r"[ \t,;|]{1,2}-?\d")

IBAN_PATTERN: Final = r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}[ \u00a0-]?[A-Za-z0-9]{2}[A-Za-z0-9 \u00a0-]{9,45}"
_IBAN_COUNTRIES: Final = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18
FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21
LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24
SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_IBAN_LENGTHS: Final = {part[:2]: int(part[2:]) for part in _IBAN_COUNTRIES.split()}
"""Letters and digits of an IBAN per country (SWIFT's IBAN registry)."""

_VERSION_BEFORE: Final = regex.compile(
    r"(?:\b(?:v|ver|versions?|release|build|section|oid|firmware|driver|paragraph|clause|chapter)[ .:=]*|[\p{L}\p{Nd}_.-])\Z",
    regex.IGNORECASE,
)
_LARGE: Final = 100
"""Versions rarely have a part this large, and hardly ever two; of public addresses 98 % have one and 83 % have two."""
_PORT_AFTER: Final = regex.compile(r":\d{2,5}(?![\d.:])")
_DOTTED_AFTER: Final = regex.compile(r"[\w]|\.\d|-\p{L}|-\d")
_SSN_FORM: Final = regex.compile(r"\d{3}([- ])\d{2}\1\d{4}")
_CODE_BEFORE: Final = regex.compile(r"(?:[\p{L}\p{Nd}_][-./]|[\w#$€£/=])\Z")

_MONTHS: Final = (
    "jan|feb|mar|mär|apr|avr|abr|may|mai|mag|jun|jui",
    "giu|jul|lug|aug|ago|aoû|sep|set|oct|okt|ott|out",
    "nov|dec|dez|dic|déc|gen|ene|sty|lut|kwi|maj|cze",
    "lip|sie|wrz|paź|lis|gru|fév|mrt|mei",
)
"""In groups, because a gate ends behind a long list of words, and all words that begin as months do would wake it."""
NAMED_DATE: Final = rf"(?i:{'|'.join(f'(?:{some})' for some in _MONTHS)})[^\W\d_]{{0,8}}"
_DATE_END: Final = r"(?![\w/-]|[.,][0-9])"
_DAY: Final = "(?:0?[1-9]|[12][0-9]|3[01])"
DATE_PATTERNS: Final = (
    rf"(?<![\w./-]){_DAY}[-/. ]{_DAY}[-/. ](?:19|20)?[0-9]{{2}}{_DATE_END}",
    rf"(?<![\w./-])(?:19|20)[0-9]{{2}}[-/.](?:0?[1-9]|1[0-2])[-/.]{_DAY}{_DATE_END}",
    rf"(?<![\w./-]){_DAY}(?:st|nd|rd|th|\.|º)?[ -](?:of |de |di )?{NAMED_DATE}[.,]{{0,2}}[ -](?:del? )?(?:19|20)[0-9]{{2}}"
    + _DATE_END,
    rf"(?<![\w./-]){NAMED_DATE}\.? {_DAY}(?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}}{_DATE_END}",
)

_PART: Final = r"[ .\u00a0-]?"
_PLACE: Final = rf"(?:(?:[0-9]{{2}}|2[ABab]){_PART}[0-9]{{3}}|9[78][0-9]{_PART}[0-9]{{2}})"
NIR_PATTERN: Final = (
    rf"(?<![\w.-])[12378]{_PART}[0-9]{{2}}{_PART}(?:0[1-9]|1[0-3]|[2-3][0-9]|4[0-2]|[5-9][0-9]){_PART}{_PLACE}{_PART}[0-9]{{3}}"
    r"(?:[ .\u00a0/-]{0,3}(?:0[1-9]|[1-8][0-9]|9[0-7]))?(?![\w]|[.,][0-9])"
)
"""Sex, year, month (20 and more where it is not known), department, commune, order and, mostly, the key."""

ETHEREUM_PATTERN: Final = r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{40}(?![0-9A-Za-z])"
INSURANCE_PATTERN: Final = r"(?<![\w-])[1-79]\d{2}(?:-\d{3}-| \d{3} |\d{3})\d{3}(?![\w-])"
PAN_PATTERN: Final = r"(?<![A-Za-z0-9])[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z](?![A-Za-z0-9])"
"""India's account number: the fourth letter says what kind of holder it is."""


def luhn(digits: str) -> bool:
    """Say whether digits pass the checksum of ISO 7812 (Luhn)."""
    doubled = (int(one) * (1 + at % 2) for at, one in enumerate(reversed(digits)))
    return sum(one - 9 * (one > 9) for one in doubled) % 10 == 0


def card(text: str, start: int, end: int) -> Iterator[Reading]:
    """A number with Luhn's checksum: sure in groups of a known issuer, likely in prose, a note where it fills its cell."""
    value = text[start:end]
    digits = regex.sub(r"\D", "", value)
    if not luhn(digits) or len(set(digits)) < 2:
        return
    grouped = value != digits
    if not _ISSUERS.fullmatch(digits):
        yield Reading(start, end, 0.0, 0.9 if _LOOSE_ISSUERS.fullmatch(digits) else 0.75, checked=True)
        return
    if grouped:
        formed = _CARD_GROUPS.fullmatch(value) and not _row(text, start, end, value[4])
        yield Reading(start, end, 0.9 if formed else NOTE, 1.0, checked=True)
    else:
        prose = sum(one.isalpha() for one in text[max(0, start - 60) : end + 60]) >= 12 and not _row(text, start, end)
        yield Reading(start, end, 0.65 if prose and _GREAT_ISSUERS.match(digits) else NOTE, 1.0, checked=True)


def _row(text: str, start: int, end: int, mark: str = "") -> bool:
    """Say whether other numbers stand directly around it, as in a table; with `mark`, behind the very mark inside it."""
    before, after = _IN_ROW.search(text[max(0, start - 3) : start]), _NEXT_IN_ROW.match(text, end)
    return any(found is not None and mark in found[0] for found in (before, after))


def iban(text: str, start: int, end: int) -> Iterator[Reading]:
    """The part that has its country's length and passes mod 97 (ISO 13616); what follows it is no part of it."""
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
    held, reach = "", start
    for reach in range(start, end):
        held += text[reach] if text[reach].isalnum() else ""
        if length is not None and len(held) == length:
            break
    if length is None or len(held) != length or text[reach + 1 : reach + 2].isalnum():
        return
    held = held.upper()
    if int("".join(str(int(one, 36)) for one in held[4:] + held[:4])) % 97 == 1:
        yield Reading(start, reach + 1, 1.0, 1.0, checked=True)


def address(text: str, start: int, end: int) -> Iterator[Reading]:
    """A public address; four small numbers, or a version before them, need a word; private ones are nobody's."""
    try:
        found = ipaddress.ip_interface(text[start:end].split("%")[0]).ip
    except ValueError:
        return
    if not found.is_global or found.is_multicast:
        return
    version = _VERSION_BEFORE.search(text[max(0, start - 16) : start]) or _DOTTED_AFTER.match(text, end)
    if found.version == 6:
        telling = "." in text[start:end] or any(len(group) >= 3 for group in regex.findall(r"[0-9A-Fa-f]+", text[start:end]))
        yield Reading(start, end, 0.75 if telling else 0.0, 0.95 if telling else 0.6)
    elif not version:
        large = sum(part >= _LARGE for part in found.packed)
        at_port = _PORT_AFTER.match(text, end)
        yield Reading(start, end, 0.8 if at_port or large > 1 else 0.65 if large else 0.0, 0.95)


def phone(regions: tuple[str, ...], *, bare: bool = False) -> Judge:
    """Return the judge of telephone numbers for these regions; `bare`: of those that no word for telephone stands near."""

    def judge(text: str, start: int, end: int) -> Iterator[Reading]:
        for number in numbers(text, start, end, regions, bare=bare):
            yield Reading(number.start, number.end, number.alone, number.supported, reach=number.reach)

    return judge


def ssn(text: str, start: int, end: int) -> Iterator[Reading]:
    """Only the written form 3-2-4 speaks for itself."""
    if _CODE_BEFORE.search(text[max(0, start - 2) : start]) or regex.match(r"[-./]?\w", text[end : end + 2]):
        return
    if text[start] == "9":  # never issued; taxpayer numbers (ITIN) begin so
        return
    formed = _SSN_FORM.fullmatch(text[start:end])
    yield Reading(start, end, (0.75 if "-" in text[start:end] else 0.6) if formed else 0.0, 0.95)


def ethereum(text: str, start: int, end: int) -> Iterator[Reading]:
    """Forty hexadecimal digits behind 0x: an account, unless they are mostly one digit (constants)."""
    if len(set(text[start + 2 : end].lower())) >= 8:
        yield Reading(start, end, 0.7, 0.9)


def bitcoin(text: str, start: int, end: int) -> Iterator[Reading]:
    """The checksum has been passed; what goes on behind it is part of something longer."""
    if not text[end : end + 1].isalnum() and not text[start - 1 : start].isalnum():
        yield Reading(start, end, 0.95, 1.0, checked=True)


def assigned_secret(text: str, start: int, end: int) -> Iterator[Reading]:
    """The quoted value, where it is no stand-in."""
    place = secret_value(text, start, end)
    if place:
        yield Reading(*place, 0.7, 0.7)


def address_secret(text: str, start: int, end: int) -> Iterator[Reading]:
    """The password in front of the host of an address, where it is no stand-in."""
    place = address_secret_value(text, start, end)
    if place:
        yield Reading(*place, 0.7, 0.7)


def bare_secret(text: str, start: int, end: int) -> Iterator[Reading]:
    """The value behind the name, where it looks like a secret without quotes around it."""
    place = bare_secret_value(text, start, end)
    if place:
        yield Reading(*place, 0.7, 0.7)


_NIR_KEY: Final = 97
_CORSICA: Final = str.maketrans({"A": "19", "B": "18"})


def nir(text: str, start: int, end: int) -> Iterator[Reading]:
    """A French registration number, 13 signs and a key of two digits: 97 less the number modulo 97 (INSEE).

    The departments of Corsica, 2A and 2B, count as 19 and 18. Without the key a word has to say what it is.
    """
    signs = regex.sub(r"[^0-9AB]", "", text[start:end].upper())
    number, key = signs[:13], signs[13:]
    if key:
        value = int(number[:5] + number[5:7].translate(_CORSICA)[-2:] + number[7:])
        if int(key) == _NIR_KEY - value % _NIR_KEY:
            yield Reading(start, end, 0.8, 0.95, checked=True)
    if not key or not text[end - 3].isalnum():  # digits behind a space need not be its key
        yield Reading(start, end if not key else end - 3, 0.0, 0.7)


def insurance_number(text: str, start: int, end: int) -> Iterator[Reading]:
    """A Canadian number with Luhn's checksum, in threes or behind its name in full; "sin" is a word of sentences too."""
    digits = regex.sub(r"\D", "", text[start:end])
    if luhn(digits) and (end - start > len(digits) or regex.search(r"SIN\b|(?i:insurance)", text[max(0, start - 40) : start])):
        yield Reading(start, end, 0.0, 0.85, checked=True)


def driver_license(text: str, start: int, end: int) -> Iterator[Reading]:
    """Only beside a word; not a date and not a number with decimals."""
    if sum(one.isdigit() for one in text[start:end]) >= 4 and not regex.match(r"[.,]\d", text[end : end + 2]):
        yield Reading(start, end, 0.0, 0.7)
