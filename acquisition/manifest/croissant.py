"""Exporter `croissant`: Croissant 1.1 with RAI 1.0 and PROV, written by us and checked by us.

The JSON is built here because mlcroissant 1.1.1 writes wrong RAI names and lets most mistakes pass; it only validates.
Kept items alone are in it: the record set reads curated-items.parquet, which holds nothing that was held or dropped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.errors import PluginError
from acquisition.manifest.kept import kept_batches, license_urls
from acquisition.model import TIMESTAMP
from acquisition.protocols import Exporter, Ledger
from acquisition.workspace import write_json

DOCUMENT: Final = "croissant.json"
TABLE: Final = "curated-items.parquet"
MAX_TABLES: Final = 100
MISSING: Final = "TO BE PROVIDED"
_FROM: Final = (
    "id",
    "path",
    "class",
    "split",
    "source",
    "homepage",
    "url",
    "revision",
    "concluded_spdx",
    "authors",
    "title",
    "modality",
    "media_type",
    "size",
    "content_sha256",
    "retrieved_at",
)
_TABLE_SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("id", "path", "label", "split", "source", "derived_from", "revision")),
        *(pa.field(name, pa.string()) for name in ("license", "license_spdx", "author", "title", "modality", "media_type")),
        pa.field("size", pa.int64()),
        pa.field("content_sha256", pa.string()),
        pa.field("retrieved_at", TIMESTAMP),
    ]
)
_TYPES: Final = {"size": "sc:Integer", "retrieved_at": "sc:DateTime", "derived_from": "sc:URL"}
_MEANINGS: Final = {
    "license": "sc:license",
    "derived_from": "prov:wasDerivedFrom",
    "author": "prov:wasAttributedTo",
    "retrieved_at": "prov:generatedAtTime",
}
_CR_TERMS: Final = (
    "annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileProperty fileObject "
    "fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex readLines "
    "repeated replace samplingRate sdVersion separator source subField transform unArchive value"
)
_CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _CR_TERMS.split(" ")},
}
_SPLIT_URLS: Final = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
_COLLECTION: Final = {
    "spider": "Web Scraping",
    "search": "Web Scraping",
    "url_list": "Web Scraping",
    "local": "Others",
    "http": "Web API",
}
_REQUIRED: Final = (
    "@context",
    "@type",
    "conformsTo",
    "description",
    "license",
    "name",
    "url",
    "creator",
    "datePublished",
    "distribution",
)
_RAI: Final = frozenset(
    f"rai:{name}"
    for name in (
        "dataCollection",
        "dataCollectionType",
        "dataCollectionMissingData",
        "dataCollectionRawData",
        "dataCollectionTimeframe",
        "dataManipulationProtocol",
        "dataPreprocessingProtocol",
        "personalSensitiveInformation",
        "dataLimitations",
    )
)
"""The properties of RAI 1.0 that our records can fill; the others need a person."""
_PROV: Final = frozenset({"prov:wasDerivedFrom", "prov:wasAttributedTo", "prov:generatedAtTime"})
_MEDIA_TYPES: Final = {
    "txt": "text/plain",
    "json": "application/json",
    "wav": "audio/wav",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "parquet": "application/x-parquet",
}


@dataclass(slots=True)
class _Facts:
    """What is learnt of the kept items while their table is written."""

    items: int = 0
    licenses: set[str] = field(default_factory=set)
    splits: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    endings: set[str] = field(default_factory=set)
    compound: bool = False
    first: str = ""
    last: str = ""

    def learn(self, batch: pa.RecordBatch) -> None:
        """Take some kept rows of the ledger."""
        self.items += batch.num_rows
        for expression in set(batch.column("concluded_spdx").to_pylist()):
            urls = license_urls(expression)
            self.licenses.update(urls)
            self.compound |= len(urls) > 1
        self.splits.update(batch.column("split").to_pylist())
        self.sources.update(batch.column("source").to_pylist())
        self.endings.update(PurePosixPath(path.split("#")[0]).suffix[1:] for path in batch.column("path").to_pylist())
        times = [f"{at:%Y-%m-%d}" for at in batch.column("retrieved_at").to_pylist() if at is not None]
        if times:
            self.first = min([*times, *([self.first] if self.first else [])])
            self.last = max([*times, self.last])


class Croissant(Exporter):
    """croissant.json, and curated-items.parquet that its record set reads."""

    name: ClassVar[str] = "croissant"
    version: ClassVar[int] = 1
    files: ClassVar[tuple[str, ...]] = (DOCUMENT, TABLE)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write both files; PluginError when the document does not pass our own checks."""
        facts = _write_table(ledger, directory / TABLE)
        document = _document(ledger, directory, facts)
        if found := problems(document, facts.licenses):
            raise PluginError(f"croissant: {'; '.join(found)}")
        write_json(directory / DOCUMENT, document)
        return self.files


