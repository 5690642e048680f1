"""Classes, splits, balance and redaction: pure functions."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.curate.candidates import content_hashes
from acquisition.curate.classes import class_of_label, classes_for, folder_names, safe_name
from acquisition.curate.columns import ColumnTypes
from acquisition.curate.hashing import hash64
from acquisition.curate.listing import field_columns
from acquisition.curate.redact import merge, placeholder, redact_fields, redact_row, redact_text
from acquisition.curate.splits import SplitKeys, assign, canonical, components, precedence
from acquisition.protocols import Outline
from acquisition.settings import is_split_name

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def keys(content: list[int], *groups: list[int], published: list[int] | None = None, names: tuple[str, ...] = ()) -> SplitKeys:
    """Return split keys from plain lists."""
    return SplitKeys(
        content=np.array(content, np.uint64),
        groups=tuple(np.array(group, np.uint64) for group in groups),
        wanted=np.array(published or [-1] * len(content), np.int64),
        names=names,
    )


def drawn(plan_keys: SplitKeys, shares: dict[str, float], seed: int = 7) -> list[str]:
    """Return the name of each item's split."""
    plan = assign(plan_keys, shares, seed)
    return [plan.names[code] for code in plan.code]


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ("Training", "train"),
        ("dev", "validation"),
        ("VAL", "validation"),
        ("eval", "test"),
        ("extra set", "extra_set"),
        ("train-clean-100", "train_clean_100"),
        ("All", "split_all"),
        ("../x", "x"),
        ("...", "train"),
        ("aux", "split_aux"),
        ("README.md", "split_readme_md"),
        ("日本", "train"),
        ("x" * 300, "split_" + "x" * 50),
    ],
)
def test_split_names(found: str, name: str) -> None:
    """Published names become the usual ones or such as `datasets` takes, and no name can leave its folder."""
    assert canonical(found) == name
    assert is_split_name(canonical(found))


def test_shares_are_met() -> None:
    """Of 20,000 items each split gets its share, within a percent."""
    content = list(np.random.default_rng(1).integers(1, 2**63, 20_000))
    counts = Counter(drawn(keys(content), SHARES))
    assert {name: count / 20_000 for name, count in counts.items()} == pytest.approx(SHARES, abs=0.01)


def test_a_split_does_not_depend_on_other_items() -> None:
    """An item keeps its split when others come and go, and another seed draws otherwise."""
    content = list(range(1, 1001))
    full = drawn(keys(content), SHARES)
    assert drawn(keys(content[::2]), SHARES) == full[::2]
    assert drawn(keys(content), SHARES, seed=8) != full


def test_a_new_member_of_a_group_changes_nothing() -> None:
    """The split of a group comes from the group, not from its members' contents."""
    before = drawn(keys([10, 11, 12], [5, 5, 6]), SHARES)
    assert drawn(keys([10, 11, 12, 1], [5, 5, 6, 5]), SHARES)[:3] == before


def test_published_splits_are_respected() -> None:
    """A published split stays, under the declared name where that is a synonym; a conflict goes towards test."""
    found = keys([1, 2, 3, 3], [0, 0, 0, 0], published=[0, 1, 0, 2], names=("train", "val", "test"))
    assert drawn(found, {"train": 0.5, "val": 0.5}) == ["train", "val", "test", "test"]
    plan = assign(found, {}, 0)
    assert (plan.published, plan.drawn, plan.conflicts, plan.moved) == (3, 0, 1, 1)


def test_without_shares_everything_is_train() -> None:
    """No splits declared and none published: all is train."""
    assert drawn(keys([1, 2, 3]), {}) == ["train"] * 3


def test_components_chain() -> None:
    """Items are connected through any number of shared keys, and 0 connects nothing."""
    speaker, cluster = [1, 1, 2, 2, 0, 0], [0, 7, 7, 8, 8, 0]
    arrays = [np.array(values, np.uint64) for values in (speaker, cluster)]
    assert components(arrays, 6).tolist() == [0, 0, 0, 0, 0, 5]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40))
def test_nothing_connected_is_parted(rows: list[tuple[int, int]]) -> None:
    """Whatever the keys, two items that share one have the same split."""
    one, two = [row[0] for row in rows], [row[1] for row in rows]
    splits = drawn(keys(list(range(1, len(rows) + 1)), one, two), {"a": 0.5, "b": 0.5})
    for column in (one, two):
        for value in set(column) - {0}:
            assert len({split for split, key in zip(splits, column, strict=True) if key == value}) == 1


def test_classes_as_declared() -> None:
    """Labels get the classes that name them, a class stands for itself, and several labels have the classes of all."""
    made = class_of_label({"kicks": ("kick", "bd"), "drums": ("bd", "snare")})
    assert made["kick"] == ("kicks",)
    assert made["bd"] == ("kicks", "drums")
    assert classes_for('["bd","loud"]', made) == ("drums", "kicks", "loud")
    assert classes_for(None, made) == classes_for("[]", made) == ("unlabelled",)
    assert classes_for(None, class_of_label({"clean": ("unlabelled",)})) == ("clean",)


def test_folders_stay_apart() -> None:
    """Classes that would share a folder get one each, whatever the order, and it is said."""
    folders, notes = folder_names(["a/b", "a-b", "A-B", "fine"])
    assert folders["fine"] == "fine"
    assert len({folder.casefold() for folder in folders.values()}) == 4
    assert len(notes) == 2
    assert folder_names(["fine", "A-B", "a-b", "a/b"])[0] == folders


