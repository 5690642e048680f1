"""Exporter `datapackage`: a Frictionless Data Package v2 whose one resource is a CSV of the kept items.

`frictionless validate datapackage.json` checks digest, size and every row offline. Media files stay outside: hashing a set of
them again is `acquire verify`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa

from acquisition.manifest.gathered import Part, fingerprint, gather
from acquisition.manifest.kept import address, kept_batches, license_urls, moments, refuse
from acquisition.manifest.sheets import sheet
from acquisition.protocols import Exporter, Ledger
from acquisition.rights.expressions import NOASSERTION, identifiers, parse
from acquisition.rights.titles import name_of
from acquisition.workspace import write_json

DOCUMENT: Final = "datapackage.json"
TABLE: Final = "items.csv"
PROFILE: Final = "https://datapackage.org/profiles/2.0/datapackage.json"
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "id": ("string", "Id of the item, the same on every machine."),
    "path": ("string", "Place in the curated set; #row=N where one file holds many items."),
    "class": ("string", "Class of the item, as declared."),
    "split": ("string", "Split of the item."),
    "modality": ("string", "text, audio, image, table or other."),
    "media_type": ("string", "Media type of the content as found."),
    "size": ("integer", "Bytes of the content as found."),
    "content_sha256": ("string", "Digest of the content as found."),
    "source": ("string", "Declared source that the item comes from."),
    "url": ("string", "Address of the item's own, where it has one."),
    "declared_spdx": ("string", "License as published, as an SPDX expression."),
    "concluded_spdx": ("string", "License that is held to be true, as an SPDX expression."),
    "attribution_text": ("string", "Credit that the license asks for."),
    "retrieved_at": ("datetime", "When the bytes were got."),
}


class DataPackage(Exporter):
    """datapackage.json and items.csv."""

    name: ClassVar[str] = "datapackage"
    version: ClassVar[int] = 2
    standard: ClassVar[str] = "Data Package 2.0"
    files: ClassVar[tuple[str, ...]] = (DOCUMENT, TABLE)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the table and then its description, with the table's digest and size."""
        whole, parts = gather(ledger.items)
        rows, mark = 0, 0
        with sheet(directory / TABLE, _SCHEMA) as table:
            for batch in kept_batches(ledger.items, tuple(_FIELDS)):
                columns = [moments(one) if pa.types.is_timestamp(one.type) else one for one in batch.columns]
                table.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))
                rows, mark = rows + batch.num_rows, mark ^ fingerprint(batch.column("id"))
        document = _package(ledger, directory / TABLE, whole, parts)
        refuse("the data package", [*problems(document, whole), *_listed(rows, mark, whole)])
        write_json(directory / DOCUMENT, document)
        return self.files


_SCHEMA: Final = pa.schema(
    [pa.field(name, pa.int64() if kind == "integer" else pa.string()) for name, (kind, _) in _FIELDS.items()]
)


def _listed(rows: int, mark: int, whole: Part) -> list[str]:
    return [] if (rows, mark) == (whole.items, whole.fingerprint) else [f"{TABLE} does not list the {whole.items:,} kept items"]


def _package(ledger: Ledger, table: Path, whole: Part, parts: Mapping[str, Part]) -> dict[str, Any]:
    dataset, contact = ledger.dataset, ledger.contact
    creator = dataset.creator or (contact.name if contact else "")
    return {
        "$schema": PROFILE,
        "name": re.sub(r"[^a-z0-9._-]+", "-", dataset.name.lower()),
        "title": dataset.title or dataset.name,
        **({"description": dataset.description} if dataset.description else {}),
        "version": dataset.version,
        "created": ledger.created_at,
        **({"homepage": dataset.url} if address(dataset.url) else {}),
        **_licenses(whole),
        **({"sources": [_source(ledger, name) for name in parts]} if parts else {}),
        **(
            {"contributors": [{"title": creator, "roles": ["creator"]} | ({"path": contact.url} if contact else {})]}
            if creator
            else {}
        ),
        "resources": [
            {
                "name": "items",
                "title": "Kept items",
                "path": TABLE,
                "type": "table",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "bytes": table.stat().st_size,
                "hash": f"sha256:{_sha256(table)}",
                "schema": {
                    "fields": [
                        {"name": name, "type": kind, "description": meaning, **_form(kind)}
                        for name, (kind, meaning) in _FIELDS.items()
                    ],
                    "primaryKey": ["id"],
                    "missingValues": [""],
                },
            }
        ],
    }


def _form(kind: str) -> dict[str, str]:
    return {"format": "%Y-%m-%dT%H:%M:%SZ"} if kind == "datetime" else {}


def _licenses(whole: Part) -> dict[str, Any]:
    """Return every license of a kept item; the standard's names are identifiers, so each license stands alone."""
    names = sorted({name for expression in whole.concluded for name in identifiers(expression)})
    if not names:
        return {}
    return {"licenses": [{"name": name, "title": name_of(name), "path": license_urls(name)[0]} for name in names]}


def _source(ledger: Ledger, name: str) -> dict[str, str]:
    release = ledger.releases.get(name)
    facts = {"title": name, "path": "", "version": ""}
    if release is not None:
        facts = {"title": release.title or name, "path": address(release.homepage), "version": release.revision}
    return {key: value for key, value in facts.items() if value}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


_LICENSE_NAME: Final = re.compile(r"[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.-]+)?")


def problems(document: Mapping[str, Any], whole: Part) -> list[str]:
    """Return what frictionless lets pass: licenses that are none or not the union, people without a name, other figures."""
    named = {one.get("name", "") for one in document.get("licenses", ())}
    found = [f"{name!r} is no license" for name in sorted(named) if not _LICENSE_NAME.fullmatch(name) or not _known(name)]
    if named != {name for expression in whole.concluded for name in identifiers(expression)}:
        found.append("licenses are not the union of the kept items' licenses")
    found += ["a contributor has no title" for one in document.get("contributors", ()) if not one.get("title")]
    found += ["a source has no title" for one in document.get("sources", ()) if not one.get("title")]
    if not re.fullmatch(r"\d+\.\d+\.\d+", str(document.get("version", ""))):
        found.append(f"version {document.get('version')!r} is not MAJOR.MINOR.PATCH")
    return found


def _known(name: str) -> bool:
    return name == NOASSERTION or parse(name) is not None
