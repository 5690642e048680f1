"""The Croissant document: the data set, its resources and its record sets. Never one entry per file: items are in a table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.manifest.agreeing import listing_digest
from acquisition.manifest.croissant.responsible import provenance, responsible, usage
from acquisition.manifest.croissant.terms import CONTEXT, MISSING
from acquisition.manifest.gathered import Part
from acquisition.manifest.kept import address, license_urls
from acquisition.manifest.names import FILES
from acquisition.model import TIMESTAMP
from acquisition.protocols import Ledger

DOCUMENT: Final = "croissant.json"
TABLE: Final = "curated-items.parquet"
MAX_TABLES: Final = 100
TABLE_SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("id", "path", "label", "split", "source", "derived_from", "revision")),
        *(pa.field(name, pa.string()) for name in ("license", "license_spdx", "duties", "author", "title", "modality")),
        pa.field("media_type", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("content_sha256", pa.string()),
        pa.field("retrieved_at", TIMESTAMP),
    ]
)
_TYPES: Final[Mapping[str, Any]] = {
    "size": "sc:Integer",
    "retrieved_at": "sc:DateTime",
    "derived_from": "sc:URL",
    "label": ["sc:Text", "cr:Label"],
}
_MEANINGS: Final = {
    "license": "sc:license",
    "derived_from": "prov:wasDerivedFrom",
    "author": "prov:wasAttributedTo",
    "retrieved_at": "prov:generatedAtTime",
}
_SPLIT_URLS: Final = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
_MEDIA_TYPES: Final = {
    "txt": "text/plain", "json": "application/json", "jsonl": "application/jsonl", "tar": "application/x-tar",
    "wav": "audio/wav", "aiff": "audio/aiff", "flac": "audio/flac", "mp3": "audio/mpeg", "ogg": "audio/ogg",
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "pdf": "application/pdf",
}  # fmt: skip


def document_of(
    ledger: Ledger, directory: Path, whole: Part, parts: Mapping[str, Part], endings: Sequence[str]
) -> dict[str, Any]:
    """Return the document; `endings` are the file-name endings of the kept items, and the table lies in `directory`."""
    dataset, contact = ledger.dataset, ledger.contact
    creator = dataset.creator or (contact.name if contact else "") or MISSING
    who = {"@type": "sc:Organization", "name": creator} | ({"url": contact.url} if contact else {})
    licenses = sorted({url for expression in whole.concluded for url in license_urls(expression)})
    return {
        "@context": dict(CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": dataset.name,
        "alternateName": dataset.title or dataset.name,
        "description": dataset.description or dataset.title or MISSING,
        "url": address(dataset.url) or MISSING,
        "version": dataset.version,
        "keywords": sorted(name for name, count in whole.modalities.items() if count),
        "datePublished": ledger.created_at[:10],
        "dateModified": ledger.created_at[:10],
        "creator": [who],
        "publisher": [who],
        "citeAs": _citation(dataset.name, creator, ledger.created_at[:4]),
        "license": licenses or [MISSING],
        "sdLicense": "https://spdx.org/licenses/CC0-1.0",
        "sdLicence": "https://spdx.org/licenses/CC0-1.0",
        "sdVersion": dataset.version,
        "usageInfo": usage(ledger, whole),
        **provenance(ledger, parts),
        **responsible(ledger, whole, parts),
        "distribution": _distribution(ledger, directory, endings),
        "recordSet": [*_splits(whole), _items(whole, licenses), *_samples(ledger)],
    }


def _citation(name: str, creator: str, year: str) -> str:
    return f"@misc{{{re.sub(r'[^A-Za-z0-9]', '', name)}{year}, title = {{{name}}}, author = {{{creator}}}, year = {{{year}}}}}"


def _distribution(ledger: Ledger, directory: Path, endings: Sequence[str]) -> list[dict[str, Any]]:
    files = directory / FILES
    return [
        {
            "@type": "cr:FileObject",
            "@id": TABLE,
            "name": TABLE,
            "description": "The ledger's rows of the kept items.",
            "contentUrl": TABLE,
            "contentSize": f"{(directory / TABLE).stat().st_size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": _digest(directory / TABLE),
            "prov:wasDerivedFrom": [{"@id": "items.parquet"}],
        },
        {
            "@type": "cr:FileObject",
            "@id": "curated",
            "name": "curated",
            "description": f"The files of the set. The digest is that of the sorted lines “path sha256” of {FILES}.",
            "contentUrl": f"../{ledger.curated.name}",
            "encodingFormat": "inode/directory",
            "sha256": listing_digest(files) if files.is_file() else _digest(directory / TABLE),
        },
        *(
            {
                "@type": "cr:FileSet",
                "@id": f"files-{ending}",
                "name": f"files-{ending}",
                "containedIn": {"@id": "curated"},
                "encodingFormat": _MEDIA_TYPES.get(ending.lower(), "application/octet-stream"),
                "includes": f"**/*.{ending}",
            }
            for ending in endings
            if ending != "parquet"
        ),
        *_table_objects(ledger),
    ]


def _splits(whole: Part) -> list[dict[str, Any]]:
    """Return the record set of splits; none for an empty set, because mlcroissant refuses one without rows."""
    if not whole.splits:
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
        "data": [{"splits/name": name, "splits/url": _SPLIT_URLS.get(name, "cr:Split")} for name in sorted(whole.splits)],
    }
    return [splits]


def _items(whole: Part, licenses: Sequence[str]) -> dict[str, Any]:
    compound = any(len(license_urls(expression)) > 1 for expression in whole.concluded)
    linked = not compound and all("://" in url for url in licenses)
    fields = []
    for name in TABLE_SCHEMA.names:
        kind = "sc:URL" if name == "license" and linked else _TYPES.get(name, "sc:Text")
        one = _column("items", name, kind)
        if name in _MEANINGS:
            one["equivalentProperty"] = _MEANINGS[name]
        if name == "split" and whole.splits:
            one["references"] = {"field": {"@id": "splits/name"}}
        if name == "path":
            one["annotation"] = [_annotation(column, linked=linked) for column in _MEANINGS]
        fields.append(one)
    return {
        "@type": "cr:RecordSet",
        "@id": "items",
        "name": "items",
        "description": "One record for each item of the set, with its source and license.",
        "key": {"@id": "items/id"},
        "field": fields,
        "prov:wasDerivedFrom": [{"@id": TABLE}],
    }


def _annotation(column: str, *, linked: bool) -> dict[str, Any]:
    """Return what a column says of the item's file, row by row; readers of Croissant 1.1 look for it there."""
    kind = "sc:URL" if column == "license" and linked else _TYPES.get(column, "sc:Text")
    return {**_column("items/path", column, kind), "equivalentProperty": _MEANINGS[column]}


def _column(place: str, name: str, kind: Any) -> dict[str, Any]:
    return _field(place, name, kind, {"fileObject": {"@id": TABLE}, "extract": {"column": name}})


def _field(place: str, name: str, kind: Any, source: Mapping[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{place}/{name}", "name": name, "dataType": kind, "source": dict(source)}


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


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
