"""Judges the columns of one table from its sketch: missing values, constants, types, spellings, outliers, copies.

Every rule yields a `Fault`; `leaks` and `splits` judge columns against labels and parts. Sources of rules and bounds stand in
docs/flags.md and docs/decisions/0027-quality.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from acquisition.filters.quality.cells import kind_of, number_of
from acquisition.filters.quality.faults import Fault, Sample, number_in, numeric_share, present
from acquisition.filters.quality.rows import fences
from acquisition.filters.quality.sketches import Column, Table
from acquisition.filters.quality.spellings import several_spellings

_CLINICAL: Final = re.compile(
    r"(?i)glucose|insulin|blood.?press|\bbp\b|systolic|diastolic|pressure|skin|triceps|\bbmi\b|body.?mass|cholesterol|\bhdl\b"
    r"|\bldl\b|triglycerid|h(?:a)?emoglobin|creatinin|albumin|heart.?rate|pulse|respirat|temperature|weight|height|length|diameter"
    r"|platelet|potassium|sodium|calcium|bilirubin|hematocrit|oxygen|spo2|waist"
)
_AUTOMATIC: Final = re.compile(r"column_\d+")
_YEAR: Final = re.compile(r"(?:1[89]|20)\d\d")
_SENTINELS: Final = frozenset(
    sign * value for sign in (-1, 1) for value in (99, 999, 9999, 99999, 999999, 9999999, 99.9, 999.9, 999.99, 9999.99)
) | {
    -1.0,
    -9.0,
    -88.0,
    -888.0,
    -8888.0,
    -200.0,
    -100.0,
    -1000.0,
    -9998.0,
    888.0,
    8888.0,
    -32768.0,
    32767.0,
    65535.0,
    1e20,
    -1e20,
}


def judge(table: Table, sample: Sample) -> Iterator[Fault]:
    """Yield all faults of a table's columns, column by column, those of the whole table last."""
    for name, column in table.columns.items():
        numbers = sample.numbers(name) if column.numbers + column.comma else np.zeros(0)
        sentinel = _sentinel(column, numbers)
        kept = numbers[np.isfinite(numbers) & (numbers != sentinel)] if sentinel is not None else numbers[np.isfinite(numbers)]
        yield from _missing(name, column, sentinel)
        yield from _zeros(name, column, kept)
        yield from _constant(name, column)
        yield from _types(name, column)
        yield from several_spellings(name, column)
        yield from _outliers(name, column, kept, sentinel)
    yield from _header(table)
    yield from _copies(table, sample)


def _missing(name: str, column: Column, sentinel: float | None) -> Iterator[Fault]:
    words = Counter(column.missing)
    if column.doubtful and (numeric_share(column) > 0.5 or column.dates or len(column.values) > 30):
        words.update(column.doubtful)
    if sentinel is not None:
        words[f"{sentinel:g}"] += sum(count for word, count in column.values.items() if number_in(word) == sentinel)
    count = words.total()
    if count and column.rows:
        said = ", ".join(f"{word or 'empty'} ×{times}" for word, times in words.most_common(5))
        yield Fault("quality.missing-values", name, count / column.rows, column.rows, said, share=True)


def _sentinel(column: Column, numbers: np.ndarray) -> float | None:
    """Return the number that stands for nothing: a known one, repeated, at the end of the column and far from the others."""
    finite = numbers[np.isfinite(numbers)]
    if len(finite) < 20 or numeric_share(column) < 0.8:
        return None
    values, counts = np.unique(finite, return_counts=True)
    if len(values) < 4:
        return None
    for value, count, rest in ((values[0], counts[0], values[1:]), (values[-1], counts[-1], values[:-1])):
        others = finite[finite != value]
        spread = float(np.subtract(*np.percentile(others, [95, 5]))) or float(np.ptp(others))
        gap = float(abs(rest[0] - value) if value < rest[0] else abs(value - rest[-1]))
        negative = value < 0 <= rest[0]
        known = float(value) in _SENTINELS
        steps = gap / max(float(np.min(np.diff(rest))), 1e-12) if len(rest) > 1 else 0.0
        if count >= 2 and known and (gap > spread or (negative and (value != -1.0 or steps < 2 or rest[0] > 0))):
            return float(value)
        if count >= max(3, 0.005 * len(finite)) and negative and gap > 3 * spread:
            return float(value)
    return None


def _zeros(name: str, column: Column, numbers: np.ndarray) -> Iterator[Fault]:
    """Zeros that stand for missing: all other values are positive and keep a distance from zero that no counting explains.

    0 < share < 0.6 and P1/IQR > 0.5 of the others, or a clinical name; the others begin at least five of their own steps
    above zero, so that counts (1, 2, 3…) and concentrations that fade out (0.01, 0.02…) pass.
    """
    zeros, others = int((numbers == 0).sum()), numbers[numbers != 0]
    if column.zeros <= 1 or not zeros or len(others) < 20 or numeric_share(column) < 0.8:
        return
    share = zeros / len(numbers)
    if share >= 0.6 or others.min() <= 0:
        return
    distinct = np.unique(np.round(others, 9))
    if len(distinct) < 6:
        return
    first, low, high = np.percentile(others, [1, 25, 75])
    steps = first / max(float(np.min(np.diff(distinct))), 1e-9)
    far = first > 0.5 * max(high - low, 1e-12)
    near = float(others.min()) / max(float(np.min(np.diff(distinct))), 1e-9)
    if steps >= 5 and near >= 3 and (far or _CLINICAL.search(name)):
        detail = f"{column.zeros} zeros; all other values are at least {others.min():g}"
        yield Fault("quality.zeros-as-missing", name, share, column.rows, detail, share=True)


