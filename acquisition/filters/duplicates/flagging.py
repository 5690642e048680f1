"""Writes what was decided about copies as flags, shard by shard, and counts them by source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from acquisition.filters.duplicates.contamination import Hit
from acquisition.filters.duplicates.joining import Clusters
from acquisition.filters.duplicates.links import HOWS
from acquisition.filters.duplicates.tables import Signatures
from acquisition.filters.flags import detail_json
from acquisition.model import FLAG_SCHEMA, SPLIT_NAMES

_SHOWN: Final = 5
_SAME: Final = frozenset({"duplicate.exact", "duplicate.normalised"})
Row = tuple[int, str, str, float, str, int, int, str]


@dataclass(slots=True)
class Counts:
    """How many items of each source got each code, and how many there are."""

    items: Counter[str] = field(default_factory=Counter)
    flags: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


class Findings:
    """Everything that is to be said, by item."""

    def __init__(self, clusters: Clusters | None, hits: Mapping[int, Sequence[Hit]], short: int) -> None:
        self._short = short
        self._hits = hits
        self._clusters = clusters
        self._columns: dict[str, list[Any]] = {}
        self._conflicts: dict[int, list[str]] = {}
        self._leaks: dict[int, dict[str, int]] = {}
        if clusters is not None:
            names = ("row", "item", "source", "split", "label", "letters")
            self._columns = {name: clusters.members.column(name).to_pylist() for name in names}
            self._conflicts = self._conflicting()
            self._leaks = self._leaking()

    def flags(self, signatures: Signatures, counts: Counts) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (shard key, flags) for every shard that has flags, and count them."""
        clusters = self._clusters
        positions = clusters.positions if clusters is not None else np.zeros(0, np.int64)
        cuts = np.searchsorted(positions, signatures.starts)
        hit = np.array(sorted(self._hits), dtype=np.int64)
        hits = np.searchsorted(hit, signatures.starts)
        for index, key in enumerate(signatures.keys):
            source = key.split("/", 1)[0]
            counts.items[source] += int(signatures.starts[index + 1] - signatures.starts[index])
            rows = [row for node in range(cuts[index], cuts[index + 1]) for row in self._copies(node)]
            rows += self._unseen(signatures, index)
            rows += self._contaminated(signatures, hit[hits[index] : hits[index + 1]], int(signatures.starts[index]))
            if rows:
                counts.flags[source].update(Counter(row[2] for row in rows))
                yield key, _batch(sorted(rows, key=lambda row: (row[0], row[2], row[5], row[7])))

    def _copies(self, node: int) -> Iterator[Row]:
        row, item = self._columns["row"][node], self._columns["item"][node]
        code, score, facts = self._level(node)
        cluster = self._cluster(node)
        assert self._clusters is not None
        bearers = self._conflicts.get(int(self._clusters.normal[node]))
        # Dropped as a copy, an item with another label than the preferred one would take the choice from whoever decides.
        if not (bearers and code in _SAME and self._labelled_otherwise(node)):
            yield row, item, code, score, "", -1, -1, detail_json(**facts)
        if bearers:
            detail = detail_json(
                items=bearers[:_SHOWN], distinct=len(bearers), cluster=cluster, place=int(self._clusters.place[node])
            )
            yield row, item, "duplicate.label-conflict", 1.0, "", -1, -1, detail
        if splits := self._leaks.get(int(self._clusters.near[node])):
            detail = detail_json(cluster=cluster, split=_split(self._columns["split"][node]), splits=splits)
            yield row, item, "duplicate.split-leak", 1.0, "", -1, -1, detail

    def _labelled_otherwise(self, node: int) -> bool:
        assert self._clusters is not None
        own, preferred = (self._columns["label"][at] for at in (node, int(self._clusters.normal[node])))
        return (own or "").strip().casefold() != (preferred or "").strip().casefold()

    def _level(self, node: int) -> tuple[str, float, dict[str, Any]]:
        """Return code, score and facts for the tightest level at which the item is not the kept copy."""
        clusters = self._clusters
        assert clusters is not None
        facts: dict[str, Any] = {"cluster": self._cluster(node), "place": int(clusters.place[node])}
        if clusters.exact[node] != node:
            return "duplicate.exact", 1.0, {**facts, **self._kept(clusters.exact[node]), "by": "bytes"}
        if clusters.normal[node] != node:
            how = HOWS[clusters.how[node]]
            score = 0.5 if how == "text" and self._columns["letters"][node] < self._short else 1.0
            return "duplicate.normalised", score, {**facts, **self._kept(clusters.normal[node]), "by": how}
        if clusters.near[node] != node:
            similarity, told = self._similarity(node)
            return "duplicate.near", _score(similarity, told), {**facts, **self._kept(clusters.near[node]), **told}
        return "duplicate.representative", 1.0, facts

    def _similarity(self, node: int) -> tuple[float, dict[str, Any]]:
        """Return the similarity with the kept copy, and how it was found: by a link to it or to another one of the cluster."""
        clusters = self._clusters
        assert clusters is not None
        told: dict[str, Any] = {}
        best = int(clusters.best[node])
        similarity = 0.0
        if best >= 0:
            links = clusters.links
            other = int(links.b[best] if links.a[best] == node else links.a[best])
            similarity = round(float(links.similarity[best]), 4)
            told = {"by": HOWS[links.how[best]], "direct": other == int(clusters.near[node])}
            if not told["direct"]:
                told |= {"through": self._columns["item"][other], "through_similarity": similarity}
                onward = int(clusters.best[other])  # a chain is as strong as its weakest link
                similarity = round(min(similarity, float(links.similarity[onward])), 4)
        if clusters.direct[node] >= 0 and told.get("by") in (None, "shingles"):
            similarity = round(float(clusters.direct[node]), 4)
            told |= {"words": round(float(clusters.words[node]), 4), "whole": bool(clusters.whole[node])}
        return similarity, {"similarity": similarity, **told}

    def _cluster(self, node: int) -> str:
        """Return the cluster's id: the item id of the copy that is preferred over all others."""
        assert self._clusters is not None
        item: str = self._columns["item"][int(self._clusters.near[node])]
        return item

    def _kept(self, kept: int) -> dict[str, str]:
        return {"kept": self._columns["item"][int(kept)], "kept_source": self._columns["source"][int(kept)]}

    def _conflicting(self) -> dict[int, list[str]]:
        """Return for every group of same content with several labels one item of each label, by the group's kept copy.

        Items stand for the labels: a label may hold what the policy redacts, and a flag's detail is passed on as it is.
        """
        assert self._clusters is not None
        bearers: dict[int, dict[str, str]] = {}
        for group, label, item in zip(
            self._clusters.normal.tolist(), self._columns["label"], self._columns["item"], strict=True
        ):
            if label is not None:
                found = bearers.setdefault(group, {})
                plain = label.strip().casefold()
                found[plain] = min(item, found.get(plain, item))
        return {group: sorted(found.values()) for group, found in bearers.items() if len(found) > 1}

    def _leaking(self) -> dict[int, dict[str, int]]:
        """Return for every cluster with items in several published splits how many stand in each, by its kept copy."""
        assert self._clusters is not None
        found: dict[int, Counter[str]] = defaultdict(Counter)
        for kept, split in zip(self._clusters.near.tolist(), self._columns["split"], strict=True):
            if split:
                found[kept][_split(split)] += 1
        return {kept: dict(sorted(splits.items())) for kept, splits in found.items() if len(splits) > 1}

    def _unseen(self, signatures: Signatures, index: int) -> Iterator[Row]:
        errors = signatures.shard(index, ["unseen"]).column(0)
        if errors.null_count < len(errors):
            items = signatures.shard(index, ["item"]).column(0)
            for row in np.flatnonzero(errors.is_valid().to_numpy()).tolist():
                told = detail_json(error=errors[row].as_py())
                yield row, items[row].as_py(), "duplicate.not-checked", 1.0, "", -1, -1, told

    def _contaminated(self, signatures: Signatures, hit: np.ndarray, start: int) -> list[Row]:
        if not len(hit):
            return []
        items = signatures.take(hit, ["item"]).column("item").to_pylist()
        rows: list[Row] = []
        for position, item in zip(hit.tolist(), items, strict=True):
            for one in self._hits[position]:
                field = "text" if one.start >= 0 else ""
                rows.append(
                    (position - start, item, "duplicate.contamination", one.score, field, one.start, one.end, one.detail())
                )
        return rows


def _score(similarity: float, told: Mapping[str, Any]) -> float:
    """Return the score of a near copy on the scale of texts, where .9 is a copy: each measure has a place of its own for that.

    A picture that passed PDQ's own limit (31 of 256 bits) is a copy, and so is a recording of which at most 15 % of the bits
    changed; beyond that the measured similarity stands.
    """
    sure = {"pdq": 0.87, "sound": 0.7}.get(str(told.get("by")))
    if sure is None or similarity < sure:
        return similarity
    return round(0.9 + 0.1 * (similarity - sure) / (1 - sure), 4)


def _split(name: str | None) -> str:
    plain = (name or "").strip().casefold()
    return SPLIT_NAMES.get(plain, plain)


def _batch(rows: Sequence[Row]) -> pa.RecordBatch:
    kinds = (pa.int32(), pa.string(), pa.string(), pa.float64(), pa.string(), pa.int32(), pa.int32(), pa.string())
    columns = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)]
    return pa.record_batch(columns, schema=FLAG_SCHEMA)
