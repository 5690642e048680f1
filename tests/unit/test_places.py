"""Where a release came from, in papers: its page, else the declared addresses, else words for a folder of one's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow.csv as pv
import pytest

from acquisition.model import Asset, Release
from acquisition.places import OWN_FOLDER, came_from
from tests.judged_shards import World, write_manifest

ONE = Asset("a.csv", "https://ann:secret@data.example/a.csv?sig=1#x")
TWO = Asset("b.csv", "https://data.example/b.csv")
OWN = Asset("c.txt", local_path="/home/ann/poems/c.txt")


@pytest.mark.parametrize(
    ("assets", "homepage", "told"),
    [
        ((ONE,), "", "https://data.example/a.csv"),
        ((ONE, TWO), "", "https://data.example/a.csv and 1 more"),
        ((ONE,), "https://data.example/", "https://data.example/"),
        ((OWN,), "", OWN_FOLDER),
        ((), "", ""),
    ],
)
def test_a_place_is_told_without_secrets_and_paths(assets: tuple[Asset, ...], homepage: str, told: str) -> None:
    """No user, no query, and of a folder of one's own no path of the machine."""
    assert came_from(Release("poems", "http", "", assets, homepage=homepage)) == told


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A set of three sources whose licenses ask for credit: files by their address, a folder of one's own, and a page."""
    world = World(tmp_path_factory.mktemp("places"))
    for number, (name, asset, page) in enumerate((("web", ONE, ""), ("mine", OWN, ""), ("hub", TWO, "https://hub.example/b"))):
        world.add(name, [world.text(f"some words of {name}", number)], license_="CC-BY-4.0")
        world.releases[name] = dataclasses.replace(world.releases[name], assets=(asset,), homepage=page, title=name)
    write_manifest(world, formats=("items", "attributions"))
    return world


def test_card_and_attributions_say_where_each_source_came_from(written: World) -> None:
    """A reader of the set finds every address that was declared; nobody finds where somebody keeps a folder."""
    card = (written.workspace.curated / "README.md").read_text(encoding="utf-8")
    page = (written.workspace.manifest / "ATTRIBUTIONS.md").read_text(encoding="utf-8")
    for place in ("https://data.example/a.csv", OWN_FOLDER, "https://hub.example/b"):
        assert f"| {place} |" in card
        assert f"* from: {place}\n" in page
    papers = b"".join(path.read_bytes() for path in Path(written.workspace.manifest).glob("ATTRIBUTIONS.*"))
    assert b"/home/ann" not in papers
    assert b"secret" not in papers


def test_credit_names_where_the_bytes_came_from_where_there_is_no_page(written: World) -> None:
    """Of an item without an address of its own and a release without a page, the address of its bytes is told."""
    rows = pv.read_csv(written.workspace.manifest / "ATTRIBUTIONS.csv").to_pylist()
    assert {row["source"]: row["url"] for row in rows} == {
        "web": "https://example.org/kit.zip",
        "mine": "https://example.org/kit.zip",
        "hub": "https://hub.example/b",
    }