def _constant(name: str, column: Column) -> Iterator[Fault]:
    filled = present(column)
    if column.rows < 10:
        return
    if not filled:
        yield Fault("quality.constant-column", name, 1.0, column.rows, "there is nothing in it", share=True)
        return
    if column.more:
        return
    word, count = column.values.most_common(1)[0]
    if len(column.values) == 1 and (filled > 1 or column.rows == 1):
        yield Fault("quality.constant-column", name, 1.0, filled, f"every value is {word[:40]!r}", share=True)
    elif count > 0.99 * filled and filled >= 200:
        yield Fault("quality.constant-column", name, count / filled, filled, f"nearly every value is {word[:40]!r}", share=True)


def _types(name: str, column: Column) -> Iterator[Fault]:
    """Numbers with some text among them, dates with text, dates in several forms."""
    plain, dated = column.numbers + column.comma, column.dates.total()
    filled = plain + column.dressed + column.texts + dated
    if filled < 10:
        return
    odd = column.texts + dated + column.dressed
    if plain >= 0.8 * filled and odd:
        examples = _examples(column)
        yield Fault("quality.wrong-type", name, odd / filled, filled, f"numbers, and {examples}", share=True)
    elif column.comma > 0.05 * plain and plain >= 0.8 * filled and _points(column) > 0.05 * plain:
        yield Fault("quality.wrong-type", name, column.comma / plain, plain, "decimal points and decimal commas", share=True)
    elif dated >= 0.8 * filled and filled - dated:
        yield Fault("quality.wrong-type", name, 1 - dated / filled, filled, f"dates, and {_examples(column)}", share=True)
    forms = [form for form, count in column.dates.items() if count >= max(1, 0.01 * dated)]
    if len(forms) > 1 and dated >= 0.5 * filled:
        detail = "dates as " + ", ".join(sorted(forms))
        yield Fault("quality.mixed-dates", name, 1 - max(column.dates.values()) / dated, dated, detail, share=True)


def _points(column: Column) -> int:
    return sum(count for word, count in column.values.items() if "." in word and number_in(word) == number_in(word))


def _examples(column: Column) -> str:
    odd = [
        word for word in column.values if number_in(word) != number_in(word) and kind_of(word)[0] not in ("missing", "doubtful")
    ]
    return ", ".join(repr(word[:24]) for word in sorted(odd)[:3]) or "something else"


def _outliers(name: str, column: Column, numbers: np.ndarray, sentinel: float | None) -> Iterator[Fault]:
    """Numbers far out (`rows.fences`) or of a sign of their own, where they are few: up to 1 % of the column."""
    distinct = len(np.unique(numbers))
    serial = distinct > 0.9 * len(numbers) and bool((numbers == np.round(numbers)).all())
    if len(numbers) < 30 or numeric_share(column) < 0.8 or distinct <= 2 or serial:
        return
    low, high = fences(numbers)
    outside = numbers[(numbers < low) | (numbers > high)]
    extremes = [one for one in (column.low, column.high) if not low <= one <= high and np.isfinite(one) and one != sentinel]
    negative = numbers[numbers < 0]
    if 0 < len(negative) <= 0.01 * len(numbers) and numbers[numbers > 0].min() > 0.1 * np.median(numbers):
        outside = np.concatenate([outside, negative])  # a sign that no other value has
    if len(outside) > max(3, 0.01 * len(numbers)) or not (len(outside) or extremes):
        return
    share = max(len(outside), len(extremes)) / len(numbers)
    said = ", ".join(f"{one:g}" for one in sorted({*outside.tolist(), *extremes})[:5])
    detail = f"{said} where {low:g} to {high:g} is expected"
    yield Fault("quality.outlier", name, share, column.numbers, detail, share=True)


def _header(table: Table) -> Iterator[Fault]:
    """A table without names, or one whose first row was taken for them."""
    names = list(table.columns)
    if len(names) < 2 or table.rows < 5:
        return
    if all(_AUTOMATIC.fullmatch(name) for name in names):
        yield Fault("quality.no-header", "", 1.0, table.rows, "its columns have no names")
        return
    years = {name for name in names if _YEAR.fullmatch(name)}  # a wide table has a column for each
    values = [
        name for name in names if (number_of(name) is not None and name not in years) or kind_of(name)[0] in ("date", "missing")
    ]
    values += [name for name in names if name not in values and table.columns[name].values.get(name, 0) > 1]
    serial = [str(at) for at in range(len(names))]
    if len(values) >= 0.5 * len(names) and sorted(names) != sorted(serial):
        detail = f"{', '.join(values[:4])} look like values: the first row was taken for names"
        yield Fault("quality.no-header", "", len(values) / len(names), table.rows, detail)


def _copies(table: Table, sample: Sample) -> Iterator[Fault]:
    """Columns that hold the same in every sampled row."""
    seen: dict[int, str] = {}
    for name, column in table.columns.items():
        words = sample.words(name)
        if len(words) < 10 or len(column.values) < 2 or present(column) < 10:
            continue
        other = seen.setdefault(hash(tuple(words)), name)
        same = other != name and sample.words(other) == words
        if same and table.columns[other].missing == column.missing and table.columns[other].numbers == column.numbers:
            yield Fault("quality.duplicate-column", name, 1.0, column.rows, f"the same as {other!r}")
