"""Builds the curated set: balance, splits, layout, and for every item of every shard its final place or the reason it has none.

Two passes over the shards: the first keeps a few numbers per kept item and settles the whole set, the second streams the
kept rows into the layout and writes a placement shard (PLACEMENT_SCHEMA) beside each item shard.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from acquisition import plugins
from acquisition.content import Contents
from acquisition.curate.candidates import CLUSTER, GROUP, Candidates, ShardView, gather, group_token, positions, view
from acquisition.curate.card import Checks, write_card
from acquisition.curate.classes import class_of_label, folder_names
from acquisition.curate.link import Linker
from acquisition.curate.policy import Policy
from acquisition.curate.promoting import PROMOTED
from acquisition.curate.redact import Span, merge, pseudonyms, redact_row
from acquisition.curate.splits import SplitKeys, SplitPlan, assign, surplus
from acquisition.errors import PluginError
from acquisition.model import ITEM_SCHEMA, PLACEMENT_SCHEMA, Evidence, JudgedShard, Modality, Observation, Outcome, Release
from acquisition.protocols import Layout, Outline, Placed
from acquisition.rights.items import conclude_item
from acquisition.settings import CuratedSettings, DatasetSettings
from acquisition.workspace import atomic_directory, atomic_file

TOO_FEW: Final = "balance.too-few"
SURPLUS: Final = "balance.surplus"
CODES: Final[Mapping[str, str]] = {
    TOO_FEW: "The class has fewer items than balance.min_per_class asks for, so the class is left out.",
    SURPLUS: "The class is full: balance.max_per_class items stand before this one.",
    PROMOTED: "A copy that is kept because the one that is preferred to it is not; why says which and what decided there.",
    "redact.no-span": "A person asked for redaction, and the policy found nothing in the item to replace.",
    "decision": "A person decided.",
}
"""Codes that can decide an item without a filter's flag, for docs and reports."""
FILES: Final = "files.jsonl"
_ROWS: Final = 1_000
_INT32: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CurateInputs:
    """What a curated set is made of.

    `contents` opens the items' bytes, `blob_path` finds a blob, `blobs` is the workspace's own store (only from there is
    hard-linked). `placements` is the directory that the placement shards and the list of files go to.
    """

    shards: Sequence[JudgedShard]
    policy: Policy
    settings: CuratedSettings
    dataset: DatasetSettings
    releases: Mapping[str, Release]
    contents: Contents
    blob_path: Callable[[str], Path]
    blobs: Path
    curated: Path
    placements: Path
    not_checked: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    texts: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    progress: Callable[[int, int], None] = lambda _done, _all: None


@dataclass(frozen=True, slots=True)
class CurateResult:
    """What was built. `classes` counts kept items per class and split; `notes` are sentences that a person should read."""

    items: int
    kept: int
    held: int
    classes: Mapping[str, Mapping[str, int]]
    splits: Mapping[str, int]
    published: int
    drawn: int
    conflicts: int
    moved: int
    left_out: Mapping[str, int]
    surplus: Mapping[str, int]
    files: int
    bytes: int
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Settled:
    """What the first pass decided for every kept item: stays (bool), and the split plan of those that stay."""

    candidates: Candidates
    code: Any
    reason: Any
    split: Any
    plan: SplitPlan
    left_out: dict[str, int]
    surplus: dict[str, int]


def placement_path(placements: Path, judged: JudgedShard) -> Path:
    """Return where the placements of an item shard lie."""
    return placements / f"{judged.shard.key}.parquet"


def build(inputs: CurateInputs) -> CurateResult:
    """Build the curated set in a new directory and swap it in; the placements follow in the same way."""
    shards = sorted(inputs.shards, key=lambda judged: (judged.shard.source, judged.shard.release, judged.shard.index))
    class_of = class_of_label(inputs.settings.classes)
    look = partial(view, policy=inputs.policy, class_of=class_of, pseudonyms=pseudonyms(inputs.settings.redact))
    candidates = gather(map(look, shards), inputs.settings.splits.group_by)
    settled = _settle(candidates, inputs.settings)
    layout = plugins.layout(inputs.settings.layout)
    folders, notes = folder_names(candidates.class_names)
    outline = _outline(settled, folders)
    with atomic_directory(inputs.placements) as placements, atomic_directory(inputs.curated) as curated:
        run = _Run(inputs, settled, curated, placements)
        layout.prepare(outline)
        _write(layout, run, map(look, shards))
        checks = Checks(inputs.not_checked, inputs.observations, inputs.texts)
        write_card(curated, inputs.dataset, outline, tuple(inputs.releases.values()), checks)
        total = run.list_rest()
    return _result(run, settled, total, (*notes, *_notes(settled, inputs.settings)))