def _write_table(ledger: Ledger, target: Path) -> _Facts:
    facts = _Facts()
    with pq.ParquetWriter(target, _TABLE_SCHEMA, compression="zstd") as writer:
        for batch in kept_batches(ledger.items, _FROM):
            facts.learn(batch)
            rows = {name: batch.column(name) for name in _FROM}
            spdx = rows["concluded_spdx"].to_pylist()
            urls = {expression: " ".join(license_urls(expression)) for expression in set(spdx)}
            origins = zip(rows["url"].to_pylist(), rows["homepage"].to_pylist(), strict=True)
            columns = {
                **rows,
                "label": rows["class"],
                "license": pa.array([urls[expression] for expression in spdx]),
                "license_spdx": rows["concluded_spdx"],
                "author": pa.array(["; ".join(names) or None for names in rows["authors"].to_pylist()], pa.string()),
                "derived_from": pa.array([url or homepage or None for url, homepage in origins], pa.string()),
            }
            arrays = [columns[one.name].cast(one.type) for one in _TABLE_SCHEMA]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=_TABLE_SCHEMA))
    return facts


def _document(ledger: Ledger, directory: Path, facts: _Facts) -> dict[str, Any]:
    dataset, contact = ledger.dataset, ledger.contact
    creator = dataset.creator or (contact.name if contact else "") or MISSING
    origins = [release.homepage for name, release in sorted(ledger.releases.items()) if name in facts.sources]
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": dataset.name,
        "alternateName": dataset.title or dataset.name,
        "description": dataset.description or dataset.title or MISSING,
        "url": dataset.url or MISSING,
        "version": dataset.version,
        "datePublished": ledger.created_at[:10],
        "creator": [{"@type": "sc:Organization", "name": creator} | ({"url": contact.url} if contact else {})],
        "citeAs": _citation(dataset.name, creator, ledger.created_at[:4]),
        "license": sorted(facts.licenses) or [MISSING],
        "sdLicense": "https://spdx.org/licenses/CC0-1.0",
        "prov:wasDerivedFrom": [{"@id": origin} for origin in sorted({*origins}) if re.match(r"https?://\S+$", origin)],
        **_responsible(ledger, facts),
        "distribution": _distribution(ledger, directory, facts),
        "recordSet": [*_splits(facts), _items(facts), *_samples(ledger)],
    }


def _citation(name: str, creator: str, year: str) -> str:
    return f"@misc{{{re.sub(r'[^A-Za-z0-9]', '', name)}{year}, title = {{{name}}}, author = {{{creator}}}, year = {{{year}}}}}"


def _responsible(ledger: Ledger, facts: _Facts) -> dict[str, Any]:
    """Return the RAI properties that our records fill."""
    kinds = sorted({release.kind for name, release in ledger.releases.items() if name in facts.sources})
    summary = ledger.summary
    filters = sorted({(flag["filter"], flag["version"]) for flag in summary.get("flags", ())})
    personal = {flag["code"]: flag["count"] for flag in summary.get("flags", ()) if flag["code"].startswith("pii.")}
    found: dict[str, Any] = {
        "rai:dataCollection": f"Declared in sources.yaml and fetched by acquisition {ledger.tool_version}.",
        "rai:dataCollectionType": sorted({_COLLECTION.get(kind, "Secondary Data analysis") for kind in kinds}),
        "rai:dataCollectionRawData": "; ".join(
            f"{name}: {release.kind} {release.homepage} {release.revision}".strip()
            for name, release in sorted(ledger.releases.items())
            if name in facts.sources
        ),
        "rai:dataCollectionTimeframe": [facts.first, facts.last] if facts.first else [],
        "rai:dataPreprocessingProtocol": [f"filter {name}, version {version}" for name, version in filters],
        "rai:dataManipulationProtocol": _manipulation(summary),
        "rai:personalSensitiveInformation": [f"{code}: {count} places flagged" for code, count in sorted(personal.items())],
        "rai:dataLimitations": [f"not checked: {sentence}" for sentence in ledger.not_checked],
    }
    return {name: value for name, value in found.items() if value}


def _manipulation(summary: Mapping[str, Any]) -> str:
    outcomes = summary.get("outcomes", {})
    told = ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items()))
    return f"The policy's outcomes: {told}. Redacted spans are replaced by the kind of what stood there." if told else ""


def _distribution(ledger: Ledger, directory: Path, facts: _Facts) -> list[dict[str, Any]]:
    files = directory / "curated-files.jsonl"
    return [
        {
            "@type": "cr:FileObject",
            "@id": TABLE,
            "name": TABLE,
            "contentUrl": TABLE,
            "contentSize": f"{(directory / TABLE).stat().st_size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": _digest(directory / TABLE),
        },
        {
            "@type": "cr:FileObject",
            "@id": "curated",
            "name": "curated",
            "description": "The files of the set. The digest is that of curated-files.jsonl, which lists each with its own.",
            "contentUrl": f"../{ledger.curated.name}",
            "encodingFormat": "inode/directory",
            "sha256": _digest(files) if files.is_file() else _digest(directory / TABLE),
        },
        *(
            {
                "@type": "cr:FileSet",
                "@id": f"files-{ending}",
                "name": f"files-{ending}",
                "containedIn": {"@id": "curated"},
                "encodingFormat": _MEDIA_TYPES.get(ending, "application/octet-stream"),
                "includes": f"**/*.{ending}",
            }
            for ending in sorted(facts.endings - {"parquet"})
        ),
        *_table_objects(ledger),
    ]


