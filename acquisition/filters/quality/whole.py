"""What only the whole set tells: flags that need all items of a source, and what is observed of sources, columns and splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from acquisition.filters.flags import detail_json
from acquisition.filters.quality import columns, labels, leaks
from acquisition.filters.quality.faults import Fault, Sample, wilson
from acquisition.filters.quality.findings import flat, ordered
from acquisition.filters.quality.gathering import LEAST, Source, far_bounds, shards
from acquisition.filters.quality.rows import sampled_columns
from acquisition.filters.quality.settings import QualitySettings
from acquisition.filters.quality.sketches import Table
from acquisition.filters.quality.spellings import spelling
from acquisition.model import FLAG_SCHEMA, Observation

CODES: Final = {
    "quality.audio-duration": "The recording is far longer or shorter than the others of its source.",
    "quality.audio-sample-rate": "The recording has another sample rate than most of its source.",
    "quality.audio-file-size": "The file is far larger or smaller for its samples than the others of its source.",
    "quality.image-file-size": "The file is far larger or smaller for its pixels than the others of its source.",
    "quality.missing-values": "Cells are empty or hold a stand-in (?, NA, -999, 1900-01-01…); on rows that are mostly so.",
    "quality.zeros-as-missing": "Zeros stand where no zero can be: all other values keep their distance from it.",
    "quality.constant-column": "A column has one value in every row, or in 99 of 100.",
    "quality.wrong-type": "Text stands among numbers or dates, or decimal points and commas are mixed.",
    "quality.mixed-dates": "Dates of one column are written in several forms.",
    "quality.inconsistent-categories": "One category is spelt in several ways (case, accents, spaces, signs, synonyms, slips).",
    "quality.outlier": "A number lies far outside the others of its column.",
    "quality.no-header": "The table's columns have no names, or its first row was taken for them.",
    "quality.duplicate-column": "Two columns hold the same in every row.",
    "quality.leaking-column": "One column alone tells the label.",
    "quality.id-column": "A column names rows and describes none.",
    "quality.imbalance": "The smallest class has a small share of a source's labelled items.",
    "quality.rare-class": "Classes have too few items to learn or to measure them.",
    "quality.label-noise": "The label is doubted: what is known of the item speaks for another.",
    "quality.split-leak": "A group (speaker, patient, author…) or a row stands in two parts of a published split.",
    "quality.languages": "How many texts of a source are in which language, on a sample.",
}
_OUTLYING: Final = (("seconds", "quality.audio-duration", 4.0), ("density", "", 6.0), ("chars", "", 6.0))
"""Measure, code and robust z (of the logarithm) beyond which an item is far from the others of its source."""
_FLOOR: Final = {"seconds": 0.05, "density": 0.15, "chars": 0.5}
"""The least spread of the logarithm: a tenth of a second among clips of one second is no fault."""
_LENGTHS: Final = (500, 5_000)
"""Characters that no text is noted as short above, or as long below, whatever the others of its source are."""
MOST_TOLD: Final = 100
"""Columns of a table that are named for one code."""
_READ: Final = ["row", "item", "split", "group", "chars", "seconds", "rate", "density", "findings", "suspects"]
_CONFIRMED: Final = {"outlier": "quality.outlier", "wrong-type": "quality.wrong-type"}


@dataclass(frozen=True, slots=True)
class _Known:
    """What flags of one source's items depend on."""

    bounds: Mapping[str, tuple[float, float]]
    rate: int
    rates: Mapping[int, int]
    leaked: Mapping[int, tuple[str, ...]]
    faulty: frozenset[tuple[str, str]]


