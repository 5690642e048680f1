"""Exporter `attributions`: credit for every kept item whose license asks for it.

ATTRIBUTIONS.csv has one row per item (the columns follow the Creative Commons comparison of license versions);
ATTRIBUTIONS.md and ATTRIBUTIONS.html are for people: by source, license and author.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

from acquisition.manifest.credit import UNKNOWN, authors_of, without_mail
from acquisition.manifest.gathered import gather
from acquisition.manifest.kept import address, holding, joined, kept_batches, license_pages, mapped, refuse
from acquisition.manifest.sheets import harmless, sheet, texts
from acquisition.markdown import escaped, shown
from acquisition.places import came_from
from acquisition.protocols import Exporter, Ledger
from acquisition.rights.titles import name_of

TABLE: Final = "ATTRIBUTIONS.csv"
PAGE: Final = "ATTRIBUTIONS.md"
WEB: Final = "ATTRIBUTIONS.html"
MAX_AUTHORS: Final = 1_000
"""Authors listed for one source and license; the rest is counted and stands in the table."""
_COLUMNS: Final = (
    "id", "path", "content_sha256", "authors", "title", "url", "homepage", "retrieved_url", "source", "concluded_spdx",
    "duties", "notices", "attribution_text", "changes",
)  # fmt: skip
_HEADER: Final = (
    "author", "title", "url", "copyright_notice", "license", "license_url", "changes", "source", "id", "path", "content_sha256",
    "attribution",
)  # fmt: skip
NO_PLACE: Final = "no address (as published)"
NO_CHANGES: Final = "none"
_MAIL: Final = r"[^\s<>()@]+@[^\s<>()@]+\.[a-z]"


@dataclass(slots=True)
class _Group:
    """Items of one source under one license, by author."""

    authors: Counter[str] = field(default_factory=Counter)
    others: int = 0
    changed: int = 0

    def add(self, author: str, items: int, changed: int) -> None:
        if author in self.authors or len(self.authors) < MAX_AUTHORS:
            self.authors[author] += items
        else:
            self.others += items
        self.changed += changed


Groups = dict[tuple[str, str], _Group]


class Attributions(Exporter):
    """ATTRIBUTIONS.md, ATTRIBUTIONS.html and ATTRIBUTIONS.csv."""

    name: ClassVar[str] = "attributions"
    version: ClassVar[int] = 5
    files: ClassVar[tuple[str, ...]] = (PAGE, WEB, TABLE)
    standard: ClassVar[str] = "credit as Creative Commons licenses up to 4.0 ask for it"

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write all three from the kept rows of the ledger; ExportRefused when credit would not be complete."""
        groups: Groups = {}
        whole, _ = gather(ledger.items)
        listed, faults = 0, []
        with sheet(directory / TABLE, texts(_HEADER)) as table:
            for batch in kept_batches(ledger.items, _COLUMNS):
                rows = _rows(batch.filter(holding(batch.column("duties"), "attribution")), ledger)
                listed += rows.num_rows
                faults += problems(rows)
                _count(rows, groups)
                table.write_batch(pa.RecordBatch.from_arrays([harmless(one) for one in rows.columns], schema=rows.schema))
        if listed != whole.credited:
            faults.append(f"{listed:,} items are credited, and {whole.credited:,} ask for it")
        refuse("ATTRIBUTIONS", faults)
        (directory / PAGE).write_text(_page(ledger, groups), encoding="utf-8")
        (directory / WEB).write_text(_web(ledger, groups), encoding="utf-8")
        return self.files


def _rows(asking: pa.RecordBatch, ledger: Ledger) -> pa.RecordBatch:
    """Return the table's rows of items that ask for credit; what nobody has published is said to be unknown."""
    column = {name: asking.column(name) for name in _COLUMNS}
    releases = ledger.releases
    usual = mapped(column["source"], lambda name: releases[name].title if name in releases else "")
    spdx = column["concluded_spdx"]
    arrays = (
        _or(joined(column["authors"]), UNKNOWN),
        pc.coalesce(column["title"], usual),
        _or(pc.coalesce(column["url"], _or(column["homepage"], column["retrieved_url"])), NO_PLACE),
        joined(column["notices"]),
        spdx,
        mapped(spdx, lambda expression: " ".join(license_pages(expression))),
        _or(joined(column["changes"]), NO_CHANGES),
        *(column[name] for name in ("source", "id", "path", "content_sha256", "attribution_text")),
    )
    return pa.RecordBatch.from_arrays(list(arrays), schema=texts(_HEADER))


def _or(column: pa.StringArray, otherwise: str | pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(column, ""), otherwise, column)


def problems(rows: pa.RecordBatch) -> list[str]:
    """Return what is missing from the credit of items (author, place, license with address, changes), and what is too much."""
    found = []
    for name in ("author", "url", "license", "license_url", "changes", "id", "attribution"):
        empty = pc.sum(pc.equal(pc.coalesce(rows.column(name), ""), "")).as_py() or 0
        found += [f"{empty:,} items have no {name}"] if empty else []
    mails = pc.sum(pc.match_substring_regex(rows.column("author"), _MAIL)).as_py() or 0
    unknown = pc.sum(pc.starts_with(rows.column("license"), "NOASSERTION")).as_py() or 0
    found += [f"the author of {mails:,} items holds a mail address"] if mails else []
    return found + ([f"{unknown:,} items of no known license are credited"] if unknown else [])


