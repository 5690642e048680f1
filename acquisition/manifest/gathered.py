"""What the kept items are, added up once: the figures that several formats print must have one origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, reduce
from operator import xor
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.manifest.kept import holding, kept_batches
from acquisition.rights.expressions import NOASSERTION, parse

_COUNTED: Final = ("modality", "concluded_spdx", "declared_spdx", "split", "class", "synthetic")
_COLUMNS: Final = (
    "id", "source", *_COUNTED, "media_type", "size", "retrieved_at", "duties", "authors", "url", "homepage",
    "retrieved_url", "license_review",
)  # fmt: skip
_BYTES: Final = "bytes of "


@dataclass(frozen=True, slots=True)
class Part:
    """The kept items of one source, or of all: how many, their bytes as found, when they were got, and their licenses.

    `modalities` tell films apart (`modality_of`), which the ledger has among the others.
    `credited` are those whose license asks for credit; of these `nameless` have no author and `placeless` no address.
    `reviewed` are those whose license a person should look at. `fingerprint` stands for the set of their ids.
    """

    items: int
    octets: int
    modalities: Mapping[str, int]
    octets_of: Mapping[str, int]
    concluded: Mapping[str, int]
    declared: Mapping[str, int]
    splits: Mapping[str, int]
    classes: Mapping[str, int]
    synthetic: Mapping[str, int]
    credited: int
    nameless: int
    placeless: int
    reviewed: int
    fingerprint: int
    first: datetime | None
    last: datetime | None


Span = tuple[datetime | None, datetime | None]


@lru_cache(maxsize=2)
def gathered(items: Path, _stamp: int) -> tuple[Part, Mapping[str, Part]]:
    """Return the whole and every source that kept something, by name, from items.parquet; one pass, bounded memory."""
    totals: dict[str, Counter[tuple[str, str]]] = {}
    spans: dict[str, Span] = {}
    prints: dict[str, int] = {}
    for batch in kept_batches(items, _COLUMNS):
        for name in batch.column("source").unique().to_pylist():
            part = batch.filter(pc.equal(batch.column("source"), name))
            _count(part, totals.setdefault(name, Counter()))
            prints[name] = prints.get(name, 0) ^ fingerprint(part.column("id"))
            times = pc.min_max(part.column("retrieved_at"))
            spans[name] = _widened(spans.get(name, (None, None)), (times["min"].as_py(), times["max"].as_py()))
    parts = {name: _part(counter, spans[name], prints[name]) for name, counter in sorted(totals.items())}
    whole: Counter[tuple[str, str]] = Counter()
    for counter in totals.values():
        whole.update(counter)
    span: Span = (None, None)
    for one in spans.values():
        span = _widened(span, one)
    together = reduce(xor, prints.values(), 0)
    return _part(whole, span, together), parts


def _count(part: pa.RecordBatch, counter: Counter[tuple[str, str]]) -> None:
    """Add some kept rows of one source."""
    part = part.set_column(part.schema.get_field_index("modality"), "modality", modality_of(part))
    counter["items", ""] += part.num_rows
    counter["bytes", ""] += pc.sum(part.column("size")).as_py()
    for name in _COUNTED:
        for found in part.column(name).value_counts().to_pylist():
            counter[name, found["values"]] += found["counts"]
    sizes = pa.Table.from_batches([part.select(["modality", "size"])]).group_by("modality").aggregate([("size", "sum")])
    for row in sizes.to_pylist():
        counter[_BYTES, row["modality"]] += row["size_sum"]
    asks = holding(part.column("duties"), "attribution")
    nameless = pc.equal(pc.list_value_length(part.column("authors")), 0)
    placeless = pc.equal(pc.binary_join_element_wise(part.column("homepage"), part.column("retrieved_url"), ""), "")
    placeless = pc.and_(pc.is_null(part.column("url")), placeless)
    for name, mask in (("credited", asks), ("nameless", pc.and_(asks, nameless)), ("placeless", pc.and_(asks, placeless))):
        counter[name, ""] += pc.sum(mask).as_py()
    counter["reviewed", ""] += pc.sum(part.column("license_review")).as_py()


def modality_of(rows: pa.RecordBatch) -> pa.StringArray:
    """Return what kind of sample each row is, with films apart from the other "other" ones: standards have a word for them."""
    return pc.if_else(pc.starts_with(rows.column("media_type"), "video/"), "video", rows.column("modality"))


def fingerprint(ids: pa.StringArray) -> int:
    """Return a number that stands for a set of ids, in any order: the exclusive or of their first 64 bits.

    ValueError when one of them is no id (32 hexadecimal digits).
    """
    lengths = pc.unique(pc.binary_length(ids)).to_pylist()
    if lengths != [32] and lengths:
        raise ValueError("not all ids have 32 digits")
    if not len(ids):
        return 0
    plain = pa.concat_arrays([ids]) if ids.offset else ids
    octets = np.frombuffer(plain.buffers()[2], np.uint8, count=32 * len(ids))
    values = np.where(octets >= ord("a"), octets - ord("a") + 10, octets - ord("0")).astype(np.uint64).reshape(-1, 32)
    if values.max() > 15:  # a hexadecimal digit
        raise ValueError("an id holds what is no hexadecimal digit")
    weights = np.left_shift(np.uint64(1), np.arange(60, -4, -4, dtype=np.uint64))
    return int(np.bitwise_xor.reduce((values[:, :16] * weights).sum(axis=1, dtype=np.uint64)))


def gather(items: Path) -> tuple[Part, Mapping[str, Part]]:
    """Return what `gathered` says of the file as it is now."""
    return gathered(items, items.stat().st_mtime_ns)


def _widened(one: Span, other: Span) -> Span:
    firsts = [moment for moment in (one[0], other[0]) if moment is not None]
    lasts = [moment for moment in (one[1], other[1]) if moment is not None]
    return min(firsts, default=None), max(lasts, default=None)


def _part(counter: Counter[tuple[str, str]], span: Span, mark: int) -> Part:
    def of(kind: str) -> dict[str, int]:
        return {name: count for (what, name), count in sorted(counter.items()) if what == kind}

    return Part(
        items=counter["items", ""],
        octets=counter["bytes", ""],
        modalities=of("modality"),
        octets_of=of(_BYTES),
        concluded=of("concluded_spdx"),
        declared=of("declared_spdx"),
        splits=of("split"),
        classes=of("class"),
        synthetic=of("synthetic"),
        credited=counter["credited", ""],
        nameless=counter["nameless", ""],
        placeless=counter["placeless", ""],
        reviewed=counter["reviewed", ""],
        fingerprint=mark,
        first=span[0],
        last=span[1],
    )


def union(expressions: Mapping[str, int]) -> str:
    """Return the AND of all as one SPDX expression, NOASSERTION where one of them is not known or there is none."""
    if not expressions or NOASSERTION in expressions:
        return NOASSERTION
    joined = " AND ".join(f"({one})" if " " in one else one for one in sorted(expressions))
    return parse(joined) or joined


def filters_of(summary: Mapping[str, Any]) -> list[str]:
    """Return the filters that ran, each with its version, whether they flagged anything or not."""
    return [f"{name} {version}" for name, version in sorted(summary.get("filters", {}).items())]


def moment(value: datetime | None) -> str:
    """Return a time in ISO 8601, UTC, in whole seconds; "" for none."""
    return "" if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")
