"""MD5 digests that somebody published, compared with the bytes of every item: SHA-256 is known of all, MD5 is made here.

A row is compared as its own text or canonical JSON, a file as its bytes, and a text that came as a file of its own as both: a
list may have been made before or after decoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa

from acquisition.content import Contents, is_inline
from acquisition.errors import AcquisitionError
from acquisition.filters.duplicates.contamination import Hit, Probe
from acquisition.protocols import FilterContext

_CHUNK: Final = 1 << 20
_LARGEST: Final = 10_000_000_000
"""Bytes of one item that are digested, some twenty seconds of work; larger ones are left out."""


def hits(items: pa.RecordBatch, probe: Probe, context: FilterContext) -> dict[int, list[Hit]]:
    """Return by row what stands on a list; items whose bytes cannot be read have none."""

    def path_of(sha256: str) -> Path:
        own = context.external.get(sha256)
        return Path(own) if own else Path(context.blob_root) / sha256[:2] / sha256[2:]

    found: dict[int, list[Hit]] = {}
    with Contents(path_of) as contents:
        for row in range(items.num_rows):
            places = {name: items.column(name)[row].as_py() for name in ("locator", "member", "blob", "size")}
            digests = [*_own(items, row), *_stored(contents, places)]
            listed = {hit.set: hit for digest in digests for hit in probe.listed(digest)}
            if listed:
                found[row] = list(listed.values())
    return found


def _own(items: pa.RecordBatch, row: int) -> Iterator[bytes]:
    """Yield the digest of what the item says itself: its text, or its row as canonical JSON."""
    modality = items.column("modality")[row].as_py()
    column = {"text": "text", "table": "fields"}.get(modality, "")
    if column and (value := items.column(column)[row]).is_valid:
        yield hashlib.md5(value.as_buffer(), usedforsecurity=False).digest()


def _stored(contents: Contents, places: dict[str, Any]) -> Iterator[bytes]:
    """Yield the digest of the item's bytes as they are kept."""
    if is_inline(places) or not places["blob"] or places["size"] > _LARGEST:
        return
    try:
        with contents.open(places["blob"], places["member"]) as stream:
            yield _digest(stream)
    except (AcquisitionError, OSError, MemoryError):  # what cannot be read is told where it is looked at
        return


def _digest(stream: IO[bytes]) -> bytes:
    made = hashlib.md5(usedforsecurity=False)
    while chunk := stream.read(_CHUNK):
        made.update(chunk)
    return made.digest()
