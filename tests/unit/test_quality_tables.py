"""quality of tables: what is found of columns, from the sketches of several shards, and which rows are named."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.filters.quality import LabelQuality, Quality, QualitySettings
from acquisition.filters.quality.cells import kind_of, number_of
from acquisition.filters.quality.sketches import Column, Table
from acquisition.model import Observation, Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import items_of

CONTEXT = FilterContext(Use(), {}, ("source",), "")


def rows_of(records: Sequence[Mapping[str, Any] | str], start: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Return rows of one table; text is taken as JSON as it stands."""
    texts = [record if isinstance(record, str) else orjson.dumps(record).decode() for record in records]
    return [
        {"modality": "table", "text": None, "fields": text, "size": len(text), "asset": "t.csv", "locator": f"t.csv#row={at}"}
        | {name: values[at - start] for name, values in more.items()}
        for at, text in enumerate(texts, start)
    ]


def judged(
    shards: Sequence[list[dict[str, Any]]], folder: Path, settings: QualitySettings | None = None
) -> tuple[dict[tuple[str, str], Observation], list[tuple[int, str]]]:
    """Return observations by (code, column) and flags as (row over all shards, code)."""
    made, signatures, before = Quality(settings or QualitySettings(), CONTEXT), {}, {}
    total = 0
    for number, rows in enumerate(shards):
        key = f"source/1/items-{number:05d}"
        signatures[key] = folder / f"{number}.parquet"
        pq.write_table(pa.Table.from_batches([made.sign(items_of(rows))]), signatures[key])
        before[key] = total
        total += len(rows)
    found = {(one.code.removeprefix("quality."), one.field): one for one in made.observe(signatures)}
    flags = [
        (flag["row"] + before[key], flag["code"].removeprefix("quality."))
        for key, batch in made.join(signatures, [])
        for flag in batch.to_pylist()
    ]
    return found, flags


def column(values: Sequence[Any], folder: Path, name: str = "x") -> dict[str, Observation]:
    """Return what is found of one column."""
    found, _ = judged([rows_of([{name: value} for value in values])], folder)
    return {code: one for (code, field), one in found.items() if field == name}


NUMBERS = [round(50 + 7 * ((at * 37) % 100) / 100, 2) for at in range(120)]


@pytest.mark.parametrize("token", ["?", "", "NA", "n/a", "null", "-999", "9999", "1900-01-01"])
def test_stand_ins_for_missing_are_counted(token: str, tmp_path: Path) -> None:
    """Empty cells, words and impossible numbers that stand for nothing are missing values, with their share."""
    found = column([token, *map(str, NUMBERS), token], tmp_path)
    assert found["missing-values"].value == pytest.approx(2 / 122)
    assert found["missing-values"].low < 2 / 122 < found["missing-values"].high
    assert set(found) <= {"missing-values", "wrong-type"} - ({"wrong-type"} if token != "1900-01-01" else set())


def test_none_may_be_a_category(tmp_path: Path) -> None:
    """Among few words "none" is one of them, among numbers it stands for nothing."""
    assert "missing-values" not in column(["none", "garage", "street"] * 20, tmp_path)
    assert "missing-values" in column(["none", *map(str, NUMBERS)], tmp_path)


def test_zeros_that_stand_for_missing(tmp_path: Path) -> None:
    """Zeros are suspect where everything else keeps its distance, and are not in counts and in what fades out."""
    assert "zeros-as-missing" in column([0] * 9 + NUMBERS, tmp_path)
    assert "zeros-as-missing" not in column([0, 1, 1, 2, 3, 4, 6, 7, 8, 9] * 12, tmp_path)
    assert "zeros-as-missing" not in column([0] * 30 + [at / 100 for at in range(1, 120)], tmp_path)
    insulin = [0] * 90 + [14 + (at * at) % 640 for at in range(100)]
    assert "zeros-as-missing" in column(insulin, tmp_path, "insulin")


def test_constant_and_nearly_constant_columns(tmp_path: Path) -> None:
    """One value in every row, none at all, and 299 of 300 are told; 95 of 100 are not."""
    assert column(["A7"] * 30, tmp_path)["constant-column"].value == 1.0
    assert column([None] * 30, tmp_path)["constant-column"].value == 1.0
    assert column(["a"] * 299 + ["b"], tmp_path)["constant-column"].value == pytest.approx(299 / 300)
    assert "constant-column" not in column(["a"] * 95 + ["b"] * 5, tmp_path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([*map(str, NUMBERS), "twelve"], True),
        ([*map(str, NUMBERS), "$12"], True),
        ([f"{number:.1f}" for number in NUMBERS] + [f"{number:.1f}".replace(".", ",") for number in NUMBERS], True),
        ([f"{number:.1f}".replace(".", ",") for number in NUMBERS], False),
        ([f"${number}" for number in NUMBERS], False),
        (["SW1A", "10115", "75001", "EC2V"] * 10, False),
    ],
)
def test_text_among_numbers(values: list[str], expected: bool, tmp_path: Path) -> None:
    """Words, currency signs and two kinds of decimal sign in one column are a wrong type; one way throughout is none."""
    assert ("wrong-type" in column(values, tmp_path)) is expected


