"""The main job on the real files that may lie beside the checkout: nothing crashes, and the counts are the files' own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from acquisition.demo import world as demo_world
from acquisition.demo.servers import World
from acquisition.pipeline import verify
from acquisition.pipeline.summary import Summary
from tests.flow import worlds
from tests.flow.running import Place, codes, source
from tests.flow.worlds import NOTICES, RealSource

pytestmark = [pytest.mark.flow, pytest.mark.real]


def _counted(summary: Summary, sources: list[RealSource]) -> dict[str, tuple[int, int]]:
    """Return what differs: source → expected candidates, and items with rejections that took one away."""
    different = {}
    for real in sources:
        found = source(summary, real.name)
        lost = sum(count for code, count in found.rejections.items() if code not in NOTICES)
        if real.candidates is not None and real.candidates != found.items + lost:
            different[real.name] = (real.candidates, found.items + lost)
    return different


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All of the real data in a world, fetched once into the layout parquet."""
    with World() as world:
        directory = tmp_path_factory.mktemp("real")
        sources = worlds.everything(world)
        (directory / "sources.yaml").write_text(worlds.declaration(sources), encoding="utf-8")
        place = Place(directory, world, demo_world.environment(world))
        yield place, sources, place.fetch()


def test_every_real_file_is_counted(real: tuple[Place, list[RealSource], Summary]) -> None:
    """Items and rejections of every source add up to what plain counting of its files gives; nothing failed."""
    place, sources, summary = real
    assert _counted(summary, sources) == {}
    assert set(codes(summary)) <= {found.name for found in sources if found.license == "" or "NC" in found.license}
    assert summary.exit_code in (0, 5)
    for found in sources:
        if found.pages:
            assert source(summary, found.name).crawl["pages"] >= found.pages
            assert source(summary, found.name).items > 0.5 * found.pages
    assert place.world.requests("site", worlds.FORBIDDEN) == []


def test_every_real_item_is_in_the_manifest(real: tuple[Place, list[RealSource], Summary]) -> None:
    """The manifest holds each staged item once, with outcome and license, and every rejection with its place."""
    place, _, summary = real
    items = place.items()
    assert Counter(item["source"] for item in items) == {found.name: found.items for found in summary.sources if found.items}
    assert len({item["id"] for item in items}) == len(items)
    assert all(item["outcome"] and item["concluded_spdx"] and item["locator"] for item in items)
    rejections = Counter(row["source"] for row in place.told("rejections.jsonl"))
    assert rejections == {found.name: sum(found.rejections.values()) for found in summary.sources if found.rejections}


def test_the_real_set_loads(real: tuple[Place, list[RealSource], Summary], tmp_path: Path) -> None:
    """datasets.load_dataset reads the parquet set and finds exactly the kept items, as does the manifest's own check."""
    import datasets

    place, _, summary = real
    kept = summary.outcomes.get("keep", 0) + summary.outcomes.get("redact", 0)
    curated = place.workspace / "curated"
    rows = 0
    for config in datasets.get_dataset_config_names(str(curated)):
        loaded = datasets.load_dataset(str(curated), config, cache_dir=str(tmp_path))
        rows += sum(split.num_rows for split in loaded.values())
    assert rows == kept
    assert verify(place.session()).findings == ()


def test_a_second_run_on_real_data_does_nothing(real: tuple[Place, list[RealSource], Summary]) -> None:
    """Nothing is asked and nothing is written when nothing changed."""
    place, _, summary = real
    asked = len(place.world.log)
    again = place.fetch()
    assert again.changed is False
    assert len(place.world.log) == asked
    assert again.outcomes == summary.outcomes


def test_real_sounds_load_from_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real drums and speech in the layout folders: one folder per class, and audiofolder finds every kept file."""
    import datasets

    # `datasets` wants torch even to note an audio file's path; decoding is not what is tested here
    monkeypatch.setattr(datasets.Audio, "encode_example", lambda _self, value: {"bytes": None, "path": value})
    with World() as world:
        sources = worlds.audio_sources(world)
        text = worlds.declaration(sources, layout="folders", policy=[{"flag": "license.*", "outcome": "keep"}])
        (tmp_path / "sources.yaml").write_text(text, encoding="utf-8")
        place = Place(tmp_path, world)
        summary = place.fetch()
        assert _counted(summary, sources) == {}
        kept = [item for item in place.items() if item["outcome"] in {"keep", "redact"}]
        curated = place.workspace / "curated"
        assert all((curated / item["path"]).is_file() for item in kept)
        loaded = datasets.load_dataset("audiofolder", data_dir=str(curated), cache_dir=str(tmp_path / "cache"))
        loaded = loaded.cast_column("audio", datasets.Audio(decode=False))
        assert sum(split.num_rows for split in loaded.values()) == len(kept)


def test_real_attacks_are_records(tmp_path: Path) -> None:
    """Real malicious archives and broken files: each folder gives items or records, and nothing leaves the workspace."""
    with World() as world:
        sources = worlds.malicious_sources()
        (tmp_path / "sources.yaml").write_text(worlds.declaration(sources), encoding="utf-8")
        place = Place(tmp_path, world)
        summary = place.fetch()
        assert {name for name, found in codes(summary).items() if set(found) - {"license-refused"}} == set()
        for real in sources:
            found = source(summary, real.name)
            assert found.items + sum(found.rejections.values()) >= 1, real.name
            assert found.files >= 1
        outside = {path.name for path in tmp_path.iterdir()} - {"sources.yaml", "sources.lock", "data"}
        assert outside == set()
        assert verify(place.session()).findings == ()
