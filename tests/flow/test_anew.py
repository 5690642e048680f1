"""What a run makes of a set and a manifest that are not here, not whole, or not as they were written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from acquisition import manifest
from acquisition.errors import UsageError, WorkspaceDamaged
from acquisition.manifest.columns import VERSION_KEY
from acquisition.pipeline import curate, fetch, open_session, verify
from acquisition.pipeline.finishing import ending
from tests.flow.test_versions import Home, base, home

__all__ = ["base", "home"]
pytestmark = pytest.mark.flow


def anew(home: Home) -> str:
    """Make both anew and return the version."""
    return curate(open_session(home.root / "sources.yaml", workers=1), anew=True).versioned["version"]


def findings(home: Home) -> list[str]:
    """Return what `verify` finds."""
    return [finding.code for finding in verify(open_session(home.root / "sources.yaml")).findings]


def test_nothing_is_made_of_what_nobody_has_fetched(tmp_path: Path) -> None:
    """`curate` before the first fetch says what to do, and a fetch that may pin nothing leaves no empty set behind."""
    home = Home(tmp_path)
    home.text("a")
    home.declare()
    with pytest.raises(UsageError, match="nothing is here yet"):
        home.run(curate)
    summary = fetch(open_session(home.root / "sources.yaml", workers=1), locked=True)
    assert [error.code for error in summary.errors] == ["not-in-lock"]
    assert not (home.root / "data" / "curated").exists()
    assert not home.manifest.exists()


def test_a_set_is_not_emptied_for_want_of_a_lock(home: Home) -> None:
    """Without its lock nothing says what a source would bring: `curate` says so, the set stays, and a fetch pins it again."""
    before = (home.manifest / "items.parquet").read_bytes()
    (home.root / "sources.lock").unlink()
    with pytest.raises(UsageError, match="the set stays as it stood"):
        home.run(curate)
    assert (home.root / "data" / "curated" / "a.txt").is_file()
    assert (home.manifest / "items.parquet").read_bytes() == before
    assert home.run().versioned["version"] == "0.1.0"


def test_a_source_without_a_file_that_fits_is_told(tmp_path: Path) -> None:
    """Where `files` leaves out everything, the first fetch says so instead of ending in silence."""
    home = Home(tmp_path)
    home.text("a")
    home.declare()
    value = home.declaration
    name = next(iter(value["sources"]))
    value["sources"][name]["files"] = {"include": ["*.csv"]}
    (home.root / "sources.yaml").write_text(yaml.safe_dump(value))
    assert home.run().notes == (f"{name}: it brings nothing: `files` leaves out all 1 of its files",)


def test_a_cut_ledger_stays_until_one_says_anew(home: Home) -> None:
    """It is named and left alone by every run; made anew, the version is above the one that nobody can compare with."""
    ledger = home.manifest / "items.parquet"
    ledger.write_bytes(ledger.read_bytes()[:300])
    for do in (fetch, curate):
        with pytest.raises(WorkspaceDamaged, match="cut short"):
            home.run(do)
    assert ledger.stat().st_size == 300
    assert anew(home) == "1.0.0"
    assert findings(home) == []


def test_a_file_of_the_set_that_was_edited_is_named_before_papers_tell_of_it(home: Home) -> None:
    """Papers for a changed set are refused with the file's name; made anew, it is the same version of the same items."""
    (home.root / "data" / "curated" / "a.txt").write_text("something else")
    shutil.rmtree(home.root / "data" / "manifest")
    with pytest.raises(WorkspaceDamaged, match="not as it was made") as raised:
        home.run(curate)
    assert raised.value.where.endswith("a.txt")
    anew(home)
    assert findings(home) == []


def test_a_set_made_anew_keeps_its_version_and_history(home: Home) -> None:
    """Where the manifest is whole, the same items are the same version."""
    before = home.told()
    (home.root / "data" / "curated" / "b.txt").unlink()
    assert anew(home) == "0.1.0"
    assert home.told() == before
    assert findings(home) == []


def test_a_format_that_is_missing_is_written_again(home: Home) -> None:
    """A run finds that a file of the manifest is gone and writes it; nothing else changes."""
    (home.manifest / "croissant.json").unlink()
    home.run()
    assert (home.manifest / "croissant.json").is_file()
    assert findings(home) == []


def _without_list(home: Home) -> None:
    (home.manifest / "SHA256SUMS").unlink()
    (home.manifest / "items.parquet").write_bytes(b"PAR1")


def _of_tomorrow(home: Home) -> None:
    ledger = home.manifest / "items.parquet"
    table = pq.read_table(ledger)
    pq.write_table(table.replace_schema_metadata({VERSION_KEY: b"99"}), ledger)
    (home.manifest / "SHA256SUMS").unlink()


@pytest.mark.parametrize("break_it", [_without_list, _of_tomorrow])
def test_a_ledger_that_nothing_can_be_compared_with_makes_room(home: Home, break_it: Callable[[Home], None]) -> None:
    """Cut where no list of digests tells of it, or of a form that is not known here: anew is a way out of both."""
    break_it(home)
    with pytest.raises((UsageError, WorkspaceDamaged), match="the ledger"):
        home.run(curate)
    assert anew(home) == "1.0.0"
    assert findings(home) == []


def test_a_link_to_a_damaged_manifest_makes_room(home: Home, tmp_path: Path) -> None:
    """Only the link goes: what it leads to stays for whoever put it there."""
    elsewhere = tmp_path / "elsewhere"
    shutil.move(home.manifest, elsewhere)
    home.manifest.symlink_to(elsewhere)
    (elsewhere / "items.parquet").write_bytes(b"PAR1")
    anew(home)
    assert findings(home) == []
    assert (elsewhere / "items.parquet").read_bytes() == b"PAR1"


def test_a_kill_while_both_are_made_anew_forgets_no_version(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The damaged manifest is gone by then: what comes next is still above the version that stood."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    (home.manifest / "items.parquet").write_bytes(b"PAR1")
    with monkeypatch.context() as patched:
        patched.setattr(ending, "make_set", killed)
        with pytest.raises(KeyboardInterrupt):
            anew(home)
    assert home.run().versioned["version"] == "1.0.0"
    assert findings(home) == []


def test_what_stands_is_hashed_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that changes nothing reads no ledger whose size and time are those that were noted; a touch has it read once."""
    asked: list[Path] = []
    monkeypatch.setattr(manifest, "demand_untouched", asked.append)
    home.run()
    assert asked == []
    (home.manifest / "items.parquet").touch()
    assert [home.run().changed, home.run().changed] == [False, False]
    assert asked == [home.manifest]
