"""The ledger: one row for every item of every shard, kept, held or dropped, with its whole lineage.

Written shard by shard in columns; nothing is held for the whole set. What a person could be recognised by does not enter:
no text, no fields, groups only as tokens, and spans that the policy redacts are replaced here as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.model import (
    FLAG_SCHEMA,
    ITEM_SCHEMA,
    TIMESTAMP,
    Decision,
    Duties,
    Evidence,
    JudgedShard,
    LicenseClaim,
    LicenseConclusion,
    Release,
)
from acquisition.rights.items import conclude_item, item_claim
from acquisition.settings import SourceSettings

_EVIDENCE: Final = pa.struct([pa.field(name, pa.string()) for name in ("field", "raw", "url", "sha256", "at")])
_FLAG: Final = pa.struct(
    [
        pa.field("filter", pa.string()),
        pa.field("version", pa.int32()),
        *(FLAG_SCHEMA.field(name) for name in ("code", "score", "field", "start", "end", "detail")),
    ]
)
_TEXTS: Final = pa.list_(pa.string())


def _text(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string(), nullable=False) for name in names]


LEDGER_SCHEMA: Final = pa.schema(
    [
        *_text("id", "content_sha256"),
        pa.field("size", pa.int64(), nullable=False),
        *_text("modality", "media_type", "path", "split", "class"),
        pa.field("label", pa.string()),
        *_text("stored_sha256"),
        pa.field("stored_size", pa.int64(), nullable=False),
        *_text("source", "kind", "why_source", "revision", "version_label", "asset", "locator", "blob"),
        pa.field("url", pa.string()),
        pa.field("referrer", pa.string()),
        *_text("homepage", "doi"),
        pa.field("retrieved_at", TIMESTAMP),
        *_text("retrieved_url", "etag", "last_modified"),
        pa.field("declared_raw", _TEXTS, nullable=False),
        *_text("declared_spdx", "concluded_spdx", "basis"),
        pa.field("license_reasons", _TEXTS, nullable=False),
        pa.field("license_review", pa.bool_(), nullable=False),
        pa.field("evidence", pa.list_(_EVIDENCE), nullable=False),
        pa.field("duties", _TEXTS, nullable=False),
        pa.field("authors", _TEXTS, nullable=False),
        pa.field("title", pa.string()),
        *_text("attribution_text"),
        pa.field("signals", pa.string()),
        pa.field("flags", pa.list_(_FLAG), nullable=False),
        *_text("outcome", "code"),
        pa.field("score", pa.float64(), nullable=False),
        *_text("filter", "rule", "why", "by", "decided_at"),
        *_text("cluster", "kept_id", "group"),
        pa.field("changes", _TEXTS, nullable=False),
    ]
)
"""items.parquet. `label` is as found, `class` as declared; `path` and `split` are "" unless the item is kept.

blob       the file that holds the item; "" for crawled items, whose archive `asset` names and whose digest the lock holds
license    declared_raw as published, declared_spdx and concluded_spdx kept apart, basis, reasons and evidence
decision   outcome, decisive code and score, filter, rule, why; `by` is "policy" or the person, `decided_at` the person's time
duplicates cluster, and the id of the copy that is kept in this one's place
"""

_REDACTED: Final = ("label", "title", "author", "url", "referrer", "license_raw", "locator")


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How a blob came: when (ISO 8601, UTC), from which final URL, and the validators the server gave."""

    at: str
    url: str = ""
    etag: str = ""
    last_modified: str = ""


def _no_retrieval(_blob: str) -> Retrieval | None:
    return None


@dataclass(frozen=True, slots=True)
class LedgerInputs:
    """What the ledger is written from.

    `placements` is the directory that holds a placement shard for every item shard, under the shard's key.
    `retrieval_of` gives a blob's retrieval by its sha256, None when it is not known. `texts` holds the LICENSE and README
    texts of each source.
    """

    shards: tuple[JudgedShard, ...]
    placements: Path
    releases: Mapping[str, Release]
    settings: Mapping[str, SourceSettings] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    retrieval_of: Callable[[str], Retrieval | None] = _no_retrieval
    texts: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)


def duty_names(duties: Duties) -> list[str]:
    """Return the duties as words, such as "attribution" and "share-alike"."""
    return [name.replace("_", "-") for name in Duties.__slots__ if getattr(duties, name)]


