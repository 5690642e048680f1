"""The filled demo world: its declaration fits the kinds' own settings, and everything that it names is served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from acquisition import plugins
from acquisition.demo.servers import World
from acquisition.demo.world import declaration, environment, open_world
from acquisition.settings import CuratedSettings, DatasetSettings

KINDS = {"kaggle", "uci", "huggingface", "common_voice", "http", "local", "spider"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The world, opened in an empty directory."""
    with open_world(tmp_path) as made:
        yield made


def declared(world: World) -> dict[str, Any]:
    """Return the declaration as data."""
    value: dict[str, Any] = yaml.safe_load(declaration(world))
    return value


def test_all_kinds_are_declared_and_accepted(world: World) -> None:
    """All seven kinds occur, and each kind's settings accept what is written."""
    value = declared(world)
    assert {source["kind"] for source in value["sources"].values()} == KINDS
    for name, source in value["sources"].items():
        settings = plugins.load(plugins.SOURCES, source["kind"]).Settings
        assert settings.model_validate_json(json.dumps(source)).kind == source["kind"], name
    DatasetSettings.model_validate_json(json.dumps(value["dataset"]))
    CuratedSettings.model_validate_json(json.dumps(value["curated"]))
    assert yaml.safe_load(declaration(world, layout="parquet"))["curated"]["layout"] == "parquet"


def test_credentials_are_named_and_never_written(world: World) -> None:
    """The declaration names variables, the environment has their values, and the text has none of them."""
    named = {source["auth"]["env"] for source in declared(world)["sources"].values() if "auth" in source}
    given = environment(world)
    assert named == set(given)
    assert not any(secret in declaration(world) for secret in given.values())


def test_declared_addresses_answer(world: World) -> None:
    """Every URL that the declaration writes is served by the world."""
    for source in declared(world)["sources"].values():
        urls = [source["url"]] if "url" in source else [each["url"] for each in source.get("urls", [])]
        for url in [*urls, *source.get("start", [])]:
            assert requests.get(url, timeout=5).status_code == 200, url


def test_pack_is_written_with_fixed_times(world: World, tmp_path: Path) -> None:
    """The pack lies beside the declaration, the same release each time."""
    files = sorted((tmp_path / "packs").rglob("*.*"))
    assert len(files) == 37
    assert {path.stat().st_mtime for path in files} == {1_767_225_600}


def test_ports_are_kept(tmp_path: Path) -> None:
    """Opened again in the same directory the world has the same addresses; opened twice at once, others."""
    with open_world(tmp_path) as world:
        ports, text = dict(world.ports), declaration(world)
        with open_world(tmp_path / "other") as other:
            assert not set(ports.values()) & set(other.ports.values())
    with open_world(tmp_path) as world:
        assert (dict(world.ports), declaration(world)) == (ports, text)


def test_nobody_has_to_enter_the_forbidden_path(world: World) -> None:
    """robots.txt forbids it, pages link to it, and it would be served: only manners keep a crawler out."""
    base = world.site.base_url
    assert "Disallow: /private/" in requests.get(f"{base}/robots.txt", timeout=5).text
    assert "/private/ledger.html" in requests.get(f"{base}/articles/", timeout=5).text
    assert "/private/hidden.png" in requests.get(f"{base}/gallery/page-2.html", timeout=5).text
    assert not world.requests("site", "/private/")
    assert requests.get(f"{base}/private/ledger.html", timeout=5).status_code == 200
    assert len(world.requests("site", "/private/")) == 1
