"""The draft of the public summary as JSON, Markdown and one self-contained HTML page, from one list of cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Final, Literal

from acquisition.markdown import escaped, shown
from acquisition.protocols import Ledger

MISSING: Final = "TO BE PROVIDED"
TITLE: Final = "Public Summary of Training Content for general-purpose AI models (draft of the data side)"
SCHEMA_VERSION: Final = 2
EARLIER: Final = "versions.jsonl and CHANGELOG.md name the earlier versions of the set and what changed since each."


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of the template: its number and words, its content, whence it comes, and the record behind it."""

    field: str
    label: str
    content: str
    origin: Literal["records", "owner", "missing"]
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One numbered section of the template."""

    number: str
    title: str
    cells: tuple[Cell, ...]


def as_json(ledger: Ledger, sections: list[Section]) -> dict[str, Any]:
    """Return the draft as plain values; `to_be_provided` lists the fields that wait for a person."""
    missing = [cell.field for section in sections for cell in section.cells if cell.origin == "missing"]
    return {
        "schema_version": SCHEMA_VERSION,
        "title": TITLE,
        "template": "C(2025) 5235 final",
        "dataset": ledger.dataset.name,
        "version": ledger.dataset.version,
        "last_update": ledger.created_at[:10],
        "earlier": EARLIER,
        "to_be_provided": missing,
        "sections": [
            {"number": one.number, "title": one.title, "cells": [asdict(cell) for cell in one.cells]} for one in sections
        ],
    }


MODEL: Final = (
    ("names", "Versioned model name(s)"),
    ("dependencies", "Model dependencies"),
    ("placed", "Date of placement on the Union market"),
)
USERS: Final = (
    ("interactions", "Data from users' interactions with the model?"),
    ("services", "Data from other services?"),
    ("description", "Description"),
    ("modalities", "Modalities"),
)
CRAWLS: Final = (
    ("names", "Names and identifiers of the crawlers"),
    ("purposes", "Purposes of the crawlers"),
    ("behaviour", "Behaviour"),
    ("period", "Period of collection"),
    ("content", "Types of content and of sources"),
    ("modalities", "Modalities"),
    ("domains", "Most relevant domain names"),
)
"""Fields of 1.2, 2.4 (all for the provider) and 2.3."""
NO: Final = re.compile(r"\s*no\b", re.IGNORECASE)
"""An answer that denies."""
SECTIONS: Final = ("1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3")
"""The template's sections, in its order."""
ONLY_ASKED: Final = (
    "1.1.provider", "1.1.representative", "1.2.names", "1.2.dependencies", "1.2.placed", "1.3.continuous", "2.1.used",
    "2.2.1.licensed", "2.2.2.used", "2.3.used", "2.4.interactions", "2.4.services", "2.5.used", "2.6.used",
    "3.1.code-of-practice", "3.2.measures",
)  # fmt: skip
"""Answers that no record can give: they come from a person or are missing, and never from what was found."""
_LINK: Final = re.compile(r"\s*<?https?://\S+>?\s*")
_YES_OR_NO: Final = re.compile(r"\s*(?:yes|no)\s*(?:[.,;:!]|$)", re.IGNORECASE)


