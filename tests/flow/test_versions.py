"""The version of a set from declaration to manifest: when it rises, when it stays, and that a kill changes nothing of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from acquisition.errors import ExportRefused
from acquisition.manifest import Version, read_versions
from acquisition.manifest.items import Items
from acquisition.pipeline import Summary, curate, fetch, open_session, status, verify
from tests.flow.running import ROOT, plain_environment, stamps
from tests.judged_shards import tree

pytestmark = pytest.mark.flow
QUIET = dict.fromkeys(("adult", "duplicates", "llm_style", "opt_out", "pii", "quality"), False)
KILLED = 137
KILLER = f"""
import os, sys
from pathlib import Path
when, name = sys.argv[1:]
real = Path.replace
def replace(self, target):
    if when == "before" and Path(target).name == name:
        os._exit({KILLED})
    done = real(self, target)
    if when == "after" and Path(target).name == name:
        os._exit({KILLED})
    return done
Path.replace = replace
from acquisition.cli import main
main(["fetch", "--quiet", "--workers", "1"])
"""


class Home:
    """A directory with a declaration of one folder of texts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / "data" / "manifest"

    @property
    def declaration(self) -> dict[str, Any]:
        """sources.yaml as values."""
        found: dict[str, Any] = yaml.safe_load((self.root / "sources.yaml").read_text())
        return found

    def declare(self, **dataset: Any) -> None:
        """Write sources.yaml; `dataset` replaces fields of its block."""
        value = {
            "version": 1,
            "dataset": {"name": "notes", "version": "0.1.0", **dataset},
            "sources": {"kit": {"kind": "local", "path": "kit", "license": {"declared": "CC-BY-4.0"}}},
            "filters": QUIET,
            "curated": {"layout": "folders", "path": "{name}"},
            "manifest": ["items", "croissant", "spdx", "datapackage", "prov", "eu_summary", "attributions"],
            "limits": {"disk_reserve": "1MB"},
        }
        (self.root / "sources.yaml").write_text(yaml.safe_dump(value))

    def text(self, name: str, text: str = "") -> None:
        """Put a text into the folder."""
        (self.root / "kit").mkdir(parents=True, exist_ok=True)
        (self.root / "kit" / f"{name}.txt").write_text(
            text or f"what {name} says of it, at some length and in words of its own\n"
        )

    def run(self, do: Callable[..., Summary] = fetch) -> Summary:
        """Run everything in this process."""
        return do(open_session(self.root / "sources.yaml", workers=1))

    def versions(self) -> tuple[Version, ...]:
        """Return the history."""
        return read_versions(self.manifest)

    def told(self) -> list[tuple[str, str, str]]:
        """Return the history without its times."""
        return [(one.version, one.step, one.why) for one in self.versions()]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a place whose set of three texts was fetched once."""
    home = Home(tmp_path_factory.mktemp("versions") / "home")
    for name in "abc":
        home.text(name)
    home.declare()
    home.run()
    return home.root


@pytest.fixture
def home(base: Path, tmp_path: Path) -> Home:
    """Return a copy of that place."""
    shutil.copytree(base, tmp_path / "home")
    return Home(tmp_path / "home")


def test_the_same_inputs_are_the_same_version_and_nothing_is_written(home: Home) -> None:
    """A second run finds everything done; the version is printed all the same, by the run and by status."""
    home.run()  # the copy's folder has another place and other times
    before = stamps(home.manifest) | stamps(home.root / "data" / "curated")
    summary = home.run()
    assert not summary.changed
    assert (stamps(home.manifest) | stamps(home.root / "data" / "curated")) == before
    assert summary.versioned["version"] == "0.1.0"
    found = status(open_session(home.root / "sources.yaml")).standing
    assert found is not None
    assert found.version == "0.1.0"
    assert [one.version for one in home.versions()] == ["0.1.0"]


def test_every_step_and_every_paper_tells_the_same_version(home: Home) -> None:
    """More is minor, less is major, words alone are a patch; all exports, the card and the summary print what is in effect."""
    home.text("d")
    assert home.run().versioned["version"] == "0.2.0"
    home.declare(description="Notes of four.")
    summary = home.run()
    assert (summary.versioned["version"], summary.versioned["step"]) == ("0.2.1", "patch")
    (home.root / "kit" / "a.txt").unlink()
    assert home.run().versioned["version"] == "1.0.0"
    home.text("b", "b says something else now, and says it in as many words\n")
    assert home.run(curate).versioned["version"] == "2.0.0"
    assert [step for _, step, _ in home.told()] == ["first", "minor", "patch", "major", "major"]
    for name in ("croissant.json", "spdx.json", "datapackage.json", "prov.json", "eu-summary.json", "summary.json"):
        text = (home.manifest / name).read_text()
        assert "2.0.0" in text, name
        assert "0.1.0" not in text.replace("acquisition 0.1.0", ""), name
    card = (home.root / "data" / "curated" / "README.md").read_text()
    assert "Version 2.0.0." in card
    assert card.count("Version ") == 1
    assert verify(open_session(home.root / "sources.yaml")).findings == ()
    changelog = (home.manifest / "CHANGELOG.md").read_text()
    assert [line.split()[1] for line in changelog.splitlines() if line.startswith("## ")] == [
        "2.0.0",
        "1.0.0",
        "0.2.1",
        "0.2.0",
        "0.1.0",
    ]
    assert "1 lost (left the set)" in changelog


def test_declared_versions_go_ahead_and_never_back(home: Home) -> None:
    """A higher declared version wins, a lower one is said; other formats alone are no new version."""
    home.declare(version="3.0.0")
    assert home.run().versioned["version"] == "3.0.0"
    home.declare(version="1.0.0")
    summary = home.run()
    assert summary.versioned["version"] == "3.0.0"
    assert "1.0.0, which is lower" in summary.versioned["note"]
    value = home.declaration | {"manifest": ["items"]}
    (home.root / "sources.yaml").write_text(yaml.safe_dump(value))
    assert home.run().versioned["version"] == "3.0.0"
    assert [one.version for one in home.versions()] == ["0.1.0", "3.0.0"]


def test_a_manifest_that_was_removed_leaves_no_version_to_be_given_twice(home: Home) -> None:
    """Without its manifest the same set keeps its version; another set gets one that no older set can have had."""
    home.run()
    shutil.rmtree(home.manifest)
    assert home.run().versioned["version"] == "0.1.0"
    shutil.rmtree(home.manifest)
    home.text("d")
    assert home.run().versioned["version"] == "1.0.0"


def test_a_refused_export_leaves_set_and_manifest_in_agreement(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version stands in the set's card only with its manifest; until then both are what they were."""
    home.run()
    before = stamps(home.manifest) | stamps(home.root / "data" / "curated")
    value = home.declaration
    value["sources"]["kit"]["why"] = "somebody asked for it"
    (home.root / "sources.yaml").write_text(yaml.safe_dump(value))

    def refuse(*_: object) -> None:
        raise ExportRefused("items: not today")

    with monkeypatch.context() as patched:
        patched.setattr(Items, "write", refuse)
        with pytest.raises(ExportRefused):
            home.run()
    assert (stamps(home.manifest) | stamps(home.root / "data" / "curated")) == before
    assert verify(open_session(home.root / "sources.yaml")).findings == ()
    assert home.run().versioned["version"] == "0.1.1"
    assert "Version 0.1.1." in (home.root / "data" / "curated" / "README.md").read_text()
    assert verify(open_session(home.root / "sources.yaml")).findings == ()