def _splits(facts: _Facts) -> list[dict[str, Any]]:
    """Return the record set of splits; none for an empty set, because mlcroissant refuses one without rows."""
    names = sorted(facts.splits)
    if not names:
        return []
    splits = {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": [{"splits/name": name, "splits/url": _SPLIT_URLS.get(name, "cr:Split")} for name in names],
    }
    return [splits]


def _items(facts: _Facts) -> dict[str, Any]:
    fields = []
    for name in _TABLE_SCHEMA.names:
        kind: Any = _TYPES.get(name, "sc:Text")
        if name == "label":
            kind = ["sc:Text", "cr:Label"]
        if name == "license" and not facts.compound:
            kind = "sc:URL"
        one = _field("items", name, kind, {"fileObject": {"@id": TABLE}, "extract": {"column": name}})
        if name in _MEANINGS:
            one["equivalentProperty"] = _MEANINGS[name]
        if name == "split" and facts.splits:
            one["references"] = {"field": {"@id": "splits/name"}}
        fields.append(one)
    return {
        "@type": "cr:RecordSet",
        "@id": "items",
        "name": "items",
        "description": "One record for each item of the set, with its source and license.",
        "key": {"@id": "items/id"},
        "field": fields,
    }


def _field(record_set: str, name: str, kind: Any, source: Mapping[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{record_set}/{name}", "name": name, "dataType": kind, "source": dict(source)}


def _tables(ledger: Ledger) -> list[Path]:
    """Return the set's own tables (layout parquet), none where there are too many to name each."""
    found = sorted((ledger.curated / "data").glob("*.parquet"))
    return found if len(found) <= MAX_TABLES else []


def _table_objects(ledger: Ledger) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": table.name,
            "name": table.name,
            "contentUrl": f"../{ledger.curated.name}/data/{table.name}",
            "contentSize": f"{table.stat().st_size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": _digest(table),
        }
        for table in _tables(ledger)
    ]


def _samples(ledger: Ledger) -> list[dict[str, Any]]:
    """Return a record set for each of the set's own tables, with the columns that are text or numbers.

    One for all would need a FileSet of tables, which mlcroissant 1.1.1 finds in a directory and does not read (measured).
    """
    kinds = {"string": "sc:Text", "large_string": "sc:Text", "bool": "sc:Boolean", "int64": "sc:Integer", "double": "sc:Float"}
    found = []
    for table in _tables(ledger):
        name = f"samples-{table.stem}"
        fields = [
            _field(name, one.name, kinds[str(one.type)], {"fileObject": {"@id": table.name}, "extract": {"column": one.name}})
            for one in pq.read_schema(table)
            if str(one.type) in kinds and re.fullmatch(r"[A-Za-z0-9_.-]+", one.name)
        ]
        found.append({"@type": "cr:RecordSet", "@id": name, "name": name, "key": {"@id": f"{name}/id"}, "field": fields})
    return found


def problems(document: Mapping[str, Any], licenses: set[str]) -> list[str]:
    """Return what is wrong with a document that mlcroissant would let pass; [] when nothing is."""
    found = [f"{name} is missing" for name in _REQUIRED if not document.get(name)]
    if not re.fullmatch(r"\d+\.\d+\.\d+", str(document.get("version", ""))):
        found.append(f"version {document.get('version')!r} is not MAJOR.MINOR.PATCH")
    if licenses and set(document.get("license", ())) != licenses:
        found.append("license is not the union of the items' licenses")
    names = _ids(document)
    found += [f"@id {name!r} is given twice" for name in sorted({name for name in names if names.count(name) > 1})]
    found += [f"@id {name!r} has a space" for name in names if " " in name]
    found += [f"{key} is not a term of RAI 1.0" for key in document if key.startswith("rai:") and key not in _RAI]
    terms = {*(key for key in document if key.startswith("prov:")), *_meanings(document)}
    found += [f"{term} is not a term we know" for term in sorted(terms) if term.startswith("prov:") and term not in _PROV]
    return found


def _ids(document: Mapping[str, Any]) -> list[str]:
    nodes: Sequence[Mapping[str, Any]] = [*document.get("distribution", ()), *document.get("recordSet", ())]
    return [node["@id"] for node in nodes] + [one["@id"] for node in nodes for one in node.get("field", ())]


def _meanings(document: Mapping[str, Any]) -> set[str]:
    fields = [one for node in document.get("recordSet", ()) for one in node.get("field", ())]
    return {one["equivalentProperty"] for one in fields if "equivalentProperty" in one}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
