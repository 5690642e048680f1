"""The first look at all kept items: a few numbers for each, so that balance and splits can be settled for the whole set.

Per kept item some fifty bytes are held in numpy arrays; texts and rows stay on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.curate.classes import classes_for
from acquisition.curate.columns import ColumnTypes
from acquisition.curate.groups import GroupNames
from acquisition.curate.hashing import hashes_of
from acquisition.curate.judge import RuledFlags, read_flags, redactable, rule_flags
from acquisition.curate.policy import Policy
from acquisition.curate.redact import Pseudonyms, Span, placeholder, redact_label
from acquisition.curate.splits import canonical
from acquisition.model import ITEM_SCHEMA, SEVERITY, JudgedShard, Outcome, labels_of
from acquisition.settings import CuratedSettings, HoldoutSettings

CLUSTER: Final = "duplicate-cluster"
GROUP: Final = "group"
CLASS: Final = "class"
PAGE: Final = "page"
_NULLABLE: Final = tuple(field.name for field in ITEM_SCHEMA if field.nullable)


def content_hashes(digests: pa.Array) -> Any:
    """Return the first 8 bytes of hexadecimal digests as uint64, never 0."""
    raw = bytes.fromhex("".join(pc.utf8_slice_codeunits(digests, 0, 16).to_pylist()))
    return np.maximum(np.frombuffer(raw, ">u8").astype(np.uint64), np.uint64(1))


def spans_of(ruled: RuledFlags) -> dict[int, list[Span]]:
    """Return for each row the spans that the policy wants replaced."""
    chosen = np.flatnonzero(redactable(ruled))
    found: dict[int, list[Span]] = {}
    for flag in ruled.flags.take(pa.array(chosen)).select(["row", "field", "start", "end", "code"]).to_pylist():
        found.setdefault(flag["row"], []).append((flag["field"], flag["start"], flag["end"], placeholder(flag["code"])))
    return found


def clusters_of(ruled: RuledFlags, rows: int) -> list[str]:
    """Return for each row the duplicate cluster that its flags name in their detail ("cluster"), "" for none."""
    clusters = [""] * rows
    mask = pc.starts_with(ruled.flags.column("code"), "duplicate.")
    for flag in ruled.flags.filter(mask).select(["row", "detail"]).to_pylist():
        clusters[flag["row"]] = clusters[flag["row"]] or _cluster(flag["detail"])
    return clusters


def _cluster(detail: str) -> str:
    try:
        facts = orjson.loads(detail)
    except ValueError:
        return ""
    return str(facts.get("cluster", "")) if isinstance(facts, dict) else ""


@dataclass(frozen=True, slots=True)
class ShardView:
    """One shard as both passes see it: verdicts, what the flags say, and the classes of every row."""

    judged: JudgedShard
    verdicts: pa.Table
    spans: Mapping[int, list[Span]]
    clusters: Sequence[str]
    classes: Sequence[tuple[str, ...]]

    @property
    def kept(self) -> Any:
        """Rows that the policy keeps (int64), redacted ones among them."""
        severity = np.array([SEVERITY[outcome] for outcome in self.verdicts.column("outcome").to_pylist()], np.int8)
        return np.flatnonzero(severity <= SEVERITY[Outcome.REDACT])


def view(
    judged: JudgedShard, policy: Policy, classes_of: Mapping[str, tuple[str, ...]], *, pseudonyms: Pseudonyms | None = None
) -> ShardView:
    """Read what lies beside one shard's items and put every item into its classes."""
    ruled = rule_flags(policy, judged.shard.source, read_flags(judged.flags))
    spans = spans_of(ruled)
    if pseudonyms:
        spans = pseudonyms.named(spans, judged.shard.path)
    labels = pq.read_table(judged.shard.path, columns=["label"], memory_map=False, partitioning=None)["label"].to_pylist()
    for row, found in spans.items():
        if labels[row] is not None:
            labels[row] = redact_label(labels[row], [(start, end, mark) for name, start, end, mark in found if name == "label"])
    made = {label: classes_for(label, classes_of) for label in set(labels)}
    classes = [made[label] for label in labels]
    verdicts = pq.read_table(judged.verdicts, memory_map=False, partitioning=None)
    return ShardView(judged, verdicts, spans, clusters_of(ruled, len(labels)), classes)


