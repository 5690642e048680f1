"""A manifest that is written again: the same version is the same bytes, and an edit by hand is named, never made anew."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest import EvidenceStore, ManifestInputs, decide, release_list, write, write_versions
from acquisition.manifest.untouched import demand_untouched
from acquisition.settings import DatasetSettings
from tests.judged_shards import World, tree, write_manifest

LATER = "2027-01-02T03:04:05Z"
FORMATS = ("items", "croissant", "attributions", "datapackage", "prov", "spdx", "eu_summary")


def _inputs(root: Path, license_: str = "CC-BY-4.0") -> ManifestInputs:
    """Return what a small manifest was just written from; its version is decided as in a run."""
    world, grabbed = World(root), list[ManifestInputs]()
    world.add("sms", [world.text(f"message {n}", n) for n in range(3)], license_=license_)
    write_manifest(world, formats=FORMATS, grab=grabbed)
    store = EvidenceStore(world.workspace.root / "evidence")
    inputs = replace(grabbed[0], ledger=replace(grabbed[0].ledger, evidence=store), created_at=LATER)
    for path in sorted(inputs.manifest.rglob("*"), reverse=True):  # what was written without a version does not count
        path.unlink() if path.is_file() else path.rmdir()
    return replace(inputs, version_of=_version_of(inputs))


def _version_of(inputs: ManifestInputs) -> Callable[[Path], tuple[str, str]]:
    def decided(directory: Path) -> tuple[str, str]:
        found = decide(inputs.manifest, directory / "items.parquet", "0.1.0", at=inputs.created_at, papers={})
        write_versions(directory, found)
        return found.version, found.new.at

    return decided


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> ManifestInputs:
    """What a manifest in all formats stands for; tests work on a copy of it."""
    inputs = _inputs(tmp_path_factory.mktemp("written"))
    write(inputs)
    return inputs


@pytest.fixture
def inputs(written: ManifestInputs, tmp_path: Path) -> ManifestInputs:
    """The same inputs, and a copy of the manifest that was written from them."""
    shutil.copytree(written.manifest, tmp_path / "manifest")
    return replace(written, manifest=tmp_path / "manifest")


def _looked_later(inputs: ManifestInputs) -> ManifestInputs:
    """Return the same inputs, whose publisher was asked again another day."""
    releases = {
        name: replace(
            one,
            resolved_at="2028-08-08T08:08:08Z",
            license=replace(one.license, evidence=tuple(replace(found, at=LATER) for found in one.license.evidence)),
        )
        for name, one in inputs.ledger.releases.items()
    }
    store = EvidenceStore(inputs.curated.parent / "evidence")
    again = replace(inputs, created_at="2028-08-08T08:08:08Z", ledger=replace(inputs.ledger, releases=releases, evidence=store))
    return replace(again, version_of=_version_of(again))


def test_the_same_version_is_the_same_bytes_whenever_it_is_written(inputs: ManifestInputs, tmp_path: Path) -> None:
    """A later look that finds the same changes no byte of any format; what it finds changed is a new version with its times."""
    first = tree(inputs.manifest)
    write(_looked_later(inputs))
    assert tree(inputs.manifest) == first
    other = _inputs(tmp_path / "other", license_="MIT")
    write(
        replace(
            _looked_later(other), manifest=inputs.manifest, version_of=_version_of(replace(other, manifest=inputs.manifest))
        )
    )
    rows = pq.read_table(inputs.manifest / "items.parquet").to_pylist()
    assert {one["at"] for row in rows for one in row["evidence"]} == {LATER}


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _relicense(path: Path) -> None:
    table = pq.read_table(path)
    place = table.schema.get_field_index("concluded_spdx")
    said = [*table["concluded_spdx"].to_pylist()[:-1], "MIT"]
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(said)), path)


def _reword(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[1] = lines[1].replace("CC-BY-4.0", "MIT")
    path.write_text("".join(lines), encoding="utf-8")


def _remember_otherwise(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace("the first version", "a version"), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "edit", "place"),
    [
        ("items.parquet", _cut, "end mark is missing"),
        ("items.parquet", _relicense, "row 3 does not say what line 3 of manifest.jsonl says"),
        ("items.parquet", Path.unlink, "it is missing"),
        ("manifest.jsonl", _cut, "line 3, from byte"),
        ("manifest.jsonl", _reword, "line 2 does not say what row 2 of items.parquet says"),
        ("summary.json", _cut, "line "),
        ("versions.jsonl", _remember_otherwise, "its digest is another"),
    ],
)
def test_a_ledger_edited_by_hand_is_named_and_stays(
    inputs: ManifestInputs, name: str, edit: Callable[[Path], None], place: str
) -> None:
    """The next manifest is compared with the one that stands: an edit of that is an error with its row, and no history."""
    demand_untouched(inputs.manifest)
    edit(inputs.manifest / name)
    standing = tree(inputs.manifest)
    with pytest.raises(WorkspaceDamaged, match=place) as caught:
        write(_looked_later(inputs))
    assert caught.value.where == str(inputs.manifest / name)
    assert tree(inputs.manifest) == standing


def test_lines_no_younger_than_their_digests_are_not_read_again(inputs: ManifestInputs) -> None:
    """Of a million items they are gigabytes; a workspace that was copied is looked at whole."""
    lines = inputs.manifest / "manifest.jsonl"
    lines.touch()
    demand_untouched(inputs.manifest)
    _reword(lines)
    with pytest.raises(WorkspaceDamaged):
        demand_untouched(inputs.manifest)


def test_the_release_list_reads_no_export_that_was_edited(inputs: ManifestInputs) -> None:
    """What is still to be provided is not taken from a document that somebody has completed by hand."""
    dataset = DatasetSettings(name="set")
    assert release_list(inputs.manifest, dataset, None)
    document = inputs.manifest / "eu-summary.json"
    value = json.loads(document.read_text(encoding="utf-8"))
    value["to_be_provided"] = []
    document.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(WorkspaceDamaged, match=r"eu-summary\.json"):
        release_list(inputs.manifest, dataset, None)
    sums = inputs.manifest / "SHA256SUMS"
    digest = hashlib.sha256(document.read_bytes()).hexdigest()
    assert digest not in sums.read_text(encoding="utf-8")
