"""The second pass: rows go through the layout, and for every item of every shard its place, or why it has none, is written."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.curate.candidates import ShardView, positions
from acquisition.curate.files import FileList, digest_of
from acquisition.curate.redact import Span, merge, redact_row
from acquisition.curate.settling import EMBARGO, Settled
from acquisition.errors import PluginError
from acquisition.model import (
    ITEM_SCHEMA,
    PLACEMENT_SCHEMA,
    Evidence,
    JudgedShard,
    Modality,
    Outcome,
    Release,
    joined_labels,
)
from acquisition.protocols import LinkContent, Placed
from acquisition.rights.items import conclude_item
from acquisition.workspace import atomic_file

_ROWS: Final = 1_000
_INT32: Final = 2**31 - 1


def placement_path(placements: Path, judged: JudgedShard) -> Path:
    """Return where the placements of an item shard lie."""
    return placements / f"{judged.shard.key}.parquet"


@dataclass(frozen=True, slots=True)
class Rights:
    """What the license of an item is concluded from: the releases, and the license texts of every source."""

    releases: Mapping[str, Release]
    texts: Mapping[str, tuple[Evidence, ...]]

    def license_of(self, source: str, item: Mapping[str, Any]) -> str:
        """Return the concluded SPDX expression of one item."""
        release = self.releases.get(source)
        texts = self.texts.get(release.source, ()) if release is not None else ()
        return conclude_item(release, item["license_raw"], item["license_url"], texts).concluded


@dataclass(slots=True)
class _Pending:
    """A shard whose kept items are on their way through the layout."""

    view: ShardView
    staying: Any
    columns: dict[str, list[Any]]
    expected: deque[int]


@dataclass(slots=True)
class Placing:
    """Hands kept items to a layout, hears where they went, and writes the placements. `layout` is its name, for complaints."""

    settled: Settled
    curated: Path
    placements: Path
    files: FileList
    layout: str
    rights: Rights
    linker: LinkContent
    progress: Callable[[int, int], None]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    licenses: Counter[tuple[str, str]] = field(default_factory=Counter)
    modalities: Counter[str] = field(default_factory=Counter)
    _staying: list[tuple[str, tuple[str, ...]]] = field(init=False)
    _pending: deque[_Pending] = field(default_factory=deque)
    _linked: dict[str, tuple[str, int]] = field(default_factory=dict)
    _sealed: set[str] = field(default_factory=set)
    _done: int = 0

    def __post_init__(self) -> None:
        """Ask once what stays of each combination of classes."""
        self._staying = [(joined_labels(names), names) for names in self.settled.combinations()]

    def link(self, row: Mapping[str, Any], target: Path) -> int:
        """Put an item's bytes at `target`; refuses an item whose text was redacted, because its bytes were not."""
        if row["id"] in self._sealed:
            raise PluginError(f"a layout asked for the original bytes of {row['id']}, whose text is redacted")
        size = self.linker(row, target)
        self._linked[target.relative_to(self.curated).as_posix()] = (row["content_sha256"], size)
        return size

    def items(self, shards: Iterator[ShardView]) -> Iterator[Placed]:
        """Yield every item that stays, in the order of shards and rows, redacted."""
        codes = self.settled.candidates.array("class")
        for shard, where in zip(shards, positions(self.settled.candidates.bounds), strict=True):
            pending = self._open(shard, where)
            self._pending.append(pending)
            yield from self._rows(pending, where, codes[where][self.settled.reason[where] == 0])
            self.progress(self._done, len(self.settled.reason))

    def _open(self, shard: ShardView, where: slice) -> _Pending:
        """Prepare the placement columns of one shard, with what keeps items out that the policy keeps."""
        rows = shard.verdicts.num_rows
        columns: dict[str, list[Any]] = {name: shard.verdicts.column(name).to_pylist() for name in shard.verdicts.column_names}
        columns |= {name: [""] * rows for name in ("split", "path", "stored_sha256")}
        joined = {names: joined_labels(names) for names in set(shard.classes)}
        columns |= {"class": [joined[names] for names in shard.classes], "cluster": list(shard.clusters)}
        columns |= {
            "group": self.settled.candidates.groups.of(shard.judged),
            "stored_size": [0] * rows,
            "changes": [[] for _ in range(rows)],
        }
        columns["redactions"] = [_as_structs(shard.spans.get(row, ())) for row in range(rows)]
        kept, reason = shard.kept, self.settled.reason[where]
        for offset in (reason > 0).nonzero()[0].tolist():
            row = int(kept[offset])
            refusal = self.settled.refusal(where.start + offset, shard.classes[row])
            told = {"outcome": Outcome.HOLD.value, "code": refusal.code, "rule": refusal.rule, "why": refusal.why}
            for name, value in (told | {"filter": "", "score": 1.0}).items():
                columns[name][row] = value
            if refusal.code == EMBARGO:
                columns["class"][row] = ""  # its answer would be no secret any more
        staying = kept[reason == 0]
        return _Pending(shard, staying, columns, deque(staying.tolist()))

    def _rows(self, pending: _Pending, where: slice, codes: Any) -> Iterator[Placed]:
        if not len(pending.staying):
            return
        splits = self.settled.split[where][self.settled.reason[where] == 0]
        self._count(codes, splits)
        table = pq.read_table(pending.view.judged.shard.path, memory_map=False, partitioning=None).select(ITEM_SCHEMA.names)
        for start in range(0, len(pending.staying), _ROWS):
            chunk = pending.staying[start : start + _ROWS]
            facts = zip(chunk.tolist(), splits[start : start + _ROWS], codes[start : start + _ROWS], strict=True)
            for item, (row, split, code) in zip(table.take(chunk).to_pylist(), facts, strict=True):
                yield self._item(pending, row, item, (self.settled.plan.names[split], *self._staying[code]))

    def _count(self, codes: Any, splits: Any) -> None:
        """Count the staying items of a shard by class and split."""
        pairs, counts = np.unique(np.stack([codes, splits], axis=1), axis=0, return_counts=True)
        for (code, split), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            name = self.settled.plan.names[split]
            self.splits[name] += count
            for one in self._staying[code][1]:
                self.counts[one, name] += count

    def _item(self, pending: _Pending, row: int, item: dict[str, Any], place: tuple[str, str, tuple[str, ...]]) -> Placed:
        split, label, classes = place
        columns, spans = pending.columns, pending.view.spans.get(row, [])
        if columns["outcome"][row] != Outcome.REDACT.value:
            spans = []
        changed, changes = redact_row(item, spans) if spans else (item, [])
        if item["modality"] in {Modality.TEXT, Modality.TABLE} and any(_is_content(span[0]) for span in spans):
            self._sealed.add(item["id"])
        if classes != pending.view.classes[row]:
            gone = ", ".join(repr(name) for name in pending.view.classes[row] if name not in classes)
            changes = [*changes, f"label: without {gone}, which is left out of the set"]
        columns["split"][row], columns["changes"][row], columns["class"][row] = split, changes, label
        license_ = self.rights.license_of(pending.view.judged.shard.source, item)
        self.licenses[pending.view.judged.shard.source, license_] += 1
        self.modalities[item["modality"]] += 1
        return Placed(changed, label, split, tuple(spans), license_, classes)

    def place(self, item: str, path: str) -> None:
        """Hear where an item went; items come in the order in which they were handed out."""
        while self._pending and not self._pending[0].expected:
            self._close(self._pending.popleft())
        if not self._pending:
            raise PluginError(f"layout {self.layout!r} placed {item}, which it was not given")
        pending = self._pending[0]
        row = pending.expected.popleft()
        if pending.columns["item"][row] != item:
            raise PluginError(f"layout {self.layout!r} placed {item} out of order")
        self._sealed.discard(item)
        pending.columns["path"][row] = path
        if "#" not in path:
            digest, size = self._linked.pop(path) if path in self._linked else digest_of(self.curated / path)
            pending.columns["stored_sha256"][row], pending.columns["stored_size"][row] = digest, size
        self._done += 1

    def finish(self) -> None:
        """Write what is still pending; PluginError when the layout has lost items."""
        while self._pending:
            pending = self._pending.popleft()
            if pending.expected:
                raise PluginError(f"layout {self.layout!r} did not place all items it was given")
            self._close(pending)
        self._linked.clear()

    def _close(self, pending: _Pending) -> None:
        columns = pending.columns
        self.outcomes.update(columns["outcome"])
        self.decided.update(zip(columns["outcome"], columns["code"], strict=True))
        batch = pa.RecordBatch.from_arrays(
            [pa.array(columns[field.name], field.type) for field in PLACEMENT_SCHEMA], schema=PLACEMENT_SCHEMA
        )
        target = placement_path(self.placements, pending.view.judged)
        with atomic_file(target) as stream, pq.ParquetWriter(stream, PLACEMENT_SCHEMA, compression="zstd") as writer:
            writer.write_batch(batch)
        self.files.add(
            (columns["path"][row], columns["stored_sha256"][row], columns["stored_size"][row])
            for row in pending.staying.tolist()
            if columns["stored_sha256"][row]
        )


def _is_content(field: str) -> bool:
    return field == "text" or field.startswith("fields")


def _as_structs(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Return spans as they are stored: sorted, and overlapping ones joined."""
    return [
        {"field": name, "start": start, "end": end, "placeholder": mark}
        for name in sorted({span[0] for span in spans})
        for start, end, mark in merge([span[1:] for span in spans if span[0] == name], _INT32)
    ]