def _count(rows: pa.RecordBatch, groups: Groups) -> None:
    table = pa.Table.from_batches([rows.select(["source", "license", "author"])])
    table = table.append_column("changed", pc.not_equal(rows.column("changes"), NO_CHANGES).cast(pa.int64()))
    counted = table.group_by(["source", "license", "author"], use_threads=False).aggregate(
        [("changed", "sum"), ("changed", "count")]
    )
    for row in counted.to_pylist():
        group = groups.setdefault((row["source"], row["license"]), _Group())
        group.add(row["author"], row["changed_count"], row["changed_sum"])


def _page(ledger: Ledger, groups: Groups) -> str:
    title = escaped(ledger.dataset.title or ledger.dataset.name)
    lines = [f"# Attributions: {title}", ""]
    if not groups:
        lines += [_NOTHING, ""]
    else:
        lines += [f"Credit for every single item is in {TABLE}.", ""]
    source = ""
    for (name, expression), group in sorted(groups.items()):
        if name != source:
            source = name
            lines += [*_source_lines(ledger, name, groups), ""]
        lines += [*_license_lines(expression, group), ""]
    return "\n".join(lines)


def _source_lines(ledger: Ledger, name: str, groups: Groups) -> list[str]:
    lines = [f"## {escaped(_title(ledger, name))}", ""]
    return lines + [f"* {label}: {escaped(value)}" for label, value in _facts(ledger, name, groups)]


def _title(ledger: Ledger, name: str) -> str:
    release = ledger.releases.get(name)
    return (release.title if release else "") or name


def _facts(ledger: Ledger, name: str, groups: Groups) -> list[tuple[str, str]]:
    """Return what is told of a source, without mail addresses: who made it is whom its items credit."""
    facts = [("source", name)]
    release = ledger.releases.get(name)
    if release is not None:
        by = "; ".join(authors_of(release, ledger.settings.get(name))) or _unnamed(name, groups)
        facts += [("from", came_from(release)), ("revision", release.revision), ("by", by)]
        facts += [("DOI", release.doi), ("cite as", without_mail(release.citation))]
    return [(label, value) for label, value in facts if value]


def _unnamed(name: str, groups: Groups) -> str:
    """Return what stands for the author of a source that names none: its items may name their own."""
    listed = {author for (source, _), group in groups.items() if source == name for author in group.authors}
    return "as each item says" if listed - {UNKNOWN} else UNKNOWN


def _license_lines(expression: str, group: _Group) -> list[str]:
    urls = license_pages(expression)
    named = name_of(expression) if len(urls) == 1 else expression
    lines = [f"### {escaped(named)}", "", *(f"<{url}>" for url in urls if "://" in url), ""]
    lines += [f"* {escaped(author)}: {_items(count)}" for author, count in sorted(group.authors.items())]
    if group.others:
        lines.append(f"* further authors: {_items(group.others)}, listed in {TABLE}")
    if group.changed:
        lines.append(f"* changed by us (the table says how): {_items(group.changed)}")
    return lines


def _web(ledger: Ledger, groups: Groups) -> str:
    """Return the page as one self-contained HTML file; words of publishers are text, and only http links are links."""
    title = f"Attributions: {ledger.dataset.title or ledger.dataset.name}"
    parts = [f"<h1>{_text(title)}</h1>"]
    parts.append(f"<p>Credit for every single item is in {TABLE}.</p>" if groups else f"<p>{_NOTHING}</p>")
    source = ""
    for (name, expression), group in sorted(groups.items()):
        if name != source:
            source = name
            parts += _source_web(ledger, name, groups)
        urls = license_pages(expression)
        named = name_of(expression) if len(urls) == 1 else expression
        parts.append(f"<h3>{_text(named)}</h3><p>{' '.join(_link(url) for url in urls)}</p><ul>")
        parts += [f"<li>{_text(author)}: {_items(count)}</li>" for author, count in sorted(group.authors.items())]
        if group.others:
            parts.append(f"<li>further authors: {_items(group.others)}, listed in {TABLE}</li>")
        if group.changed:
            parts.append(f"<li>changed by us (the table says how): {_items(group.changed)}</li>")
        parts.append("</ul>")
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(title)}</title><style>{_STYLE}</style>'
    return f"{head}{''.join(parts)}</html>\n"


_NOTHING: Final = "No item of this set has a license that asks for credit."
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
)


def _source_web(ledger: Ledger, name: str, groups: Groups) -> list[str]:
    listed = "".join(f"<li>{label}: {_link(value)}</li>" for label, value in _facts(ledger, name, groups))
    return [f"<h2>{_text(_title(ledger, name))}</h2><ul>{listed}</ul>"]


def _text(words: str) -> str:
    return escape(shown(words))


def _link(url: str) -> str:
    """Return words as text, and an address as a link, where it is one that a browser may open."""
    if not address(url):
        return _text(url)
    return f'<a href="{escape(url)}" rel="nofollow noreferrer">{_text(url)}</a>'


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"
