"""What every filter keeps: `check_filter`, for filters of single items and for filters that see the whole set."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.model import FLAG_SCHEMA, ITEM_SCHEMA, Use, item_id
from acquisition.protocols import Filter, FilterContext, SetFilter
from acquisition.settings import FilterSettings

_CODE: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9]+(-[a-z0-9]+)*)+")


def items_of(rows: Sequence[Mapping[str, Any] | str], *, source: str = "source", release: str = "1") -> pa.RecordBatch:
    """Return items (ITEM_SCHEMA) from texts, or from mappings of the columns that matter; the rest is filled in."""
    filled = [
        _filled(row if isinstance(row, Mapping) else {"text": row}, index, source, release) for index, row in enumerate(rows)
    ]
    return pa.RecordBatch.from_pylist(filled, schema=ITEM_SCHEMA)


def _filled(row: Mapping[str, Any], index: int, source: str, release: str) -> dict[str, Any]:
    locator = f"items.jsonl#row={index}"
    content = str(row.get("text") or "").encode("utf-8", "surrogatepass")
    base: dict[str, Any] = dict.fromkeys(ITEM_SCHEMA.names)
    base |= {"source": source, "release": release, "asset": "items.jsonl", "blob": "0" * 64, "locator": locator, "member": ""}
    base |= {"modality": "text", "media_type": "text/plain", "size": len(content), "name": str(index)}
    base |= {"content_sha256": hashlib.sha256(content).hexdigest(), **row}
    return base | {"id": row.get("id") or item_id(base["source"], base["release"], base["locator"])}


def check_filter(
    kind: type[Filter | SetFilter],
    items: pa.RecordBatch,
    folder: Path,
    *,
    settings: FilterSettings | None = None,
    context: FilterContext | None = None,
) -> pa.Table:
    """Assert the contract of `Filter` or `SetFilter` on some items and return the flags, for assertions of one's own.

    `folder` is an empty folder for the tables of a SetFilter. Items are looked at whole and in two halves.
    """
    settings = settings if settings is not None else kind.Settings()
    context = context or FilterContext(use=Use(), releases={}, order=("source",), blob_root="")
    _check_class(kind)
    made = kind(settings, context)
    assert all(sentence.strip() for sentence in made.not_checked()), "not_checked gives empty sentences"
    before = items.to_pydict()
    whole = SetFilter in kind.__mro__  # protocols are asked by inheritance, which the contract demands
    flags = _set_flags(cast("SetFilter", made), items, folder) if whole else _item_flags(cast("Filter", made), items)
    assert items.to_pydict() == before, "the filter changed the items"
    _check_flags(kind, items, flags)
    return flags


def _check_class(kind: type[Filter | SetFilter]) -> None:
    assert Filter in kind.__mro__ or SetFilter in kind.__mro__, f"{kind.__name__} inherits neither Filter nor SetFilter"
    assert kind.name, "name is empty"
    assert kind.version >= 1, "version starts at 1"
    assert issubclass(kind.Settings, FilterSettings), "Settings does not inherit FilterSettings"
    assert kind.codes, "codes is empty: a filter that can write nothing is no filter"
    for code, meaning in kind.codes.items():
        assert _CODE.fullmatch(code), f"code {code!r} is not <family>.<what> in kebab-case"
        assert meaning.strip(), f"code {code!r} has no sentence on what it means"


def _item_flags(made: Filter, items: pa.RecordBatch) -> pa.Table:
    flags = made.flag(items)
    assert flags.schema.equals(FLAG_SCHEMA), f"flags have another schema than FLAG_SCHEMA:\n{flags.schema}"
    assert made.flag(items).equals(flags), "flag answers differently the second time"
    empty = made.flag(items.slice(0, 0))
    assert empty.num_rows == 0, "no items, but flags"
    half = items.num_rows // 2
    halves = [*made.flag(items.slice(0, half)).to_pylist()]
    halves += [{**flag, "row": flag["row"] + half} for flag in made.flag(items.slice(half)).to_pylist()]
    assert halves == flags.to_pylist(), "an item's flags depend on which other items are in its batch"
    return pa.Table.from_batches([flags])


def _set_flags(made: SetFilter, items: pa.RecordBatch, folder: Path) -> pa.Table:
    signatures = folder / "signatures.parquet"
    signed = made.sign(items)
    assert {"row", "item"} <= set(signed.schema.names), "signatures must keep the columns row and item"
    assert made.sign(items).equals(signed), "sign answers differently the second time"
    pq.write_table(pa.Table.from_batches([signed]), signatures)
    assert made.partitions >= 0, "partitions is negative"
    links = []
    for partition in range(made.partitions):
        links.append(folder / f"links-{partition}.parquet")
        pq.write_table(made.group({"shard": signatures}, partition), links[-1])
    joined = list(made.join({"shard": signatures}, links))
    assert all(key == "shard" for key, _ in joined), "join names a shard that does not exist"
    for _, flags in joined:
        assert flags.schema.equals(FLAG_SCHEMA), f"flags have another schema than FLAG_SCHEMA:\n{flags.schema}"
    return pa.Table.from_batches([flags for _, flags in joined], FLAG_SCHEMA)


def _check_flags(kind: type[Filter | SetFilter], items: pa.RecordBatch, flags: pa.Table) -> None:
    rows = items.to_pylist()
    order = flags["row"].to_pylist()
    assert order == sorted(order), "flags are not in the order of the items"
    for flag in flags.to_pylist():
        code, row = flag["code"], flag["row"]
        assert code in kind.codes, f"code {code!r} is not declared in codes"
        assert 0 <= row < len(rows), f"{code}: there is no row {row}"
        assert flag["item"] == rows[row]["id"], f"{code}: row {row} is another item"
        assert 0.0 <= flag["score"] <= 1.0, f"{code}: score is {flag['score']}"
        _check_span(flag, rows[row])


def _check_span(flag: dict[str, Any], row: dict[str, Any]) -> None:
    code, field, start, end = flag["code"], flag["field"], flag["start"], flag["end"]
    if start == end == -1:
        return
    assert field in ITEM_SCHEMA.names, f"{code}: a span needs the column it is in, not {field!r}"
    text = row[field] or ""
    assert 0 <= start <= end <= len(text), f"{code}: span {start}..{end} is outside {field} of {len(text)} characters"
    matched = text[start:end]
    said = flag["detail"]
    values = [said, *map(str, orjson.loads(said).values())] if said.startswith("{") else [said]
    personal = code.startswith("pii.") and len(matched) >= 6 and any(matched in value for value in values)
    assert not personal, f"{code}: detail repeats the personal value that was matched"
