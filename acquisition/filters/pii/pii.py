"""The filter: texts as they are, tables column by column, names and addresses of files, and the metadata of media."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import ClassVar, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex
from pydantic import Field, field_validator

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.pii.columns import Column, type_columns, values
from acquisition.filters.pii.countries import KNOWN, OF_LANGUAGE
from acquisition.filters.pii.entities import ENTITIES, code_of
from acquisition.filters.pii.finder import Finder, Finding, without_overlaps
from acquisition.filters.pii.metadata import Metadata
from acquisition.filters.pii.names import Names, NameSettings
from acquisition.filters.pii.rules import LANGUAGES, build, phone_regions
from acquisition.filters.pii.words import parts_of
from acquisition.protocols import Cost, Filter, FilterContext
from acquisition.settings import FilterSettings

_WORDS: Final = ("text", "label", "title", "author")
_ADDRESSES: Final = ("name", "url", "referrer", "locator")
"""File names and addresses are full of numbers that are nobody's; an e-mail address in them is one all the same."""
_ENDING: Final = regex.compile(r"\.[A-Za-z0-9]{1,5}(?=$|[#!?])")
_PARTED: Final = str.maketrans(dict.fromkeys("/?=&#!:;,", " "))
_LANGUAGE: Final = r'"(?:lang|language|locale)":"(?P<language>[a-z]{2})(?:[-_"])'
_TOGETHER: Final = 50_000
_MEDIA: Final = ("image", "audio")


@lru_cache(maxsize=8)
def _finder(languages: tuple[str, ...], regions: tuple[str, ...], countries: tuple[str, ...], *, notes: bool) -> Finder:
    """Return the rules, made ready once per process: compiling all their forms takes two seconds."""
    return Finder(build(languages, regions, countries, notes=notes))