def test_dates_in_several_forms(tmp_path: Path) -> None:
    """Two ways to write dates are told, one is not."""
    iso = [f"2021-03-{day:02}" for day in range(1, 29)]
    assert "mixed-dates" not in column(iso, tmp_path)
    assert column([*iso, "31.12.2021", "30.12.2021"], tmp_path)["mixed-dates"].value == pytest.approx(2 / 30)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["NY", "ny ", "N.Y.", "LA"] * 6, True),
        (["Zürich", "Zurich", "Bern"] * 6, True),
        (["yes", "no", "Y"] * 8, True),
        (["male", "F", "female", "M"] * 8, True),
        (["New York", "NY", "Boston", "LA"] * 6, True),
        (["Amsterdam"] * 40 + ["Amsterdm", "Rotterdam", "Utrecht"], True),
        (["Austria", "Australia", "Iran", "Iraq", "Niger", "Nigeria"] * 6, False),
        (["type1", "type2", "type3"] * 12, False),
        (["a", "b", "c", "d"] * 9, False),
        (["A+", "A-", "B+", "B-", "O+", "O-"] * 6, False),
        (["<=50K", ">50K"] * 12, False),
        (["C", "C++", "C#", "F#"] * 9, False),
        (["non-smoker", "Non smoker", "smoker"] * 9, True),
    ],
)
def test_spellings_of_categories(values: list[str], expected: bool, tmp_path: Path) -> None:
    """Case, spaces, accents, signs, initials, synonyms and slips are told; different words that look alike are not."""
    assert ("inconsistent-categories" in column(values, tmp_path)) is expected


def test_an_outlier_is_told_and_its_row_named(tmp_path: Path) -> None:
    """A value far out is observed on its column and flagged on its row, a long tail is neither."""
    chance = random.Random(4)
    tail = [round(chance.lognormvariate(3, 1), 2) for _ in range(300)]
    found, flags = judged([rows_of([{"x": number, "tail": tail[at]} for at, number in enumerate([*NUMBERS, 900])])], tmp_path)
    assert found["outlier", "x"].detail.startswith("900 ")
    assert flags == [(120, "outlier")]


def test_a_word_among_numbers_names_its_row(tmp_path: Path) -> None:
    """The row with the word is flagged, in the second shard as in the first."""
    first, second = NUMBERS[:60], [*map(str, NUMBERS[60:]), "n.n."]
    shards = [rows_of([{"x": str(value)} for value in first]), rows_of([{"x": value} for value in second], 60)]
    found, flags = judged(shards, tmp_path)
    assert ("wrong-type", "x") in found
    assert flags == [(120, "wrong-type")]


def test_a_row_that_is_mostly_missing_is_flagged(tmp_path: Path) -> None:
    """More than half of its cells missing: the score is their share."""
    records = [{"a": "1", "b": "2", "c": "3", "d": "x"}] * 30 + [{"a": "?", "b": "NA", "c": "", "d": "y"}]
    _, flags = judged([rows_of(records)], tmp_path)
    assert flags == [(30, "missing-values")]


def test_columns_that_tell_the_label(tmp_path: Path) -> None:
    """A code of the label, a score made from it and an index sorted by it leak; a good feature and noise do not."""
    chance = random.Random(1)
    labels = ["sick"] * 60 + ["well"] * 90
    records = [
        {
            "icd": "X1" if label == "sick" else chance.choice(("Z0", "Z1")),
            "risk": chance.random() + (label == "sick"),
            "index": at,
            "age": 40 + 20 * chance.random() + 10 * (label == "sick"),
            "noise": chance.random(),
        }
        for at, label in enumerate(labels)
    ]
    found, _ = judged([rows_of(records, label=labels)], tmp_path)
    assert {field for code, field in found if code == "leaking-column"} == {"icd", "risk", "index"}
    assert {field for code, field in found if code == "id-column"} == {"index"}


def test_the_label_may_be_a_column(tmp_path: Path) -> None:
    """Without a declared label the column that is named so is taken, for leaks and for imbalance."""
    chance = random.Random(2)
    records = [{"Target": "1" if at % 40 == 0 else "0", "x": chance.random()} for at in range(800)]
    found, _ = judged([rows_of(records)], tmp_path)
    assert found["imbalance", ""].value == pytest.approx(0.025)
    declared = QualitySettings.model_validate({"table": {"label": "x"}})
    assert ("leaking-column", "Target") not in judged([rows_of(records)], tmp_path, declared)[0]


def test_copies_of_a_column_and_missing_names(tmp_path: Path) -> None:
    """Equal columns are told once; columns named like values mean that a header was eaten."""
    found, _ = judged([rows_of([{"a": at % 17, "b": at % 17, "c": at % 5} for at in range(60)])], tmp_path)
    assert [field for code, field in found if code == "duplicate-column"] == ["b"]
    eaten, _ = judged([rows_of([{"5.1": at / 7, "3.5": at / 3, "setosa": "setosa"} for at in range(60)])], tmp_path)
    assert ("no-header", "") in eaten
    named, _ = judged([rows_of([{"width": at / 7, "height": at / 3} for at in range(60)])], tmp_path)
    assert ("no-header", "") not in named


