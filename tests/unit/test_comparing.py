"""What may be compared with what: paths, bundles and versions, and what is said where nothing can be told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition import bundle
from acquisition.cli import main
from acquisition.errors import UsageError
from acquisition.manifest import Difference
from acquisition.pipeline import compare, open_session
from acquisition.pipeline.looking.comparing import Recorded
from acquisition.pipeline.session import Session
from tests.unit.test_bundle import inputs, made
from tests.unit.test_manifest_diff import _manifest, _row
from tests.unit.test_manifest_versions import _decide


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Return a session whose set has had three versions."""
    (tmp_path / "sources.yaml").write_text("version: 1\ndataset: {name: notes}\nsources: {kit: {kind: local, path: kit}}\n")
    (tmp_path / "data").mkdir()
    manifest = tmp_path / "data" / "manifest"
    for rows in ([_row("a")], [_row("a"), _row("b")], [_row("b")]):
        _decide(manifest, rows)
    return open_session(tmp_path / "sources.yaml")


def test_versions_are_told_from_the_history(session: Session) -> None:
    """Everything after the older version up to the newer one, and nothing before or after."""
    found = compare(session, "0.1.0")
    assert isinstance(found, Recorded)
    assert [one.version for one in found.versions] == ["0.2.0", "1.0.0"]
    between = compare(session, "0.1.0", "0.2.0")
    assert isinstance(between, Recorded)
    assert [one.step for one in between.versions] == ["minor"]
    same = compare(session, "1.0.0", "now")
    assert isinstance(same, Recorded)
    assert same.versions == ()


@pytest.mark.parametrize(("old", "new"), [("9.9.9", "now"), ("1.0.0", "0.1.0"), ("0.1.0", "9.9.9")])
def test_versions_that_are_not_known_are_said(session: Session, old: str, new: str) -> None:
    """A version of no history, and two in the wrong order."""
    with pytest.raises(UsageError):
        compare(session, old, new)
    with pytest.raises(UsageError, match="no declaration"):
        compare(None, old, new)


def test_paths_stand_beside_what_stands(session: Session, tmp_path: Path) -> None:
    """One argument is compared with the manifest that stands; a version beside a path only where its ledger is kept."""
    old = _manifest(tmp_path / "old", [_row("a")], "0.1.0")
    found = compare(session, str(old))
    assert isinstance(found, Difference)
    assert (found.old, found.new, found.step) == ("0.1.0", "1.0.0", "major")
    assert compare(session, str(old), "1.0.0") == found
    with pytest.raises(UsageError, match="not kept"):
        compare(session, str(old), "0.2.0")
    with pytest.raises(UsageError, match="nothing at"):
        compare(session, "nowhere")


def test_bundles_are_manifests_too(tmp_path: Path) -> None:
    """A directory and a tar of the same bundle do not differ; a tar of something else is named."""
    world = made(tmp_path)
    bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    bundle.write(inputs(world), tmp_path / "out.tar", as_tar=True)
    found = compare(None, str(tmp_path / "out"), str(tmp_path / "out.tar"))
    assert isinstance(found, Difference)
    assert (found.changes, found.items_old, found.kept_new) == ((), 10, 10)
    (tmp_path / "other.tar").write_bytes(b"x" * 2_000)
    with pytest.raises(UsageError, match="no manifest"):
        compare(None, str(tmp_path / "out"), str(tmp_path / "other.tar"))


def test_ledgers_of_other_formats_are_migrated_or_refused_by_name(tmp_path: Path) -> None:
    """A ledger from before formats were numbered is compared without what it lacks; a newer one than ours is refused."""
    new = _manifest(tmp_path / "new", [_row("a"), _row("b")])
    table = pq.read_table(new / "items.parquet")
    old = Path(shutil.copytree(new, tmp_path / "old"))
    lacking = table.drop_columns(["takedown", "synthetic", "changes"]).replace_schema_metadata(None)
    pq.write_table(lacking, old / "items.parquet")
    found = compare(None, str(old), str(new))
    assert isinstance(found, Difference)
    assert found.changes == ()
    assert {"changes", "synthetic"} <= set(found.not_compared)
    pq.write_table(table.replace_schema_metadata({b"acquisition.ledger": b"99"}), old / "items.parquet")
    with pytest.raises(UsageError, match="format '99'"):
        compare(None, str(old), str(new))
    for name in ("path", "flags", "changes"):
        odd = table.set_column(table.column_names.index(name), name, pa.array([1, 2]))
        pq.write_table(odd, old / "items.parquet")
        with pytest.raises(UsageError, match=f"other types: {name}"):
            compare(None, str(old), str(new))
    pq.write_table(pa.table({"id": ["a"]}), old / "items.parquet")
    with pytest.raises(UsageError, match="concluded_spdx"):
        compare(None, str(old), str(new))


def test_the_command_prints_both(session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Differences as a table, histories as sections, both as JSON with a kind of their own."""
    old = _manifest(tmp_path / "old", [_row("a"), *(_row(f"{n}") for n in range(9))], "0.1.0")
    file = str(session.declared.path)
    for arguments, words in (([str(old)], ("0.1.0 -> 1.0.0", "and 5 more", "major")), (["0.1.0"], ("## 1.0.0", "## 0.2.0"))):
        with pytest.raises(SystemExit) as ended:
            main(["diff", *arguments, "-f", file])
        assert ended.value.code == 0
        shown = capsys.readouterr().out
        assert all(word in shown for word in words)
    for arguments, kind in (([str(old)], "diff"), (["0.1.0", "now"], "history")):
        with pytest.raises(SystemExit):
            main(["diff", *arguments, "-f", file, "--json"])
        assert json.loads(capsys.readouterr().out)["kind"] == kind
