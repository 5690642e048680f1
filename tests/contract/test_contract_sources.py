"""Every registered kind of source keeps the contract of `acquisition.testing.check_adapter`, over loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from acquisition import plugins
from acquisition.api import Client
from acquisition.demo.servers import World
from acquisition.network import AddressGuard
from acquisition.testing import check_adapter, context_for, source_for
from tests.search_servers import SearchServer

Declared = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a case may use: the loopback world and an empty folder."""

    world: World
    folder: Path
    search: SearchServer


def _kaggle(ground: Ground) -> Declared:
    ground.world.kaggle.add("o", "s", {"a/x.csv": b"1", "b/x.csv": b"22"})
    return {"dataset": "o/s", "base_url": ground.world.kaggle.base_url}


def _huggingface(ground: Ground) -> Declared:
    ground.world.hub.add("o/n", {"data/train.csv": b"a\n1\n"}, "---\nlicense: mit\n---\n")
    return {"repo": "o/n", "base_url": ground.world.hub.base_url}


def _uci(ground: Ground) -> Declared:
    ground.world.uci.add(53, "Iris", "iris", {"iris.data": b"5.1,Iris-setosa\n"})
    return {"id": 53, "base_url": ground.world.uci.base_url}


def _common_voice(ground: Ground) -> Declared:
    ground.world.collective.add("cmabc", b"an archive", slug="mcv-scripted-ga-v24")
    base = ground.world.collective.base_url
    return {"dataset": "mcv-scripted-ga-v24", "accept_terms": True, "base_url": base}


def _local(ground: Ground) -> Declared:
    (ground.folder / "a.txt").write_text("a")
    return {"path": str(ground.folder)}


def _url_list(ground: Ground) -> Declared:
    (ground.folder / "list.csv").write_text("URL,TEXT\nhttp://127.0.0.1:9/a.png,a\n")
    return {"table": str(ground.folder / "list.csv")}


CASES: Final[dict[str, Callable[[Ground], Declared]]] = {
    "common_voice": _common_voice,
    "http": lambda ground: {"urls": ["https://example.org/a.csv", {"url": "https://example.org/b/a.csv", "md5": "ab" * 16}]},
    "huggingface": _huggingface,
    "kaggle": _kaggle,
    "local": _local,
    "search": lambda ground: {"engine": "searxng", "queries": ["owls"], "base_url": ground.search.base_url},
    "spider": lambda ground: {"spider": "pages", "start": ["http://127.0.0.1:9/"]},
    "uci": _uci,
    "url_list": _url_list,
}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """A running world and an empty folder."""
    with World() as world, SearchServer({"owls": ["https://example.org/owl", "https://example.com/owl"]}) as search:
        yield Ground(world, tmp_path, search)


@pytest.mark.parametrize("kind", plugins.registered(plugins.SOURCES))
def test_a_registered_kind_keeps_the_contract(kind: str, ground: Ground) -> None:
    """The real client, the real official libraries and loopback servers: resolve, pin and locate as promised."""
    adapter = plugins.adapter(kind)
    source = source_for(adapter, "case", **CASES[kind](ground))
    with Client("acquisition/contract", AddressGuard(["http://127.0.0.1/"]), sleep=lambda _: None) as client:
        environment = {"MDC_API_KEY": ground.world.collective.token, "HOME": str(ground.folder)}
        check_adapter(adapter, source, context_for(client, environment=environment, base=ground.folder))
