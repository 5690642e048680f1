"""What somebody or the disk does to the workspace between two runs is mended, or named with what to do."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from acquisition.errors import DiskFull, WorkspaceDamaged
from acquisition.pipeline import Summary, curate, fetch, open_session, run, verify

DECLARATION = """
version: 1
dataset: {name: small}
sources:
  mine: {kind: local, path: mine, items: {as: files}, license: {declared: CC0-1.0}}
"""


@pytest.fixture
def declaration(tmp_path: Path) -> Path:
    """A declaration whose one text has been fetched."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("some words of a text that is long enough to be kept")
    path = tmp_path / "sources.yaml"
    path.write_text(DECLARATION)
    assert again(path).exit_code == 0
    return path


def again(declaration: Path) -> Summary:
    """Run all of it."""
    return fetch(open_session(declaration, workers=1))


@pytest.mark.parametrize("name", ["placements", "curated", "manifest", "flags", "verdicts", "staging"])
def test_a_folder_that_is_gone_is_made_again(declaration: Path, name: str) -> None:
    """Whatever can be made again from the files is, with the same outcome."""
    shutil.rmtree(declaration.parent / "data" / name)
    assert curate(open_session(declaration), ("items",)).exit_code == 0
    assert again(declaration).outcomes == {"keep": 1}
    assert verify(open_session(declaration)).findings == ()


@pytest.mark.parametrize("text", ["", "[1]", "not JSON"])
def test_a_record_that_says_nothing_counts_as_none(declaration: Path, text: str) -> None:
    """A finished.json of another form makes the set and the manifest be built again."""
    (declaration.parent / "data" / "finished.json").write_text(text)
    assert again(declaration).changed


def test_an_item_shard_that_is_gone_is_staged_again(declaration: Path) -> None:
    """The records of staging are believed only as far as the shards that they name are here."""
    shard = next((declaration.parent / "data" / "staging").rglob("*.parquet"))
    shard.unlink()
    assert again(declaration).outcomes == {"keep": 1}
    assert shard.exists()


def test_a_damaged_shard_is_named(declaration: Path) -> None:
    """A flag shard that is cut in half ends the run with its path and what to do, as no defect of the program."""
    shard = next(path for path in (declaration.parent / "data" / "flags").rglob("items-*.parquet") if "pii" in str(path))
    shard.write_bytes(shard.read_bytes()[:50])
    declaration.write_text(DECLARATION + 'policy: [{flag: "pii.*", outcome: drop}]\n')
    with pytest.raises(WorkspaceDamaged, match=shard.parent.name):
        again(declaration)


def test_a_full_disk_is_named(declaration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room in the middle of any step is DiskFull."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run, "judge_all", full)
    with pytest.raises(DiskFull):
        again(declaration)


def test_a_folder_that_is_not_mounted_does_not_empty_the_set(declaration: Path) -> None:
    """Where nothing is here because every source failed, the set and the manifest stay as they are, and the run is partial."""
    (declaration.parent / "mine").rename(declaration.parent / "elsewhere")
    failed = again(declaration)
    assert (failed.exit_code, failed.reached) == (3, "stage")
    assert (declaration.parent / "data" / "curated" / "data" / "train-00000.parquet").exists()
    assert verify(open_session(declaration)).findings == ()
    (declaration.parent / "elsewhere").rename(declaration.parent / "mine")
    assert not again(declaration).changed