def problems(document: Mapping[str, Any], answers: Mapping[str, str]) -> list[str]:
    """Return what breaks the rules of a good summary (P1, P3, P7 of the FAccT 2026 audit), or says what nobody has answered."""
    sections = document["sections"]
    found = [] if tuple(one["number"] for one in sections) == SECTIONS else ["its sections are not the template's"]
    cells = [cell for one in sections for cell in one["cells"]]
    names = [cell["field"] for cell in cells]
    found += [f"{name} stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    for cell in cells:
        answered = bool(answers.get(cell["field"], "").strip())
        if not cell["content"].strip():
            found.append(f"{cell['field']} is empty")
        if _LINK.fullmatch(cell["content"]):
            found.append(f"{cell['field']} is nothing but a link")
        if (cell["origin"] == "owner") != answered:
            found.append(
                f"{cell['field']} is said to be an answer, and is none" if not answered else f"{cell['field']} was answered"
            )
        if cell["origin"] == "records" and (cell["field"] in ONLY_ASKED or _YES_OR_NO.match(cell["content"])):
            found.append(f"{cell['field']} is answered without a person")
        if cell["origin"] == "records" and not cell["evidence"]:
            found.append(f"{cell['field']} rests on nothing")
        if (cell["origin"] == "missing") != (cell["content"] == MISSING and not answered):
            found.append(f"{cell['field']} is missing, and does not say so")
    missing = [cell["field"] for cell in cells if cell["origin"] == "missing"]
    return found + ([] if document["to_be_provided"] == missing else ["to_be_provided is not the list of what is missing"])


def summary_schema() -> dict[str, Any]:
    """Return the JSON Schema of eu-summary.json; the Commission has published none."""
    text = {"type": "string", "minLength": 1}
    cell = {
        "type": "object",
        "properties": {
            "field": {"type": "string", "pattern": r"^[123]\.[1-6]\."},
            "label": text,
            "content": text,
            "origin": {"enum": ["records", "owner", "missing"]},
            "evidence": {"type": "string"},
        },
        "required": ["field", "label", "content", "origin", "evidence"],
        "additionalProperties": False,
    }
    sections = [
        {
            "type": "object",
            "properties": {
                "number": {"const": number},
                "title": text,
                "cells": {"type": "array", "items": cell, "minItems": 1},
            },
            "required": ["number", "title", "cells"],
            "additionalProperties": False,
        }
        for number in SECTIONS
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://acquisition.example.org/schemas/eu-summary-{SCHEMA_VERSION}.json",
        "title": TITLE,
        "type": "object",
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "title": {"const": TITLE},
            "template": text,
            "dataset": text,
            "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
            "last_update": {"type": "string", "format": "date"},
            "earlier": text,
            "to_be_provided": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "sections": {"type": "array", "prefixItems": sections, "items": False, "minItems": len(SECTIONS)},
        },
        "required": [
            "schema_version", "title", "template", "dataset", "version", "last_update", "earlier", "to_be_provided", "sections",
        ],
        "additionalProperties": False,
    }  # fmt: skip


def _head(ledger: Ledger) -> str:
    return (
        f"{ledger.dataset.title or ledger.dataset.name}, version {ledger.dataset.version}, last update {ledger.created_at[:10]}"
    )


_LONGEST: Final = 100_000
"""Characters of a cell: lists of domains and sources are long, and nothing of them is left out."""


def as_markdown(ledger: Ledger, sections: list[Section]) -> str:
    """Return the draft as Markdown, one table per section."""
    lines = [f"# {TITLE}", "", escaped(_head(ledger)), "", EARLIER, "", _NOTE, ""]
    for section in sections:
        lines += [f"## {section.number} {section.title}", "", "| field | content | rests on |", "|---|---|---|"]
        lines += [
            f"| {cell.label} | {escaped(cell.content, _LONGEST)} | {escaped(_origin(cell), _LONGEST)} |"
            for cell in section.cells
        ]
        lines.append("")
    return "\n".join(lines)


_NOTE: Final = (
    "A draft made from the records of one training set. It is no legal advice, and no summary of a model: answers that only a "
    f"provider can give are marked {MISSING}."
)


def _origin(cell: Cell) -> str:
    return {"records": cell.evidence, "owner": "the owner's answer", "missing": cell.evidence or "nobody yet"}[cell.origin]


def _text(words: str) -> str:
    return escape(shown(words, _LONGEST))


def as_html(ledger: Ledger, sections: list[Section]) -> str:
    """Return the draft as one self-contained page; what waits for a person is marked."""
    rows = []
    for section in sections:
        rows.append(f"<h2>{escape(section.number)} {escape(section.title)}</h2><table>")
        for cell in section.cells:
            mark = ' class="missing"' if cell.origin == "missing" else ""
            rows.append(
                f"<tr{mark}><th>{escape(cell.label)}</th><td>{_text(cell.content)}</td><td>{_text(_origin(cell))}</td></tr>"
            )
        rows.append("</table>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(TITLE)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(TITLE)}</h1><p>{_text(_head(ledger))}</p><p>{escape(EARLIER)}</p><p>{escape(_NOTE)}</p>{''.join(rows)}</html>\n"
    )


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}h1{font-size:1.5rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #ccc;padding:.4rem .6rem;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}th{width:30%;font-weight:600;background:#f6f6f6}td:last-child{width:20%;color:#555}"
    ".missing td{background:#fff4d6}"
)