def test_the_same_version_has_the_same_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that is written once more on another day, with another format and back, is the same papers.

    Only evidence tells when somebody looked, and that was at another time.
    """
    home.run()
    value, before = home.declaration, tree(home.manifest)
    monkeypatch.setattr("acquisition.pipeline.versioning.utc_now", lambda: "2031-01-01T00:00:00Z")
    monkeypatch.setattr("acquisition.pipeline.finishing.writing.utc_now", lambda: "2031-01-01T00:00:00Z")
    for formats in (["items"], value["manifest"]):
        (home.root / "sources.yaml").write_text(yaml.safe_dump(value | {"manifest": formats}))
        assert home.run().changed
    after = tree(home.manifest)
    differing = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert differing <= {"SHA256SUMS", "evidence.jsonl", "items.parquet", "manifest.jsonl", "spdx.json"}
    assert "2031" not in (home.manifest / "summary.json").read_text()


def test_a_refused_source_is_told_without_its_place(home: Home, tmp_path: Path) -> None:
    """Where the declaration lies, and on which line, is in no paper and makes no version."""
    value = home.declaration
    value["dataset"]["use"] = {"commercial": True, "redistribute": True}
    value["sources"]["closed"] = {"kind": "local", "path": "kit", "license": {"declared": "CC-BY-NC-ND-4.0"}}
    (home.root / "sources.yaml").write_text(yaml.safe_dump(value))
    version = home.run().versioned["version"]
    refused = [json.loads(line) for line in (home.manifest / "refusals.jsonl").read_text().splitlines()]
    assert [(one["source"], one["what"]) for one in refused] == [("closed", "")]
    (home.root / "sources.yaml").write_text("# one line more\n" + yaml.safe_dump(value))
    assert home.run().versioned["version"] == version
    assert str(tmp_path).encode() not in b"".join(path.read_bytes() for path in home.manifest.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("when", "name"),
    [
        ("before", "curated"),
        ("after", "curated"),
        ("after", "README.md"),
        ("before", "manifest"),
        ("after", "manifest"),
        ("after", "finished.json"),
    ],
)
def test_a_kill_between_any_two_steps_changes_nothing(home: Home, when: str, name: str) -> None:
    """Killed at once where a part has just been or is about to be swapped in, and run again, it ends as if undisturbed."""
    home.text("d")
    (home.root / "kit" / "a.txt").unlink()
    child = subprocess.run(
        [sys.executable, "-c", KILLER, when, name],
        cwd=home.root,
        env=plain_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == KILLED, child.stderr
    before = status(open_session(home.root / "sources.yaml"))
    assert before.run == "unfinished"
    assert before.standing is not None
    assert before.standing.version in {"0.1.0", "1.0.0"}
    assert home.run().versioned["version"] == "1.0.0"
    assert home.told() == [("0.1.0", "first", "the first version"), ("1.0.0", "major", home.told()[1][2])]
    assert home.told()[1][2].startswith("1 added, 1 removed, 1 kept, 1 lost")
    assert verify(open_session(home.root / "sources.yaml")).findings == ()
    assert json.loads((home.manifest / "summary.json").read_bytes())["version"] == "1.0.0"
    assert not home.run().changed
