"""Does the ledger say of itself what exports then claim? Every row is held against its schema and against its own decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from acquisition.errors import ExportRefused
from acquisition.manifest.columns import PATTERNS, TAKEDOWN, WORDS
from acquisition.manifest.formats import demand_current, opened
from acquisition.manifest.kept import IN_THE_SET, holding, mapped
from acquisition.rights.expressions import NOASSERTION, evaluate, parse
from acquisition.rights.grants import grant_of

_ROWS: Final = 20_000
_COLUMNS: Final = (
    *PATTERNS, *WORDS, "path", "split", "code", "takedown", "size", "declared_spdx", "concluded_spdx", "duties", "evidence",
)  # fmt: skip


def demand_sound(items: Path) -> None:
    """Raise ExportRefused with the first row of each kind of fault, unless there is none.

    Ids and places are unique; words and digests are of the schema; exactly what is kept has a place; kept items have a split,
    SPDX expressions as declared and concluded license, dated evidence for what is concluded, and the credit that it asks for.
    """
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    ids, paths = [], []
    row = 0
    with opened(items) as ledger:
        demand_current(ledger.schema_arrow, items)
        for batch in ledger.iter_batches(batch_size=_ROWS, columns=list(dict.fromkeys(_COLUMNS))):
            for what, mask in _faults(batch):
                if found := pc.sum(mask).as_py():
                    counts[what] += found
                    place = pc.index(mask, True).as_py()
                    first.setdefault(what, f"row {row + place + 1:,}, item {batch.column('id')[place].as_py()}")
            row += batch.num_rows
            if not counts:
                ids.append(_exact(batch.column("id")))
                paths.append(_named(batch.column("path")))
    for what, found in (("have the id of another", ids), ("are kept in the place of another", paths)):
        if found and (twice := _twice(np.concatenate(found))):
            counts[what], first[what] = twice
    if counts:
        told = "; ".join(f"{many:,} rows {what} ({first[what]})" for what, many in counts.most_common())
        raise ExportRefused(
            f"the ledger contradicts itself: {told}",
            where=str(items),
            hint="Nothing of the manifest was replaced. `acquire curate` builds the set anew; if it is told again, report it.",
        )


def _twice(found: Any) -> tuple[int, str] | None:
    """Return how many rows have an id that stands before them, and the first of these, None where there is none."""
    _, places = np.unique(found, return_index=True)
    if len(places) == len(found):
        return None
    again = np.setdiff1d(np.arange(len(found)), places)
    return len(again), f"number {int(again[0]) + 1:,} of them"


def _exact(ids: pa.StringArray) -> Any:
    """Return ids, of which all have 32 digits, as one array of bytes."""
    plain = pa.concat_arrays([ids])
    return np.frombuffer(plain.buffers()[2] or b"", "S32", count=len(ids), offset=32 * plain.offset)


def _named(paths: pa.StringArray) -> Any:
    """Return eight bytes for each place in the set."""
    kept = paths.filter(pc.not_equal(paths, ""))
    return np.fromiter((xxhash.xxh3_64_intdigest(path.encode()) for path in kept.to_pylist()), np.uint64)


def _faults(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.BooleanArray]]:
    """Yield each kind of fault and which rows have it."""
    for name, pattern in PATTERNS.items():
        yield f"have a {name} that is none", pc.invert(pc.match_substring_regex(rows.column(name), pattern))
    for name, words in WORDS.items():
        yield f"have a {name} of no meaning", pc.invert(pc.is_in(rows.column(name), pa.array(words)))
    yield "have a negative size", pc.less(rows.column("size"), 0)
    kept = pc.not_equal(rows.column("path"), "")
    gone = pc.or_(pc.equal(rows.column("code"), TAKEDOWN), pc.not_equal(rows.column("takedown"), ""))
    given = pc.and_not(pc.is_in(rows.column("outcome"), IN_THE_SET), gone)
    yield "have a place in the set that their decision does not give them", pc.and_not(kept, given)
    yield "are kept and have no place in the set", pc.and_not(given, kept)
    yield "are kept and in no split", pc.and_(kept, pc.equal(rows.column("split"), ""))
    for name in ("declared_spdx", "concluded_spdx"):
        none = pc.equal(mapped(rows.column(name), lambda one: "" if _is_license(one) else "no"), "no")
        yield f"are kept with a {name} that is no SPDX expression", pc.and_(kept, none)
    known = pc.and_(kept, pc.not_equal(rows.column("concluded_spdx"), NOASSERTION))
    yield "are kept under a license without dated evidence", pc.and_not(known, _proved(rows.column("evidence")))
    asks = pc.equal(mapped(rows.column("concluded_spdx"), lambda one: "yes" if _asks_credit(one) else ""), "yes")
    yield (
        "are kept without the credit that their license asks for",
        pc.and_not(pc.and_(kept, asks), holding(rows.column("duties"), "attribution")),
    )


def _proved(evidence: pa.ListArray) -> pa.BooleanArray:
    """Say of each list whether any of its evidence has a date, and a digest or an address."""
    flat = evidence.flatten()
    named = pc.or_(pc.not_equal(flat.field("sha256"), ""), pc.not_equal(flat.field("url"), ""))
    good = pc.list_parent_indices(evidence).filter(pc.and_(pc.not_equal(flat.field("at"), ""), named))
    return pc.is_in(pa.array(np.arange(len(evidence))), good)


def _is_license(expression: str) -> bool:
    return expression == NOASSERTION or parse(expression) is not None


@lru_cache(maxsize=1_000)
def _asks_credit(expression: str) -> bool:
    """Say whether an expression asks for credit whichever of its licenses is chosen."""
    if parse(expression) is None:
        return False
    return evaluate(expression, leaf=lambda one: grant_of(one).duties.attribution, both=any, either=all)
