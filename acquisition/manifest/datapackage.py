"""Exporter `datapackage`: a Frictionless Data Package v2 whose one resource is a CSV of the kept items.

`frictionless validate datapackage.json` checks digest, size and every row offline. Media files stay outside: hashing a set of
them again is `acquire verify`.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from acquisition.manifest.gathered import Part, gather
from acquisition.manifest.kept import kept_rows, license_urls
from acquisition.protocols import Exporter, Ledger
from acquisition.rights.expressions import identifiers
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
    version: ClassVar[int] = 1
    files: ClassVar[tuple[str, ...]] = (DOCUMENT, TABLE)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the table and then its description, with the table's digest and size."""
        with (directory / TABLE).open("x", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(_FIELDS)
            for row in kept_rows(ledger.items, tuple(_FIELDS)):
                table.writerow(_cell(value) for value in row)
        whole, parts = gather(ledger.items)
        write_json(directory / DOCUMENT, _package(ledger, directory / TABLE, whole, parts))
        return self.files


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else value


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
        **({"homepage": dataset.url} if dataset.url else {}),
        **_licenses(whole),
        **({"sources": [_source(ledger, name) for name in parts]} if parts else {}),
        **({"contributors": [{"title": creator, "roles": ["creator"]}]} if creator else {}),
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
        facts = {"title": release.title or name, "path": release.homepage, "version": release.revision}
    return {key: value for key, value in facts.items() if value}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