def flagged(
    signatures: Mapping[str, Path],
    sources: Mapping[str, Source],
    settings: QualitySettings,
    doubts: Mapping[str, Mapping[int, tuple[float, str]]],
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield (shard key, flags) for every shard that has some: the items' own and those that the set adds."""
    known = {name: _known(source, settings) for name, source in sources.items()}
    for key, source, signed in shards(signatures, _READ):
        names = ("findings", "row", "item")
        own = flat(*(signed.column(name).combine_chunks() for name in names))
        told = _Flags(signed)
        _add(told, signed, known[source])
        for row, (score, other) in doubts.get(key, {}).items():
            told.add(row, "quality.label-noise", score, detail_json(likelier=other), field="label")
        flags = pa.concat_tables([own, told.table()])
        if flags.num_rows:
            yield key, ordered(flags)


class _Flags:
    """Flags of one shard, collected by row."""

    def __init__(self, signed: pa.Table) -> None:
        self._items = signed["item"]
        self._rows: list[tuple[int, str, float, str, str]] = []

    def add(self, row: int, code: str, score: float, detail: str, *, field: str = "") -> None:
        self._rows.append((row, code, score, field, detail))

    def table(self) -> pa.Table:
        count = len(self._rows)
        numbers = pa.array([flag[0] for flag in self._rows], pa.int32())
        nothing = pa.array([-1] * count, pa.int32())
        values = [
            pa.array([flag[at] for flag in self._rows], kind)
            for at, kind in ((1, pa.string()), (2, pa.float64()), (3, pa.string()))
        ]
        details = pa.array([flag[4] for flag in self._rows], pa.string())
        return pa.table([numbers, self._items.take(numbers), *values, nothing, nothing, details], schema=FLAG_SCHEMA)


def _known(source: Source, settings: QualitySettings) -> _Known:
    bounds = {}
    for measure, _, limit in _OUTLYING:
        values = source.all(measure)
        logs = values if measure == "density" else np.log(values[values > 0])
        bounds[measure] = far_bounds(logs, limit, _FLOOR[measure])
    low, high = bounds["chars"]
    bounds["chars"] = min(low, float(np.log(_LENGTHS[0]))), max(high, float(np.log(_LENGTHS[1])))
    rate = max(source.rates, key=lambda one: (source.rates[one], one), default=0)
    faults = [fault for table in (source.tables.values() if source.suspects else ()) for fault in judged(table, settings)[0]]
    faulty = frozenset((fault.code, fault.column) for fault in faults)
    return _Known(bounds, rate, source.rates, source.leaked(), faulty)


def _add(told: _Flags, signed: pa.Table, known: _Known) -> None:
    _add_lengths(told, signed, known)
    rates = signed["rate"].to_numpy()
    total = sum(known.rates.values())
    if len(known.rates) > 1 and total >= LEAST:
        for row in np.flatnonzero((rates > 0) & (rates != known.rate)).tolist():
            share = known.rates[int(rates[row])] / total
            detail = detail_json(rate=int(rates[row]), share=round(share, 4), commonest=known.rate)
            told.add(row, "quality.audio-sample-rate", round(1 - share, 4), detail)
    if known.leaked:
        _add_leaks(told, signed, known.leaked)
    suspects = signed["suspects"].combine_chunks()
    parents, cells = suspects.value_parent_indices().to_pylist(), suspects.flatten().to_pylist()
    for row, cell in zip(parents, cells, strict=True):
        code = _CONFIRMED[cell["kind"]]
        if (code, cell["column"]) in known.faulty:
            detail = detail_json(column=cell["column"], **({"value": cell["value"]} if cell["kind"] == "outlier" else {}))
            told.add(row, code, 0.5, detail, field="fields")


def _add_lengths(told: _Flags, signed: pa.Table, known: _Known) -> None:
    sounding = signed["rate"].to_numpy() > 0
    for measure, code, limit in _OUTLYING:
        values = signed[measure].to_numpy().astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = values if measure == "density" else np.log(values)
        low, high = known.bounds[measure]
        inside = np.isfinite(logs) & ((values != 0) if measure != "density" else True)
        for row in np.flatnonzero(inside & ((logs < low) | (logs > high))).tolist():
            named = code or (
                ("quality.audio-file-size" if sounding[row] else "quality.image-file-size")
                if measure == "density"
                else ("quality.too-long" if logs[row] > high else "quality.too-short")
            )
            usual = [round(float(np.exp(bound)), 3) for bound in (low, high)]
            detail = detail_json(rule=f"robust z above {limit:g}", value=round(float(np.exp(logs[row])), 3), usual=usual)
            told.add(row, named, 0.5, detail, field="text" if measure == "chars" else "")


_LATE: Final = {"test": 2, "validation": 1}


def _add_leaks(told: _Flags, signed: pa.Table, leaked: Mapping[int, tuple[str, ...]]) -> None:
    """Flag items of a group that stands in two parts, all but those of the latest part (test before validation)."""
    groups = signed["group"].to_numpy()
    for row in np.flatnonzero(np.isin(groups, np.array(list(leaked), dtype=np.int64))).tolist():
        splits, own = leaked[int(groups[row])], signed["split"][row].as_py()
        if own and own != max(splits, key=lambda name: (_rank(name), name)):
            told.add(row, "quality.split-leak", 1.0, detail_json(splits=list(splits)), field="group")


def _rank(split: str) -> int:
    part = leaks.PARTS.get(spelling(split), "")
    return _LATE.get(part, 0)


def judged(table: Table, settings: QualitySettings) -> tuple[list[Fault], dict[str, int]]:
    """Return the faults of a table, and the counts of its classes where a column of it is the label."""
    sample = Sample(*sampled_columns(table))
    faults = list(columns.judge(table, sample))
    label, values = leaks.label_of(table, sample, settings.table.label)
    if values:
        faults += leaks.leaking(table, sample, label, values, settings.table.leak)
    faults += leaks.identifying(table, sample)
    faults += leaks.split_across(table, sample)
    counted = dict(table.columns[label].values) if label and not table.columns[label].more else {}
    return faults, counted


def observed(name: str, source: Source, settings: QualitySettings) -> Iterator[Observation]:
    """Yield what is seen of one source: its classes, splits, languages and rates, then its tables column by column."""
    if not source.many_labels:
        yield from (_observation(name, "", fault) for fault in labels.uneven(source.labels, settings.labels))
    leaked = source.leaked()
    if leaked:
        groups = source.groups()
        detail = f"{len(leaked):,} groups stand in two parts; copies are reported by the duplicates filter"
        yield _observation(name, "", Fault("quality.split-leak", "", len(leaked) / groups, groups, detail, share=True))
    yield from _mixtures(name, source)
    for asset, table in sorted(source.tables.items()):
        faults, counted = judged(table, settings)
        if not source.labels:
            faults += labels.uneven(counted, settings.labels)
        yield from (_observation(name, asset, fault) for fault in _bounded(faults))
        if table.dropped:
            detail = f"{table.dropped:,} cells stand in columns beyond the first {len(table.columns):,} and were not looked at"
            yield _observation(name, asset, Fault("quality.not-checked", "", float(table.dropped), table.rows, detail))


def _bounded(faults: Sequence[Fault]) -> Iterator[Fault]:
    """Yield the worst of each code and one that counts the rest: a table may have 10,000 columns."""
    for code in dict.fromkeys(fault.code for fault in faults):
        alike = sorted((fault for fault in faults if fault.code == code), key=lambda fault: (-fault.value, fault.column))
        yield from alike[:MOST_TOLD]
        if len(alike) > MOST_TOLD:
            rest = len(alike) - MOST_TOLD
            yield Fault(code, "", float(rest), alike[0].items, f"and {rest:,} further columns")


def _mixtures(name: str, source: Source) -> Iterator[Observation]:
    total = source.languages.total()
    for language, count in sorted(source.languages.items()):
        said = "nothing to tell the language by" if language == "und" else ""
        fault = Fault("quality.languages", language, count / total, total, said, share=True)
        yield _observation(name, "", fault)
    rates = source.rates.total()
    if len(source.rates) > 1:
        most = max(source.rates.values())
        said = ", ".join(f"{rate} Hz {count:,}" for rate, count in sorted(source.rates.items())[:8])
        yield _observation(name, "", Fault("quality.audio-sample-rate", "", 1 - most / rates, rates, said, share=True))


def _observation(source: str, asset: str, fault: Fault) -> Observation:
    low, high = wilson(fault.value, fault.items) if fault.share else (fault.value, fault.value)
    low, high = min(low, fault.value), max(high, fault.value)
    return Observation(fault.code, source, fault.value, low, high, fault.items, asset, fault.column, fault.detail)
