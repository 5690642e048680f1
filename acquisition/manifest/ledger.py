"""The ledger: one row for every item of every shard, kept, held or dropped, with its whole lineage.

Written shard by shard in columns; nothing is held for the whole set. What a person could be recognised by does not enter:
no text, no fields, groups only as tokens, and spans that the policy redacts are replaced here as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.columns import LEDGER_SCHEMA
from acquisition.manifest.credit import attribution, authors_of, notices_of, without_mail
from acquisition.manifest.evidence import EvidenceStore, SiteFile
from acquisition.manifest.gone import TakenDown, tombstone_rows
from acquisition.manifest.noticed import flags_of, synthetic
from acquisition.manifest.proofs import Proofs
from acquisition.manifest.redacted import redact, seal
from acquisition.model import (
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
from acquisition.rights.evidence import findings
from acquisition.rights.items import conclude_item, item_claim
from acquisition.settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How a blob came: when (ISO 8601, UTC), from which final URL, and the validators the server gave."""

    at: str
    url: str = ""
    etag: str = ""
    last_modified: str = ""


def _no_retrieval(_blob: str) -> Retrieval | None:
    return None


def _no_bytes(_sha256: str) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True)
class LedgerInputs:
    """What the ledger is written from.

    `placements` is the directory that holds a placement shard for every item shard, under the shard's key.
    `retrieval_of` gives a blob's retrieval by its sha256, None when it is not known. `texts` holds the LICENSE and README
    texts of each source, `sites` the files about rights that sites gave to each crawled source, `bytes_of` gives the bytes of a
    held file by its sha256. Evidence is kept as bytes in `evidence`; without a store it is only quoted.
    """

    shards: tuple[JudgedShard, ...]
    placements: Path
    releases: Mapping[str, Release]
    settings: Mapping[str, SourceSettings] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    retrieval_of: Callable[[str], Retrieval | None] = _no_retrieval
    texts: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    evidence: EvidenceStore | None = None
    sites: Mapping[str, Sequence[SiteFile]] = field(default_factory=dict)
    bytes_of: Callable[[str], bytes | None] = _no_bytes
    taken_down: tuple[TakenDown, ...] = ()


def duty_names(duties: Duties) -> list[str]:
    """Return the duties as words, such as "attribution" and "share-alike"."""
    return [name.replace("_", "-") for name in Duties.__slots__ if getattr(duties, name)]


