"""What the manifest tells of each crawl: the domains by bytes, and the opt-outs that were met, by mechanism.

Read from the staged items one batch at a time; memory is bounded by MAX_DOMAINS and MAX_ADDRESSES per source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.hosts import registrable
from acquisition.model import Shard
from acquisition.rights.signals import OPT_OUTS

MAX_DOMAINS: Final = 200_000
"""Domains that are counted apart; what lies on further ones is counted together."""
MAX_ADDRESSES: Final = 1_000_000
"""Addresses with an opt-out that are told apart, per mechanism; beyond it their number is a lower bound."""
SHOWN: Final = 1_000
"""Domains in the summary at least, those with most bytes first; a tenth of all where that is more."""
OTHERS: Final = "(others)"
_COLUMNS: Final = ("url", "size", "signals", "modality")
_SAYS: Final = '"(?:deny|unknown)"'


@dataclass(slots=True)
class _Met:
    """How often one mechanism was met."""

    items: int = 0
    unclear: int = 0
    not_visited: int = 0
    addresses: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Counts:
    """What is counted of one source."""

    items: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    met: dict[str, _Met] = field(default_factory=dict)

    def domain(self, url: str, size: int, modality: str) -> None:
        name = registrable(url)
        if name not in self.items and len(self.items) >= MAX_DOMAINS:
            name = OTHERS
        self.items[name] += 1
        self.bytes[name] += size
        self.kinds.setdefault(name, set()).add(modality)

    def said(self, url: str, text: str) -> None:
        for mechanism, denied in sorted(_words(text).items()):
            met = self.met.setdefault(mechanism, _Met())
            met.items += denied
            met.unclear += not denied
            if len(met.addresses) < MAX_ADDRESSES:
                met.addresses.add(hash(url))


def statistics(shards: Sequence[Shard], not_visited: Iterable[str], treatments: Mapping[str, str]) -> dict[str, Any]:
    """Return domains and opt-outs of one crawled source.

    `not_visited` are the details of visits that an opt-out forbade ("ai-agents: …"), `treatments` what each mechanism that is
    not honoured does. Of a mechanism, `items` are those that it denies something (training, storing, fetching), `unclear`
    those of which it cannot be read, `pages` the addresses of both, `not_visited` the addresses among those given.
    """
    counts = _Counts()
    for url, size, signals, modality in _rows(shards):
        counts.domain(url, size, modality)
        if signals:
            counts.said(url, signals)
    for detail in not_visited:
        counts.met.setdefault(detail.partition(":")[0], _Met()).not_visited += 1
    ranked = sorted(counts.bytes, key=lambda name: (-counts.bytes[name], name))
    shown = max(SHOWN, -(-len(ranked) // 10))  # a tenth of all is what summaries of training content name
    return {
        "domains": [
            {"domain": name, "bytes": counts.bytes[name], "items": counts.items[name], "modalities": sorted(counts.kinds[name])}
            for name in ranked[:shown]
        ],
        "domains_in_all": len(ranked),
        "opt_outs": {
            name: {
                "treatment": treatments.get(name, "honour"),
                "items": met.items,
                "unclear": met.unclear,
                "pages": len(met.addresses),
                "not_visited": met.not_visited,
            }
            for name, met in sorted(counts.met.items())
        },
    }  # fmt: skip


def _rows(shards: Sequence[Shard]) -> Iterator[tuple[str, int, str, str]]:
    """Yield address, bytes, the signals where they say anything against a use, and the modality of every item."""
    for shard in shards:
        with pq.ParquetFile(shard.path) as file:
            for batch in file.iter_batches(batch_size=8_192, columns=list(_COLUMNS)):
                telling = pc.fill_null(pc.match_substring_regex(batch.column("signals"), _SAYS), fill_value=False)
                signals = pc.if_else(telling, batch.column("signals"), pa.scalar("", batch.column("signals").type))
                yield from zip(
                    pc.fill_null(batch.column("url"), "").to_pylist(),
                    batch.column("size").to_pylist(),
                    signals.to_pylist(),
                    batch.column("modality").to_pylist(),
                    strict=True,
                )


def _words(text: str) -> dict[str, bool]:
    """Return each mechanism that says no (True) or cannot be read (False) of one item."""
    try:
        records = orjson.loads(text)
    except ValueError:
        return {"unread": False}
    found: dict[str, bool] = {}
    for record in records if isinstance(records, list) else ():
        words = {record.get(name) for name in ("fetch", "train", "store")} if isinstance(record, dict) else set()
        mechanism = str(record.get("mechanism")) if words else ""
        if mechanism in OPT_OUTS and words & {"deny", "unknown"}:
            found[mechanism] = found.get(mechanism, False) or "deny" in words
    return found