def _settle(candidates: Candidates, settings: CuratedSettings) -> _Settled:
    classes, content = candidates.array("class"), candidates.array("content")
    counts = np.bincount(classes.astype(np.int64), minlength=len(candidates.class_names))
    seed, balance = settings.splits.seed, settings.balance
    reason = np.zeros(len(classes), np.int8)
    if balance.min_per_class is not None:
        reason[counts[classes] < balance.min_per_class] = 1
    if balance.max_per_class is not None:
        reason[(reason == 0) & surplus(classes, content, balance.max_per_class, seed)] = 2
    stays = reason == 0
    keys = SplitKeys(
        content=content[stays],
        groups=tuple(candidates.array(f"by:{name}")[stays] for name in settings.splits.group_by),
        published=candidates.array("published")[stays].astype(np.int64)
        if settings.splits.published
        else np.full(int(stays.sum()), -1, np.int64),
        published_names=tuple(candidates.published_names),
    )
    plan = assign(keys, settings.splits.shares, seed)
    split = np.full(len(classes), -1, np.int32)
    split[stays] = plan.code

    def by_class(code: int) -> dict[str, int]:
        found = np.bincount(classes[reason == code].astype(np.int64), minlength=len(counts))
        return {name: int(count) for name, count in sorted(zip(candidates.class_names, found, strict=True)) if count}

    return _Settled(candidates, classes, reason, split, plan, by_class(1), by_class(2))


def _outline(settled: _Settled, folders: Mapping[str, str]) -> Outline:
    stays = settled.reason == 0
    counts = np.bincount(settled.split[stays].astype(np.int64), minlength=len(settled.plan.names))
    return Outline(
        items=int(stays.sum()),
        splits={name: int(count) for name, count in zip(settled.plan.names, counts, strict=True) if count},
        folders=folders,
        modalities=dict(sorted(settled.candidates.modalities.items())),
        columns=settled.candidates.columns.columns,
        filled=frozenset(settled.candidates.filled),
    )


def _write(layout: Layout, run: _Run, shards: Iterator[ShardView]) -> None:
    written = layout.write(run.placed(shards), run.curated, run.inputs.settings, run.link)
    for item, path in written:
        run.place(item, path)
    run.finish()


@dataclass(slots=True)
class _Pending:
    """A shard whose kept items are on their way through the layout."""

    view: ShardView
    staying: Any
    columns: dict[str, list[Any]]
    expected: deque[int]


