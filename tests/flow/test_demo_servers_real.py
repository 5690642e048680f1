"""The real files beside the checkout are served whole, and the blocks that are declared for them fit their kinds."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator

import pytest
import requests

from acquisition import plugins
from acquisition.demo.servers import World
from tests.flow import worlds


@pytest.fixture
def world() -> Iterator[World]:
    """An empty world."""
    with World() as made:
        yield made


@pytest.mark.real
def test_every_block_fits_its_kind(world: World) -> None:
    """All real sources have different names, blocks that their kinds accept, and something to count."""
    sources = [*worlds.everything(world), *worlds.card_sources(world), *worlds.malicious_sources()]
    assert len({source.name for source in sources}) == len(sources) > 100
    for source in sources:
        settings = plugins.load(plugins.SOURCES, str(source.block["kind"])).Settings
        assert settings.model_validate_json(json.dumps(source.block)).kind == source.block["kind"], source.name
        assert source.candidates is None or source.candidates > 0, source.name
    assert "sources:" in worlds.declaration(sources)


@pytest.mark.real
def test_known_counts(world: World) -> None:
    """The counts agree with what the publishers say of these sets."""
    counts = {
        source.name: source.candidates for source in [*worlds.uci_sources(world, large=True), *worlds.kaggle_sources(world)]
    }
    known = {"uci-53": 150, "uci-186": 4898, "uci-228": 5574, "uci-2": 32561, "uci-39": 336, "uci-42": 214, "uci-15": 699}
    assert {name: counts[name] for name in known} == known
    assert (counts["uci-360"], counts["kaggle-palmer-archi"], counts["kaggle-titanic"]) == (9471, 344, 1309)


@pytest.mark.real
def test_real_files_come_back_unchanged(world: World) -> None:
    """What is served is what lies on disk: inside a UCI zip, from the Hub's storage, and in the voice archive."""
    worlds.uci_sources(world)
    worlds.hub_sources(world)
    worlds.common_voice_sources(world)
    body = requests.get(f"{world.uci.base_url}/static/public/53/iris.zip", timeout=5).content
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read("iris.data") == (worlds.DATA / "uci/53_iris/iris.data").read_bytes()
    path = "test/healthy/healthy_train.0.jpg"
    picture = requests.get(f"{world.hub.base_url}/datasets/publisher/beans/resolve/main/{path}", timeout=5).content
    assert picture == (worlds.DATA / "huggingface/repos/beans" / path).read_bytes()
    key = {"Authorization": f"Bearer {world.collective.token}"}
    given = requests.post(f"{world.collective.base_url}/datasets/cm-real-ab/download", headers=key, timeout=5).json()
    with tarfile.open(fileobj=io.BytesIO(requests.get(given["downloadUrl"], timeout=5).content)) as voices:
        assert "cv-corpus-6.1-2020-12-11/ab/validated.tsv" in voices.getnames()


@pytest.mark.real
def test_real_cards_reach_the_api(world: World) -> None:
    """The Hub face tells the license that the card holds, and tells none for cards that cannot be read."""
    for source in worlds.card_sources(world):
        info = requests.get(f"{world.hub.base_url}/api/datasets/{source.block['repo']}", timeout=5).json()
        declared = json.loads(source.license) if source.license.startswith("[") else None
        told = (info.get("cardData") or {}).get("license")
        if declared is not None:
            assert ([told] if isinstance(told, str) else told) == declared, source.name


@pytest.mark.real
def test_real_robots_forbid_the_linked_page(world: World) -> None:
    """The real robots.txt is served as it is, and every start page links to a path that it forbids."""
    sources = worlds.page_sources(world)
    robots = requests.get(f"{world.site.base_url}/robots.txt", timeout=5).text
    assert f"Disallow: {worlds.FORBIDDEN}" in robots
    for source in sources:
        start = source.block["start"][0]
        index = requests.get(start, timeout=5).text
        assert worlds.FORBIDDEN in index
        assert source.pages == index.count("<li>") >= 20
        assert requests.get(f"{start}page-{source.pages - 1}.html", timeout=5).status_code == 200