def _has_text(path: str) -> bool:
    """Say whether a shard holds any text, from the file's statistics alone; the texts are not read."""
    metadata = pq.read_metadata(path)
    index = metadata.schema.to_arrow_schema().get_field_index("text")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    found = [(group.num_rows, group.column(index).statistics) for group in groups]
    return any(counts is None or not counts.has_null_count or counts.null_count < rows for rows, counts in found)


def divided_by(settings: CuratedSettings) -> list[str]:
    """Return the columns that splits are grouped or stratified by; classes are known without."""
    return sorted({*settings.splits.group_by, *(name for name in settings.splits.stratify_by if name != CLASS)})


@dataclass(slots=True)
class Candidates:
    """All kept items of all shards, in order, as compact arrays; `bounds` are the shards' first positions and the end.

    The array "class" holds a number for each item, and `combinations` tells which classes it stands for.
    """

    combinations: list[tuple[str, ...]] = field(default_factory=list)
    published_names: list[str] = field(default_factory=list)
    bounds: list[int] = field(default_factory=lambda: [0])
    modalities: dict[str, int] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)
    columns: ColumnTypes = field(default_factory=ColumnTypes)
    asked: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Hold-out and column of its `where` → whether an item of its sources has anything there."""
    _parts: list[dict[str, Any]] = field(default_factory=list)
    _codes: dict[tuple[str, ...], int] = field(default_factory=dict)
    _splits: dict[str, int] = field(default_factory=dict)
    groups: GroupNames = field(default_factory=GroupNames)

    def add(self, shard: ShardView, settings: CuratedSettings, own_names: Mapping[str, str]) -> None:
        """Take the kept items of one shard; `own_names` are what its source calls columns of the items."""
        kept = _Kept(shard, own_names)
        self.groups.add(shard.judged)
        self._parts.append(
            {
                "class": np.array([self._code_of(shard.classes[row]) for row in kept.rows], np.int32),
                "content": content_hashes(kept.items.column("content_sha256")),
                "published": self._published(kept.items.column("split").to_pylist()),
                "holdout": held_out(kept, settings.holdouts),
                **{f"by:{name}": kept.hashes(name) for name in {*divided_by(settings), CLUSTER}},
            }
        )
        self.bounds.append(self.bounds[-1] + len(kept.rows))
        self._ask(kept, settings.holdouts)
        self._describe(kept.items)
        if _has_text(shard.judged.shard.path):
            self.filled.add("text")

    def array(self, name: str) -> Any:
        """Return one number for every kept item."""
        parts = [part[name] for part in self._parts]
        return np.concatenate(parts) if parts else np.zeros(0, np.uint64 if ":" in name or name == "content" else np.int64)

    def _code_of(self, classes: tuple[str, ...]) -> int:
        code = self._codes.setdefault(classes, len(self.combinations))
        if code == len(self.combinations):
            self.combinations.append(classes)
        return code

    def _ask(self, kept: _Kept, holdouts: Mapping[str, HoldoutSettings]) -> None:
        for name, holdout in holdouts.items():
            for column in holdout.where if len(kept.rows) and _is_of(kept, holdout) else ():
                self.asked[name, column] = self.asked.get((name, column), False) or _says(kept.values(kept.meant(column)))

    def _published(self, splits: Sequence[str | None]) -> Any:
        codes = np.full(len(splits), -1, np.int32)
        for position, split in enumerate(splits):
            if split:
                name = canonical(split)
                codes[position] = self._splits.setdefault(name, len(self._splits))
        self.published_names = list(self._splits)
        return codes

    def _describe(self, items: pa.Table) -> None:
        for count in pc.value_counts(items.column("modality").combine_chunks()).to_pylist():
            self.modalities[count["values"]] = self.modalities.get(count["values"], 0) + count["counts"]
        self.filled |= {name for name in _NULLABLE if name in items.column_names and _fills(items, name)}
        self.columns.learn(items.column("fields").to_pylist())


def _fills(items: pa.Table, name: str) -> bool:
    return bool(items.column(name).null_count < items.num_rows)


class _Kept:
    """The kept items of one shard, and what the declaration may divide them by."""

    def __init__(self, shard: ShardView, own_names: Mapping[str, str]) -> None:
        wanted = {"content_sha256", "modality", "asset", "media_type", *_NULLABLE} - {"text", "signals"}
        items = pq.read_table(shard.judged.shard.path, columns=sorted(wanted), memory_map=False, partitioning=None)
        self.rows = shard.kept
        self.items = items.take(pa.array(self.rows)).combine_chunks()
        self.shard = shard
        self.source = shard.judged.shard.source
        self._own_names = own_names

    def classes(self) -> list[tuple[str, ...]]:
        """Return the classes of each item."""
        return [self.shard.classes[row] for row in self.rows]

    def meant(self, name: str) -> str:
        """Return the column that a hold-out means: the source's own name of a label is the label, where no item keeps it."""
        own = self._own_names.get(name, name)
        return name if own == name or _says(self.values(name)) else own

    def values(self, name: str) -> list[str | None]:
        """Return what each item has in a column of its row or of `fields`, None for nothing.

        `page` is the page that it was found on, `class` one text for all its classes.
        """
        if name == CLUSTER:
            return [self.shard.clusters[row] or None for row in self.rows]
        if name == CLASS:
            return ["\n".join(classes) for classes in self.classes()]
        if name == "source":
            return [self.source] * len(self.rows)
        if name == PAGE:
            pairs = zip(self.items.column("referrer").to_pylist(), self.items.column("url").to_pylist(), strict=True)
            return [(referrer or url or "").split("#")[0] or None for referrer, url in pairs]
        if name in self.items.column_names:
            found: list[str | None] = self.items.column(name).cast(pa.string()).to_pylist()
            return found
        cells = [None if text is None else orjson.loads(text).get(name) for text in self.items.column("fields").to_pylist()]
        return [cell if cell is None or isinstance(cell, str) else orjson.dumps(cell).decode() for cell in cells]

    def hashes(self, name: str) -> Any:
        """Return a hash of each item's value (uint64), 0 for none; the same speaker in two sources is two."""
        whole = name in {CLUSTER, CLASS, PAGE, "modality", "media_type"}
        prefix = "cluster\n" if name == CLUSTER else f"{name}\n" if whole else f"{name}\n{self.source}\n"
        return hashes_of(pa.array(self.values(name), pa.string()), prefix)


