"""What filters do again: nothing for a changed policy, one source for a new one or a changed license."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.pipeline import fetch, open_session

pytestmark = pytest.mark.flow

HEAD = "version: 1\ndataset: {name: set}\nsources:\n"
SOURCE = "  %s:\n    kind: local\n    path: %s\n    license: {declared: %s}\n"


def declare(folder: Path, licenses: dict[str, str], tail: str = "") -> None:
    """Write a declaration of folders under these licenses, each with two texts."""
    for name in licenses:
        (folder / name).mkdir(exist_ok=True)
        for number in range(2):
            text = f"Text {number} of {name}: the ferry left at {number + 7} and came back with {name} on board.\n"
            (folder / name / f"{number}.txt").write_text(text, encoding="utf-8")
    sources = "".join(SOURCE % (name, name, license_) for name, license_ in licenses.items())
    (folder / "sources.yaml").write_text(HEAD + sources + tail, encoding="utf-8")


def answers(folder: Path) -> dict[str, int]:
    """Return path → time of change of every flag and signature shard that belongs to one source."""
    flags = folder / "data" / "flags"
    return {
        path.relative_to(flags).as_posix(): path.stat().st_mtime_ns
        for path in flags.rglob("items-*.parquet")
        if ".set-" not in path.as_posix()
    }


def run(folder: Path) -> dict[str, int]:
    """Fetch up to the filters and return what lies there."""
    fetch(open_session(folder / "sources.yaml"), until="curate")
    return answers(folder)


def test_a_new_source_is_the_only_one_that_is_looked_at(tmp_path: Path) -> None:
    """No flag and no signature of the first sources is written again, by no filter."""
    declare(tmp_path, {"one": "CC0-1.0", "two": "CC-BY-4.0"})
    before = run(tmp_path)
    assert before
    declare(tmp_path, {"one": "CC0-1.0", "two": "CC-BY-4.0", "three": "MIT"})
    after = run(tmp_path)
    assert {path: after.get(path) for path in before} == before
    assert {path.split("/")[-3] for path in after.keys() - before.keys()} == {"three"}


def test_a_changed_policy_looks_at_nothing(tmp_path: Path) -> None:
    """Judging again touches no filter's answers."""
    declare(tmp_path, {"one": "CC0-1.0"})
    before = run(tmp_path)
    declare(tmp_path, {"one": "CC0-1.0"}, 'policy:\n  - {flag: "quality.*", outcome: keep}\n')
    assert run(tmp_path) == before


def test_a_changed_license_judges_its_own_source_again(tmp_path: Path) -> None:
    """Only what the rights filters say of that source is new; what they said under the old license is gone."""
    declare(tmp_path, {"one": "CC0-1.0", "two": "CC-BY-4.0"})
    before = run(tmp_path)
    declare(tmp_path, {"one": "CC0-1.0", "two": "CC-BY-SA-4.0"})
    after = run(tmp_path)
    fresh = after.keys() - before.keys()
    assert {path.split("/")[-3] for path in fresh} == {"two"}
    assert {path.rsplit("-", 2)[0].split("-")[0] for path in fresh} == {"license", "opt_out"}
    assert {path.split("/")[-3] for path in before.keys() - after.keys()} == {"two"}
