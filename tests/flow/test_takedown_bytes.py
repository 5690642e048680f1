"""The bytes of a takedown, from the servers to the proof, and over other fetches, other readings and other crawls."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition.crawl.archive import write_wacz
from acquisition.pipeline import Summary, crawl, verify
from acquisition.pipeline.withdrawal.asking import Request, Wanted
from acquisition.pipeline.withdrawal.takedown import Grounds, takedown
from acquisition.takedown.swept import read_swept
from tests.flow.running import Place, demo_place, source

pytestmark = pytest.mark.flow
SOURCES = ("drums", "kit", "notes", "voices", "plates")


def few(value: dict[str, Any]) -> None:
    """Declare a few sources of the demo, and none of the filters that need long."""
    value["sources"] = {name: value["sources"][name] for name in SOURCES}
    value["filters"] = {"duplicates": {}, "pii": False, "quality": False, "llm_style": False, "adult": False}


def staged(place: Place) -> list[dict[str, Any]]:
    """Return what is staged."""
    found: list[dict[str, Any]] = []
    columns = ["id", "source", "locator", "member", "blob", "content_sha256", "url"]
    for path in sorted((place.workspace / "staging").glob("*/*/items-*.parquet")):
        found += pq.read_table(path, columns=columns).to_pylist()
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The world after a fetch; the tests are steps that follow each other."""
    with demo_place(tmp_path_factory.mktemp("bytes"), edit=few) as found:
        found.fetch()
        yield found


@pytest.fixture(scope="module")
def gone(place: Place) -> Mapping[str, dict[str, Any]]:
    """One item of each kind of file, taken down: a file, members of zip and tar, a row in a zip, a picture of a crawl."""
    items: dict[str, dict[str, Any]] = {}
    for item in staged(place):
        items.setdefault(item["source"], item)
    chosen = {name: items[name] for name in SOURCES}
    chosen["drums"]["bytes"] = place.session().workspace.blob_path(chosen["drums"]["blob"]).read_bytes()
    request = Request(tuple(Wanted("item", item["id"]) for item in chosen.values()), "same")
    done = takedown(place.session(), request, Grounds("T-7", "me", "asked for"))
    assert done.summary.outcomes["keep"] > 0
    return chosen


def clean(place: Place) -> None:
    """Prove that nothing is left, and that something was looked at."""
    found = verify(place.session())
    assert found.findings == ()
    assert min(found.looked.values()) > 0


def states(place: Place) -> dict[str, str]:
    """Return source → state of what was swept."""
    return {name: blob.state for blob in read_swept(place.session().workspace) for name, _ in blob.holders}


def test_each_kind_of_file_loses_it_in_its_own_way(place: Place, gone: Mapping[str, dict[str, Any]]) -> None:
    """Deleted, rewritten, or deleted until staging needs it; every other item keeps its id; the proof finds nothing."""
    assert states(place) == {"drums": "gone", "kit": "edited", "notes": "staged", "voices": "partial"}
    assert not {item["id"] for item in gone.values()} & {item["id"] for item in staged(place)}
    clean(place)


def test_the_archive_of_the_crawl_is_whole(place: Place, gone: Mapping[str, dict[str, Any]], tmp_path: Path) -> None:
    """Warcio checks it, a WACZ is made of it, a replay finds the rest, and no file of it has the picture or its address."""
    run = next((place.workspace / "crawl" / "plates").glob("run-*"))
    for path in run.glob("*.warc.gz"):
        checked = subprocess.run([sys.executable, "-m", "warcio.cli", "check", str(path)], capture_output=True, check=False)
        assert checked.returncode == 0
    package = write_wacz(run, tmp_path / "run.wacz", title="t")
    address = gone["plates"]["url"].encode()
    assert address not in (run / "index.cdxj").read_bytes() + (run / "crawl-00000.items.jsonl").read_bytes()
    assert package.stat().st_size > 0


def test_planting_it_back_is_found(place: Place, gone: Mapping[str, dict[str, Any]]) -> None:
    """The file that was deleted, put back under its name, fails the proof; the same takedown takes it away again."""
    path = place.session().workspace.blob_path(gone["drums"]["blob"])
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gone["drums"]["bytes"])
    (finding,) = verify(place.session()).findings
    assert (finding.code, finding.path) == ("verify.taken-down-present", path.relative_to(place.workspace).as_posix())
    swept = read_swept(place.session().workspace)
    takedown(place.session(), Request((Wanted("item", gone["drums"]["id"]),)), Grounds("T-7", "me", "asked for"))
    clean(place)
    assert tuple(read_swept(place.session().workspace)) == tuple(swept)


def test_another_fetch_moves_nothing(place: Place, gone: Mapping[str, dict[str, Any]]) -> None:
    """What is gone, edited or staged is not fetched again, and the set stays as it is."""
    assert gone
    asked = len(place.world.log)
    summary: Summary = place.fetch()
    assert (summary.changed, sum(one.bytes_downloaded for one in summary.sources)) == (False, 0)
    assert len(place.world.log) == asked


def test_reading_in_another_way_fetches_what_is_missing_and_sweeps_it_again(
    place: Place, gone: Mapping[str, dict[str, Any]]
) -> None:
    """Sources that are staged anew get their tables back for that time; what was taken down does not come back with them."""
    value = place.declaration
    for name in ("kit", "notes", "voices"):
        value["sources"][name]["items"]["keep"] = "none"
    place.declare(value)
    summary = place.fetch()
    moved = {one.name for one in summary.sources if one.bytes_downloaded}
    assert moved == {"notes", "voices"}
    assert not {item["content_sha256"] for item in gone.values()} & {item["content_sha256"] for item in staged(place)}
    assert source(summary, "notes").items > 100
    assert states(place) == {"drums": "gone", "kit": "edited", "notes": "staged", "voices": "partial"}
    clean(place)


def test_another_crawl_does_not_ask_for_it(place: Place, gone: Mapping[str, dict[str, Any]]) -> None:
    """The links are still there; the address is refused as taken down, and the new run's archive has nothing of it."""
    asked = len(place.world.log)
    summary = crawl(place.session(only=("plates",)))
    path = "/" + gone["plates"]["url"].split("/", 3)[3]
    assert path not in [request.path for request in place.world.log[asked:]]
    assert len(place.world.log) > asked
    assert source(summary, "plates").crawl["refused"].get("taken-down") == 1
    place.fetch()
    clean(place)