def held_out(kept: _Kept, holdouts: Mapping[str, HoldoutSettings]) -> Any:
    """Return for each item the first hold-out that selects it, by its position, -1 for none (int32 array).

    Those with an embargo come first: what one of them selects is in no other, where it would be written.
    """
    found = np.full(len(kept.rows), -1, np.int32)
    ordered = sorted(enumerate(holdouts.values()), key=lambda one: not one[1].until)
    for number, holdout in reversed(ordered):
        if holdout.selects and _is_of(kept, holdout):
            found[_fits(kept, holdout)] = number
    return found


def _is_of(kept: _Kept, holdout: HoldoutSettings) -> bool:
    return not holdout.source or fnmatchcase(kept.source, holdout.source)


def _says(values: Sequence[str | None]) -> bool:
    return any(value is not None for value in values)


def _fits(kept: _Kept, holdout: HoldoutSettings) -> Any:
    fits = np.ones(len(kept.rows), bool)
    if holdout.published:
        wanted = canonical(holdout.published)
        fits &= [split is not None and split != "" and canonical(split) == wanted for split in kept.values("split")]
    for name, values in holdout.where.items():
        column = kept.meant(name)
        asked = {value if isinstance(value, str) else orjson.dumps(value).decode() for value in values}
        if column == CLASS:
            fits &= [not asked.isdisjoint(classes) for classes in kept.classes()]
        elif column == "label":
            fits &= [not asked.isdisjoint(labels_of(label)) for label in kept.values(column)]
        else:
            fits &= [value in asked for value in kept.values(column)]
    return fits


def gather(shards: Iterable[ShardView], settings: CuratedSettings, own_names: Mapping[str, Mapping[str, str]]) -> Candidates:
    """Return the candidates of all shards. `own_names` says for a source what it calls columns of the items."""
    found = Candidates()
    for shard in shards:
        found.add(shard, settings, own_names.get(shard.judged.shard.source, {}))
    return found


def positions(bounds: Sequence[int]) -> Iterator[slice]:
    """Yield for each shard where its kept items stand among all."""
    for start, end in pairwise(bounds):
        yield slice(start, end)
