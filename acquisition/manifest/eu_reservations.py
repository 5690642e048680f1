"""Reservations that were met, and what became of the items: section 3.1 of the draft says no more than the records hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from acquisition.manifest.formats import opened
from acquisition.rights.signals import OPT_OUTS

_ROWS: Final = 20_000
_AGAINST: Final = pa.array(["deny", "unknown"])
_OPT_OUTS: Final = pa.array(sorted(OPT_OUTS))
_CRAWLERS: Final = (
    "Own crawls read robots.txt, tokens of AI crawlers, X-Robots-Tag and meta robots, AIPREF, Content-Signal, TDMRep, RSL, "
    "ai.txt, trust.txt and reservations inside media (IPTC/PLUS, C2PA), and record them with each item"
)


@dataclass(slots=True)
class Met:
    """What was looked at beside crawls: how many items, and mechanism → items that it denies something, and unclear ones."""

    items: int = 0
    denied: Counter[str] = field(default_factory=Counter)
    unclear: Counter[str] = field(default_factory=Counter)


def met_beside(items: Path, crawled: Collection[str]) -> Met:
    """Return what the items of other sources than these say against a use, kept or not."""
    met = Met()
    others = pa.array(sorted(crawled), pa.string())
    with opened(items) as ledger:
        for batch in ledger.iter_batches(batch_size=_ROWS, columns=["source", "signals"]):
            looked = pc.and_(pc.is_valid(batch.column("signals")), pc.invert(pc.is_in(batch.column("source"), others)))
            signals = batch.column("signals").filter(looked)
            met.items += len(signals)
            _add(signals, met)
    return met


def _add(signals: pa.ListArray, met: Met) -> None:
    flat = signals.flatten()
    words = [flat.field(name) for name in ("fetch", "train", "store")]
    against = pc.or_(pc.or_(*(pc.is_in(word, _AGAINST) for word in words[:2])), pc.is_in(words[2], _AGAINST))
    denies = pc.or_(pc.or_(*(pc.equal(word, "deny") for word in words[:2])), pc.equal(words[2], "deny"))
    table = pa.table({"row": pc.list_parent_indices(signals), "mechanism": flat.field("mechanism"), "denies": denies})
    table = table.filter(pc.and_(against, pc.is_in(flat.field("mechanism"), _OPT_OUTS)))
    for one in table.group_by(["row", "mechanism"]).aggregate([("denies", "any")]).to_pylist():
        (met.denied if one["denies_any"] else met.unclear)[one["mechanism"]] += 1


def measures(summary: Mapping[str, Any], beside: Met) -> str:
    """Return in sentences what was read, met and done, "" where nobody has looked."""
    return " ".join([*_crawls(summary.get("crawls", {})), *_beside(beside), *_done(summary)])


def _crawls(crawls: Mapping[str, Any]) -> Iterator[str]:
    if not crawls:
        return
    denied: Counter[str] = Counter()
    unclear: Counter[str] = Counter()
    for told in crawls.values():
        for mechanism, facts in told.get("opt_outs", {}).items():
            denied[f"{mechanism} ({facts['treatment']})"] += facts["items"]
            unclear[f"{mechanism} ({facts['treatment']})"] += facts["unclear"]
    left = sum(told.get("not_visited", 0) for told in crawls.values())
    yield f"{_CRAWLERS}. Found in own crawls: {_counted(denied, unclear)}."
    yield f"Not visited for an opt-out beside robots.txt: {left:,} addresses."


def _beside(met: Met) -> Iterator[str]:
    if met.items:
        where = f"In {met.items:,} items of data sets and folders, reservations inside the files were looked for"
        yield f"{where}: {_counted(met.denied, met.unclear)}."


def _counted(denied: Counter[str], unclear: Counter[str]) -> str:
    names = sorted({*denied, *unclear})
    return "; ".join(f"{name}: {denied[name]:,} items reserved, {unclear[name]:,} unclear" for name in names) or "none"


def _done(summary: Mapping[str, Any]) -> Iterator[str]:
    """Say what the policy has made of reserved items, where the filter that flags them ran."""
    if "opt_out" not in summary.get("filters", {}):
        return
    counts: Counter[str] = Counter()
    for outcomes in summary.get("sources", {}).values():
        for outcome, codes in outcomes.items():
            counts.update({f"{outcome} by {code}": many for code, many in codes.items() if code.startswith("opt-out.")})
    told = "; ".join(f"{name}: {many:,} items" for name, many in sorted(counts.items()))
    yield f"Decided by a reservation: {told or 'none'}."
