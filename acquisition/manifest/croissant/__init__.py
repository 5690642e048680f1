"""Exporter `croissant`: Croissant 1.1 with RAI 1.0 and PROV, written by us and checked by us.

The JSON is built here because mlcroissant 1.1.1 writes wrong RAI names and lets most mistakes pass; it only validates.
Kept items alone are in it: the record set reads curated-items.parquet, which holds nothing that was held or dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.manifest.croissant.checks import problems
from acquisition.manifest.croissant.document import DOCUMENT, TABLE, TABLE_SCHEMA, document_of
from acquisition.manifest.gathered import Part, fingerprint, gather
from acquisition.manifest.kept import joined, kept_batches, license_urls, mapped, refuse
from acquisition.protocols import Exporter, Ledger
from acquisition.workspace import write_json

__all__ = ["Croissant", "problems"]

_FROM: Final = (
    "id", "path", "class", "split", "source", "homepage", "url", "revision", "concluded_spdx", "duties", "authors", "title",
    "modality", "media_type", "size", "content_sha256", "retrieved_at",
)  # fmt: skip


class Croissant(Exporter):
    """croissant.json, and curated-items.parquet that its record set reads."""

    name: ClassVar[str] = "croissant"
    version: ClassVar[int] = 2
    files: ClassVar[tuple[str, ...]] = (DOCUMENT, TABLE)
    standard: ClassVar[str] = "Croissant 1.1, Croissant RAI 1.0"

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write both files; ExportRefused when the document does not pass our own checks."""
        whole, parts = gather(ledger.items)
        written = _write_table(ledger, directory / TABLE)
        document = document_of(ledger, directory, whole, parts, sorted(written.endings))
        refuse("the Croissant document", [*written.faults(whole), *problems(document, whole.concluded)])
        write_json(directory / DOCUMENT, document)
        return self.files


@dataclass(slots=True)
class _Written:
    """What was written of the kept items' table."""

    items: int = 0
    octets: int = 0
    mark: int = 0
    endings: set[str] = field(default_factory=set)

    def faults(self, whole: Part) -> list[str]:
        """Say whether the table holds other items than the ledger keeps."""
        same = (self.items, self.octets, self.mark) == (whole.items, whole.octets, whole.fingerprint)
        return [] if same else [f"{TABLE} does not hold the {whole.items:,} kept items"]


def _write_table(ledger: Ledger, target: Path) -> _Written:
    written = _Written()
    with pq.ParquetWriter(target, TABLE_SCHEMA, compression="zstd") as writer:
        for batch in kept_batches(ledger.items, _FROM):
            rows = {name: batch.column(name) for name in _FROM}
            columns = {
                **rows,
                "label": rows["class"],
                "license": mapped(rows["concluded_spdx"], lambda spdx: " ".join(license_urls(spdx))),
                "license_spdx": rows["concluded_spdx"],
                "duties": _or_null(joined(rows["duties"])),
                "author": _or_null(joined(rows["authors"])),
                "derived_from": pc.coalesce(_or_null(rows["url"]), _or_null(rows["homepage"])),
            }
            arrays = [columns[one.name].cast(one.type) for one in TABLE_SCHEMA]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=TABLE_SCHEMA))
            written.items += batch.num_rows
            written.octets += pc.sum(rows["size"]).as_py()
            written.mark ^= fingerprint(rows["id"])
            written.endings.update(_endings(rows["path"]))
    return written


def _endings(paths: pa.StringArray) -> list[str]:
    found = pc.struct_field(pc.extract_regex(paths, r"\.(?P<ending>[A-Za-z0-9]{1,8})(?:#.*)?$"), "ending")
    return [one for one in found.unique().to_pylist() if one]


def _or_null(column: pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