def test_groups_on_both_sides_of_a_tables_own_split(tmp_path: Path) -> None:
    """A patient whose rows stand in train and in test leaks; patients kept apart do not."""
    mixed = [{"patient_id": f"p{at % 12}", "split": "train" if at % 5 else "test", "x": at * 1.5} for at in range(96)]
    apart = [{"patient_id": f"p{at % 12}", "split": "train" if at % 12 < 9 else "test", "x": at * 1.5} for at in range(96)]
    assert ("split-leak", "patient_id") in judged([rows_of(mixed)], tmp_path)[0]
    assert not any(code == "split-leak" for code, _ in judged([rows_of(apart)], tmp_path)[0])


def test_shards_add_up(tmp_path: Path) -> None:
    """What is observed of a table does not depend on how its rows were cut into shards."""
    chance = random.Random(9)
    records = [
        {"a": chance.choice(("Rome", "rome", "Oslo")), "b": chance.gauss(0, 1), "c": chance.choice((None, 1))}
        for _ in range(300)
    ]
    whole, _ = judged([rows_of(records)], tmp_path)
    parts, _ = judged([rows_of(records[:90]), rows_of(records[90:101], 90), rows_of(records[101:], 101)], tmp_path)
    assert parts == whole
    assert {code for code, _ in whole} == {"inconsistent-categories", "missing-values", "constant-column"}


def test_a_wide_table_is_told_in_few_words(tmp_path: Path) -> None:
    """Of 2,000 columns with one fault a hundred are named, and one observation counts the others."""
    found, _ = judged([rows_of([{f"c{at}": at for at in range(2_000)} for _ in range(12)])], tmp_path)
    constant = [one for (code, _), one in found.items() if code == "constant-column"]
    assert len(constant) == 101
    assert found["constant-column", ""].value == 1_900


def test_rows_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    """Broken JSON and values that are no objects are flagged; lone surrogates and deep nesting cost nothing more."""
    deep = '{"a":' + "[" * 3000 + "]" * 3000 + "}"
    records: list[dict[str, Any] | str] = [*[{"a": 1}] * 30, "{broken", "[1, 2]", '{"a":"\\ud800"}', deep, '{"a":1e999}']
    _, flags = judged([rows_of(records)], tmp_path)
    assert {row for row, code in flags if code == "not-checked"} >= {30, 31}
    assert not {row for row, _ in flags} & {32}


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.lists(st.integers(), max_size=3),
    st.just("?"),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abcde"), CELLS, max_size=5), min_size=1, max_size=40))
def test_any_row_is_read(tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]) -> None:
    """Whatever stands in cells, a table is judged without an error, and every count fits the number of rows."""
    texts = [json.dumps(record) for record in records]
    found, _ = judged([rows_of(texts)], tmp_path_factory.mktemp("any"))
    assert all(one.items <= len(records) * 2 for one in found.values())


@given(st.text(max_size=60))
def test_any_cell_has_a_kind(cell: str) -> None:
    """Every text has one of the known kinds, and a number of it is a number."""
    assert kind_of(cell)[0] in {"missing", "doubtful", "comma", "dressed", "date", "text"}
    assert number_of(cell) is None or isinstance(number_of(cell), float)


def test_a_table_survives_its_storage() -> None:
    """What is restored says the same as what was stored, numbers without bounds included."""
    table = Table("t.csv")
    made = table.column("x")
    assert made is not None
    made.count(["1", "?", "two", None, "3,5"], 100)
    table.rows = 5
    table.keep([("00", "label", '{"x":"1"}')])
    again = Table.restored(table.stored())
    assert again == table
    assert Column.restored(Column().stored()) == Column()


def test_imbalance_and_rare_classes_of_a_source(tmp_path: Path) -> None:
    """The smallest of two classes under five per cent is told, ten even classes of a hundred are not."""
    rows = [{"text": f"text number {at} of many", "label": "rare" if at < 4 else "common"} for at in range(200)]
    found, _ = judged([rows], tmp_path)
    assert found["imbalance", ""].value == pytest.approx(0.02)
    assert found["rare-class", ""].value == 1.0
    even = [{"text": f"text number {at} of many", "label": f"class {at % 10}"} for at in range(100)]
    assert {code for code, _ in judged([even], tmp_path)[0]} == set()
    lenient = QualitySettings(labels=LabelQuality(imbalance=0.01, rare_items=3))
    assert {code for code, _ in judged([rows], tmp_path, lenient)[0]} == set()


def test_a_tail_without_a_gap_is_no_outlier(tmp_path: Path) -> None:
    """Values that follow each other outward (Laplace's tails) are what such a column has; one far behind them is not."""
    chance = random.Random(11)
    tails = [round(chance.choice((-1, 1)) * chance.expovariate(1), 3) for _ in range(900)]
    assert "outlier" not in column(tails, tmp_path)
    assert "outlier" in column([*tails, 40.0], tmp_path)