def test_a_class_may_be_called_like_a_file_of_the_set() -> None:
    """A label such as README.md gets a folder beside the card and the listings, in any case, and it is said."""
    names = ["README.md", "readme.md", "metadata.jsonl", "text.jsonl", "fine"]
    folders, notes = folder_names(names)
    assert not {folder.casefold() for folder in folders.values()} & {"readme.md", "metadata.jsonl", "text.jsonl"}
    assert len({folder.casefold() for folder in folders.values()}) == len(names)
    assert len(notes) == 4


def test_no_name_is_expanded() -> None:
    """Readers put variables of the environment in for names such as $HOME, and would look elsewhere."""
    assert (safe_name("$HOME"), safe_name("a${PATH}b")) == ("-HOME", "a-{PATH}b")


@given(st.text())
def test_safe_names(text: str) -> None:
    """Whatever the label, its folder is one harmless path component."""
    name = safe_name(text)
    assert name
    assert name not in {".", ".."}
    assert not set(name) & set('/\\\0:*?"<>|#')
    assert not name.startswith(".")
    assert len(name.encode("utf-8", "replace")) <= 100


def test_placeholder() -> None:
    """A placeholder is the last part of the code."""
    assert placeholder("pii.email-address") == "<EMAIL_ADDRESS>"


def test_spans_merge() -> None:
    """Overlapping spans become one, named by the longest; touching ones stay two; outside ones vanish."""
    assert merge([(5, 9, "B"), (0, 6, "A"), (9, 12, "C"), (50, 60, "X"), (3, 3, "E")], 20) == [(0, 9, "A"), (9, 12, "C")]


@given(st.text(), st.lists(st.tuples(st.integers(-5, 60), st.integers(-1, 60))))
def test_what_is_outside_spans_stays(text: str, spans: list[tuple[int, int]]) -> None:
    """Redaction keeps every character outside the spans and none inside."""
    marked = [(start, end, "\ue000") for start, end in spans]
    inside = {place for start, end, _ in merge(marked, len(text)) for place in range(start, end)}
    left = "".join(char for place, char in enumerate(text) if place not in inside)
    assert redact_text(text, marked).replace("\ue000", "") == left.replace("\ue000", "")


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.one_of(st.text(max_size=8), st.integers(), st.none()), max_size=4),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4),
)
def test_fields_stay_json(values: dict[str, object], spans: list[tuple[int, int]]) -> None:
    """Whatever is redacted in `fields`, what comes out is a JSON object."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert isinstance(json.loads(redact_fields(text, [(start, end, "<X>") for start, end in spans])), dict)


def test_numbers_are_redacted_whole() -> None:
    """A span in a number replaces the number; a span in a string replaces that part; one value can be named."""
    assert redact_fields('{"a":"x 12 y","tel":5550100}', [(20, 23, "<PHONE>")]) == '{"a":"x 12 y","tel":"<PHONE>"}'
    row, changes = redact_row({"fields": '{"a":"mail ann@x.org","b":1}'}, [("fields.a", 5, 14, "<MAIL>")])
    assert row["fields"] == '{"a":"mail <MAIL>","b":1}'
    assert changes == ["fields.a: replaced by <MAIL>"]


def test_column_types() -> None:
    """Types widen from int to float to string; items with other fields leave none."""
    types = ColumnTypes()
    types.learn(['{"a":1,"b":null,"c":true}', '{"a":1.5,"b":"x","c":false}'])
    assert types.columns == {"a": "float", "b": "string", "c": "bool"}
    types.learn(['{"a":1}'])
    assert types.columns is None


def test_hashes_are_never_zero() -> None:
    """Zero means that there is no group, so no content hashes to it."""
    import pyarrow as pa

    assert content_hashes(pa.array(["0" * 64, "f" * 64])).tolist() == [1, 2**64 - 1]
    assert hash64("") != 0


def test_more_splits_than_sixteen_bits_hold() -> None:
    """A column of ids that is declared as the split gives every item its own, however many there are."""
    count = 40_000
    names = tuple(f"s{number:05d}" for number in range(count))
    plan = assign(SplitKeys(np.arange(1, count + 1, dtype=np.uint64), (), np.arange(count), names), {}, 0)
    assert [plan.names[code] for code in (plan.code[0], plan.code[-1])] == ["s00000", "s39999"]


def test_long_chains_are_found_at_once() -> None:
    """Items that hang together one by one, in any order, are one component after few rounds."""
    count = 100_000
    items = np.random.default_rng(0).permutation(count)
    keys = [np.zeros(count, np.uint64), np.zeros(count, np.uint64)]
    for number, key in enumerate(keys):
        links = np.arange(number, count - 1, 2)
        key[items[links]] = key[items[links + 1]] = links + 1
    assert not components(keys, count).any()


@pytest.mark.parametrize(
    ("names", "first"),
    [(("dev_clean", "test_clean"), "test_clean"), (("train.1", "dev.1"), "dev.1"), (("train_other", "extra"), "extra")],
)
def test_training_would_spoil_one_more_than_the_other(names: tuple[str, str], first: str) -> None:
    """Connected items that were published in two splits go to the one nearer to a test, whatever stands behind its name."""
    assert min(names, key=lambda name: precedence(name, ())) == first


def test_no_column_hides_another() -> None:
    """A column whose name is one of the set's own gets another, which is none that the table has already."""
    names = {"label": "int", "field_label": "int", "field_field_text": "int", "text": "int", "size": "int"}
    found = field_columns(Outline(1, {}, {}, {}, names, frozenset()))
    assert sorted(found.values()) == sorted(names)
    assert (found["field_label"], found["field_field_label"], found["field_text"]) == ("field_label", "label", "text")
