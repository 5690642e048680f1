"""The filter: gates over columns, recognisers over the few texts that pass, context, and one finding per place."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex
from pydantic import Field

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.pii.rules import SUPPORTED_IDS, Rule, TimeoutWatch, build, phone_regions
from acquisition.protocols import Filter, FilterContext
from acquisition.settings import FilterSettings

_WORD: Final = regex.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_CAMEL: Final = regex.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")
_LITERAL: Final = regex.compile(r'"((?:[^"\\]|\\.)*+)"(:)?|(-?\d[\d.eE+-]*)')
_ESCAPE: Final = regex.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
_WORDS: Final = ("text", "label", "fields", "title", "author")
_ADDRESSES: Final = ("name", "url", "referrer", "locator")
"""File names and addresses are full of numbers that are nobody's; an e-mail address in them is one all the same."""
_ENDING: Final = regex.compile(r"\.[A-Za-z0-9]{1,5}(?=$|[#!?])")
_PARTED: Final = str.maketrans(dict.fromkeys("/?=&#!:;,", " "))
_BEFORE: Final = 80
_AFTER: Final = 30
_WORDS_BEFORE: Final = 6
_WORDS_AFTER: Final = 2

_ENTITIES: Final = {
    "EMAIL_ADDRESS": "An e-mail address whose domain ends in a public suffix.",
    "PHONE_NUMBER": "A telephone number of the declared regions or with +, or a grouped number beside a word for telephone.",
    "CREDIT_CARD": "A payment card number: Luhn checksum and a known issuer, or a word for card.",
    "IBAN_CODE": "A bank account number (IBAN) with a valid checksum.",
    "IP_ADDRESS": "A public internet address.",
    "MAC_ADDRESS": "A hardware address of a network device.",
    "CRYPTO": "A Bitcoin address with a valid checksum.",
    "SECRET": "A private key or an access token of a known form.",
    "US_SSN": "A United States social security number.",
    "US_ITIN": "A United States taxpayer number, beside a word that says so.",
    "UK_NHS": "A British NHS number with a valid checksum, beside the word.",
    "US_BANK_NUMBER": "A bank account number, beside a word that says so.",
    "US_PASSPORT": "A passport number, beside a word that says so.",
    "US_DRIVER_LICENSE": "A driver license number, beside a word that says so.",
    "MEDICAL_LICENSE": "A DEA certificate number with a valid checksum, beside a word that says so.",
    "ES_NIF": "A Spanish identity number (NIF) with a valid letter.",
    "ES_NIE": "A Spanish foreigner number (NIE) with a valid letter.",
    "IT_FISCAL_CODE": "An Italian fiscal code with a valid letter.",
    "IT_VAT_CODE": "An Italian VAT number with a valid checksum, beside a word that says so.",
    "IT_DRIVER_LICENSE": "An Italian driver license number, beside a word that says so.",
    "IT_IDENTITY_CARD": "An Italian identity card number, beside a word that says so.",
    "IT_PASSPORT": "An Italian passport number, beside a word that says so.",
    "PL_PESEL": "A Polish PESEL number with a valid checksum.",
}


def code_of(entity: str) -> str:
    """Return the flag code of a Presidio entity ("EMAIL_ADDRESS" → "pii.email-address")."""
    return f"pii.{entity.lower().replace('_', '-')}"


class PiiSettings(FilterSettings):
    """Whose personal data is looked for."""

    languages: tuple[str, ...] = Field(default=("en",), min_length=1)
    """Languages of the texts (ISO 639-1). They choose the identity numbers and the telephone formats that are read."""
    phone_regions: tuple[str, ...] = ()
    """Regions (ISO 3166-1) whose national telephone formats are read; left out: those of the languages."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One match: where, how sure, and why. The matched value itself is never kept."""

    rule: Rule
    start: int
    end: int
    score: float
    context: str


