"""Exporter `attributions`: credit for every kept item whose license asks for it.

ATTRIBUTIONS.csv has one row per item (the columns follow the Creative Commons comparison of license versions);
ATTRIBUTIONS.md and ATTRIBUTIONS.html are for people: by source, license and author.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Final

from acquisition.manifest.kept import kept_rows, license_urls
from acquisition.protocols import Exporter, Ledger
from acquisition.rights.titles import name_of

UNKNOWN: Final = "unknown (as published)"
TABLE: Final = "ATTRIBUTIONS.csv"
PAGE: Final = "ATTRIBUTIONS.md"
WEB: Final = "ATTRIBUTIONS.html"
MAX_AUTHORS: Final = 1_000
"""Authors listed for one source and license; the rest is counted and stands in the table."""
_COLUMNS: Final = (
    "id",
    "path",
    "content_sha256",
    "authors",
    "title",
    "url",
    "source",
    "concluded_spdx",
    "duties",
    "attribution_text",
    "changes",
)
_HEADER: Final = (
    "author",
    "title",
    "url",
    "license",
    "license_url",
    "changes",
    "source",
    "id",
    "path",
    "content_sha256",
    "attribution",
)


@dataclass(slots=True)
class _Group:
    """Items of one source under one license, by author."""

    authors: Counter[str] = field(default_factory=Counter)
    others: int = 0
    changed: int = 0

    def add(self, author: str, changes: list[str]) -> None:
        if author in self.authors or len(self.authors) < MAX_AUTHORS:
            self.authors[author] += 1
        else:
            self.others += 1
        self.changed += bool(changes)


class Attributions(Exporter):
    """ATTRIBUTIONS.md, ATTRIBUTIONS.html and ATTRIBUTIONS.csv."""

    name: ClassVar[str] = "attributions"
    version: ClassVar[int] = 2
    files: ClassVar[tuple[str, ...]] = (PAGE, WEB, TABLE)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write all three from the kept rows of the ledger."""
        groups: dict[tuple[str, str], _Group] = {}
        with (directory / TABLE).open("x", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(_HEADER)
            for row in kept_rows(ledger.items, _COLUMNS):
                item = dict(zip(_COLUMNS, row, strict=True))
                if "attribution" in item["duties"]:
                    table.writerow([_spreadsheet(value) for value in _row(item, ledger)])
                    group = groups.setdefault((item["source"], item["concluded_spdx"]), _Group())
                    group.add("; ".join(item["authors"]) or UNKNOWN, item["changes"])
        (directory / PAGE).write_text(_page(ledger, groups), encoding="utf-8")
        (directory / WEB).write_text(_web(ledger, groups), encoding="utf-8")
        return self.files


def _row(item: dict[str, Any], ledger: Ledger) -> tuple[str, ...]:
    release = ledger.releases.get(item["source"])
    return (
        "; ".join(item["authors"]) or UNKNOWN,
        item["title"] or (release.title if release else ""),
        item["url"] or (release.homepage if release else ""),
        item["concluded_spdx"],
        " ".join(license_urls(item["concluded_spdx"])),
        "; ".join(item["changes"]),
        item["source"],
        item["id"],
        item["path"],
        item["content_sha256"],
        item["attribution_text"],
    )


def _spreadsheet(value: str) -> str:
    """A cell that begins like a formula is text here, also for a spreadsheet (OWASP, CSV injection)."""
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _page(ledger: Ledger, groups: dict[tuple[str, str], _Group]) -> str:
    title = _plain(ledger.dataset.title or ledger.dataset.name)
    lines = [f"# Attributions: {title}", ""]
    if not groups:
        lines += [_NOTHING, ""]
    else:
        lines += [f"Credit for every single item is in {TABLE}.", ""]
    source = ""
    for (name, expression), group in sorted(groups.items()):
        if name != source:
            source = name
            lines += [*_source_lines(ledger, name), ""]
        lines += [*_license_lines(expression, group), ""]
    return "\n".join(lines)


def _source_lines(ledger: Ledger, name: str) -> list[str]:
    release = ledger.releases.get(name)
    lines = [f"## {_plain((release.title if release else '') or name)}", ""]
    facts: list[tuple[str, str]] = [("source", name)]
    if release is not None:
        facts += [("from", release.homepage), ("revision", release.revision), ("by", "; ".join(release.authors) or UNKNOWN)]
        facts += [("DOI", release.doi), ("cite as", release.citation)]
    return lines + [f"* {label}: {_plain(value)}" for label, value in facts if value]


def _license_lines(expression: str, group: _Group) -> list[str]:
    urls = license_urls(expression)
    shown = name_of(expression) if len(urls) == 1 else expression
    lines = [f"### {_plain(shown)}", "", *(f"<{url}>" for url in urls if "://" in url), ""]
    lines += [f"* {_plain(author)}: {_items(count)}" for author, count in sorted(group.authors.items())]
    if group.others:
        lines.append(f"* further authors: {_items(group.others)}, listed in {TABLE}")
    if group.changed:
        lines.append(f"* changed by us (the table says how): {_items(group.changed)}")
    return lines


def _web(ledger: Ledger, groups: dict[tuple[str, str], _Group]) -> str:
    """Return the page as one self-contained HTML file; words of publishers are text, and only http links are links."""
    title = f"Attributions: {ledger.dataset.title or ledger.dataset.name}"
    parts = [f"<h1>{escape(title)}</h1>"]
    parts.append(f"<p>Credit for every single item is in {TABLE}.</p>" if groups else f"<p>{_NOTHING}</p>")
    source = ""
    for (name, expression), group in sorted(groups.items()):
        if name != source:
            source = name
            parts += _source_web(ledger, name)
        urls = license_urls(expression)
        shown = name_of(expression) if len(urls) == 1 else expression
        parts.append(f"<h3>{escape(shown)}</h3><p>{' '.join(_link(url) for url in urls)}</p><ul>")
        parts += [f"<li>{escape(author)}: {_items(count)}</li>" for author, count in sorted(group.authors.items())]
        if group.others:
            parts.append(f"<li>further authors: {_items(group.others)}, listed in {TABLE}</li>")
        if group.changed:
            parts.append(f"<li>changed by us (the table says how): {_items(group.changed)}</li>")
        parts.append("</ul>")
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f"{head}{''.join(parts)}</html>\n"


_NOTHING: Final = "No item of this set has a license that asks for credit."
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
)


def _source_web(ledger: Ledger, name: str) -> list[str]:
    release = ledger.releases.get(name)
    title = (release.title if release else "") or name
    if release is None:
        return [f"<h2>{escape(title)}</h2>"]
    facts = (
        ("from", _link(release.homepage)),
        ("revision", escape(release.revision)),
        ("by", escape("; ".join(release.authors) or UNKNOWN)),
        ("cite as", escape(release.citation)),
    )
    listed = "".join(f"<li>{label}: {value}</li>" for label, value in facts if value)
    return [f"<h2>{escape(title)}</h2><ul>{listed}</ul>"]


def _link(url: str) -> str:
    """Return an address as a link, where it is one that a browser may open."""
    told = escape(url)
    return f'<a href="{told}" rel="nofollow noreferrer">{told}</a>' if url.startswith(("https://", "http://")) else told


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"
