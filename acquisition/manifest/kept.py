"""The kept part of the ledger, for exporters: nothing that was held, dropped or taken down may appear in a published format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.errors import ExportRefused
from acquisition.manifest.formats import demand_current, opened
from acquisition.rights.expressions import identifiers
from acquisition.rights.titles import url_of

_ROWS: Final = 20_000
_DECIDED: Final = ("path", "outcome", "takedown")
IN_THE_SET: Final = pa.array(["keep", "redact"])


def kept_batches(items: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the kept rows of items.parquet, some thousand at a time, with these columns.

    ExportRefused when a row has a place in the set and a decision that gives it none; UsageError for another format.
    """
    with opened(items) as ledger:
        demand_current(ledger.schema_arrow, items)
        for batch in ledger.iter_batches(batch_size=_ROWS, columns=list(dict.fromkeys([*columns, *_DECIDED]))):
            found = batch.filter(pc.not_equal(batch.column("path"), ""))
            if found.num_rows:
                _demand_decided(found, items)
                yield found.select(list(columns))


def _demand_decided(kept: pa.RecordBatch, items: Path) -> None:
    allowed = pc.and_(pc.is_in(kept.column("outcome"), IN_THE_SET), pc.equal(kept.column("takedown"), ""))
    if not pc.all(allowed).as_py():
        wrong = kept.filter(pc.invert(allowed))
        raise ExportRefused(
            f"{wrong.num_rows:,} rows of the ledger have a place in the set that their decision does not give them, such as "
            f"{wrong.column('path')[0].as_py()} ({wrong.column('outcome')[0].as_py()})",
            where=str(items),
            hint="The ledger was changed by hand; `acquire curate` builds set and manifest anew.",
        )


@cache
def license_urls(expression: str) -> tuple[str, ...]:
    """Return the address of each license in an expression: SPDX's own where it is listed there.

    An exception has a page of its own behind its license's. A license of nobody's list is its own name; NOASSERTION is the term
    that SPDX has for it.
    """
    if expression == "NOASSERTION":
        return ("http://spdx.org/rdf/terms#noassertion",)
    names = (name for found in identifiers(expression) for name in found.split(" WITH "))
    return tuple(
        dict.fromkeys(
            (url_of(name) or name) if name.startswith("LicenseRef-") else f"https://spdx.org/licenses/{name}" for name in names
        )
    )


@cache
def license_pages(expression: str) -> tuple[str, ...]:
    """Return the page of each license in an expression for people to follow: its steward's own where there is one."""
    names = (name for found in identifiers(expression) for name in found.split(" WITH "))
    return tuple(dict.fromkeys(url_of(name) or url for name in names for url in license_urls(name)))


_ADDRESS: Final = re.compile(r"https?://[^\s<>\"{}|\\^`]+")


def address(text: str) -> str:
    """Return a text that is an http address as standards take it (RFC 3987), "" where it is none."""
    return text if _ADDRESS.fullmatch(text) else ""


def mapped(column: pa.StringArray, told: Callable[[str], str]) -> pa.StringArray:
    """Return a column of texts in which each distinct one is asked for once."""
    encoded = column.dictionary_encode()
    answers = pa.array([told(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return answers.take(encoded.indices)


def joined(column: pa.ListArray, between: str = "; ") -> pa.StringArray:
    """Return each list of texts as one text, "" where it is empty."""
    return pc.binary_join(column, between)


def holding(column: pa.ListArray, word: str) -> pa.BooleanArray:
    """Say of each list whether the word is in it."""
    rows = pc.list_parent_indices(column).filter(pc.equal(column.flatten(), word))
    return pc.is_in(pa.array(np.arange(len(column))), rows)


def moments(column: pa.TimestampArray) -> pa.StringArray:
    """Return times in ISO 8601, UTC, in whole seconds; null where there is none."""
    return pc.strftime(column.cast(pa.timestamp("s", tz="UTC"), safe=False), "%Y-%m-%dT%H:%M:%SZ")


def refuse(what: str, faults: Sequence[str]) -> None:
    """Raise ExportRefused with what is wrong with a document, unless nothing is."""
    if faults:
        raise ExportRefused(
            f"{what} would not be what the ledger says: {'; '.join(faults[:5])}"
            + (f" and {len(faults) - 5:,} more" if len(faults) > 5 else ""),
            hint="Nothing of the manifest was replaced. Correct what is named in sources.yaml, or report it.",
        )


def kept_rows(items: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the kept rows as tuples of these columns."""
    for batch in kept_batches(items, columns):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