@dataclass(slots=True)
class _Run:
    """The second pass: feeds the layout, hears where items went, writes placements and the list of files."""

    inputs: CurateInputs
    settled: _Settled
    curated: Path
    placements: Path
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    files: int = 0
    bytes: int = 0
    _linker: Linker = field(init=False)
    _pending: deque[_Pending] = field(default_factory=deque)
    _linked: dict[str, tuple[str, int]] = field(default_factory=dict)
    _sealed: set[str] = field(default_factory=set)
    _paths: list[Any] = field(default_factory=list)
    _chunk: list[int] = field(default_factory=list)
    _done: int = 0

    def __post_init__(self) -> None:
        """Prepare the linker."""
        self._linker = Linker(self.inputs.contents, self.inputs.blob_path, self.inputs.blobs)

    def link(self, row: Mapping[str, Any], target: Path) -> int:
        """Put an item's bytes at `target`; refuses an item whose text was redacted, because its bytes were not."""
        if row["id"] in self._sealed:
            raise PluginError(f"a layout asked for the original bytes of {row['id']}, whose text is redacted")
        size = self._linker(row, target)
        self._linked[target.relative_to(self.curated).as_posix()] = (row["content_sha256"], size)
        return size

    def placed(self, shards: Iterator[ShardView]) -> Iterator[Placed]:
        """Yield every kept item, in the order of shards and rows, redacted."""
        for shard, where in zip(shards, positions(self.settled.candidates.bounds), strict=True):
            pending = self._open(shard, where)
            self._pending.append(pending)
            yield from self._rows(pending, where)
            self.inputs.progress(self._done, len(self.settled.reason))

    def _open(self, shard: ShardView, where: slice) -> _Pending:
        """Prepare the placement columns of one shard, balance already applied."""
        rows = shard.verdicts.num_rows
        columns: dict[str, list[Any]] = {name: shard.verdicts.column(name).to_pylist() for name in shard.verdicts.column_names}
        columns |= {name: [""] * rows for name in ("split", "path", "stored_sha256")}
        columns |= {"class": list(shard.classes), "cluster": list(shard.clusters), "group": _tokens(shard)}
        columns |= {"stored_size": [0] * rows, "changes": [[] for _ in range(rows)]}
        columns["redactions"] = [_as_structs(shard.spans.get(row, ())) for row in range(rows)]
        kept, reason = shard.kept, self.settled.reason[where]
        for row, why in zip(kept[reason > 0].tolist(), reason[reason > 0].tolist(), strict=True):
            code = TOO_FEW if why == 1 else SURPLUS
            told = {"outcome": Outcome.HOLD.value, "code": code, "filter": "", "rule": "curated.balance", "why": CODES[code]}
            for name, value in (told | {"score": 1.0}).items():
                columns[name][row] = value
        staying = kept[reason == 0]
        return _Pending(shard, staying, columns, deque(staying.tolist()))

    def _rows(self, pending: _Pending, where: slice) -> Iterator[Placed]:
        if not len(pending.staying):
            return
        splits = self.settled.split[where][self.settled.reason[where] == 0]
        table = pq.read_table(pending.view.judged.shard.path, memory_map=False, partitioning=None).select(ITEM_SCHEMA.names)
        release = self.inputs.releases.get(pending.view.judged.shard.source)
        for start in range(0, len(pending.staying), _ROWS):
            chunk = pending.staying[start : start + _ROWS]
            items = table.take(chunk).to_pylist()
            for row, split, item in zip(chunk.tolist(), splits[start : start + _ROWS], items, strict=True):
                yield self._item(pending, row, self.settled.plan.names[split], item, release)

    def _item(self, pending: _Pending, row: int, split: str, item: dict[str, Any], release: Release | None) -> Placed:
        texts = self.inputs.texts.get(release.source, ()) if release is not None else ()
        license_ = conclude_item(release, item["license_raw"], item["license_url"], texts).concluded
        columns, spans = pending.columns, pending.view.spans.get(row, [])
        columns["split"][row] = split
        if columns["outcome"][row] != Outcome.REDACT.value:
            spans = []
        changed, columns["changes"][row] = redact_row(item, spans) if spans else (item, [])
        if item["modality"] in {Modality.TEXT, Modality.TABLE} and any(_is_content(span[0]) for span in spans):
            self._sealed.add(item["id"])
        return Placed(changed, pending.view.classes[row], split, tuple(spans), license_)

    def place(self, item: str, path: str) -> None:
        """Hear where an item went; items come in the order in which they were handed out."""
        while self._pending and not self._pending[0].expected:
            self._close(self._pending.popleft())
        if not self._pending:
            raise PluginError(f"layout {self.inputs.settings.layout!r} placed {item}, which it was not given")
        pending = self._pending[0]
        row = pending.expected.popleft()
        if pending.columns["item"][row] != item:
            raise PluginError(f"layout {self.inputs.settings.layout!r} placed {item} out of order")
        self._sealed.discard(item)
        pending.columns["path"][row] = path
        if "#" not in path:
            digest, size = self._linked.pop(path) if path in self._linked else _digest_of(self.curated / path)
            pending.columns["stored_sha256"][row], pending.columns["stored_size"][row] = digest, size
        self._done += 1

    def finish(self) -> None:
        """Write what is still pending; PluginError when the layout has lost items."""
        while self._pending:
            pending = self._pending.popleft()
            if pending.expected:
                raise PluginError(f"layout {self.inputs.settings.layout!r} did not place all items it was given")
            self._close(pending)
        self._linked.clear()

    def _close(self, pending: _Pending) -> None:
        columns = pending.columns
        self.outcomes.update(columns["outcome"])
        self.counts.update((columns["class"][row], columns["split"][row]) for row in pending.staying.tolist())
        batch = pa.RecordBatch.from_arrays(
            [pa.array(columns[field.name], field.type) for field in PLACEMENT_SCHEMA], schema=PLACEMENT_SCHEMA
        )
        target = placement_path(self.placements, pending.view.judged)
        with atomic_file(target) as stream, pq.ParquetWriter(stream, PLACEMENT_SCHEMA, compression="zstd") as writer:
            writer.write_batch(batch)
        self._list(
            (columns["path"][row], columns["stored_sha256"][row], columns["stored_size"][row])
            for row in pending.staying.tolist()
            if columns["stored_sha256"][row]
        )

    def _list(self, files: Iterator[tuple[str, str, int]]) -> None:
        """Append to the list of files, and remember 8 bytes of every path."""
        with (self.placements / FILES).open("ab") as stream:
            for path, digest, size in files:
                self._chunk.append(xxhash.xxh3_64_intdigest(path.encode()))
                stream.write(orjson.dumps({"path": path, "sha256": digest, "size": size}) + b"\n")
                self.files += 1
                self.bytes += size
        self._paths.append(np.array(self._chunk, np.uint64))
        self._chunk = []

    def list_rest(self) -> tuple[int, int]:
        """List the files that belong to no single item (tables, metadata, the card); return number and bytes of all."""
        known = np.sort(np.concatenate([np.zeros(0, np.uint64), *self._paths]))
        self._list((path, *_digest_of(self.curated / path)) for path in _walk(self.curated) if not _holds(known, path))
        return self.files, self.bytes


