"""Columns that give the label away, columns that name the row, and groups or rows that stand on both sides of a split."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from acquisition.filters.quality.faults import Fault, Sample, present
from acquisition.filters.quality.sketches import Table
from acquisition.filters.quality.spellings import spelling
from acquisition.model import SPLIT_NAMES

_LABEL: Final = re.compile(
    r"(?i)(?:label|target|class|outcome|y|category|diagnosis|response|ground_?truth|is_fraud|churn(?:ed)?|survived)"
)
_SPLIT: Final = re.compile(r"(?i)(?:data_?)?(?:split|subset|partition|fold|set)")
PARTS: Final = {**SPLIT_NAMES, "holdout": "test"}
"""A hold-out is a split of its own in the curated set; to a leak it is one more test."""
_GROUP: Final = re.compile(
    r"(?i)(?:.*_)?(?:patient|subject|user|speaker|author|customer|client|session|participant|person|group|household|doc|student)"
    r"(?:[ _-]?(?:id|no|nr|number|name|key))?"
)
MIN_CLASS: Final = 10
"""Items that a class must have before a column can be said to tell it."""


def label_of(table: Table, sample: Sample, declared: str | None) -> tuple[str, list[str | None]]:
    """Return the name of the column that holds the label, "" where the items' own label is it, and the labels of the sample."""
    if any(label for label in sample.labels):
        return "", list(sample.labels)
    if declared in table.columns and declared is not None:
        return declared, [word or None for word in sample.words(declared)]
    for name in table.columns:
        if _LABEL.fullmatch(name.strip()) and 2 <= len(table.columns[name].values) <= 50 and not table.columns[name].more:
            return name, [word or None for word in sample.words(name)]
    return "", []


def leaking(table: Table, sample: Sample, label: str, labels: Sequence[str | None], bound: float) -> Iterator[Fault]:
    """Yield columns that alone tell the label: AUROC for two classes, mean recall per class by the nearest values otherwise."""
    rows = [at for at, word in enumerate(labels) if word]
    counts = Counter(labels[at] for at in rows)
    kept = {word for word, count in counts.items() if count >= MIN_CLASS}
    rows = [at for at in rows if labels[at] in kept]
    if not 2 <= len(kept) <= 50:
        return
    order = sorted(word for word in kept if word)
    truth = np.array([order.index(labels[at] or "") for at in rows])
    for name, column in table.columns.items():
        if name == label or present(column) < 2 * MIN_CLASS:
            continue
        told, how = _told(sample, name, rows, truth, len(order))
        if told > bound:
            yield Fault("quality.leaking-column", name, told, len(rows), f"{how} {told:.3f} against the label")


def _told(sample: Sample, name: str, rows: list[int], truth: np.ndarray, classes: int) -> tuple[float, str]:
    numbers = sample.numbers(name)[rows]
    known = np.isfinite(numbers)
    if known.sum() >= 0.9 * len(rows) and len(np.unique(numbers[known])) > 10:
        if classes == 2:
            return _auroc(numbers[known], truth[known]), "AUROC"
        return _neighbours(numbers[known], truth[known], classes), "mean recall by the nearest values"
    every = sample.words(name)
    words = [every[at] for at in rows]
    if len(set(words)) > 0.5 * len(words):
        return 0.0, ""
    return _majority(words, truth, classes), "mean recall by equal values"


