"""The draft of the public summary as JSON, Markdown and one self-contained HTML page, from one list of cells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Final, Literal

from acquisition.protocols import Ledger

MISSING: Final = "TO BE PROVIDED"
TITLE: Final = "Public Summary of Training Content for general-purpose AI models (draft of the data side)"
SCHEMA_VERSION: Final = 1


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
        "to_be_provided": missing,
        "sections": [
            {"number": one.number, "title": one.title, "cells": [asdict(cell) for cell in one.cells]} for one in sections
        ],
    }


def _head(ledger: Ledger) -> str:
    return (
        f"{ledger.dataset.title or ledger.dataset.name}, version {ledger.dataset.version}, last update {ledger.created_at[:10]}"
    )


def as_markdown(ledger: Ledger, sections: list[Section]) -> str:
    """Return the draft as Markdown, one table per section."""
    lines = [f"# {TITLE}", "", _plain(_head(ledger)), "", _NOTE, ""]
    for section in sections:
        lines += [f"## {section.number} {section.title}", "", "| field | content | rests on |", "|---|---|---|"]
        lines += [f"| {cell.label} | {_plain(cell.content)} | {_plain(_origin(cell))} |" for cell in section.cells]
        lines.append("")
    return "\n".join(lines)


_NOTE: Final = (
    "A draft made from the records of one training set. It is no legal advice, and no summary of a model: answers that only a "
    f"provider can give are marked {MISSING}."
)


def _origin(cell: Cell) -> str:
    return {"records": cell.evidence, "owner": "the owner's answer", "missing": "nobody yet"}[cell.origin]


def _plain(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def as_html(ledger: Ledger, sections: list[Section]) -> str:
    """Return the draft as one self-contained page; what waits for a person is marked."""
    rows = []
    for section in sections:
        rows.append(f"<h2>{escape(section.number)} {escape(section.title)}</h2><table>")
        for cell in section.cells:
            mark = ' class="missing"' if cell.origin == "missing" else ""
            rows.append(
                f"<tr{mark}><th>{escape(cell.label)}</th><td>{escape(cell.content)}</td><td>{escape(_origin(cell))}</td></tr>"
            )
        rows.append("</table>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(TITLE)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(TITLE)}</h1><p>{escape(_head(ledger))}</p><p>{escape(_NOTE)}</p>{''.join(rows)}</html>\n"
    )


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}h1{font-size:1.5rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #ccc;padding:.4rem .6rem;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}th{width:30%;font-weight:600;background:#f6f6f6}td:last-child{width:20%;color:#555}"
    ".missing td{background:#fff4d6}"
)
