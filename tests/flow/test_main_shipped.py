"""The declaration that is shipped, run on stand-ins: every host is overridden by base_url alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from acquisition.pipeline import plan, verify
from tests.flow.running import ROOT, Place, codes, empty_place, source

pytestmark = pytest.mark.flow

IRIS = "".join(
    f"{4.3 + n % 31 / 10:.1f},{2.0 + n % 24 / 10:.1f},{1.0 + n * 7 % 59 / 10:.1f},{0.1 + n % 25 / 10:.1f},Iris-{kind}\n"
    for kind, start in (("setosa", 0), ("versicolor", 50), ("virginica", 100))
    for n in range(start, start + 50)
)
QUOTES = (
    "The keeper of the lighthouse counts the ships and forgets their names.",
    "Nobody who sails at night has ever thanked the moon for its patience.",
    "Bread, salt and a dry blanket: with these a harbour becomes a home.",
    "My grandmother drew her maps from memory and was never lost.",
    "Storms are only the sea remembering that it used to be a mountain.",
)
PENGUINS = "species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year\n" + "".join(
    f"{species},{island},{39 + n / 7:.2f},{18 - n / 9:.2f},{180 + n},{3700 + 10 * n},{'fe' * (n % 2)}male,{2007 + n % 3}\n"
    for species, island in (("Adelie", "Torgersen"), ("Gentoo", "Biscoe"), ("Chinstrap", "Dream"))
    for n in range(20)
)


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Place]:
    """The shipped sources.yaml with a base_url added to each source and nothing else changed, and data that fit."""
    with empty_place(tmp_path) as place:
        _fill(place)
        value = yaml.safe_load((ROOT / "sources.yaml").read_text(encoding="utf-8"))
        world = place.world
        faces = {"uci": world.uci.base_url, "huggingface": world.hub.base_url}
        for block in value["sources"].values():
            block["base_url"] = faces.get(block["kind"], world.site.base_url)
        place.declare(value)
        yield place


def _fill(place: Place) -> None:
    world = place.world
    names = {"iris.data": IRIS.encode(), "bezdekIris.data": IRIS.encode(), "iris.names": b"Flowers.\n", "Index": b"Index\n"}
    world.uci.add(53, "Iris", "iris", names)
    problems = {
        "question": [f"Rosa carries {n} lamps up {n + 3} stairs. How many steps are that in all?" for n in range(24)],
        "answer": [f"{n} times {n + 3} is {n * (n + 3)}.\n#### {n * (n + 3)}" for n in range(24)],
    }
    stream = io.BytesIO()
    pq.write_table(pa.table(problems), stream)
    files = {
        f"{name}/{split}-00000-of-00001.parquet": stream.getvalue()
        for name in ("main", "socratic")
        for split in ("train", "test")
    }
    world.hub.add("openai/gsm8k", files, "---\nlicense: mit\n---\n# Problems\n")
    for number, quote in enumerate(QUOTES, start=1):
        more = f'<li class="next"><a href="/page/{number + 1}/">Next</a></li>' if number < len(QUOTES) else ""
        page = f"<html><head><title>Quotes</title></head><body><h1>Quotes</h1><p>“{quote}”</p><ul>{more}</ul></body></html>"
        world.site.add("/" if number == 1 else f"/page/{number}/", page)
    world.site.add("/allisonhorst/palmerpenguins/main/inst/extdata/penguins.csv", PENGUINS, media_type="text/csv")


def test_the_shipped_declaration_runs_on_stand_ins(shipped: Place) -> None:
    """Four kinds of source give their items; what states no license is held, the rest is kept, and the set verifies."""
    summary = shipped.fetch()
    assert codes(summary) == {}
    assert summary.exit_code == 0
    assert {found.name: found.items for found in summary.sources} == {
        "iris": 150,
        "word-problems": 24,
        "quotes": 3,  # the start page and two links deep
        "penguins": 60,
    }
    assert source(summary, "quotes").outcomes == {"hold": 3}
    assert {item["concluded_spdx"] for item in shipped.items() if item["source"] == "word-problems"} == {"MIT"}
    assert {item["label"] for item in shipped.items() if item["source"] == "iris"} == {
        "Iris-setosa",
        "Iris-versicolor",
        "Iris-virginica",
    }
    assert verify(shipped.session()).findings == ()
    hosts = {request.host.partition(":")[0] for request in shipped.world.log}
    assert hosts == {"127.0.0.1"}
    asked = len(shipped.world.log)
    assert shipped.fetch().changed is False
    assert len(shipped.world.log) == asked


def test_the_shipped_plan_asks_little_and_names_licenses(shipped: Place) -> None:
    """The plan of the shipped declaration moves no data and knows every license that a publisher states."""
    made = plan(shipped.session())
    by_name = {planned.name: planned for planned in made.sources}
    assert {name: planned.action for name, planned in by_name.items()} == {
        "iris": "download",
        "word-problems": "download",
        "quotes": "crawl",
        "penguins": "download",
    }
    concluded = {name: planned.rights.conclusion.concluded for name, planned in by_name.items() if planned.rights}
    assert concluded["word-problems"] == "MIT"
    assert concluded["iris"] == "CC-BY-4.0"
    assert concluded["penguins"] == "CC0-1.0"
    assert shipped.world.requests("site") == []
    assert not (shipped.workspace / "blobs").exists()
