"""Exporter `eu_summary`: a draft of the data side of the public summary that Article 53(1)(d) of the EU AI Act asks for.

The sections are those of the Commission's template (C(2025) 5235). It binds providers of models, so every answer that only
they can give is printed as TO BE PROVIDED: no yes and no no is ever inferred, and what people answer in `dataset.answers` beats
what the records say. Every automatic cell names the record that it rests on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from acquisition.manifest.eu_forms import (
    CRAWLS,
    MISSING,
    MODEL,
    NO,
    USERS,
    Cell,
    Section,
    as_html,
    as_json,
    as_markdown,
    problems,
    summary_schema,
)
from acquisition.manifest.eu_origins import Domain, domains_of, is_open, kind_of, top_tenth
from acquisition.manifest.eu_reservations import measures, met_beside
from acquisition.manifest.eu_sizes import size_bin
from acquisition.manifest.gathered import Part, filters_of, gather, moment
from acquisition.manifest.kept import refuse
from acquisition.manifest.sheets import defused
from acquisition.network import user_agent
from acquisition.protocols import Exporter, Ledger
from acquisition.workspace import write_json

DOCUMENT: Final = "eu-summary.json"
PAGE: Final = "eu-summary.md"
WEB: Final = "eu-summary.html"
DOMAINS: Final = "eu-summary-domains.csv"
SCHEMA: Final = "eu-summary.schema.json"
LARGE: Final = 0.03
"""Share of all bytes from which on a data set is listed by name; third parties quote it, the template says "large"."""
_MODALITIES: Final = ("text", "image", "audio", "video", "other")
_CRAWLED: Final = frozenset({"spider", "search", "url_list"})


class EuSummary(Exporter):
    """eu-summary.json, .md and .html, and the table of crawled domains."""

    name: ClassVar[str] = "eu_summary"
    version: ClassVar[int] = 3
    standard: ClassVar[str] = "template C(2025) 5235 final"
    files: ClassVar[tuple[str, ...]] = (DOCUMENT, PAGE, WEB, DOMAINS, SCHEMA)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the summary in three forms from one list of cells."""
        _, parts = gather(ledger.items)
        domains = domains_of(ledger.items, {name for name in parts if kind_of(ledger, name) in _CRAWLED})
        with (directory / DOMAINS).open("x", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(("domain", "bytes", "items", "modality", "source"))
            table.writerows(
                (defused(one.name), one.bytes, one.items, " ".join(sorted(one.modalities)), " ".join(sorted(one.sources)))
                for one in domains
            )
        sections = list(_Draft(ledger, domains).sections())
        document = as_json(ledger, sections)
        refuse("the draft for Article 53(1)(d)", problems(document, ledger.dataset.answers))
        write_json(directory / DOCUMENT, document)
        write_json(directory / SCHEMA, summary_schema())
        (directory / PAGE).write_text(as_markdown(ledger, sections), encoding="utf-8")
        (directory / WEB).write_text(as_html(ledger, sections), encoding="utf-8")
        return self.files


class _Draft:
    """Fills the template from the ledger's figures and the owner's answers."""

    def __init__(self, ledger: Ledger, domains: list[Domain]) -> None:
        self._ledger = ledger
        self._answers = ledger.dataset.answers
        self._domains = domains
        self._whole, self._parts = gather(ledger.items)
        self._crawled = {name: part for name, part in self._parts.items() if kind_of(ledger, name) in _CRAWLED}
        self._own = {name: part for name, part in self._parts.items() if kind_of(ledger, name) == "local"}
        others = {name: part for name, part in self._parts.items() if name not in {**self._crawled, **self._own}}
        self._public = {name: part for name, part in others.items() if is_open(ledger, name)}
        self._unclear = sorted(name for name in others if name not in self._public)

    def sections(self) -> Iterator[Section]:
        """Yield the sections in the order of the template."""
        yield Section(
            "1.1",
            "Provider",
            (
                self._ask("1.1.provider", "Provider's name and contact"),
                self._ask("1.1.representative", "Authorised representative in the Union"),
            ),
        )
        yield Section("1.2", "Model", tuple(self._ask(f"1.2.{key}", label) for key, label in MODEL))
        yield Section("1.3", "Modalities, overall size and characteristics", tuple(self._sizes()))
        yield Section("2.1", "Publicly available datasets", tuple(self._datasets()))
        yield Section("2.2", "Private datasets obtained from third parties", tuple(self._private()))
        yield Section("2.3", "Data crawled and scraped from online sources", tuple(self._crawls()))
        yield Section("2.4", "User data", tuple(self._ask(f"2.4.{key}", label) for key, label in USERS))
        yield Section("2.5", "Synthetic data", tuple(self._synthetic()))
        yield Section(
            "2.6",
            "Other sources of data",
            (self._ask("2.6.used", "Other sources used?"), self._ask("2.6.description", "Description")),
        )
        yield Section("3.1", "Respect of reservations from text and data mining", tuple(self._reservations()))
        yield Section(
            "3.2",
            "Removal of illegal content",
            (
                self._ask("3.2.measures", "Measures taken"),
                self._known("3.2.filters", "Filters that ran", self._filters(), "summary.json, filters"),
            ),
        )
        yield Section(
            "3.3",
            "Other information",
            (
                self._known(
                    "3.3.not-checked",
                    "Not checked by any filter",
                    "; ".join(self._ledger.not_checked),
                    "summary.json, not_checked",
                ),
            ),
        )

    def _ask(self, field: str, label: str) -> Cell:
        answer = self._answers.get(field, "").strip()
        return Cell(field, label, answer or MISSING, "owner" if answer else "missing")

    def _known(self, field: str, label: str, content: str, evidence: str) -> Cell:
        """A cell from the records, unless a person has answered it; where the records hold nothing it is asked for."""
        answer = self._answers.get(field, "").strip()
        if answer:
            return Cell(field, label, answer, "owner")
        return Cell(field, label, content, "records", evidence) if content else Cell(field, label, MISSING, "missing")

    def _denied(self, field: str) -> bool:
        """Say whether a person has answered no."""
        return NO.match(self._answers.get(field, "")) is not None

    def _sizes(self) -> Iterator[Cell]:
        for name in _MODALITIES:
            count, octets = self._of(name)
            told = f"{size_bin(name, count, octets)}{count:,} items, {octets:,} bytes" if count else NOTHING
            yield self._known(f"1.3.{name}", f"{name.capitalize()}: size", told, "items.parquet, modality and size")
            kinds = ", ".join(sorted(one for one, part in self._parts.items() if _has(part, name))) if count else NOTHING
            yield self._known(f"1.3.{name}.content", f"{name.capitalize()}: types of content", kinds, "items.parquet, source")
        yield self._known(
            "1.3.bytes",
            "Overall size",
            f"{self._whole.items:,} items, {self._whole.octets:,} bytes as found",
            "items.parquet, size",
        )
        latest = self._whole.last.strftime("%m/%Y") if self._whole.last else ""
        yield self._known("1.3.latest", "Latest date of data acquisition (MM/YYYY)", latest, "items.parquet, retrieved_at")
        yield self._ask("1.3.continuous", "Is data acquired continuously?")
        yield self._ask("1.3.languages", "Linguistic characteristics")
        yield self._ask("1.3.characteristics", "Other relevant characteristics")

    def _of(self, name: str) -> tuple[int, int]:
        """Return items and bytes of one of the template's modalities; tables are among the others."""
        names = ("other", "table") if name == "other" else (name,)
        whole = self._whole
        return sum(whole.modalities.get(one, 0) for one in names), sum(whole.octets_of.get(one, 0) for one in names)

    def _datasets(self) -> Iterator[Cell]:
        yield self._ask("2.1.used", "Publicly available datasets used?")
        large, small = [], 0
        # what came through an account, or lies in a folder, may well be public: only a person knows
        unknown = not self._public and bool(self._unclear or self._own) and not self._denied("2.1.used")
        for name, part in sorted(self._public.items(), key=lambda entry: -entry[1].octets):
            if part.octets >= LARGE * max(1, self._whole.octets):
                large.append(f"{self._title(name)}: {part.items:,} items, {_modalities(part)}")
            else:
                small += 1
        listed = "; ".join(large) or ("" if unknown else "Not applicable: no such dataset is in the set")
        kinds = _together(self._public.values()) or ("" if unknown else NOTHING)
        yield self._known("2.1.modalities", "Modalities", kinds, "items.parquet, modality")
        yield self._known("2.1.list", "Large publicly available datasets (name, link)", listed, "items.parquet, source")
        rest = (
            f"{small:,} smaller {'one' if small == 1 else 'ones'}, named in the ledger"
            if small
            else ("" if unknown else "Not applicable: all are listed above")
        )
        yield self._known("2.1.rest", "Description of the others", rest, "items.parquet, source")
        yield self._unsettled()

    def _unsettled(self) -> Cell:
        """A page makes no data set public: those behind an account, a gate or terms, or without a page, are asked for."""
        field, label = (
            "2.1.unclear",
            "Data sets of which no record says that they are publicly available (2.1) or private (2.2)",
        )
        cell = self._ask(field, label) if self._unclear else self._known(field, label, _NONE_UNCLEAR, "items.parquet, source")
        return replace(cell, evidence=f"items.parquet, source: {', '.join(self._unclear)}") if self._unclear else cell

    def _title(self, name: str) -> str:
        release = self._ledger.releases[name]
        place = f" <{release.homepage}>" if release.homepage else ""
        return f"{release.title or name}, revision {release.revision}{place}"

    def _private(self) -> Iterator[Cell]:
        yield self._ask("2.2.1.licensed", "Commercially licensed from rightsholders?")
        yield self._ask("2.2.1.modalities", "Modalities of licensed data")
        yield self._ask("2.2.2.used", "Other private datasets from third parties?")
        yield self._ask("2.2.2.list", "Names of those that are publicly known, and a description of the others")
        own = "; ".join(f"{name}: {part.items:,} items, {_modalities(part)}" for name, part in self._own.items())
        told = (
            f"folders of the builder's own, whatever their origin: {own}"
            if own
            else "Not applicable: no folder of one's own is in the set"
        )
        yield self._known("2.2.2.folders", "Folders declared as local", told, "items.parquet, kind")

    def _crawls(self) -> Iterator[Cell]:
        yield self._ask("2.3.used", "Crawlers used by the provider or on its behalf?")
        # crawls by other means leave no record here: whoever answers that there were some is asked about them
        asked = self._answers.get("2.3.used", "").strip() and not self._denied("2.3.used")
        otherwise = ("" if asked else _NOT_CRAWLED, "items.parquet, kind")
        facts = self._crawled_facts() if self._crawled else {}
        for key, label in CRAWLS:
            yield self._known(f"2.3.{key}", label, *facts.get(key, otherwise))

    def _crawled_facts(self) -> dict[str, tuple[str, str]]:
        """Return what the records tell of crawled items, and which records, by field."""
        first = min((part.first for part in self._crawled.values() if part.first), default=None)
        last = max((part.last for part in self._crawled.values() if part.last), default=None)
        content = "; ".join(f"{name}: {part.items:,} items, {_modalities(part)}" for name, part in self._crawled.items())
        top = top_tenth(self._domains)
        return {
            "names": (user_agent(self._ledger.contact) if self._ledger.contact else "", "sources.yaml, contact"),
            "purposes": ("", ""),
            "behaviour": (_BEHAVIOUR, "the crawler's own rules (docs/decisions)"),
            "period": (f"{moment(first)} to {moment(last)}" if first and last else "", "items.parquet, retrieved_at"),
            "content": (content, "items.parquet, source"),
            "modalities": (_together(self._crawled.values()), "items.parquet, modality"),
            "domains": (f"{top} {DOMAINS} has all of them." if top else "", f"{DOMAINS}, from items.parquet, url and size"),
        }

    def _synthetic(self) -> Iterator[Cell]:
        yield self._ask("2.5.used", "Synthetic data used?")
        yield self._ask("2.5.modalities", "Modalities of synthetic data")
        yield self._ask("2.5.models", "Models that made it, and whether they are on the market")
        suspected, unseen = (self._whole.synthetic.get(name, 0) for name in ("suspected", "not-checked"))
        told = (
            f"{suspected:,} of {self._whole.items:,} items are suspected to be made by a model, {unseen:,} were not looked at; "
            "a hint, and no measure of synthetic data"
        )
        yield self._known("2.5.hint", "What the filters noticed", told, "items.parquet, synthetic")

    def _reservations(self) -> Iterator[Cell]:
        yield self._ask("3.1.code-of-practice", "Signatory of the Code of Practice?")
        summary = self._ledger.summary
        told = measures(summary, met_beside(self._ledger.items, summary.get("crawls", {})))
        evidence = "summary.json, crawls, filters and sources; items.parquet, signals"
        yield self._known("3.1.measures", "Measures before and during collection", told, evidence)
        yield self._ask("3.1.third-party", "Measures for datasets of third parties")

    def _filters(self) -> str:
        return ", ".join(filters_of(self._ledger.summary)) or "none"


_BEHAVIOUR: Final = (
    "Obeys robots.txt by RFC 9309 and fails closed; one request at a time per registrable host with a declared delay that "
    "Crawl-delay, Retry-After and slow answers only make longer; follows no log-in, payment or captcha wall."
)


_NOT_CRAWLED: Final = "Not applicable: no item of the set was crawled by this tool"
_NONE_UNCLEAR: Final = "Not applicable: no such data set is in the set"
NOTHING: Final = "Not applicable: no item of this kind is in the set"


def _has(part: Part, name: str) -> bool:
    return any(part.modalities.get(one, 0) for one in (("other", "table") if name == "other" else (name,)))


def _together(parts: Iterable[Part]) -> str:
    return ", ".join(sorted({name for part in parts for name, count in part.modalities.items() if count}))


def _modalities(part: Part) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in part.modalities.items())
