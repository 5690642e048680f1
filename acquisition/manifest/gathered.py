"""What the kept items are, added up once: the figures that several formats print must have one origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import pyarrow as pa

from acquisition.manifest.kept import kept_batches
from acquisition.rights.expressions import NOASSERTION, parse

_COLUMNS: Final = ("source", "modality", "concluded_spdx", "declared_spdx", "size", "retrieved_at")


@dataclass(frozen=True, slots=True)
class Part:
    """The kept items of one source, or of all: how many, their bytes as found, when they were got, and their licenses."""

    items: int
    octets: int
    modalities: Mapping[str, int]
    concluded: Mapping[str, int]
    declared: Mapping[str, int]
    first: datetime | None
    last: datetime | None


@lru_cache(maxsize=2)
def gathered(items: Path, _stamp: int) -> tuple[Part, Mapping[str, Part]]:
    """Return the whole and every source that kept something, by name, from items.parquet; one pass, bounded memory."""
    totals: dict[str, Counter[tuple[str, str]]] = {}
    spans: dict[str, tuple[datetime | None, datetime | None]] = {}
    for batch in kept_batches(items, _COLUMNS):
        table = pa.Table.from_batches([batch])
        for name in ("modality", "concluded_spdx", "declared_spdx"):
            found = table.group_by(["source", name]).aggregate([("size", "sum"), ("size", "count")]).to_pylist()
            for row in found:
                counter = totals.setdefault(row["source"], Counter())
                counter[name, row[name]] += row["size_count"]
                if name == "modality":
                    counter["bytes", ""] += row["size_sum"]
        for row in table.group_by("source").aggregate([("retrieved_at", "min"), ("retrieved_at", "max")]).to_pylist():
            before = spans.get(row["source"], (None, None))
            spans[row["source"]] = _widened(before, (row["retrieved_at_min"], row["retrieved_at_max"]))
    parts = {name: _part(counter, spans[name]) for name, counter in sorted(totals.items())}
    whole: Counter[tuple[str, str]] = Counter()
    for counter in totals.values():
        whole.update(counter)
    span: tuple[datetime | None, datetime | None] = (None, None)
    for one in spans.values():
        span = _widened(span, one)
    return _part(whole, span), parts


def gather(items: Path) -> tuple[Part, Mapping[str, Part]]:
    """Return what `gathered` says of the file as it is now."""
    return gathered(items, items.stat().st_mtime_ns)


def _widened(
    one: tuple[datetime | None, datetime | None], other: tuple[datetime | None, datetime | None]
) -> tuple[datetime | None, datetime | None]:
    firsts = [moment for moment in (one[0], other[0]) if moment is not None]
    lasts = [moment for moment in (one[1], other[1]) if moment is not None]
    return min(firsts, default=None), max(lasts, default=None)


def _part(counter: Counter[tuple[str, str]], span: tuple[datetime | None, datetime | None]) -> Part:
    def of(kind: str) -> dict[str, int]:
        return {name: count for (what, name), count in sorted(counter.items()) if what == kind}

    modalities = of("modality")
    return Part(
        items=sum(modalities.values()),
        octets=counter["bytes", ""],
        modalities=modalities,
        concluded=of("concluded_spdx"),
        declared=of("declared_spdx"),
        first=span[0],
        last=span[1],
    )


def union(expressions: Mapping[str, int]) -> str:
    """Return the AND of all as one SPDX expression, NOASSERTION where one of them is not known or there is none."""
    if not expressions or NOASSERTION in expressions:
        return NOASSERTION
    joined = " AND ".join(f"({one})" if " " in one else one for one in sorted(expressions))
    return parse(joined) or joined


def moment(value: datetime | None) -> str:
    """Return a time in ISO 8601, UTC, in whole seconds; "" for none."""
    return "" if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")