def _auroc(numbers: np.ndarray, truth: np.ndarray) -> float:
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if min(positives, negatives) < MIN_CLASS:
        return 0.0
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    area = (ranks[truth == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return float(max(area, 1 - area))


def _neighbours(numbers: np.ndarray, truth: np.ndarray, classes: int) -> float:
    """Return the mean recall of naming each item after the items beside it in order; 1.0 where sorting parts all classes."""
    order = np.argsort(numbers, kind="stable")
    told, values = truth[order], numbers[order]
    changes = np.flatnonzero(told[1:] != told[:-1])
    if len(changes) == classes - 1 and bool((values[changes] < values[changes + 1]).all()):
        return 1.0
    before, after = np.r_[-1, told[:-1]], np.r_[told[1:], -1]
    right = (told == before) & (told == after)
    ends = np.r_[True, np.zeros(max(0, len(told) - 2), bool), True][: len(told)]
    right |= ends & ((told == before) | (told == after))
    return float(np.mean([right[told == one].mean() if (told == one).any() else 0.0 for one in range(classes)]))


def _majority(words: Sequence[str], truth: np.ndarray, classes: int) -> float:
    """Return the mean recall of naming each item after the most of the others with the same value."""
    _, codes = np.unique(np.array(words, dtype=object).astype(str), return_inverse=True)
    votes = np.zeros((int(codes.max()) + 1, classes), np.int64)
    np.add.at(votes, (codes, truth), 1)
    others = votes[codes]
    others[np.arange(len(truth)), truth] -= 1
    right = (others.argmax(axis=1) == truth) & others.any(axis=1)
    return float(np.mean([right[truth == one].mean() if (truth == one).any() else 0.0 for one in range(classes)]))


def identifying(table: Table, sample: Sample) -> Iterator[Fault]:
    """Yield columns with another value in every row that is no measurement: words without spaces, or whole numbers."""
    for name, column in table.columns.items():
        words = [word for word in sample.words(name) if word]
        if len(words) < 20 or len(set(words)) < len(words) or present(column) < 0.99 * column.rows:
            continue
        whole = all(re.fullmatch(r"[\w:.-]{1,64}", word) and not re.fullmatch(r"-?\d+\.\d+", word) for word in words)
        numbers = sample.numbers(name)
        named = re.search(r"(?i)(?:^|[_ .-])(?:id|uuid|key|index|no|nr|number|code|sku|isbn)$|id$|^unnamed", name)
        serial = bool(np.isfinite(numbers).all()) and float(np.ptp(numbers)) < 2 * table.rows
        texts = column.numbers < 0.5 * column.rows
        if whole and (named or serial or texts):
            yield Fault(
                "quality.id-column", name, 1.0, column.rows, "another value in every row: it names rows and describes none"
            )


def split_across(table: Table, sample: Sample) -> Iterator[Fault]:
    """Yield columns of groups (patients, speakers…) whose values stand in two parts of the table's own split."""
    for name in table.columns:
        if not _SPLIT.fullmatch(name.strip()):
            continue
        parts = [PARTS.get(spelling(word), "") for word in sample.words(name)]
        if len(set(parts) - {""}) < 2 or sum(map(bool, parts)) < 0.9 * len(parts):
            continue
        for group in table.columns:
            if group != name and _GROUP.fullmatch(group.strip()):
                yield from _both_sides(group, sample.words(group), parts)
        others = [column for column in sorted(table.columns) if column != name and not _is_id(column)]
        rows = (
            ["\x1f".join(cells) for cells in zip(*(sample.words(column) for column in others), strict=True)] if others else []
        )
        yield from _both_sides("", rows, parts)


def _is_id(name: str) -> bool:
    return bool(re.search(r"(?i)^(?:id|index|row|uuid|key)$|^unnamed", name.strip()))


def _both_sides(column: str, groups: Sequence[str], parts: Sequence[str]) -> Iterator[Fault]:
    sides: dict[str, set[str]] = defaultdict(set)
    for group, part in zip(groups, parts, strict=True):
        if group and part:
            sides[group].add(part)
    leaked = [group for group, known in sides.items() if len(known) > 1]
    if leaked:
        what = f"values of {column!r}" if column else "rows"
        yield Fault(
            "quality.split-leak",
            column,
            len(leaked) / len(sides),
            len(sides),
            f"{len(leaked)} {what} stand in two parts",
            share=True,
        )
