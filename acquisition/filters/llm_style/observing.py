"""What the signatures tell of whole sources: the share of style words, the threshold's error, the share of model text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.filters.llm_style.binomial import bounds
from acquisition.filters.llm_style.calibration import POOLED, Calibration, Domain
from acquisition.filters.llm_style.prevalence import BINS, BLOCKS, block_of, interval
from acquisition.model import Observation

_FEWEST: Final = 20
_FEWEST_SENTENCES: Final = 200
"""Documents and sentences of a source below which no share is estimated."""
_COLUMNS: Final = ["item", "domain", "long", "style", "control", "tokens", "known", "ratios"]


@dataclass(slots=True)
class _Totals:
    """Sums of one source: bounded, whatever its size."""

    long: int = 0
    style: int = 0
    control: int = 0
    documents: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    blocks: dict[str, np.ndarray] = field(default_factory=dict)


def observations(signatures: Mapping[str, Path], calibration: Calibration | None) -> Iterator[Observation]:
    """Yield, source by source in order of name, what its signatures tell."""
    by_source: dict[str, list[Path]] = defaultdict(list)
    for key in sorted(signatures):
        by_source[key.partition("/")[0]].append(signatures[key])
    for source, paths in sorted(by_source.items()):
        totals = _Totals()
        for path in paths:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=16_384, columns=_COLUMNS):
                    _add(totals, batch)
        yield from _of_source(source, totals, calibration)


def _add(totals: _Totals, batch: pa.RecordBatch) -> None:
    totals.long += int(np.count_nonzero(batch.column("long")))
    totals.style += int(np.count_nonzero(batch.column("style")))
    totals.control += int(np.count_nonzero(batch.column("control")))
    domains = batch.column("domain").cast(pa.string())
    names = np.array(domains.to_pylist(), dtype=object)
    lists = batch.column("ratios")
    offsets = lists.offsets.to_numpy()
    bins = lists.values.to_numpy()
    blocks = None
    for name in sorted({one for one in names if one is not None}):
        mine = np.flatnonzero(names == name)
        totals.documents[name] += len(mine)
        for counter, column in ((totals.tokens, "tokens"), (totals.known, "known")):
            counter[name] += int(batch.column(column).to_numpy()[mine].sum())
        if not (offsets[mine + 1] > offsets[mine]).any():
            continue
        if blocks is None:
            blocks = np.array([block_of(item) for item in batch.column("item").to_pylist()])
        counts = totals.blocks.setdefault(name, np.zeros((BLOCKS, BINS), np.int64))
        lengths = offsets[mine + 1] - offsets[mine]
        where = np.concatenate([np.arange(offsets[row], offsets[row + 1]) for row in mine])
        np.add.at(counts, (np.repeat(blocks[mine], lengths), bins[where]), 1)


def _of_source(source: str, totals: _Totals, calibration: Calibration | None) -> Iterator[Observation]:
    if totals.long:
        low, high = bounds(totals.style, totals.long)
        detail = (
            "of the long texts hold one of the 24 words of arXiv 2403.16887; "
            f"{totals.control / totals.long:.1%} hold one of its control words. Compare it with older texts of the same kind."
        )
        yield Observation("llm-style.style-words", source, totals.style / totals.long, low, high, totals.long, detail=detail)
    if calibration is None:
        return
    for name in sorted(totals.documents):
        yield _error(source, name, calibration)
        yield _prevalence(source, name, totals, calibration.domains[name])


def _error(source: str, name: str, calibration: Calibration) -> Observation:
    domain = calibration.entry(name)
    rate = domain.false_positives
    detail = f"{_named(domain.name)}, threshold from the sample sha256:{calibration.sample[:12]}: {domain.verdict}"
    return Observation(
        "llm-style.false-positive-rate", source, rate.seen / max(1, rate.of), rate.low, rate.high, rate.of, detail=detail
    )


def _named(name: str) -> str:
    return "no domain of the calibration" if name == POOLED else f"domain {name!r}"


def _prevalence(source: str, name: str, totals: _Totals, domain: Domain) -> Observation:
    documents = totals.documents[name]
    blocks = totals.blocks.get(name)
    sentences = 0 if blocks is None else int(blocks.sum())
    refused = _refusal(name, totals, domain, sentences)
    if refused or blocks is None or domain.reference is None:
        return Observation(
            "llm-style.not-identifiable", source, 0.0, 0.0, 1.0, documents, detail=f"not identifiable: {refused}"
        )
    reference = domain.reference
    span = reference.ceiling - reference.baseline
    wider = 2 * reference.spread
    raw, lowest, highest = interval(blocks)
    value, low, high = (min(1.0, max(0.0, (one - reference.baseline) / span)) for one in (raw, lowest - wider, highest + wider))
    detail = (
        f"of the sentences of {documents:,} documents, {_named(name)}, by arXiv 2403.07183. It reports "
        f"{reference.baseline:.3f} on human "
        f"texts and {reference.ceiling:.3f} on model texts that were held back; the first is subtracted, the distance "
        f"is the scale, and "
        f"the interval is widened by the spread of the first ({reference.spread:.3f}). Biased all the same: other "
        f"models, edited text "
        "and a drift of the domain move it, and the interval does not cover that. It says nothing of one text."
    )
    return Observation("llm-style.prevalence", source, value, low, high, documents, detail=detail)


def _refusal(name: str, totals: _Totals, domain: Domain, sentences: int) -> str:
    if domain.reference is None:
        return domain.refused
    if totals.documents[name] < _FEWEST or sentences < _FEWEST_SENTENCES:
        held = f"{totals.documents[name]} documents with {sentences} sentences"
        return f"{held} are too few; {_FEWEST} and {_FEWEST_SENTENCES} are needed"
    known = totals.known[name] / max(1, totals.tokens[name])
    low, high = domain.reference.known
    if not low <= known <= high:
        return (
            f"the vocabulary of {_named(name)} knows {known:.1%} of its words, and {low:.1%} to {high:.1%} of those of "
            f"its own domain: "
            "another domain"
        )
    return ""
