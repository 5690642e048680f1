"""What a person has yet to provide before a set is published: a list, never a guess (`acquire check --release`).

It looks at what is declared and, where one stands, at the manifest: whatever an export prints as TO BE PROVIDED is here, with
the place in sources.yaml where it is answered, and whatever the kept items leave unknown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.croissant.document import DOCUMENT as CROISSANT
from acquisition.manifest.croissant.terms import MISSING, RAI
from acquisition.manifest.eu_forms import NO
from acquisition.manifest.eu_summary import DOCUMENT as SUMMARY_DRAFT
from acquisition.manifest.formats import RESTORE, demand_known, opened
from acquisition.manifest.gathered import gather
from acquisition.manifest.names import ITEMS
from acquisition.manifest.untouched import demand_untouched
from acquisition.rights.expressions import NOASSERTION
from acquisition.settings import ContactSettings, DatasetSettings

Kind = Literal["missing", "unknown", "contradiction", "private"]
CARD_ASKS: Final[Mapping[str, str]] = {
    "card.uses": "what the set is meant for, and what it must not be used for",
    "card.bias": "what it shows too much of, too little of, or wrongly",
    "card.social-impact": "whom it may help or harm",
    "card.language": "its languages, as codes of two or three letters separated by commas",
    "card.task_categories": "what models it may train, in the Hub's words (text-classification, …)",
}
_ADDRESS: Final = re.compile(r"https?://\S+")
_SUMMARY_FIELD: Final = re.compile(r"[123]\.[1-6]\.[A-Za-z0-9.-]+")
_SHOWN_BY: Final = {"2.1.used": "2.1.modalities", "2.3.used": "2.3.content"}
"""A question for yes or no, and the field of the records that shows that a no is none."""


@dataclass(frozen=True, slots=True)
class Open:
    """One thing that has to be answered or cleared: what kind, where it is answered, what it is, and what asks for it.

    missing        nobody has said it
    unknown        the records say that nobody knows it (licenses, authors, addresses)
    contradiction  an answer says otherwise than the records, or answers nothing that is asked
    private        it would go along with a bundle, and speaks of the machine that the set was made on
    """

    kind: Kind
    where: str
    what: str
    wanted_by: str


def release_list(
    manifest: Path, dataset: DatasetSettings, contact: ContactSettings | None, embargoes: Collection[str] = ()
) -> tuple[Open, ...]:
    """Return everything that is open, in the order in which a person would work through it.

    `embargoes` are the hold-outs that are under embargo today.
    WorkspaceDamaged or UsageError when there is a manifest that cannot be read; without one only the declaration is looked at.
    """
    found = [*_declared(dataset, contact), *_card(dataset)]
    if not (manifest / ITEMS).is_file():
        nothing = "there is no manifest yet, so licenses, credit and exports were not looked at"
        return (*found, Open("missing", "acquire fetch", nothing, "all"), *_unasked(dataset, manifest))
    demand_known(manifest / ITEMS)
    demand_untouched(manifest, (ITEMS, CROISSANT, SUMMARY_DRAFT))
    told = (*_croissant(manifest), *_draft(manifest, dataset), *_ledger(manifest), *_embargoes(manifest, embargoes))
    return (*found, *told, *_unasked(dataset, manifest))


def _declared(dataset: DatasetSettings, contact: ContactSettings | None) -> Iterator[Open]:
    for name, value, what, wanted_by in (
        ("title", dataset.title, "its name for people", "card, ATTRIBUTIONS"),
        ("description", dataset.description, "what it is, in a sentence or two", "Croissant, card"),
        ("creator", dataset.creator or (contact.name if contact else ""), "who builds it", "Croissant, SPDX, Data Package"),
        ("url", dataset.url, "where it will be published", "Croissant, SPDX"),
    ):
        if not value:
            yield Open("missing", f"dataset.{name}", what, wanted_by)
    if dataset.url and not _ADDRESS.fullmatch(dataset.url):
        yield Open("contradiction", "dataset.url", f"{dataset.url!r} is no http address", "Croissant, SPDX")
    if contact is None:
        yield Open("missing", "contact", "who is asked to take an item out", "card, Croissant")


def _card(dataset: DatasetSettings) -> Iterator[Open]:
    for key, what in CARD_ASKS.items():
        if not dataset.answers.get(key, "").strip():
            yield Open("missing", f"dataset.answers, {key}", what, "card")


def _croissant(manifest: Path) -> Iterator[Open]:
    document = _read(manifest / CROISSANT)
    for name, value in sorted(document.items()):
        if name.startswith("rai:") and MISSING in (value if isinstance(value, list) else [value]):
            what = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removeprefix("rai:")).lower()
            yield Open("missing", f"dataset.answers, {name.replace(':', '.')}", what, "Croissant RAI")


def _draft(manifest: Path, dataset: DatasetSettings) -> Iterator[Open]:
    document = _read(manifest / SUMMARY_DRAFT)
    cells = {cell["field"]: cell for section in document.get("sections", ()) for cell in section["cells"]}
    for name in document.get("to_be_provided", ()):
        yield Open("missing", f"dataset.answers, {name}", cells[name]["label"], "summary of Article 53(1)(d)")
    for asked, shown in _SHOWN_BY.items():
        evidence = cells.get(shown, {"content": "Not applicable"})["content"]
        if NO.match(dataset.answers.get(asked, "")) and not evidence.startswith("Not applicable"):
            told = f"the answer is {dataset.answers[asked]!r}, and the set holds such items: {evidence}"
            yield Open("contradiction", f"dataset.answers, {asked}", told, "summary of Article 53(1)(d)")


def _ledger(manifest: Path) -> Iterator[Open]:
    whole, parts = gather(manifest / ITEMS)
    for name, part in parts.items():
        if count := part.concluded.get(NOASSERTION, 0):
            told = f"nobody knows the license of {count:,} kept items"
            yield Open("unknown", f"sources.{name}.license", told, "all")
        if part.reviewed:
            yield Open(
                "unknown", f"sources.{name}.license", f"a person should read the license of {part.reviewed:,} kept items", "all"
            )
        if part.nameless:
            told = f"{part.nameless:,} kept items have to be credited, and have no author"
            yield Open("unknown", f"sources.{name}.attribution.author", told, "ATTRIBUTIONS")
        if part.placeless:
            told = f"{part.placeless:,} kept items have to be credited, and have no address"
            yield Open("unknown", f"sources.{name}.attribution.url", told, "ATTRIBUTIONS")
    if not whole.items:
        yield Open("missing", "sources", "the set is empty", "all")


def _embargoes(manifest: Path, embargoes: Collection[str]) -> Iterator[Open]:
    rules: set[str] = set()
    with opened(manifest / ITEMS) as ledger:
        for batch in ledger.iter_batches(columns=["rule"]) if embargoes else ():
            rules.update(batch.column("rule").unique().to_pylist())
    for name in embargoes:
        if f"curated.holdouts.{name}" not in rules:
            told = f"{name!r} is under embargo and holds no item back: what it was meant for would be published"
            yield Open("missing", f"curated.holdouts.{name}", told, "all")


def _unasked(dataset: DatasetSettings, manifest: Path) -> Iterator[Open]:
    known = {*CARD_ASKS, *(term.replace(":", ".") for term in RAI)}
    fields = {cell["field"] for section in _read(manifest / SUMMARY_DRAFT).get("sections", ()) for cell in section["cells"]}
    for key in sorted(dataset.answers):
        if key not in known and (key not in fields if fields else not _SUMMARY_FIELD.fullmatch(key)):
            yield Open("contradiction", f"dataset.answers, {key}", "no format asks for this", "none")


def _read(document: Path) -> dict[str, Any]:
    """Return an export, {} where it is not written."""
    try:
        found = orjson.loads(document.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise WorkspaceDamaged(f"the export cannot be read: {error}", where=str(document), hint=RESTORE) from error
    return found if isinstance(found, dict) else {}