class LedgerWriter:
    """Writes items.parquet and counts what it writes: verdicts, places, licenses and flags."""

    def __init__(self, inputs: LedgerInputs) -> None:
        self._inputs = inputs
        self._retrieval_of = lru_cache(maxsize=4096)(inputs.retrieval_of)
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.places: Counter[tuple[str, str]] = Counter()
        self.licenses: Counter[tuple[str, str, str]] = Counter()
        self.flags: Counter[tuple[str, int, str]] = Counter()

    def write(self, target: Path) -> int:
        """Write items.parquet, one row group for each shard, and return the number of rows."""
        rows = 0
        with pq.ParquetWriter(target, LEDGER_SCHEMA, compression="zstd") as writer:
            for judged in sorted(self._inputs.shards, key=lambda one: (one.shard.source, one.shard.release, one.shard.index)):
                batch = self.entries(judged)
                writer.write_batch(batch)
                rows += batch.num_rows
                self._count(batch)
        return rows

    def _count(self, batch: pa.RecordBatch) -> None:
        for counter, columns in (
            (self.counts, ("source", "outcome", "code")),
            (self.places, ("class", "split")),
            (self.licenses, ("source", "concluded_spdx", "outcome")),
        ):
            kept = batch.filter(pc.not_equal(batch["path"], "")) if counter is self.places else batch
            counter.update(zip(*(kept.column(name).to_pylist() for name in columns), strict=True))
        flags = pc.list_flatten(batch.column("flags"))
        self.flags.update(zip(*(flags.field(name).to_pylist() for name in ("filter", "version", "code")), strict=True))

    def entries(self, judged: JudgedShard) -> pa.RecordBatch:
        """Return the ledger's rows for one shard."""
        wanted = [name for name in ITEM_SCHEMA.names if name not in {"text", "fields", "group"}]
        items = pq.read_table(judged.shard.path, columns=wanted, memory_map=False, partitioning=None)
        placed = pq.read_table(self._inputs.placements / f"{judged.shard.key}.parquet", memory_map=False, partitioning=None)
        columns: dict[str, Any] = {name: items.column(name).to_pylist() for name in items.column_names}
        columns |= {name: placed.column(name).to_pylist() for name in placed.column_names if name not in {"row", "item"}}
        _redact(columns)
        release = self._inputs.releases.get(judged.shard.source)
        columns |= self._origin(judged, release, items.num_rows)
        columns |= self._rights(columns, release)
        columns |= self._retrieval(columns)
        if release is not None and release.reader == "crawl":
            # an archive's digest changes with the dates of the visit; the same pages are to give the same ledger
            columns["blob"] = [""] * items.num_rows
        columns |= self._decisions(columns)
        columns["flags"], columns["kept_id"] = flags_of(judged, items.num_rows)
        arrays = [
            value if isinstance(value, pa.Array) else pa.array(value, field.type)
            for field, value in ((field, columns[field.name]) for field in LEDGER_SCHEMA)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=LEDGER_SCHEMA)

    def _origin(self, judged: JudgedShard, release: Release | None, rows: int) -> dict[str, Any]:
        settings = self._inputs.settings.get(judged.shard.source)
        facts = {
            "kind": release.kind if release else "",
            "why_source": settings.why if settings else "",
            "version_label": release.version_label if release else "",
            "homepage": release.homepage if release else "",
            "doi": release.doi if release else "",
            "revision": (release.revision if release else "") or judged.shard.release,
        }
        return {name: [value] * rows for name, value in facts.items()}

    def _rights(self, columns: Mapping[str, list[Any]], release: Release | None) -> dict[str, list[Any]]:
        """Return license, evidence, duties and credit for every row; equal claims are concluded once."""
        known: dict[tuple[str | None, str | None], tuple[LicenseClaim, LicenseConclusion, list[str]]] = {}
        rights: dict[str, list[Any]] = {name: [] for name in _RIGHTS}
        settings = self._inputs.settings.get(release.source) if release else None
        texts = self._inputs.texts.get(release.source, ()) if release else ()
        keys = ("license_raw", "license_url", "author", "title", "url", "changes", "retrieved_at")
        for raw, link, author, title, url, changes, at in zip(*(columns[key] for key in keys), strict=True):
            if (raw, link) not in known:
                found = conclude_item(release, raw, link, texts)
                known[raw, link] = (item_claim(release, raw, link), found, duty_names(found.duties))
            claim, concluded, duties = known[raw, link]
            asks = concluded.duties.attribution
            authors = [_without_mail(author)] if author and asks else _authors(release, settings)
            shown = title or (settings.attribution.title if settings else "") or (release.title if release else "")
            values = (
                [*claim.raw, *([claim.link] if claim.link else [])],
                concluded.declared,
                concluded.concluded,
                concluded.basis,
                list(concluded.reasons),
                concluded.review,
                _evidence(claim, url, at),
                duties,
                authors,
                title or None,
                _attribution(authors, shown, concluded, changes) if asks else "",
            )
            for name, value in zip(_RIGHTS, values, strict=True):
                rights[name].append(value)
        return rights

    def _retrieval(self, columns: Mapping[str, list[Any]]) -> dict[str, Any]:
        found = [self._retrieval_of(blob) for blob in columns["blob"]]
        times = pa.array([one.at.replace("Z", "+00:00") if one and one.at else None for one in found], pa.string())
        own = pa.array(columns["retrieved_at"], TIMESTAMP)
        return {
            "retrieved_at": pc.coalesce(own, pc.cast(times, TIMESTAMP)),
            "retrieved_url": [_without_query(one.url) if one else "" for one in found],
            "etag": [one.etag if one else "" for one in found],
            "last_modified": [one.last_modified if one else "" for one in found],
        }

    def _decisions(self, columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        people = [
            self._inputs.decisions.get(item) if rule == "decision" else None
            for item, rule in zip(columns["id"], columns["rule"], strict=True)
        ]
        return {
            "by": [one.by if one else "policy" for one in people],
            "decided_at": [one.at if one else "" for one in people],
        }


_RIGHTS: Final = (
    "declared_raw",
    "declared_spdx",
    "concluded_spdx",
    "basis",
    "license_reasons",
    "license_review",
    "evidence",
    "duties",
    "authors",
    "title",
    "attribution_text",
)


def _redact(columns: dict[str, list[Any]]) -> None:
    """Replace in the ledger what the policy wants replaced in the item, whatever became of the item itself."""
    for row, spans in enumerate(columns["redactions"]):
        for span in reversed(spans):
            name = span["field"]
            for column in (name, "asset") if name == "locator" else (name,):  # a locator begins with its asset
                value = columns[column][row] if column in {*_REDACTED, "asset"} else None
                if value is not None and span["end"] <= len(value):
                    columns[column][row] = value[: span["start"]] + span["placeholder"] + value[span["end"] :]


def _authors(release: Release | None, settings: SourceSettings | None) -> list[str]:
    if settings and settings.attribution.author:
        return [settings.attribution.author]
    return list(release.authors) if release else []


def _evidence(claim: LicenseClaim, url: str | None, at: Any) -> list[dict[str, str]]:
    """Return the claim's evidence; an item's own words are evidence by themselves, found where the item was."""
    found = [{name: getattr(one, name) for name in ("field", "raw", "url", "sha256", "at")} for one in claim.evidence]
    if claim.level == "item":
        raw = ", ".join((*claim.raw, *([claim.link] if claim.link else [])))
        when = at.strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else ""
        found.append({"field": "license", "raw": raw, "url": url or "", "sha256": "", "at": when})
    return found


def _attribution(authors: list[str], title: str, concluded: LicenseConclusion, changes: list[str]) -> str:
    name = f"“{title}”" if title else "Untitled work"
    credit = ", ".join(authors) or "unknown (as published)"
    return f"{name} by {credit}, {concluded.concluded}{'; changed: ' + '; '.join(changes) if changes else ''}"


def _without_mail(author: str) -> str:
    """Credit asks for a name; an address beside it, or what stands in its place, is more than the license wants."""
    return " ".join(re.sub(r"[<(]?(?:<EMAIL_ADDRESS>|[^\s<>()@]+@[^\s<>()@]+)[>)]?", " ", author).split())


def _without_query(url: str) -> str:
    """Signed URLs are secrets: what follows the question mark stays out of the manifest."""
    return re.split(r"[?#]", url, maxsplit=1)[0]


def flags_of(judged: JudgedShard, rows: int) -> tuple[pa.Array, list[str]]:
    """Return each row's flags (list of structs, filters in order) and the id of the copy kept in its place, "" for none."""
    tables, kept = [], [""] * rows
    for shard in judged.flags:
        if not Path(shard.path).is_file():
            continue
        table = pq.read_table(shard.path, memory_map=False, partitioning=None).select(FLAG_SCHEMA.names).cast(FLAG_SCHEMA)
        table = table.append_column("filter", pa.repeat(shard.filter, table.num_rows))
        tables.append(table.append_column("version", pa.repeat(pa.scalar(shard.version, pa.int32()), table.num_rows)))
        for flag in table.filter(pc.starts_with(table["code"], "duplicate.")).select(["row", "detail"]).to_pylist():
            kept[flag["row"]] = kept[flag["row"]] or _kept_id(flag["detail"])
    if not tables:
        return pa.array([[]] * rows, pa.list_(_FLAG)), kept
    merged = pa.concat_tables(tables).combine_chunks()
    order = np.argsort(merged.column("row").to_numpy(), kind="stable")
    merged = merged.take(pa.array(order))
    counts = np.bincount(merged.column("row").to_numpy(), minlength=rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    merged = merged.combine_chunks()
    structs = pa.StructArray.from_arrays([_whole(merged.column(field.name)) for field in _FLAG], fields=list(_FLAG))
    return pa.ListArray.from_arrays(offsets, structs).cast(pa.list_(_FLAG)), kept


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _kept_id(detail: str) -> str:
    try:
        facts = orjson.loads(detail)
    except ValueError:
        return ""
    return str(facts.get("kept", "")) if isinstance(facts, dict) else ""


def json_lines(batch: pa.RecordBatch) -> Iterator[bytes]:
    """Yield each row as one line of JSON with sorted keys; times are ISO 8601 in UTC."""
    names = batch.schema.names
    values = [_plain(batch.column(name)) for name in names]
    option = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    for row in zip(*values, strict=True):
        yield orjson.dumps(dict(zip(names, row, strict=True)), option=option)


def _plain(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return [None if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ") for value in column.to_pylist()]
    if pa.types.is_list(column.type) and len(column.flatten()) == 0:
        return [[] for _ in range(len(column))]
    found: list[Any] = column.to_pylist()
    return found