class Pii(Filter):
    """Flags personal data that has a form, with its place in the text."""

    name: ClassVar[str] = "pii"
    version: ClassVar[int] = 2
    Settings: ClassVar[type[FilterSettings]] = PiiSettings
    codes: ClassVar[Mapping[str, str]] = {code_of(entity): meaning for entity, meaning in _ENTITIES.items()} | {
        "pii.not-checked": "A pattern took too long on this text and was given up; the text may hold personal data.",
    }

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:  # noqa: ARG002 - the contract gives it to every filter
        self._settings = settings if isinstance(settings, PiiSettings) else PiiSettings()
        self._rules = build(self._settings.languages, self._settings.phone_regions)
        self._gates = [regex.compile(rule.gate) for rule in self._rules]
        self._gate = "|".join(dict.fromkeys(rule.gate for rule in self._rules))
        self._watch = TimeoutWatch()

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return flags for a batch; only texts that pass the gate are shown to the recognisers."""
        flags = FlagRows(items)
        log = logging.getLogger("presidio-analyzer")
        log.addHandler(self._watch)
        try:
            for field in _WORDS + _ADDRESSES:
                gate = self._gate if field in _WORDS else "@"
                for row, text in _awake(items.column(field), gate):
                    self._flag_text(flags, row, field, text)
        finally:
            log.removeHandler(self._watch)
        return flags.batch()

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        without = [language for language in self._settings.languages if language not in SUPPORTED_IDS]
        regions = self._settings.phone_regions or phone_regions(self._settings.languages)
        return (
            "personal data: names, postal addresses and dates of birth were NOT checked (no NER model is set)",
            f"personal data: telephone numbers without + were read in the formats of {', '.join(regions)} only",
            *(f"personal data: identity numbers of countries that speak {language!r} were not checked" for language in without),
            "personal data: file names and web addresses were looked through for e-mail addresses only",
            "personal data: pictures, recordings and the bytes of files that are not text were not checked",
        )

    def findings(self, text: str, column: str = "") -> list[Finding]:
        """Return what a text holds, in its order; `column` is the name of the table column it stands in."""
        named = frozenset(part.lower() for part in _CAMEL.findall(column))
        words = named.union(_WORD.findall(text.lower()))
        found: list[Finding] = []
        for rule, gate in zip(self._rules, self._gates, strict=True):
            # What is worth nothing without context cannot be found where no such word stands.
            if (rule.alone > 0 or not words.isdisjoint(rule.context)) and gate.search(text):
                found += _matches(rule, text, named)
        return _without_overlaps(found)

    def _mails(self, address: str) -> list[Finding]:
        """Return the e-mail addresses in a file name or web address, also with the ending of a file behind them."""
        bare = _ENDING.sub(lambda ending: " " * len(ending[0]), address)
        parted = [text.translate(_PARTED) for text in (address, bare)]
        found = [one for text in parted for one in self.findings(text) if one.rule.entity == "EMAIL_ADDRESS"]
        return _without_overlaps(found)

    def _flag_text(self, flags: FlagRows, row: int, field: str, text: str) -> None:
        gave_up = self._watch.count
        parts = _values(text) if field == "fields" else [(0, text, "")]
        for offset, part, column in parts:
            for found in self._mails(part) if field in _ADDRESSES else self.findings(part, column):
                detail = detail_json(
                    validated="pass" if found.rule.checked else "none",
                    context=found.context,
                    recogniser=found.rule.recognizer.name,
                    **({"column": column} if column else {}),
                )
                span = (offset + found.start, offset + found.end)
                flags.add(row, code_of(found.rule.entity), score=found.score, field=field, span=span, detail=detail)
        if self._watch.count > gave_up:
            flags.add(row, "pii.not-checked", field=field)


def _awake(column: pa.Array, gate: str) -> Iterator[tuple[int, str]]:
    """Yield row and text of every text that passes the gate."""
    if column.null_count == len(column):
        return
    hits = pc.match_substring_regex(column, gate).fill_null(False)
    for row in np.flatnonzero(hits.to_numpy(zero_copy_only=False)).tolist():
        yield row, column[row].as_py()


def _matches(rule: Rule, text: str, column: frozenset[str]) -> Iterator[Finding]:
    for match in rule.recognizer.analyze(text, [rule.entity], None):
        alone = rule.judge(text, match.start, match.end) if rule.judge else rule.alone
        if alone < 0:
            continue
        context = _context(rule, text, (match.start, match.end), column)
        score = alone if context == "none" else rule.supported
        if score > 0:
            yield Finding(rule, match.start, match.end, score, context)


def _context(rule: Rule, text: str, span: tuple[int, int], column: frozenset[str]) -> str:
    """Say where a context word stands: in the column's name, within a few words of the match, or nowhere."""
    if rule.context & column:
        return "column"
    start, end = max(0, span[0] - _BEFORE), span[1] + _AFTER
    before = _WORD.findall(text[start : span[0]].lower())
    after = _WORD.findall(text[span[1] : end].lower())
    # A word that the window cuts is not taken for the word that is left of it.
    near = before[1 if start else 0 :][-_WORDS_BEFORE:] + after[: -1 if end < len(text) else None][:_WORDS_AFTER]
    return "none" if rule.context.isdisjoint(near) else "text"


def _without_overlaps(found: list[Finding]) -> list[Finding]:
    """Keep the best finding of each place: higher score, then checksum, then the longer match, then the rules' order."""
    kept: list[Finding] = []
    for one in sorted(found, key=lambda one: (-one.score, not one.rule.checked, one.start - one.end, one.start)):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def _values(fields: str) -> Iterator[tuple[int, str, str]]:
    """Yield (offset, value, column) for the texts and numbers in a JSON object; escapes become blanks of equal length.

    A number says nothing by itself; it is shown to the recognisers only through its column's name, as any value is.
    """
    column = ""
    for literal in _LITERAL.finditer(fields):
        if literal[2]:
            column = literal[1]
        elif literal[1] is not None:
            yield literal.start(1), _ESCAPE.sub(lambda escape: " " * len(escape[0]), literal[1]), column
        else:
            yield literal.start(3), literal[3], column