class LedgerWriter:
    """Writes items.parquet and counts what it writes: verdicts, places, licenses and flags.

    What was taken down is counted apart, by its source: it was not found, and no policy has decided of it.
    """

    def __init__(self, inputs: LedgerInputs) -> None:
        self._inputs = inputs
        self._proofs = Proofs(inputs.evidence, inputs.sites, inputs.bytes_of)
        self._gone = pa.array(sorted(one.item for one in inputs.taken_down), pa.string())
        self._retrieval_of = lru_cache(maxsize=4096)(inputs.retrieval_of)
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.places: Counter[tuple[str, str]] = Counter()
        self.licenses: Counter[tuple[str, str, str]] = Counter()
        self.flags: Counter[tuple[str, int, str]] = Counter()
        self.filters = {one.filter: one.version for judged in inputs.shards for one in judged.flags}
        self.taken_down: Counter[str] = Counter()

    def write(self, target: Path) -> int:
        """Write items.parquet, one row group for each shard, and return the number of rows."""
        rows = 0
        with pq.ParquetWriter(target, LEDGER_SCHEMA, compression="zstd") as writer:
            for judged in sorted(self._inputs.shards, key=lambda one: (one.shard.source, one.shard.release, one.shard.index)):
                batch = self.entries(judged)
                self._check_gone(batch)
                writer.write_batch(batch)
                rows += batch.num_rows
                self._count(batch)
            if self._inputs.taken_down:
                batch = tombstone_rows(self._inputs.taken_down)
                writer.write_batch(batch)
                rows += batch.num_rows
                self.taken_down.update(batch.column("source").to_pylist())
        return rows

    def _check_gone(self, batch: pa.RecordBatch) -> None:
        """What was taken down may stand in no other row; a workspace that still has it is not what its tombstones say."""
        if len(self._gone) and (back := batch.filter(pc.is_in(batch["id"], self._gone))).num_rows:
            raise WorkspaceDamaged(
                f"{back.num_rows:,} items that were taken down are still staged, such as {back['id'][0].as_py()}",
                where=str(self._inputs.placements),
                hint="Run the same takedown again: it goes on where it was stopped.",
            )

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
        redact(columns)
        release = self._inputs.releases.get(judged.shard.source)
        columns |= self._retrieval(columns)
        columns |= self._origin(judged, release, items.num_rows)
        columns |= self._rights(columns, release)
        columns["signals"] = [
            self._proofs.of_signals(judged.shard.source, text, url or "", at)
            for text, url, at in zip(columns["signals"], columns["url"], columns["retrieved_at"], strict=True)
        ]
        if release is not None and release.reader == "crawl":
            # an archive's digest changes with the dates of the visit; the same pages are to give the same ledger
            columns["blob"] = [""] * items.num_rows
        seal(columns)  # not earlier: when a file came is known by its digest
        columns |= self._decisions(columns)
        columns["flags"] = flags_of(judged, items.num_rows)
        columns["synthetic"] = synthetic(judged, columns["modality"], columns["flags"])
        columns["takedown"] = [""] * items.num_rows
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
        known: dict[tuple[str | None, str | None], _Concluded] = {}
        rights: dict[str, list[Any]] = {name: [] for name in _RIGHTS}
        settings = self._inputs.settings.get(release.source) if release else None
        credited = authors_of(release, settings)
        usual = (settings.attribution.title if settings else "") or (release.title if release else "")
        keys = ("license_raw", "license_url", "author", "title", "url", "changes", "retrieved_at")
        for raw, link, author, title, url, changes, at in zip(*(columns[key] for key in keys), strict=True):
            if (raw, link) not in known:
                known[raw, link] = self._concluded(release, raw, link)
            one = known[raw, link]
            proof = one.evidence
            if one.claim.level == "item":
                proof = [*proof, self._proofs.of_words(one.claim, release.source if release else "", url or "", at)]
            named = without_mail(author) if author and one.asks else ""
            authors = [named] if named else credited
            told = attribution(authors, title or usual, one.license.concluded, changes) if one.asks else ""
            values = (*one.values, proof, authors, title or None, told, one.notices)
            for name, value in zip(_RIGHTS, values, strict=True):
                rights[name].append(value)
        return rights

    def _concluded(self, release: Release | None, raw: str | None, link: str | None) -> _Concluded:
        texts = self._inputs.texts.get(release.source, ()) if release else ()
        claim, found = item_claim(release, raw, link), conclude_item(release, raw, link, texts)
        evidence = self._proofs.of_claim(release, claim, found.declared, texts) if release else []
        crawled = release is not None and release.reader == "crawl"
        notices = notices_of(texts) if claim.level != "item" else []
        return _Concluded(claim, found, _basis(claim, found, texts, crawled=crawled), evidence, notices)

    def _retrieval(self, columns: Mapping[str, list[Any]]) -> dict[str, Any]:
        found = [self._retrieval_of(blob) for blob in columns["blob"]]
        times = pa.array([one.at.replace("Z", "+00:00") if one and one.at else None for one in found], pa.string())
        own = pa.array(columns["retrieved_at"], TIMESTAMP)
        return {
            "retrieved_at": pc.coalesce(own, pc.cast(times, TIMESTAMP)).to_pylist(),
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
    "duties",
    "evidence",
    "authors",
    "title",
    "attribution_text",
    "notices",
)


class _Concluded:
    """What is concluded of all items with the same words: the values of their columns, made once."""

    __slots__ = ("asks", "claim", "evidence", "license", "notices", "values")

    def __init__(
        self, claim: LicenseClaim, license_: LicenseConclusion, basis: str, evidence: list[dict[str, str]], notices: list[str]
    ) -> None:
        self.claim, self.license, self.evidence = claim, license_, evidence
        self.asks = license_.duties.attribution
        self.notices = notices if self.asks or license_.duties.include_text else []
        raw = [*claim.raw, *([claim.link] if claim.link else [])]
        spdx = (license_.declared, license_.concluded, basis)
        self.values = (raw, *spdx, list(license_.reasons), license_.review, duty_names(license_.duties))


def _basis(claim: LicenseClaim, concluded: LicenseConclusion, texts: tuple[Evidence, ...], *, crawled: bool) -> str:
    """Name what a conclusion rests on, in the ledger's words."""
    if claim.level == "item":
        return "page" if crawled else "item"
    spoke = {one.standing for one in findings(concluded.declared, texts)} & {"fills", "refines", "contradicts"}
    if spoke:
        return "file"
    return "override" if concluded.basis == "user" else concluded.basis


def _without_query(url: str) -> str:
    """Signed URLs are secrets: what follows the question mark stays out of the manifest."""
    return re.split(r"[?#]", url, maxsplit=1)[0]
