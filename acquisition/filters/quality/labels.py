"""Classes: how even they are, which are rare, and which labels their own items do not bear out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from acquisition.errors import FilterUnavailable
from acquisition.filters.quality.cells import kind_of
from acquisition.filters.quality.faults import Fault
from acquisition.filters.quality.settings import LabelQuality

BUCKETS: Final = 1 << 18
FOLDS: Final = 5
MAX_WORDS: Final = 128
"""Words and word pairs of a text that are kept for doubting its label: those with the smallest digests."""
_FEW: Final = 0.3
"""Of an even share: with many classes each has a small one, and is none the rarer for it."""
_LEAST: Final = 20
"""Labelled items that a source must have before its classes are compared."""


def uneven(labels: Mapping[str, int], bounds: LabelQuality) -> Iterator[Fault]:
    """Yield imbalance and rare classes of one source or column."""
    labels = {label: count for label, count in labels.items() if kind_of(label)[0] != "missing"}
    total = sum(labels.values())
    if total < _LEAST or not 2 <= len(labels) <= max(2, total // 4):
        return
    smallest, count = min(labels.items(), key=lambda label: (label[1], label[0]))
    share, even = count / total, 1 / len(labels)
    if share < bounds.imbalance and share < _FEW * even:
        most = max(labels, key=lambda label: (labels[label], label))
        detail = f"{len(labels)} classes: {smallest[:40]!r} has {count:,}, {most[:40]!r} {labels[most]:,} of {total:,}"
        yield Fault("quality.imbalance", "", share, total, detail, share=True)
    rare = sorted(label for label, number in labels.items() if number < bounds.rare_items and number < _FEW * even * total)
    if rare:
        said = ", ".join(f"{label[:30]!r} {labels[label]}" for label in rare[:5])
        yield Fault("quality.rare-class", "", float(len(rare)), total, f"classes of fewer than {bounds.rare_items}: {said}")


def word_digests(texts: pa.Array, rows: Sequence[int], total: int) -> pa.Array:
    """Return for the named rows the buckets of their words and word pairs (list<uint32>), null for all others."""
    lists: list[list[int] | None] = [None] * total
    digest = xxhash.xxh32_intdigest
    for row in rows:
        words = texts[row].as_py()[:20_000].casefold().split()
        pairs = (f"{one} {other}" for one, other in pairwise(words))
        buckets = {digest(word.encode()) % BUCKETS for word in (*words, *pairs)}
        lists[row] = sorted(buckets)[:MAX_WORDS]
    return pa.array(lists, pa.list_(pa.uint32()))


def doubted(signatures: Mapping[str, Path], bounds: LabelQuality, base: Path) -> dict[str, dict[int, tuple[float, str]]]:
    """Return by shard and row how much a label is doubted (1 less the probability of the given label) and what it may be.

    By confident learning (Northcutt et al., arXiv 1911.00068) as cleanlab does it, for each source apart. Raises
    FilterUnavailable when cleanlab or the predictions are not there.
    """
    if bounds.noise == "none":
        return {}
    issues = _cleanlab()
    given = _predictions(base / bounds.predictions) if bounds.noise == "predictions" and bounds.predictions else None
    found: dict[str, dict[int, tuple[float, str]]] = {}
    for source in sorted({key.split("/")[0] for key in signatures}):
        keys = [key for key in sorted(signatures) if key.split("/")[0] == source]
        places, labels, chances, classes = _chances({key: signatures[key] for key in keys}, given)
        if len(places) < _LEAST or len(classes) < 2:
            continue
        for at in issues(labels=labels, pred_probs=chances, return_indices_ranked_by="self_confidence", n_jobs=1).tolist():
            key, row = places[at]
            score = round(1.0 - float(chances[at, labels[at]]), 4)
            found.setdefault(key, {})[row] = (score, classes[int(chances[at].argmax())])
    return found


def _cleanlab() -> Any:
    try:
        from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise FilterUnavailable(
            "labels cannot be doubted: cleanlab is not installed",
            where="filters.quality.labels.noise",
            hint="Install the extra (pip install 'acquisition[labels]'), or set noise: none.",
        ) from error
    return find_label_issues


_Chances = tuple[list[tuple[str, int]], np.ndarray, np.ndarray, list[str]]


def _chances(signatures: Mapping[str, Path], given: Mapping[str, dict[str, float]] | None) -> _Chances:
    """Return places (shard, row), labels as numbers, their probabilities (items, classes), and the classes."""
    tables = {
        key: pq.read_table(path, columns=["row", "item", "locator", "label", "words"]) for key, path in signatures.items()
    }
    counts = Counter(label for table in tables.values() for label in table["label"].to_pylist() if label)
    kept = {label for label, count in counts.items() if count >= FOLDS}
    classes = sorted(kept if given is None else set().union(*given.values()))
    number = {label: at for at, label in enumerate(classes)}
    places: list[tuple[str, int]] = []
    labels: list[int] = []
    words: list[Any] = []
    for key, table in tables.items():
        for row in table.to_pylist():
            told = given.get(row["item"]) or given.get(row["locator"]) if given is not None else row["words"]
            if row["label"] in number and told:
                places.append((key, row["row"]))
                labels.append(number[row["label"]])
                words.append(told)
    truth = np.array(labels, dtype=np.int64)
    if given is not None:
        table = np.array([[row.get(name, 0.0) for name in classes] for row in words], dtype=np.float64).reshape(
            -1, max(1, len(classes))
        )
        return places, truth, table / np.maximum(table.sum(axis=1, keepdims=True), 1e-12), classes
    return places, truth, _out_of_fold(words, truth, len(classes)), classes


def _out_of_fold(words: Sequence[Sequence[int]], truth: np.ndarray, classes: int) -> np.ndarray:
    """Return the probabilities that a naive Bayes over words gives each item from the other folds (items, classes).

    Its logarithms are divided by the root of the number of words: words are not independent, and its plain answer knows
    only 0 and 1.
    """
    if not len(truth):
        return np.zeros((0, classes))
    folds = np.arange(len(truth)) % FOLDS
    lengths = np.array([len(row) for row in words])
    flat = np.fromiter((word for row in words for word in row), dtype=np.int64, count=int(lengths.sum()))
    _, flat = np.unique(flat, return_inverse=True)
    vocabulary = int(flat.max()) + 1
    owner = np.repeat(np.arange(len(truth)), lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    cells = np.bincount(truth[owner] * vocabulary + flat, minlength=classes * vocabulary).reshape(classes, vocabulary)
    chances = np.zeros((len(truth), classes))
    for fold in range(FOLDS):
        mine = folds == fold
        inside = mine[owner]
        held = np.bincount(truth[owner[inside]] * vocabulary + flat[inside], minlength=classes * vocabulary)
        seen = cells - held.reshape(classes, vocabulary) + 0.1
        weights = np.log(seen) - np.log(seen.sum(axis=1, keepdims=True))
        prior = np.log(np.bincount(truth[~mine], minlength=classes) + 1.0)
        for one in range(classes):
            sums = np.add.reduceat(weights[one][flat], starts)
            chances[mine, one] = sums[mine] / np.sqrt(np.maximum(lengths[mine], 1)) + prior[one]
    chances -= chances.max(axis=1, keepdims=True)
    np.exp(chances, out=chances)
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def _predictions(path: Path) -> dict[str, dict[str, float]]:
    """Return probabilities by item id or locator. FilterUnavailable when the file is not there or is no such table."""
    if not path.is_file():
        raise FilterUnavailable(
            f"the predictions are not there: {path.name}",
            where="filters.quality.labels.predictions",
            hint="Write one row per item: a column id or locator, and one column per class with its out-of-sample probability.",
        )
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else _csv(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise FilterUnavailable(f"the predictions cannot be read: {error}", where=str(path)) from error
    key = next((name for name in ("id", "locator") if name in table.column_names), "")
    classes = [name for name in table.column_names if name != key]
    numeric = all(pa.types.is_floating(table[name].type) or pa.types.is_integer(table[name].type) for name in classes)
    if not key or len(classes) < 2 or not numeric:
        raise FilterUnavailable(
            "the predictions need a column id or locator and a column of numbers for each of two or more classes",
            where=str(path),
            hint=f"there are: {', '.join(table.column_names[:12])}",
        )
    columns = [pc.fill_null(table[name].cast(pa.float64()), 0.0).to_pylist() for name in classes]
    names = table[key].cast(pa.string()).to_pylist()
    return {name: dict(zip(classes, row, strict=True)) for name, row in zip(names, zip(*columns, strict=True), strict=True)}


def _csv(path: Path) -> pa.Table:
    from pyarrow import csv

    return csv.read_csv(path)
