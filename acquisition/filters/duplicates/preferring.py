"""Which copy is kept: the better license, a preferred source, the better quality, the declared order, the item's id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from acquisition.protocols import FilterContext

COLUMNS: Final = ["item", "source", "license_raw", "license_url", "told", "worth"]
_ABOUT: Final = 0.9


def ranks(members: pa.Table, linked: np.ndarray, context: FilterContext, prefer: Sequence[str]) -> np.ndarray:
    """Return each member's rank, all different, lower is preferred; `members` has COLUMNS, `linked` numbers what links reach.

    Most permissive license first, then the place in `prefer`, then whether labels and other facts are told, then whether it is
    about as large or fine as the best that links reach, then the declared order of sources, then the id.
    """
    places = {name: place for place, name in enumerate(context.order)}
    wanted = {name: place for place, name in enumerate(prefer)}
    known: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    rows = []
    claims = list(zip(*(members.column(name).to_pylist() for name in COLUMNS[1:4]), strict=True))
    alone = len(set(claims)) == 1  # one license for all: nothing to compare, and its database need not be loaded
    for key in claims:
        source, raw, url = key[0], key[1] or "", key[2] or ""
        if (source, raw, url) not in known:
            license_ = 0 if alone else _restrictiveness(context, source, raw, url)
            known[source, raw, url] = (license_, wanted.get(source, len(wanted)), places.get(source, len(places)))
        rows.append(known[source, raw, url])
    facts = np.array(rows, dtype=np.int64).reshape(-1, 3)
    told = -np.asarray(members.column("told").to_numpy()).astype(np.int64)
    worth = np.asarray(members.column("worth").to_numpy()).astype(np.float64)
    best = np.zeros(int(linked.max(initial=0)) + 1)
    np.maximum.at(best, linked, worth)
    lesser = worth < _ABOUT * best[linked]
    items = np.array(members.column("item").to_pylist(), dtype="S")
    order = np.lexsort((items, facts[:, 2], lesser, told, facts[:, 1], facts[:, 0]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _restrictiveness(context: FilterContext, source: str, raw: str, url: str) -> int:
    from acquisition.rights.items import conclude_item  # loads the license database, and only where copies were found
    from acquisition.rights.licenses import restrictiveness

    return restrictiveness(conclude_item(context.releases.get(source), raw or None, url or None, context.texts.get(source, ())))
