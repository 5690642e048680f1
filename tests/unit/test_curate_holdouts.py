"""Hold-outs find the items that they mean, and an embargo that can hold nothing back stops the build."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from acquisition.errors import DeclarationError
from acquisition.pipeline.finishing.making import own_names
from acquisition.settings import CuratedSettings, ItemSettings
from tests.judged_shards import World, tree

TODAY = dt.date(2026, 11, 21)
NAMES = {"taba": {"lab": "label"}}


def world_of(tmp_path: Path) -> World:
    """Return a source with labels and one with a column of its own; the second has no label."""
    world = World(tmp_path)
    world.add("taba", [world.text(f"sentence {n}", n, "abc"[n % 3]) for n in range(6)])
    world.add("rows", [world.table({"site": "north" if n else None, "n": n}, n) for n in range(3)])
    return world


def held_out(**facts: Any) -> CuratedSettings:
    """Return settings with one hold-out."""
    return CuratedSettings.model_validate({"holdouts": {"secret": facts}})


@pytest.mark.parametrize(
    ("facts", "column", "of"),
    [
        ({"where": {"nosuch": ("c",)}}, "nosuch", ""),
        ({"where": {"group": ("c",)}}, "group", ""),
        ({"where": {"label": ("c",), "lab": ("c",)}}, "lab", ""),
        ({"source": "taba", "where": {"site": ("north",)}}, "site", " of taba"),
    ],
)
def test_an_embargo_on_a_column_that_no_item_has_stops_the_build(
    tmp_path: Path, facts: dict[str, Any], column: str, of: str
) -> None:
    """Nothing would be held back, so all would be published: the build ends, and the set before it stays as it is."""
    world = world_of(tmp_path)
    world.build()
    before = tree(world.workspace.curated)
    with pytest.raises(DeclarationError) as caught:
        world.build(held_out(until="2027-01-01", **facts), today=TODAY)
    assert caught.value.where == f"curated.holdouts.secret.where.{column}"
    assert f"no kept item{of} has a column {column!r}" in caught.value.message
    assert "class, label, n, page, site, source" in caught.value.hint.replace("retrieved_at, ", "")
    assert tree(world.workspace.curated) == before


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"where": {"nosuch": ("c",)}}, "hold-out 'secret' has no item"),
        ({"where": {"nosuch": ("c",)}, "until": "2026-11-21"}, "hold-out 'secret' has no item"),
        (
            {"where": {"label": ("z",)}, "until": "released"},
            "hold-out 'secret' has no item: its embargo until it is released holds nothing back, it selects no item",
        ),
        (
            {"until": "2027-01-01"},
            "hold-out 'secret' has no item: its embargo until 2027-01-01 holds nothing back, no item is in it",
        ),
        (
            {"source": "gone*", "where": {"nosuch": ("c",)}, "until": "released"},
            "hold-out 'secret' has no item: its embargo until it is released holds nothing back, it selects no item",
        ),
    ],
)
def test_a_holdout_without_items_is_told(tmp_path: Path, facts: dict[str, Any], told: str) -> None:
    """Without an embargo, with a value that no item has, or where its source gave nothing this time, the build goes on."""
    assert told in world_of(tmp_path).build(held_out(**facts), today=TODAY).notes


def test_a_source_s_own_name_of_its_label_is_its_label(tmp_path: Path) -> None:
    """What the declaration calls the label's column finds the label; a column that items keep under the name comes first."""
    settings = held_out(where={"lab": ("c",)}, until="2027-01-01")
    world = world_of(tmp_path)
    world.build(settings, today=TODAY, own_names=NAMES)
    assert [row["code"] for row in world.placements()].count("split.embargo") == 2
    other = World(tmp_path / "other")
    other.add("taba", [other.table({"lab": "c" if n == 1 else "d"}, n, label="c") for n in range(3)])
    other.build(settings, today=TODAY, own_names=NAMES)
    assert [row["code"] for row in other.placements()] == ["", "split.embargo", ""]


def test_own_names_are_those_whose_values_stay() -> None:
    """Columns of label, group, author and split count; a position, a renamed label or a folder does not."""
    items = ItemSettings.model_validate({"label": {"column": "lab"}, "group": "who", "author": 3, "split": {"from": "folder"}})
    assert own_names(items) == {"lab": "label", "who": "group"}
    assert own_names(ItemSettings.model_validate({"label": {"column": "lab", "rename": {"c": "cat"}}})) == {}


@pytest.mark.parametrize("first", ["bench", "secret"])
@pytest.mark.parametrize("text", [{"label": ("a",)}, {"label": ("b",)}])
def test_an_embargo_comes_before_other_holdouts(tmp_path: Path, first: str, text: dict[str, tuple[str, ...]]) -> None:
    """What an embargo selects, and what belongs with it, is not written because an open hold-out takes it as well."""
    world = World(tmp_path)
    world.add("taba", [world.text("one", 0, "a", group="g"), world.text("two", 1, "b", group="g"), world.text("three", 2)])
    both = {"bench": {"where": text}, "secret": {"where": {"label": ("a",)}, "until": "released"}}
    told = {name: both[name] for name in sorted(both, key=lambda name: name != first)}
    world.build(CuratedSettings.model_validate({"holdouts": told}), today=TODAY)
    assert [row["code"] for row in world.placements()] == ["split.embargo", "split.embargo", ""]
