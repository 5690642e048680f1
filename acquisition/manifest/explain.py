"""Finds one item in the ledger, by whatever a person has of it, and gives back its whole row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.errors import UsageError
from acquisition.manifest.formats import demand_known, opened
from acquisition.manifest.names import ITEMS

MAX_FOUND: Final = 20
MIN_PREFIX: Final = 4
_COLUMNS: Final = ("id", "path", "locator", "url", "content_sha256")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The rows that fit, at most MAX_FOUND of `total`; one row is the answer, several are candidates to choose from."""

    entries: tuple[Mapping[str, Any], ...]
    total: int


def explain(manifest: Path, query: str) -> Explanation:
    """Find items by id (or 4 or more digits of its start), curated path, locator, URL or content digest.

    An exact match in one of these beats all prefixes. UsageError when there is no manifest yet.
    """
    target = manifest / ITEMS
    if not target.is_file():
        raise UsageError("there is no manifest yet", where=str(manifest), hint="Run `acquire fetch` first.")
    demand_known(target)
    query = query.strip()
    with opened(target) as ledger:
        exact: list[dict[str, Any]] = []
        prefixed: list[dict[str, Any]] = []
        total = [0, 0]
        for group in range(ledger.num_row_groups):
            columns = ledger.read_row_group(group, columns=list(_COLUMNS))
            for kind, mask in enumerate((_exact(columns, query), _prefixed(columns, query))):
                rows = pc.indices_nonzero(mask)
                total[kind] += len(rows)
                found = (exact, prefixed)[kind]
                if len(rows) and len(found) < MAX_FOUND:
                    found += _rows(ledger, group, rows[: MAX_FOUND - len(found)])
    return Explanation(tuple(exact), total[0]) if exact else Explanation(tuple(prefixed), total[1])


def _rows(ledger: pq.ParquetFile, group: int, rows: pa.Array) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ledger.read_row_group(group).take(rows).to_pylist()
    return found


def _exact(columns: pa.Table, query: str) -> pa.Array:
    """Say of each row whether one of its names is the query; a path without its "#row=…" names a file, not an item."""
    mask = pc.equal(columns["id"], query.lower())
    if query:
        for name in ("path", "locator", "url", "content_sha256"):
            mask = pc.or_(mask, pc.fill_null(pc.equal(columns[name], query), fill_value=False))
    return mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask


def _prefixed(columns: pa.Table, query: str) -> pa.Array:
    """Say of each row whether its id begins with the query, or its path or locator ends with it behind a slash."""
    mask = pa.array([False] * columns.num_rows)
    if re.fullmatch(rf"[0-9a-fA-F]{{{MIN_PREFIX},32}}", query):
        mask = pc.starts_with(columns["id"], query.lower())
    elif query:
        mask = pc.or_(pc.ends_with(columns["path"], f"/{query}"), pc.ends_with(columns["locator"], f"/{query}"))
    return mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
