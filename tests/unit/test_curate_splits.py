"""Splits over time: nothing kept moves, no group crosses, classes are divided evenly, hold-outs stay out of training."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from acquisition.curate.candidates import Candidates
from acquisition.curate.history import History, history_of, read_history, record_of, write_record
from acquisition.curate.noting import notes_on
from acquisition.curate.settling import Settled, settle
from acquisition.errors import WorkspaceDamaged
from acquisition.settings import CuratedSettings

TODAY = dt.date(2026, 11, 21)


@dataclass(frozen=True)
class Item:
    """One kept item as the first pass sees it; `holdout` is the position of the hold-out that selects it."""

    content: int
    speaker: int = 0
    cluster: int = 0
    published: str = ""
    classes: tuple[str, ...] = ("a",)
    holdout: int = -1


def candidates(items: Sequence[Item]) -> Candidates:
    """Return items as the first pass collects them."""
    combinations = list(dict.fromkeys(item.classes for item in items))
    names = list(dict.fromkeys(item.published for item in items if item.published))
    part = {
        "class": np.array([combinations.index(item.classes) for item in items], np.int32),
        "content": np.array([item.content for item in items], np.uint64),
        "published": np.array([names.index(item.published) if item.published else -1 for item in items], np.int32),
        "holdout": np.array([item.holdout for item in items], np.int32),
        "by:group": np.array([item.speaker * 7919 for item in items], np.uint64),
        "by:duplicate-cluster": np.array([item.cluster * 104729 for item in items], np.uint64),
    }
    return Candidates(combinations, names, [0, len(items)], {"text": len(items)}, set(), _parts=[part])


def curated(**facts: Any) -> CuratedSettings:
    """Return settings with 60/20/20 splits that keep speakers and clusters together."""
    splits = {
        "train": 0.6,
        "validation": 0.2,
        "test": 0.2,
        "group_by": ["group", "duplicate-cluster"],
        **facts.pop("splits", {}),
    }
    splits["group_by"], splits["stratify_by"] = tuple(splits["group_by"]), tuple(splits.get("stratify_by", ()))
    return CuratedSettings.model_validate({"splits": splits, **facts})


@dataclass
class Builds:
    """Builds one after the other, each with the record of those before."""

    settings: CuratedSettings = field(default_factory=curated)
    today: dt.date = TODAY
    history: History = field(default_factory=History)

    def build(self, items: Sequence[Item]) -> tuple[Settled, dict[Item, str]]:
        """Settle these items, remember it, and return the split of each that has one."""
        settled = settle(candidates(items), self.settings, self.history, self.today)
        self.history = history_of(record_of(self.settings.splits, self.history, settled.remembered()))
        names = settled.plan.names
        return settled, {item: names[code] for item, code in zip(items, settled.split.tolist(), strict=True) if code >= 0}


ITEMS = st.builds(
    Item,
    content=st.integers(1, 12),
    speaker=st.integers(0, 5),
    cluster=st.sampled_from([0, 0, 0, 1, 2, 3]),
    published=st.sampled_from(["", "", "", "train", "test"]),
    classes=st.sampled_from([("a",), ("b",), ("a", "b")]),
)
SETS = st.lists(st.lists(ITEMS, max_size=14, unique=True), min_size=2, max_size=5)


def crossing(split: Mapping[Item, str]) -> list[tuple[str, int]]:
    """Return the speakers, clusters and contents that are in more than one split."""
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    for item, name in split.items():
        for key in ("content", "speaker", "cluster"):
            if value := getattr(item, key):
                found[key, value].add(name)
    return [key for key, names in found.items() if len(names) > 1]


@pytest.mark.parametrize("stratify", [[], ["class"]])
@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_nothing_moves_and_nothing_crosses(stratify: list[str], data: Any) -> None:
    """Whatever comes and goes: no kept item ever changes its split, no group crosses, and a build made again is the same."""
    builds = Builds(curated(splits={"stratify_by": stratify}))
    first: dict[Item, str] = {}
    for items in data.draw(SETS):
        settled, split = builds.build(items)
        assert not crossing(split)
        assert all(first.setdefault(item, name) == name for item, name in split.items())
        again, same = builds.build(items)
        assert same == split
        assert again.reason.tolist() == settled.reason.tolist()
        assert list(notes_on(again, TODAY)) == list(notes_on(settled, TODAY))


@pytest.mark.parametrize("stratify", [[], ["class"]])
@settings(max_examples=50, deadline=None)
@given(items=st.lists(ITEMS, max_size=20, unique=True), seed=st.randoms())
def test_the_order_of_items_does_not_matter(stratify: list[str], items: list[Item], seed: Any) -> None:
    """The same items in another order have the same splits."""
    told = curated(splits={"stratify_by": stratify})
    shuffled = list(items)
    seed.shuffle(shuffled)
    found = []
    for order in (items, shuffled):
        settled = settle(candidates(order), told, History(), TODAY)
        found.append({item: settled.plan.names[code] for item, code in zip(order, settled.split, strict=True)})
    assert found[0] == found[1]


def test_an_item_that_connects_two_settled_splits_is_held() -> None:
    """A new item that is near to items of train and of test joins neither, and comes in when those of one are gone."""
    builds = Builds()
    old = [Item(1, speaker=1, published="train"), Item(2, speaker=2, published="test")]
    builds.build(old)
    bridge = Item(3, speaker=1, cluster=1)
    other = Item(4, speaker=2, cluster=1)
    settled, split = builds.build([*old, bridge, other])
    assert split.keys() - {bridge, other} == set(old)
    held = [position for position, reason in enumerate(settled.reason.tolist()) if reason]
    assert len(held) == 1
    refusal = settled.refusal(held[0], ("a",))
    assert (refusal.code, refusal.rule) == ("split.conflict", "curated.splits")
    assert refusal.why == "it would connect items of 'test' and of 'train', which earlier builds have settled"
    assert any("1 items are held (split.conflict)" in note and "test and train" in note for note in notes_on(settled, TODAY))
    assert builds.build([old[0], bridge])[1][bridge] == "train"


def test_old_items_that_turn_out_to_be_one_group_leave_training() -> None:
    """Where a cluster grows together that was settled in two splits, its items of train are held, not moved."""
    builds = Builds()
    builds.build([Item(1, published="train"), Item(2, published="test")])
    settled, split = builds.build([Item(1, cluster=1, published="train"), Item(2, cluster=1, published="test")])
    assert split == {Item(2, cluster=1, published="test"): "test"}
    assert settled.reason.tolist() == [3, 0]


def test_a_new_word_of_the_publisher_counts() -> None:
    """An item that is published in another split than before goes there; the rest stays."""
    builds = Builds()
    items = [Item(content) for content in range(1, 50)]
    _, before = builds.build(items)
    moved = [Item(1, published="test"), *items[1:]]
    _, after = builds.build(moved)
    assert after[moved[0]] == "test"
    assert all(after[item] == before[item] for item in items[1:])


def test_other_shares_divide_anew() -> None:
    """A changed seed or share is a wish for other splits: everything is divided anew, and it is said with the number."""
    items = [Item(content) for content in range(1, 101)]
    builds = Builds()
    _, before = builds.build(items)
    builds.settings = curated(splits={"seed": 9})
    settled, after = builds.build(items)
    assert before != after
    assert settled.anew == 100
    assert any("100 items that were settled are divided anew" in note for note in notes_on(settled, TODAY))
    fresh = settle(candidates(items), curated(splits={"seed": 9}), History(), TODAY)
    assert fresh.split.tolist() == settled.split.tolist()


def test_items_that_come_back_are_where_they_were() -> None:
    """What is missing from one build, because its source failed, is in its split again in the next."""
    builds = Builds(curated(splits={"stratify_by": ["class"]}))
    items = [Item(content, classes=("ab"[content % 2],)) for content in range(1, 201)]
    _, before = builds.build(items)
    builds.build(items[:50])
    builds.build([*items[:50], *(Item(content, classes=("a",)) for content in range(500, 600))])
    _, after = builds.build(items)
    assert after == before


def test_what_is_taken_down_leaves_the_record(tmp_path: Path) -> None:
    """A record without a content is, byte for byte, the record of a build that never had it."""
    items = [Item(content) for content in range(1, 20)]
    left = [item for item in items if item.content != 5]
    one, two = Builds(), Builds()
    one.build(items)
    one.history = one.history.without([f"{5:016x}" + "0" * 48])
    for name, builds in (("one", one), ("two", two)):
        settled, _ = builds.build(left)
        write_record(tmp_path / name, record_of(builds.settings.splits, builds.history, settled.remembered()))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert len(read_history(tmp_path / "one")) == 18


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all"])
def test_a_damaged_record_is_told(tmp_path: Path, content: bytes) -> None:
    """A record that cannot be read stops the build, because drawing anew would move items silently."""
    (tmp_path / "splits.parquet").write_bytes(content)
    with pytest.raises(WorkspaceDamaged) as caught:
        read_history(tmp_path / "splits.parquet")
    assert caught.value.where == str(tmp_path / "splits.parquet")
    assert "divided anew" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "split", "told"), [([2, 1], "train", "row 1 is out of order"), ([1, 2], "../../up", "cannot be the name")]
)
def test_an_edited_record_is_told(tmp_path: Path, content: list[int], split: str, told: str) -> None:
    """A record in which rows would not be found, or that names a folder elsewhere, is refused and not made anew."""
    rows = pa.table({"content": pa.array(content, pa.uint64()), "wanted": ["", ""], "split": [split, split]})
    made = record_of(curated().splits, History(), rows)
    write_record(tmp_path / "splits.parquet", rows.cast(made.schema).replace_schema_metadata(made.schema.metadata))
    with pytest.raises(WorkspaceDamaged, match=told):
        read_history(tmp_path / "splits.parquet")


# --- stratified ---------------------------------------------------------------------------------------------------------


def shares_of(split: Mapping[Item, str], name: str) -> Counter[str]:
    """Count the splits of the items of one class."""
    return Counter(found for item, found in split.items() if name in item.classes)


def test_every_class_gets_its_shares() -> None:
    """Every class of single items is within one item of its share in every split, however small, and so is the whole."""
    sizes = {f"c{size}": size for size in (1000, 333, 101, 50, 7, 3, 3, 2, 1)}
    items = [Item(size * 10_000 + number, classes=(name,)) for name, size in sizes.items() for number in range(1, size + 1)]
    _, split = Builds(curated(splits={"stratify_by": ["class"]})).build(items)
    for name, size in sizes.items():
        found = shares_of(split, name)
        assert all(abs(found[one] - share * size) < 1 for one, share in {"train": 0.6, "validation": 0.2, "test": 0.2}.items())
    whole = Counter(split.values())
    assert all(abs(whole[one] - share * len(items)) <= 1.5 for one, share in {"train": 0.6, "test": 0.2}.items())


def test_many_small_classes_do_not_all_go_to_training() -> None:
    """A hundred classes of three items still fill test and validation: the rounding of one is made good by the next."""
    items = [Item(number * 10 + one + 1, classes=(f"c{number}",)) for number in range(100) for one in range(3)]
    _, split = Builds(curated(splits={"stratify_by": ["class"]})).build(items)
    assert Counter(split.values()) == {"train": 180, "validation": 60, "test": 60}


def test_strata_stay_even_while_items_are_added() -> None:
    """Ten builds, each with more items: nothing moves, and every large class stays within two items of its shares."""
    builds = Builds(curated(splits={"stratify_by": ["class"]}))
    rng = np.random.default_rng(3)
    items: list[Item] = []
    first: dict[Item, str] = {}
    for step in range(10):
        new = rng.integers(1, 60)
        items += [Item(1 + step * 1000 + n, classes=("abc"[int(rng.integers(0, 3))],)) for n in range(new)]
        _, split = builds.build(items)
        assert all(first.setdefault(item, name) == name for item, name in split.items())
        for name in "abc":
            found, size = shares_of(split, name), sum(name in item.classes for item in items)
            assert all(abs(found[one] - share * size) <= 2 for one, share in {"train": 0.6, "test": 0.2}.items())


def test_groups_stay_whole_and_shares_are_near() -> None:
    """Speakers of one to six items in four classes: none crosses, and each class is within its largest speaker of its share."""
    rng = np.random.default_rng(5)
    items: list[Item] = []
    for speaker in range(1, 200):
        items += [
            Item(speaker * 100 + n, speaker=speaker, classes=("abcd"[int(rng.integers(0, 4))],))
            for n in range(int(rng.integers(1, 7)))
        ]
    _, split = Builds(curated(splits={"stratify_by": ["class"]})).build(items)
    assert not crossing(split)
    for name in "abcd":
        found, size = shares_of(split, name), sum(name in item.classes for item in items)
        assert all(abs(found[one] - share * size) <= 2 for one, share in {"train": 0.6, "validation": 0.2, "test": 0.2}.items())


def test_items_of_several_classes_are_stratified_by_each() -> None:
    """Every class of a multi-label set is near its share in every split (Sechidis et al. 2011 measure it so)."""
    rng = np.random.default_rng(8)
    names = np.array(list("abcdef"))
    odds = np.array([0.5, 0.3, 0.2, 0.1, 0.05, 0.02])
    items = [Item(1 + n, classes=tuple(names[rng.random(6) < odds]) or ("none",)) for n in range(2000)]
    _, split = Builds(curated(splits={"stratify_by": ["class"]})).build(items)
    for name in "abcdef":
        found, size = shares_of(split, name), sum(name in item.classes for item in items)
        assert all(abs(found[one] - share * size) <= max(2, 0.01 * size) for one, share in {"train": 0.6, "test": 0.2}.items())


# --- hold-outs ----------------------------------------------------------------------------------------------------------


def test_a_holdout_takes_its_groups_along() -> None:
    """Items of a hold-out and all that belong with them leave training for the split of its name."""
    told = curated(holdouts={"field": {"source": "x"}})
    items = [
        Item(1, speaker=1, holdout=0),
        Item(2, speaker=1),
        Item(3, cluster=2, published="train"),
        Item(4, cluster=2, holdout=0),
    ]
    settled, split = Builds(told).build(items)
    assert set(split.values()) == {"field"}
    assert settled.reason.tolist() == [0, 0, 0, 0]
    note = "4 items are kept out of training (2 that it selects, 2 that belong with them), written as a split of their own"
    assert f"hold-out 'field': {note}" in list(notes_on(settled, TODAY))


def test_how_items_came_into_a_holdout_is_told() -> None:
    """What it selects, what belongs with that, and what its publisher has put there are counted apart."""
    items = [Item(1, speaker=1, holdout=0), Item(2, speaker=1), Item(3, published="field"), Item(4, published="train")]
    settled, _ = Builds(curated(holdouts={"field": {"source": "x", "until": "2027-01-01"}})).build(items)
    (note,) = [note for note in notes_on(settled, TODAY) if note.startswith("hold-out ")]
    assert "3 items are kept out of training (1 that it selects, 1 that belong with them, 1 that their publisher or" in note
    assert note.endswith("under embargo until 2027-01-01, so they are not written")


def test_an_embargo_ends_on_its_day() -> None:
    """Under an embargo the split is settled and not written; from the day on it is there, in the same split."""
    told = curated(holdouts={"test": {"until": "2027-01-01", "why": "the competition runs"}})
    items = [Item(content) for content in range(1, 101)]
    builds = Builds(told)
    settled, split = builds.build(items)
    closed = {item for item, reason in zip(items, settled.reason, strict=True) if reason == 4}
    assert closed == {item for item, name in split.items() if name == "test"}
    position = int(np.flatnonzero(settled.reason)[0])
    refusal = settled.refusal(position, ("a",))
    assert (refusal.code, refusal.rule) == ("split.embargo", "curated.holdouts.test")
    assert refusal.why == "held out in 'test' until 2027-01-01: the competition runs"
    builds.today = dt.date(2027, 1, 1)
    later, same = builds.build(items)
    assert not later.reason.any()
    assert same == split


def test_an_embargo_until_released_lasts() -> None:
    """Without a day an embargo lasts until its line is taken out, and then nothing moves."""
    builds = Builds(curated(holdouts={"blind": {"source": "x", "until": "released"}}))
    builds.today = dt.date(2999, 1, 1)
    items = [Item(1, holdout=0), Item(2)]
    settled, split = builds.build(items)
    assert settled.reason.tolist() == [4, 0]
    builds.settings = curated(holdouts={"blind": {"source": "x"}})
    settled, same = builds.build(items)
    assert settled.reason.tolist() == [0, 0]
    assert same == split


def test_a_holdout_declared_later_clears_training() -> None:
    """An item that was trained on goes to the hold-out when it is declared; what belongs with it is held, not trained on."""
    builds = Builds(curated(splits={"train": 1.0, "validation": 0.0, "test": 0.0}))
    builds.build([Item(1, speaker=1), Item(2, speaker=1), Item(3)])
    builds.settings = builds.settings.model_copy(update={"holdouts": curated(holdouts={"blind": {"source": "x"}}).holdouts})
    items = [Item(1, speaker=1, holdout=0), Item(2, speaker=1), Item(3)]
    settled, split = builds.build(items)
    assert split == {items[0]: "blind", items[2]: "train"}
    assert settled.reason.tolist() == [0, 3, 0]


# --- what is said -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "told"),
    [
        (
            [Item(n, speaker=1) for n in range(1, 60)] + [Item(n) for n in range(100, 120)],
            "the largest group has 59 items and stays whole",
        ),
        ([Item(n, published="train") for n in range(1, 60)], "all items were published in a split"),
        ([Item(n) for n in range(1, 4)], "each item is drawn by itself"),
        (
            [Item(10 * n + k, speaker=n) for n in range(1, 8) for k in range(2)],
            "items that belong together are drawn as one (the largest group has 2), which is even for many groups only",
        ),
    ],
)
def test_shares_that_cannot_be_met_are_told(items: list[Item], told: str) -> None:
    """A group larger than a share, published splits and sets too small for chance are named, with numbers."""
    settled = settle(candidates(items), curated(), History(), TODAY)
    note = next(note for note in notes_on(settled, TODAY) if note.startswith("shares are not met: "))
    assert told in note
    assert f"of {len(items)} items" in note


def test_what_stays_in_a_split_that_nobody_names_is_told() -> None:
    """Items that came into a hold-out with their speaker stay there when its line is taken out, and it is said."""
    builds = Builds(curated(holdouts={"field": {"source": "x"}}))
    items = [Item(1, speaker=1, holdout=0), Item(2, speaker=1), *(Item(content) for content in range(3, 40))]
    builds.build(items)
    builds.settings = curated()
    settled, split = builds.build([Item(1, speaker=1), *items[1:]])
    assert split[items[1]] == split[Item(1, speaker=1)] == "field"
    assert any(note.startswith("2 items stay in 'field'") for note in notes_on(settled, TODAY))


def test_near_copies_in_several_splits_are_told() -> None:
    """Without duplicate-cluster in group_by near copies may part; how many clusters do is said, and none with it."""
    items = [Item(content, cluster=1 + content % 3, published=("train", "test")[content % 2]) for content in range(1, 13)]
    items += [Item(20, cluster=9, published="test"), Item(21, cluster=9, published="test")]
    for group_by, told in ((["group"], "3 clusters of near copies have items in several splits"), (["duplicate-cluster"], "")):
        settled = settle(candidates(items), curated(splits={"group_by": group_by}), History(), TODAY)
        notes = [note for note in notes_on(settled, TODAY) if "clusters of near copies" in note]
        assert [note.split(";")[0] for note in notes] == ([told] if told else [])


def test_classes_without_items_are_told() -> None:
    """A declared class that no item has, a class that is left out and a class that is full are each named with numbers."""
    items = [Item(n, classes=("a",)) for n in range(1, 11)] + [Item(n, classes=("b",)) for n in range(20, 22)]
    told = curated(classes={"c": ("see", "sea")}, balance={"min_per_class": 3, "max_per_class": 4})
    settled = settle(candidates(items), told, History(), TODAY)
    notes = list(notes_on(settled, TODAY))
    assert "class 'c' has no item: no kept item has one of the labels see, sea" in notes
    assert "class 'b' is left out: 2 items, fewer than 3" in notes
    assert "class 'a' is full: 6 of its 10 items are left out, it may have 4" in notes
    places = sorted(int(settled.balance.place[n]) for n in np.flatnonzero(settled.reason == 2))
    assert places == [5, 6, 7, 8, 9, 10]
    position = int(np.flatnonzero(settled.balance.place == 7)[0])
    assert settled.refusal(position, ("a",)).why == "'a': place 7 of the draw with seed 0, balance.max_per_class is 4"


def test_balance_counts_every_class_of_an_item() -> None:
    """No class has more than it may, a rare class is left out of items that have others, and an item of it alone is held."""
    items = [Item(n, classes=("a", "b")) for n in range(1, 21)] + [Item(n, classes=("b",)) for n in range(30, 60)]
    items += [Item(70, classes=("a", "rare")), Item(71, classes=("rare",))]
    told = curated(balance={"min_per_class": 3, "max_per_class": 25})
    settled = settle(candidates(items), told, History(), TODAY)
    codes = settled.candidates.array("class")[settled.reason == 0].tolist()
    kept = [settled.combinations()[code] for code in codes]
    counts = Counter(name for names in kept for name in names)
    assert counts["b"] == 25
    assert "rare" not in counts
    assert settled.reason[-1] == 1


def test_the_choice_of_balance_is_stable() -> None:
    """Of a full class the same items stay when others are added, but for those that they displace."""
    told = curated(balance={"max_per_class": 10})

    def staying(count: int) -> set[int]:
        settled = settle(candidates([Item(n) for n in range(1, count + 1)]), told, History(), TODAY)
        return {position + 1 for position in np.flatnonzero(settled.reason == 0).tolist()}

    more, fewer = staying(100), staying(90)
    assert len(more) == len(fewer) == 10
    assert {one for one in more if one <= 90} <= fewer