def _is_content(field: str) -> bool:
    return field == "text" or field.startswith("fields")


def _tokens(shard: ShardView) -> list[str]:
    groups = pq.read_table(shard.judged.shard.path, columns=["group"], memory_map=False, partitioning=None)["group"].to_pylist()
    source = shard.judged.shard.source
    return [group_token(source, group) if group else "" for group in groups]


def _as_structs(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Return spans as they are stored: sorted, and overlapping ones joined."""
    return [
        {"field": name, "start": start, "end": end, "placeholder": mark}
        for name in sorted({span[0] for span in spans})
        for start, end, mark in merge([span[1:] for span in spans if span[0] == name], _INT32)
    ]


def _holds(known: Any, path: str) -> bool:
    value = np.uint64(xxhash.xxh3_64_intdigest(path.encode()))
    place = int(np.searchsorted(known, value))
    return place < len(known) and bool(known[place] == value)


def _walk(directory: Path) -> Iterator[str]:
    """Yield all files below a directory as relative paths, folder by folder, names sorted."""
    for folder, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            yield (Path(folder) / name).relative_to(directory).as_posix()


def _digest_of(path: Path) -> tuple[str, int]:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), path.stat().st_size


def _notes(settled: _Settled, settings: CuratedSettings) -> Iterator[str]:
    for name, count in settled.left_out.items():
        yield f"class {name!r} is left out: {count} items, fewer than {settings.balance.min_per_class}"
    plan = settled.plan
    for name in settings.splits.group_by:
        if name not in {GROUP, CLUSTER} and not settled.candidates.array(f"by:{name}").any():
            yield f"splits.group_by names {name!r}, and no item has it"
    if plan.conflicts:
        yield (
            f"{plan.conflicts} groups of connected items were published in several splits; {plan.moved} items moved, "
            "towards test"
        )
    if settings.splits.shares and plan.published:
        yield f"{plan.published} items follow the splits that were published; {plan.drawn} were drawn by share"


def _result(run: _Run, settled: _Settled, total: tuple[int, int], notes: tuple[str, ...]) -> CurateResult:
    classes: dict[str, dict[str, int]] = {}
    splits: Counter[str] = Counter()
    for (name, split), count in sorted(run.counts.items()):
        classes.setdefault(name, {})[split] = count
        splits[split] += count
    return CurateResult(
        items=sum(run.outcomes.values()),
        kept=sum(run.counts.values()),
        held=run.outcomes[Outcome.HOLD],
        classes=classes,
        splits=dict(sorted(splits.items())),
        published=settled.plan.published,
        drawn=settled.plan.drawn,
        conflicts=settled.plan.conflicts,
        moved=settled.plan.moved,
        left_out=settled.left_out,
        surplus=settled.surplus,
        files=total[0],
        bytes=total[1],
        notes=notes,
    )
