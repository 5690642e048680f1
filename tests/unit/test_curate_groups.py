"""What stands for a group in the manifest: nothing that could be turned back, and the same wherever the set is made."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.judged_shards import World


def tokens(world: World) -> list[str]:
    """Build the set of a world and return what stands for each item's group."""
    world.build()
    return [row["group"] for row in world.placements()]


def filled(root: Path, *, more: bool = False) -> tuple[World, list[str]]:
    """Return a world of two sources whose speakers have the same names, with the ids of its items."""
    root.mkdir()
    world = World(root)
    said = ("Ann", "Bob", None, "Ann", "")
    ids = world.add("one", [world.text(f"one {n}", n, group=who) for n, who in enumerate(said)])
    ids += world.add("one", [world.text("later", 9, group="Bob"), *([world.text("new", 10, group="Cy")] if more else [])])
    return world, ids + world.add("two", [world.text("two", 0, group="Ann")])


def test_a_group_is_named_after_its_first_item(tmp_path: Path) -> None:
    """Over shards too, apart for each source; items without a group have no name."""
    world, ids = filled(tmp_path / "a")
    first, second, other = ids[0][:16], ids[1][:16], ids[6][:16]
    assert tokens(world) == [first, second, "", first, "", second, other]


def test_it_stays_when_others_come_and_tells_nothing(tmp_path: Path) -> None:
    """Another machine and another run have the same names, and none is a digest of what it stands for."""
    before, after = tokens(filled(tmp_path / "a")[0]), tokens(filled(tmp_path / "b", more=True)[0])
    assert [*after[:6], *after[7:]] == before
    tried = {
        hashlib.sha256(f"{start}{who}".encode()).hexdigest()[:16] for start in ("", "one\n", "two\n") for who in ("Ann", "Bob")
    }
    assert tried.isdisjoint(after)


def test_an_item_that_is_not_kept_belongs_to_its_group(tmp_path: Path) -> None:
    """A dropped first item names the group as well: what the policy says changes no name."""
    world = World(tmp_path)
    rows = [world.text("a", 0, group="Ann"), world.text("b", 1, group="Ann")]
    ids = world.add("one", rows, [{"row": 0, "code": "license.denied"}])
    assert tokens(world) == [ids[0][:16]] * 2
