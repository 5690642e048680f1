"""The filter: gates over columns, rules on the few texts that pass, and one flag per finding."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex
from pydantic import Field

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.pii.countries import OF_LANGUAGE
from acquisition.filters.pii.entities import ENTITIES, code_of
from acquisition.filters.pii.finder import Finder, Finding, without_overlaps
from acquisition.filters.pii.rules import LANGUAGES, TimeoutWatch, build, phone_regions
from acquisition.filters.pii.words import parts_of
from acquisition.protocols import Filter, FilterContext
from acquisition.settings import FilterSettings

_LITERAL: Final = regex.compile(r'"((?:[^"\\]|\\.)*+)"(:)?|(-?\d[\d.eE+-]*)')
_ESCAPE: Final = regex.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
_WORDS: Final = ("text", "label", "fields", "title", "author")
_ADDRESSES: Final = ("name", "url", "referrer", "locator")
"""File names and addresses are full of numbers that are nobody's; an e-mail address in them is one all the same."""
_ENDING: Final = regex.compile(r"\.[A-Za-z0-9]{1,5}(?=$|[#!?])")
_PARTED: Final = str.maketrans(dict.fromkeys("/?=&#!:;,", " "))
_LANGUAGE: Final = r'"(?:lang|language|locale)":"(?P<language>[a-z]{2})(?:[-_"])'


class PiiSettings(FilterSettings):
    """Whose personal data is looked for."""

    languages: tuple[str, ...] = Field(default=("en",), min_length=1)
    """Languages of the texts: their telephone formats and their countries' identity numbers are read."""
    phone_regions: tuple[str, ...] = ()
    """Regions (ISO 3166) whose telephone formats are read; left out: those of the languages."""
    countries: tuple[str, ...] = ()
    """Further countries (ISO 3166, lower case) whose identity numbers are read, with postcodes and vehicles of those named."""
    notes: bool = False
    """Note web addresses, dates and UUIDs too, with a score of 0.1 that no rule of the default policy takes."""


class Pii(Filter):
    """Flags personal data that has a form, with its place in the text."""

    name: ClassVar[str] = "pii"
    version: ClassVar[int] = 3
    Settings: ClassVar[type[FilterSettings]] = PiiSettings
    notes: ClassVar[frozenset[str]] = frozenset({code_of("URL"), code_of("UUID")})
    codes: ClassVar[Mapping[str, str]] = {code_of(entity): meaning for entity, meaning in ENTITIES.items()} | {
        "pii.not-checked": "A pattern took too long on this text and was given up; the text may hold personal data.",
    }

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:  # noqa: ARG002 - the contract gives it to every filter
        self._settings = settings if isinstance(settings, PiiSettings) else PiiSettings()
        self._finders: dict[str, Finder] = {}
        self._finder = self._finder_for("")
        self._watch = TimeoutWatch()

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return flags for a batch; only texts that pass the gate are shown to the recognisers."""
        flags = FlagRows(items)
        languages = _languages(items)
        log = logging.getLogger("presidio-analyzer")
        log.addHandler(self._watch)
        try:
            for field in _WORDS + _ADDRESSES:
                gate = self._finder.gate if field in _WORDS else "@"
                for row, text in _awake(items.column(field), gate):
                    self._flag_text(flags, row, field, text, self._finder_for(languages.get(row, "")))
        finally:
            log.removeHandler(self._watch)
        return flags.batch()

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        languages = self._settings.languages
        without = [language for language in languages if language not in OF_LANGUAGE]
        regions = self._settings.phone_regions or phone_regions(languages)
        return (
            "personal data: names and postal addresses were NOT checked (no NER model is set)",
            f"personal data: telephone numbers without + or a word beside them were read as those of {', '.join(regions)} only",
            *(f"personal data: identity numbers of countries that speak {language!r} were not checked" for language in without),
            "personal data: file names and web addresses were looked through for e-mail addresses only",
            "personal data: pictures, recordings and the bytes of files that are not text were not checked",
        )

    def findings(self, text: str, column: str = "", language: str = "") -> list[Finding]:
        """Return what a text holds, in its order; `column` is the name of the table column it stands in."""
        return self._finder_for(language).findings(text, parts_of(column))

    def _finder_for(self, language: str) -> Finder:
        """Return the rules for the declared languages and that of an item, where its formats are known."""
        declared = self._settings.languages
        added = language if language in LANGUAGES and language not in declared else ""
        if added not in self._finders:
            languages = (*declared, added) if added else declared
            settings = self._settings
            self._finders[added] = Finder(build(languages, settings.phone_regions, settings.countries, notes=settings.notes))
        return self._finders[added]

    def _mails(self, finder: Finder, address: str) -> list[Finding]:
        """Return the e-mail addresses in a file name or web address, also with the ending of a file behind them."""
        bare = _ENDING.sub(lambda ending: " " * len(ending[0]), address)
        parted = [text.translate(_PARTED) for text in (address, bare)]
        found = [one for text in parted for one in finder.findings(text) if one.rule.entity == "EMAIL_ADDRESS"]
        return without_overlaps(found)

    def _flag_text(self, flags: FlagRows, row: int, field: str, text: str, finder: Finder) -> None:
        gave_up = self._watch.count
        parts = _values(text) if field == "fields" else [(0, text, "")]
        for offset, part, column in parts:
            for found in self._mails(finder, part) if field in _ADDRESSES else finder.findings(part, parts_of(column)):
                span = (offset + found.start, offset + found.end)
                code = code_of(found.rule.entity)
                flags.add(row, code, score=found.score, field=field, span=span, detail=_detail(found, column))
        if self._watch.count > gave_up:
            flags.add(row, "pii.not-checked", field=field)


def _detail(found: Finding, column: str) -> str:
    facts = {"column": column} if column else {}
    return detail_json(
        validated="pass" if found.checked else "none",
        base=found.base,
        context=found.context,
        recogniser=found.rule.recognizer.name,
        **({"raised": True} if found.raised else {}),
        **facts,
    )


def _languages(items: pa.RecordBatch) -> dict[int, str]:
    """Return row → language for the items whose `fields` name one (language, lang, locale)."""
    column = items.column("fields")
    if column.null_count == len(column):
        return {}
    named = pc.extract_regex(column, _LANGUAGE)
    return {
        row: named[row]["language"].as_py() for row in np.flatnonzero(named.is_valid().to_numpy(zero_copy_only=False)).tolist()
    }


def _awake(column: pa.Array, gate: str) -> Iterator[tuple[int, str]]:
    """Yield row and text of every text that passes the gate."""
    if column.null_count == len(column):
        return
    hits = pc.match_substring_regex(column, gate).fill_null(False)
    for row in np.flatnonzero(hits.to_numpy(zero_copy_only=False)).tolist():
        yield row, column[row].as_py()


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