class PiiSettings(FilterSettings):
    """Whose personal data is looked for."""

    languages: tuple[Literal[tuple(sorted(LANGUAGES))], ...] = Field(default=("en",), min_length=1)  # type: ignore[valid-type]
    """Languages of the texts: their telephone formats and their countries' identity numbers are read."""
    phone_regions: tuple[str, ...] = ()
    """Regions (ISO 3166) whose telephone formats are read; left out: those of the languages."""
    countries: tuple[Literal[KNOWN], ...] = ()  # type: ignore[valid-type]  # the names are data
    """Further countries (ISO 3166, lower case) whose identity numbers are read, with postcodes and vehicles of those named."""
    tables: Literal["scan", "sample"] = "scan"
    """scan: read each value of the columns that can hold some. sample: flag by the type of the column, from a sample of it."""
    notes: bool = False
    """Note web addresses, dates and UUIDs too, with a score of 0.1 that no rule of the default policy takes."""
    names: NameSettings | None = None
    """A model of one's own that finds names and places in text."""

    @field_validator("phone_regions")
    @classmethod
    def _regions_exist(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        from phonenumbers import SUPPORTED_REGIONS

        unknown = [region for region in regions if region not in SUPPORTED_REGIONS]
        if unknown:
            raise ValueError(f"no telephone region {unknown[0]!r}: countries are meant, in capitals (ISO 3166), such as GB")
        return regions

    def inputs(self) -> tuple[str, ...]:
        """Return the model, where it is a file or folder."""
        return self.names.inputs() if self.names else ()


class Pii(Filter):
    """Flags personal data that has a form, with its place in the text."""

    name: ClassVar[str] = "pii"
    version: ClassVar[int] = 5
    Settings: ClassVar[type[FilterSettings]] = PiiSettings
    looks_across: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(prepare=3.5, text=45.0, media=0.1, memory=300)
    notes: ClassVar[frozenset[str]] = frozenset({code_of("URL"), code_of("UUID")})
    codes: ClassVar[Mapping[str, str]] = {code_of(entity): meaning for entity, meaning in ENTITIES.items()} | {
        "pii.not-checked": "A part was not looked at: it is too long, holds too much, or took too long; the detail says which.",
    }

    @classmethod
    def stands_alone(cls, modality: str, *, with_fields: bool) -> bool:  # noqa: ARG003  # contract
        """Columns are typed from the rows of a shard; a text that is no row is read for itself."""
        return not with_fields

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        self._settings = settings if isinstance(settings, PiiSettings) else PiiSettings()
        self._finders: dict[str, Finder] = {}
        """Made when the first text is there: whoever asks only what is not checked need not wait for two seconds."""
        self._names = Names(self._settings.names, context.base) if self._settings.names else None
        self._metadata = Metadata(context)

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return flags for a shard; only texts that can hold something are shown to the recognisers."""
        flags = FlagRows(items)
        languages = _languages(items)
        for language, rows in _by_language(languages, items.num_rows).items():
            finder = self._finder_for(language)
            for field in _WORDS:
                self._flag_texts(flags, finder, field, _only(items.column(field), rows))
            self._flag_tables(flags, finder, items, rows)
        for field in _ADDRESSES:
            self._flag_addresses(flags, field, items.column(field))
        if self._names:
            self._flag_names(flags, self._names, items)
        self._flag_media(flags, items)
        return flags.batch()

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        languages = self._settings.languages
        without = [language for language in languages if language not in OF_LANGUAGE]
        regions = ", ".join(self._settings.phone_regions or phone_regions(languages))
        sampled = self._settings.tables == "sample"
        return (
            *(() if self._names else ("personal data: names and postal addresses were NOT checked (no NER model is set)",)),
            f"personal data: telephone numbers without + or a word beside them were read as those of {regions} only",
            *(f"personal data: identity numbers of countries that speak {language!r} were not checked" for language in without),
            "personal data: file names and web addresses were looked through for e-mail addresses only",
            "personal data: what pictures show and recordings say was not checked, only their metadata",
            *(
                ("personal data: tables were judged by a sample of each column; free text in them was not read",)
                if sampled
                else ()
            ),
        )

    def looks_for(self, code: str) -> bool:
        """Say whether texts are looked through for this as the filter is set: names need a model, addresses and dates `notes`.

        Without `notes` a date is told only where a word says that it is one of birth; dates in general are not looked for.
        """
        names = self._settings.names
        off = {"PERSON", "LOCATION", "ORGANIZATION", "NRP"}.difference(names.entities if names else ())
        return code not in {
            code_of(entity) for entity in off | (set() if self._settings.notes else {"URL", "UUID", "DATE_TIME"})
        }

    def findings(self, text: str, column: str = "", language: str = "") -> list[Finding]:
        """Return what a text holds, in its order; `column` is the name of the table column it stands in."""
        return self._finder_for(language).findings(text, parts_of(column))

    def _finder_for(self, language: str) -> Finder:
        """Return the rules for the declared languages and that of an item, where its formats are known."""
        declared = self._settings.languages
        added = language if language in LANGUAGES and language not in declared else ""
        if added not in self._finders:
            spoken = (*declared, added) if added else declared
            settings = self._settings
            self._finders[added] = _finder(spoken, settings.phone_regions, settings.countries, notes=settings.notes)
        return self._finders[added]

    def _flag_texts(self, flags: FlagRows, finder: Finder, field: str, column: pa.Array) -> None:
        if column.null_count == len(column):
            return
        for row, found in finder.found(column):
            for one in found.findings:
                _add(flags, row, field, one)
            if found.gave_up:
                flags.add(row, "pii.not-checked", field=field, detail=detail_json(reason=found.gave_up))

    def _flag_addresses(self, flags: FlagRows, field: str, column: pa.Array) -> None:
        """Flag the e-mail addresses in file names and web addresses, also with the ending of a file behind them."""
        hits = pc.fill_null(pc.match_substring(column, "@"), False)
        for row in np.flatnonzero(hits.to_numpy(zero_copy_only=False)).tolist():
            address = column[row].as_py()[:_TOGETHER]
            bare = _ENDING.sub(lambda ending: " " * len(ending[0]), address)
            found = [one for text in (address, bare) for one in self._finder_for("").findings(text.translate(_PARTED))]
            for one in without_overlaps([one for one in found if one.rule.entity == "EMAIL_ADDRESS"]):
                _add(flags, row, field, one)

    def _flag_tables(self, flags: FlagRows, finder: Finder, items: pa.RecordBatch, rows: pa.Array | None) -> None:
        column = _only(items.column("fields"), rows)
        if column.null_count == len(column):
            return
        assets = items.column("asset").to_pylist()
        tables: dict[str, list[int]] = {}
        for row in np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)).tolist():
            tables.setdefault(assets[row], []).append(row)
        for held in tables.values():
            table = column.take(pa.array(held)).to_pylist()
            columns = type_columns(table, finder)
            if self._settings.tables == "sample":
                columns = {name: one for name, one in columns.items() if one.entity}
            if any(one.least is not None for one in columns.values()):
                self._flag_rows(flags, finder, columns, zip(held, table, strict=True))

    def _flag_rows(
        self, flags: FlagRows, finder: Finder, columns: Mapping[str, Column], rows: Iterable[tuple[int, str]]
    ) -> None:
        """Read the values of the columns that can hold some, many at a time."""
        parts: list[tuple[int, int, str, Column]] = []
        size = 0
        for row, fields in rows:
            for offset, value, name in values(fields):
                column = columns.get(name)
                if column is None or column.least is None or not value.strip():
                    continue
                if self._settings.tables == "sample":
                    detail = detail_json(column=name, by="column", share=round(column.share, 3), validated="none")
                    span = (offset, offset + len(value))
                    flags.add(row, code_of(column.entity), score=0.7, field="fields", span=span, detail=detail)
                else:
                    parts.append((row, offset, value, column))
                    size += len(value)
            if len(parts) > _TOGETHER or size > 40 * _TOGETHER:
                self._flag_values(flags, finder, parts)
                parts, size = [], 0
        self._flag_values(flags, finder, parts)

    def _flag_values(self, flags: FlagRows, finder: Finder, parts: list[tuple[int, int, str, Column]]) -> None:
        named = {column.name: parts_of(column.name) for _, _, _, column in parts}
        texts = pa.array([value for _, _, value, _ in parts], pa.large_string())
        for at, found in finder.found(texts, [named[column.name] for _, _, _, column in parts]):
            row, offset, _, column = parts[at]
            for one in found.findings:
                if one.score >= (column.least or 0.0):
                    _add(flags, row, "fields", one, offset=offset, column=column.name)
            if found.gave_up:
                flags.add(row, "pii.not-checked", field="fields", detail=detail_json(reason=found.gave_up, column=column.name))

    def _flag_names(self, flags: FlagRows, names: Names, items: pa.RecordBatch) -> None:
        for row, text in enumerate(items.column("text").to_pylist()):
            for one in names.find(text) if text else ():
                detail = detail_json(validated="none", context="none", recogniser=names.label)
                flags.add(row, code_of(one.entity), score=one.score, field="text", span=(one.start, one.end), detail=detail)
            if text and len(text) > names.longest:
                flags.add(row, "pii.not-checked", field="text", detail=detail_json(reason="length", recogniser=names.label))

    def _flag_media(self, flags: FlagRows, items: pa.RecordBatch) -> None:
        """Flag what the metadata of pictures and recordings tell; nobody can cut it out of the bytes, so there is no span."""
        modality = items.column("modality")
        rows = np.flatnonzero(pc.is_in(modality, pa.array(_MEDIA, modality.type)).to_numpy(zero_copy_only=False)).tolist()
        for row, tag in self._metadata.tags(items, rows):
            if tag.lost:
                flags.add(row, "pii.not-checked", detail=detail_json(reason=tag.lost, tag=tag.name or "all"))
            elif tag.entity:
                detail = detail_json(tag=tag.name, validated="none", context="column")
                flags.add(row, code_of(tag.entity), score=tag.score, detail=detail)
            else:
                for one in self._finder_for("").findings(tag.value, parts_of(tag.name)):
                    flags.add(row, code_of(one.rule.entity), score=one.score, detail=_detail(one, tag=tag.name))


def _add(flags: FlagRows, row: int, field: str, found: Finding, *, offset: int = 0, column: str = "") -> None:
    span = (offset + found.start, offset + found.end)
    detail = _detail(found, **({"column": column} if column else {}))
    flags.add(row, code_of(found.rule.entity), score=found.score, field=field, span=span, detail=detail)


def _detail(found: Finding, **facts: str) -> str:
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
    spoken = pc.struct_field(named, "language").to_pylist()
    return {row: language for row, language in enumerate(spoken) if language in LANGUAGES}


def _by_language(languages: Mapping[int, str], count: int) -> dict[str, pa.Array | None]:
    """Return language → mask of the rows that are in it, None for all; "" is the language of the rest."""
    if not languages:
        return {"": None}
    spoken = np.array([languages.get(row, "") for row in range(count)])
    return {str(language): pa.array(spoken == language) for language in sorted(set(spoken.tolist()))}


def _only(column: pa.Array, rows: pa.Array | None) -> pa.Array:
    """Return the column with the other rows null."""
    return column if rows is None else pc.if_else(rows, column, pa.scalar(None, column.type))
