"""Filters in the engine: what results are named by, failures of one shard, and figures of whole sources."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition import plugins
from acquisition.engine import flags as room
from acquisition.engine.flags import Run, ShardTask, flag_shard, observations, run_digest
from acquisition.engine.inputs import input_digests
from acquisition.engine.local import SMALL, Failed, LocalEngine
from acquisition.errors import FilterUnavailable, PluginError
from acquisition.model import FLAG_SCHEMA, Observation, Shard, Use
from acquisition.protocols import Filter, FilterContext
from acquisition.settings import FilterSettings
from acquisition.testing.filters import items_of


class Listed(FilterSettings):
    """A list that answers depend on."""

    words: str = ""

    def inputs(self) -> tuple[str, ...]:
        """Name the list."""
        return (self.words,) if self.words else ()


class Fussy(Filter):
    """Cannot bear a certain text, and observes what it was told to."""

    name: ClassVar[str] = "fussy"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[FilterSettings]] = Listed
    codes: ClassVar[Mapping[str, str]] = {"fussy.seen": "It was seen."}
    observed: ClassVar[str] = "fussy.seen"

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        """Nothing to prepare."""

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Fail on a bad text."""
        if "bad" in items.column("text").to_pylist():
            raise ValueError("cannot bear it")
        return pa.RecordBatch.from_pylist([], schema=FLAG_SCHEMA)

    def not_checked(self) -> tuple[str, ...]:
        """Leave nothing out."""
        return ()

    def observe(self) -> Iterator[Observation]:
        """Yield one figure."""
        yield Observation(self.observed, "s", 0.5, 0.4, 0.6, 10)


def _context(base: Path) -> FilterContext:
    return FilterContext(use=Use(), releases={}, order=("s",), blob_root="", base=str(base))


@pytest.fixture
def fussy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the filter known by its name."""
    monkeypatch.setattr(plugins, "filter_class", lambda name: Fussy)
    monkeypatch.setattr(room, "_INSTANCES", {})


def _shard(folder: Path, index: int, text: str) -> Shard:
    path = folder / f"items-{index:05d}.parquet"
    pq.write_table(pa.Table.from_batches([items_of([text])]), path)
    return Shard("s", "r", index, str(path), 1, str(index))


@pytest.mark.usefixtures("fussy")
def test_a_list_that_changes_under_its_name_renames_the_results(tmp_path: Path) -> None:
    """The digest follows the content of files and folders, not their names."""
    settings, context = Listed(words="words.txt"), _context(tmp_path)
    (tmp_path / "words.txt").write_text("one")
    first = run_digest("fussy", settings, context)
    assert run_digest("fussy", settings, context) == first
    (tmp_path / "words.txt").write_text("two")
    assert run_digest("fussy", settings, context) != first
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("a")
    before = input_digests("fussy", Listed(words="folder"), str(tmp_path))
    (tmp_path / "folder" / "b").write_text("a")
    assert input_digests("fussy", Listed(words="folder"), str(tmp_path)) != before


def test_a_list_that_is_not_there_ends_the_run(tmp_path: Path) -> None:
    """Nothing is called clean for want of a list: its name, its place and its key are in the error."""
    with pytest.raises(FilterUnavailable) as caught:
        input_digests("fussy", Listed(words="gone.txt"), str(tmp_path))
    assert "filters.fussy" in caught.value.message
    assert caught.value.where == str(tmp_path / "gone.txt")


@pytest.mark.usefixtures("fussy")
def test_one_shard_that_fails_stops_no_other(tmp_path: Path) -> None:
    """The failing shard is given back by name with its reason, in its place; the others have their flags."""
    shards = [_shard(tmp_path, index, text) for index, text in enumerate(("good", "bad", "good"))]
    run = Run("fussy", Listed(), _context(tmp_path), str(tmp_path / "flags"))
    with LocalEngine(1, threading.Event()) as engine:
        results = list(engine.map(flag_shard, [ShardTask(shard, (run,)) for shard in shards], weight=0))
    assert [isinstance(result, Failed) for result in results] == [False, True, False]
    failed = results[1]
    assert isinstance(failed, Failed)
    assert shards[1].key in failed.error.message
    assert [run.flags_of(shard).exists() for shard in shards] == [True, False, True]


@pytest.mark.usefixtures("fussy")
def test_observations_are_of_declared_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a filter observes it has declared; another code is its defect and is named."""
    run = Run("fussy", Listed(), _context(tmp_path), str(tmp_path / "flags"))
    (one,) = observations(run, {})
    assert (one.code, one.figure, one.place) == ("fussy.seen", "0.5 (0.4 to 0.6)", "s")
    monkeypatch.setattr(Fussy, "observed", "fussy.unheard-of")
    with pytest.raises(PluginError, match="unheard-of"):
        observations(run, {})


def _fail_on_three(number: int) -> int:
    if number == 3:
        raise PluginError("three is too many")
    return number


def test_a_plug_in_that_fails_in_the_pool_is_given_back() -> None:
    """In the pool as in this process a plug-in's failure is a result, and no other task is lost."""
    with LocalEngine(2) as engine:
        results = list(engine.map(_fail_on_three, range(6), weight=SMALL))
    assert [one if isinstance(one, int) else "failed" for one in results] == [0, 1, 2, "failed", 4, 5]


def test_no_more_workers_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two workers have no room beside each other, work is done in this process."""
    monkeypatch.setattr("acquisition.engine.local.available_megabytes", lambda: 1_000)
    with LocalEngine(2) as engine:
        engine.map(_fail_on_three, [1], weight=SMALL, memory=800)
        assert list(engine.map(_fail_on_three, [1, 2], weight=SMALL, memory=800)) == [1, 2]
        assert engine._pool is None
