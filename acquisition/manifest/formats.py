"""Which format a ledger has, and whether it is read here: another one is named, never guessed at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.errors import UsageError, WorkspaceDamaged
from acquisition.manifest.columns import LEDGER_VERSION, VERSION_KEY

FIRST: Final = 1
"""Ledgers without a version in them are of the format before it was written down."""

RESTORE: Final = (
    "It is never made anew silently. Restore the folder from a copy or a bundle; or let `acquire curate --anew` make the set "
    "and the manifest anew from what is staged: the set's history then begins again."
)
"""What to do about a ledger that was cut or edited."""


def format_of(schema: pa.Schema) -> str:
    """Return the format of a ledger as it stands in its metadata, "1" where none does."""
    return str((schema.metadata or {}).get(VERSION_KEY, str(FIRST).encode()).decode(errors="replace"))


def demand_current(schema: pa.Schema, where: Path) -> None:
    """Raise UsageError unless the ledger is of this program's own format: exports say nothing of columns that are not there."""
    if format_of(schema) != str(LEDGER_VERSION):
        raise UsageError(
            f"the ledger is of format {format_of(schema)!r}, this program prints {LEDGER_VERSION}",
            where=str(where),
            hint="`acquire curate --anew` writes the manifest anew.",
        )


@contextmanager
def opened(ledger: Path) -> Iterator[pq.ParquetFile]:
    """Open a ledger for reading; WorkspaceDamaged when it is cut short or is none, also while it is read."""
    try:
        with pq.ParquetFile(ledger) as file:
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        raise WorkspaceDamaged(
            f"the ledger cannot be read: {error}",
            where=str(ledger),
            hint=RESTORE,
        ) from error


def demand_known(ledger: Path) -> None:
    """Raise UsageError for a ledger of a format that came after this program; what cannot be read at all is not judged here."""
    try:
        told = format_of(pq.read_schema(ledger))
    except (OSError, pa.ArrowInvalid):
        return
    if not told.isdecimal() or int(told) > LEDGER_VERSION:
        raise UsageError(
            f"the ledger is of format {told!r}, this program reads {FIRST} to {LEDGER_VERSION}",
            where=str(ledger),
            hint="Use the version of acquisition that wrote it, or write the manifest anew with `acquire curate --anew`.",
        )
